//! Whoever asks about the store that `X-Tenant-Key` names. Here it has to be named: to whom these paths belong is told by that
//! header alone (document 4), so that what a token enters by default is not taken for what was meant.

use crate::{extract::Caller, problem::Problem, state::App};
use aide::{OperationInput, generate::GenContext, openapi::Operation};
use axum::{extract::FromRequestParts, http::request::Parts};
use domain::Rule;

const TENANT_KEY: &str = "X-Tenant-Key";

/// A member of the store that the request names.
#[derive(Debug)]
pub struct InStore(pub Caller);

impl OperationInput for InStore {
    fn operation_input(context: &mut GenContext, operation: &mut Operation) {
        Caller::operation_input(context, operation);
    }
}

impl FromRequestParts<App> for InStore {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let names = ["x-tenant-key", "x-workspace-id"].map(|name| parts.headers.get(name).cloned());
        let caller = Caller::from_request_parts(parts, app).await?;
        let named = |value: &axum::http::HeaderValue| !value.as_bytes().trim_ascii().is_empty();
        match names.iter().flatten().any(named) {
            true => Ok(Self(caller)),
            false => Err(Problem::invalid_field(TENANT_KEY, Rule::Required)),
        }
    }
}
