//! `docs/events.md`: all events in one table, for people; the schemas have the details.

use super::versioned;
use prometric_domain::{fact, schema::EventType};
use serde_json::{Map, Value};
use std::fmt::Write;

const HEAD: &str = "\
# Events

Generated from the types in `domain/` by `./dev schemas`; a test fails when it is out of date. A field with `?` may be absent or
null. What is nested in a `list` or an `object` is told by the schema. A number is assigned by the log when the event is appended.
How an event changes its shape: [decision 8](decisions/0008-events-change-by-upcasting.md).

| Event | Aggregate | Schema | Number | Fields |
|---|---|---|---|---|
";

pub fn render(types: impl Iterator<Item = EventType>) -> String {
    let mut text = HEAD.to_owned();
    for known in types {
        let schemas =
            (1..=known.schema).map(|n| format!("[{n}](../domain/schemas/{}.json)", versioned(&known.name, n)));
        let schemas: Vec<String> = schemas.collect();
        let row = [
            &format!("`{}`", known.name),
            known.category,
            &schemas.join(", "),
            &numbered(&known),
            &fields(&known.json_schema),
        ];
        writeln!(text, "| {} |", row.join(" | ")).expect("a string takes all");
    }
    text
}

/// The field that receives a number.
fn numbered(known: &EventType) -> String {
    let category = fact::category(known.category).expect("a type is of a category");
    let numbering = category.numbering(&known.name);
    numbering.map_or(String::new(), |numbering| format!("`{}`", numbering.field))
}

fn fields(schema: &Value) -> String {
    let none = Map::new();
    let fields = schema["properties"].as_object().unwrap_or(&none);
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    let field = |(name, of): (&String, &Value)| {
        let mark = if required.iter().any(|one| one == name) {
            ""
        } else {
            "?"
        };
        format!("`{name}`{mark} {}", kind(of))
    };
    fields.iter().map(field).collect::<Vec<_>>().join(", ")
}

/// A word for what a field holds.
fn kind(schema: &Value) -> &str {
    let types = match &schema["type"] {
        Value::Array(several) => several.iter().filter_map(Value::as_str).find(|one| *one != "null"),
        one => one.as_str(),
    };
    let unsigned = schema["format"]
        .as_str()
        .is_some_and(|format| format.starts_with("uint"));
    match (types, schema["format"].as_str()) {
        _ if schema.get("enum").is_some() => "choice",
        (Some("string"), Some(format)) => format,
        (Some("string"), None) => "text",
        (Some("array"), _) => "list",
        (Some("integer"), _) if unsigned => "count",
        (Some(other), _) => other,
        (None, _) => "one of several",
    }
}
