//! A JSON body. What is wrong with it is told by the path of the field and the rule it breaks, as the domain does.

use super::{strict::Strict, whole::TooLong};
use crate::{
    problem::{Code, Problem},
    state::App,
};
use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
};
use domain::{Rule, Violation};
use serde::de::DeserializeOwned;
use serde_json::{Value, error::Category};
use sha2::{Digest, Sha256};

/// The most bytes a body may have.
pub const BODY_MAX: usize = 1 << 20;

/// SHA-256 of a body: what makes a repeat under one `Idempotency-Key` the same request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyHash(pub(super) [u8; 32]);

impl BodyHash {
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

/// Of a request without a body.
impl Default for BodyHash {
    fn default() -> Self {
        Self::of(b"{}")
    }
}

/// The body as a `T`; an empty one is `{}`. The content type is not looked at.
#[derive(Debug)]
pub struct Body<T> {
    pub value: T,
    pub hash: BodyHash,
}

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &App) -> Result<Self, Problem> {
        if request.extensions().get::<TooLong>().is_some() {
            return Err(Problem::new(Code::PayloadTooLarge));
        }
        let bytes = Bytes::from_request(request, state).await;
        let bytes = bytes.map_err(|_| Problem::new(Code::ValidationFailed).because("body.unreadable"))?;
        read(&bytes)
    }
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<Body<T>, Problem> {
    let text = bytes.trim_ascii();
    let text: &[u8] = if text.is_empty() { b"{}" } else { text };
    if std::str::from_utf8(text).is_err() {
        return Err(malformed());
    }
    if has_nul(text) {
        return Err(nul(text));
    }
    if !text.starts_with(b"{") {
        let json = serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok();
        let reason = if json { "body.not_an_object" } else { "body.malformed" };
        return Err(Problem::new(Code::ValidationFailed).because(reason));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| refuse(&error, text))?;
    deserializer.end().map_err(|_| malformed())?;
    let whole: Value = serde_json::from_slice(text).map_err(|_| malformed())?;
    serde_path_to_error::deserialize::<_, T>(Strict(&whole)).map_err(|error| refuse(&error, text))?;
    Ok(Body {
        value,
        hash: BodyHash::of(text),
    })
}

fn malformed() -> Problem {
    Problem::new(Code::ValidationFailed).because("body.malformed")
}

fn refuse(error: &serde_path_to_error::Error<serde_json::Error>, text: &[u8]) -> Problem {
    let message = error.inner().to_string();
    let beyond = message.starts_with("number out of range");
    // Where a word is expected, serde calls any other value a syntax error: whether it is one is asked again.
    let well_formed = || serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok();
    if !beyond && error.inner().classify() != Category::Data && !well_formed() {
        return malformed();
    }
    let path = error.path().to_string();
    let path = path.trim_end_matches(".?").trim_matches(['.', '?']);
    let (rule, inner) = if beyond {
        (Rule::TooLarge, None)
    } else {
        broken_rule(&message)
    };
    let rule = if is_null_at(text, path) { Rule::Required } else { rule };
    let field = match inner {
        Some(name) if path.is_empty() => name.to_owned(),
        Some(name) if path.rsplit('.').next() == Some(name) => path.to_owned(),
        Some(name) => format!("{path}.{name}"),
        None => path.to_owned(),
    };
    if field.is_empty() {
        Problem::new(Code::ValidationFailed).because("body.malformed")
    } else {
        Problem::invalid_field(field, rule)
    }
}

/// Whether the body has a null where something was expected.
fn is_null_at(text: &[u8], path: &str) -> bool {
    let pointer: String = path
        .split(['.', '[', ']'])
        .filter(|part| !part.is_empty())
        .map(|part| format!("/{part}"))
        .collect();
    let body = serde_json::from_slice::<Value>(text).ok();
    !pointer.is_empty()
        && body
            .as_ref()
            .and_then(|body| body.pointer(&pointer))
            .is_some_and(Value::is_null)
}

/// Reads the rule out of serde's message, and the name of a field that is only told there.
fn broken_rule(message: &str) -> (Rule, Option<&str>) {
    let quoted = || message.split('`').nth(1);
    let starts = |prefix: &str| message.starts_with(prefix);
    if starts("missing field") {
        (Rule::Required, quoted())
    } else if starts("unknown field") {
        (Rule::Unknown, quoted())
    } else if starts("duplicate field") {
        (Rule::NotUnique, quoted())
    } else if starts("unknown variant") {
        (Rule::NotAllowed, None)
    } else if starts("invalid type: null") {
        (Rule::Required, None)
    } else if starts("too_precise:") {
        (Rule::TooPrecise, None)
    } else if starts("too_large:") {
        (Rule::TooLarge, None)
    } else if message.contains("UUID") {
        (Rule::NotAUuid, None)
    } else if starts("invalid value: integer `-") {
        (Rule::Negative, None)
    } else if starts("invalid value: integer") {
        (Rule::TooLarge, None)
    } else {
        (Rule::WrongType, None)
    }
}

/// PostgreSQL cannot store NUL, and nothing that means well sends it: a zero byte, or `\u0000` as an escape.
fn has_nul(text: &[u8]) -> bool {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            0 => return true,
            b'\\' if text[at..].starts_with(b"\\u0000") => return true,
            b'\\' => at += 2, // an escaped backslash does not begin another escape
            _ => at += 1,
        }
    }
    false
}

fn nul(text: &[u8]) -> Problem {
    let Ok(value) = serde_json::from_slice::<Value>(text) else {
        return malformed();
    };
    let mut violations = Vec::new();
    find_nul(&value, String::new(), &mut violations);
    Problem::invalid(&violations)
}

fn find_nul(value: &Value, path: String, found: &mut Vec<Violation>) {
    match value {
        Value::String(text) if text.contains('\0') => found.push(Violation {
            field: path,
            rule: Rule::NotAllowed,
        }),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(n, item)| find_nul(item, format!("{path}[{n}]"), found)),
        Value::Object(fields) => {
            for (name, field) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                if name.contains('\0') {
                    found.push(Violation {
                        field: path.clone(),
                        rule: Rule::NotAllowed,
                    });
                }
                find_nul(field, format!("{path}{dot}{}", name.replace('\0', "")), found);
            }
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Quantity, id::ProductId, identity::workspace::WorkspaceKind};
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[expect(dead_code, reason = "only what refuses is looked at")]
    struct Order {
        title: String,
        products: Vec<Line>,
        kind: Option<WorkspaceKind>,
        floor: Option<u8>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[expect(dead_code, reason = "only what refuses is looked at")]
    struct Line {
        product_id: ProductId,
        quantity: Quantity,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Win {
        #[serde(rename = "finalAmount")]
        final_amount: Option<u32>,
    }

    /// Code, field and rule.
    fn refused(text: &str) -> String {
        let problem = read::<Order>(text.as_bytes()).unwrap_err();
        let Some(Violation { field, rule }) = problem.violations().first() else {
            return problem.code().as_str().into();
        };
        format!("{} {field} {}", problem.code().as_str(), rule.code())
    }

    #[test]
    fn the_field_and_its_rule_are_named() {
        let cases = [
            ("{}", "REQUIRED_FIELD title required"),
            ("", "REQUIRED_FIELD title required"),
            (r#"{"title":null}"#, "REQUIRED_FIELD title required"),
            (r#"{"title":7}"#, "VALIDATION_FAILED title wrong_type"),
            (
                r#"{"title":"a","products":{}}"#,
                "VALIDATION_FAILED products wrong_type",
            ),
            (
                r#"{"title":"a","products":[],"kind":"palace"}"#,
                "VALIDATION_FAILED kind not_allowed",
            ),
            (
                r#"{"title":"a","products":[],"floor":-1}"#,
                "VALIDATION_FAILED floor negative",
            ),
            (
                r#"{"title":"a","products":[],"floor":999}"#,
                "VALIDATION_FAILED floor too_large",
            ),
            (
                r#"{"title":"a\u0000","products":[]}"#,
                "VALIDATION_FAILED title not_allowed",
            ),
        ];
        for (text, told) in cases {
            assert_eq!(refused(text), told, "{text}");
        }
    }

    #[test]
    fn a_field_of_a_line_is_named_with_its_place() {
        const ID: &str = r#""productId":"0190c2a5-0000-7000-8000-000000000000""#;
        let cases = [
            (
                r#""quantity":1"#.to_owned(),
                "REQUIRED_FIELD products[0].productId required",
            ),
            (
                r#""productId":"7","quantity":1"#.to_owned(),
                "INVALID_UUID products[0].productId not_a_uuid",
            ),
            (
                r#""productId":7,"quantity":1"#.to_owned(),
                "INVALID_UUID products[0].productId not_a_uuid",
            ),
            (
                format!(r#"{ID},"quantity":0.0001"#),
                "VALIDATION_FAILED products[0].quantity too_precise",
            ),
            (
                format!(r#"{ID},"quantity":1e30"#),
                "VALIDATION_FAILED products[0].quantity too_large",
            ),
            (
                format!(r#"{ID},"quantity":1e999"#),
                "VALIDATION_FAILED products[0].quantity too_large",
            ),
            (
                format!(r#"{ID},"quantity":"1""#),
                "VALIDATION_FAILED products[0].quantity wrong_type",
            ),
        ];
        for (line, told) in cases {
            assert_eq!(
                refused(&format!(r#"{{"title":"a","products":[{{{line}}}]}}"#)),
                told,
                "{line}"
            );
        }
    }

    #[test]
    fn what_is_not_json_is_malformed() {
        let cases = [
            "{",
            "{]",
            "nonsense",
            "{\"title\":\"a\",\"products\":[]} x",
            "{\"title\":\"\u{0}\"}",
        ];
        for text in cases {
            assert_eq!(
                read::<Order>(text.as_bytes()).unwrap_err().reason(),
                Some("body.malformed"),
                "{text}"
            );
        }
        for text in ["[]", "7", "null", "\"a\""] {
            assert_eq!(
                read::<Order>(text.as_bytes()).unwrap_err().reason(),
                Some("body.not_an_object"),
                "{text}"
            );
        }
    }

    #[test]
    fn an_escaped_backslash_before_u0000_is_text() {
        let body = read::<Order>(br#"{"title":"\\u0000","products":[]}"#).unwrap();
        assert_eq!(body.value.title, "\\u0000");
    }

    #[test]
    fn no_body_is_an_empty_object() {
        let win = read::<Win>(b" \n").unwrap();
        assert_eq!((win.value.final_amount, win.hash), (None, BodyHash::default()));
    }
}
