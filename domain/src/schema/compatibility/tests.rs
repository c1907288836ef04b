//! The rules as a table: an old schema, a new one, and what breaks.

use super::*;
use Change as C;
use serde_json::json;

/// Fields that must be there, and fields that need not.
fn object(required: Value, optional: Value) -> Value {
    let mut fields = required.as_object().unwrap().clone();
    let names: Vec<String> = fields.keys().cloned().collect();
    fields.extend(optional.as_object().unwrap().clone());
    json!({ "type": "object", "properties": fields, "required": names })
}

fn text() -> Value {
    json!({ "type": "string" })
}

#[track_caller]
fn expect(old: &Value, new: &Value, expected: &[(&str, Change)]) {
    let found = breaches(old, new);
    let found: Vec<(&str, Change)> = found.iter().map(|breach| (breach.at.as_str(), breach.change)).collect();
    assert_eq!(found, expected, "\nold: {old}\nnew: {new}");
}

#[test]
fn fields() {
    let old = object(json!({ "a": text() }), json!({ "b": text() }));
    for (required, optional, expected) in [
        (json!({ "a": text() }), json!({ "b": text() }), vec![]),
        (json!({ "a": text() }), json!({ "b": text(), "c": text() }), vec![]),
        (
            json!({ "a": text(), "c": text() }),
            json!({ "b": text() }),
            vec![("c", C::Required)],
        ),
        (json!({ "a": text(), "b": text() }), json!({}), vec![("b", C::Required)]),
        (
            json!({}),
            json!({ "a": text(), "b": text() }),
            vec![("a", C::NoLongerRequired)],
        ),
        (json!({}), json!({ "b": text() }), vec![("a", C::Removed)]),
        (json!({ "a": text() }), json!({}), vec![("b", C::Removed)]),
        // renamed
        (
            json!({ "z": text() }),
            json!({ "b": text() }),
            vec![("a", C::Removed), ("z", C::Required)],
        ),
    ] {
        expect(&old, &object(required, optional), &expected);
    }
}

#[test]
fn types_and_limits() {
    let string = text();
    for (old, new, expected) in [
        (
            json!({ "type": "string" }),
            json!({ "type": "integer" }),
            vec![("a", C::Type)],
        ),
        (
            json!({ "type": "integer" }),
            json!({ "type": "number" }),
            vec![("a", C::Type)],
        ),
        (
            json!({ "type": "string" }),
            json!({ "type": ["string", "null"] }),
            vec![("a", C::Type)],
        ),
        (
            json!({ "type": ["string", "null"] }),
            json!({ "type": "string" }),
            vec![("a", C::Type)],
        ),
        (
            json!({ "type": ["string", "null"] }),
            json!({ "type": ["null", "string"] }),
            vec![],
        ),
        (
            json!({ "type": "string" }),
            json!({ "type": "string", "format": "date" }),
            vec![("a", C::Rule)],
        ),
        (
            json!({ "type": "number", "maximum": 9 }),
            json!({ "type": "number", "maximum": 8 }),
            vec![("a", C::Rule)],
        ),
        (
            json!({ "type": "number", "maximum": 9 }),
            json!({ "type": "number" }),
            vec![("a", C::Rule)],
        ),
        (json!(true), string.clone(), vec![("a", C::Type)]),
        (
            string.clone(),
            json!({ "type": "string", "enum": ["A"] }),
            vec![("a", C::Type)],
        ),
        (
            json!({ "anyOf": [string, { "type": "integer" }] }),
            string.clone(),
            vec![("a", C::Type)],
        ),
        (
            string.clone(),
            json!({ "type": "string", "description": "…", "default": "x", "title": "A" }),
            vec![],
        ),
    ] {
        expect(
            &object(json!({ "a": old }), json!({})),
            &object(json!({ "a": new }), json!({})),
            &expected,
        );
    }
}

#[test]
fn values() {
    let open = |values: Value| json!({ "type": "string", "enum": values, "x-extensible": true });
    let closed = |values: Value| json!({ "type": "string", "enum": values });
    let described = json!({ "oneOf": [closed(json!(["B"])), { "type": "string", "const": "A", "description": "…" }] });
    for (old, new, expected) in [
        (closed(json!(["A", "B"])), closed(json!(["B", "A"])), vec![]),
        (closed(json!(["A", "B"])), described, vec![]),
        (
            closed(json!(["A", "B"])),
            closed(json!(["A"])),
            vec![("", C::ValueRemoved)],
        ),
        (
            closed(json!(["A"])),
            closed(json!(["A", "B"])),
            vec![("", C::ValueAdded)],
        ),
        (open(json!(["A"])), open(json!(["A", "B"])), vec![]),
        (open(json!(["A", "B"])), open(json!(["A"])), vec![("", C::ValueRemoved)]),
        (open(json!(["A"])), open(json!(["A", null])), vec![("", C::ValueAdded)]),
        (closed(json!(["A"])), open(json!(["A"])), vec![("", C::Rule)]),
        (open(json!(["A"])), closed(json!(["A"])), vec![("", C::Rule)]),
        (closed(json!(["A"])), text(), vec![("", C::Type)]),
    ] {
        expect(&old, &new, &expected);
    }
    let either = |first: Value| json!({ "anyOf": [first, closed(json!(["OTHER"]))] });
    expect(&either(open(json!(["A"]))), &either(open(json!(["A", "B"]))), &[]);
    expect(
        &either(closed(json!(["A"]))),
        &either(closed(json!(["A", "B"]))),
        &[("", C::ValueAdded)],
    );
}

#[test]
fn what_is_nested_is_told_by_its_path() {
    let list = |of: Value| object(json!({ "items": { "type": "array", "items": of } }), json!({}));
    let old = list(object(json!({ "price": text() }), json!({})));
    let new = list(object(
        json!({ "price": { "type": "number" } }),
        json!({ "note": text() }),
    ));
    expect(&old, &new, &[("items[].price", C::Type)]);
    assert_eq!(breaches(&old, &new)[0].to_string(), "items[].price has another type");

    let map = |of: Value| json!({ "type": "object", "additionalProperties": of });
    expect(&map(text()), &map(json!({ "type": "number" })), &[(".*", C::Type)]);

    let either = |field: Value| {
        let mut schema = object(json!({ "b": text() }), json!({}));
        schema["oneOf"] = json!([object(field, json!({})), object(json!({ "z": text() }), json!({}))]);
        schema
    };
    let (old, new) = (either(json!({ "a": text() })), either(json!({ "c": text() })));
    expect(&old, &new, &[("a", C::Removed), ("c", C::Required)]);
    let mut new = old.clone();
    new["properties"]["b"] = json!({ "type": "number" });
    expect(&old, &new, &[("b", C::Type)]);
    new["oneOf"].as_array_mut().unwrap().pop();
    expect(&old, &new, &[("", C::Type), ("b", C::Type)]);
}

#[test]
fn an_event_stays_with_its_aggregate() {
    let of = |aggregate: &str| json!({ "type": "object", "x-aggregate": aggregate });
    expect(&of("deal"), &of("order"), &[("", C::Rule)]);
}

#[test]
fn where_no_other_fields_are_admitted_a_new_one_is_not() {
    let closed = |optional: Value| {
        let mut schema = object(json!({ "a": text() }), optional);
        schema["additionalProperties"] = false.into();
        schema
    };
    expect(
        &closed(json!({})),
        &closed(json!({ "b": text() })),
        &[("b", C::NotAdmitted)],
    );
    expect(
        &object(json!({ "a": text() }), json!({})),
        &closed(json!({})),
        &[("", C::Rule)],
    );
}
