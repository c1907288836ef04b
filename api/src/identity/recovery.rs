//! Another password: for who has forgotten theirs, with a code in a mail (document 2), and for who is signed in and knows it. And
//! another code, for who waits for one. What is answered, and how soon, never tells whether an address is registered.

use super::{
    normal_email,
    once::{Kept, Once},
    password::{self, Who},
    pause, pending,
    registration::require,
    reset,
    session::{self, Which},
};
use crate::{
    envelope::Envelope,
    extract::{Body, BodyHash, SignedIn, Write, anonymous},
    i18n::Language,
    openapi::{answering, told, told_to_all},
    problem::{Code, Problem},
    state::App,
};
use aide::axum::{ApiRouter, routing::post_with};
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::{
    Check, Rule,
    field::{FILLED_LINE, LINE},
    identity::user::{SessionEnd, User, UserCommand},
};
use log::chain;
use projections::platform;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, Postgres, Transaction};
use uuid::Uuid;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/auth/forgot-password",
            post_with(
                forgot,
                answering::<Envelope<Message>, 200>(told_to_all("Ask for a code that sets another password")),
            ),
        )
        .api_route(
            "/auth/reset-password",
            post_with(
                reset_password,
                answering::<Envelope<Message>, 200>(told_to_all("Set another password with the code in the mail")),
            ),
        )
        .api_route(
            "/auth/resend-code",
            post_with(
                resend,
                answering::<Envelope<Message>, 200>(told_to_all("Ask for another code that verifies an address")),
            ),
        )
        .api_route(
            "/auth/change-password",
            post_with(
                change,
                answering::<Envelope<Message>, 200>(told("Change the caller's own password")),
            ),
        )
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["email"]))]
struct Address {
    #[schemars(regex(pattern = FILLED_LINE))]
    email: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Message {
    message: &'static str,
}

async fn forgot(
    State(app): State<App>,
    write: Write,
    language: Language,
    Body { value, hash }: Body<Address>,
) -> Result<Response, Problem> {
    let (email, once) = asked(&app, &write, &value, hash)?;
    let user = platform::user_by_email(&app.pool, &email).await?.map(|user| user.id);
    let mut tx = app.pool.begin().await?;
    if let Some(first) = enter(&app, &mut tx, &once, &email, &write).await? {
        return Ok(first.into_response());
    }
    reset::ask(&mut tx, &app.pepper, &email, user, language).await?;
    posted(&app, tx, &once, "Reset code sent to email").await
}

/// For which address a code is asked for, and the request's key.
fn asked(app: &App, write: &Write, value: &Address, hash: BodyHash) -> Result<(String, Once), Problem> {
    require(&[("email", &value.email)])?;
    if !app.mail.is_configured() {
        return Err(Problem::unavailable("mail.not_configured"));
    }
    let email = normal_email(&value.email);
    let once = Once::new(&app.pepper, write, &anonymous(&email), hash);
    Ok((email, once))
}

/// Lets a request for a code through, if it is not too soon; or what was answered to it before.
async fn enter(
    app: &App,
    tx: &mut PgConnection,
    once: &Once,
    email: &str,
    write: &Write,
) -> Result<Option<Kept>, Problem> {
    let first = once.enter(&mut *tx).await?;
    if first.is_none() && app.is_limited() {
        let paused = pause::code(tx, &app.pepper, email, write.client()).await?;
        paused.map_err(pause::refused)?;
    }
    Ok(first)
}

/// The letter is on its way.
async fn posted(
    app: &App,
    mut tx: Transaction<'_, Postgres>,
    once: &Once,
    message: &'static str,
) -> Result<Response, Problem> {
    let answer = told_once(message)?;
    once.keep(&mut tx, &answer).await?;
    tx.commit().await?;
    app.mail.ring();
    Ok(answer.into_response())
}

fn told_once(message: &'static str) -> Result<Kept, Problem> {
    Kept::new(StatusCode::OK, &Envelope::of(Message { message }))
}

/// Whoever waits for a code gets another; who does not is told the same.
async fn resend(
    State(app): State<App>,
    write: Write,
    language: Language,
    Body { value, hash }: Body<Address>,
) -> Result<Response, Problem> {
    let (email, once) = asked(&app, &write, &value, hash)?;
    let attempt = pending::newest(&app.pool, &email, write.client()).await?;
    let mut tx = app.pool.begin().await?;
    if let Some(first) = enter(&app, &mut tx, &once, &email, &write).await? {
        return Ok(first.into_response());
    }
    let attempt = attempt.map_or_else(Uuid::now_v7, |attempt| attempt.id);
    pending::renew(&mut tx, &app.pepper, attempt, Some(language)).await?;
    posted(&app, tx, &once, "Verification email sent").await
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["email", "code", "newPassword"]))]
struct Reset {
    #[schemars(regex(pattern = FILLED_LINE))]
    email: String,
    #[schemars(regex(pattern = FILLED_LINE))]
    code: String,
    #[schemars(length(min = 8, max = 1_000), regex(pattern = LINE))]
    new_password: String,
}

/// What is missing, and what is wrong with the new password, at once.
fn check(fields: &[(&str, &str)], new: &str) -> Result<(), Problem> {
    let mut check = Check::default();
    for (field, value) in fields {
        check.that(!value.trim().is_empty(), *field, Rule::Required);
    }
    password::check(&mut check, "newPassword", new);
    check
        .done()
        .map_err(|violations| Problem::invalid(violations.as_slice()))
}

async fn reset_password(
    State(app): State<App>,
    write: Write,
    Body { value, .. }: Body<Reset>,
) -> Result<Response, Problem> {
    let Reset {
        email,
        code,
        new_password,
    } = value;
    check(&[("email", &email), ("code", &code)], &new_password)?;
    let email = normal_email(&email);
    // Without the password: a repeat has to know it.
    let body = BodyHash::of(format!("{email:?} {:?}", code.trim()).as_bytes());
    let once = Once::new(&app.pepper, &write, &anonymous(&email), body);
    if let Some(first) = once.first(&app.pool).await? {
        return same_password(&app, &email, new_password, first).await;
    }
    let wrong = || Problem::invalid_field("code", Rule::NotAllowed).because("user.code_wrong");
    let user = reset::prove(&app.pool, &app.pepper, &email, &code).await?;
    let user = user.ok_or_else(wrong)?;
    let hash = app.passwords.hash(new_password.clone()).await?;
    let mut tx = app.pool.begin().await?;
    if let Some(first) = once.enter(&mut tx).await? {
        tx.rollback().await?;
        return same_password(&app, &email, new_password, first).await;
    }
    if !reset::use_up(&mut tx, &app.pepper, &email, &code).await? {
        return Err(wrong());
    }
    password::store(&mut *tx, user, &hash).await?;
    let ended = session::end(&mut tx, user, Which::AllBut(None)).await?;
    let answer = told_once("Password reset successfully")?;
    once.keep(&mut tx, &answer).await?;
    tx.commit().await?;
    tell(&app, user, user, &write).await;
    session::tell(&app, user, ended, SessionEnd::Password, &write).await;
    Ok(answer.into_response())
}

/// A repeat with another password is another request.
async fn same_password(app: &App, email: &str, password: String, first: Kept) -> Result<Response, Problem> {
    let stored = match platform::user_by_email(&app.pool, email).await? {
        Some(user) => password::load(&app.pool, user.id).await?,
        None => None,
    };
    repeated(app, password, stored, first).await
}

async fn repeated(app: &App, password: String, stored: Option<String>, first: Kept) -> Result<Response, Problem> {
    match app.passwords.verify(Who::Stranger, password, stored).await? {
        true => Ok(first.into_response()),
        false => Err(Problem::new(Code::IdempotencyKeyReused)),
    }
}

/// The password is stored already: a log that cannot be written to is no reason to refuse.
pub(crate) async fn tell(app: &App, user: Uuid, by: Uuid, write: &Write) {
    let (id, context) = (user.into(), write.own(by.into()));
    let told = app.executor.execute::<User>(id, &UserCommand::ChangePassword, &context);
    if let Err(error) = told.await {
        tracing::warn!(error = %chain(&error), "the log was not told of another password");
    }
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["currentPassword", "newPassword"]))]
struct Change {
    #[schemars(regex(pattern = FILLED_LINE))]
    current_password: String,
    #[schemars(length(min = 8, max = 1_000), regex(pattern = LINE))]
    new_password: String,
}

/// All sessions but this one end.
async fn change(
    State(app): State<App>,
    person: SignedIn,
    write: Write,
    Body { value, .. }: Body<Change>,
) -> Result<Response, Problem> {
    let Change {
        current_password,
        new_password,
    } = value;
    let answer = told_once("Password changed successfully")?;
    change_own(&app, person, &write, (current_password, new_password), answer).await
}

/// Changes the password of somebody who knows it; their other sessions end. What is wrong is told of `currentPassword` and
/// `newPassword`.
pub(crate) async fn change_own(
    app: &App,
    person: SignedIn,
    write: &Write,
    (current_password, new_password): (String, String),
    answer: Kept,
) -> Result<Response, Problem> {
    check(&[("currentPassword", &current_password)], &new_password)?;
    let user = person.user_id.uuid();
    let once = Once::new(&app.pepper, write, &user.to_string(), BodyHash::default());
    if let Some(first) = once.first(&app.pool).await? {
        let stored = password::load(&app.pool, user).await?;
        return repeated(app, new_password, stored, first).await;
    }
    password::demand(app, user, "currentPassword", current_password, write).await?;
    let hash = app.passwords.hash(new_password).await?;
    let mut tx = app.pool.begin().await?;
    if let Some(first) = once.enter(&mut tx).await? {
        return Ok(first.into_response());
    }
    password::store(&mut *tx, user, &hash).await?;
    let ended = session::end(&mut tx, user, Which::AllBut(person.session)).await?;
    once.keep(&mut tx, &answer).await?;
    tx.commit().await?;
    tell(app, user, user, write).await;
    session::tell(app, user, ended, SessionEnd::Password, write).await;
    Ok(answer.into_response())
}
