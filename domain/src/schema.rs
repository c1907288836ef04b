//! What is stored, said to others: a JSON Schema for the data of every event type, derived from the Rust types. They are
//! checked in under `domain/schemas/`, where readers of the streams find them and where a test holds them against the
//! types ([`compatibility`]).

pub mod compatibility;

use crate::{Aggregate, Event, Whose, upcast};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

/// One type of event as it is stored today.
#[derive(Debug, Clone, PartialEq)]
pub struct EventType {
    /// The name of the aggregate it happens to.
    pub category: &'static str,
    /// The dotted name: `deal.won`.
    pub name: String,
    /// 1, 2, 3, …
    pub schema: i32,
    /// Describes every event ever stored under that number: what is required is in all of them, and a reader passes over
    /// fields that are not listed.
    pub json_schema: Value,
}

impl EventType {
    /// Names its schema's and its sample's file: `deal.won.v1`.
    pub fn versioned_name(&self) -> String {
        format!("{}.v{}", self.name, self.schema)
    }
}

/// The event types of one aggregate, in the order of the variants.
#[expect(
    clippy::expect_used,
    reason = "follows from serde's attributes on the enum alone, and a test asks for the types of every aggregate"
)]
pub fn event_types<A: Aggregate>() -> Vec<EventType> {
    // Nested types are spelled out where they are used: Rust's names for them are ours to change. What is described is
    // what reading accepts: a field that younger events have and older ones lack is not required.
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let of_enum = settings.into_generator().into_root_schema_for::<A::Event>().to_value();
    let variants = of_enum["oneOf"].as_array().expect("an event is an enum");
    let of_variant = |variant: &Value| {
        let name = variant["properties"]["type"]["const"].as_str();
        let name = name.expect("an event's enum has a tag").to_owned();
        let data = variant["properties"]["data"].as_object().cloned();
        let data = data.expect("a variant has fields, or braces without any");
        let schema = upcast::current(A::Event::UPCASTERS, &name);
        let mut json_schema = Map::from_iter([
            ("$schema".to_owned(), of_enum["$schema"].clone()),
            ("title".to_owned(), name.as_str().into()),
            ("x-aggregate".to_owned(), A::NAME.into()),
            ("x-schema".to_owned(), schema.into()),
        ]);
        let description = variant.get("description").cloned();
        json_schema.extend(description.map(|text| ("description".to_owned(), text)));
        data.into_iter().for_each(|(key, value)| {
            json_schema.entry(key).or_insert(value);
        });
        let mut json_schema = Value::from(json_schema);
        let personal = A::Event::PERSONAL.iter().filter(|field| field.event_type == name);
        personal.for_each(|field| mark(&mut json_schema, field.path, field.whose));
        EventType {
            category: A::NAME,
            name,
            schema,
            json_schema,
        }
    };
    variants.iter().map(of_variant).collect()
}

/// Says of a field that it is a mark of [`Personal`](crate::Personal) around what it was, or of each of its items that it is two. Where an
/// object is free, it is said of the field all the same.
fn mark(schema: &mut Value, path: &str, whose: Whose) {
    let (name, rest) = match path.split_once('.') {
        Some((name, rest)) => (name, Some(rest)),
        None => (path, None),
    };
    let Some(words) = schema.as_object_mut() else { return };
    let properties = words.entry("properties").or_insert_with(|| Map::new().into());
    let Some(properties) = properties.as_object_mut() else {
        return;
    };
    let field = properties.entry(name).or_insert_with(|| Map::new().into());
    match rest {
        Some(rest) => mark(field, rest, whose),
        None => {
            if matches!(whose, Whose::Each { .. })
                && let Some(item) = field.get_mut("items")
            {
                *item = marked(marked(std::mem::take(item)));
            } else {
                *field = marked(std::mem::take(field));
            }
        }
    }
}

fn marked(mut value: Value) -> Value {
    let mut outer = Map::new();
    let (mut is_nullable, is_list) = (false, value["type"] == "array" || value["type"][0] == "array");
    if let Some(words) = value.as_object_mut() {
        for word in ["description", "default"] {
            outer.extend(words.shift_remove(word).map(|said| (word.to_owned(), said)));
        }
        is_nullable = words.is_empty() || takes_null(words);
    }
    let form = |name: &str, value: Value| {
        json!({
            "type": "object",
            "properties": { "$person": { "type": "string", "format": "uuid" }, name: value },
            "required": ["$person", name],
            "additionalProperties": false,
        })
    };
    let mut forms = vec![
        form("$sealed", json!({ "type": "string", "contentEncoding": "base64" })),
        form("$value", value),
        form("$erased", json!({ "const": true })),
    ];
    if is_nullable {
        forms.push(json!({ "type": "null" }));
    }
    if is_list {
        forms.push(json!({ "type": "array", "maxItems": 0 })); // that there are none is no secret
    }
    outer.insert("oneOf".to_owned(), forms.into());
    outer.into()
}

/// Whether null is allowed, which then is no longer what stands in the mark.
fn takes_null(words: &mut Map<String, Value>) -> bool {
    let is_null = |one: &Value| one == "null" || one.get("type").is_some_and(|of| of == "null");
    let mut found = false;
    for several in ["type", "anyOf", "oneOf"] {
        if let Some(Value::Array(kinds)) = words.get_mut(several) {
            let before = kinds.len();
            kinds.retain(|one| !is_null(one));
            found |= kinds.len() < before;
        }
    }
    if let Some(Value::Array(kinds)) = words.get("type")
        && let [kind] = kinds.as_slice()
    {
        let kind = kind.clone();
        words.insert("type".to_owned(), kind);
    }
    found
}
