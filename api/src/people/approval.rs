//! Letting employees in, and what their account may do in the workspace. An account that is to be is only a row with a
//! password until somebody with the right vouches for its address by approving; then there are a user, a member and an
//! employee. Member and employee stand in two logs: the member comes first, for that is where it may be refused, and each
//! step can be asked for again.

use super::employee::{EmployeeChanged, known};
use crate::{
    extract::{Body, BodyHash, Caller, Id, May, Write, no_query, path_id, rights::EmployeesApprove},
    identity::{
        member::{AccessChange, current},
        password,
    },
    openapi::{parameter, told},
    problem::Problem,
    reply::Reply,
    state::App,
};
use aide::{
    OperationInput,
    axum::{ApiRouter, routing::post_with},
    generate::GenContext,
    openapi::Operation,
};
use axum::{
    extract::{FromRequestParts, State},
    http::request::Parts,
};
use commands::{
    Context, Error,
    employee::{self as staff, Newcomer, NotAdmitted},
};
use domain::{
    Access, Aggregate, Permission,
    field::LINE,
    id::{EmployeeId, UserId, WorkspaceId},
    identity::{
        user::Registered,
        workspace::{Workspace, WorkspaceCommand},
    },
    people::employee::{EmployeeCommand, EmployeeRejection, Known, Status},
};
use projections::platform;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

/// The same at document 1's path.
pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/organizations/{orgId}/employees/{empId}/approve",
            post_with(approve_of, told("Lets in an employee who waits (document 1)")),
        )
        .api_route(
            "/organizations/{orgId}/employees/{empId}/refuse",
            post_with(refuse_of, told("Does not let them in (document 1)")),
        )
}

/// Why somebody is not let in.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Refusal {
    #[schemars(length(max = 500), regex(pattern = LINE))]
    reason: Option<String>,
}

/// An employee of the caller's organization, by a path that names both.
#[derive(Debug, Clone, Copy)]
pub struct OfOrganization(EmployeeId);

impl FromRequestParts<App> for OfOrganization {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        no_query(&parts.uri)?;
        let organization = path_id(parts, app, "orgId").await?;
        let employee = path_id(parts, app, "empId").await?;
        let caller = Caller::from_request_parts(parts, app).await?;
        match caller.workspace.organization_id == Some(organization) {
            true => Ok(Self(employee.into())),
            false => Err(Problem::missing("employee.missing")),
        }
    }
}

impl OperationInput for OfOrganization {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        for (name, description) in [("orgId", "The organization"), ("empId", "The employee")] {
            let schema = json!({ "type": "string", "format": "uuid" });
            let words =
                json!({ "name": name, "in": "path", "required": true, "schema": schema, "description": description });
            parameter(operation, words);
        }
    }
}

pub async fn approve(
    State(app): State<App>,
    caller: May<EmployeesApprove>,
    Id(id): Id<EmployeeId>,
    write: Write,
) -> Result<Reply<EmployeeChanged>, Problem> {
    let_in(&app, &caller, &write, id).await
}

async fn approve_of(
    State(app): State<App>,
    caller: May<EmployeesApprove>,
    OfOrganization(id): OfOrganization,
    write: Write,
) -> Result<Reply<EmployeeChanged>, Problem> {
    let_in(&app, &caller, &write, id).await
}

pub async fn refuse(
    State(app): State<App>,
    caller: May<EmployeesApprove>,
    Id(id): Id<EmployeeId>,
    write: Write,
    body: Body<Refusal>,
) -> Result<Reply<EmployeeChanged>, Problem> {
    keep_out(&app, &caller, &write, id, body).await
}

async fn refuse_of(
    State(app): State<App>,
    caller: May<EmployeesApprove>,
    OfOrganization(id): OfOrganization,
    write: Write,
    body: Body<Refusal>,
) -> Result<Reply<EmployeeChanged>, Problem> {
    keep_out(&app, &caller, &write, id, body).await
}

async fn let_in(app: &App, caller: &Caller, write: &Write, id: EmployeeId) -> Result<Reply<EmployeeChanged>, Problem> {
    let context = write.context(caller, BodyHash::default());
    let (employee, version) = known(app, caller, id).await?;
    let user_id = match employee.status {
        Status::Pending => {
            pinned(&context, version)?;
            account(app, caller, write, id, &employee).await?
        }
        _ => employee.user_id,
    };
    let command = EmployeeCommand::Approve { user_id };
    let done = staff::execute(&app.executor, id, &command, &context).await?;
    forget_account(app, id).await?;
    let written = write.settle(app, context.workspace, &done).await;
    Ok(written.ok(EmployeeChanged {
        id: done.id,
        status: Some(Status::Active),
        message: "Employee approved and activated",
        version: done.version,
    }))
}

async fn keep_out(
    app: &App,
    caller: &Caller,
    write: &Write,
    id: EmployeeId,
    Body { value, hash }: Body<Refusal>,
) -> Result<Reply<EmployeeChanged>, Problem> {
    let context = write.context(caller, hash);
    let command = EmployeeCommand::Refuse { reason: value.reason };
    let done = staff::execute(&app.executor, id, &command, &context).await?;
    forget_account(app, id).await?;
    let written = write.settle(app, context.workspace, &done).await;
    Ok(written.ok(EmployeeChanged {
        id: done.id,
        status: Some(Status::Refused),
        message: "Employee refused",
        version: done.version,
    }))
}

/// The account of who is let in, a member from now on; nothing when they are to have none.
async fn account(
    app: &App,
    caller: &Caller,
    write: &Write,
    id: EmployeeId,
    employee: &Known,
) -> Result<Option<UserId>, Problem> {
    let waiting = waiting(&app.pool, id).await?;
    let (user_id, registered) = match (employee.user_id, waiting) {
        (Some(user_id), _) => (user_id, None),
        (None, Some((user_id, hash))) => {
            // Without the append it opens nothing.
            password::store(&app.pool, user_id, &hash).await?;
            (user_id.into(), Some(registered(caller, employee)))
        }
        (None, None) => return Ok(None),
    };
    let newcomer = Newcomer {
        user_id,
        registered,
        access: employee.access.clone(),
        by: Some(caller.user_id),
    };
    let position = admit(app, caller.workspace_id(), &newcomer, &platform_context(caller, write)).await?;
    _ = write.settle_at(app, WorkspaceId::PLATFORM, position, None).await;
    Ok(Some(user_id))
}

/// Makes somebody a member; a password that was stored for who is refused is gone.
pub async fn admit(app: &App, workspace: WorkspaceId, newcomer: &Newcomer, context: &Context) -> Result<i64, Problem> {
    let refused = match staff::admit(&app.executor, workspace, newcomer, context).await {
        Ok(position) => return Ok(position),
        Err(NotAdmitted::Member(error)) => Problem::from(error),
        Err(NotAdmitted::User(error)) => Problem::from(error),
    };
    let user_id = newcomer.user_id.uuid();
    if newcomer.registered.is_some() && platform::user(&app.pool, user_id).await?.is_none() {
        password::forget(&app.pool, user_id).await?;
    }
    Err(refused)
}

fn registered(caller: &Caller, employee: &Known) -> Registered {
    let details = &employee.details;
    Registered {
        email: details.email.clone(),
        username: None,
        first_name: details.first_name.clone(),
        last_name: details.last_name.clone(),
        phone: details.phone.clone(),
        organization_id: caller.workspace.organization_id.map(Into::into),
    }
}

/// The caller's in the platform's log; its steps name their effect, so that they need no key.
pub(crate) fn platform_context(caller: &Caller, write: &Write) -> Context {
    Context {
        command: None,
        expected_version: None,
        ..write.context_in(WorkspaceId::PLATFORM, caller, BodyHash::default())
    }
}

/// What `If-Match` says of the employee holds for the member as well.
fn pinned(context: &Context, version: i64) -> Result<(), Problem> {
    match context.expected_version.as_ref().filter(|_| !context.allows(version)) {
        None => Ok(()),
        Some(expected) => Err(Error::<EmployeeRejection>::Stale {
            expected: expected.clone(),
            actual: version,
        }
        .into()),
    }
}

/// Brings an employee's membership to what they are to be; answers what that is, if anything was said of it.
pub async fn revise(
    app: &App,
    caller: &Caller,
    write: &Write,
    hash: BodyHash,
    id: EmployeeId,
    wished: &AccessChange,
    status: Option<Status>,
) -> Result<Option<Access>, Problem> {
    if wished.is_empty() && status.is_none() {
        return Ok(None);
    }
    let (employee, version) = known(app, caller, id).await?;
    let record = domain::people::employee::Employee::Known(Box::new(employee.clone())).belongs();
    if !caller.standing.may_on(Permission::EmployeesUpdate, record) {
        return Err(Problem::forbidden(Permission::EmployeesUpdate));
    }
    let Some(user_id) = employee.user_id else {
        return Ok(Some(wished.on(&employee.access)));
    };
    let member = current(app, caller.workspace_id(), user_id).await?;
    let access = wished.on(member.as_ref().unwrap_or(&employee.access));
    let by = Some(caller.user_id);
    let works = status.unwrap_or(employee.status) == Status::Active;
    let command = match (employee.status, works, &member) {
        (Status::Active, false, Some(_)) => Some(WorkspaceCommand::RemoveMember { user_id, by }),
        (Status::Active, true, Some(before)) if access != *before => Some(WorkspaceCommand::ChangeMember {
            user_id,
            access: access.clone(),
            by,
        }),
        (Status::Inactive, true, None) => Some(WorkspaceCommand::AddMember {
            user_id,
            access: access.clone(),
            by,
        }),
        _ => None,
    };
    if let Some(command) = command {
        pinned(&write.context(caller, hash), version)?;
        let context = platform_context(caller, write);
        let workspace = caller.workspace_id();
        let done = app.executor.execute::<Workspace>(workspace, &command, &context).await?;
        _ = write.settle(app, WorkspaceId::PLATFORM, &done).await;
    }
    Ok(Some(access))
}

/// Keeps a password for an account that is to be, for an address that has none yet.
pub async fn keep_account(
    app: &App,
    caller: &Caller,
    id: EmployeeId,
    email: &str,
    password: String,
) -> Result<(), Problem> {
    if platform::user_by_email(&app.pool, email).await?.is_some() {
        return Err(Problem::taken("user.email"));
    }
    let hash = app.passwords.hash(password).await?;
    let keep = "insert into platform.waiting_accounts (employee_id, workspace_id, user_id, password_hash) values ($1, $2, $3, $4)";
    sqlx::query(keep)
        .bind(id.uuid())
        .bind(caller.workspace_id().uuid())
        .bind(Uuid::now_v7())
        .bind(hash)
        .execute(&app.pool)
        .await?;
    Ok(())
}

async fn waiting(pool: &PgPool, id: EmployeeId) -> Result<Option<(Uuid, String)>, sqlx::Error> {
    sqlx::query_as("select user_id, password_hash from platform.waiting_accounts where employee_id = $1")
        .bind(id.uuid())
        .fetch_optional(pool)
        .await
}

pub async fn forget_account(app: &App, id: EmployeeId) -> Result<(), sqlx::Error> {
    sqlx::query("delete from platform.waiting_accounts where employee_id = $1")
        .bind(id.uuid())
        .execute(&app.pool)
        .await
        .map(drop)
}
