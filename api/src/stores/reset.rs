//! Another password for an employee who has forgotten theirs, set by whoever manages employees. Not everybody's is theirs to set:
//! an account with an address is its owner's, who asks for a code by mail; one that works in other places as well would be taken
//! from there; one's own is changed by who knows it; and nobody acts on somebody who may do what they may not.

use super::{number::Name, shown::Success};
use crate::{
    extract::{Body, BodyHash, Caller, May, SignedIn, Write, rights::EmployeesUpdate},
    i18n::Language,
    identity::{
        once::{Kept, Once},
        password, recovery,
        session::{self, Which},
    },
    openapi::{answering, told},
    people::employee::known,
    problem::{Code, Problem},
    state::App,
};
use aide::axum::{ApiRouter, routing::post_with};
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use commands::Error;
use domain::{
    Aggregate, Check,
    field::LINE,
    id::{UserId, WorkspaceId},
    identity::{
        user::SessionEnd,
        workspace::{Workspace, WorkspaceRejection},
    },
    people::employee::Employee,
};
use projections::platform;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub fn router() -> ApiRouter<App> {
    ApiRouter::new().api_route(
        "/employees/{id}/reset-password",
        post_with(
            reset_password,
            answering::<Success<Reset>, 200>(told(
                "Set an employee's password; it is told this once, and their sessions end",
            )),
        ),
    )
}

#[derive(Debug, Deserialize, JsonSchema)]
struct NewPassword {
    #[schemars(length(min = 8, max = 1_000), regex(pattern = LINE))]
    new_password: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PasswordReset")]
struct Reset {
    username: String,
    new_password: String,
}

async fn reset_password(
    State(app): State<App>,
    _: SignedIn,
    caller: May<EmployeesUpdate>,
    name: Name,
    write: Write,
    language: Language,
    Body { value, .. }: Body<NewPassword>,
) -> Result<Response, Problem> {
    let new_password = value.new_password;
    let mut check = Check::default();
    password::check(&mut check, "new_password", &new_password);
    check
        .done()
        .map_err(|violations| Problem::invalid(violations.as_slice()))?;
    let (user, username) = theirs(&app, &caller, name).await?;
    // Without the password: it is compared as one.
    let who = format!("{} in {}", caller.name(), caller.workspace.id);
    let once = Once::new(&app.pepper, &write, &who, BodyHash::default());
    if let Some(first) = once.first(&app.pool).await? {
        return same(first, &new_password);
    }
    let hash = app.passwords.hash(new_password.clone()).await?;
    let mut tx = app.pool.begin().await?;
    if let Some(first) = once.enter(&mut tx).await? {
        return same(first, &new_password);
    }
    password::store(&mut *tx, user.uuid(), &hash).await?;
    let ended = session::end(&mut tx, user.uuid(), Which::AllBut(None)).await?;
    let data = Reset { username, new_password };
    let answer = Kept::new(StatusCode::OK, &Success::new(language, "stores-password-reset", data))?;
    once.keep(&mut tx, &answer).await?;
    tx.commit().await?;
    recovery::tell(&app, user.uuid(), caller.user_id.uuid(), &write).await;
    session::tell(&app, user.uuid(), ended, SessionEnd::Password, &write).await;
    Ok(answer.into_response())
}

/// A repeat with another password is another request.
fn same(first: Kept, new_password: &str) -> Result<Response, Problem> {
    match first.body["data"]["new_password"] == new_password {
        true => Ok(first.into_response()),
        false => Err(Problem::new(Code::IdempotencyKeyReused)),
    }
}

/// The account of that employee, if its password is the caller's to set.
async fn theirs(app: &App, caller: &Caller, name: Name) -> Result<(UserId, String), Problem> {
    let missing = || Problem::missing("employee.missing");
    let id = name.resolve(app, caller.workspace_id(), Employee::NAME).await?;
    let (employee, _) = known(app, caller, id.ok_or_else(missing)?.into()).await?;
    let not_theirs = || Problem::new(Code::AuthForbidden).because("user.password_not_yours");
    let user_id = employee.user_id.ok_or_else(not_theirs)?;
    let user = platform::user(&app.pool, user_id.uuid()).await?.ok_or_else(missing)?;
    let workspaces = platform::memberships(&app.pool, user.id).await?;
    let is_elsewhere = workspaces
        .iter()
        .any(|(workspace, _)| workspace.id != caller.workspace.id);
    let username = user.username.filter(|_| user_id != caller.user_id && !is_elsewhere);
    let username = username.ok_or_else(not_theirs)?;
    let store = app
        .executor
        .load::<Workspace, WorkspaceRejection>(WorkspaceId::PLATFORM, caller.workspace_id())
        .await?;
    store.state.outranks(caller.user_id, user_id).map_err(Error::Rejected)?;
    Ok((user_id, username))
}
