//! Properties of lifting, on an event type that has been stored in three shapes; no real one has changed so far.

use super::*;
use crate::{
    Event,
    fact::{DecodeError, decode, encode},
};
use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Schema 1 had `kilograms` and `city`, schema 2 `weight.grams` instead of the former, schema 3 renames the latter and
/// adds whether it is fragile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
enum ParcelEvent {
    #[serde(rename = "parcel.sent")]
    Sent {
        weight: Weight,
        destination: String,
        fragile: bool,
        #[serde(flatten)]
        rest: Data,
    },
    #[serde(rename = "parcel.lost")]
    Lost {},
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Weight {
    grams: u64,
}

impl Event for ParcelEvent {
    const UPCASTERS: &'static [Upcaster] = &[
        Upcaster {
            event_type: "parcel.sent",
            from: 1,
            apply: weigh_in_grams,
        },
        Upcaster {
            event_type: "parcel.sent",
            from: 2,
            apply: name_the_destination,
        },
    ];
}

fn weigh_in_grams(mut data: Data) -> Result<Data, UpcastError> {
    let kilograms = data.remove("kilograms").ok_or(UpcastError::Missing("kilograms"))?;
    let grams = kilograms.as_u64().and_then(|kilograms| kilograms.checked_mul(1000));
    let grams = grams.ok_or(UpcastError::Unexpected("kilograms"))?;
    data.insert("weight".to_owned(), serde_json::json!({ "grams": grams }));
    Ok(data)
}

fn name_the_destination(mut data: Data) -> Result<Data, UpcastError> {
    let city = data.remove("city").ok_or(UpcastError::Missing("city"))?;
    data.insert("destination".to_owned(), city);
    data.insert("fragile".to_owned(), false.into());
    Ok(data)
}

/// Any JSON.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop::sample::select(vec![
            serde_json::json!(0.1),
            serde_json::json!(-2.5e300),
            serde_json::json!(1e-7)
        ]),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((".{0,6}", inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Fields that no step knows: their names begin with `x`.
fn others() -> impl Strategy<Value = Data> {
    prop::collection::vec(("x[a-z]{0,6}", json()), 0..5).prop_map(|fields| fields.into_iter().collect())
}

/// Data as schema 1 had it, with fields of no concern before and after those that the steps touch.
fn first() -> impl Strategy<Value = Data> {
    (others(), 0..1_000_000_u64, ".{0,12}", others()).prop_map(|(before, kilograms, city, after)| {
        let mut data = before;
        data.insert("kilograms".to_owned(), kilograms.into());
        data.insert("city".to_owned(), city.into());
        data.extend(after);
        data
    })
}

fn text(data: &Data) -> String {
    serde_json::to_string(data).unwrap()
}

/// Adds its number to the field `steps`.
fn mark<const FROM: i32>(mut data: Data) -> Result<Data, UpcastError> {
    let steps = data.entry("steps").or_insert_with(|| Value::Array(vec![]));
    steps
        .as_array_mut()
        .ok_or(UpcastError::Unexpected("steps"))?
        .push(FROM.into());
    Ok(data)
}

fn marks() -> Vec<Upcaster> {
    let step = |from, apply| Upcaster {
        event_type: "parcel.sent",
        from,
        apply,
    };
    let another = Upcaster {
        event_type: "parcel.lost",
        ..step(1, |_| Err(UpcastError::Missing("everything")))
    };
    vec![
        step(1, mark::<1>),
        step(2, mark::<2>),
        step(3, mark::<3>),
        step(4, mark::<4>),
        another,
    ]
}

proptest! {
    #[test]
    fn lifting_at_once_is_lifting_step_by_step(first in first()) {
        let second = weigh_in_grams(first.clone()).unwrap();
        let third = name_the_destination(second.clone()).unwrap();
        let lift = |from, data| upcast(ParcelEvent::UPCASTERS, "parcel.sent", from, data).unwrap();
        prop_assert_eq!(&lift(1, first.clone()), &third);
        prop_assert_eq!(&lift(2, second.clone()), &third);
        prop_assert_eq!(&lift(3, third.clone()), &third);

        let today: ParcelEvent = decode("parcel.sent", 3, &text(&third)).unwrap();
        prop_assert_eq!(&decode::<ParcelEvent>("parcel.sent", 1, &text(&first)).unwrap(), &today);
        prop_assert_eq!(&decode::<ParcelEvent>("parcel.sent", 2, &text(&second)).unwrap(), &today);
    }

    #[test]
    fn steps_follow_their_numbers_and_not_their_place_in_the_list(steps in Just(marks()).prop_shuffle(), from in 1..=5) {
        let lifted = upcast(&steps, "parcel.sent", from, Data::new()).unwrap();
        let expected: Vec<i32> = (from..5).collect();
        let taken: Vec<i32> = match lifted.get("steps") {
            Some(taken) => serde_json::from_value(taken.clone()).unwrap(),
            None => vec![],
        };
        prop_assert_eq!(taken, expected);
    }

    #[test]
    fn what_no_step_knows_survives_all_of_them(first in first(), kilograms in 0..1_000_000_u64) {
        let mut first = first;
        first.insert("kilograms".to_owned(), kilograms.into());
        // As text that was stored: what a double loses on the way there is lost already.
        let stored: Data = serde_json::from_str(&text(&first)).unwrap();
        let ParcelEvent::Sent { weight, destination, rest, .. } = decode("parcel.sent", 1, &text(&stored)).unwrap() else {
            panic!("another event");
        };
        prop_assert_eq!(weight.grams, kilograms * 1000);
        prop_assert_eq!(Some(destination.as_str()), stored["city"].as_str());
        let reread: Data = serde_json::from_str(&text(&stored)).unwrap();
        let untouched: Data = reread.into_iter().filter(|(name, _)| name.starts_with('x')).collect();
        prop_assert_eq!(rest, untouched);
    }

    #[test]
    fn a_number_nobody_knows_is_refused_whatever_the_data(schema in any::<i32>(), data in json()) {
        prop_assume!(!(1..=3).contains(&schema));
        let refused = decode::<ParcelEvent>("parcel.sent", schema, &data.to_string());
        let is_unknown = matches!(refused, Err(DecodeError::UnknownSchema { schema: told, known: 3, .. }) if told == schema);
        prop_assert!(is_unknown);
    }

    #[test]
    fn no_input_makes_reading_panic(event_type in "(parcel\\.(sent|lost)|.{0,12})", schema in -1..=4, data in json(), garbage in ".{0,24}") {
        for data in [data.to_string(), garbage] {
            if let Ok(event) = decode::<ParcelEvent>(&event_type, schema, &data) {
                let stored = encode(&event, Uuid::nil()).unwrap();
                prop_assert_eq!(decode::<ParcelEvent>(&stored.event_type, stored.schema, &stored.data).unwrap(), event);
            }
        }
    }
}

#[test]
fn an_event_is_stored_under_the_number_of_its_own_type() {
    let sent = ParcelEvent::Sent {
        weight: Weight { grams: 1 },
        destination: String::new(),
        fragile: true,
        rest: Data::new(),
    };
    assert_eq!(encode(&sent, Uuid::nil()).unwrap().schema, 3);
    assert_eq!(encode(&ParcelEvent::Lost {}, Uuid::nil()).unwrap().schema, 1);
}

#[test]
fn data_that_is_not_what_its_number_says_is_told_by_field_and_without_its_value() {
    for (data, schema, expected) in [
        (r#"{"city":"Almaty"}"#, 1, UpcastError::Missing("kilograms")),
        (
            r#"{"city":"Almaty","kilograms":"five"}"#,
            1,
            UpcastError::Unexpected("kilograms"),
        ),
        (
            r#"{"city":"Almaty","kilograms":18446744073709551615}"#,
            1,
            UpcastError::Unexpected("kilograms"),
        ),
        (r#"{"weight":{"grams":1}}"#, 2, UpcastError::Missing("city")),
    ] {
        match decode::<ParcelEvent>("parcel.sent", schema, data) {
            Err(DecodeError::NotUpcast { source, .. }) => assert_eq!(source, expected),
            other => panic!("{other:?}"),
        }
    }
    for data in ["[]", "7", "", "{"] {
        let refused = decode::<ParcelEvent>("parcel.sent", 1, data);
        assert!(matches!(refused, Err(DecodeError::Unreadable { .. })), "{data}");
    }
}

#[test]
fn a_missing_step_is_an_error_and_not_a_leap() {
    let mut steps = marks();
    steps.remove(1);
    assert_eq!(
        upcast(&steps, "parcel.sent", 1, Data::new()),
        Err(UpcastError::NoStep(2))
    );
}

#[test]
fn a_shape_that_stays_needs_a_step_all_the_same() {
    let steps = [Upcaster::unchanged("parcel.lost", 1)];
    let data = Data::from_iter([("x".to_owned(), 1.into())]);
    assert_eq!(current(&steps, "parcel.lost"), 2);
    assert_eq!(upcast(&steps, "parcel.lost", 1, data.clone()), Ok(data));
}

#[test]
fn a_null_that_was_absent_is_taken_out_and_nothing_else() {
    let steps = [Upcaster::null_was_absent("parcel.lost", 1)];
    let data = Data::from_iter([("a".to_owned(), Value::Null), ("b".to_owned(), 1.into())]);
    let expected = Data::from_iter([("b".to_owned(), 1.into())]);
    assert_eq!(upcast(&steps, "parcel.lost", 1, data), Ok(expected));
}
