//! Fields of a workspace's own, a row each. Those that were archived are kept, for whoever asks what a value meant.

use crate::{
    plain::{self, Plain, Said},
    view::{Reader, View},
};
use domain::{
    Fact,
    office::custom_field::{CustomFieldEvent, Details},
};
use sqlx::{AssertSqlSafe, types::Json};

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

/// Those that a resource has, in the order in which they were defined.
pub async fn of(reader: Reader<'_>, resource: &str) -> Result<Vec<Details>, sqlx::Error> {
    let fields = format!(
        "select json_build_object('resource', f.resource, 'key', f.key, 'type', f.type, 'label', f.label, \
         'translations', f.translations, 'choices', f.choices, 'refersTo', f.refers_to, 'required', f.required) \
         from {}.custom_fields f where f.resource = $1 and not f.archived order by f.created_at, f.id",
        reader.schema
    );
    let mut session = reader.enter().await?;
    let found: Vec<Json<Details>> = sqlx::query_scalar(AssertSqlSafe(fields))
        .bind(resource)
        .fetch_all(&mut *session)
        .await?;
    session.leave();
    Ok(found.into_iter().map(|Json(details)| details).collect())
}
