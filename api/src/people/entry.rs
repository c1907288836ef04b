//! Somebody with an account who works in a workspace from now on, without waiting: whoever let them in has approved of them.

use crate::{problem::Problem, state::App};
use commands::{Context, Error};
use domain::{
    Access,
    id::{EmployeeId, UserId},
    people::employee::{Details, Employee, EmployeeCommand, EmployeeRejection},
};

/// Enters them among the employees; `context` is of the workspace's log. Asking again ends what was begun.
pub(crate) async fn begin(
    app: &App,
    id: EmployeeId,
    details: Details,
    (user_id, access): (UserId, Access),
    context: &Context,
) -> Result<i64, Problem> {
    let command = EmployeeCommand::Create {
        details: Box::new(details),
        access,
        user_id: Some(user_id),
    };
    match app.executor.create::<Employee>(id, &command, context).await {
        Ok(done) => Ok(done.position),
        Err(Error::Rejected(EmployeeRejection::AlreadyCreated)) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// They have come; answers the position at which they have.
pub(crate) async fn join(app: &App, id: EmployeeId, user_id: UserId, context: &Context) -> Result<i64, Problem> {
    let join = EmployeeCommand::Join { user_id };
    Ok(app.executor.execute::<Employee>(id, &join, context).await?.position)
}
