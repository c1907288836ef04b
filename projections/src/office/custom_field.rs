//! Fields of a workspace's own, a row each. Those that were archived are kept, for whoever asks what a value meant.

use crate::{
    plain::{self, Plain, Said},
    view::View,
};
use domain::{
    Fact,
    office::custom_field::{CustomFieldEvent, Details},
};

pub type Row = plain::Row<Details>;

impl Plain for Details {
    const NAME: &'static str = "custom_fields";
    const SQL: &'static str = include_str!("../../../migrations/tenant/custom_fields.sql");
    const FOLD: u32 = 2;
    const ARCHIVED: Option<&'static str> = Some("Its values are neither shown nor set any more; they are still there.");

    fn said(fact: &Fact) -> Option<Said<'_, Self>> {
        let Fact::CustomField(event) = fact else { return None };
        Some(match event {
            CustomFieldEvent::Created(details) => Said::Created(details),
            CustomFieldEvent::Updated(change) => Said::Updated(change.as_ref()),
            CustomFieldEvent::Archived {} => Said::Archived,
        })
    }
}

impl View for Row {
    const SEARCH: &'static str = "reading.folded(t.label || e'\\n' || t.key)";
    const TRANSLATED: &'static [&'static str] = &["label"];
}
