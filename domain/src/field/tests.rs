//! The list of fields: every limit at its edge, and what the derives write.

use super::FieldKind;
use crate::{Change, Changes, Choice, Fields, Money, Patch, Percent};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema, Choice)]
#[serde(rename_all = "snake_case")]
enum Pace {
    #[default]
    Slow,
    VeryFast,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, Fields)]
#[serde(rename_all = "camelCase")]
struct Leg {
    #[field(required, max = 5)]
    city_name: String,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, Fields, Change)]
#[serde(rename_all = "camelCase")]
struct Trip {
    #[field(required, max = 10)]
    title: String,
    #[serde(rename = "type")]
    kind: Pace,
    #[field(max = 3)]
    note: Option<String>,
    #[field(email)]
    mail: Option<String>,
    #[field(twelve_digits)]
    bin: Option<String>,
    #[field(not_negative)]
    price: Option<Money>,
    #[field(range(0, 100))]
    chance: Option<Percent>,
    #[field(positive)]
    seats: Option<Money>,
    start: Option<NaiveDate>,
    #[field(looked_up)]
    driver_name: Option<String>,
    #[field(max = 4)]
    tags: Vec<String>,
    legs: Vec<Leg>,
}

fn found(trip: &Trip) -> String {
    trip.checked().err().map(|found| found.to_string()).unwrap_or_default()
}

fn fine() -> Trip {
    Trip {
        title: "Almaty".into(),
        ..Trip::default()
    }
}

#[test]
fn a_field_is_listed_as_it_is_declared() {
    let told = |name: &str| {
        let field = Trip::FIELDS.iter().find(|field| field.name == name).unwrap();
        (field.kind, field.nullable, field.asked)
    };
    assert_eq!(told("title"), (FieldKind::Text, false, true));
    assert_eq!(told("type"), (FieldKind::Choice(&["slow", "very_fast"]), false, true));
    assert_eq!(told("price"), (FieldKind::Number, true, true));
    assert_eq!(told("start"), (FieldKind::Date, true, true));
    assert_eq!(told("driverName"), (FieldKind::Text, true, false));
    assert_eq!(told("tags"), (FieldKind::Tags, false, true));
    assert_eq!(told("legs"), (FieldKind::Json, false, true));
    assert_eq!(Trip::FIELDS[11].parts[0].name, "cityName");
    assert_eq!(Pace::ALL[1].as_str(), "very_fast");
}

/// Each limit by itself, at its edge and beyond, and every field at once in the order of the list.
#[test]
fn every_limit_is_held_and_its_field_named() {
    let money = |units| Money::from_units(units);
    let cases: Vec<(Trip, &str)> = vec![
        (fine(), ""),
        (
            Trip {
                title: " ".into(),
                ..fine()
            },
            "title: required",
        ),
        (
            Trip {
                title: "я".repeat(10),
                ..fine()
            },
            "",
        ),
        (
            Trip {
                title: "я".repeat(11),
                ..fine()
            },
            "title: too_long",
        ),
        (
            Trip {
                note: Some("abc".into()),
                ..fine()
            },
            "",
        ),
        (
            Trip {
                note: Some("abcd".into()),
                ..fine()
            },
            "note: too_long",
        ),
        (
            Trip {
                mail: Some("a@b".into()),
                ..fine()
            },
            "mail: not_an_email",
        ),
        (
            Trip {
                bin: Some("123".into()),
                ..fine()
            },
            "bin: not_twelve_digits",
        ),
        (
            Trip {
                price: money(0),
                ..fine()
            },
            "",
        ),
        (
            Trip {
                price: money(-1),
                ..fine()
            },
            "price: negative",
        ),
        (
            Trip {
                chance: Percent::from_units(10_000),
                ..fine()
            },
            "",
        ),
        (
            Trip {
                chance: Percent::from_units(10_001),
                ..fine()
            },
            "chance: out_of_range",
        ),
        (
            Trip {
                chance: Percent::from_units(-1),
                ..fine()
            },
            "chance: out_of_range",
        ),
        (
            Trip {
                seats: money(1),
                ..fine()
            },
            "",
        ),
        (
            Trip {
                seats: money(0),
                ..fine()
            },
            "seats: not_positive",
        ),
        (
            Trip {
                start: NaiveDate::from_ymd_opt(1899, 12, 31),
                ..fine()
            },
            "start: year_out_of_range",
        ),
        (
            Trip {
                tags: vec!["a".into(), " ".into()],
                ..fine()
            },
            "tags[1]: required",
        ),
        (
            Trip {
                tags: vec!["abcde".into()],
                ..fine()
            },
            "tags[0]: too_long",
        ),
        (
            Trip {
                tags: vec!["a".into(); 501],
                ..fine()
            },
            "tags: too_many",
        ),
        (
            Trip {
                legs: vec![Leg::default()],
                ..fine()
            },
            "legs[0].cityName: required",
        ),
        (
            Trip {
                note: Some("abcd".into()),
                legs: vec![Leg {
                    city_name: "Astana".into(),
                }],
                ..Trip::default()
            },
            "title: required, note: too_long, legs[0].cityName: too_long",
        ),
    ];
    for (trip, expected) in cases {
        assert_eq!(found(&trip), expected, "{trip:?}");
    }
}

#[test]
fn a_change_names_what_it_changes_and_null_clears() {
    let text = r#"{"type":"very_fast","note":null,"tags":["a"]}"#;
    let change: Change = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&change).unwrap(), text);
    assert_eq!(change.note, Patch::Set(None));
    let mut trip = Trip {
        note: Some("old".into()),
        mail: Some("a@b.kz".into()),
        ..fine()
    };
    trip.apply(&change);
    let expected = Trip {
        kind: Pace::VeryFast,
        mail: Some("a@b.kz".into()),
        tags: vec!["a".into()],
        ..fine()
    };
    assert_eq!(trip, expected);
    assert!(
        serde_json::from_str::<Change>(r#"{"title":null}"#).is_err(),
        "a required field is not cleared"
    );
}

#[test]
fn a_blank_optional_text_is_none_and_a_blank_required_one_stays_to_be_refused() {
    let change: Change = serde_json::from_str(r#"{"title":" ","note":"  "}"#).unwrap();
    let change = Trip::tidy_change(change);
    assert_eq!((change.title, change.note), (Patch::Set(" ".into()), Patch::Set(None)));
}
