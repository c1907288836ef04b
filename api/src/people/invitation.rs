//! Invitations by mail. Whoever invites gives rights that they have, and a mail with a code is owed in the same row; whoever
//! types it in has proved the address and becomes a user, if they are none yet, a member and an employee. Before that
//! nothing of them is in a log. Who is invited again gets another code, and the one before is gone.

mod acceptance;

use super::employee::reachable;
use crate::{
    envelope::{self, Envelope, Listed},
    extract::{
        Body, BodyHash, Caller, Id, May, NoQuery, Write,
        rights::{MembersCreate, MembersDelete, MembersView},
    },
    i18n::Language,
    identity::{
        member::AccessChange,
        normal, normal_email,
        once::{Kept, Once},
        pending::{self, FAILURES_MAX},
        secrets::{self, Pepper},
    },
    openapi::{answering, told, told_to_all},
    problem::Problem,
    reply::{Created, Reply},
    state::App,
};
use aide::axum::{
    ApiRouter,
    routing::{delete_with, get_with, post_with},
};
use axum::{extract::State, http::StatusCode, response::IntoResponse};
use chrono::{DateTime, Utc};
use domain::{
    Access, Aggregate, Check, Patch, Rights, Role, Rule,
    field::LINE,
    id::{DepartmentId, EmployeeId, RoleId, UserId, WorkspaceId, derive},
    identity::workspace::{Workspace, WorkspaceCommand, WorkspaceRejection},
    people::department::{Department, DepartmentRejection},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, FromRow, PgConnection, Row as _, postgres::PgRow, types::Json};
use uuid::Uuid;

/// How long a code is good for.
const DAYS: i32 = 7;
/// How many are listed, the newest first.
const LISTED_MAX: i64 = 500;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/invitations",
            get_with(list, told("Who was invited, the newest first, five hundred at most")).post_with(
                invite,
                told("Invites somebody by mail, with a role and rights that the caller has"),
            ),
        )
        .api_route(
            "/invitations/{id}",
            delete_with(withdraw, told("Takes an invitation back")),
        )
}

/// For who is not signed in.
pub fn open_router() -> ApiRouter<App> {
    ApiRouter::new().api_route(
        "/invitations/accept",
        post_with(
            acceptance::accept,
            answering::<Envelope<acceptance::Accepted>, 200>(told_to_all(
                "Accepts an invitation with the code in its mail; who has no account yet gets one",
            )),
        ),
    )
}

/// Whom, and as what.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Invitation {
    #[schemars(email, length(max = 254))]
    email: String,
    /// `employee` when none is named.
    #[serde(default)]
    organization_role: Patch<Role>,
    /// One of the workspace's own roles, whose rights count in place of the role's.
    #[serde(default)]
    role_id: Patch<Option<RoleId>>,
    /// Beyond the role.
    #[serde(default)]
    permissions: Patch<Rights>,
    /// Of an employee who is there already and has no account; else one comes to be.
    employee_id: Option<EmployeeId>,
    #[schemars(length(max = 100), regex(pattern = LINE))]
    first_name: Option<String>,
    #[schemars(length(max = 100), regex(pattern = LINE))]
    last_name: Option<String>,
    #[schemars(length(max = 100), regex(pattern = LINE))]
    position: Option<String>,
    department_id: Option<DepartmentId>,
}

/// What is kept of whom until they accept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    first_name: Option<String>,
    last_name: Option<String>,
    position: Option<String>,
    department_id: Option<DepartmentId>,
}

/// One of them, as whoever invited sees it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Invited {
    id: Uuid,
    email: String,
    organization_role: Role,
    role_id: Option<RoleId>,
    permissions: Rights,
    employee_id: Uuid,
    invited_by: Uuid,
    status: Standing,
    valid_until: DateTime<Utc>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Standing {
    Pending,
    Accepted,
    Expired,
    /// The mail did not arrive, or the code was used up by wrong tries.
    Failed,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Withdrawn {
    id: Uuid,
    message: &'static str,
}

/// An invitation's row.
struct Row {
    id: Uuid,
    email: String,
    invited_by: Uuid,
    access: Json<Access>,
    employee_id: Uuid,
    failures: i32,
    valid_until: DateTime<Utc>,
    accepted: bool,
    expired: bool,
}

impl FromRow<'_, PgRow> for Row {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            email: row.try_get("email")?,
            invited_by: row.try_get("invited_by")?,
            access: row.try_get("access")?,
            employee_id: row.try_get("employee_id")?,
            failures: row.try_get("failures")?,
            valid_until: row.try_get("valid_until")?,
            accepted: row.try_get("accepted")?,
            expired: row.try_get("expired")?,
        })
    }
}

const ROW: &str = "select id, email, invited_by, access, employee_id, failures, valid_until, \
    accepted_at is not null as accepted, valid_until <= log.clock() as expired from platform.invitations";

impl From<Row> for Invited {
    fn from(row: Row) -> Self {
        let Json(access) = row.access;
        Self {
            id: row.id,
            email: row.email,
            organization_role: access.role,
            role_id: access.role_id,
            permissions: access.permissions,
            employee_id: row.employee_id,
            invited_by: row.invited_by,
            status: match (row.accepted, row.failures >= FAILURES_MAX, row.expired) {
                (true, ..) => Standing::Accepted,
                (_, true, _) => Standing::Failed,
                (.., true) => Standing::Expired,
                _ => Standing::Pending,
            },
            valid_until: row.valid_until,
        }
    }
}

async fn list(
    State(app): State<App>,
    caller: May<MembersView>,
    _: NoQuery,
) -> Result<Reply<Listed<Vec<Invited>>>, Problem> {
    let newest = sqlx::query_as(AssertSqlSafe(format!(
        "{ROW} where workspace_id = $1 order by created_at desc, id desc limit $2"
    )));
    let rows: Vec<Row> = newest
        .bind(caller.workspace_id().uuid())
        .bind(LISTED_MAX)
        .fetch_all(&app.pool)
        .await?;
    let invited = rows.into_iter().map(Invited::from).collect();
    Ok(Reply::of(envelope::ok(Listed::all(invited))))
}

async fn invite(
    State(app): State<App>,
    caller: May<MembersCreate>,
    write: Write,
    language: Language,
    Body { value, hash }: Body<Invitation>,
) -> Result<Created<Invited>, Problem> {
    if !app.mail.is_configured() {
        return Err(Problem::unavailable("mail.not_configured"));
    }
    let given = |text: Option<String>| text.map(|text| normal(&text)).filter(|text| !text.is_empty());
    let email = normal_email(&value.email);
    let details = Details {
        first_name: given(value.first_name),
        last_name: given(value.last_name),
        position: given(value.position),
        department_id: value.department_id,
    };
    details.check(&email)?;
    let wished = AccessChange {
        role: value.organization_role,
        role_id: value.role_id,
        permissions: value.permissions,
    };
    let access = wished.on(&Access::from(Role::Employee));
    may_give(&app, &caller, &access).await?;
    if let Some(id) = details.department_id {
        there_is(&app, &caller, id).await?;
    }
    let once = Once::new(&app.pepper, &write, &caller.user_id.to_string(), hash);
    if let Some(first) = once.first(&app.pool).await? {
        return Ok(Reply::of(first.into_response()));
    }
    let id = Uuid::now_v7();
    let employee_id = match value.employee_id {
        Some(employee) => {
            super::employee::known(&app, &caller, employee).await?;
            employee
        }
        None => EmployeeId::new(derive(id, "employee")),
    };
    let position = app.log.head(WorkspaceId::PLATFORM.uuid()).await?;
    let mut tx = app.pool.begin().await?;
    if let Some(first) = once.enter(&mut tx).await? {
        return Ok(Reply::of(first.into_response()));
    }
    let invitation = Entered {
        id,
        email,
        access,
        employee_id,
        details,
        language,
    };
    let row = invitation.enter(&mut tx, &app.pepper, &caller).await?;
    let answer = Kept::new(StatusCode::CREATED, &Envelope::of(Invited::from(row)))?.at(position);
    once.keep(&mut tx, &answer).await?;
    tx.commit().await?;
    app.mail.ring();
    Ok(Reply::of(answer.into_response()))
}

/// As it would be decided if they accepted now.
async fn may_give(app: &App, caller: &Caller, access: &Access) -> Result<(), Problem> {
    let workspace = app
        .executor
        .load::<Workspace, WorkspaceRejection>(WorkspaceId::PLATFORM, caller.workspace_id())
        .await?;
    let command = WorkspaceCommand::AddMember {
        user_id: UserId::new(Uuid::now_v7()),
        access: access.clone(),
        by: Some(caller.user_id),
    };
    let refused = workspace.state.decide(&command).err();
    refused.map_or(Ok(()), |refused| Err(commands::Error::Rejected(refused).into()))
}

async fn there_is(app: &App, caller: &Caller, id: DepartmentId) -> Result<(), Problem> {
    let department = app
        .executor
        .look::<Department, DepartmentRejection>(caller.workspace_id(), id)
        .await?;
    match department.state.details() {
        Some(_) => Ok(()),
        None => Err(Problem::missing("reference.unknown").field("departmentId", Rule::Unknown)),
    }
}

impl Details {
    fn check(&self, email: &str) -> Result<(), Problem> {
        let mut check = Check::default();
        check.that(!email.is_empty(), "email", Rule::Required);
        if !email.is_empty() {
            check.email("email", email);
        }
        reachable(&mut check, email);
        for (field, value) in [
            ("firstName", &self.first_name),
            ("lastName", &self.last_name),
            ("position", &self.position),
        ] {
            check.optional_text(field, value.as_ref(), 100);
        }
        check.done().map_err(|violations| {
            let mut found: Vec<domain::Violation> = vec![];
            for violation in violations.as_slice() {
                if found.iter().all(|known| known.field != violation.field) {
                    found.push(violation.clone());
                }
            }
            Problem::invalid(&found)
        })
    }
}

/// An invitation that is to be.
struct Entered {
    id: Uuid,
    email: String,
    access: Access,
    employee_id: EmployeeId,
    details: Details,
    /// In which to write to them: the inviter's.
    language: Language,
}

impl Entered {
    /// Enters it, and owes its mail.
    async fn enter(&self, connection: &mut PgConnection, pepper: &Pepper, caller: &Caller) -> Result<Row, sqlx::Error> {
        let seed = secrets::random();
        let code = pending::hash(pepper, self.id, &pending::draw(pepper, &seed));
        let enter = "insert into platform.invitations (id, workspace_id, email, invited_by, access, employee_id, details, code_hash, \
                expires_at, valid_until, mail_seed, mail_due_at, language) \
            values ($1, $2, $3, $4, $5, $6, $7, $8, log.clock() + interval '1 day', log.clock() + $10 * interval '1 day', $9, log.clock(), $11) \
            on conflict (workspace_id, email) do update set id = excluded.id, invited_by = excluded.invited_by, access = excluded.access, \
                employee_id = excluded.employee_id, details = excluded.details, code_hash = excluded.code_hash, failures = 0, \
                expires_at = excluded.expires_at, valid_until = excluded.valid_until, mail_seed = excluded.mail_seed, \
                mail_due_at = excluded.mail_due_at, mail_attempts = 0, language = excluded.language, accepted_at = null, told_at = null, created_at = now()";
        sqlx::query(enter)
            .bind(self.id)
            .bind(caller.workspace_id().uuid())
            .bind(&self.email)
            .bind(caller.user_id.uuid())
            .bind(Json(&self.access))
            .bind(self.employee_id.uuid())
            .bind(Json(&self.details))
            .bind(&code[..])
            .bind(&seed[..])
            .bind(DAYS)
            .bind(self.language.tag())
            .execute(&mut *connection)
            .await?;
        sqlx::query_as(AssertSqlSafe(format!("{ROW} where id = $1")))
            .bind(self.id)
            .fetch_one(connection)
            .await
    }
}

async fn withdraw(
    State(app): State<App>,
    caller: May<MembersDelete>,
    Id(id): Id<Uuid>,
    write: Write,
) -> Result<Reply<Withdrawn>, Problem> {
    let once = Once::new(&app.pepper, &write, &caller.user_id.to_string(), BodyHash::default());
    let position = app.log.head(WorkspaceId::PLATFORM.uuid()).await?;
    let mut tx = app.pool.begin().await?;
    if let Some(first) = once.enter(&mut tx).await? {
        return Ok(Reply::of(first.into_response()));
    }
    if !forget(&mut tx, caller.workspace_id(), id).await? {
        return Err(Problem::missing("invitation.missing"));
    }
    let withdrawn = Withdrawn {
        id,
        message: "Invitation withdrawn",
    };
    let answer = Kept::new(StatusCode::OK, &Envelope::of(withdrawn))?.at(position);
    once.keep(&mut tx, &answer).await?;
    tx.commit().await?;
    Ok(Reply::of(answer.into_response()))
}

async fn forget(connection: &mut PgConnection, workspace: WorkspaceId, id: Uuid) -> Result<bool, sqlx::Error> {
    let forget = "delete from platform.invitations where id = $1 and workspace_id = $2 and accepted_at is null";
    let gone = sqlx::query(forget)
        .bind(id)
        .bind(workspace.uuid())
        .execute(connection)
        .await?;
    Ok(gone.rows_affected() == 1)
}
