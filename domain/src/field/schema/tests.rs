//! Each check as its words in JSON Schema.

use super::{FILLED_LINE, LINE, constrain, constrain_fields, text_pattern};
use crate::{Change, Fields, Money, Percent, check::LINES_FROM, field::Changes};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, Fields)]
struct Part {
    #[field(required, max = 5)]
    word: String,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, Fields, Change)]
#[schemars(inline)]
struct Ask {
    #[field(required, max = 10)]
    title: String,
    #[field(max = 1_000)]
    story: Option<String>,
    #[field(email)]
    mail: Option<String>,
    #[field(twelve_digits)]
    bin: Option<String>,
    #[field(currency)]
    code: Option<String>,
    #[field(not_negative)]
    price: Option<Money>,
    #[field(range(0, 100))]
    chance: Option<Percent>,
    #[field(positive)]
    seats: Option<Money>,
    fast: bool,
    #[field(max = 4)]
    tags: Vec<String>,
    parts: Vec<Part>,
    part: Part,
}

fn schema() -> Value {
    let settings = schemars::generate::SchemaSettings::draft2020_12().with(|said| said.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<Ask>();
    constrain::<Ask>(&mut schema);
    schema.to_value()
}

#[test]
fn every_limit_is_said() {
    let schema = schema();
    let said = |path: &str, word: &str| schema["properties"].pointer(path).and_then(|of| of.get(word)).cloned();
    for (path, word, value) in [
        ("/title", "maxLength", Some(json!(10))),
        ("/title", "pattern", Some(text_pattern(10, true).into())),
        ("/story", "maxLength", Some(json!(1_000))),
        ("/story", "pattern", Some(text_pattern(1_000, false).into())),
        // A text of blanks empties an optional field, so no format is promised of it.
        ("/mail", "format", None),
        (
            "/bin",
            "pattern",
            Some(json!(r"^([^\S\x00-\x1f\x7f-\x9f]*|[0-9]{12})$")),
        ),
        ("/bin", "maxLength", None),
        (
            "/code",
            "pattern",
            Some(json!(r"^([^\S\x00-\x1f\x7f-\x9f]*|[A-Z]{3})$")),
        ),
        ("/price", "minimum", Some(json!(0))),
        ("/chance", "minimum", Some(json!(0))),
        ("/chance", "maximum", Some(json!(100))),
        ("/seats", "exclusiveMinimum", Some(json!(0))),
        ("/price", "exclusiveMinimum", None),
        ("/fast", "maxItems", None),
        ("/tags", "maxItems", Some(json!(500))),
        ("/tags/items", "maxLength", Some(json!(4))),
        ("/tags/items", "pattern", Some(text_pattern(4, true).into())),
        ("/parts", "maxItems", Some(json!(500))),
        ("/parts/items/properties/word", "maxLength", Some(json!(5))),
        ("/part/properties/word", "pattern", Some(text_pattern(5, true).into())),
    ] {
        assert_eq!(said(path, word), value, "{path} {word}");
    }
}

#[test]
fn what_has_no_properties_is_left_alone() {
    let mut schema = schemars::json_schema!({ "type": "string" });
    constrain_fields(&mut schema, Ask::FIELDS);
    assert_eq!(schema.to_value(), json!({ "type": "string" }));
}

#[test]
fn where_lines_may_break_depends_on_the_length() {
    assert!(text_pattern(LINES_FROM, false).contains(r"\x0b\x0c"));
    assert!(!text_pattern(LINES_FROM - 1, false).contains(r"\x0b\x0c"));
    assert_eq!([text_pattern(1, false), text_pattern(1, true)], [LINE, FILLED_LINE]);
}

#[test]
fn tidying_a_change_leaves_what_is_no_text_as_it_is() {
    let change: Change =
        serde_json::from_value(json!({ "price": 7, "tags": ["a"], "story": " ", "part": { "word": " " } })).unwrap();
    let tidy = Ask::tidy_change(change);
    let price = Money::whole(7);
    assert_eq!(
        (tidy.price, tidy.tags),
        (Some(price).into(), vec!["a".to_owned()].into())
    );
    assert_eq!((tidy.story, tidy.title.is_keep()), (None.into(), true));
    assert_eq!(tidy.part, Part { word: " ".into() }.into());
}

/// Instants are checked by the year, as days are.
#[test]
fn an_instant_bears_a_plausible_year() {
    use crate::field::{FieldValue, Place};
    let at = Place {
        within: "",
        name: "start",
    };
    let found = |instant: &str| {
        let mut check = crate::Check::default();
        let instant: chrono::DateTime<chrono::Utc> = instant.parse().unwrap();
        instant.check(at, &Ask::FIELDS[0].limits, &mut check);
        check.done().err().map(|found| found.to_string())
    };
    assert_eq!(found("2026-11-21T10:00:00Z"), None);
    assert_eq!(
        found("1066-11-21T10:00:00Z").as_deref(),
        Some("start: year_out_of_range")
    );
}
