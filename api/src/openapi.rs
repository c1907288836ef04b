//! The OpenAPI document, read off the handlers' types: each extractor says what it takes, each reply what it gives.
//! Here is what all operations have in common.

mod answers;
mod links;
mod lists;
mod shared;
mod takes;

pub use answers::answering;
pub(crate) use lists::{YEARS as YEARS_PATTERN, moment};

use crate::envelope::{ErrorEnvelope, VERSION};
use aide::{
    axum::ApiRouter,
    generate,
    openapi::{self, MediaType, OpenApi, SchemaObject},
    transform::TransformOperation,
};
use axum::Router;
use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde_json::{Map, Value, json};
use std::cell::Cell;

/// A value of any kind.
#[derive(JsonSchema)]
#[schemars(extend("type" = ["null", "boolean", "number", "string", "array", "object"]))]
#[expect(dead_code, reason = "only its schema is used")]
pub struct Anything(Value);

/// An operation in one sentence.
pub fn told(summary: &'static str) -> impl FnOnce(TransformOperation) -> TransformOperation {
    move |operation| operation.summary(summary)
}

/// Marks an operation that asks for no token.
const OPEN: &str = "x-open";

/// The same for those who are not signed in.
pub fn told_to_all(summary: &'static str) -> impl FnOnce(TransformOperation) -> TransformOperation {
    move |mut operation| {
        operation.inner_mut().extensions.insert(OPEN.to_owned(), json!(true));
        operation.summary(summary)
    }
}

thread_local! {
    /// Whether what operations take and answer is written down: only for the document, for it takes ten times as long as the
    /// routes themselves, which every start makes.
    static IS_WRITTEN: Cell<bool> = const { Cell::new(false) };
}

fn is_written() -> bool {
    IS_WRITTEN.get()
}

/// The routes alone.
pub fn undescribed<S: Clone + Send + Sync + 'static>(routes: impl FnOnce() -> ApiRouter<S>) -> Router<S> {
    generate::infer_responses(false);
    routes().into()
}

/// The document of the routes.
pub fn describe<S: Clone + Send + Sync + 'static>(routes: impl FnOnce() -> ApiRouter<S>) -> Value {
    IS_WRITTEN.set(true);
    let described = written(routes);
    IS_WRITTEN.set(false);
    described
}

fn written<S: Clone + Send + Sync + 'static>(routes: impl FnOnce() -> ApiRouter<S>) -> Value {
    generate::infer_responses(true);
    generate::in_context(|context| {
        let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        context.schema = settings.into_generator();
    });
    let mut document = OpenApi::default();
    let refusal = generate::in_context(|context| context.schema.subschema_for::<ErrorEnvelope>());
    _ = routes().finish_api(&mut document);
    let document = serde_json::to_value(document).unwrap_or_default();
    finish(document, &refusal)
}

pub(crate) fn json_content(schema: Schema) -> IndexMap<String, MediaType> {
    let media = MediaType {
        schema: Some(SchemaObject {
            json_schema: schema,
            external_docs: None,
            example: None,
        }),
        ..MediaType::default()
    };
    IndexMap::from([("application/json".to_owned(), media)])
}

/// A form's fields.
pub(crate) fn form_content(schema: &Value) -> Value {
    json!({ "multipart/form-data": { "schema": schema } })
}

/// A parameter, in the standard's own words.
pub(crate) fn parameter(operation: &mut openapi::Operation, words: Value) {
    if !is_written() {
        return;
    }
    let known = serde_json::from_value::<openapi::Parameter>(words);
    operation.parameters.extend(known.map(openapi::ReferenceOr::Item));
}

/// Adds to every operation an id of its own, a tag, the workspace parameter, who may call it, and how it refuses.
fn finish(mut document: Value, refusal: &Schema) -> Value {
    document["info"] = json!({
        "title": "Prometric",
        "version": VERSION,
        "description": "An ERP backend on one append-only event log per workspace. Every resource answers under \
            `/api/v1/workspaces/{wsId}/…` and under `/api/v1/…` with the workspace from `X-Workspace-Id`, `X-Tenant-Key` or the token.",
    });
    document["components"]["securitySchemes"] =
        json!({ "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" } });
    for (name, shared) in answers::components(refusal) {
        document["components"][name] = shared;
    }
    if let Some(paths) = document["paths"].as_object_mut() {
        for (path, item) in paths.iter_mut() {
            for (method, operation) in item.as_object_mut().into_iter().flatten() {
                if let Some(operation) = operation.as_object_mut() {
                    complete(operation, method, path);
                }
            }
        }
        links::add(paths);
        let shared = shared::parameters(paths);
        document["components"]["parameters"] = shared.into();
    }
    document
}

fn complete(operation: &mut Map<String, Value>, method: &str, path: &str) {
    operation.insert("operationId".into(), operation_id(method, path).into());
    operation.entry("tags").or_insert_with(|| json!([tag(path)]));
    let open = operation.remove(OPEN).is_some();
    operation.insert(
        "security".into(),
        if open { json!([{}]) } else { json!([{ "bearer": [] }]) },
    );
    if path.contains("{wsId}") {
        let workspace = json!({ "name": "wsId", "in": "path", "required": true, "schema": { "type": "string", "format": "uuid" },
            "description": "The workspace" });
        if let Some(parameters) = parameters(operation) {
            parameters.push(workspace);
        }
    }
    if method == "get" && path.ends_with('}') {
        let known = json!({ "name": "If-None-Match", "in": "header", "schema": { "type": "string", "pattern": r#"^(\*|[0-9]{1,18}|(W/)?"[\x23-\x7e]{1,40}"(, (W/)?"[\x23-\x7e]{1,40}"){0,9})?$"# },
            "description": "An `ETag`: what is still as it was then is answered with 304 and no body" });
        if let Some(parameters) = parameters(operation) {
            parameters.push(known);
        }
    }
    answers::complete(operation, method, path);
}

fn parameters(operation: &mut Map<String, Value>) -> Option<&mut Vec<Value>> {
    let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
    parameters.as_array_mut()
}

/// The first word of the path behind version and workspace.
fn tag(path: &str) -> &str {
    let path = path
        .strip_prefix("/api/v1")
        .or_else(|| path.strip_prefix("/api"))
        .unwrap_or(path);
    let path = path
        .strip_prefix("/workspaces/{wsId}")
        .filter(|rest| !rest.is_empty())
        .unwrap_or(path);
    path.split('/').find(|word| !word.is_empty()).unwrap_or("system")
}

/// `GET /api/v1/deals/{id}` is `get_deals_id`, and with `workspaces` in front in the other form.
fn operation_id(method: &str, path: &str) -> String {
    let words = path.trim_start_matches("/api/v1").split(['/', '{', '}', '-']);
    words
        .filter(|word| !word.is_empty())
        .fold(method.to_owned(), |id, word| format!("{id}_{word}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_called_by_its_method_and_path() {
        assert_eq!(operation_id("post", "/api/v1/deals/{id}/win"), "post_deals_id_win");
        assert_eq!(
            operation_id("get", "/api/v1/workspaces/{wsId}/production/work-orders"),
            "get_workspaces_wsId_production_work_orders"
        );
        assert_eq!(tag("/api/v1/workspaces/{wsId}/deals"), "deals");
        assert_eq!(tag("/api/v1/workspaces/{wsId}"), "workspaces");
        assert_eq!(tag("/api/users/auth/login"), "users");
        assert_eq!(
            operation_id("post", "/api/users/auth/login"),
            "post_api_users_auth_login"
        );
    }
}
