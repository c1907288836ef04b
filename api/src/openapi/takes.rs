//! What each extractor adds to the description of the operations that use it.

use super::{is_written, json_content, lists, parameter};
use crate::{
    export::{Heads, Wanted},
    extract::{
        Asked, Body, Caller, Id, InPath, Kind, Leaving, List, May, MayChange, NoQuery, Param, ParamWithin, SignedIn,
        Within, Write, past::Seen,
    },
    i18n::Language,
};
use aide::{OperationInput, generate::GenContext, openapi};
use projections::shape::Shape;
use schemars::JsonSchema;
use serde_json::{Value, json};
use sheets::Format;

/// An empty header is none.
const UUID_OR_NOTHING: &str = "^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})?$";
/// Entity tags as `If-Match` takes them.
const VERSIONS: &str = r#"^(\*|[0-9]{1,18}|(W/)?"[0-9]{1,18}"(, (W/)?"[0-9]{1,18}"){0,9})?$"#;

impl<R> OperationInput for May<R> {
    fn operation_input(context: &mut GenContext, operation: &mut openapi::Operation) {
        Caller::operation_input(context, operation);
    }
}

impl<T> OperationInput for MayChange<T> {
    fn operation_input(context: &mut GenContext, operation: &mut openapi::Operation) {
        Id::<uuid::Uuid>::operation_input(context, operation);
    }
}

impl OperationInput for Caller {
    fn operation_input(_: &mut GenContext, operation: &mut openapi::Operation) {
        for (name, schema, description) in [
            (
                "X-Workspace-Id",
                json!({ "type": "string", "pattern": UUID_OR_NOTHING }),
                "The workspace, when the path has none",
            ),
            ("X-Tenant-Key", json!({ "type": "string" }), "The same by its key"),
            (
                "X-Organization-Id",
                json!({ "type": "string", "pattern": UUID_OR_NOTHING }),
                "Must be the workspace's, when it is given",
            ),
        ] {
            parameter(
                operation,
                json!({ "name": name, "in": "header", "schema": schema, "description": description }),
            );
        }
    }
}

impl OperationInput for SignedIn {}

impl OperationInput for Leaving {}

impl OperationInput for Language {
    fn operation_input(_: &mut GenContext, operation: &mut openapi::Operation) {
        let schema = json!({ "type": "string" });
        parameter(
            operation,
            json!({ "name": "Accept-Language", "in": "header", "schema": schema, "description": "kk-KZ, ru-RU or en-US" }),
        );
    }
}

impl<T> OperationInput for Id<T> {
    fn operation_input(_: &mut GenContext, operation: &mut openapi::Operation) {
        path_id(operation, "id");
    }
}

impl<T> OperationInput for Within<T> {
    fn operation_input(_: &mut GenContext, operation: &mut openapi::Operation) {
        path_id(operation, "id");
    }
}

impl<T: Kind> OperationInput for Param<T> {
    fn operation_input(_: &mut GenContext, operation: &mut openapi::Operation) {
        path_id(operation, T::NAME);
    }
}

impl<T: Kind> OperationInput for ParamWithin<T> {
    fn operation_input(_: &mut GenContext, operation: &mut openapi::Operation) {
        path_id(operation, T::NAME);
    }
}

fn path_id(operation: &mut openapi::Operation, name: &str) {
    let schema = json!({ "type": "string", "format": "uuid" });
    parameter(
        operation,
        json!({ "name": name, "in": "path", "required": true, "schema": schema, "description": "Its id" }),
    );
}

impl<I: InPath> OperationInput for Seen<I> {
    fn operation_input(_: &mut GenContext, operation: &mut openapi::Operation) {
        path_id(operation, I::NAME);
        lists::moment(operation);
    }
}

impl OperationInput for NoQuery {}

impl<V: Shape + JsonSchema> OperationInput for List<V> {
    fn operation_input(_: &mut GenContext, operation: &mut openapi::Operation) {
        lists::list_of::<V>(operation);
    }
}

impl<V: Shape + JsonSchema> OperationInput for Wanted<V> {
    fn operation_input(_: &mut GenContext, operation: &mut openapi::Operation) {
        for (name, required, words, description) in [
            (
                "format",
                true,
                json!(Format::ALL.map(Format::name)),
                "What file it is to be",
            ),
            (
                "heads",
                false,
                json!(Heads::WORDS),
                "What columns are called: `names`, as fields are; or `words`, as the caller's language calls them",
            ),
        ] {
            let schema = json!({ "type": "string", "enum": words });
            parameter(
                operation,
                json!({ "name": name, "in": "query", "required": required, "schema": schema, "description": description }),
            );
        }
        lists::choice_of::<V>(operation);
    }
}

impl OperationInput for Write {
    fn operation_input(_: &mut GenContext, operation: &mut openapi::Operation) {
        for (name, schema, description) in [
            (
                "Idempotency-Key",
                json!({ "type": "string", "maxLength": 200, "pattern": r"^[\t\x20-\x7e]*$" }),
                "A repeat under the same key is answered as the first time",
            ),
            (
                "If-Match",
                json!({ "type": "string", "pattern": VERSIONS }),
                "The versions it may be changed at, as `ETag` gives them",
            ),
            (
                "Prefer",
                json!({ "type": "string" }),
                "`respond-async` answers as soon as it is durable",
            ),
            (
                "X-Correlation-Id",
                json!({ "type": "string" }),
                "A UUID: what the write belongs to, kept with its events; anything else is passed over",
            ),
        ] {
            parameter(
                operation,
                json!({ "name": name, "in": "header", "schema": schema, "description": description }),
            );
        }
    }
}

impl<T: Asked> OperationInput for Body<T> {
    fn operation_input(context: &mut GenContext, operation: &mut openapi::Operation) {
        if !is_written() {
            return;
        }
        let schema = T::schema(&mut context.schema);
        // None is `{}`.
        let needed = schema.get("required").and_then(Value::as_array);
        let body = openapi::RequestBody {
            required: needed.is_some_and(|fields| !fields.is_empty()),
            content: json_content(schema),
            ..openapi::RequestBody::default()
        };
        operation.request_body = Some(openapi::ReferenceOr::Item(body));
    }
}
