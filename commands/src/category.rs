//! What a category stands below.

use crate::{
    Context, Done, Error, Executor,
    tree::{InTree, Put, put},
};
use domain::{
    Changes,
    catalog::category::{Category, CategoryCommand, CategoryEvent, CategoryRejection, Change, Details, LEVELS_MAX},
    id::CategoryId,
};

type Answer = Result<Done<CategoryEvent>, Error<CategoryRejection>>;

impl InTree for Category {
    const LEVELS_MAX: usize = LEVELS_MAX;

    fn parent(&self) -> Option<Option<CategoryId>> {
        self.details().map(|details| details.parent_id)
    }
}

/// Makes a category.
pub async fn create(executor: &Executor, id: CategoryId, change: &Change, context: &Context) -> Answer {
    let details = Box::new(Details::begin(change));
    let new = Put {
        own: id,
        parent: details.parent_id,
        levels_below: 0,
    };
    let command = |spot| CategoryCommand::Create(details.clone(), spot);
    let created = put::<Category>(executor, new, command, context).await;
    executor.or_repeated::<Category>(id, context, created).await
}

/// Changes a category, and where it stands with so many levels below it.
pub async fn update(
    executor: &Executor,
    id: CategoryId,
    change: Change,
    levels_below: usize,
    context: &Context,
) -> Answer {
    let moved = Put {
        own: id,
        parent: change.parent_id.as_set().copied().flatten(),
        levels_below,
    };
    let change = Box::new(change);
    let command = |spot| CategoryCommand::Update(change.clone(), spot);
    let updated = put::<Category>(executor, moved, command, context).await;
    executor.or_repeated::<Category>(id, context, updated).await
}
