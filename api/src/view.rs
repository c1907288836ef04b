//! Reading: every noun's list and details are the same two handlers over its view, with the caller's rights.

use crate::{
    envelope,
    extract::{Caller, Id, List, May, Right},
    problem::Problem,
    reply::{One, Page},
    state::App,
};
use axum::extract::State;
use domain::Permission;
use projections::{
    shape::Shape,
    view::{self, Reader, View},
};
use uuid::Uuid;

/// A page of the caller's workspace.
pub async fn list<V: Shape, R: Right>(
    State(app): State<App>,
    caller: May<R>,
    List { pairs, .. }: List<V>,
) -> Result<Page<V>, Problem> {
    let page = as_reader(&app, &caller, async |reader| view::page::<V>(reader, &pairs).await).await?;
    Ok(Page::of(envelope::list(page)))
}

/// One thing of the caller's workspace, with its version as `ETag`.
pub async fn details<V: View, R: Right>(
    State(app): State<App>,
    caller: May<R>,
    Id(id): Id<Uuid>,
) -> Result<One<V>, Problem> {
    one(&app, &caller, id).await
}

/// The same by an id of the handler's.
pub async fn one<V: View>(app: &App, caller: &Caller, id: Uuid) -> Result<One<V>, Problem> {
    let found = as_reader(app, caller, async |reader| view::one::<V>(reader, id).await).await?;
    let missing = || Problem::missing(format!("{}.missing", V::NAME.trim_end_matches('s')));
    found.map(envelope::one).map(One::of).ok_or_else(missing)
}

/// Reads with the caller's eyes: in their workspace, and no more than they have a right to.
pub async fn as_reader<T>(app: &App, caller: &Caller, read: impl AsyncFnOnce(Reader<'_>) -> T) -> T {
    let (schema, actor) = (caller.schema(), caller.actor());
    let may = |permission: Permission| actor.may(permission);
    read(Reader {
        readers: &app.reads,
        schema: &schema,
        may: &may,
    })
    .await
}
