//! What stands in a tree of its kind, and what it is to stand below. A parent that was put elsewhere meanwhile is a guard that
//! fails, and then it is looked up again: two moves at once cannot make a circle.

use crate::{Context, Done, Error, Executor};
use domain::{Aggregate, Rule, Violations, id::WorkspaceId, tree::Spot};
use log::Guard;

/// How often the look-up is made anew because one above was changed meanwhile.
const ATTEMPTS_MAX: u32 = 8;

/// Its parent is the field `parentId`.
pub(crate) trait InTree: Aggregate {
    const LEVELS_MAX: usize;

    /// What it is a part of, if it is there.
    fn parent(&self) -> Option<Option<Self::Id>>;
}

/// What is to be put into a tree.
#[derive(Clone, Copy)]
pub(crate) struct Put<I> {
    pub own: I,
    /// None: at the top, or where it is.
    pub parent: Option<I>,
    /// How many levels hang below it.
    pub levels_below: usize,
}

/// Executes the command of what is put there.
pub(crate) async fn put<N: InTree>(
    executor: &Executor,
    put: Put<N::Id>,
    command: impl Fn(Spot<N::Id>) -> N::Command + Send,
    context: &Context,
) -> Result<Done<N::Event>, Error<N::Rejection>> {
    let mut answer = Err(Error::Busy);
    for _ in 0..ATTEMPTS_MAX {
        let (above, guards) = above::<N>(executor, context.workspace, put).await?;
        let spot = Spot {
            own: put.own,
            above,
            levels_below: put.levels_below,
        };
        answer = executor
            .execute_guarded::<N>(put.own, &command(spot), &guards, context)
            .await;
        if !matches!(answer, Err(Error::Busy)) {
            break;
        }
    }
    answer
}

/// From the parent up. It ends where it would stand below itself, where there are too many levels, and where one was archived.
async fn above<N: InTree>(
    executor: &Executor,
    workspace: WorkspaceId,
    Put { own, parent, .. }: Put<N::Id>,
) -> Result<(Vec<N::Id>, Vec<Guard>), Error<N::Rejection>> {
    let (mut above, mut guards, mut next) = (Vec::new(), Vec::new(), parent);
    while let Some(id) = next {
        if id == own {
            above.push(id);
            break;
        }
        let loaded = executor.load::<N, _>(workspace, id).await?;
        let Some(parent) = loaded.state.parent() else {
            if above.is_empty() {
                return Err(Error::NoSuchReference(Violations::one("parentId", Rule::Unknown)));
            }
            break;
        };
        above.push(id);
        if above.len() >= N::LEVELS_MAX {
            break;
        }
        guards.push(Guard {
            stream_id: id.into(),
            version: loaded.version,
        });
        next = parent;
    }
    Ok((above, guards))
}
