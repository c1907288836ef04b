//! What was said with customers, a row each. They are looked at within a customer, whose rows the reader's right has to
//! reach; so they belong to nobody themselves.

use super::customer;
use crate::{
    column::{Column, ColumnKind as K},
    list::Op,
    table::{Seen, Table},
    view::{Part, Scope, View},
};
use chrono::{DateTime, Utc};
use domain::{
    Changes, Fact, Fields,
    sales::interaction::{Details, InteractionEvent},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub id: Uuid,
    pub version: i64,
    pub customer_id: Uuid,
    /// Who told it.
    pub user_id: Option<Uuid>,
    pub user_name: Option<String>,
    #[serde(flatten)]
    pub details: Details,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Table for Row {
    const NAME: &'static str = "interactions";
    const SQL: &'static str = include_str!("../../../migrations/tenant/interactions.sql");

    fn columns() -> Vec<Column> {
        let own = vec![
            Column::new("id", K::Uuid),
            Column::new("version", K::Number),
            Column::new("customer_id", K::Uuid),
            Column::new("user_id", K::Uuid).nullable(),
            Column::new("user_name", K::Text).nullable(),
            Column::new("created_at", K::Time),
            Column::new("updated_at", K::Time),
        ];
        own.into_iter().chain(Details::FIELDS.iter().map(Column::of)).collect()
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        match &event.fact {
            Fact::Interaction(_) => vec![event.id()],
            _ => vec![],
        }
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        let Fact::Interaction(fact) = &event.fact else { return };
        let at = event.recorded.recorded_at;
        if let InteractionEvent::Recorded {
            customer_id,
            user_id,
            user_name,
            details,
        } = fact
        {
            *row = Some(Self {
                id: key,
                version: 0,
                customer_id: (*customer_id).into(),
                user_id: user_id.map(Uuid::from),
                user_name: user_name.clone(),
                details: details.as_ref().clone(),
                created_at: at,
                updated_at: at,
            });
        }
        let Some(interaction) = row else { return };
        match fact {
            InteractionEvent::Recorded { .. } => {}
            InteractionEvent::Corrected { change, .. } => interaction.details.apply(change),
            InteractionEvent::Removed { .. } => {
                *row = None;
                return;
            }
        }
        (interaction.version, interaction.updated_at) = (event.recorded.version, at);
    }
}

impl View for Row {
    const SEARCH: &'static str = "t.search_text";
    const ALIASES: &'static [(&'static str, &'static str, Op)] =
        &[("dateFrom", "date", Op::Gte), ("dateTo", "date", Op::Lte)];
}

impl Part for Row {
    type Whole = customer::Row;

    /// Also with those who were merged into the customer.
    fn of(schema: &str, customer: Uuid) -> Scope {
        let theirs = format!(
            "t.customer_id = any(array(select m.id from {schema}.customers m where m.merged_into = {{1}}::uuid))"
        );
        Scope {
            alternatives: vec!["t.customer_id = {1}::uuid".to_owned(), theirs],
            values: vec![customer.to_string()],
            ..Scope::default()
        }
    }
}
