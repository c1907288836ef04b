//! What a thing has in the fields that its workspace defined: a value a key. An update names the keys it changes and keeps
//! the others, so that two people who change different ones both succeed.

use super::is_key;
use crate::{
    Check, Rule,
    field::{FieldKind, FieldValue, Limits, Place},
    fixed::{DECIMAL, Exact},
};
use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Visitor},
};
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// The most values one thing may have.
pub const VALUES_MAX: usize = 50;
/// Characters of a text.
pub const TEXT_MAX: usize = 500;

/// By key; null takes a value away.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Custom(#[schemars(with = "Map<String, Value>")] BTreeMap<String, Given>);

/// What one field is set to.
#[derive(Debug, Clone, PartialEq)]
pub enum Given {
    /// It is taken away.
    Nothing,
    /// A text, a day, a word of a choice, an id.
    Text(String),
    Number(Exact),
    /// What no definition takes and no request may say; an event may have it that was written by hand.
    Other(Value),
}

impl Custom {
    /// Those that are there, not those that are taken away.
    pub fn values(&self) -> impl Iterator<Item = (&str, &Given)> {
        let named = self.0.iter().map(|(key, value)| (key.as_str(), value));
        named.filter(|(_, value)| **value != Given::Nothing)
    }

    /// Those of these keys, if there are any.
    pub fn only(&self, keys: &BTreeSet<String>) -> Option<Self> {
        let named = self.values().filter(|(key, _)| keys.contains(*key));
        let named: Self = named.map(|(key, value)| (key.to_owned(), value.clone())).collect();
        (!named.0.is_empty()).then_some(named)
    }

    /// Whether there is a value of that key.
    pub fn has(&self, key: &str) -> bool {
        self.0.get(key).is_some_and(|value| *value != Given::Nothing)
    }
}

impl FromIterator<(String, Given)> for Custom {
    fn from_iter<I: IntoIterator<Item = (String, Given)>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

impl Serialize for Given {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nothing => serializer.serialize_unit(),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => number.serialize(serializer),
            Self::Other(value) => value.serialize(serializer),
        }
    }
}

/// A request's number is read by its digits, a stored one as it stands.
impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(DECIMAL, Digits)
    }
}

struct Digits;

impl<'de> Visitor<'de> for Digits {
    type Value = Given;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a text or a number")
    }

    fn visit_str<E: de::Error>(self, digits: &str) -> Result<Given, E> {
        Exact::parse(digits).map(Given::Number).map_err(E::custom)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Given, D::Error> {
        Ok(match Value::deserialize(deserializer)? {
            Value::Null => Given::Nothing,
            Value::String(text) => Given::Text(text),
            Value::Number(number) => Exact::stored(&number).map_or(Given::Other(number.into()), Given::Number),
            other => Given::Other(other),
        })
    }
}

/// Each is a text or a number; which of them, the field's definition says.
impl FieldValue for Custom {
    const KIND: FieldKind = FieldKind::Custom;

    fn check(&self, at: Place<'_>, _: &Limits, check: &mut Check) {
        let few = self.0.len() <= VALUES_MAX;
        check.that(few, at.to_string(), Rule::TooMany { max: VALUES_MAX });
        for (key, value) in self.0.iter().take(VALUES_MAX) {
            if !is_key(key) {
                check.fail(at.to_string(), Rule::Unknown);
                continue;
            }
            let at = format!("{at}.{key}");
            match value {
                Given::Text(text) => check.at_most(&at, text, TEXT_MAX),
                Given::Other(_) => check.fail(at, Rule::WrongType),
                Given::Nothing | Given::Number(_) => (),
            }
        }
    }

    fn keep(&mut self, before: Option<Self>) {
        for (key, value) in before.unwrap_or_default().0 {
            self.0.entry(key).or_insert(value);
        }
        self.0.retain(|_, value| *value != Given::Nothing);
    }

    fn since(mut self, before: &Self) -> Self {
        for key in before.0.keys() {
            self.0.entry(key.clone()).or_insert(Given::Nothing);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Patch;
    use serde_json::json;

    fn custom(value: Value) -> Custom {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn what_an_update_does_not_name_is_kept_and_null_takes_away() {
        for (before, update, after) in [
            (json!(null), json!({"size": 5, "color": null}), json!({"size": 5})),
            (
                json!({"size": 5, "color": "red"}),
                json!({"size": 6}),
                json!({"size": 6, "color": "red"}),
            ),
            (
                json!({"size": 5, "color": "red"}),
                json!({"color": null}),
                json!({"size": 5}),
            ),
            (json!({"size": 5}), json!({}), json!({"size": 5})),
            (json!({"size": 5}), json!(null), json!(null)),
        ] {
            let mut field: Option<Custom> = serde_json::from_value(before).unwrap();
            let update: Option<Custom> = serde_json::from_value(update).unwrap();
            Patch::Set(update).revise(&mut field);
            assert_eq!(serde_json::to_value(&field).unwrap(), after);
        }
    }

    #[test]
    fn what_makes_the_one_of_the_other_makes_it() {
        for (before, after) in [
            (json!(null), json!({"size": 5})),
            (json!({"size": 5, "color": "red"}), json!({"size": 6})),
            (json!({"size": 5}), json!({"size": 5})),
            (json!({"size": 5}), json!(null)),
        ] {
            let mut before: Option<Custom> = serde_json::from_value(before).unwrap();
            let after: Option<Custom> = serde_json::from_value(after).unwrap();
            Patch::between(&before, &after).revise(&mut before);
            assert_eq!(before, after);
        }
    }

    #[test]
    fn values_are_texts_and_numbers_under_keys() {
        let many: Map<String, Value> = (0..51).map(|n| (format!("k{n}"), json!(n))).collect();
        for (value, field, rule) in [
            (json!(many), "custom", Rule::TooMany { max: 50 }),
            (json!({"Not a key": 1}), "custom", Rule::Unknown),
            (
                json!({"size": "a".repeat(501)}),
                "custom.size",
                Rule::TooLong { max: 500 },
            ),
        ] {
            let limits = Limits {
                required: false,
                max: None,
                least: None,
                most: None,
                positive: false,
                format: None,
            };
            let mut check = Check::default();
            let at = Place {
                within: "",
                name: "custom",
            };
            custom(value).check(at, &limits, &mut check);
            assert_eq!(check.done(), Err(crate::Violations::one(field, rule)));
        }
        for value in [json!({"size": true}), json!({"size": []}), json!({"size": {}})] {
            assert!(serde_json::from_value::<Custom>(value.clone()).is_err(), "{value}");
        }
    }
}
