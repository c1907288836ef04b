//! Accepting an invitation: the code in the mail proves the address. Each step can be asked for again, and the code stays good
//! for that; the member comes first, for that is where it may be refused, if whoever invited has lost the right to.

use super::Details;
use crate::{
    envelope,
    extract::{Body, Write},
    identity::{normal, normal_email, password, pending, require},
    people::{approval::admit, entry},
    problem::Problem,
    state::App,
};
use axum::{extract::State, response::Response};
use commands::{Context, employee::Newcomer};
use domain::{
    Access, Check, Rule,
    field::{FILLED_LINE, LINE},
    id::{EmployeeId, UserId, WorkspaceId, derive},
    identity::user::Registered,
    people::employee,
};
use projections::platform;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, Row as _, postgres::PgRow, types::Json};
use uuid::Uuid;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["email", "code"]))]
pub struct Acceptance {
    #[schemars(regex(pattern = FILLED_LINE))]
    email: String,
    #[schemars(regex(pattern = FILLED_LINE))]
    code: String,
    /// Of who has no account yet.
    #[schemars(length(min = 8, max = 1_000), regex(pattern = LINE))]
    password: Option<String>,
    /// Absent: as whoever invited has named them.
    #[schemars(length(max = 100), regex(pattern = LINE))]
    first_name: Option<String>,
    #[schemars(length(max = 100), regex(pattern = LINE))]
    last_name: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    user_id: Uuid,
    workspace_id: Uuid,
    employee_id: Uuid,
    message: &'static str,
}

/// An invitation whose code was right.
struct Open {
    id: Uuid,
    workspace_id: Uuid,
    email: String,
    invited_by: Uuid,
    access: Json<Access>,
    employee_id: Uuid,
    details: Json<Details>,
}

impl FromRow<'_, PgRow> for Open {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            workspace_id: row.try_get("workspace_id")?,
            email: row.try_get("email")?,
            invited_by: row.try_get("invited_by")?,
            access: row.try_get("access")?,
            employee_id: row.try_get("employee_id")?,
            details: row.try_get("details")?,
        })
    }
}

pub async fn accept(
    State(app): State<App>,
    write: Write,
    Body { value, .. }: Body<Acceptance>,
) -> Result<Response, Problem> {
    require(&[("email", &value.email), ("code", &value.code)])?;
    let email = normal_email(&value.email);
    let open = prove(&app, &email, value.code.trim()).await?;
    // An unknown address and a wrong code are the same answer.
    let open = open.ok_or_else(|| Problem::invalid_field("code", Rule::NotAllowed).because("invitation.code_wrong"))?;
    let known = platform::user_by_email(&app.pool, &email).await?;
    let (user_id, registered) = match &known {
        Some(user) => (UserId::new(user.id), None),
        None => {
            let id = derive(open.id, "user");
            let registered = newcomer(&app, id, &open, value).await?;
            (UserId::new(id), Some(registered))
        }
    };
    let workspace = WorkspaceId::new(open.workspace_id);
    let platform = write.platform();
    let joining = Newcomer {
        user_id,
        registered: registered.clone(),
        access: open.access.0.clone(),
        by: Some(open.invited_by.into()),
    };
    let position = admit(&app, workspace, &joining, &platform).await?;
    _ = write.settle_at(&app, WorkspaceId::PLATFORM, position, None).await;
    let names = known
        .map(|user| (user.first_name, user.last_name))
        .or(registered.map(|user| (user.first_name, user.last_name)));
    let context = Context { workspace, ..platform };
    let position = employ(&app, &open, user_id, names.unwrap_or_default(), &context).await?;
    let settle = "update platform.invitations set accepted_at = coalesce(accepted_at, log.clock()) where id = $1";
    sqlx::query(settle).bind(open.id).execute(&app.pool).await?;
    _ = write.settle_at(&app, workspace, position, None).await;
    Ok(envelope::ok(Accepted {
        user_id: user_id.into(),
        workspace_id: open.workspace_id,
        employee_id: open.employee_id,
        message: "Invitation accepted",
    }))
}

/// Tries a code on every open invitation of the address, in one statement, so that many guesses at once do not get more tries
/// than one after another. It stays good, so that a client that lost the answer may ask again.
async fn prove(app: &App, email: &str, code: &str) -> Result<Option<Open>, sqlx::Error> {
    let open = "select id from platform.invitations where email = $1 and failures < $2 and valid_until > log.clock()";
    let ids: Vec<Uuid> = sqlx::query_scalar(open)
        .bind(email)
        .bind(pending::FAILURES_MAX)
        .fetch_all(&app.pool)
        .await?;
    let hashes: Vec<Vec<u8>> = ids
        .iter()
        .map(|id| pending::hash(&app.pepper, *id, code).to_vec())
        .collect();
    let attempt = "with tried as (update platform.invitations i set failures = failures + case when i.code_hash = h.hash then 0 else 1 end \
            from unnest($1::uuid[], $2::bytea[]) h (id, hash) where i.id = h.id and i.failures < $3 and i.valid_until > log.clock() \
            returning i.code_hash = h.hash as is_right, i.id, i.workspace_id, i.email, i.invited_by, i.access, i.employee_id, i.details) \
        select id, workspace_id, email, invited_by, access, employee_id, details from tried where is_right limit 1";
    sqlx::query_as(attempt)
        .bind(ids)
        .bind(hashes)
        .bind(pending::FAILURES_MAX)
        .fetch_optional(&app.pool)
        .await
}

/// Who has no account yet names a password, and themselves where whoever invited did not. The password is stored first:
/// without the append it opens nothing.
async fn newcomer(app: &App, id: Uuid, open: &Open, value: Acceptance) -> Result<Registered, Problem> {
    let Json(invited) = &open.details;
    let name = |told: Option<String>, known: &Option<String>| {
        let told = told.map(|text| normal(&text)).filter(|text| !text.is_empty());
        told.or_else(|| known.clone()).unwrap_or_default()
    };
    let password = value.password.unwrap_or_default();
    let registered = Registered {
        email: Some(open.email.clone()),
        username: None,
        first_name: name(value.first_name, &invited.first_name),
        last_name: name(value.last_name, &invited.last_name),
        phone: None,
        organization_id: None,
    };
    let mut check = Check::default();
    match password.is_empty() {
        true => check.fail("password", Rule::Required),
        false => password::check(&mut check, "password", &password),
    }
    check.text("firstName", &registered.first_name, 100);
    check.text("lastName", &registered.last_name, 100);
    check
        .done()
        .map_err(|violations| Problem::invalid(violations.as_slice()))?;
    let hash = app.passwords.hash(password).await?;
    password::store(&app.pool, id, &hash).await?;
    Ok(registered)
}

/// The employee that was there already, or a new one, with the account.
async fn employ(
    app: &App,
    open: &Open,
    user_id: UserId,
    (first_name, last_name): (String, String),
    context: &Context,
) -> Result<i64, Problem> {
    let id = EmployeeId::new(open.employee_id);
    let Json(details) = &open.details;
    if open.employee_id == derive(open.id, "employee") {
        let details = employee::Details {
            email: Some(open.email.clone()),
            first_name,
            last_name,
            position: details.position.clone(),
            department_id: details.department_id,
            ..employee::Details::default()
        };
        let access = open.access.0.clone();
        entry::begin(app, id, details, (user_id, access), context).await?;
    }
    entry::join(app, id, user_id, context).await
}
