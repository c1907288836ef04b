//! The row of a plain noun: what is known of it, and whether it was archived. Nothing but its own events makes it, so that its
//! file says what it is called, which events are its own, and how it is looked at.

use crate::{
    column::{Column, ColumnKind as K},
    table::{Seen, Table},
};
use chrono::{DateTime, Utc};
use domain::{Changes, Fact};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

/// What an event says of a plain noun.
pub enum Said<'a, D: Changes> {
    Created(&'a D),
    Updated(&'a D::Change),
    Archived,
}

/// What is known of a plain noun: its list of fields.
pub trait Plain: Changes + Serialize + DeserializeOwned + Clone + PartialEq + Send + Sync + 'static {
    /// Its table.
    const NAME: &'static str;
    const SQL: &'static str;
    /// See [`Table::FOLD`].
    const FOLD: u32 = 1;
    /// What `archived` means, where clients are told; where they are not, one that was archived is not there for them.
    const ARCHIVED: Option<&'static str> = None;

    /// What it says, if it is about one of these.
    fn said(fact: &Fact) -> Option<Said<'_, Self>>;
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(bound = "D: Plain + JsonSchema")]
pub struct Row<D> {
    pub id: Uuid,
    pub version: i64,
    #[serde(flatten)]
    pub details: D,
    #[schemars(extend("description" = D::ARCHIVED))]
    pub archived: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl<D: Plain> Table for Row<D> {
    const NAME: &'static str = D::NAME;
    const SQL: &'static str = D::SQL;
    const FOLD: u32 = D::FOLD;

    fn columns() -> Vec<Column> {
        let archived = match D::ARCHIVED {
            Some(_) => K::Bool,
            None => K::Hidden,
        };
        let own = vec![
            Column::new("id", K::Uuid),
            Column::new("version", K::Number),
            Column::new("archived", archived),
            Column::new("created_at", K::Time),
            Column::new("updated_at", K::Time),
        ];
        own.into_iter().chain(D::FIELDS.iter().map(Column::of)).collect()
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        D::said(event.fact).map(|_| event.id()).into_iter().collect()
    }

    fn visible(&self) -> bool {
        D::ARCHIVED.is_some() || !self.archived
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        let Some(said) = D::said(event.fact) else { return };
        let (version, at) = (event.recorded.version, event.recorded.recorded_at);
        if let Said::Created(details) = said {
            *row = Some(Self {
                id: key,
                version,
                details: details.clone(),
                archived: false,
                created_at: at,
                updated_at: at,
            });
        }
        let Some(row) = row else { return };
        match said {
            Said::Created(_) => {}
            Said::Updated(change) => row.details.apply(change),
            Said::Archived => row.archived = true,
        }
        (row.version, row.updated_at) = (version, at);
    }
}
