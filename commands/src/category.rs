//! What a category stands below. A parent that was put elsewhere meanwhile is a guard that fails, and then it is looked up
//! again: two moves at once cannot make a circle.

use crate::{Context, Done, Error, Executor};
use domain::{
    Changes, Rule, Violations,
    catalog::category::{
        Above, Category, CategoryCommand, CategoryEvent, CategoryRejection, Change, Details, LEVELS_MAX,
    },
    id::{CategoryId, WorkspaceId},
};
use log::Guard;

/// How often the look-up is made anew because a category above was changed meanwhile.
const ATTEMPTS_MAX: u32 = 8;

type Answer = Result<Done<CategoryEvent>, Error<CategoryRejection>>;

/// Makes a category.
pub async fn create(executor: &Executor, id: CategoryId, change: &Change, context: &Context) -> Answer {
    let details = Box::new(Details::begin(change));
    let command = |above| CategoryCommand::Create(details.clone(), above);
    let created = placed(executor, id, change, command, context).await;
    executor.or_repeated::<Category>(id, context, created).await
}

/// Changes a category, and where it stands.
pub async fn update(executor: &Executor, id: CategoryId, change: Change, context: &Context) -> Answer {
    let boxed = Box::new(change.clone());
    let command = |above| CategoryCommand::Update(boxed.clone(), above);
    let updated = placed(executor, id, &change, command, context).await;
    executor.or_repeated::<Category>(id, context, updated).await
}

async fn placed(
    executor: &Executor,
    id: CategoryId,
    change: &Change,
    command: impl Fn(Above) -> CategoryCommand,
    context: &Context,
) -> Answer {
    let parent = change.parent_id.as_set().copied().flatten();
    let mut answer = Err(Error::Busy);
    for _ in 0..ATTEMPTS_MAX {
        let (above, guards) = above(executor, context.workspace, id, parent).await?;
        answer = executor
            .execute_guarded::<Category>(id, &command(above), &guards, context)
            .await;
        if !matches!(answer, Err(Error::Busy)) {
            break;
        }
    }
    answer
}

/// From the parent up. It ends where a category is met again, where there are too many levels, and where one was archived.
async fn above(
    executor: &Executor,
    workspace: WorkspaceId,
    own: CategoryId,
    parent: Option<CategoryId>,
) -> Result<(Above, Vec<Guard>), Error<CategoryRejection>> {
    let (mut categories, mut guards, mut next) = (Vec::new(), Vec::new(), parent);
    while let Some(id) = next {
        let loaded = executor.load::<Category, _>(workspace, id).await?;
        let Some(details) = loaded.state.details() else {
            if categories.is_empty() && id != own {
                return Err(Error::NoSuchReference(Violations::one("parentId", Rule::Unknown)));
            }
            break;
        };
        categories.push(id);
        if id == own || categories.len() >= LEVELS_MAX {
            break;
        }
        guards.push(Guard {
            stream_id: id.into(),
            version: loaded.version,
        });
        next = details.parent_id;
    }
    Ok((Above { own, categories }, guards))
}
