//! All that is known of a person, for them to take along: each value by the event that says it, and the same in words.

use super::{
    Scope,
    plan::{before, contacts, mark, telling},
};
use crate::{
    i18n::{self, Language},
    problem::Problem,
    state::App,
};
use chrono::{DateTime, Utc};
use domain::id::WorkspaceId;
use log::Recorded;
use projections::snake_case;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

/// Events read at a time.
const STEP: usize = 500;

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Exported {
    pub person_id: Uuid,
    /// In the order of logs and events.
    pub said: Vec<Said>,
    /// Where they wrote from.
    pub addresses: Vec<WroteFrom>,
    /// Of their account, when it is their own.
    pub sessions: Vec<Session>,
    /// The same in words, a line an event, in the language that was asked for.
    pub words: Vec<String>,
}

/// What one event says of them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Said {
    pub workspace_id: Uuid,
    pub position: i64,
    pub at: DateTime<Utc>,
    /// `customer.created`
    #[serde(rename = "type")]
    pub kind: String,
    /// By field.
    pub values: Map<String, Value>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WroteFrom {
    pub workspace_id: Uuid,
    pub position: i64,
    pub at: DateTime<Utc>,
    pub address: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    pub began_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

impl Exported {
    pub(super) async fn of(app: &App, scope: &Scope, language: Language) -> Result<Self, Problem> {
        let mut exported = Self {
            person_id: scope.person,
            said: vec![],
            addresses: vec![],
            sessions: vec![],
            words: vec![],
        };
        for workspace in &scope.workspaces {
            exported.look(app, (*workspace).into(), language).await?;
        }
        if scope.is_own || scope.workspaces.contains(&WorkspaceId::PLATFORM) {
            let sessions = "select min(began_at) as began_at, max(expires_at) as expires_at from platform.sessions \
                where user_id = $1 group by family order by 1";
            let sessions: Vec<(DateTime<Utc>, DateTime<Utc>)> =
                sqlx::query_as(sessions).bind(scope.person).fetch_all(&app.pool).await?;
            let session = |(began_at, expires_at)| Session { began_at, expires_at };
            exported.sessions = sessions.into_iter().map(session).collect();
        }
        Ok(exported)
    }

    async fn look(&mut self, app: &App, workspace: Uuid, language: Language) -> Result<(), Problem> {
        let mut keys = before(app, workspace, self.person_id).await?;
        let contacts = contacts(app, workspace, self.person_id, &keys).await?;
        keys.extend(contacts);
        let positions = "select position from log.events where workspace_id = $1 \
            and (data::text like any($2) or strpos(metadata::text, $3) > 0) order by position";
        let positions: Vec<i64> = sqlx::query_scalar(positions)
            .bind(workspace)
            .bind(telling(self.person_id, keys.iter()))
            .bind(mark(self.person_id))
            .fetch_all(&app.pool)
            .await?;
        keys.push(self.person_id);
        for positions in positions.chunks(STEP) {
            let mut events = Vec::with_capacity(positions.len());
            for position in positions {
                let read = app.log.read(workspace, position - 1, 1).await;
                events.extend(read.map_err(commands::Error::<domain::identity::person::PersonRejection>::from)?);
            }
            let opened = async {
                app.log.open_personal(&mut events).await?;
                app.log.open_addresses(&mut events).await
            };
            opened.await.map_err(super::erasure::failed)?;
            events.iter().for_each(|event| self.take(event, &keys, language));
        }
        Ok(())
    }

    fn take(&mut self, event: &Recorded, keys: &[Uuid], language: Language) {
        let (workspace_id, position, at) = (event.workspace, event.position, event.recorded_at);
        let mut values = Map::new();
        let data = serde_json::from_str(&event.data).unwrap_or_default();
        gather(keys, "", &data, &mut values);
        if !values.is_empty() {
            self.words.push(in_words(event, &values, language));
            self.said.push(Said {
                workspace_id,
                position,
                at,
                kind: event.event_type.clone(),
                values,
            });
        }
        let address = event.meta().client_address;
        if let Some(address) = address.as_ref().and_then(|address| address.shown())
            && event.metadata.contains(&mark(self.person_id))
        {
            self.addresses.push(WroteFrom {
                workspace_id,
                position,
                at,
                address: address.to_owned(),
            });
        }
    }
}

/// The values under those keys in an event's data, by where they stand.
fn gather(keys: &[Uuid], at: &str, value: &Value, found: &mut Map<String, Value>) {
    let below = |name: &str| {
        if at.is_empty() {
            name.to_owned()
        } else {
            format!("{at}.{name}")
        }
    };
    match value {
        Value::Object(fields) => match (fields.get("$person"), fields.get("$value")) {
            (Some(whose), Some(value)) => {
                let whose = whose.as_str().and_then(|id| Uuid::parse_str(id).ok());
                if let (true, Some(value)) = (whose.is_some_and(|whose| keys.contains(&whose)), bare(value)) {
                    found.insert(at.to_owned(), value.clone());
                }
                gather(keys, at, value, found);
            }
            _ => fields
                .iter()
                .for_each(|(name, value)| gather(keys, &below(name), value, found)),
        },
        Value::Array(items) => {
            for (nth, item) in items.iter().enumerate() {
                gather(keys, &below(&nth.to_string()), item, found);
            }
        }
        _ => {}
    }
}

/// What stands in marks within a mark; nothing where that was erased.
fn bare(value: &Value) -> Option<&Value> {
    match (value.get("$person"), value.get("$value")) {
        (None, _) => Some(value),
        (Some(_), Some(within)) => bare(within),
        (Some(_), None) => None,
    }
}

/// `2026-11-27 10:15 UTC, customer.created — Имя: …; Телефон: …`
fn in_words(event: &Recorded, values: &Map<String, Value>, language: Language) -> String {
    let said: Vec<String> = values
        .iter()
        .map(|(path, value)| {
            let name = path.rsplit('.').next().unwrap_or(path);
            format!("{}: {}", i18n::field(language, &snake_case(name)), text(value))
        })
        .collect();
    let when = event.recorded_at.format("%Y-%m-%d %H:%M UTC");
    format!("{when}, {} — {}", event.event_type, said.join("; "))
}

/// Lists and objects by their values, one after the other.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) => listed(items.iter()),
        Value::Object(fields) => listed(fields.values()),
    }
}

fn listed<'a>(values: impl Iterator<Item = &'a Value>) -> String {
    let texts: Vec<String> = values.map(text).filter(|text| !text.is_empty()).collect();
    texts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_persons_values_are_found_wherever_they_stand_and_nobody_elses() {
        let (person, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mine = |value: Value| json!({"$person": person, "$value": value});
        let data = json!({
            "title": "ERP", "name": mine("Имя".into()), "data": {"phone": mine("+7".into())},
            "lines": [{"by": {"$person": other, "$value": "B"}}, {"by": mine("A".into())}],
            "family": {"$person": other, "$value": [mine("child".into())]}, "gone": {"$person": person, "$erased": true},
        });
        let mut found = Map::new();
        gather(&[person], "", &data, &mut found);
        let expected = json!({"name": "Имя", "data.phone": "+7", "lines.1.by": "A", "family.0": "child"});
        assert_eq!(Value::Object(found), expected);
        let mut contact = Map::new();
        let within = json!({"contacts": [mine(json!({"$person": other, "$value": {"firstName": "A"}})),
            mine(json!({"$person": other, "$erased": true}))]});
        gather(&[person], "", &within, &mut contact);
        assert_eq!(Value::Object(contact), json!({"contacts.0": {"firstName": "A"}}));
        let mut of_both = Map::new();
        gather(&[person, other], "", &data, &mut of_both);
        assert_eq!(
            of_both["lines.0.by"], "B",
            "what stands under another of their keys is theirs as well"
        );
        assert_eq!(text(&json!([{"a": "x", "b": null, "c": 1}, {"a": "y"}])), "x, 1, y");
    }
}
