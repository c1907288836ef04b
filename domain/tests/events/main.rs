//! What is stored of events, held against what is checked in: for every type and every version of it a schema
//! (`domain/schemas/`) and a sample (`domain/samples/`), and the catalogue of all (`docs/events.md`); and beside it the table of what each
//! role may do (`docs/roles.md`).
//!
//! `./dev schemas` writes what follows from the types. It refuses a change that events already stored or readers of the
//! streams would not survive, and it never touches the files of an older version.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod catalogue;
mod checked_in;
mod personal;
mod roles;
mod samples;

use checked_in::{Folder, settle};
use prometric_domain::{
    fact::CATEGORIES,
    schema::{EventType, compatibility::breaches},
};
use serde_json::Value;
use std::collections::BTreeSet;

/// Every event type as it is stored today.
fn event_types() -> impl Iterator<Item = EventType> {
    CATEGORIES.iter().flat_map(|category| category.event_types())
}

/// `deal.won.v1`, …: every version of every type ever stored.
fn versions() -> BTreeSet<String> {
    let of = |known: EventType| (1..=known.schema).map(move |version| versioned(&known.name, version));
    event_types().flat_map(of).collect()
}

fn versioned(name: &str, version: i32) -> String {
    format!("{name}.v{version}")
}

#[test]
fn every_version_of_every_type_has_its_files_and_no_other_has() {
    for folder in [Folder::SCHEMAS, Folder::SAMPLES] {
        let (there, known) = (folder.names(), versions());
        let missing: Vec<_> = known.difference(&there).collect();
        let current: BTreeSet<String> = event_types().map(|known| known.versioned_name()).collect();
        // A new version's schema is missing until it is written, which the next test tells.
        let missing = missing
            .into_iter()
            .filter(|name| folder == Folder::SAMPLES || !current.contains(*name));
        assert!(
            missing.clone().next().is_none(),
            "{folder} lacks {:?}",
            missing.collect::<Vec<_>>()
        );
        let forgotten: Vec<_> = there.difference(&known).collect();
        assert!(
            forgotten.is_empty(),
            "{folder} has {forgotten:?}: a type or a step of its upcasters is gone, and events of it are stored"
        );
    }
}

#[test]
fn schemas_are_as_the_types_are_and_change_only_as_stored_events_and_readers_bear() {
    let schemas = Folder::SCHEMAS;
    let mut complaints = Vec::new();
    for known in event_types() {
        let name = known.versioned_name();
        let checked_in = schemas.read(&name);
        let broken = checked_in
            .as_ref()
            .map_or(vec![], |old| breaches(old, &known.json_schema));
        if !broken.is_empty() {
            let broken: Vec<String> = broken.iter().map(|breach| format!("\n    {breach}")).collect();
            let next = known.schema + 1;
            complaints.push(format!(
                "{name}:{}\n  Take it back, or raise the schema number: an Upcaster from {} in the event's UPCASTERS, a sample {}, then \
                 ./dev schemas (docs/decisions/0008).",
                broken.concat(),
                known.schema,
                versioned(&known.name, next),
            ));
        } else if checked_in.as_ref() != Some(&known.json_schema) {
            complaints.extend(settle(&schemas.path(&name), &checked_in::pretty(&known.json_schema)));
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn the_catalogue_lists_every_event() {
    let complaint = settle(
        &checked_in::root().join("docs/events.md"),
        &catalogue::render(event_types()),
    );
    assert_eq!(complaint, None);
}

#[test]
fn the_table_of_roles_is_what_the_code_allows() {
    let complaint = settle(&checked_in::root().join("docs/roles.md"), &roles::render());
    assert_eq!(complaint, None);
}

#[test]
fn a_type_belongs_to_one_category_and_has_a_step_from_each_number_but_the_last() {
    let mut owners: Vec<String> = event_types().map(|known| known.name).collect();
    let count = owners.len();
    owners.sort();
    owners.dedup();
    assert_eq!(owners.len(), count, "two categories store the same type");
    for category in CATEGORIES {
        let types = category.event_types();
        for step in category.upcasters() {
            let known = types.iter().any(|known| known.name == step.event_type);
            assert!(
                known,
                "{} lifts {}, which it does not store",
                category.name(),
                step.event_type
            );
        }
        for known in types {
            let steps = category.upcasters().iter().filter(|step| step.event_type == known.name);
            let from: BTreeSet<i32> = steps.map(|step| step.from).collect();
            assert_eq!(from, (1..known.schema).collect(), "{} has a gap", known.name);
        }
    }
}

/// Fields that readers in other languages have to find are named as everywhere else.
#[test]
fn every_field_is_in_camel_case() {
    fn walk(at: &str, schema: &Value) {
        match schema {
            Value::Object(words) => {
                let fields = words.get("properties").and_then(Value::as_object);
                let names = fields.into_iter().flat_map(|fields| fields.keys());
                // A mark's own are reserved.
                for name in names.filter(|name| !name.starts_with('$')) {
                    let starts_small = name.starts_with(|first: char| first.is_ascii_lowercase());
                    let plain = name.chars().all(|one| one.is_ascii_alphanumeric());
                    assert!(starts_small && plain, "{at}: {name}");
                }
                words.values().for_each(|word| walk(at, word));
            }
            Value::Array(several) => several.iter().for_each(|one| walk(at, one)),
            _ => {}
        }
    }
    event_types().for_each(|known| walk(&known.name, &known.json_schema));
}
