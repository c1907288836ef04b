//! What a department stands below, and who heads it. A parent that was put elsewhere meanwhile is a guard that fails, and
//! then it is looked up again: two moves at once cannot make a circle.

use crate::{Context, Done, Error, Executor};
use domain::{
    Changes, Rule, Violations,
    id::{DepartmentId, EmployeeId, WorkspaceId},
    people::{
        department::{
            Above, Change, Department, DepartmentCommand, DepartmentEvent, DepartmentRejection, Details, LEVELS_MAX,
        },
        employee::{Employee, Status},
    },
};
use log::Guard;

/// How often the look-up is made anew because a department above was changed meanwhile.
const ATTEMPTS_MAX: u32 = 8;

type Answer = Result<Done<DepartmentEvent>, Error<DepartmentRejection>>;

/// Founds a department.
pub async fn create(executor: &Executor, id: DepartmentId, change: &Change, context: &Context) -> Answer {
    let details = Box::new(Details::begin(change));
    let command = |above| DepartmentCommand::Create(details.clone(), above);
    let created = placed(executor, id, change, command, context).await;
    executor.or_repeated::<Department>(id, context, created).await
}

/// Changes a department, and where it stands.
pub async fn update(executor: &Executor, id: DepartmentId, change: Change, context: &Context) -> Answer {
    let boxed = Box::new(change.clone());
    let command = |above| DepartmentCommand::Update(boxed.clone(), above);
    let updated = placed(executor, id, &change, command, context).await;
    executor.or_repeated::<Department>(id, context, updated).await
}

async fn placed(
    executor: &Executor,
    id: DepartmentId,
    change: &Change,
    command: impl Fn(Above) -> DepartmentCommand,
    context: &Context,
) -> Answer {
    if let Some(head) = change.head_id.as_set().copied().flatten() {
        works_here(executor, context.workspace, head, "headId").await?;
    }
    let parent = change.parent_id.as_set().copied().flatten();
    let mut answer = Err(Error::Busy);
    for _ in 0..ATTEMPTS_MAX {
        let (above, guards) = above(executor, context.workspace, id, parent).await?;
        answer = executor
            .execute_guarded::<Department>(id, &command(above), &guards, context)
            .await;
        if !matches!(answer, Err(Error::Busy)) {
            break;
        }
    }
    answer
}

/// From the parent up. It ends where a department is met again, and where there are too many levels.
async fn above(
    executor: &Executor,
    workspace: WorkspaceId,
    own: DepartmentId,
    parent: Option<DepartmentId>,
) -> Result<(Above, Vec<Guard>), Error<DepartmentRejection>> {
    let (mut departments, mut guards, mut next) = (Vec::new(), Vec::new(), parent);
    while let Some(id) = next {
        departments.push(id);
        if id == own || departments.len() >= LEVELS_MAX {
            break;
        }
        let loaded = executor.load::<Department, _>(workspace, id).await?;
        let Some(details) = loaded.state.details() else {
            return Err(Error::NoSuchReference(Violations::one("parentId", Rule::Unknown)));
        };
        guards.push(Guard {
            stream_id: id.into(),
            version: loaded.version,
        });
        next = details.parent_id;
    }
    Ok((Above { own, departments }, guards))
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
