//! Where in an event's data its number goes. Whoever wrote the event has left the place empty, as a rule; then the text stays as it
//! is, and is only looked through.

use crate::AppendError;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{
    Map, Value,
    value::{RawValue, to_raw_value},
};
use std::fmt;

const NOT_AN_OBJECT: AppendError = AppendError::Malformed("an event that gets a number is not a JSON object");
/// What a place for a number looks like.
const EMPTY: &str = "\"\"";

/// Behind which byte the number stands; the data is changed so that its field is an empty text, if it is not.
pub(super) fn number(data: &mut String, field: &str) -> Result<usize, AppendError> {
    if let Some(at) = empty(data, field) {
        return Ok(at);
    }
    let mut fields: Map<String, Value> = serde_json::from_str(data).map_err(|_| NOT_AN_OBJECT)?;
    fields.insert(field.to_owned(), Value::String(String::new()));
    *data = to_raw_value(&fields).map_err(|_| NOT_AN_OBJECT)?.get().to_owned();
    empty(data, field).ok_or(NOT_AN_OBJECT)
}

/// The place, if the field is there once, and empty.
fn empty(data: &str, field: &str) -> Option<usize> {
    let Members(members) = serde_json::from_str(data).ok()?;
    let mut named = members.iter().filter(|(name, _)| *name == field);
    let (_, value) = named.next().filter(|(_, value)| value.get() == EMPTY)?;
    let at = value.get().as_ptr().addr().checked_sub(data.as_ptr().addr())?;
    named.next().is_none().then_some(at + 1)
}

/// An object's members, their values as they stand.
struct Members<'a>(Vec<(&'a str, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut members = Vec::with_capacity(16);
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(data: &str) -> (String, String) {
        let mut data = data.to_owned();
        let at = number(&mut data, "number").unwrap();
        let with = [&data[..at], "N", &data[at..]].concat();
        (data, with)
    }

    #[test]
    fn a_place_that_was_left_is_used_and_the_text_stays() {
        for (data, with) in [
            (r#"{"number":""}"#, r#"{"number":"N"}"#),
            (r#"{ "a" : 1.50, "number" : "" }"#, r#"{ "a" : 1.50, "number" : "N" }"#),
            (
                r#"{"title":"\"number\":\"\"","of":{"number":""},"number":""}"#,
                r#"{"title":"\"number\":\"\"","of":{"number":""},"number":"N"}"#,
            ),
        ] {
            assert_eq!(placed(data), (data.to_owned(), with.to_owned()));
        }
    }

    #[test]
    fn where_none_was_left_one_is_made() {
        for (data, with) in [
            ("{}", r#"{"number":"N"}"#),
            (r#"{"number":"X-7","b":[1]}"#, r#"{"number":"N","b":[1]}"#),
            (r#"{"number":null}"#, r#"{"number":"N"}"#),
            (r#"{"number":"","number":""}"#, r#"{"number":"N"}"#),
            (r#"{"num\u0062er":"","c":2}"#, r#"{"number":"N","c":2}"#),
        ] {
            assert_eq!(placed(data).1, with, "{data}");
        }
    }

    #[test]
    fn what_is_no_object_has_no_place() {
        for data in ["", "[]", "7", r#"{"number":"#, r#"{"number":""} {}"#] {
            assert!(number(&mut data.to_owned(), "number").is_err(), "{data}");
        }
    }
}
