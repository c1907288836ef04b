//! Reading: every noun's list and details are the same two steps over its view, with the caller's rights.

use crate::{envelope, extract::Caller, problem::Problem, state::App};
use axum::response::Response;
use domain::Permission;
use projections::view::{self, Reader, View};
use uuid::Uuid;

/// A page of the caller's workspace.
pub async fn page<V: View>(app: &App, caller: &Caller, pairs: &[(String, String)]) -> Result<Response, Problem> {
    let page = as_reader(app, caller, async |reader| view::page::<V>(reader, pairs).await).await?;
    Ok(envelope::list(page))
}

/// One thing of the caller's workspace, with its version as `ETag`; `missing` is the reason when there is none.
pub async fn one<V: View>(
    app: &App,
    caller: &Caller,
    id: impl Into<Uuid>,
    missing: &'static str,
) -> Result<Response, Problem> {
    let id = id.into();
    let found = as_reader(app, caller, async |reader| view::one::<V>(reader, id).await).await?;
    found.map(envelope::one).ok_or_else(|| Problem::missing(missing))
}

/// Reads with the caller's eyes: in their workspace, and no more than they have a right to.
pub async fn as_reader<T>(app: &App, caller: &Caller, read: impl AsyncFnOnce(Reader<'_>) -> T) -> T {
    let (schema, actor) = (caller.schema(), caller.actor());
    let may = |permission: Permission| actor.may(permission);
    read(Reader {
        pool: &app.pool,
        schema: &schema,
        may: &may,
    })
    .await
}
