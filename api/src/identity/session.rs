//! Sessions: a refresh token is 256 random bits, kept only as a hash, and good once. Each use gives a new one of the
//! same family; using one a second time means that somebody has a copy, and ends the whole family. A family that is not
//! used ends by itself, and so does one that is, some time.

use super::secrets;
use crate::problem::{Code, Problem};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{PgConnection, PgPool, Row};
use std::time::Duration;
use uuid::Uuid;

/// However much it is used.
const LIFE_MAX: TimeDelta = TimeDelta::days(90);

/// Begins a session and answers its first refresh token.
pub async fn begin(connection: &mut PgConnection, user: Uuid, lifetime: Duration) -> Result<String, sqlx::Error> {
    let token = draw();
    let session = Session {
        family: Uuid::now_v7(),
        user,
        began_at: Utc::now(),
        expires_at: Utc::now(),
        used: false,
        revoked: false,
    };
    insert(&mut *connection, &token, &session, lifetime).await?;
    // Signing in is rare enough to sweep up behind everybody.
    let sweep = "delete from platform.sessions where token_hash in (select token_hash from platform.sessions \
        where expires_at < now() limit 100 for update skip locked)";
    sqlx::query(sweep).execute(connection).await?;
    Ok(token)
}

struct Session {
    family: Uuid,
    user: Uuid,
    began_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
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
pub async fn refresh(connection: &mut PgConnection, token: &str, lifetime: Duration) -> Result<String, Refused> {
    let hash = hash(token);
    let session = find(&mut *connection, &hash).await?.ok_or_else(ended)?;
    if session.used || session.revoked {
        return Err(Refused::Stolen);
    }
    if session.expires_at.min(session.began_at + LIFE_MAX) <= Utc::now() {
        return Err(Problem::new(Code::AuthTokenExpired).into());
    }
    let next = draw();
    insert(&mut *connection, &next, &session, lifetime).await?;
    let replace = "update platform.sessions set replaced_by = $2 where token_hash = $1";
    sqlx::query(replace)
        .bind(&hash[..])
        .bind(&self::hash(&next)[..])
        .execute(connection)
        .await?;
    Ok(next)
}

/// Ends the session the token belongs to, if it is the user's; without a token, all of theirs.
pub async fn end(connection: &mut PgConnection, user: Uuid, token: Option<&str>) -> Result<(), sqlx::Error> {
    let ended = match token {
        Some(token) => {
            let one = "update platform.sessions set revoked_at = now() where revoked_at is null \
                and family = (select family from platform.sessions where token_hash = $1 and user_id = $2)";
            sqlx::query(one)
                .bind(hash(token).to_vec())
                .bind(user)
                .execute(connection)
                .await
        }
        None => {
            sqlx::query("update platform.sessions set revoked_at = now() where revoked_at is null and user_id = $1")
                .bind(user)
                .execute(connection)
                .await
        }
    };
    ended.map(drop)
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
            (select from platform.sessions member where member.family = sessions.family and member.revoked_at is not null) \
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
    }))
}

/// Another token of that session.
async fn insert(
    connection: &mut PgConnection,
    token: &str,
    session: &Session,
    lifetime: Duration,
) -> Result<(), sqlx::Error> {
    let insert =
        "insert into platform.sessions (token_hash, family, user_id, began_at, expires_at) values ($1, $2, $3, $4, $5)";
    let idle = TimeDelta::from_std(lifetime).unwrap_or(LIFE_MAX);
    let expires_at = (Utc::now() + idle).min(session.began_at + LIFE_MAX);
    sqlx::query(insert)
        .bind(hash(token).to_vec())
        .bind(session.family)
        .bind(session.user)
        .bind(session.began_at)
        .bind(expires_at)
        .execute(connection)
        .await
        .map(drop)
}

/// Ends a session that somebody has a copy of.
pub async fn revoke(pool: &PgPool, family: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query("update platform.sessions set revoked_at = now() where family = $1 and revoked_at is null")
        .bind(family)
        .execute(pool)
        .await
        .map(drop)
}
