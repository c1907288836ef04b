//! Codes that set another password, one row an address that was asked for, whether somebody has it or not: what is done and
//! what is answered is the same for both, and so is the time it takes.

use super::{
    code::{self, FAILURES_MAX},
    secrets::{self, Pepper},
};
use crate::i18n::Language;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// A row by its address, which it does not hold.
fn id(pepper: &Pepper, email: &str) -> Uuid {
    let [bytes @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = pepper.tag("reset", &[email.as_bytes()]);
    Uuid::from_bytes(bytes)
}

/// Makes a code for that address; the one before is good no more. Only who is registered is sent it.
pub async fn ask(
    connection: &mut PgConnection,
    pepper: &Pepper,
    email: &str,
    user: Option<Uuid>,
    language: Language,
) -> Result<(), sqlx::Error> {
    let (id, seed) = (id(pepper, email), secrets::random());
    let ask = "insert into platform.password_resets \
            (id, user_id, email, language, code_hash, expires_at, mail_seed, mail_due_at) \
        values ($1, $2, $3, $4, $5, log.clock() + $6 * interval '1 minute', $7, case when $2 is not null then log.clock() end) \
        on conflict (id) do update set user_id = excluded.user_id, email = excluded.email, language = excluded.language, \
            code_hash = excluded.code_hash, failures = 0, expires_at = excluded.expires_at, \
            mail_seed = excluded.mail_seed, mail_due_at = excluded.mail_due_at, mail_attempts = 0";
    sqlx::query(ask)
        .bind(id)
        .bind(user)
        .bind(user.map(|_| email))
        .bind(language.tag())
        .bind(&code::hash(pepper, id, &code::draw(pepper, &seed))[..])
        .bind(code::MINUTES)
        .bind(&seed[..])
        .execute(connection)
        .await
        .map(drop)
}

/// Whose password a code sets; it is not used up yet. A wrong one counts.
pub async fn prove(pool: &PgPool, pepper: &Pepper, email: &str, code: &str) -> Result<Option<Uuid>, sqlx::Error> {
    let id = id(pepper, email);
    // One statement, so that many guesses at once do not get more tries than one after another.
    let prove = "update platform.password_resets set failures = failures + case when code_hash = $2 then 0 else 1 end \
        where id = $1 and failures < $3 and expires_at > log.clock() returning user_id, code_hash = $2";
    let tried: Option<(Option<Uuid>, bool)> = sqlx::query_as(prove)
        .bind(id)
        .bind(&code::hash(pepper, id, code.trim())[..])
        .bind(FAILURES_MAX)
        .fetch_optional(pool)
        .await?;
    Ok(tried.and_then(|(user, is_right)| user.filter(|_| is_right)))
}

/// Uses a code up, once: of two who do it at once, one is told that it was there.
pub async fn use_up(
    connection: &mut PgConnection,
    pepper: &Pepper,
    email: &str,
    code: &str,
) -> Result<bool, sqlx::Error> {
    let id = id(pepper, email);
    let used = sqlx::query("delete from platform.password_resets where id = $1 and code_hash = $2")
        .bind(id)
        .bind(&code::hash(pepper, id, code.trim())[..])
        .execute(connection)
        .await?;
    Ok(used.rows_affected() == 1)
}

/// Codes that nobody typed in in time are gone; answers how many.
pub async fn lapse(pool: &PgPool) -> Result<u64, sqlx::Error> {
    let lapse = "delete from platform.password_resets where expires_at < log.clock() - interval '1 hour'";
    Ok(sqlx::query(lapse).execute(pool).await?.rows_affected())
}
