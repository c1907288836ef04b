//! What handlers answer, as types, so that the API's description is read off their signatures and cannot differ.

use crate::{envelope::Envelope, openapi::json_content};
use aide::{OperationOutput, generate::GenContext, openapi};
use axum::response::{IntoResponse, Response};
use projections::{
    ColumnKind, Rights, camel_case,
    shape::Shape,
    singular,
    view::{CALLED, View, has_own},
};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::{borrow::Cow, marker::PhantomData};
use uuid::Uuid;

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
        always(STATUS, Self::operation_response(context, operation))
    }
}

/// What is answered with that status, as the document tells it.
pub fn always(
    status: u16,
    response: Option<openapi::Response>,
) -> Vec<(Option<openapi::StatusCode>, openapi::Response)> {
    let status = Some(openapi::StatusCode::Code(status));
    response
        .into_iter()
        .map(|response| (status.clone(), response))
        .collect()
}

/// That something was done, where there is no more to tell of it; the document calls it as `A` says.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Changed<A> {
    what: Acknowledged,
    #[serde(skip)]
    of: PhantomData<fn() -> A>,
}

/// What has an answer of its own name.
pub trait Named {
    /// `CategoryChanged`.
    const ANSWER: &'static str;
}

// No description: the answers that are made of it have none.
#[derive(Debug, Serialize, JsonSchema)]
struct Acknowledged {
    id: Uuid,
    message: &'static str,
    version: i64,
}

impl<A> Changed<A> {
    pub fn new(id: Uuid, message: &'static str, version: i64) -> Self {
        Self {
            what: Acknowledged { id, message, version },
            of: PhantomData,
        }
    }
}

impl<A: Named> JsonSchema for Changed<A> {
    fn schema_name() -> Cow<'static, str> {
        A::ANSWER.into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Acknowledged::json_schema(generator)
    }
}

/// A row as lists show it: its columns but for the hidden ones, and what is computed.
pub struct Item<V>(PhantomData<fn() -> V>);

/// The same with what only the details show.
pub struct Details<V>(PhantomData<fn() -> V>);

impl<V: Shape + JsonSchema> JsonSchema for Item<V> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}Item", noun::<V>()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        object::<V>(shown::<V>(generator))
    }
}

impl<V: Shape + JsonSchema> JsonSchema for Details<V> {
    fn schema_name() -> Cow<'static, str> {
        noun::<V>().into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut fields = shown::<V>(generator);
        fields.insert("fullDetails".to_owned(), json!({ "const": true }));
        if has_own::<V>() {
            let told = "What those are called that `custom` refers to, by the field's key";
            let names = json!({ "type": "object", "additionalProperties": { "type": "string" }, "description": told });
            fields.insert(CALLED.to_owned(), names);
        }
        fields.extend(fields_of::<V::Details>(generator));
        object::<V>(fields)
    }
}

/// Every field is always there, if need be as null; but for those that need a right of their own.
fn object<V: View>(fields: Map<String, Value>) -> Schema {
    let columns = V::columns()
        .into_iter()
        .map(|column| (camel_case(column.name), column.rights));
    let computed = V::SHOWN.iter().chain(V::DETAILS);
    let computed = computed.map(|field| (field.name.to_owned(), field.rights));
    let nested = V::NESTED.iter().map(|nested| (nested.name.to_owned(), nested.rights));
    let guarded = columns
        .chain(computed)
        .chain(nested)
        .filter(|(_, rights)| *rights != Rights::ALL);
    let guarded: Vec<String> = guarded.map(|(name, _)| name).collect();
    let names: Vec<&String> = fields.keys().filter(|name| !guarded.contains(name)).collect();
    let mut schema = Map::new();
    schema.insert("type".to_owned(), "object".into());
    schema.insert("required".to_owned(), json!(names));
    schema.insert("properties".to_owned(), fields.into());
    schema.into()
}

fn shown<V: Shape + JsonSchema>(generator: &mut SchemaGenerator) -> Map<String, Value> {
    let mut fields = fields_of::<V>(generator);
    let hidden = |name: &String| {
        V::columns()
            .iter()
            .any(|column| column.kind == ColumnKind::Hidden && camel_case(column.name) == *name)
    };
    fields.retain(|name, _| !hidden(name));
    fields.extend(fields_of::<V::Shown>(generator));
    fields
}

fn fields_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Map<String, Value> {
    let mut schema = T::json_schema(generator);
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    properties.map(std::mem::take).unwrap_or_default()
}

/// `production_orders` is `ProductionOrder`.
fn noun<V: View>() -> String {
    let singular = singular(V::NAME);
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
