//! What each extractor adds to the description of the operations that use it.

use super::{json_content, parameter};
use crate::{
    extract::{Asked, Body, Caller, Id, List, May, NoQuery, Pairs, ProductParam, SignedIn, Write},
    i18n::Language,
};
use aide::{OperationInput, generate::GenContext, openapi};
use projections::view::View;
use serde_json::json;

impl<R> OperationInput for May<R> {
    fn operation_input(context: &mut GenContext, operation: &mut openapi::Operation) {
        Caller::operation_input(context, operation);
    }
}

impl OperationInput for Caller {
    fn operation_input(_: &mut GenContext, operation: &mut openapi::Operation) {
        for (name, schema, description) in [
            (
                "X-Workspace-Id",
                json!({ "type": "string", "format": "uuid" }),
                "The workspace, when the path has none",
            ),
            ("X-Tenant-Key", json!({ "type": "string" }), "The same by its key"),
            (
                "X-Organization-Id",
                json!({ "type": "string", "format": "uuid" }),
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

impl OperationInput for ProductParam {
    fn operation_input(_: &mut GenContext, operation: &mut openapi::Operation) {
        path_id(operation, "productId");
    }
}

fn path_id(operation: &mut openapi::Operation, name: &str) {
    let schema = json!({ "type": "string", "format": "uuid" });
    parameter(
        operation,
        json!({ "name": name, "in": "path", "required": true, "schema": schema }),
    );
}

impl OperationInput for Pairs {}

impl OperationInput for NoQuery {}

impl<V: View> OperationInput for List<V> {}

impl OperationInput for Write {
    fn operation_input(_: &mut GenContext, operation: &mut openapi::Operation) {
        for (name, schema, description) in [
            (
                "Idempotency-Key",
                json!({ "type": "string", "maxLength": 200 }),
                "A repeat under the same key is answered as the first time",
            ),
            (
                "If-Match",
                json!({ "type": "string" }),
                "The versions it may be changed at, as `ETag` gives them",
            ),
            (
                "Prefer",
                json!({ "type": "string" }),
                "`respond-async` answers as soon as it is durable",
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
        let body = openapi::RequestBody {
            content: json_content(T::schema(&mut context.schema)),
            required: true,
            ..openapi::RequestBody::default()
        };
        operation.request_body = Some(openapi::ReferenceOr::Item(body));
    }
}
