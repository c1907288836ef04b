//! Making an employee. Three steps in two logs: the employee waits in the store's, the account and the member come to be in the
//! platform's, in one append, and then the employee has joined. Where the middle is refused the first is taken back. Each step
//! names its effect and its ids are derived, so that a repeat under the same `Idempotency-Key` ends what was begun.

use super::{EmployeeShown, one};
use crate::{
    extract::{Body, BodyHash, Caller, May, SignedIn, Write, Written, rights::EmployeesCreate},
    i18n::Language,
    identity::{
        normal,
        once::{Kept, Once},
        password::{self, Who},
    },
    people::{
        approval::{admit, platform_context},
        entry,
    },
    problem::{Code, Problem},
    state::App,
    stores::{
        founding,
        person::{Person, given, given_email, normal_username, refuse},
        registration::USERNAME,
        shown::Success,
    },
};
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use commands::{Context, Error, employee::Newcomer};
use domain::{
    Access, Aggregate, Permission, Role,
    field::{FILLED_LINE, LINE},
    id::{EmployeeId, UserId, WorkspaceId, derive},
    identity::{
        user::{User, UserRejection},
        workspace::{Workspace, WorkspaceCommand, WorkspaceRejection},
    },
    people::employee::{Employee, EmployeeCommand},
};
use projections::platform;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Deserialize, JsonSchema)]
pub struct NewEmployee {
    #[schemars(regex(pattern = USERNAME))]
    username: String,
    #[schemars(length(min = 8, max = 1_000), regex(pattern = LINE))]
    password: String,
    #[schemars(length(max = 100), regex(pattern = FILLED_LINE))]
    first_name: String,
    #[schemars(length(max = 100), regex(pattern = LINE))]
    last_name: Option<String>,
    /// How they are reached; it signs nobody in.
    #[schemars(email, length(max = 254))]
    email: Option<String>,
    role: Role,
    #[schemars(length(max = 30), regex(pattern = LINE))]
    phone: Option<String>,
    #[schemars(length(max = 100), regex(pattern = LINE))]
    position: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Made {
    employee: EmployeeShown,
    credentials: Credentials,
}

/// Told this once.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "NewCredentials")]
struct Credentials {
    username: String,
    password: String,
}

/// Who is to come, and under which ids.
struct Coming<'a> {
    user_id: UserId,
    employee_id: EmployeeId,
    person: &'a Person,
    access: Access,
    password: String,
}

pub async fn create(
    State(app): State<App>,
    _: SignedIn,
    caller: May<EmployeesCreate>,
    write: Write,
    language: Language,
    Body { value, .. }: Body<NewEmployee>,
) -> Result<Response, Problem> {
    // They do not wait to be let in.
    caller.require(Permission::EmployeesApprove)?;
    let person = Person {
        username: normal_username(&value.username),
        first_name: normal(&value.first_name),
        last_name: given(value.last_name).unwrap_or_default(),
        email: given_email(value.email),
        phone: given(value.phone),
        position: given(value.position),
    };
    let (password, role) = (value.password, value.role);
    refuse(&person.violations(&password), "employee.invalid")?;
    // Without the password: it is compared as one.
    let body = serde_json::to_vec(&(&person, role)).map_err(|_| Problem::internal())?;
    let body = BodyHash::of(&body);
    let who = format!("{} in {}", caller.name(), caller.workspace.id);
    let once = Once::new(&app.pepper, &write, &who, body);
    if let Some(first) = once.first(&app.pool).await? {
        return match first.body["data"]["credentials"]["password"] == password.as_str() {
            true => Ok(first.into_response()),
            false => Err(Problem::new(Code::IdempotencyKeyReused)),
        };
    }
    let user_id = write
        .command(&who, body)
        .map_or_else(Uuid::now_v7, |(_, command)| derive(command.id, "user"));
    let user_id = UserId::new(user_id);
    let coming = Coming {
        user_id,
        employee_id: founding::employee_of(caller.workspace_id(), user_id),
        person: &person,
        access: Access::from(role),
        password: password.clone(),
    };
    let position = enter(&app, &caller, &write, coming).await?;
    _ = Written::shown(&app, caller.workspace_id(), position, None).await;
    let id = founding::employee_of(caller.workspace_id(), user_id);
    let data = Made {
        employee: one(&app, &caller, id.uuid(), language).await?,
        credentials: Credentials {
            username: person.username.clone(),
            password,
        },
    };
    let answer = Success::new(language, "stores-employee-created", data);
    let answer = Kept::new(StatusCode::CREATED, &answer)?.at(position);
    let mut tx = app.pool.begin().await?;
    if once.enter(&mut tx).await?.is_none() {
        once.keep(&mut tx, &answer).await?;
    }
    tx.commit().await?;
    Ok(answer.into_response())
}

/// Answers the position of the store's log at which they have come.
async fn enter(app: &App, caller: &Caller, write: &Write, coming: Coming<'_>) -> Result<i64, Problem> {
    let Coming {
        user_id,
        employee_id,
        person,
        access,
        password,
    } = coming;
    let context = Context {
        command: None,
        expected_version: None,
        ..write.context(caller, BodyHash::default())
    };
    let known = app
        .executor
        .load::<User, UserRejection>(WorkspaceId::PLATFORM, user_id)
        .await?;
    let is_new = *known.state == User::Unknown;
    if is_new {
        may_come(app, caller, person, (user_id, &access)).await?;
        // Without the append it opens nothing.
        let hash = app.passwords.hash(password).await?;
        password::store(&app.pool, user_id.uuid(), &hash).await?;
    } else {
        let stored = password::load(&app.pool, user_id.uuid()).await?;
        if !app.passwords.verify(Who::Stranger, password, stored).await? {
            return Err(Problem::new(Code::IdempotencyKeyReused));
        }
    }
    let details = person.details(context.now.date_naive());
    let begun = entry::begin(app, employee_id, details, (user_id, access.clone()), &context).await;
    if let Err(problem) = begun {
        forget(app, user_id).await?;
        return Err(problem);
    }
    let newcomer = Newcomer {
        user_id,
        registered: Some(person.registered()),
        access,
        by: Some(caller.user_id),
    };
    match admit(app, caller.workspace_id(), &newcomer, &platform_context(caller, write)).await {
        Ok(position) => _ = Written::shown(app, WorkspaceId::PLATFORM, position, None).await,
        Err(problem) => {
            let refuse = EmployeeCommand::Refuse { reason: None };
            app.executor.execute::<Employee>(employee_id, &refuse, &context).await?;
            return Err(problem);
        }
    }
    entry::join(app, employee_id, user_id, &context).await
}

/// Whether they would be let in, asked before anything is written: that the user name is free, and the rights the caller's.
async fn may_come(
    app: &App,
    caller: &Caller,
    person: &Person,
    (user_id, access): (UserId, &Access),
) -> Result<(), Problem> {
    if platform::user_by_username(&app.pool, &person.username).await?.is_some() {
        return Err(Problem::taken("user.username"));
    }
    let add = WorkspaceCommand::AddMember {
        user_id,
        access: access.clone(),
        by: Some(caller.user_id),
    };
    let store = app
        .executor
        .load::<Workspace, WorkspaceRejection>(WorkspaceId::PLATFORM, caller.workspace_id())
        .await?;
    store.state.decide(&add).map_err(Error::Rejected)?;
    Ok(())
}

/// The password of who has not come to be.
async fn forget(app: &App, user_id: UserId) -> Result<(), Problem> {
    if platform::user(&app.pool, user_id.uuid()).await?.is_none() {
        password::forget(&app.pool, user_id.uuid()).await?;
    }
    Ok(())
}
