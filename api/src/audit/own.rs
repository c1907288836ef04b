//! Changes of a workspace's own fields, each by itself and by the name that the field has today, whether or not it was archived. What
//! they are called is read in the log, so that a trail needs no read models.

use super::{
    TrailError,
    entry::{Change, Entry},
    fold::{Object, Step},
};
use crate::i18n::Language;
use domain::{
    Aggregate, fact,
    id::{CustomFieldId, WorkspaceId},
    office::custom_field::{CustomField, Details},
};
use log::{Log, ReadError};
use serde_json::value::RawValue;
use std::collections::{BTreeSet, HashMap, hash_map};
use uuid::Uuid;

/// Their values' field, and what stands before the key of one.
const CUSTOM: &str = "custom";
const BEFORE_KEY: &str = "custom.";

/// One for each key that has another value now; it goes by its key until it is called by its name.
pub fn changes(step: &Step) -> Vec<Change> {
    let (before, after) = (values(step.before.as_ref()), values(step.after.as_ref()));
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let changes = keys.into_iter().filter_map(|key| {
        let value = |values: &Object| values.get(key).cloned().unwrap_or_else(|| RawValue::NULL.to_owned());
        let (before, after) = (value(&before), value(&after));
        (before.get() != after.get()).then(|| Change {
            field: format!("{BEFORE_KEY}{key}"),
            label: key.clone(),
            before,
            after,
            currency: None,
            erased: false,
        })
    });
    changes.collect()
}

/// By key; of a row without any, nothing.
fn values(row: Option<&Object>) -> Object {
    let values = row.and_then(|row| row.get(CUSTOM));
    values
        .and_then(|values| serde_json::from_str(values.get()).ok())
        .unwrap_or_default()
}

/// Calls those of all entries by their names.
pub async fn call(log: &Log, workspace: Uuid, entries: &mut [Entry], language: Language) -> Result<(), TrailError> {
    let mut known = HashMap::new();
    for Entry { resource, changes, .. } in entries {
        for change in changes {
            let Some(key) = change.field.strip_prefix(BEFORE_KEY) else {
                continue;
            };
            let id = CustomFieldId::of(WorkspaceId::new(workspace), resource, key).uuid();
            let field = match known.entry(id) {
                hash_map::Entry::Occupied(known) => known.into_mut(),
                hash_map::Entry::Vacant(unknown) => unknown.insert(find(log, workspace, id).await?),
            };
            if let Some(details) = field {
                details.label_in(language.code()).clone_into(&mut change.label);
            }
        }
    }
    Ok(())
}

/// As it was defined last; nothing, where that was put away.
async fn find(log: &Log, workspace: Uuid, id: Uuid) -> Result<Option<Details>, TrailError> {
    let events = match log.read_stream(workspace, id, 0).await {
        Err(ReadError::Archived(_)) => return Ok(None),
        events => events?,
    };
    let mut field = CustomField::default();
    for event in events.iter().filter(|event| event.category == CustomField::NAME) {
        let read = fact::decode(&event.event_type, event.schema, &event.data);
        let read = read.map_err(|source| TrailError::Event {
            position: event.position,
            source,
        })?;
        field = field.evolve(&read);
    }
    Ok(match field {
        CustomField::Known(details) | CustomField::Archived(details) => Some(*details),
        CustomField::Unknown => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(custom: &str) -> Option<Object> {
        let custom = RawValue::from_string(custom.to_owned()).unwrap();
        Some(
            [("name", RawValue::NULL.to_owned()), (CUSTOM, custom)]
                .map(|(name, value)| (name.to_owned(), value))
                .into(),
        )
    }

    #[test]
    fn each_key_has_its_before_and_after() {
        for (before, after, changed) in [
            (None, row("null"), vec![]),
            (None, row(r#"{"size":1.50}"#), vec![("custom.size", "null", "1.50")]),
            (
                row(r#"{"size":1,"class":"A"}"#),
                row(r#"{"class":"A","size":1}"#),
                vec![],
            ),
            (
                row(r#"{"size":1,"class":"A","due":"2026-11-28"}"#),
                row(r#"{"class":"B","size":1}"#),
                vec![
                    ("custom.class", "\"A\"", "\"B\""),
                    ("custom.due", "\"2026-11-28\"", "null"),
                ],
            ),
        ] {
            let told = changes(&Step { before, after });
            let told: Vec<_> = told
                .iter()
                .map(|change| (change.field.as_str(), change.before.get(), change.after.get()))
                .collect();
            assert_eq!(told, changed);
        }
    }
}
