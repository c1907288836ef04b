//! Registration of who is to work for a company that is there already (document 1): the mailed code proves the address, then
//! there are a user and an employee who waits, and nobody enters the workspace before its owner or an admin has let them in.
//! Before the code nothing of them is in the company's log, so that strangers cannot fill it.

use super::{
    normal, normal_email,
    pending::{Attempt, Details, Employment},
    registration::{self, RegisteredAnswer, Request, require},
};
use crate::{
    envelope::{self, Envelope},
    extract::{Body, Write},
    i18n::Language,
    openapi::{answering, told_to_all},
    problem::{Code, Problem},
    state::App,
};
use aide::axum::{ApiRouter, routing::post_with};
use axum::{extract::State, response::Response};
use commands::{Context, Error, Unit};
use domain::{
    Aggregate, Check, Role, Rule,
    field::{FILLED_LINE, LINE},
    id::{EmployeeId, NotificationId, OrganizationId, UserId, derive},
    identity::user::{Registered, User, UserCommand, UserRejection},
    office::notification::{Audience, Created, Notification, NotificationCommand, Topic},
    people::employee::{self, Employee, EmployeeCommand, EmployeeRejection},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

const POSITION_MAX: usize = 100;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/users/register-employee",
            post_with(
                register_employee,
                answering::<Envelope<RegisteredAnswer>, 201>(told_to_all(
                    "Register with a company that is there; its owner or an admin lets one in (document 1)",
                )),
            ),
        )
        .api_route(
            "/auth/check-bin-employee",
            post_with(
                check_bin,
                answering::<Envelope<Company>, 200>(told_to_all(
                    "Which company has a BIN, for who wants to work there",
                )),
            ),
        )
}

/// The employee that an attempt's user is, should they ever be.
pub fn employee_of(user: Uuid) -> EmployeeId {
    EmployeeId::new(derive(user, "employee"))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Applicant {
    #[schemars(email, length(max = 254))]
    email: String,
    #[schemars(length(min = 8, max = 1_000), regex(pattern = LINE))]
    password: String,
    #[schemars(
        length(max = 100),
        regex(pattern = FILLED_LINE)
    )]
    first_name: String,
    #[schemars(
        length(max = 100),
        regex(pattern = FILLED_LINE)
    )]
    last_name: String,
    #[schemars(length(max = 30), regex(pattern = LINE))]
    phone: Option<String>,
    organization_id: OrganizationId,
    #[schemars(length(max = 100), regex(pattern = LINE))]
    position: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct BinQuestion {
    #[schemars(regex(pattern = r"^[^\S\x00-\x1f\x7f-\x9f]*[0-9]{12}[^\S\x00-\x1f\x7f-\x9f]*$"))]
    bin: String,
}

/// A company, by its BIN.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Company {
    exists: bool,
    /// For `register-employee`.
    organization_id: Option<Uuid>,
    organization_name: Option<String>,
}

async fn check_bin(State(app): State<App>, Body { value, .. }: Body<BinQuestion>) -> Result<Response, Problem> {
    require(&[("bin", &value.bin)])?;
    let bin = value.bin.trim();
    let mut check = Check::default();
    check.twelve_digits("bin", bin);
    check
        .done()
        .map_err(|violations| Problem::invalid(violations.as_slice()))?;
    let found: Option<(Uuid, String)> = sqlx::query_as("select id, name from platform.organizations where bin = $1")
        .bind(bin)
        .fetch_optional(&app.pool)
        .await?;
    let (organization_id, organization_name) = found.unzip();
    Ok(envelope::ok(Company {
        exists: organization_id.is_some(),
        organization_id,
        organization_name,
    }))
}

async fn register_employee(
    State(app): State<App>,
    write: Write,
    language: Language,
    Body { value, .. }: Body<Applicant>,
) -> Result<Response, Problem> {
    let given = |text: Option<String>| text.map(|text| normal(&text)).filter(|text| !text.is_empty());
    let position = given(value.position);
    let mut check = Check::default();
    check.optional_text("position", position.as_ref(), POSITION_MAX);
    check
        .done()
        .map_err(|violations| Problem::invalid(violations.as_slice()))?;
    let employment = Employment {
        organization_id: value.organization_id.uuid(),
        workspace_id: Uuid::nil(),
        position,
    };
    let mut request = Request {
        email: normal_email(&value.email),
        password: value.password,
        details: Details {
            first_name: normal(&value.first_name),
            last_name: normal(&value.last_name),
            phone: given(value.phone),
            company_name: None,
            bin: None,
            employment: Some(employment),
        },
    };
    request.check(false)?;
    let workspace_id = first_workspace(&app, value.organization_id.uuid()).await?;
    if let Some(employment) = &mut request.details.employment {
        employment.workspace_id = workspace_id;
    }
    registration::register_with(&app, &write, language, request).await
}

/// Where a company takes people in.
async fn first_workspace(app: &App, organization: Uuid) -> Result<Uuid, Problem> {
    let first = "select id from platform.workspaces where organization_id = $1 order by created_at, id limit 1";
    let first: Option<Uuid> = sqlx::query_scalar(first)
        .bind(organization)
        .fetch_optional(&app.pool)
        .await?;
    first.ok_or_else(|| {
        Problem::new(Code::NotFound)
            .because("reference.unknown")
            .field("organizationId", Rule::Unknown)
    })
}

/// What comes to be on the platform: only who they are.
pub fn unit(id: UserId, email: &str, details: &Details, employment: &Employment) -> Result<Unit, Error<UserRejection>> {
    let registered = Registered {
        email: Some(email.to_owned()),
        username: None,
        first_name: details.first_name.clone(),
        last_name: details.last_name.clone(),
        phone: details.phone.clone(),
        organization_id: Some(employment.organization_id.into()),
    };
    let events = verified(registered).map_err(Error::Rejected)?;
    let mut unit = Unit::default();
    unit.add(id, &User::default(), 0, &events).map_err(Error::Unstorable)?;
    Ok(unit)
}

fn verified(registered: Registered) -> Result<Vec<<User as Aggregate>::Event>, UserRejection> {
    let mut events = User::default().decide(&UserCommand::Register(registered))?;
    let user = events.iter().fold(User::default(), Aggregate::evolve);
    events.extend(user.decide(&UserCommand::VerifyEmail)?);
    Ok(events)
}

/// Enters who has proved their address into the company's log, if they are to work there. Whom somebody there has entered
/// already, by the same address, is known.
pub async fn enter(app: &App, attempt: &Attempt, context: &Context) -> Result<(), Problem> {
    let Some(Details {
        first_name,
        last_name,
        phone,
        employment: Some(employment),
        ..
    }) = &attempt.details
    else {
        return Ok(());
    };
    let details = employee::Details {
        email: Some(attempt.email.clone()),
        first_name: first_name.clone(),
        last_name: last_name.clone(),
        phone: phone.clone(),
        position: employment.position.clone(),
        ..employee::Details::default()
    };
    let command = EmployeeCommand::Create {
        details: Box::new(details),
        access: Role::Employee.into(),
        user_id: Some(attempt.id.into()),
    };
    let context = Context {
        workspace: employment.workspace_id.into(),
        ..context.clone()
    };
    let entered = app
        .executor
        .create::<Employee>(employee_of(attempt.id), &command, &context)
        .await;
    match entered {
        Ok(done) => {
            let name = format!("{first_name} {last_name}");
            let position = tell_owners(app, done.id, name, &context).await?;
            app.projections.wait_for(context.workspace, position).await;
            Ok(())
        }
        Err(Error::Rejected(EmployeeRejection::AlreadyCreated) | Error::Taken { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// That somebody waits; answers the position at which they are told.
async fn tell_owners(app: &App, employee: Uuid, name: String, context: &Context) -> Result<i64, Problem> {
    let created = Created {
        topic: Topic::EmployeeWaits,
        audience: Audience::Role(Role::Owner),
        about: employee,
        data: Map::from_iter([("name".to_owned(), Value::from(name))]),
    };
    let id = NotificationId::new(derive(employee, "waits"));
    let command = NotificationCommand::Notify(Box::new(created));
    Ok(app
        .executor
        .create::<Notification>(id, &command, context)
        .await?
        .position)
}
