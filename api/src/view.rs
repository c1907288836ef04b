//! Reading: every noun's list and details are the same two steps over its view.

use crate::{envelope, extract::Caller, problem::Problem, state::App};
use axum::response::Response;
use projections::view::{self, View};
use uuid::Uuid;

/// A page of the caller's workspace.
pub async fn page<V: View>(app: &App, caller: &Caller, pairs: &[(String, String)]) -> Result<Response, Problem> {
    Ok(envelope::list(
        view::page::<V>(&app.pool, &caller.schema(), pairs).await?,
    ))
}

/// One thing of the caller's workspace, with its version as `ETag`; `missing` is the reason when there is none.
pub async fn one<V: View>(
    app: &App,
    caller: &Caller,
    id: impl Into<Uuid>,
    missing: &'static str,
) -> Result<Response, Problem> {
    let found = view::one::<V>(&app.pool, &caller.schema(), id.into()).await?;
    found.map(envelope::one).ok_or_else(|| Problem::missing(missing))
}
