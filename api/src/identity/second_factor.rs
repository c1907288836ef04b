//! A second factor: time-based codes of an app (TOTP, RFC 6238) and, for who has lost it, recovery codes that are good once. The
//! secret is sealed under a key that is made for its user; a code is good once, whoever saw it typed; and wrong ones are paused
//! for longer and longer, counted in the database, for all nodes together: who gets as far as this knows the password.

mod routes;

pub use routes::router;

use super::secrets::{self, Pepper};
use crate::problem::Problem;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgPool};
use std::time::Duration;
use totp_rs::{Builder, Totp};
use uuid::Uuid;

const ISSUER: &str = "Prometric";
/// Bytes, as RFC 4226 §4 recommends.
const SECRET_LENGTH: usize = 20;
const RECOVERY_CODES: usize = 10;
/// Wrong tries without a pause; then the pauses double up to an hour.
const FREE: i32 = 5;
/// Without those that look alike.
const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// What a code came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Right,
    Wrong,
    Slowed(Duration),
}

/// Whether somebody signs in with a second factor.
pub async fn is_on(pool: &PgPool, user: Uuid) -> Result<bool, sqlx::Error> {
    let is_on = "select exists (select from platform.second_factors where user_id = $1 and confirmed_at is not null)";
    sqlx::query_scalar(is_on).bind(user).fetch_one(pool).await
}

/// What codes are made from, on its way to where its user's account goes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Carried {
    #[serde(with = "hex::serde")]
    secret: Vec<u8>,
    /// A code of this step, or of one before, is good no more.
    used_step: i64,
}

/// Somebody's, if they sign in with one.
pub async fn carried(pool: &PgPool, pepper: &Pepper, user: Uuid) -> Result<Option<Carried>, sqlx::Error> {
    let kept = "select sealed, used_step from platform.second_factors where user_id = $1 and confirmed_at is not null";
    let kept: Option<(Vec<u8>, i64)> = sqlx::query_as(kept).bind(user).fetch_optional(pool).await?;
    let Some((sealed, used_step)) = kept else {
        return Ok(None);
    };
    let secret = secrets::unseal(&seal(pepper, user), &sealed);
    let secret = secret.ok_or_else(|| sqlx::Error::Decode("a second factor cannot be opened".into()))?;
    Ok(Some(Carried { secret, used_step }))
}

/// Somebody's who comes with it: sealed anew, for it was sealed by what only its database knows. Hashes of recovery codes are
/// keyed with that as well, so those stay behind.
pub async fn bring(
    connection: &mut PgConnection,
    pepper: &Pepper,
    user: Uuid,
    carried: &Carried,
) -> Result<(), sqlx::Error> {
    let sealed = secrets::seal(&seal(pepper, user), &carried.secret);
    let sealed = sealed.ok_or_else(|| sqlx::Error::Encode("a second factor cannot be sealed".into()))?;
    let bring = "insert into platform.second_factors (user_id, sealed, confirmed_at, used_step) values ($1, $2, now(), $3) \
        on conflict (user_id) do update set sealed = excluded.sealed, confirmed_at = now(), used_step = excluded.used_step";
    let brought = sqlx::query(bring).bind(user).bind(sealed).bind(carried.used_step);
    brought.execute(connection).await.map(drop)
}

/// Of a user who has not come after all.
pub async fn forget(pool: &PgPool, user: Uuid) -> Result<(), sqlx::Error> {
    let forget = sqlx::query("delete from platform.second_factors where user_id = $1");
    forget.bind(user).execute(pool).await.map(drop)
}

/// A secret that counts when a code of it was typed in; `None` when there is one that counts already.
async fn offer(connection: &mut PgConnection, pepper: &Pepper, user: Uuid) -> Result<Option<Vec<u8>>, Problem> {
    let secret = secrets::random()[..SECRET_LENGTH].to_vec();
    let sealed = secrets::seal(&seal(pepper, user), &secret).ok_or_else(Problem::internal)?;
    let offer = "insert into platform.second_factors as known (user_id, sealed) values ($1, $2) on conflict (user_id) do update set \
            sealed = excluded.sealed, used_step = 0, created_at = now() \
        where known.confirmed_at is null";
    let offered = sqlx::query(offer).bind(user).bind(sealed).execute(connection).await?;
    Ok((offered.rows_affected() == 1).then_some(secret))
}

fn seal(pepper: &Pepper, user: Uuid) -> [u8; 32] {
    pepper.tag("second_factor", &[user.as_bytes()])
}

fn totp(secret: Vec<u8>, account: &str) -> Result<Totp, Problem> {
    let totp = Builder::new()
        .with_secret(secret)
        .with_issuer(Some(ISSUER))
        .with_account_name(account.replace(':', ""))
        .build();
    totp.map_err(|error| {
        tracing::error!(%error, "a second factor cannot be used");
        Problem::internal()
    })
}

/// Tries a code of the app, or one for recovery. A try counts as wrong until it was right, so that many at once get no more
/// than one after another.
pub async fn prove(pool: &PgPool, pepper: &Pepper, user: Uuid, code: &str) -> Result<Verdict, Problem> {
    let code: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    let enter = "update platform.second_factors set failures = failures + 1, next_at = now() + case when failures + 1 < $2 then 0 \
            else least(3600, power(2, least(failures + 1 - $2, 12))) end * interval '1 second' \
        where user_id = $1 and next_at <= now() returning sealed";
    let sealed: Option<Vec<u8>> = sqlx::query_scalar(enter)
        .bind(user)
        .bind(FREE)
        .fetch_optional(pool)
        .await?;
    let Some(sealed) = sealed else {
        return slowed(pool, user).await;
    };
    let secret = secrets::unseal(&seal(pepper, user), &sealed).ok_or_else(|| {
        tracing::error!("a second factor cannot be opened");
        Problem::internal()
    })?;
    let now = u64::try_from(Utc::now().timestamp()).unwrap_or_default();
    let mut tx = pool.begin().await?;
    let is_right = match totp(secret, "")?.check(&code, now) {
        Some(step) => is_first(&mut tx, user, step).await?,
        None => use_up(&mut tx, pepper, user, &code).await?,
    };
    if is_right {
        let forgive = "update platform.second_factors set failures = 0, next_at = now() where user_id = $1";
        sqlx::query(forgive).bind(user).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(if is_right { Verdict::Right } else { Verdict::Wrong })
}

async fn slowed(pool: &PgPool, user: Uuid) -> Result<Verdict, Problem> {
    let next = "select next_at from platform.second_factors where user_id = $1";
    let next: Option<DateTime<Utc>> = sqlx::query_scalar(next).bind(user).fetch_optional(pool).await?;
    Ok(next.map_or(Verdict::Wrong, |next| {
        Verdict::Slowed((next - Utc::now()).to_std().unwrap_or_default())
    }))
}

/// Neither this code nor an earlier one was used before.
async fn is_first(connection: &mut PgConnection, user: Uuid, step: u64) -> Result<bool, sqlx::Error> {
    let step = i64::try_from(step).unwrap_or(i64::MAX);
    let first = sqlx::query("update platform.second_factors set used_step = $2 where user_id = $1 and used_step < $2")
        .bind(user)
        .bind(step)
        .execute(connection)
        .await?;
    Ok(first.rows_affected() == 1)
}

async fn use_up(connection: &mut PgConnection, pepper: &Pepper, user: Uuid, code: &str) -> Result<bool, sqlx::Error> {
    let used = sqlx::query("delete from platform.recovery_codes where user_id = $1 and code_hash = $2")
        .bind(user)
        .bind(&recovery_hash(pepper, user, code)[..])
        .execute(connection)
        .await?;
    Ok(used.rows_affected() == 1)
}

fn recovery_hash(pepper: &Pepper, user: Uuid, code: &str) -> [u8; 32] {
    let code = code.to_ascii_uppercase();
    pepper.tag("recovery", &[user.as_bytes(), code.as_bytes()])
}

/// Other codes for recovery than those before.
async fn renew_recovery_codes(
    connection: &mut PgConnection,
    pepper: &Pepper,
    user: Uuid,
) -> Result<Vec<String>, sqlx::Error> {
    let codes: Vec<String> = std::iter::repeat_with(recovery_code).take(RECOVERY_CODES).collect();
    let hashes: Vec<Vec<u8>> = codes
        .iter()
        .map(|code| recovery_hash(pepper, user, &code.replace('-', "")).to_vec())
        .collect();
    sqlx::query("delete from platform.recovery_codes where user_id = $1")
        .bind(user)
        .execute(&mut *connection)
        .await?;
    sqlx::query("insert into platform.recovery_codes (user_id, code_hash) select $1, unnest($2::bytea[])")
        .bind(user)
        .bind(hashes)
        .execute(connection)
        .await?;
    Ok(codes)
}

/// `ABCDE-FGHJK`, 50 bits.
fn recovery_code() -> String {
    let letters = secrets::random();
    let letter = |byte: &u8| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]);
    let code: String = letters.iter().take(10).map(letter).collect();
    let (first, second) = code.split_at(5);
    format!("{first}-{second}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::secrets::pepper_of;
    use std::collections::BTreeSet;

    /// RFC 6238, appendix B, for SHA-1 and six digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        let totp = totp(b"12345678901234567890".to_vec(), "owner@company.kz").unwrap();
        for (time, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
        ] {
            assert_eq!(totp.check(code, time), Some(time / 30), "{time}");
            assert_eq!(totp.check(code, time + 30), Some(time / 30), "one step late");
            assert_eq!(totp.check(code, time + 90), None, "three steps late");
        }
        let uri = totp.to_url().unwrap();
        assert!(
            uri.starts_with("otpauth://totp/")
                && uri.contains("secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
                && uri.contains("issuer=Prometric"),
            "{uri}"
        );
    }

    #[test]
    fn recovery_codes_are_their_users_however_they_are_typed() {
        let (pepper, user) = (pepper_of(1), Uuid::now_v7());
        let codes: BTreeSet<String> = std::iter::repeat_with(recovery_code).take(50).collect();
        assert_eq!(codes.len(), 50);
        assert!(codes.iter().all(|code| code.len() == 11 && code.as_bytes()[5] == b'-'));
        let hash = recovery_hash(&pepper, user, "ABCDEFGHJK");
        assert_eq!(hash, recovery_hash(&pepper, user, "abcdefghjk"));
        assert_ne!(hash, recovery_hash(&pepper, Uuid::now_v7(), "ABCDEFGHJK"));
    }
}
