//! What a department stands below, and who heads it.

use crate::{
    Context, Done, Error, Executor,
    tree::{InTree, Put, put},
};
use domain::{
    Changes, Rule, Violations,
    id::{DepartmentId, EmployeeId, WorkspaceId},
    people::{
        department::{
            Change, Department, DepartmentCommand, DepartmentEvent, DepartmentRejection, Details, LEVELS_MAX,
        },
        employee::{Employee, Status},
    },
};

type Answer = Result<Done<DepartmentEvent>, Error<DepartmentRejection>>;

impl InTree for Department {
    const LEVELS_MAX: usize = LEVELS_MAX;

    fn parent(&self) -> Option<Option<DepartmentId>> {
        self.details().map(|details| details.parent_id)
    }
}

/// Founds a department.
pub async fn create(executor: &Executor, id: DepartmentId, change: &Change, context: &Context) -> Answer {
    let details = Box::new(Details::begin(change));
    let new = Put {
        own: id,
        parent: details.parent_id,
        levels_below: 0,
    };
    let command = |spot| DepartmentCommand::Create(details.clone(), spot);
    let created = match headed(executor, change, context).await {
        Ok(()) => put::<Department>(executor, new, command, context).await,
        Err(error) => Err(error),
    };
    executor.or_repeated::<Department>(id, context, created).await
}

/// Changes a department, and where it stands with so many levels below it.
pub async fn update(
    executor: &Executor,
    id: DepartmentId,
    change: Change,
    levels_below: usize,
    context: &Context,
) -> Answer {
    let moved = Put {
        own: id,
        parent: change.parent_id.as_set().copied().flatten(),
        levels_below,
    };
    let boxed = Box::new(change.clone());
    let command = |spot| DepartmentCommand::Update(boxed.clone(), spot);
    let updated = match headed(executor, &change, context).await {
        Ok(()) => put::<Department>(executor, moved, command, context).await,
        Err(error) => Err(error),
    };
    executor.or_repeated::<Department>(id, context, updated).await
}

/// Whether who is to head it works here.
async fn headed(executor: &Executor, change: &Change, context: &Context) -> Result<(), Error<DepartmentRejection>> {
    match change.head_id.as_set().copied().flatten() {
        Some(head) => works_here(executor, context.workspace, head, "headId").await,
        None => Ok(()),
    }
}

/// Whether somebody is an employee who was not refused.
async fn works_here<R>(
    executor: &Executor,
    workspace: WorkspaceId,
    employee: EmployeeId,
    field: &str,
) -> Result<(), Error<R>> {
    let employee = executor.look::<Employee, R>(workspace, employee).await?.state;
    match employee.known().is_some_and(|known| known.status != Status::Refused) {
        true => Ok(()),
        false => Err(Error::NoSuchReference(Violations::one(field, Rule::Unknown))),
    }
}
