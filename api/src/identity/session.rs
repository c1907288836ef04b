//! Sessions: a refresh token is 256 random bits, kept only as a hash, and good once. Each use gives a new one of the
//! same family; using one a second time means that somebody has a copy, and ends the whole family.

use super::secrets;
use crate::problem::{Code, Problem};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use std::time::Duration;
use uuid::Uuid;

/// Begins a session and answers its first refresh token.
pub async fn begin(pool: &PgPool, user: Uuid, lifetime: Duration) -> Result<String, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let token = draw();
    insert(&mut connection, &token, Uuid::now_v7(), user, lifetime).await?;
    // Signing in is rare enough to sweep up behind everybody.
    let sweep = "delete from platform.sessions where token_hash in (select token_hash from platform.sessions where expires_at < now() limit 100)";
    sqlx::query(sweep).execute(&mut *connection).await?;
    Ok(token)
}

struct Session {
    family: Uuid,
    user: Uuid,
    expires_at: DateTime<Utc>,
    used: bool,
    /// Any token of the family is: one that a refresh added while its family was being ended is not marked itself.
    revoked: bool,
}

/// Exchanges a refresh token for the next one.
pub async fn refresh(pool: &PgPool, token: &str, lifetime: Duration) -> Result<(Uuid, String), Problem> {
    let mut tx = pool.begin().await?;
    let hash = hash(token);
    let session = find(&mut tx, &hash).await?.ok_or_else(ended)?;
    if session.used || session.revoked {
        revoke(&mut tx, session.family).await?;
        tx.commit().await?;
        return Err(ended());
    }
    if session.expires_at <= Utc::now() {
        return Err(Problem::new(Code::AuthTokenExpired));
    }
    let next = draw();
    insert(&mut tx, &next, session.family, session.user, lifetime).await?;
    let replace = "update platform.sessions set replaced_by = $2 where token_hash = $1";
    sqlx::query(replace)
        .bind(&hash[..])
        .bind(&self::hash(&next)[..])
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok((session.user, next))
}

/// Ends the session the token belongs to, if it is the user's; without a token, all of theirs.
pub async fn end(pool: &PgPool, user: Uuid, token: Option<&str>) -> Result<(), sqlx::Error> {
    let ended = match token {
        Some(token) => {
            let one = "update platform.sessions set revoked_at = now() where revoked_at is null \
                and family = (select family from platform.sessions where token_hash = $1 and user_id = $2)";
            sqlx::query(one)
                .bind(hash(token).to_vec())
                .bind(user)
                .execute(pool)
                .await
        }
        None => {
            sqlx::query("update platform.sessions set revoked_at = now() where revoked_at is null and user_id = $1")
                .bind(user)
                .execute(pool)
                .await
        }
    };
    ended.map(drop)
}

fn ended() -> Problem {
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
    let by_hash = "select family, user_id, expires_at, replaced_by is not null, revoked_at is not null or exists \
            (select from platform.sessions member where member.family = sessions.family and member.revoked_at is not null) \
        from platform.sessions where token_hash = $1 for update";
    let found: Option<(Uuid, Uuid, DateTime<Utc>, bool, bool)> =
        sqlx::query_as(by_hash).bind(hash).fetch_optional(connection).await?;
    Ok(found.map(|(family, user, expires_at, used, revoked)| Session {
        family,
        user,
        expires_at,
        used,
        revoked,
    }))
}

async fn insert(
    connection: &mut PgConnection,
    token: &str,
    family: Uuid,
    user: Uuid,
    lifetime: Duration,
) -> Result<(), sqlx::Error> {
    let insert = "insert into platform.sessions (token_hash, family, user_id, expires_at) values ($1, $2, $3, $4)";
    let expires_at = Utc::now() + lifetime;
    sqlx::query(insert)
        .bind(hash(token).to_vec())
        .bind(family)
        .bind(user)
        .bind(expires_at)
        .execute(connection)
        .await
        .map(drop)
}

async fn revoke(connection: &mut PgConnection, family: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query("update platform.sessions set revoked_at = now() where family = $1 and revoked_at is null")
        .bind(family)
        .execute(connection)
        .await
        .map(drop)
}
