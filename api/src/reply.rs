//! What handlers answer, as types, so that the API's description is read off their signatures and cannot differ.

use crate::{envelope::Envelope, openapi::json_content};
use aide::{OperationOutput, generate::GenContext, openapi};
use axum::response::{IntoResponse, Response};
use projections::{ColumnKind, camel_case, view::View};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};
use std::{borrow::Cow, marker::PhantomData};

/// A `T` in the envelope, with that status.
pub struct Reply<T, const STATUS: u16 = 200>(Response, PhantomData<fn() -> T>);

/// A `T` that was made.
pub type Created<T> = Reply<T, 201>;
/// A page of a list.
pub type Page<V> = Reply<crate::envelope::Listed<Vec<Item<V>>>>;
/// One resource with its details.
pub type One<V> = Reply<Details<V>>;

impl<T, const STATUS: u16> Reply<T, STATUS> {
    /// What was written is a `T`.
    pub(crate) fn of(response: Response) -> Self {
        Self(response, PhantomData)
    }
}

impl<T, const STATUS: u16> IntoResponse for Reply<T, STATUS> {
    fn into_response(self) -> Response {
        self.0
    }
}

impl<T: JsonSchema, const STATUS: u16> OperationOutput for Reply<T, STATUS> {
    type Inner = T;

    fn operation_response(context: &mut GenContext, _: &mut openapi::Operation) -> Option<openapi::Response> {
        let schema = context.schema.subschema_for::<Envelope<T>>();
        Some(openapi::Response {
            description: if STATUS == 201 { "Made" } else { "Done" }.to_owned(),
            content: json_content(schema),
            ..openapi::Response::default()
        })
    }

    fn inferred_responses(
        context: &mut GenContext,
        operation: &mut openapi::Operation,
    ) -> Vec<(Option<openapi::StatusCode>, openapi::Response)> {
        let response = Self::operation_response(context, operation);
        response
            .into_iter()
            .map(|response| (Some(openapi::StatusCode::Code(STATUS)), response))
            .collect()
    }
}

/// A row as lists show it: its columns but for the hidden ones, and what is computed.
pub struct Item<V>(PhantomData<fn() -> V>);

/// The same with what only the details show.
pub struct Details<V>(PhantomData<fn() -> V>);

impl<V: View + JsonSchema> JsonSchema for Item<V> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}Item", noun::<V>()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        object(shown::<V>(generator))
    }
}

impl<V: View + JsonSchema> JsonSchema for Details<V> {
    fn schema_name() -> Cow<'static, str> {
        noun::<V>().into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut fields = shown::<V>(generator);
        fields.insert("fullDetails".to_owned(), json!({ "const": true }));
        for computed in V::DETAILS {
            fields.insert(computed.name.to_owned(), of_kind(computed.kind));
        }
        object(fields)
    }
}

fn object(fields: Map<String, Value>) -> Schema {
    let mut schema = Map::new();
    schema.insert("type".to_owned(), "object".into());
    schema.insert("properties".to_owned(), fields.into());
    schema.into()
}

fn shown<V: View + JsonSchema>(generator: &mut SchemaGenerator) -> Map<String, Value> {
    let mut row = V::json_schema(generator);
    let properties = row
        .get_mut("properties")
        .and_then(Value::as_object_mut)
        .map(std::mem::take);
    let mut properties = properties.unwrap_or_default();
    let hidden = |name: &String| {
        V::COLUMNS
            .iter()
            .any(|column| column.kind == ColumnKind::Hidden && camel_case(column.name) == *name)
    };
    properties.retain(|name, _| !hidden(name));
    for computed in V::SHOWN {
        properties.insert(computed.name.to_owned(), of_kind(computed.kind));
    }
    properties
}

/// `production_orders` is `ProductionOrder`.
fn noun<V: View>() -> String {
    let singular = V::NAME.trim_end_matches('s');
    let word = |word: &str| {
        let mut letters = word.chars();
        letters
            .next()
            .map(|first| first.to_ascii_uppercase())
            .into_iter()
            .chain(letters)
            .collect::<String>()
    };
    singular.split('_').map(word).collect()
}

/// What is computed is described by its kind.
fn of_kind(kind: ColumnKind) -> Value {
    match kind {
        ColumnKind::Text => json!({ "type": ["string", "null"] }),
        ColumnKind::Number => json!({ "type": ["number", "null"] }),
        ColumnKind::Bool => json!({ "type": ["boolean", "null"] }),
        ColumnKind::Uuid => json!({ "type": ["string", "null"], "format": "uuid" }),
        ColumnKind::Date => json!({ "type": ["string", "null"], "format": "date" }),
        ColumnKind::Time => json!({ "type": ["string", "null"], "format": "date-time" }),
        ColumnKind::Json | ColumnKind::Hidden => json!({}),
    }
}
