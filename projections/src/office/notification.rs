//! Notifications, a row each with who has read it. The sentence is made when it is shown, in the reader's language.

use crate::{
    table::{Column, ColumnKind as K, Seen, Table},
    view::{Computed, View},
};
use chrono::{DateTime, Utc};
use domain::{
    Fact, Role,
    office::notification::{Audience, NotificationEvent, Topic},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub id: Uuid,
    pub version: i64,
    #[serde(rename = "type")]
    pub topic: Topic,
    /// For everyone of that role, …
    pub role: Option<Role>,
    /// … or for one person.
    pub user_id: Option<Uuid>,
    pub about: Uuid,
    pub data: Map<String, Value>,
    pub read_by: Vec<Uuid>,
    pub created_at: DateTime<Utc>,
}

impl Table for Row {
    const NAME: &'static str = "notifications";
    const COLUMNS: &'static [Column] = &[
        Column::new("id", K::Uuid),
        Column::new("version", K::Number),
        Column::new("type", K::Text),
        Column::new("role", K::Hidden),
        Column::new("user_id", K::Hidden),
        Column::new("about", K::Uuid),
        Column::new("data", K::Json),
        Column::new("read_by", K::Hidden),
        Column::new("created_at", K::Time),
    ];

    fn keys(event: &Seen) -> Vec<Uuid> {
        if matches!(event.fact, Fact::Notification(_)) {
            vec![event.id()]
        } else {
            vec![]
        }
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        let Fact::Notification(fact) = &event.fact else { return };
        match fact {
            NotificationEvent::Created(created) => {
                let (role, user_id) = match created.audience {
                    Audience::Role(role) => (Some(role), None),
                    Audience::User(user) => (None, Some(user.into())),
                };
                *row = Some(Self {
                    id: key,
                    version: 0,
                    topic: created.topic,
                    role,
                    user_id,
                    about: created.about,
                    data: created.data.clone(),
                    read_by: vec![],
                    created_at: event.recorded.recorded_at,
                });
            }
            NotificationEvent::Read { user_id } => {
                if let Some(notification) = row {
                    notification.read_by.push((*user_id).into());
                }
            }
        }
        if let Some(notification) = row {
            notification.version = event.recorded.version;
        }
    }
}

impl View for Row {
    const SEARCH: &'static [&'static str] = &["t.data::text"];
    const SHOWN: &'static [Computed] = &[Computed::new("readBy", K::Json, "t.read_by")];
}
