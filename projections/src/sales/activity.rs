//! Activities, a row each. Who may see a deal may see what was done about it.

use super::deal;
use crate::{
    column::{Column, ColumnKind as K},
    table::{Seen, Table},
    view::{Part, Scope, View, Within},
};
use chrono::{DateTime, Utc};
use domain::{
    Changes, Fact, Fields,
    sales::activity::{ActivityEvent, Details},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub id: Uuid,
    pub version: i64,
    pub deal_id: Uuid,
    /// The deal's when it was recorded.
    pub customer_id: Option<Uuid>,
    /// Who recorded it; nobody where a process did.
    pub author_id: Option<Uuid>,
    pub author_name: Option<String>,
    #[serde(flatten)]
    pub details: Details,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Table for Row {
    const NAME: &'static str = "activities";
    const SQL: &'static str = include_str!("../../../migrations/tenant/activities.sql");

    fn columns() -> Vec<Column> {
        let own = vec![
            Column::new("id", K::Uuid),
            Column::new("version", K::Number),
            Column::new("deal_id", K::Uuid),
            Column::new("customer_id", K::Uuid).nullable(),
            Column::new("author_id", K::Uuid).nullable(),
            Column::new("author_name", K::Text).nullable(),
            Column::new("created_at", K::Time),
            Column::new("updated_at", K::Time),
        ];
        own.into_iter().chain(Details::FIELDS.iter().map(Column::of)).collect()
    }

    /// So that a deal knows how many it has.
    fn counted(&self) -> Vec<(&'static str, String)> {
        vec![("deal_id", self.deal_id.to_string())]
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        if matches!(event.fact, Fact::Activity(_)) {
            vec![event.id()]
        } else {
            vec![]
        }
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        let Fact::Activity(fact) = &event.fact else { return };
        let at = event.recorded.recorded_at;
        match fact {
            ActivityEvent::Recorded {
                deal_id,
                customer_id,
                author_id,
                author_name,
                details,
            } => {
                *row = Some(Self {
                    id: key,
                    version: 0,
                    deal_id: (*deal_id).into(),
                    customer_id: customer_id.map(Into::into),
                    author_id: author_id.map(Into::into),
                    author_name: author_name.clone(),
                    details: details.as_ref().clone(),
                    created_at: at,
                    updated_at: at,
                });
            }
            ActivityEvent::Updated { change, .. } => {
                if let Some(activity) = row {
                    activity.details.apply(change);
                }
            }
            ActivityEvent::Removed { .. } => *row = None,
        }
        if let Some(activity) = row {
            (activity.version, activity.updated_at) = (event.recorded.version, at);
        }
    }
}

impl View for Row {
    const WITHIN: Option<Within> = Some(Within {
        table: deal::Row::NAME,
        by: "deal_id",
        owned: deal::OWNED,
    });
    const SEARCH: &'static str = "t.search_text";
}

impl Part for Row {
    type Whole = deal::Row;

    fn of(schema: &str, deal: Uuid) -> Scope {
        deal::scope::<Self>(schema, deal)
    }
}
