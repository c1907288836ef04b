//! Registration over HTTP. It leaves a pending attempt and a mail with a code; what the code proves comes to be when it is
//! typed in. Nothing of it claims address or BIN before: who cannot read the mail cannot keep away who can.

mod request;

use super::{
    employment, normal_email,
    once::{Kept, Once},
    password::{self, Who},
    pause,
    pending::{self, Attempt, Details, Proof},
    provision,
};
use crate::{
    envelope::{self, Envelope},
    extract::{Body, BodyHash, Write, anonymous, digit_holds},
    i18n::Language,
    mail::address,
    openapi::{answering, told_to_all},
    problem::{Code, Problem},
    state::App,
};
use aide::axum::{ApiRouter, routing::post_with};
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::{Check, Rule, check::check_digit_holds, field::FILLED_LINE, id::WorkspaceId};
use projections::platform;
pub(super) use request::Request;
use request::{OwnerRegistration, Registration};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/auth/register",
            post_with(
                register,
                answering::<Envelope<RegisteredAnswer>, 201>(told_to_all("Register an organization's owner")),
            ),
        )
        .api_route(
            "/users/register-owner",
            post_with(
                register_owner,
                answering::<Envelope<RegisteredAnswer>, 201>(told_to_all("Register a company's owner (document 1)")),
            ),
        )
        .api_route(
            "/auth/verify-email",
            post_with(
                verify_email,
                answering::<Envelope<Message>, 200>(told_to_all("Verify an address with the code in the mail")),
            ),
        )
        .api_route(
            "/users/verify-email",
            post_with(
                verify_user_email,
                answering::<Envelope<Message>, 200>(told_to_all(
                    "Verify an address with the code in the mail (document 1)",
                )),
            ),
        )
        .api_route(
            "/auth/check-email",
            post_with(
                check_email,
                answering::<Envelope<Availability>, 200>(told_to_all("Whether an address is registered")),
            ),
        )
        .api_route(
            "/auth/check-bin",
            post_with(
                check_bin,
                answering::<Envelope<Availability>, 200>(told_to_all(
                    "Whether a BIN is registered, and whether its check digit holds",
                )),
            ),
        )
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RegisteredAnswer {
    user: PendingUser,
    /// The company's, if there is one, and the workspace's ids once the address is proved; until then they are nowhere. Of an
    /// employee, where they are to work.
    organization_id: Option<Uuid>,
    workspace_id: Option<Uuid>,
    /// The employee's, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    employee_id: Option<Uuid>,
    message: &'static str,
}

#[derive(Debug, Serialize, JsonSchema)]
struct PendingUser {
    id: Uuid,
    email: String,
    status: &'static str,
}

async fn register(
    State(app): State<App>,
    write: Write,
    language: Language,
    body: Body<Registration>,
) -> Result<Response, Problem> {
    let request = body.value.into_request(false);
    let answer = match request {
        Ok(request) => register_with(&app, &write, language, request).await,
        Err(problem) => Err(problem),
    };
    answer.map_err(|problem| {
        problem
            .rename_field("companyName", "organizationName")
            .rename_field("bin", "organizationBin")
    })
}

async fn register_owner(
    State(app): State<App>,
    write: Write,
    language: Language,
    body: Body<OwnerRegistration>,
) -> Result<Response, Problem> {
    let request = body.value.0.into_request(true)?;
    register_with(&app, &write, language, request).await
}

pub(super) async fn register_with(
    app: &App,
    write: &Write,
    language: Language,
    request: Request,
) -> Result<Response, Problem> {
    if !app.mail.is_configured() {
        return Err(Problem::unavailable("mail.not_configured"));
    }
    let Request {
        email,
        password,
        details,
    } = request;
    if let Some(bin) = &details.bin {
        digit_holds(app, "bin", bin)?;
    }
    // Without the password: it is compared as one, below.
    let body = serde_json::to_vec(&(&email, &details)).map_err(|_| Problem::internal())?;
    let once = Once::new(&app.pepper, write, &anonymous(&email), BodyHash::of(&body));
    if let Some(first) = once.first(&app.pool).await? {
        return same_password(app, first, password).await;
    }
    refuse_taken(app, &email, &details).await?;
    let attempt = Attempt {
        id: Uuid::now_v7(),
        email,
        details: Some(details),
        password_hash: Some(app.passwords.hash(password.clone()).await?),
    };
    let position = app.log.head(WorkspaceId::PLATFORM.uuid()).await?;
    let answer = Kept::new(StatusCode::CREATED, &Envelope::of(answer(&attempt)))?.at(position);
    let mut tx = app.pool.begin().await?;
    if let Some(first) = once.enter(&mut tx).await? {
        tx.rollback().await?;
        return same_password(app, first, password).await;
    }
    if app.is_limited() {
        let paused = pause::code(&mut tx, &app.pepper, &attempt.email, write.client()).await?;
        paused.map_err(pause::refused)?;
    }
    pending::enter(&mut tx, &app.pepper, &attempt, write.client(), language).await?;
    once.keep(&mut tx, &answer).await?;
    tx.commit().await?;
    app.mail.ring();
    Ok(answer.into_response())
}

fn answer(attempt: &Attempt) -> RegisteredAnswer {
    let employment = attempt.details.as_ref().and_then(|details| details.employment.as_ref());
    let own_organization = || provision::organization_of(attempt.id).uuid();
    let own_workspace = || provision::workspace_of(attempt.id).uuid();
    RegisteredAnswer {
        user: PendingUser {
            id: attempt.id,
            email: attempt.email.clone(),
            status: "pending",
        },
        organization_id: match employment {
            Some(employment) => Some(employment.organization_id),
            None => attempt
                .details
                .as_ref()
                .and_then(|details| details.bin.as_ref())
                .map(|_| own_organization()),
        },
        workspace_id: Some(employment.map_or_else(own_workspace, |employment| employment.workspace_id)),
        employee_id: employment.map(|_| employment::employee_of(attempt.id).uuid()),
        message: "Verification email sent",
    }
}

/// A repeat with another password is another request. Where the first one's is known no more, it cannot be compared.
async fn same_password(app: &App, first: Kept, password: String) -> Result<Response, Problem> {
    let id = first.body["data"]["user"]["id"].as_str().and_then(|id| id.parse().ok());
    let id: Uuid = id.ok_or_else(Problem::internal)?;
    let stored = match pending::password(&app.pool, id).await? {
        Some(stored) => Some(stored),
        None => password::load(&app.pool, id).await?,
    };
    if stored.is_some() && !app.passwords.verify(Who::Stranger, password, stored).await? {
        return Err(Problem::new(Code::IdempotencyKeyReused));
    }
    Ok(first.into_response())
}

/// By those who have proved what they claim.
async fn refuse_taken(app: &App, email: &str, details: &Details) -> Result<(), Problem> {
    if platform::user_by_email(&app.pool, email).await?.is_some() {
        return Err(Problem::taken("user.email"));
    }
    match &details.bin {
        Some(bin) if is_bin_taken(app, bin).await? => Err(Problem::taken("organization.bin")),
        _ => Ok(()),
    }
}

async fn is_bin_taken(app: &App, bin: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select exists (select from platform.organizations where bin = $1)")
        .bind(bin)
        .fetch_one(&app.pool)
        .await
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["email", "code"]))]
struct Verification {
    #[schemars(regex(pattern = FILLED_LINE))]
    email: String,
    #[schemars(regex(pattern = FILLED_LINE))]
    code: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Message {
    message: &'static str,
}

async fn verify_email(State(app): State<App>, write: Write, body: Body<Verification>) -> Result<Response, Problem> {
    verify(&app, &write, body).await
}

async fn verify_user_email(
    State(app): State<App>,
    write: Write,
    body: Body<Verification>,
) -> Result<Response, Problem> {
    verify(&app, &write, body).await
}

async fn verify(app: &App, write: &Write, Body { value, hash }: Body<Verification>) -> Result<Response, Problem> {
    require(&[("email", &value.email), ("code", &value.code)])?;
    let email = normal_email(&value.email);
    let once = Once::new(&app.pepper, write, &anonymous(&email), hash);
    if let Some(first) = once.first(&app.pool).await? {
        return Ok(first.into_response());
    }
    let proof = pending::prove(&app.pool, &app.pepper, &email, write.client(), &value.code).await?;
    let attempt = match proof {
        Proof::Right(attempt) => attempt,
        // An unknown address and a wrong code are the same answer.
        Proof::Wrong => return Err(Problem::invalid_field("code", Rule::NotAllowed).because("user.code_wrong")),
        Proof::Contested => return Err(Problem::new(Code::Conflict).because("user.code_contested")),
    };
    let position = provision::provision(app, &attempt, &write.platform()).await?;
    let written = write.settle_at(app, WorkspaceId::PLATFORM, position, None).await;
    let message = Envelope::of(Message {
        message: "Email verified successfully",
    });
    let answer = Kept::new(StatusCode::OK, &message)?.at(position);
    let mut tx = app.pool.begin().await?;
    if once.enter(&mut tx).await?.is_none() {
        once.keep(&mut tx, &answer).await?;
    }
    tx.commit().await?;
    Ok(written.answer(StatusCode::OK, &message))
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["email"]))]
struct EmailQuestion {
    #[schemars(email, length(max = 254))]
    email: String,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["bin"]))]
struct BinQuestion {
    #[schemars(regex(pattern = "^[0-9]{12}$"))]
    bin: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Availability {
    exists: bool,
    available: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    check_digit_holds: Option<bool>,
}

async fn check_email(State(app): State<App>, Body { value, .. }: Body<EmailQuestion>) -> Result<Response, Problem> {
    require(&[("email", &value.email)])?;
    let email = normal_email(&value.email);
    let mut check = Check::default();
    check.email("email", &email);
    check.that(
        email.is_empty() || address::is_address(&email),
        "email",
        Rule::NotAnEmail,
    );
    check
        .done()
        .map_err(|violations| Problem::invalid(violations.as_slice()))?;
    let exists = platform::user_by_email(&app.pool, &email).await?.is_some();
    Ok(envelope::ok(Availability {
        exists,
        available: !exists,
        check_digit_holds: None,
    }))
}

async fn check_bin(State(app): State<App>, Body { value, .. }: Body<BinQuestion>) -> Result<Response, Problem> {
    require(&[("bin", &value.bin)])?;
    let bin = value.bin.trim();
    let mut check = Check::default();
    check.twelve_digits("bin", bin);
    check
        .done()
        .map_err(|violations| Problem::invalid(violations.as_slice()))?;
    let exists = is_bin_taken(&app, bin).await?;
    Ok(envelope::ok(Availability {
        exists,
        available: !exists,
        check_digit_holds: Some(check_digit_holds(bin)),
    }))
}

/// All the fields that are empty, at once.
pub(crate) fn require(fields: &[(&str, &str)]) -> Result<(), Problem> {
    let mut check = Check::default();
    for (field, value) in fields {
        check.that(!value.trim().is_empty(), *field, Rule::Required);
    }
    check
        .done()
        .map_err(|violations| Problem::invalid(violations.as_slice()))
}
