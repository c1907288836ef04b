//! One event as people read it: who, what, when, from where, as part of what, with before and after, in their language.

use super::{
    fold::{Object, Step},
    noun::{Field, Noun},
    own,
};
use crate::i18n::{self, Language};
use chrono::{DateTime, Utc};
use domain::{Permission, personal::is_erased};
use fluent_bundle::FluentArgs;
use log::Recorded;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};
use std::collections::BTreeMap;
use uuid::Uuid;

/// One event of the trail.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// In the workspace's log.
    pub position: i64,
    /// The thing's, after it.
    pub version: i64,
    pub at: DateTime<Utc>,
    /// `deal.won`
    #[serde(rename = "type")]
    pub kind: String,
    /// `deals`
    pub resource: &'static str,
    /// The thing's stream; a bill of materials' and a stock's are their own.
    pub stream_id: Uuid,
    /// What happened, in the caller's language.
    pub sentence: String,
    pub who: Who,
    /// The client's address, told to those who may see the audit; none for what the system did.
    pub from: Option<String>,
    pub request: Request,
    pub caused_by: Option<Cause>,
    pub changes: Vec<Change>,
}

/// Who did it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Who {
    /// As recorded: `user:…`, `key:…`, `saga:…`, `operator:…` or `system`.
    pub actor: String,
    /// The first word of it.
    pub kind: String,
    /// Of a person, or a machine's key.
    pub id: Option<Uuid>,
    /// A person's or a key's as it is known today, a process' or the system's in the caller's language.
    pub name: Option<String>,
}

/// The request or the step it was recorded by.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    pub command_id: Option<Uuid>,
    pub correlation_id: Option<Uuid>,
}

/// What led to it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    /// The process whose step it is.
    pub saga: Option<String>,
    /// What the process is about: the deal, the order, the invoice.
    pub instance: Option<Uuid>,
    /// Where the newest event before it of what the process is about stands in the log: its parent in the tree.
    pub position: Option<i64>,
    /// The event or command that was named as the cause.
    pub causation_id: Option<Uuid>,
}

/// A field that has another value now.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Change {
    pub field: String,
    /// In the caller's language.
    pub label: String,
    /// Null for nothing.
    #[schemars(with = "Anything")]
    pub before: Box<RawValue>,
    #[schemars(with = "Anything")]
    pub after: Box<RawValue>,
    /// Of an amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// A value told of a person who was erased: nobody can tell it any more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub erased: bool,
}

/// A value of any kind.
#[derive(JsonSchema)]
#[schemars(extend("type" = ["null", "boolean", "number", "string", "array", "object"]))]
#[expect(dead_code, reason = "only its schema is used")]
struct Anything(Value);

/// Who is told, and in which words.
#[derive(Clone, Copy)]
pub struct Listener<'a> {
    pub language: Language,
    pub may: &'a (dyn Fn(Permission) -> bool + Send + Sync),
}

impl Listener<'_> {
    /// Every change of a field that the listener may see.
    pub fn changes(&self, fields: &[Field], step: &Step) -> Vec<Change> {
        let seen = fields.iter().filter(|field| field.rights.allow(self.may));
        seen.flat_map(|field| match field.is_own {
            true => own::changes(step),
            false => self.change(field, step).into_iter().collect(),
        })
        .collect()
    }

    fn change(&self, field: &Field, Step { before, after }: &Step) -> Option<Change> {
        let value = |row: &Option<Object>| row.as_ref().and_then(|row| row.get(&field.name)).cloned();
        let (before_value, after_value) = (value(before), value(after));
        if told(before_value.as_deref()) == told(after_value.as_deref()) {
            return None;
        }
        let (before_value, was_erased) = opened(before_value);
        let (after_value, is_erased) = opened(after_value);
        let row = after.as_ref().or(before.as_ref());
        Some(Change {
            label: i18n::field(self.language, field.column),
            field: field.name.clone(),
            before: before_value,
            after: after_value,
            currency: row.filter(|_| field.is_money).and_then(currency),
            erased: was_erased || is_erased,
        })
    }

    /// What happened, in words: the event's own values by their names, and what the thing is called.
    pub fn sentence(&self, event: &Recorded, noun: &dyn Noun, step: Option<&Step>) -> String {
        let mut args = FluentArgs::new();
        let row = step.and_then(|step| step.after.as_ref().or(step.before.as_ref()));
        let row = row.into_iter().flatten();
        let data: BTreeMap<String, Box<RawValue>> = serde_json::from_str(&event.data).unwrap_or_default();
        for (name, value) in row.chain(&data) {
            if let Some(text) = plain(&opened(Some(value.clone())).0) {
                if name == noun.called() {
                    args.set("called", text.clone());
                }
                args.set(name.clone(), text);
            }
        }
        i18n::event(self.language, &event.event_type, &args)
    }
}

/// A value as far as a change goes: a list or an object without anything in it is nothing.
fn told(value: Option<&RawValue>) -> &str {
    match value.map_or("null", RawValue::get) {
        "[]" | "{}" => "null",
        text => text,
    }
}

/// The base currency is the one of what names none.
fn currency(row: &Object) -> Option<String> {
    row.get("currency").and_then(|value| plain(value))
}

/// A text without its quotes, a number by its digits; nothing of what has parts.
fn plain(value: &RawValue) -> Option<String> {
    match serde_json::from_str(value.get()).ok()? {
        Value::String(text) => Some(text),
        Value::Number(_) | Value::Bool(_) => Some(value.get().to_owned()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A personal value as it is read (`domain::Personal`).
#[derive(Deserialize)]
struct Marker {
    #[serde(rename = "$value")]
    value: Option<Box<RawValue>>,
    #[serde(rename = "$erased", default)]
    erased: bool,
}

/// The value without the marker that tells whose it is, and whether it was erased.
fn opened(value: Option<Box<RawValue>>) -> (Box<RawValue>, bool) {
    let value = value.unwrap_or_else(null);
    if serde_json::from_str::<&str>(value.get()).is_ok_and(is_erased) {
        return (null(), true);
    }
    if !value.get().starts_with("{\"$person\"") {
        return (value, false);
    }
    match serde_json::from_str(value.get()) {
        Ok(Marker { value: Some(value), .. }) => (value, false),
        Ok(Marker { erased, .. }) => (null(), erased),
        Err(_) => (null(), true),
    }
}

fn null() -> Box<RawValue> {
    RawValue::NULL.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use projections::Rights;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    fn row(fields: &[(&str, &str)]) -> Option<Object> {
        Some(
            fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), raw(value)))
                .collect(),
        )
    }

    fn field(name: &'static str, rights: Rights, is_money: bool) -> Field {
        Field {
            name: name.to_owned(),
            column: name,
            rights,
            is_money,
            is_own: false,
        }
    }

    #[test]
    fn a_change_is_exact_and_only_for_those_who_may_see_it() {
        let fields = [
            field("price", Rights::ALL, true),
            field("cost", Rights::of(Permission::FinanceView), true),
            field("phone", Rights::ALL, false),
            field("same", Rights::ALL, false),
        ];
        let step = Step {
            before: row(&[
                ("price", "0.10"),
                ("cost", "1"),
                ("same", "1"),
                ("currency", "\"USD\""),
                (
                    "phone",
                    r#"{"$person":"00000000-0000-0000-0000-000000000007","$value":"+7"}"#,
                ),
            ]),
            after: row(&[
                ("price", "90071992547409931.01"),
                ("cost", "2"),
                ("same", "1"),
                ("currency", "\"USD\""),
                (
                    "phone",
                    r#"{"$person":"00000000-0000-0000-0000-000000000007","$erased":true}"#,
                ),
            ]),
        };
        let told = |may: &(dyn Fn(Permission) -> bool + Send + Sync)| {
            let listener = Listener {
                language: Language::En,
                may,
            };
            listener.changes(&fields, &step)
        };
        let names = |changes: &[Change]| changes.iter().map(|change| change.field.clone()).collect::<Vec<_>>();
        assert_eq!(names(&told(&|_| true)), ["price", "cost", "phone"]);
        let some = told(&|_| false);
        assert_eq!(names(&some), ["price", "phone"]);
        assert_eq!(
            (some[0].before.get(), some[0].after.get()),
            ("0.10", "90071992547409931.01")
        );
        assert_eq!(some[0].currency.as_deref(), Some("USD"));
        assert_eq!(
            (some[1].before.get(), some[1].after.get(), some[1].erased),
            ("\"+7\"", "null", true)
        );
    }
}
