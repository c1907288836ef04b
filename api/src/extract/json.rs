//! A request's JSON as it was sent: numbers keep their digits, a doubled key is refused, text is normalised to NFC and
//! has no control characters but line breaks and tabs. What serde_json would make of it first, a binary float or the
//! last of two keys, nobody asked for.

use domain::{Rule, Violation};
use hifijson::{SliceLexer, token::Lex, value::Value};
use std::{borrow::Cow, collections::HashSet};
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// Deeper nesting than this is taken for an attack.
const DEPTH_MAX: usize = 128;
/// So many values no body needs; each takes fifty times its bytes in memory.
const COMMAS_MAX: usize = 50_000;

#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    /// As it is written.
    Number(String),
    Text(String),
    List(Vec<Json>),
    /// In the order of the request, each name once.
    Object(Vec<(String, Json)>),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Unreadable {
    Malformed,
    TooManyValues,
    Field(Violation),
}

impl Json {
    pub fn read(text: &[u8]) -> Result<Self, Unreadable> {
        if text.iter().filter(|byte| **byte == b',').count() > COMMAS_MAX {
            return Err(Unreadable::TooManyValues);
        }
        if std::str::from_utf8(text).is_err() {
            return Err(Unreadable::Malformed);
        }
        let value = SliceLexer::new(text).exactly_one(Lex::ws_peek, |next, lexer| {
            hifijson::value::parse_bounded(DEPTH_MAX, next, lexer)
        });
        let value = value.map_err(|_| Unreadable::Malformed)?;
        cleaned(value, &mut String::new()).map_err(Unreadable::Field)
    }
}

type Raw<'a> = Value<&'a str, Cow<'a, str>>;

/// `path` is where the value stands; it is the same again afterwards.
fn cleaned(value: Raw<'_>, path: &mut String) -> Result<Json, Violation> {
    let above = path.len();
    Ok(match value {
        Value::Null => Json::Null,
        Value::Bool(flag) => Json::Bool(flag),
        Value::Number((digits, _)) => Json::Number(digits.to_owned()),
        Value::String(text) => Json::Text(plain(text, path)?),
        Value::Array(items) => {
            let mut list = Vec::with_capacity(items.len());
            for (n, item) in items.into_iter().enumerate() {
                path.push_str(&format!("[{n}]"));
                list.push(cleaned(item, path)?);
                path.truncate(above);
            }
            Json::List(list)
        }
        Value::Object(fields) => {
            let mut names = HashSet::with_capacity(fields.len());
            let mut object = Vec::with_capacity(fields.len());
            for (name, value) in fields {
                let name = plain(name, path)?;
                path.push_str(if above == 0 { "" } else { "." });
                path.push_str(&name);
                if !names.insert(name.clone()) {
                    return Err(violation(path, Rule::NotUnique));
                }
                object.push((name, cleaned(value, path)?));
                path.truncate(above);
            }
            Json::Object(object)
        }
    })
}

fn plain(text: Cow<'_, str>, path: &str) -> Result<String, Violation> {
    if text
        .chars()
        .any(|letter| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t'))
    {
        return Err(violation(path, Rule::NotAllowed));
    }
    Ok(if is_nfc(&text) {
        text.into_owned()
    } else {
        text.nfc().collect()
    })
}

fn violation(field: &str, rule: Rule) -> Violation {
    Violation {
        field: field.to_owned(),
        rule,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Unreadable {
        Json::read(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn numbers_keep_their_digits() {
        let digits = "12345678901234567890123";
        assert_eq!(Json::read(digits.as_bytes()), Ok(Json::Number(digits.into())));
        assert_eq!(
            Json::read(b" 0.10000000000000001 "),
            Ok(Json::Number("0.10000000000000001".into()))
        );
    }

    #[test]
    fn a_doubled_key_is_refused_at_any_depth_and_however_it_is_written() {
        for (text, field) in [
            (r#"{"a":1,"a":1}"#, "a"),
            (r#"{"a":[{"b":{}},{"b":1,"\u0062":2}]}"#, "a[1].b"),
            ("{\"й\":1,\"и\u{306}\":2}", "й"),
        ] {
            assert_eq!(
                refused(text),
                Unreadable::Field(violation(field, Rule::NotUnique)),
                "{text}"
            );
        }
    }

    #[test]
    fn text_is_composed_and_without_control_characters() {
        let read = |text: &str| Json::read(text.as_bytes()).unwrap();
        assert_eq!(read("\"и\u{306}\""), Json::Text("й".into()));
        assert_eq!(read(r#""a\nb\tc""#), Json::Text("a\nb\tc".into()));
        for (text, field) in [
            (r#"{"a":{"b":"x\u0000"}}"#, "a.b"),
            (r#"{"a":["\u001b[0m"]}"#, "a[0]"),
            (r#"{"a":{"b\u0085":1}}"#, "a"),
        ] {
            assert_eq!(
                refused(text),
                Unreadable::Field(violation(field, Rule::NotAllowed)),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_not_json_is_malformed() {
        for text in [
            "",
            "{",
            "{}{}",
            "nul",
            "\"\\ud800\"",
            "[1,]",
            "01",
            "1.",
            "NaN",
            "{'a':1}",
            "{\"a\" 1}",
        ] {
            assert_eq!(refused(text), Unreadable::Malformed, "{text}");
        }
        assert_eq!(refused(&"[".repeat(200)), Unreadable::Malformed);
        assert_eq!(
            refused(&format!("[{}1]", "1,".repeat(COMMAS_MAX + 1))),
            Unreadable::TooManyValues
        );
        assert_eq!(Json::read(b"\"\xff\""), Err(Unreadable::Malformed));
    }
}
