//! What an employee's commands need to know first, and the one step that concerns two logs: who is let in becomes a member of
//! the workspace, which stands in the platform's log, and an employee there, which stands in the workspace's. The member
//! comes first, for that is where it may be refused; each step names its effect, so that asking again ends it.

use crate::{Answer, Context, Done, Error, Executor, Unit};
use domain::{
    Access, Aggregate, Permission, Rule, Violations,
    id::{EmployeeId, UserId, WorkspaceId},
    identity::{
        user::{Registered, User, UserCommand, UserRejection},
        workspace::{Workspace, WorkspaceCommand, WorkspaceRejection},
    },
    people::{
        department::Department,
        employee::{Change, Employee, EmployeeCommand, EmployeeEvent, EmployeeRejection},
    },
};
use log::AppendError;

/// How often a lost race is tried again.
const ATTEMPTS_MAX: u32 = 8;

type Changed = Result<Done<EmployeeEvent>, Error<EmployeeRejection>>;

/// Whoever names a department names one there is, and whoever says what somebody earns, or names their papers, may.
pub async fn execute(executor: &Executor, id: EmployeeId, command: &EmployeeCommand, context: &Context) -> Changed {
    let done = look_up_and_execute(executor, id, command, context).await;
    executor.or_repeated::<Employee>(id, context, done).await
}

async fn look_up_and_execute(
    executor: &Executor,
    id: EmployeeId,
    command: &EmployeeCommand,
    context: &Context,
) -> Changed {
    if let EmployeeCommand::Create { details, .. } = command {
        let (paid, numbered) = (
            details.salary.is_some(),
            details.iin.is_some() || details.passport.is_some(),
        );
        requires(context, paid, numbered)?;
        department(executor, context.workspace, details.department_id).await?;
        return executor.create::<Employee>(id, command, context).await;
    }
    if let EmployeeCommand::Update { change, .. } = command {
        named(change, context)?;
        let wanted = change.department_id.as_set().copied().flatten();
        department(executor, context.workspace, wanted).await?;
    }
    executor.execute::<Employee>(id, command, context).await
}

/// The rights that a change needs beside its own.
pub fn named<R>(change: &Change, context: &Context) -> Result<(), Error<R>> {
    requires(context, change.names_salary(), change.names_papers())
}

fn requires<R>(context: &Context, paid: bool, numbered: bool) -> Result<(), Error<R>> {
    for (named, permission) in [(paid, Permission::SalariesUpdate), (numbered, Permission::PapersUpdate)] {
        if named && !context.actor.may(permission) {
            return Err(Error::Forbidden(permission));
        }
    }
    Ok(())
}

async fn department<R>(
    executor: &Executor,
    workspace: WorkspaceId,
    id: Option<domain::id::DepartmentId>,
) -> Result<(), Error<R>> {
    let Some(id) = id else { return Ok(()) };
    let department = executor.look::<Department, R>(workspace, id).await?.state;
    match department.details() {
        Some(_) => Ok(()),
        None => Err(Error::NoSuchReference(Violations::one("departmentId", Rule::Unknown))),
    }
}

/// Who is let in.
#[derive(Debug, Clone)]
pub struct Newcomer {
    pub user_id: UserId,
    /// As whom they are registered, if they are not yet: whoever lets them in vouches for the address.
    pub registered: Option<Registered>,
    pub access: Access,
    /// Who gives them their rights.
    pub by: Option<UserId>,
}

/// Why somebody could not be let in.
#[derive(Debug, thiserror::Error)]
pub enum NotAdmitted {
    #[error(transparent)]
    Member(#[from] Error<WorkspaceRejection>),
    #[error(transparent)]
    User(#[from] Error<UserRejection>),
}

/// Registers somebody, if need be, and makes them a member, in one append; answers the platform's position at which they
/// are. `context` is the platform's.
pub async fn admit(
    executor: &Executor,
    workspace: WorkspaceId,
    newcomer: &Newcomer,
    context: &Context,
) -> Result<i64, NotAdmitted> {
    let Newcomer {
        user_id,
        registered,
        access,
        by,
    } = newcomer;
    let add = WorkspaceCommand::AddMember {
        user_id: *user_id,
        access: access.clone(),
        by: *by,
    };
    for _ in 0..ATTEMPTS_MAX {
        let mut unit = Unit::default();
        let on = executor
            .load::<Workspace, WorkspaceRejection>(context.workspace, workspace)
            .await?;
        let added = on.state.decide(&add).map_err(Error::Rejected)?;
        unit.change(workspace, &on, &added)
            .map_err(Error::<WorkspaceRejection>::Unstorable)?;
        if let Some(registered) = registered {
            let on = executor
                .load::<User, UserRejection>(context.workspace, *user_id)
                .await?;
            let events = verified(on.state.as_ref(), registered)?;
            unit.change(*user_id, &on, &events)
                .map_err(Error::<UserRejection>::Unstorable)?;
        }
        let answer = Answer {
            id: workspace.into(),
            version: 0,
        };
        match executor.commit(unit, context, &answer).await {
            Ok(appended) => return Ok(appended.position),
            Err(AppendError::Version { .. }) => {}
            Err(error) => return Err(Error::<UserRejection>::from(error).into()),
        }
    }
    Err(Error::<UserRejection>::Busy.into())
}

/// What makes somebody a user whose address is proved.
fn verified(user: &User, registered: &Registered) -> Result<Vec<<User as Aggregate>::Event>, Error<UserRejection>> {
    let mut events = match user.has_account() {
        false => user
            .decide(&UserCommand::Register(registered.clone()))
            .map_err(Error::Rejected)?,
        true => vec![],
    };
    let after = events.iter().fold(user.clone(), Aggregate::evolve);
    events.extend(after.decide(&UserCommand::VerifyEmail).map_err(Error::Rejected)?);
    Ok(events)
}
