//! Which changes of an event's shape its schema number survives.
//!
//! Two sides have to go on understanding each other. Backwards: today's code reads every event ever stored under the
//! number. Forwards: whoever reads the streams by the schema published earlier — another program, or an older node while
//! a cluster is being replaced — understands what is stored from now on. Serde answers for the first only by failing in
//! production, and for the second not at all, so the rule is narrow: what is not known to serve both breaks one of them.
//!
//! Allowed are words for people (descriptions, titles), a new field that need not be there, and a new value in a set that
//! said it would grow (`x-extensible`). Anything else takes a new number and a step from the old one
//! ([`Upcaster`](crate::Upcaster)).

use serde_json::{Map, Value};
use std::{collections::BTreeSet, fmt};

/// A change that events already stored or readers of the streams would not survive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// The path of the field: `items[].price`; empty for the data as a whole.
    pub at: String,
    pub change: Change,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Removed or renamed: what was stored in it is lost, and readers wait for it.
    Removed,
    /// New, where the old schema admitted no other fields.
    NotAdmitted,
    /// New or so far optional: stored events lack it.
    Required,
    /// Readers rely on it.
    NoLongerRequired,
    /// Another type, nullable or no longer so, a set of values where there was none.
    Type,
    /// Stored events have it.
    ValueRemoved,
    /// Readers have no case for it.
    ValueAdded,
    /// A limit, a format or any other word of JSON Schema.
    Rule,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = if self.at.is_empty() { "the data" } else { &self.at };
        let change = match self.change {
            Change::Removed => "is gone, and stored events have it",
            Change::NotAdmitted => "is new where no other fields were admitted",
            Change::Required => "is required, and stored events may lack it",
            Change::NoLongerRequired => "is no longer required, and readers rely on it",
            Change::Type => "has another type",
            Change::ValueRemoved => "lost a value that stored events may have",
            Change::ValueAdded => "has a value more than readers expect, and is not x-extensible",
            Change::Rule => "has other limits",
        };
        write!(f, "{at} {change}")
    }
}

/// Words for people; no reader depends on them.
const ANNOTATIONS: [&str; 8] = [
    "$schema",
    "$id",
    "$comment",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
];

/// What is compared by a rule of its own.
const STRUCTURE: [&str; 7] = [
    "type",
    "properties",
    "required",
    "items",
    "additionalProperties",
    "oneOf",
    "anyOf",
];

/// What in `new` breaks with `old`, both JSON Schemas of one event type under one number. Empty: the change is compatible.
pub fn breaches(old: &Value, new: &Value) -> Vec<Breach> {
    let mut found = Found(Vec::new());
    compare("", old, new, &mut found);
    found.0
}

struct Found(Vec<Breach>);

impl Found {
    fn add(&mut self, at: &str, change: Change) {
        self.0.push(Breach {
            at: at.to_owned(),
            change,
        });
    }
}

fn compare(at: &str, old: &Value, new: &Value, found: &mut Found) {
    let (Some(old_words), Some(new_words)) = (old.as_object(), new.as_object()) else {
        if old != new {
            found.add(at, Change::Type); // `true` admits anything, `false` nothing
        }
        return;
    };
    match (Values::of(old), Values::of(new)) {
        (Some(old), Some(new)) => old
            .changes_to(&new)
            .into_iter()
            .for_each(|change| found.add(at, change)),
        (None, None) if types(old_words) == types(new_words) => compare_words(at, old_words, new_words, found),
        _ => found.add(at, Change::Type),
    }
}

fn compare_words(at: &str, old: &Map<String, Value>, new: &Map<String, Value>, found: &mut Found) {
    let words: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let compared_apart = |word: &str| ANNOTATIONS.contains(&word) || STRUCTURE.contains(&word);
    if words
        .iter()
        .any(|word| !compared_apart(word) && old.get(*word) != new.get(*word))
    {
        found.add(at, Change::Rule);
    }
    for (word, step) in [("items", "[]"), ("additionalProperties", ".*")] {
        match (old.get(word), new.get(word)) {
            (Some(old), Some(new)) => compare(&format!("{at}{step}"), old, new, found),
            (None, None) => {}
            _ => found.add(at, Change::Rule),
        }
    }
    match (alternatives(old), alternatives(new)) {
        (Some(old), Some(new)) if old.len() == new.len() => {
            old.iter().zip(new).for_each(|(old, new)| compare(at, old, new, found));
        }
        (None, None) => {}
        _ => found.add(at, Change::Type),
    }
    compare_fields(at, old, new, found);
}

fn compare_fields(at: &str, old: &Map<String, Value>, new: &Map<String, Value>, found: &mut Found) {
    let (old_fields, new_fields) = (fields(old), fields(new));
    let (old_required, new_required) = (required(old), required(new));
    let closed = old.get("additionalProperties") == Some(&Value::Bool(false));
    let names: BTreeSet<&str> = old_fields.keys().chain(new_fields.keys()).map(String::as_str).collect();
    for name in names {
        let at = if at.is_empty() {
            name.to_owned()
        } else {
            format!("{at}.{name}")
        };
        match (old_required.contains(name), new_required.contains(name)) {
            (false, true) => found.add(&at, Change::Required),
            (true, false) if new_fields.contains_key(name) => found.add(&at, Change::NoLongerRequired),
            _ => {}
        }
        match (old_fields.get(name), new_fields.get(name)) {
            (Some(old), Some(new)) => compare(&at, old, new, found),
            (Some(_), None) => found.add(&at, Change::Removed),
            (None, _) if closed => found.add(&at, Change::NotAdmitted),
            (None, _) => {}
        }
    }
}

fn fields(schema: &Map<String, Value>) -> Map<String, Value> {
    schema
        .get("properties")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default()
}

fn required(schema: &Map<String, Value>) -> BTreeSet<&str> {
    strings(schema.get("required"))
}

/// One or several; the order says nothing.
fn types(schema: &Map<String, Value>) -> BTreeSet<&str> {
    strings(schema.get("type"))
}

fn strings(value: Option<&Value>) -> BTreeSet<&str> {
    match value {
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        Some(one) => one.as_str().into_iter().collect(),
        None => BTreeSet::new(),
    }
}

fn alternatives(schema: &Map<String, Value>) -> Option<&Vec<Value>> {
    ["oneOf", "anyOf"]
        .into_iter()
        .find_map(|word| schema.get(word)?.as_array())
}

/// A set of values, however it is spelled: `enum`, `const`, or alternatives of these (a value with a description of its
/// own becomes one).
#[derive(Debug, Default)]
struct Values<'a> {
    all: Vec<&'a Value>,
    extensible: bool,
}

impl<'a> Values<'a> {
    fn of(schema: &'a Value) -> Option<Self> {
        let extensible = schema.get("x-extensible") == Some(&Value::Bool(true));
        let all = if let Some(only) = schema.get("const") {
            vec![only]
        } else if let Some(several) = schema.get("enum") {
            several.as_array()?.iter().collect()
        } else {
            let sets: Vec<Self> = alternatives(schema.as_object()?)?
                .iter()
                .map(Self::of)
                .collect::<Option<_>>()?;
            return Some(Self {
                extensible: extensible || sets.iter().any(|set| set.extensible),
                all: sets.into_iter().flat_map(|set| set.all).collect(),
            });
        };
        Some(Self { all, extensible })
    }

    fn changes_to(&self, new: &Self) -> Vec<Change> {
        let removed = self.all.iter().any(|value| !new.all.contains(value));
        let mut added = new.all.iter().filter(|value| !self.all.contains(value));
        let unexpected = added.any(|value| !self.extensible || !value.is_string());
        [
            (self.extensible != new.extensible, Change::Rule),
            (removed, Change::ValueRemoved),
            (unexpected, Change::ValueAdded),
        ]
        .into_iter()
        .filter_map(|(happened, change)| happened.then_some(change))
        .collect()
    }
}

#[cfg(test)]
mod tests;
