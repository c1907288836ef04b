//! A JSON body. What is wrong with it is told by the path of the field and the rule it breaks, as the domain does.

use super::{
    json::{Json, Unreadable},
    no_query,
    strict::{Refused, Strict},
    whole::TooLong,
};
use crate::{
    config::CheckDigits,
    problem::{Code, Problem},
    state::App,
};
use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
};
use domain::{Rule, check::check_digit_holds, field::constrain_values};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

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

/// What can be asked for in a body.
pub trait Asked: Sized {
    fn read(json: Json) -> Result<Self, Problem>;

    /// For the API's description.
    fn schema(generator: &mut SchemaGenerator) -> Schema;

    /// Its fields that are a BIN or an IIN.
    fn numbers() -> Vec<&'static str> {
        vec![]
    }
}

impl<T: DeserializeOwned + JsonSchema> Asked for T {
    fn schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = in_place::<T>(generator);
        constrain_values(&mut schema);
        schema
    }

    fn read(json: Json) -> Result<Self, Problem> {
        strictly(json).map_err(|(field, rule)| Problem::invalid_field(field, rule))
    }
}

/// The schema of something that is read, all its parts in place: what is asked for is stricter than what is answered, so
/// that the two share no parts.
pub(super) fn in_place<T: JsonSchema>(generator: &SchemaGenerator) -> Schema {
    let settings = generator.settings().clone().for_deserialize().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    settings.into_generator().into_root_schema_for::<T>()
}

impl<T: Asked> FromRequest<App> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &App) -> Result<Self, Problem> {
        no_query(request.uri())?;
        if request.extensions().get::<TooLong>().is_some() {
            return Err(Problem::new(Code::PayloadTooLarge));
        }
        let bytes = Bytes::from_request(request, state).await;
        let bytes = bytes.map_err(|_| Problem::new(Code::ValidationFailed).because("body.unreadable"))?;
        let body = read(&bytes)?;
        let numbers = T::numbers();
        if state.config.check_digits == CheckDigits::Refuse && !numbers.is_empty() {
            let said: Map<String, Value> = serde_json::from_slice(&bytes).unwrap_or_default();
            for (field, number) in numbers
                .into_iter()
                .filter_map(|name| Some((name, said.get(name)?.as_str()?)))
            {
                digit_holds(state, field, number)?;
            }
        }
        Ok(body)
    }
}

/// Refuses a BIN or an IIN whose check digit does not hold, where that is asked for. Whether it is a number of twelve digits at
/// all is the noun's own rule.
pub fn digit_holds(app: &App, field: &str, number: &str) -> Result<(), Problem> {
    let number = number.trim();
    let is_whole = number.len() == 12 && number.bytes().all(|byte| byte.is_ascii_digit());
    match app.config.check_digits {
        CheckDigits::Refuse if is_whole && !check_digit_holds(number) => {
            Err(Problem::invalid_field(field, Rule::CheckDigit))
        }
        CheckDigits::Refuse | CheckDigits::Tell => Ok(()),
    }
}

fn read<T: Asked>(bytes: &[u8]) -> Result<Body<T>, Problem> {
    let text = bytes.trim_ascii();
    let text: &[u8] = if text.is_empty() { b"{}" } else { text };
    let json = Json::read(text).map_err(|unreadable| match unreadable {
        Unreadable::Malformed => Problem::malformed(),
        Unreadable::TooManyValues => Problem::new(Code::PayloadTooLarge),
        Unreadable::Field(violation) => Problem::invalid(&[violation]),
    })?;
    if !matches!(json, Json::Object(_)) {
        return Err(Problem::new(Code::ValidationFailed).because("body.not_an_object"));
    }
    Ok(Body {
        value: T::read(json)?,
        hash: BodyHash::of(text),
    })
}

/// A `T`, or the path of the first field that is in its way and the rule it breaks.
pub(super) fn strictly<T: DeserializeOwned>(json: Json) -> Result<T, (String, Rule)> {
    serde_path_to_error::deserialize(Strict(json)).map_err(|error| {
        let path = error.path().to_string();
        let path = path.trim_end_matches(".?").trim_matches(['.', '?']).to_owned();
        let Refused { rule, field } = error.into_inner();
        let field = match field {
            Some(name) if path.is_empty() => name,
            Some(name) if path.rsplit('.').next() == Some(&*name) => path,
            Some(name) => format!("{path}.{name}"),
            None => path,
        };
        (field, rule)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Quantity, Violation, id::ProductId, identity::workspace::WorkspaceKind};
    use serde::Deserialize;

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(rename_all = "camelCase")]
    #[expect(dead_code, reason = "only what refuses is looked at")]
    struct Order {
        title: String,
        products: Vec<Line>,
        kind: Option<WorkspaceKind>,
        floor: Option<u8>,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(rename_all = "camelCase")]
    #[expect(dead_code, reason = "only what refuses is looked at")]
    struct Line {
        product_id: ProductId,
        quantity: Quantity,
    }

    #[derive(Debug, Default, Deserialize, JsonSchema)]
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
        let cases = ["{", "{]", "nonsense", "{\"title\":\"a\",\"products\":[]} x"];
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
