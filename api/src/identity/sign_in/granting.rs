//! The one door of all who sign in by a password, and the one way in which sessions begin and go on, whatever the answer looks
//! like: documents 1 to 3 have one shape, document 4 another.

use crate::{
    extract::{BodyHash, Write, anonymous},
    identity::{
        once::{Kept, Once},
        password, pause, pending,
        second_factor::{self, Verdict},
        session::{self, Granted, Held, Place, Refused, Which},
    },
    problem::{Code, Problem},
    state::App,
};
use axum::response::{IntoResponse, Response};
use domain::identity::user::SessionEnd;
use projections::platform::{self, User};
use uuid::Uuid;

/// Somebody who may sign in.
pub(crate) struct Proved {
    pub user: User,
    /// More than a password was asked for.
    pub second_factor: bool,
}

/// Whether that is the account's password, and its second factor: the one door of all who sign in by one. `account` is what
/// was typed, in its stored form, whether there is such a user or not.
pub(crate) async fn prove(
    app: &App,
    write: &Write,
    account: &str,
    user: Option<User>,
    password: String,
    code: Option<String>,
) -> Result<Proved, Problem> {
    let entrance = app
        .door
        .enter(app.pepper.tag("account", &[account.as_bytes()]), write.client())
        .map_err(|wait| Problem::slowed("sign_in.slowed", wait))?;
    // An address that is not proved yet has as many passwords as there are attempts.
    let (stored, attempt) = match &user {
        Some(user) => (password::load(&app.pool, user.id).await?, None),
        None => match pending::newest(&app.pool, account, write.client()).await? {
            Some(attempt) => (attempt.password_hash, Some(attempt.id)),
            None => (None, None),
        },
    };
    if !app.passwords.verify(entrance.who, password, stored).await? {
        entrance.wrong();
        return Err(Problem::new(Code::AuthInvalidCredentials));
    }
    match user {
        Some(user) if user.verified => {
            let second_factor = second_factor::is_on(&app.pool, user.id).await?;
            if second_factor {
                let code = code.filter(|code| !code.trim().is_empty());
                let code = code.ok_or_else(|| Problem::unauthorized().because("second_factor.required"))?;
                match second_factor::prove(&app.pool, &app.pepper, user.id, &code).await? {
                    Verdict::Right => {}
                    Verdict::Wrong => {
                        entrance.wrong();
                        return Err(Problem::new(Code::AuthInvalidCredentials).because("second_factor.wrong"));
                    }
                    Verdict::Slowed(wait) => return Err(Problem::slowed("sign_in.slowed", wait)),
                }
            }
            entrance.right();
            Ok(Proved { user, second_factor })
        }
        // Anybody can have a password for an address that nobody has proved: it earns no trust.
        user => {
            let pending = user.map(|user| user.id).or(attempt).ok_or_else(Problem::internal)?;
            another_code(app, pending, account, write.client()).await?;
            Err(Problem::new(Code::AuthForbidden).because("user.email_not_verified"))
        }
    }
}

/// Strangers can use up a code, and a day can pass: who knows the password gets another, though not at any pace.
async fn another_code(app: &App, pending: Uuid, email: &str, client: &str) -> Result<(), Problem> {
    if !app.mail.is_configured() {
        return Ok(());
    }
    let mut tx = app.pool.begin().await?;
    if !pending::is_spent(&mut tx, pending).await? {
        return Ok(());
    }
    if app.is_limited() && pause::code(&mut tx, &app.pepper, email, client).await?.is_err() {
        return Ok(());
    }
    pending::renew(&mut tx, &app.pepper, pending, None).await?;
    tx.commit().await?;
    app.mail.ring();
    Ok(())
}

/// Of somebody who signs in, by what they sign in by.
pub(crate) fn once(app: &App, write: &Write, user: &User) -> Once {
    let account = user.email.as_deref().or(user.username.as_deref()).unwrap_or_default();
    let body = BodyHash::of(account.as_bytes());
    Once::new(&app.pepper, write, &anonymous(account), body)
}

/// Begins a session of that user, and answers what `told` makes of it, the first time and every time.
pub(crate) async fn begin_with(
    app: &App,
    write: &Write,
    once: &Once,
    (user, second_factor): (Uuid, bool),
    told: impl FnOnce(Granted) -> Result<Kept, Problem> + Send,
) -> Result<Response, Problem> {
    let mut tx = app.pool.begin().await?;
    if let Some(first) = once.enter(&mut tx).await? {
        return Ok(first.into_response());
    }
    let (place, lifetime) = (Place::of(write), app.config.refresh_expiration);
    let granted = session::begin(&mut tx, user, &place, second_factor, lifetime).await?;
    let answer = told(granted)?;
    once.keep(&mut tx, &answer).await?;
    tx.commit().await?;
    Ok(answer.into_response())
}

/// The session a refresh token belongs to, and whose it is.
pub(crate) async fn held(app: &App, token: &str) -> Result<(Held, User), Problem> {
    let held = session::of(&app.pool, token).await?.ok_or_else(session::ended)?;
    let user = platform::user(&app.pool, held.user).await?;
    Ok((held, user.ok_or_else(Problem::unauthorized)?))
}

/// Exchanges a refresh token for the next one, and answers what `told` makes of it.
pub(crate) async fn exchange(
    app: &App,
    write: &Write,
    held: &Held,
    (token, hash): (&str, BodyHash),
    told: impl FnOnce(Granted) -> Result<Kept, Problem> + Send,
) -> Result<Response, Problem> {
    let once = Once::new(&app.pepper, write, &format!("session:{}", held.family), hash);
    let mut tx = app.pool.begin().await?;
    if let Some(first) = once.enter(&mut tx).await? {
        // Tokens of a session that was ended since are not told again.
        return if held.goes_on {
            Ok(first.into_response())
        } else {
            Err(session::ended())
        };
    }
    let (place, lifetime) = (Place::of(write), app.config.refresh_expiration);
    let next = match session::refresh(&mut tx, token, &place, lifetime).await {
        Ok(next) => next,
        Err(Refused::Problem(problem)) => return Err(problem),
        Err(Refused::Stolen) => {
            tx.rollback().await?;
            let mut connection = app.pool.acquire().await?;
            let ended = session::end(&mut connection, held.user, Which::One(held.family)).await?;
            drop(connection);
            session::tell(app, held.user, ended, SessionEnd::Reused, write).await;
            return Err(session::ended());
        }
    };
    let answer = told(next)?;
    once.keep(&mut tx, &answer).await?;
    tx.commit().await?;
    Ok(answer.into_response())
}
