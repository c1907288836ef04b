//! Sessions: a refresh token is 256 random bits, kept only as a hash, and good once. Each use gives a new one of the
//! same family; using one a second time means that somebody has a copy, and ends the whole family. A family that is not
//! used ends by itself, and so does one that is, some time. An access token names its family: when that has ended, so has it,
//! on every node (`live`).

pub mod live;
pub mod routes;

use super::secrets;
use crate::{
    extract::Write,
    problem::{Code, Problem},
    state::App,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use domain::identity::user::{SessionEnd, User, UserCommand};
use log::chain;
use sqlx::{PgConnection, PgPool, Row};
use std::{collections::BTreeSet, time::Duration};
use uuid::Uuid;

/// However much it is used.
const LIFE_MAX: TimeDelta = TimeDelta::days(90);
/// Characters of a device that are kept.
const DEVICE_MAX: usize = 200;

/// Where and on what somebody is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// As it calls itself: `User-Agent`.
    pub device: String,
    pub address: String,
}

impl Place {
    pub fn of(write: &Write) -> Self {
        Self {
            device: write.device().chars().take(DEVICE_MAX).collect(),
            address: write.client().to_owned(),
        }
    }
}

/// A session that has begun, or goes on.
pub struct Granted {
    pub family: Uuid,
    pub refresh_token: String,
}

/// Begins a session. `second_factor`: whether more than a password was asked for.
pub async fn begin(
    connection: &mut PgConnection,
    user: Uuid,
    place: &Place,
    second_factor: bool,
    lifetime: Duration,
) -> Result<Granted, sqlx::Error> {
    let session = Session {
        family: Uuid::now_v7(),
        user,
        began_at: Utc::now(),
        expires_at: Utc::now(),
        second_factor,
        used: false,
        revoked: false,
    };
    let granted = insert(&mut *connection, &session, place, lifetime).await?;
    // Signing in is rare enough to sweep up behind everybody.
    let sweep = "delete from platform.sessions where token_hash in (select token_hash from platform.sessions \
        where expires_at < now() limit 100 for update skip locked)";
    sqlx::query(sweep).execute(connection).await?;
    Ok(granted)
}

struct Session {
    family: Uuid,
    user: Uuid,
    began_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    second_factor: bool,
    used: bool,
    /// Any token of the family is: one that a refresh added while its family was being ended is not marked itself.
    revoked: bool,
}

/// Why a refresh token is not exchanged.
pub enum Refused {
    Problem(Problem),
    /// It was used before: the caller ends the session, outside of this transaction.
    Stolen,
}

impl<T: Into<Problem>> From<T> for Refused {
    fn from(problem: T) -> Self {
        Self::Problem(problem.into())
    }
}

/// The session a refresh token belongs to, used or not.
pub struct Held {
    pub family: Uuid,
    pub user: Uuid,
    pub goes_on: bool,
}

pub async fn of(pool: &PgPool, token: &str) -> Result<Option<Held>, sqlx::Error> {
    let held = "select family, user_id, not exists \
            (select from platform.sessions member where member.family = sessions.family and member.revoked_at is not null) \
        from platform.sessions where token_hash = $1";
    let held: Option<(Uuid, Uuid, bool)> = sqlx::query_as(held)
        .bind(hash(token).to_vec())
        .fetch_optional(pool)
        .await?;
    Ok(held.map(|(family, user, goes_on)| Held { family, user, goes_on }))
}

/// Exchanges a refresh token for the next one.
pub async fn refresh(
    connection: &mut PgConnection,
    token: &str,
    place: &Place,
    lifetime: Duration,
) -> Result<Granted, Refused> {
    let hash = hash(token);
    let session = find(&mut *connection, &hash).await?.ok_or_else(ended)?;
    if session.used || session.revoked {
        return Err(Refused::Stolen);
    }
    if session.expires_at.min(session.began_at + LIFE_MAX) <= Utc::now() {
        return Err(Problem::new(Code::AuthTokenExpired).into());
    }
    let next = insert(&mut *connection, &session, place, lifetime).await?;
    let replace = "update platform.sessions set replaced_by = $2 where token_hash = $1";
    sqlx::query(replace)
        .bind(&hash[..])
        .bind(&self::hash(&next.refresh_token)[..])
        .execute(connection)
        .await?;
    Ok(next)
}

/// Which of somebody's sessions.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    /// The one a refresh token belongs to.
    OfToken(&'a str),
    One(Uuid),
    /// All but that one, if one is named.
    AllBut(Option<Uuid>),
}

/// Ends sessions of that user that go on, and answers which; the log is to be told afterwards.
pub async fn end(connection: &mut PgConnection, user: Uuid, which: Which<'_>) -> Result<BTreeSet<Uuid>, sqlx::Error> {
    const END: &str = "with named as (select distinct family from platform.sessions where user_id = $1 and ($2::bytea is null or token_hash = $2) \
            and ($3::uuid is null or family = $3) and ($4::uuid is null or family <> $4)) \
        update platform.sessions set revoked_at = now() from named \
        where sessions.family = named.family and revoked_at is null returning sessions.family";
    let (hash, one, but) = match which {
        Which::OfToken(token) => (Some(hash(token).to_vec()), None, None),
        Which::One(family) => (None, Some(family), None),
        Which::AllBut(family) => (None, None, family),
    };
    let ended: Vec<Uuid> = sqlx::query_scalar(END)
        .bind(user)
        .bind(hash)
        .bind(one)
        .bind(but)
        .fetch_all(connection)
        .await?;
    Ok(ended.into_iter().collect())
}

/// Tells the log of sessions that have ended: that is how other nodes hear of it. They have ended already, so that a log that
/// cannot be written to is no reason to refuse; nodes that do not hear find out within a minute.
pub async fn tell(app: &App, user: Uuid, ended: BTreeSet<Uuid>, why: SessionEnd, write: &Write) {
    let sessions = ended.into_iter().map(Into::into).collect();
    let command = UserCommand::EndSessions { sessions, why };
    let context = write.own(user.into());
    if let Err(error) = app.executor.execute::<User>(user.into(), &command, &context).await {
        tracing::warn!(error = %chain(&error), "the log was not told of sessions that have ended");
    }
}

pub fn ended() -> Problem {
    Problem::unauthorized().because("session.ended")
}

fn draw() -> String {
    URL_SAFE_NO_PAD.encode(secrets::random())
}

fn hash(token: &str) -> [u8; 32] {
    secrets::digest(&[token.trim().as_bytes()])
}

async fn find(connection: &mut PgConnection, hash: &[u8]) -> Result<Option<Session>, sqlx::Error> {
    // The lock makes the second of two uses at once see the first.
    let by_hash = "select family, user_id, began_at, expires_at, replaced_by is not null, revoked_at is not null or exists \
            (select from platform.sessions member where member.family = sessions.family and member.revoked_at is not null), \
            second_factor \
        from platform.sessions where token_hash = $1 for update";
    let Some(row) = sqlx::query(by_hash).bind(hash).fetch_optional(connection).await? else {
        return Ok(None);
    };
    Ok(Some(Session {
        family: row.try_get(0)?,
        user: row.try_get(1)?,
        began_at: row.try_get(2)?,
        expires_at: row.try_get(3)?,
        used: row.try_get(4)?,
        revoked: row.try_get(5)?,
        second_factor: row.try_get(6)?,
    }))
}

/// Another token of that session.
async fn insert(
    connection: &mut PgConnection,
    session: &Session,
    place: &Place,
    lifetime: Duration,
) -> Result<Granted, sqlx::Error> {
    let insert = "insert into platform.sessions \
            (token_hash, family, user_id, began_at, expires_at, device, address, second_factor) \
        values ($1, $2, $3, $4, $5, $6, $7, $8)";
    let idle = TimeDelta::from_std(lifetime).unwrap_or(LIFE_MAX);
    let expires_at = (Utc::now() + idle).min(session.began_at + LIFE_MAX);
    let refresh_token = draw();
    sqlx::query(insert)
        .bind(hash(&refresh_token).to_vec())
        .bind(session.family)
        .bind(session.user)
        .bind(session.began_at)
        .bind(expires_at)
        .bind(&place.device)
        .bind(&place.address)
        .bind(session.second_factor)
        .execute(connection)
        .await?;
    Ok(Granted {
        family: session.family,
        refresh_token,
    })
}

/// From now on more than a password was asked for.
pub async fn strengthen(connection: &mut PgConnection, family: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query("update platform.sessions set second_factor = true where family = $1")
        .bind(family)
        .execute(connection)
        .await
        .map(drop)
}
