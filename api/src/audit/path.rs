//! What a trail takes in its path.

use super::noun::{self, NOUNS, Noun};
use crate::{
    extract::{Kind, Within, path_id, path_text},
    openapi::parameter,
    problem::Problem,
};
use aide::{OperationInput, generate::GenContext, openapi::Operation};
use axum::{extract::FromRequestParts, http::request::Parts};
use serde_json::{Value, json};
use uuid::Uuid;

/// `{resource}/{id}` of the path.
#[derive(Clone, Copy)]
pub struct Thing {
    pub noun: &'static dyn Noun,
    pub id: Uuid,
}

impl<S: Send + Sync> FromRequestParts<S> for Thing {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let resource = path_text(parts, state, "resource").await?.unwrap_or_default();
        let Within(id) = Within::from_request_parts(parts, state).await?;
        let noun = noun::named(&resource).ok_or_else(|| Problem::missing("route.missing"))?;
        Ok(Self { noun, id })
    }
}

impl OperationInput for Thing {
    fn operation_input(context: &mut GenContext, operation: &mut Operation) {
        in_path(operation, "resource", resources(), "What kind of thing");
        Within::<Uuid>::operation_input(context, operation);
    }
}

/// What a path that has a query as well names by its kind: `{productId}`.
#[derive(Debug, Clone, Copy)]
pub struct Part<T>(pub T);

impl<S: Send + Sync, T: Kind> FromRequestParts<S> for Part<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        path_id(parts, state, T::NAME).await.map(|id| Self(id.into()))
    }
}

impl<T: Kind> OperationInput for Part<T> {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        let told = format!("The {}", T::NAME.trim_end_matches("Id"));
        in_path(operation, T::NAME, json!({ "type": "string", "format": "uuid" }), &told);
    }
}

/// What kinds of things there are.
pub(super) fn resources() -> Value {
    let resources: Vec<_> = NOUNS.iter().map(|noun| noun.resource()).collect();
    json!({ "type": "string", "enum": resources })
}

fn in_path(operation: &mut Operation, name: &str, schema: Value, told: &str) {
    parameter(
        operation,
        json!({ "name": name, "in": "path", "required": true, "schema": schema, "description": told }),
    );
}
