//! Notifications, a row each with who has read it. The sentence is made when it is shown, in the reader's language.

use crate::{
    column::{Column, ColumnKind as K},
    counts::total_of,
    table::word,
    table::{Seen, Table},
    view::{Computed, Reader, Scope, View},
};
use chrono::{DateTime, Utc};
use domain::{
    Choice, Fact, Role,
    office::notification::{Audience, NotificationEvent, Topic},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::AssertSqlSafe;
use std::collections::BTreeSet;
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
    const SQL: &'static str = include_str!("../../../migrations/tenant/notifications.sql");

    fn columns() -> Vec<Column> {
        vec![
            Column::new("id", K::Uuid),
            Column::new("version", K::Number),
            Column::new("type", K::Choice(Topic::WORDS)),
            Column::new("role", K::Hidden).nullable(),
            Column::new("user_id", K::Hidden).nullable(),
            Column::new("about", K::Uuid),
            Column::new("data", K::Json),
            Column::new("read_by", K::Hidden),
            Column::new("created_at", K::Time),
        ]
    }

    fn counted(&self) -> Vec<(&'static str, String)> {
        let role = self.role.map(word);
        let readers: BTreeSet<&Uuid> = self.read_by.iter().collect();
        let read = readers.into_iter().filter_map(|reader| match (&role, self.user_id) {
            (Some(role), _) => Some(format!("{reader} {role}")),
            (None, user) => (user == Some(*reader)).then(|| reader.to_string()),
        });
        let read = read.map(|reader| ("read_by", reader));
        let role = role.clone().map(|role| ("role", role));
        let user = self.user_id.map(|user| ("user_id", user.to_string()));
        role.into_iter().chain(user).chain(read).collect()
    }

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
    const SEARCH: &'static str = "reading.folded(t.data::text)";
    const SHOWN: &'static [Computed] = &[Computed::new("readBy", K::Json, "t.read_by")];
}

/// Those for a reader, by role or by name; or of these only what they have not read.
pub fn meant_for(schema: &str, role: Role, user: Uuid, unread: bool) -> Scope {
    let total = total(schema, unread);
    Scope {
        alternatives: vec!["t.role = {1}".to_owned(), "t.user_id = {2}::uuid".to_owned()],
        // Who has read everything is asked nothing more.
        condition: unread.then(|| format!("not t.read_by ? {{2}} and {total} > 0")),
        values: vec![role.code().to_owned(), user.to_string()],
        total: Some(total),
    }
}

/// How many they have not read.
pub async fn unread(reader: Reader<'_>, role: Role, user: Uuid) -> Result<i64, sqlx::Error> {
    let sql = format!(
        "select {}",
        total(reader.schema, true).replace("{1}", "$1").replace("{2}", "$2")
    );
    let mut session = reader.enter().await?;
    let unread = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(role.code())
        .bind(user.to_string())
        .fetch_one(&mut *session)
        .await?;
    session.leave();
    Ok(unread)
}

/// SQL for their number, from what is kept: those of the role and of the person, less what the person read of them.
fn total(schema: &str, unread: bool) -> String {
    let of = |field, value: &str| total_of(schema, Row::NAME, field, &[value.to_owned()]);
    let (role, user) = (of("role", "{1}"), of("user_id", "{2}"));
    let (of_role, of_user) = (of("read_by", "({2} || ' ' || {1})"), of("read_by", "{2}"));
    if unread {
        format!("({role} + {user} - {of_role} - {of_user})")
    } else {
        format!("({role} + {user})")
    }
}
