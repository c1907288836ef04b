//! Who works in a store: document 4's employees. One is an account with a user name, a member and an employee, at once and
//! without waiting, for whoever makes them may let people in. Their password is told once, to whoever made it, and kept only as
//! a hash; the answer that an `Idempotency-Key` repeats is sealed. They are managed by whom our rights let manage employees.

mod making;

use super::{
    number::{self, Name},
    role::RoleShown,
    shown::{Success, Told, full_name},
};
use crate::{
    envelope::Listed,
    extract::{
        Body, BodyHash, Caller, List, May, SignedIn, Write, Written, past,
        rights::{EmployeesUpdate, EmployeesView},
    },
    i18n::Language,
    identity::{member::AccessChange, normal, normal_email},
    openapi::{answering, told},
    people::{approval, employee::reachable},
    problem::Problem,
    state::App,
    view::as_reader_at,
};
use aide::axum::{ApiRouter, routing::get_with};
use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, NaiveDate, Utc};
use commands::employee as staff;
use domain::{
    Aggregate, Changes, Check, Patch, Role,
    field::LINE,
    id::EmployeeId,
    people::employee::{Change, Details, Employee, EmployeeCommand, Status},
    time::local_date,
};
use projections::{people::employee::Row, platform, view};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use uuid::Uuid;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/employees",
            get_with(
                list,
                answering::<Success<Employees>, 200>(told("Who works in the store, newest first (document 4)")),
            )
            .post_with(
                making::create,
                answering::<Success<making::Made>, 201>(told(
                    "A new employee with a user name; their password is told this once",
                )),
            ),
        )
        .api_route(
            "/employees/{id}",
            get_with(
                show,
                answering::<Success<One>, 200>(told("One employee of the store (document 4)")),
            )
            .put_with(
                update,
                answering::<Success<One>, 200>(told("Change what is named of an employee")),
            )
            .patch_with(
                update,
                answering::<Success<One>, 200>(told("Change what is named of an employee (PATCH)")),
            )
            .delete_with(
                remove,
                answering::<Told, 200>(told("An employee works here no longer, and may not enter")),
            ),
        )
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct EmployeeShown {
    id: i64,
    full_name: String,
    /// Nobody's who signs in by an address, or not at all.
    username: Option<String>,
    email: Option<String>,
    #[serde(flatten)]
    role: RoleShown,
    phone: Option<String>,
    position: Option<String>,
    is_active: bool,
    hired_at: NaiveDate,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Employees {
    employees: Vec<EmployeeShown>,
    total: i64,
    page: i64,
    limit: i64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OneEmployee")]
struct One {
    employee: EmployeeShown,
}

/// What is named is changed; null empties it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
struct EmployeeChange {
    #[schemars(length(max = 100), regex(pattern = LINE))]
    first_name: Patch<String>,
    #[schemars(length(max = 100), regex(pattern = LINE))]
    last_name: Patch<String>,
    #[schemars(email, length(max = 254))]
    email: Patch<Option<String>>,
    #[schemars(length(max = 30), regex(pattern = LINE))]
    phone: Patch<Option<String>>,
    #[schemars(length(max = 100), regex(pattern = LINE))]
    position: Patch<Option<String>>,
    /// None whose rights the caller lacks.
    role: Patch<Role>,
    is_active: Patch<bool>,
}

/// What is shown of the read model's row.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Known {
    id: Uuid,
    user_id: Option<Uuid>,
    status: Status,
    email: Option<String>,
    first_name: String,
    last_name: String,
    phone: Option<String>,
    position: Option<String>,
    hire_date: Option<NaiveDate>,
    organization_role: Role,
    created_at: DateTime<Utc>,
}

/// With what they are in the store today, which its own tables do not know, and what they sign in by.
async fn shown(
    app: &App,
    caller: &Caller,
    rows: Vec<Known>,
    language: Language,
) -> Result<Vec<EmployeeShown>, Problem> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let users: Vec<Uuid> = rows.iter().filter_map(|row| row.user_id).collect();
    let numbers = number::numbers(app, caller.workspace_id(), &ids).await?;
    let members = platform::members(&app.pool, caller.workspace.id, &users).await?;
    let roles: HashMap<Uuid, Role> = members.iter().map(|member| (member.user_id, member.role)).collect();
    let usernames: HashMap<Uuid, String> = platform::usernames(&app.pool, &users).await?.into_iter().collect();
    let show = |row: Known| {
        let of_user = row.user_id.and_then(|user| roles.get(&user).copied());
        Some(EmployeeShown {
            id: *numbers.get(&row.id)?,
            full_name: full_name(&row.first_name, &row.last_name),
            username: row.user_id.and_then(|user| usernames.get(&user).cloned()),
            email: row.email,
            role: RoleShown::new(of_user.unwrap_or(row.organization_role), language),
            phone: row.phone,
            position: row.position,
            is_active: row.status == Status::Active,
            hired_at: row.hire_date.unwrap_or_else(|| local_date(row.created_at)),
        })
    };
    Ok(rows.into_iter().filter_map(show).collect())
}

fn missing() -> Problem {
    Problem::missing("employee.missing")
}

/// One employee as the caller may see them.
async fn one(app: &App, caller: &Caller, id: Uuid, language: Language) -> Result<EmployeeShown, Problem> {
    let read = as_reader_at(app, caller, None, async |reader| view::one::<Row>(reader, id).await);
    let found = read.await?.ok_or_else(missing)?;
    let row: Known = serde_json::from_str(found.item.get()).map_err(|_| Problem::internal())?;
    shown(app, caller, vec![row], language).await?.pop().ok_or_else(missing)
}

/// The employee of that name in the caller's store.
async fn id_of(app: &App, caller: &Caller, name: Name) -> Result<EmployeeId, Problem> {
    let id = name.resolve(app, caller.workspace_id(), Employee::NAME).await?;
    id.map(EmployeeId::new).ok_or_else(missing)
}

async fn list(
    State(app): State<App>,
    caller: May<EmployeesView>,
    language: Language,
    List { mut pairs, .. }: List<Row>,
) -> Result<Response, Problem> {
    let as_of = past::take(&mut pairs)?;
    let read = as_reader_at(&app, &caller, as_of, async |reader| {
        view::page::<Row>(reader, &pairs).await
    });
    let page = read.await?;
    let rows: Vec<Known> = serde_json::from_str(page.items.get()).map_err(|_| Problem::internal())?;
    let rows = shown(&app, &caller, rows, language).await?;
    let listed = Listed::of(rows, page);
    let employees = Employees {
        employees: listed.items,
        total: listed.total,
        page: listed.page,
        limit: listed.limit,
    };
    Ok(Json(Success::new(language, "stores-employees", employees)).into_response())
}

async fn show(
    State(app): State<App>,
    caller: May<EmployeesView>,
    name: Name,
    language: Language,
) -> Result<Response, Problem> {
    let id = id_of(&app, &caller, name).await?;
    let employee = one(&app, &caller, id.uuid(), language).await?;
    Ok(Json(Success::new(language, "stores-employee", One { employee })).into_response())
}

impl EmployeeChange {
    /// What changes of them, of what they may do, and of whether they work here.
    fn into_parts(self) -> Result<(Change, AccessChange, Option<Status>), Problem> {
        let mut check = Check::default();
        let email = match self.email {
            Patch::Set(Some(email)) => Patch::Set(Some(normal_email(&email)).filter(|email| !email.is_empty())),
            other => other,
        };
        if let Some(Some(email)) = email.as_set() {
            reachable(&mut check, email);
        }
        check
            .done()
            .map_err(|violations| Problem::invalid(violations.as_slice()))?;
        let named = |name: Patch<String>| match name {
            Patch::Set(name) => Patch::Set(normal(&name)),
            Patch::Keep => Patch::Keep,
        };
        let change = Change {
            first_name: named(self.first_name),
            last_name: named(self.last_name),
            email,
            phone: self.phone,
            position: self.position,
            ..Change::default()
        };
        let access = AccessChange {
            role: self.role,
            ..AccessChange::default()
        };
        let status = self.is_active.set().map(|is_active| match is_active {
            true => Status::Active,
            false => Status::Inactive,
        });
        Ok((Details::tidy_change(change), access, status))
    }
}

async fn update(
    State(app): State<App>,
    caller: May<EmployeesUpdate>,
    name: Name,
    write: Write,
    language: Language,
    Body { value, hash }: Body<EmployeeChange>,
) -> Result<Response, Problem> {
    let id = id_of(&app, &caller, name).await?;
    let (change, wished, status) = value.into_parts()?;
    let access = approval::revise(&app, &caller, &write, hash, id, &wished, status).await?;
    let command = EmployeeCommand::Update {
        change: Box::new(change),
        access,
        status,
    };
    let context = write.context(&caller, hash);
    let done = staff::execute(&app.executor, id, &command, &context).await;
    let done = done.map_err(|error| snake(error.into()))?;
    let written = Written::shown(&app, context.workspace, done.position, Some(done.version)).await;
    let employee = one(&app, &caller, id.uuid(), language).await?;
    Ok(written.answer(
        StatusCode::OK,
        &Success::new(language, "stores-employee-updated", One { employee }),
    ))
}

/// Under document 4's names.
fn snake(problem: Problem) -> Problem {
    problem
        .rename_field("firstName", "first_name")
        .rename_field("lastName", "last_name")
}

async fn remove(
    State(app): State<App>,
    _: SignedIn,
    caller: May<EmployeesUpdate>,
    name: Name,
    write: Write,
    language: Language,
) -> Result<Response, Problem> {
    let id = id_of(&app, &caller, name).await?;
    let (hash, status) = (BodyHash::default(), Some(Status::Inactive));
    let access = approval::revise(&app, &caller, &write, hash, id, &AccessChange::default(), status).await?;
    let command = EmployeeCommand::Update {
        change: Box::default(),
        access,
        status,
    };
    let context = write.context(&caller, hash);
    let done = staff::execute(&app.executor, id, &command, &context).await?;
    let written = write.settle(&app, context.workspace, &done).await;
    Ok(written.answer(StatusCode::OK, &Told::new(language, "stores-employee-removed")))
}
