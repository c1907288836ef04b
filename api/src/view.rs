//! Reading: every noun's list and details are the same two handlers over its view.

use crate::{
    envelope,
    extract::{Id, List, May, Right},
    problem::Problem,
    reply::{One, Page},
    state::App,
};
use axum::extract::State;
use projections::{
    shape::Shape,
    view::{self, View},
};
use uuid::Uuid;

/// A page of the caller's workspace.
pub async fn list<V: Shape, R: Right>(
    State(app): State<App>,
    caller: May<R>,
    List { pairs, .. }: List<V>,
) -> Result<Page<V>, Problem> {
    let page = view::page::<V>(&app.reads, &caller.schema(), &pairs).await?;
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
pub async fn one<V: View>(app: &App, caller: &crate::extract::Caller, id: Uuid) -> Result<One<V>, Problem> {
    let found = view::one::<V>(&app.reads, &caller.schema(), id).await?;
    let missing = || Problem::missing(format!("{}.missing", V::NAME.trim_end_matches('s')));
    found.map(envelope::one).map(One::of).ok_or_else(missing)
}
