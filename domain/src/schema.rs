//! What is stored, said to others: a JSON Schema for the data of every event type, derived from the Rust types. They are
//! checked in under `domain/schemas/`, where readers of the streams find them and where a test holds them against the
//! types ([`compatibility`]).

pub mod compatibility;

use crate::{Aggregate, Event, upcast};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

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
        EventType {
            category: A::NAME,
            name,
            schema,
            json_schema: json_schema.into(),
        }
    };
    variants.iter().map(of_variant).collect()
}
