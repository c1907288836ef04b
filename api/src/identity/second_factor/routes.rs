//! A second factor over HTTP: offered, confirmed by a first code, given up with the password and a code; and new recovery codes.

use super::{Verdict, offer, prove, renew_recovery_codes, totp};
use crate::{
    envelope::{self, Envelope},
    extract::{Body, BodyHash, NoQuery, SignedIn, Write},
    identity::{
        once::{Kept, Once},
        password,
        registration::require,
        session,
    },
    openapi::{answering, told},
    problem::{Code, Problem},
    state::App,
};
use aide::axum::{
    ApiRouter,
    routing::{get_with, post_with},
};
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::{
    Rule,
    field::FILLED_LINE,
    identity::user::{User, UserCommand},
};
use log::chain;
use projections::platform;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, Postgres, Transaction};
use uuid::Uuid;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/auth/second-factor",
            get_with(
                show,
                answering::<Envelope<Stands>, 200>(told("Whether the caller signs in with a second factor")),
            )
            .post_with(
                enrol,
                answering::<Envelope<Offer>, 200>(told("Ask for a secret; it counts when a code of it was confirmed")),
            ),
        )
        .api_route(
            "/auth/second-factor/confirm",
            post_with(
                confirm,
                answering::<Envelope<RecoveryCodes>, 200>(told("Confirm the secret with a code of the app")),
            ),
        )
        .api_route(
            "/auth/second-factor/recovery-codes",
            post_with(
                renew,
                answering::<Envelope<RecoveryCodes>, 200>(told("Other recovery codes than those before")),
            ),
        )
        .api_route(
            "/auth/second-factor/disable",
            post_with(
                disable,
                answering::<Envelope<Message>, 200>(told("Sign in without a second factor from now on")),
            ),
        )
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Stands {
    enabled: bool,
    recovery_codes_left: i64,
    /// Of the session that asks.
    proved: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Offer {
    /// Base32, told now and never again.
    secret: String,
    /// `otpauth://…`, for an app to scan as a QR code.
    uri: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct RecoveryCodes {
    /// Each is good once; told now and never again.
    recovery_codes: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Message {
    message: &'static str,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["password"]))]
struct WithPassword {
    #[schemars(regex(pattern = FILLED_LINE))]
    password: String,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["code"]))]
struct WithCode {
    #[schemars(regex(pattern = FILLED_LINE))]
    code: String,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["password", "code"]))]
struct WithBoth {
    #[schemars(regex(pattern = FILLED_LINE))]
    password: String,
    #[schemars(regex(pattern = FILLED_LINE))]
    code: String,
}

async fn show(State(app): State<App>, person: SignedIn, _: NoQuery) -> Result<Response, Problem> {
    let user = person.user_id.uuid();
    let left = "select count(*) from platform.recovery_codes where user_id = $1";
    Ok(envelope::ok(Stands {
        enabled: super::is_on(&app.pool, user).await?,
        recovery_codes_left: sqlx::query_scalar(left).bind(user).fetch_one(&app.pool).await?,
        proved: person.second_factor,
    }))
}

async fn enrol(
    State(app): State<App>,
    person: SignedIn,
    write: Write,
    Body { value, .. }: Body<WithPassword>,
) -> Result<Response, Problem> {
    require(&[("password", &value.password)])?;
    let user = person.user_id.uuid();
    password::demand(&app, user, "password", value.password, &write).await?;
    let account = platform::user(&app.pool, user).await?;
    let account = account.and_then(|user| user.email.or(user.username));
    let once = Once::new(&app.pepper, &write, &user.to_string(), BodyHash::default());
    let mut tx = app.pool.begin().await?;
    if let Some(first) = once.enter(&mut tx).await? {
        return Ok(first.into_response());
    }
    let secret = offer(&mut tx, &app.pepper, user).await?;
    let secret = secret.ok_or_else(already_on)?;
    let totp = totp(secret, &account.unwrap_or_default())?;
    let offer = Offer {
        secret: totp.secret().to_base32(),
        uri: totp.to_url().map_err(|_| Problem::internal())?,
    };
    keep(tx, &once, offer).await
}

/// The first code makes it count; this session has passed with it.
async fn confirm(
    State(app): State<App>,
    person: SignedIn,
    write: Write,
    Body { value, hash }: Body<WithCode>,
) -> Result<Response, Problem> {
    require(&[("code", &value.code)])?;
    let user = person.user_id.uuid();
    let once = Once::new(&app.pepper, &write, &user.to_string(), hash);
    let mut tx = match begin(&app, user, &value.code, false, &once).await? {
        Begun::New(tx) => tx,
        Begun::Before(first) => return Ok(first.into_response()),
    };
    let confirm = "update platform.second_factors set confirmed_at = now() where user_id = $1 and confirmed_at is null";
    sqlx::query(confirm).bind(user).execute(&mut *tx).await?;
    if let Some(session) = person.session {
        session::strengthen(&mut tx, session).await?;
    }
    let recovery_codes = renew_recovery_codes(&mut tx, &app.pepper, user).await?;
    let answer = keep(tx, &once, RecoveryCodes { recovery_codes }).await?;
    tell(&app, user, true, &write).await;
    Ok(answer)
}

async fn renew(
    State(app): State<App>,
    person: SignedIn,
    write: Write,
    Body { value, hash }: Body<WithCode>,
) -> Result<Response, Problem> {
    require(&[("code", &value.code)])?;
    let user = person.user_id.uuid();
    let once = Once::new(&app.pepper, &write, &user.to_string(), hash);
    let mut tx = match begin(&app, user, &value.code, true, &once).await? {
        Begun::New(tx) => tx,
        Begun::Before(first) => return Ok(first.into_response()),
    };
    let recovery_codes = renew_recovery_codes(&mut tx, &app.pepper, user).await?;
    keep(tx, &once, RecoveryCodes { recovery_codes }).await
}

async fn disable(
    State(app): State<App>,
    person: SignedIn,
    write: Write,
    Body { value, .. }: Body<WithBoth>,
) -> Result<Response, Problem> {
    require(&[("password", &value.password), ("code", &value.code)])?;
    let user = person.user_id.uuid();
    let body = BodyHash::of(value.code.as_bytes());
    let once = Once::new(&app.pepper, &write, &user.to_string(), body);
    password::demand(&app, user, "password", value.password, &write).await?;
    let mut tx = match begin(&app, user, &value.code, true, &once).await? {
        Begun::New(tx) => tx,
        Begun::Before(first) => return Ok(first.into_response()),
    };
    for table in ["second_factors", "recovery_codes"] {
        let forget = format!("delete from platform.{table} where user_id = $1");
        sqlx::query(AssertSqlSafe(forget)).bind(user).execute(&mut *tx).await?;
    }
    let message = "The second factor is off";
    let answer = keep(tx, &once, Message { message }).await?;
    tell(&app, user, false, &write).await;
    Ok(answer)
}

/// What a code begins: something new, or what was answered before.
enum Begun {
    New(Transaction<'static, Postgres>),
    Before(Kept),
}

/// Lets whoever has a code, where the second factor is on or is not yet, begin what they ask for.
async fn begin(app: &App, user: Uuid, code: &str, is_on: bool, once: &Once) -> Result<Begun, Problem> {
    if let Some(first) = once.first(&app.pool).await? {
        return Ok(Begun::Before(first));
    }
    match (super::is_on(&app.pool, user).await?, is_on) {
        (true, false) => return Err(already_on()),
        (false, true) => return Err(Problem::new(Code::Conflict).because("second_factor.off")),
        (true, true) | (false, false) => {}
    }
    demand(app, user, code).await?;
    let mut tx = app.pool.begin().await?;
    Ok(match once.enter(&mut tx).await? {
        Some(first) => Begun::Before(first),
        None => Begun::New(tx),
    })
}

fn already_on() -> Problem {
    Problem::new(Code::Conflict).because("second_factor.already_on")
}

/// Lets nobody go on whose code is wrong, or was used before.
async fn demand(app: &App, user: Uuid, code: &str) -> Result<(), Problem> {
    match prove(&app.pool, &app.pepper, user, code).await? {
        Verdict::Right => Ok(()),
        Verdict::Wrong => Err(Problem::invalid_field("code", Rule::NotAllowed).because("second_factor.wrong")),
        Verdict::Slowed(wait) => Err(Problem::slowed("sign_in.slowed", wait)),
    }
}

async fn keep<T: Serialize>(mut tx: Transaction<'_, Postgres>, once: &Once, told: T) -> Result<Response, Problem> {
    let answer = Kept::new(StatusCode::OK, &Envelope::of(told))?;
    once.keep(&mut tx, &answer).await?;
    tx.commit().await?;
    Ok(answer.into_response())
}

/// It counts already: a log that cannot be written to is no reason to refuse.
async fn tell(app: &App, user: Uuid, is_on: bool, write: &Write) {
    let (id, context) = (user.into(), write.own(user.into()));
    let command = UserCommand::SetSecondFactor { is_on };
    if let Err(error) = app.executor.execute::<User>(id, &command, &context).await {
        tracing::warn!(error = %chain(&error), "the log was not told of a second factor");
    }
}
