//! Personal values within an event's JSON, found and replaced in the text itself: what stands around them keeps its
//! bytes, numbers and spaces included. A marker has one spelling, the one `domain::Personal` is written in:
//! `{"$person":"<uuid>","$value":…}`, sealed `{"$person":"<uuid>","$sealed":"<base64>"}`, and for readers of one who
//! was erased `{"$person":"<uuid>","$erased":true}`. The text is taken to be valid JSON: the database takes no other.

use serde_json::value::RawValue;
use std::{borrow::Cow, ops::Range};
use uuid::Uuid;

const KEY: &str = r#""$person""#;
/// A uuid's length, in the one spelling it has here.
const UUID_LENGTH: usize = 36;

pub(super) struct Marker<'a> {
    pub person: Uuid,
    pub content: Content<'a>,
    range: Range<usize>,
}

pub(super) enum Content<'a> {
    /// Any JSON.
    Clear(&'a str),
    Sealed(&'a str),
    Erased,
}

/// The reserved key `$person` stands in something that is no marker.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misplaced;

pub(super) fn clear(person: Uuid, value: &str) -> String {
    format!(r#"{{"$person":"{person}","$value":{value}}}"#)
}

pub(super) fn sealed(person: Uuid, sealed: &str) -> String {
    format!(r#"{{"$person":"{person}","$sealed":"{sealed}"}}"#)
}

pub(super) fn erased(person: Uuid) -> String {
    format!(r#"{{"$person":"{person}","$erased":true}}"#)
}

/// Whether a closer look is worth it.
pub(super) fn may_have_markers(json: &str) -> bool {
    json.contains(KEY)
}

/// The outermost markers, in order; what stands within a clear one is for its own look.
pub(super) fn markers(json: &str) -> impl Iterator<Item = Result<Marker<'_>, Misplaced>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let key = from + json[from..].find(KEY)?;
            from = key + KEY.len();
            if !is_key(json, key) {
                continue;
            }
            let marker = parse(json, key).ok_or(Misplaced);
            if let Ok(marker) = &marker {
                from = marker.range.end;
            }
            return Some(marker);
        }
    })
}

/// Puts `put(marker)` where it answers something. Nothing is copied when it never does.
pub(super) fn replace<'a, E>(
    json: &'a str,
    found: impl Iterator<Item = Result<Marker<'a>, E>>,
    mut put: impl FnMut(&Marker<'a>) -> Result<Option<String>, E>,
) -> Result<Cow<'a, str>, E> {
    let (mut whole, mut copied) = (String::new(), 0);
    for marker in found {
        let marker = marker?;
        if let Some(text) = put(&marker)? {
            whole.push_str(&json[copied..marker.range.start]);
            whole.push_str(&text);
            copied = marker.range.end;
        }
    }
    if copied == 0 {
        return Ok(Cow::Borrowed(json));
    }
    whole.push_str(&json[copied..]);
    Ok(Cow::Owned(whole))
}

/// A quote after a backslash is part of a string; one before a colon closes a key. Nothing else needs to be parsed.
fn is_key(json: &str, at: usize) -> bool {
    let after = json[at + KEY.len()..].trim_start();
    !json[..at].ends_with('\\') && after.starts_with(':')
}

fn parse(json: &str, key: usize) -> Option<Marker<'_>> {
    let start = key.checked_sub(1)?;
    let rest = json.get(start..)?.strip_prefix(r#"{"$person":""#)?;
    let (spelled, rest) = rest.split_at_checked(UUID_LENGTH)?;
    let person: Uuid = spelled.parse().ok()?;
    if person.to_string() != spelled {
        return None;
    }
    let rest = rest.strip_prefix(r#"",""#)?;
    let (content, rest) = if let Some(rest) = rest.strip_prefix(r#"$value":"#) {
        let (value, rest) = rest.split_at_checked(value_length(rest)?)?;
        (Content::Clear(value), rest)
    } else if let Some(rest) = rest.strip_prefix(r#"$sealed":""#) {
        let (sealed, rest) = rest.split_once('"')?;
        (Content::Sealed(sealed), rest)
    } else {
        (Content::Erased, rest.strip_prefix(r#"$erased":true"#)?)
    };
    let end = json.len() - rest.strip_prefix('}')?.len();
    Some(Marker {
        person,
        content,
        range: start..end,
    })
}

/// The bytes of the JSON value that a text begins with.
fn value_length(text: &str) -> Option<usize> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    values.next()?.ok()?;
    Some(values.byte_offset())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERSON: Uuid = Uuid::from_u128(0xab);

    fn upper(json: &str) -> Result<Cow<'_, str>, Misplaced> {
        replace(json, markers(json), |marker| {
            Ok(match marker.content {
                Content::Clear(value) => Some(value.to_uppercase()),
                Content::Sealed(_) | Content::Erased => None,
            })
        })
    }

    #[test]
    fn only_markers_are_replaced_and_all_else_keeps_its_bytes() {
        let a = clear(PERSON, r#""a""#);
        let json = format!("{{\"n\": 1.10e2,\"list\":[{a} , {a}],\"x\":12345678901234567890123}}");
        assert_eq!(
            upper(&json),
            Ok(Cow::Owned(json.replace(&a, r#""A""#))),
            "spaces and numbers as they were"
        );
        for same in [
            erased(PERSON),
            sealed(PERSON, "abc"),
            r#"{"name":"$person","other":["$person"]}"#.to_owned(),
            r#"{"text":"{\"$person\":\"x\"}"}"#.to_owned(),
            r#"{"a\"$person":1}"#.to_owned(),
        ] {
            assert_eq!(upper(&same), Ok(Cow::Borrowed(same.as_str())));
        }
    }

    #[test]
    fn any_value_is_a_value_whatever_it_contains() {
        for value in [
            "1",
            "-0.5e+10",
            "null",
            "true",
            r#""}\"{""#,
            "[]",
            "{}",
            r#"{"a":[1, {"b":"]}"}]}"#,
        ] {
            let json = format!("[{}]", clear(PERSON, value));
            let found: Vec<_> = markers(&json).collect();
            let [Ok(marker)] = found.as_slice() else {
                panic!("{json}")
            };
            assert!(
                matches!(marker.content, Content::Clear(found) if found == value),
                "{json}"
            );
            assert_eq!(json.get(marker.range.clone()), json.get(1..json.len() - 1));
        }
    }

    #[test]
    fn the_reserved_key_anywhere_else_is_misplaced() {
        let id = PERSON.to_string();
        for json in [
            r#"{"$person":"someone","$value":1}"#.to_owned(),
            r#"{"$person" : 1}"#.to_owned(),
            format!(r#"{{"$person":"{id}"}}"#),
            format!(r#"{{ "$person":"{id}","$value":1}}"#),
            format!(r#"{{"$person":"{}","$value":1}}"#, id.to_uppercase()),
            format!(r#"{{"a":1,"$person":"{id}","$value":1}}"#),
            format!(r#"{{"$person":"{id}","$value":1,"b":2}}"#),
            format!(r#"{{"$person":"{id}","$erased":false}}"#),
            format!(r#"{{"$person":"{id}","$value":"#),
        ] {
            assert_eq!(upper(&json), Err(Misplaced), "{json}");
        }
    }
}
