//! Employees: document 1 §9, document 2 "Users & Employees API". What an employee who may sign in is in the workspace stands
//! with its members; it is shown here, and changed here as well.

use super::approval;
use crate::{
    envelope,
    extract::{
        Body, Caller, Edit, Id, List, May, New, With, Write,
        past::{self, Seen},
        rights::{EmployeesCreate, EmployeesUpdate, EmployeesView},
    },
    identity::{member::AccessChange, normal_email, password},
    mail,
    openapi::told,
    problem::Problem,
    reply::{Created, One, Page, Reply},
    state::App,
    view::as_reader_at,
};
use aide::axum::{
    ApiRouter,
    routing::{get_with, post_with},
};
use axum::extract::State;
use commands::employee as staff;
use domain::{
    Access, Changes, Check, Choice, Patch, Rights, Role, Rule,
    field::LINE,
    id::{EmployeeId, RoleId},
    people::employee::{Details, Employee, EmployeeCommand, EmployeeRejection, Status},
};
use projections::{
    people::employee::{self, Row},
    platform::{self, Membership},
    view::{self, Scope},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use std::collections::BTreeMap;
use uuid::Uuid;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/employees",
            get_with(
                list,
                told("The workspace's employees, newest first; `role` is what they are in the workspace today"),
            )
            .post_with(
                create,
                told("A new employee, who waits to be approved; with a password they may sign in from then on"),
            ),
        )
        .api_route(
            "/employees/{id}",
            get_with(
                details,
                told("An employee with contacts, employment and what they sold"),
            )
            .put_with(
                update,
                told("Changes an employee, what they may do, and whether they work here"),
            ),
        )
        .api_route(
            "/employees/{id}/approve",
            post_with(
                approval::approve,
                told("Lets in an employee who waits, with the role that was asked for them"),
            ),
        )
        .api_route(
            "/employees/{id}/refuse",
            post_with(approval::refuse, told("Does not let them in")),
        )
}

/// What a request says of a new employee beside the fields of their details.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Beside {
    /// To sign in with once they are approved.
    #[schemars(length(min = 8, max = 1_000), regex(pattern = LINE))]
    password: Option<String>,
    /// `employee` when none is named.
    organization_role: Patch<Role>,
    /// One of the workspace's own roles, whose rights count in place of the role's.
    role_id: Patch<Option<RoleId>>,
    /// Beyond the role.
    permissions: Patch<Rights>,
}

/// The same of one who is there.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct BesideKnown {
    organization_role: Patch<Role>,
    /// One of the workspace's own roles, whose rights count in place of the role's.
    role_id: Patch<Option<RoleId>>,
    /// Beyond the role.
    permissions: Patch<Rights>,
    /// `active` or `inactive`: who does not work here may not enter.
    status: Patch<Status>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct EmployeeCreated {
    id: Uuid,
    email: String,
    status: Status,
    message: &'static str,
    version: i64,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct EmployeeChanged {
    pub id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    pub message: &'static str,
    pub version: i64,
}

async fn list(
    State(app): State<App>,
    caller: May<EmployeesView>,
    List { mut pairs, .. }: List<Row>,
) -> Result<Page<Row>, Problem> {
    let as_of = past::take(&mut pairs)?;
    let scope = with_role(&app, &caller, &mut pairs).await?;
    let read = as_reader_at(&app, &caller, as_of, async |reader| {
        view::page_of::<Row>(reader, &pairs, &scope).await
    });
    let mut page = read.await?;
    let items: Vec<Shown> = serde_json::from_str(page.items.get()).map_err(|_| Problem::internal())?;
    let items = as_members(&app, &caller, items).await?;
    page.items = to_raw_value(&items).map_err(|_| Problem::internal())?;
    Ok(Page::of(envelope::list(page)))
}

async fn details(
    State(app): State<App>,
    caller: May<EmployeesView>,
    seen: Seen<Id<Uuid>>,
) -> Result<One<Row>, Problem> {
    let read = as_reader_at(&app, &caller, seen.as_of, async |reader| {
        view::one::<Row>(reader, seen.id).await
    });
    let mut found = read.await?.ok_or_else(|| Problem::missing("employee.missing"))?;
    let item: Shown = serde_json::from_str(found.item.get()).map_err(|_| Problem::internal())?;
    let mut items = as_members(&app, &caller, vec![item]).await?;
    found.item = to_raw_value(&items.pop()).map_err(|_| Problem::internal())?;
    Ok(One::of(envelope::one(found)))
}

/// Document 2's `role=`: of members what they are today, which the workspace's own tables do not know.
async fn with_role(app: &App, caller: &Caller, pairs: &mut Vec<(String, String)>) -> Result<Scope, Problem> {
    let mut roles = pairs.extract_if(.., |(name, _)| name == "role");
    let Some((field, value)) = roles.next() else {
        return Ok(Scope::default());
    };
    let role: Role = value
        .parse()
        .map_err(|_| Problem::invalid_field(field, Rule::not_one_of(Role::WORDS.iter().copied())))?;
    if roles.next().is_some() {
        return Err(Problem::invalid_field("role", Rule::NotUnique));
    }
    let members = platform::with_role(&app.pool, caller.workspace_id().uuid(), role).await?;
    Ok(employee::with_role(role, &members))
}

/// One employee as shown, field by field.
type Shown = BTreeMap<String, Box<RawValue>>;

/// With what those among them who are members are today.
async fn as_members(app: &App, caller: &Caller, mut items: Vec<Shown>) -> Result<Vec<Shown>, Problem> {
    let user_of = |item: &Shown| -> Option<Uuid> { serde_json::from_str(item.get("userId")?.get()).ok() };
    let users: Vec<Uuid> = items.iter().filter_map(user_of).collect();
    if users.is_empty() {
        return Ok(items);
    }
    let members = platform::members(&app.pool, caller.workspace_id().uuid(), &users).await?;
    for item in &mut items {
        let member = user_of(item).and_then(|user| members.iter().find(|member| member.user_id == user));
        let Some(Membership {
            role,
            role_id,
            permissions,
            ..
        }) = member
        else {
            continue;
        };
        let told = [
            ("organizationRole", to_raw_value(role)),
            ("roleId", to_raw_value(role_id)),
            ("permissions", to_raw_value(permissions)),
        ];
        for (name, value) in told {
            item.insert(name.to_owned(), value.map_err(|_| Problem::internal())?);
        }
    }
    Ok(items)
}

async fn create(
    State(app): State<App>,
    caller: May<EmployeesCreate>,
    write: Write,
    Body {
        value: With { change, beside },
        hash,
    }: Body<New<Details, Beside>>,
) -> Result<Created<EmployeeCreated>, Problem> {
    let context = write.context(&caller, hash);
    let mut details = Box::new(Details::begin(&change));
    // An empty one is refused by the rules; only who has an account by a user name may have none.
    let email = normal_email(details.email.as_deref().unwrap_or_default());
    details.email = Some(email.clone());
    let mut check = Check::default();
    if let Some(password) = &beside.password {
        password::check(&mut check, "password", password);
    }
    reachable(&mut check, &email);
    check
        .done()
        .map_err(|violations| Problem::invalid(violations.as_slice()))?;
    let id = EmployeeId::new(Uuid::now_v7());
    if let Some(password) = beside.password {
        approval::keep_account(&app, &caller, id, &email, password).await?;
    }
    let wished = AccessChange {
        role: beside.organization_role,
        role_id: beside.role_id,
        permissions: beside.permissions,
    };
    let command = EmployeeCommand::Create {
        details,
        access: wished.on(&Access::from(Role::Employee)),
        user_id: None,
    };
    let done = staff::execute(&app.executor, id, &command, &context).await;
    // Refused, or a repeat of another one's creation: nobody comes for it.
    if done.as_ref().map_or(true, |done| done.id != id.uuid()) {
        approval::forget_account(&app, id).await?;
    }
    let done = done?;
    let written = write.settle(&app, context.workspace, &done).await;
    Ok(written.created(EmployeeCreated {
        id: done.id,
        email,
        status: Status::Pending,
        message: "Employee created, awaiting approval",
        version: done.version,
    }))
}

/// Whether mail can go there.
pub(crate) fn reachable(check: &mut Check, email: &str) {
    check.that(
        email.is_empty() || mail::address::is_address(email),
        "email",
        Rule::NotAnEmail,
    );
}

async fn update(
    State(app): State<App>,
    caller: May<EmployeesUpdate>,
    Id(id): Id<EmployeeId>,
    write: Write,
    Body {
        value: With { mut change, beside },
        hash,
    }: Body<Edit<Details, BesideKnown>>,
) -> Result<Reply<EmployeeChanged>, Problem> {
    if let Patch::Set(email) = &mut change.email {
        let normal = normal_email(email.as_deref().unwrap_or_default());
        let mut check = Check::default();
        reachable(&mut check, &normal);
        *email = Some(normal);
        check
            .done()
            .map_err(|violations| Problem::invalid(violations.as_slice()))?;
    }
    let context = write.context(&caller, hash);
    staff::named::<EmployeeRejection>(&change, &context)?;
    let wished = AccessChange {
        role: beside.organization_role,
        role_id: beside.role_id,
        permissions: beside.permissions,
    };
    let status = beside.status.set();
    let access = approval::revise(&app, &caller, &write, hash, id, &wished, status).await?;
    let command = EmployeeCommand::Update {
        change: Box::new(change),
        access,
        status,
    };
    let done = staff::execute(&app.executor, id, &command, &context).await?;
    let written = write.settle(&app, context.workspace, &done).await;
    Ok(written.ok(EmployeeChanged {
        id: done.id,
        status,
        message: "Employee updated successfully",
        version: done.version,
    }))
}

/// An employee as the log has them now, if the caller may see them.
pub(crate) async fn known(
    app: &App,
    caller: &Caller,
    id: EmployeeId,
) -> Result<(domain::people::employee::Known, i64), Problem> {
    let loaded = app
        .executor
        .load::<Employee, EmployeeRejection>(caller.workspace_id(), id)
        .await?;
    let may_see = caller.standing.may_on(
        domain::Permission::EmployeesView,
        domain::Aggregate::belongs(loaded.state.as_ref()),
    );
    let known = loaded.state.known().filter(|_| may_see).cloned();
    known
        .map(|known| (known, loaded.version))
        .ok_or_else(|| Problem::missing("employee.missing"))
}
