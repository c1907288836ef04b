//! What a department stands below, and who heads it.

use crate::{
    Context, Done, Error, Executor,
    tree::{InTree, Put, put},
};
use domain::{
    Changes,
    id::DepartmentId,
    people::{
        department::{
            Change, Department, DepartmentCommand, DepartmentEvent, DepartmentRejection, Details, LEVELS_MAX,
        },
        employee::{Employee, Status},
    },
};

type Failure = Error<DepartmentRejection>;
type Answer = Result<Done<DepartmentEvent>, Failure>;

impl InTree for Department {
    const LEVELS_MAX: usize = LEVELS_MAX;

    fn parent(&self) -> Option<Option<DepartmentId>> {
        self.details().map(|details| details.parent_id)
    }
}

/// Founds a department.
pub async fn create(executor: &Executor, id: DepartmentId, mut change: Change, context: &Context) -> Answer {
    let created = async {
        headed(executor, None, &mut change, context).await?;
        let details = Box::new(Details::begin(&change));
        let new = Put {
            own: id,
            parent: details.parent_id,
            levels_below: 0,
        };
        let command = |spot| DepartmentCommand::Create(details.clone(), spot);
        put::<Department>(executor, new, command, context).await
    };
    let created = created.await;
    executor.or_repeated::<Department>(id, context, created).await
}

/// Changes a department, and where it stands with so many levels below it.
pub async fn update(
    executor: &Executor,
    id: DepartmentId,
    mut change: Change,
    levels_below: usize,
    context: &Context,
) -> Answer {
    let moved = Put {
        own: id,
        parent: change.parent_id.as_set().copied().flatten(),
        levels_below,
    };
    let updated = async {
        headed(executor, Some(id), &mut change, context).await?;
        let boxed = Box::new(change);
        let command = |spot| DepartmentCommand::Update(boxed.clone(), spot);
        put::<Department>(executor, moved, command, context).await
    };
    let updated = updated.await;
    executor.or_repeated::<Department>(id, context, updated).await
}

/// Whether who is to head it is an employee who was not refused.
async fn headed(
    executor: &Executor,
    department: Option<DepartmentId>,
    change: &mut Change,
    context: &Context,
) -> Result<(), Failure> {
    let works_here = |employee: &Employee| {
        let known = employee.known();
        known.is_some_and(|known| known.status != Status::Refused).then_some(())
    };
    let stands = |department: &Department| department.details()?.head_id;
    executor
        .named("headId", &mut change.head_id, works_here, department, stands, context)
        .await
        .map(drop)
}
