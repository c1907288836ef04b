//! Reading: every noun's list and details are the same two handlers over its view, with the caller's rights.

use crate::{
    envelope,
    extract::{
        Caller, Id, List, May, Right, Within,
        past::{self, Seen},
    },
    i18n::Language,
    problem::{Code, Problem},
    reply::{One, Page},
    state::App,
};
use axum::extract::State;
use domain::Permission;
use projections::{
    AsOf,
    shape::Shape,
    singular,
    view::{self, Part, Reader, View, ViewError},
};
use uuid::Uuid;

/// A page of the caller's workspace.
pub async fn list<V: Shape, R: Right>(
    State(app): State<App>,
    caller: May<R>,
    List { mut pairs, .. }: List<V>,
) -> Result<Page<V>, Problem> {
    let as_of = past::take(&mut pairs)?;
    let read = async |reader: Reader<'_>| view::page::<V>(reader, &pairs).await;
    let page = as_reader_at(&app, &caller, as_of, read).await?;
    Ok(Page::of(envelope::list(page)))
}

/// A page of what there is within one thing, which the caller must be able to see.
pub async fn list_within<V: Shape + Part, R: Right>(
    State(app): State<App>,
    caller: May<R>,
    Within(whole): Within<Uuid>,
    List { mut pairs, .. }: List<V>,
) -> Result<Page<V>, Problem> {
    let as_of = past::take(&mut pairs)?;
    let read = async |reader: Reader<'_>| {
        if !view::is_there::<V::Whole>(reader, whole).await? {
            return Ok(None);
        }
        let scope = V::of(reader.schema, whole);
        view::page_of::<V>(reader, &pairs, &scope).await.map(Some)
    };
    let page = as_reader_at(&app, &caller, as_of, read).await?;
    page.map(envelope::list).map(Page::of).ok_or_else(missing::<V::Whole>)
}

/// One of those within a thing that the caller must be able to see.
pub async fn one_within<V: Part>(
    app: &App,
    caller: &Caller,
    whole: Uuid,
    id: Uuid,
    as_of: Option<AsOf>,
) -> Result<One<V>, Problem> {
    let read = async |reader: Reader<'_>| {
        if !view::is_there::<V::Whole>(reader, whole).await? {
            return Ok(Err(missing::<V::Whole>()));
        }
        let found = view::one_of::<V>(reader, id, &V::of(reader.schema, whole)).await?;
        Ok::<_, ViewError>(found.ok_or_else(missing::<V>))
    };
    as_reader_at(app, caller, as_of, read)
        .await?
        .map(envelope::one)
        .map(One::of)
}

/// One thing of the caller's workspace in their language.
pub async fn details_in_language<V: View, R: Right>(
    State(app): State<App>,
    caller: May<R>,
    language: Language,
    seen: Seen<Id<Uuid>>,
) -> Result<One<V>, Problem> {
    let read = async |reader: Reader<'_>| view::one::<V>(spoken(reader, language), seen.id).await;
    let found = as_reader_at(&app, &caller, seen.as_of, read).await?;
    found.map(envelope::one).map(One::of).ok_or_else(missing::<V>)
}

/// With what is read in that language.
pub fn spoken(reader: Reader<'_>, language: Language) -> Reader<'_> {
    Reader {
        language: Some(language.code()),
        ..reader
    }
}

/// One thing of the caller's workspace, with its version as `ETag`.
pub async fn details<V: View, R: Right>(
    app: State<App>,
    caller: May<R>,
    seen: Seen<Id<Uuid>>,
) -> Result<One<V>, Problem> {
    details_by(app, caller, seen).await
}

/// The same, named otherwise in the path.
pub async fn details_by<V: View, R: Right, I>(
    State(app): State<App>,
    caller: May<R>,
    seen: Seen<I>,
) -> Result<One<V>, Problem> {
    one(&app, &caller, seen.id, seen.as_of).await
}

/// The same by an id of the handler's.
pub async fn one<V: View>(app: &App, caller: &Caller, id: Uuid, as_of: Option<AsOf>) -> Result<One<V>, Problem> {
    let read = async |reader: Reader<'_>| view::one::<V>(reader, id).await;
    let found = as_reader_at(app, caller, as_of, read).await?;
    found.map(envelope::one).map(One::of).ok_or_else(missing::<V>)
}

fn missing<V: View>() -> Problem {
    Problem::missing(format!("{}.missing", singular(V::NAME)))
}

/// Reads with the caller's eyes, now or at a moment: in their workspace, and no more than they have a right to.
pub async fn as_reader_at<T, E: Into<Problem>>(
    app: &App,
    caller: &Caller,
    as_of: Option<AsOf>,
    read: impl AsyncFnOnce(Reader<'_>) -> Result<T, E>,
) -> Result<T, Problem> {
    let place = past::place(app, caller, as_of).await?;
    let may = |permission: Permission| caller.standing.may(permission);
    let reader = Reader {
        readers: &app.reads,
        role: &place.role,
        schema: &place.schema,
        moment: place.moment.map(|moment| moment.time),
        may: &may,
        standing: Some(&caller.standing),
        language: None,
    };
    match read(reader).await {
        Ok(found) => Ok(found),
        Err(error) => Err(explained(app, caller, as_of, error.into()).await),
    }
}

/// A table that is not as we know it may have been put there by another build's node a moment ago; and a past one be dropped.
async fn explained(app: &App, caller: &Caller, as_of: Option<AsOf>, problem: Problem) -> Problem {
    if problem.code() != Code::DatabaseError {
        return problem;
    }
    match app.projections.still_serves(caller.workspace_id()).await {
        Ok(false) => Problem::unavailable("read_models.changing"),
        Ok(true) if as_of.is_some() => Problem::preparing(),
        _ => problem,
    }
}
