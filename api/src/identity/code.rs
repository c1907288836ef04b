//! Codes sent by mail: six digits, good for a day and for a few wrong tries, stored as a hash salted with the user.

use super::secrets;
use rand::Rng;
use sqlx::PgPool;
use uuid::Uuid;

const FAILURES_MAX: i32 = 5;

/// A fresh code; an earlier one is void from now on.
pub async fn make(pool: &PgPool, user: Uuid) -> Result<String, sqlx::Error> {
    let code = draw();
    let upsert = "insert into platform.email_codes (user_id, code_hash, expires_at) values ($1, $2, now() + interval '24 hours') \
        on conflict (user_id) do update set code_hash = excluded.code_hash, failures = 0, expires_at = excluded.expires_at";
    sqlx::query(upsert)
        .bind(user)
        .bind(&hash(user, &code)[..])
        .execute(pool)
        .await?;
    Ok(code)
}

/// Whether that is the user's code. It stays good, so that a client that lost the answer may ask again.
pub async fn check(pool: &PgPool, user: Uuid, code: &str) -> Result<bool, sqlx::Error> {
    // One statement, so that many guesses at once do not get more tries than one after another.
    let attempt = "update platform.email_codes set failures = failures + case when code_hash = $2 then 0 else 1 end \
        where user_id = $1 and failures < $3 and expires_at > now() returning code_hash = $2";
    let right: Option<bool> = sqlx::query_scalar(attempt)
        .bind(user)
        .bind(&hash(user, code.trim())[..])
        .bind(FAILURES_MAX)
        .fetch_optional(pool)
        .await?;
    Ok(right.unwrap_or(false))
}

fn draw() -> String {
    format!("{:06}", rand::rng().random_range(0..1_000_000))
}

fn hash(user: Uuid, code: &str) -> [u8; 32] {
    secrets::digest(&[user.as_bytes(), code.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_six_digits_and_belongs_to_one_user() {
        let code = draw();
        assert!(
            code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()),
            "{code}"
        );
        assert_ne!(hash(Uuid::now_v7(), &code), hash(Uuid::now_v7(), &code));
    }
}
