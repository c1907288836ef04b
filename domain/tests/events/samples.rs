//! Samples of every version ever stored: they load forever, they are what their schema says, and damage to them is an
//! error and never a panic.

use super::{Folder, event_types, versioned};
use boon::{Compiler, SchemaIndex, Schemas};
use prometric_domain::{
    Fact,
    fact::{CATEGORIES, Category, Stored},
    schema::EventType,
};
use proptest::{prelude::*, sample::Index};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

struct Sample {
    category: &'static dyn Category,
    stored: Stored,
    data: Value,
    /// Of the sample's own version.
    schema: Schema,
    is_current: bool,
}

/// Compiled, its formats to be kept.
struct Schema(Schemas, SchemaIndex);

impl Schema {
    fn new(schema: Value) -> Result<Self, String> {
        let (mut compiler, mut schemas) = (Compiler::new(), Schemas::new());
        compiler.enable_format_assertions();
        compiler
            .add_resource("event", schema)
            .map_err(|error| error.to_string())?;
        let index = compiler
            .compile("event", &mut schemas)
            .map_err(|error| error.to_string())?;
        Ok(Self(schemas, index))
    }

    fn check(&self, data: &Value) -> Result<(), String> {
        let checked = self.0.validate(data, self.1);
        checked.map_err(|error| error.to_string())
    }

    fn is_valid(&self, data: &Value) -> bool {
        self.0.validate(data, self.1).is_ok()
    }
}

/// All of them, each read as what its file's name says.
static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(|| {
    let of = |known: EventType| (1..=known.schema).map(move |version| sample(&known, version));
    event_types().flat_map(of).collect()
});

fn sample(known: &EventType, version: i32) -> Sample {
    let EventType {
        category,
        name,
        schema: current,
        ..
    } = known;
    let versioned = versioned(name, version);
    let file = Folder::SAMPLES
        .read(&versioned)
        .unwrap_or_else(|| panic!("samples/{versioned}.json is missing"));
    let data = file["data"].clone();
    let expected = json!({ "category": category, "type": name, "schema": version, "data": data });
    assert_eq!(file, expected, "samples/{versioned}.json");
    let schema = if version == *current {
        known.json_schema.clone()
    } else {
        let checked_in = Folder::SCHEMAS.read(&versioned);
        checked_in.unwrap_or_else(|| panic!("schemas/{versioned}.json is missing"))
    };
    let category = CATEGORIES.into_iter().find(|known| known.name() == *category);
    Sample {
        category: category.expect("a type is of a category"),
        stored: Stored {
            event_type: name.clone(),
            schema: version,
            data: data.to_string(),
        },
        data,
        schema: Schema::new(schema).unwrap_or_else(|error| panic!("{versioned}: {error}")),
        is_current: version == *current,
    }
}

/// As it would be stored today.
fn restated(sample: &Sample, data: &Value) -> Option<Value> {
    let Stored { event_type, schema, .. } = &sample.stored;
    let stored = sample.category.restate(event_type, *schema, &data.to_string()).ok()?;
    assert_eq!(&stored.event_type, event_type, "a type stays");
    Some(serde_json::from_str(&stored.data).unwrap())
}

#[test]
fn every_sample_loads_and_todays_are_stored_the_same() {
    for sample in SAMPLES.iter() {
        let Stored {
            event_type,
            schema,
            data,
        } = &sample.stored;
        Fact::decode(sample.category.name(), event_type, *schema, data).unwrap_or_else(|error| panic!("{error}"));
        if sample.is_current {
            let again = restated(sample, &sample.data).unwrap();
            assert_eq!(
                again, sample.data,
                "{event_type} is stored otherwise; is a new field skipped while it is absent?"
            );
        }
    }
}

#[test]
fn every_sample_is_what_its_schema_says() {
    for sample in SAMPLES.iter() {
        assert_eq!(sample.schema.check(&sample.data), Ok(()), "{:?}", sample.stored);
    }
}

/// Every place in a document where there is a value.
fn places(value: &Value) -> Vec<String> {
    let below = |key: &str, value: &Value| {
        places(value)
            .into_iter()
            .map(|place| format!("/{key}{place}"))
            .collect::<Vec<_>>()
    };
    let nested = match value {
        Value::Object(fields) => fields.iter().flat_map(|(key, value)| below(key, value)).collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(n, item)| below(&n.to_string(), item))
            .collect(),
        _ => vec![],
    };
    [String::new()].into_iter().chain(nested).collect()
}

/// What may stand in a field by mistake. Numbers are small and round: how many places or bits a number may have, a
/// schema tells only to people.
fn stray() -> impl Strategy<Value = Value> {
    let one_of = |values: Vec<Value>| prop::sample::select(values);
    one_of(vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(7),
        json!(-1),
        json!(1.5),
        json!(""),
        json!("ADJUSTMENT"),
        json!("2026-11-21"),
        json!("2026-11-21T10:00:00Z"),
        json!("01a1fe4c-7fd5-7541-bd40-aaab1b2482bc"),
        json!([]),
        json!([null]),
        json!({}),
        json!({ "role": "owner" }),
        json!({ "": [{}] }),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// One value of a sample is replaced or left out. What the schema still admits, the reader reads; and what is read is
    /// stored again as the schema says, and then stays as it is.
    #[test]
    fn the_reader_keeps_what_the_schema_promises(which in any::<Index>(), place in any::<Index>(), with in prop::option::of(stray())) {
        let sample = which.get(&SAMPLES);
        let places = places(&sample.data);
        let place = place.get(&places);
        let mut data = sample.data.clone();
        match (with, place.rsplit_once('/')) {
            (Some(with), _) => *data.pointer_mut(place).unwrap() = with,
            (None, Some((above, key))) => {
                data.pointer_mut(above).and_then(Value::as_object_mut).and_then(|fields: &mut Map<_, _>| fields.shift_remove(key));
            }
            (None, None) => {}
        }
        let restated = restated(sample, &data);
        if sample.schema.is_valid(&data) {
            prop_assert!(restated.is_some(), "the schema of {:?} admits what cannot be read: {data}", sample.stored.event_type);
        }
        if let Some(restated) = restated.filter(|_| sample.is_current) {
            prop_assert!(sample.schema.is_valid(&restated), "{:?} stores what its schema does not admit: {restated}", sample.stored.event_type);
            prop_assert_eq!(super::samples::restated(sample, &restated), Some(restated));
        }
    }
}
