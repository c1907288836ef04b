//! Writing: a noun that is made and changed by its list of fields alone has the same three handlers as every other such
//! noun. What is particular to it is which look-ups its commands need, and what is answered.

use crate::{
    extract::{Body, BodyHash, Caller, Edit, Id, May, New, Nothing, Right, With, Write},
    problem::Problem,
    reply::{Changed, Created, Named, Reply},
    state::App,
};
use axum::extract::State;
use commands::{Context, Done};
use domain::{Aggregate, Changes};
use projections::{tree, view::View};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

/// Who asks for a command, and with which context.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    pub app: &'a App,
    pub caller: &'a Caller,
    pub context: &'a Context,
}

impl Asking<'_> {
    /// How many levels of its kind hang below one, as of all that is written by now: they come along when it is put
    /// elsewhere. What is put below it at that same instant is not among them.
    pub async fn levels_below<V: View>(self, id: Uuid, levels_max: usize) -> Result<usize, Problem> {
        let Self { app, caller, context } = self;
        let head = app.executor.log().head(context.workspace.into()).await?;
        app.projections.wait_for(context.workspace, head).await;
        let home = app.projections.home(&caller.workspace).await?;
        Ok(tree::levels_below::<V>(&app.reads, &home, id, levels_max).await?)
    }
}

/// What a command came to.
pub type Answer<N> = Result<Done<<N as Aggregate>::Event>, Problem>;
/// What is named of a noun's fields.
pub type Change<N> = <<N as Noun>::Fields as Changes>::Change;

/// A noun that is made and changed by its fields alone.
pub trait Noun: Aggregate + Named {
    type Fields: Changes<Change: DeserializeOwned + JsonSchema + Send + 'static> + 'static;
    /// What is answered when one was made.
    type Made: Serialize + JsonSchema;
    /// That it was changed, in words.
    const UPDATED: &'static str;

    fn create(asking: Asking<'_>, id: Self::Id, change: Change<Self>) -> impl Future<Output = Answer<Self>> + Send;

    fn update(asking: Asking<'_>, id: Self::Id, change: Change<Self>) -> impl Future<Output = Answer<Self>> + Send;

    /// What the event says of the one that was made, if it is the one that says so.
    fn made(id: Uuid, version: i64, event: Self::Event) -> Option<Self::Made>;
}

/// A noun that is put away and not deleted.
pub trait Archivable: Aggregate + Named {
    const ARCHIVE: Self::Command;
    /// That it was archived, in words.
    const ARCHIVED: &'static str;

    fn archive(asking: Asking<'_>, id: Self::Id) -> impl Future<Output = Answer<Self>> + Send {
        async move {
            Ok(asking
                .app
                .executor
                .execute::<Self>(id, &Self::ARCHIVE, asking.context)
                .await?)
        }
    }
}

pub async fn create<N: Noun, R: Right>(
    State(app): State<App>,
    caller: May<R>,
    write: Write,
    Body {
        value: With { change, .. },
        hash,
    }: Body<New<N::Fields, Nothing>>,
) -> Result<Created<N::Made>, Problem> {
    let context = write.context(&caller, hash);
    let asking = Asking {
        app: &app,
        caller: &caller,
        context: &context,
    };
    let done = N::create(asking, Uuid::now_v7().into(), change).await?;
    write.made(&app, context.workspace, done, N::made).await
}

pub async fn update<N: Noun, R: Right>(
    State(app): State<App>,
    caller: May<R>,
    Id(id): Id<N::Id>,
    write: Write,
    Body {
        value: With { change, .. },
        hash,
    }: Body<Edit<N::Fields, Nothing>>,
) -> Result<Reply<Changed<N>>, Problem> {
    let context = write.context(&caller, hash);
    let asking = Asking {
        app: &app,
        caller: &caller,
        context: &context,
    };
    let done = N::update(asking, id, change).await?;
    Ok(write.changed(&app, context.workspace, &done, N::UPDATED).await)
}

pub async fn archive<N: Archivable, R: Right>(
    State(app): State<App>,
    caller: May<R>,
    Id(id): Id<N::Id>,
    write: Write,
) -> Result<Reply<Changed<N>>, Problem> {
    let context = write.context(&caller, BodyHash::default());
    let asking = Asking {
        app: &app,
        caller: &caller,
        context: &context,
    };
    let done = N::archive(asking, id).await?;
    Ok(write.changed(&app, context.workspace, &done, N::ARCHIVED).await)
}
