//! Codes sent by mail: six digits, good for a day and for a few wrong tries, stored as a hash salted with the user. Who
//! makes a code owes a mail, in the same row; the mailer takes what is owed, and the seed it draws the code from goes
//! when the mail is out. So every try, also on another node or after a crash, mails the same code.

use super::secrets;
use sqlx::PgPool;
use std::time::Duration;
use uuid::Uuid;

const FAILURES_MAX: i32 = 5;

/// A mail that is owed.
pub struct Owed {
    pub user: Uuid,
    /// How often it was tried, this time included.
    pub attempts: i32,
    seed: Vec<u8>,
}

impl Owed {
    pub fn code(&self) -> String {
        draw(&self.seed)
    }
}

/// The code of a new user, unless there is one already.
pub async fn first(pool: &PgPool, user: Uuid) -> Result<(), sqlx::Error> {
    let seed = secrets::random();
    let insert = "insert into platform.email_codes (user_id, code_hash, expires_at, mail_seed, mail_due_at) \
        values ($1, $2, now() + interval '24 hours', $3, now()) on conflict (user_id) do nothing";
    sqlx::query(insert)
        .bind(user)
        .bind(&hash(user, &draw(&seed))[..])
        .bind(&seed[..])
        .execute(pool)
        .await
        .map(drop)
}

/// A fresh code when there is none that can be used, at most one a minute.
pub async fn renew(pool: &PgPool, user: Uuid) -> Result<(), sqlx::Error> {
    let seed = secrets::random();
    let upsert = "insert into platform.email_codes as known (user_id, code_hash, expires_at, renewed_at, mail_seed, mail_due_at) \
        values ($1, $2, now() + interval '24 hours', now(), $3, now()) \
        on conflict (user_id) do update set code_hash = excluded.code_hash, failures = 0, expires_at = excluded.expires_at, \
            renewed_at = excluded.renewed_at, mail_seed = excluded.mail_seed, mail_due_at = excluded.mail_due_at, mail_attempts = 0 \
        where (known.failures >= $4 or known.expires_at <= now()) \
            and (known.renewed_at is null or known.renewed_at <= now() - interval '1 minute')";
    sqlx::query(upsert)
        .bind(user)
        .bind(&hash(user, &draw(&seed))[..])
        .bind(&seed[..])
        .bind(FAILURES_MAX)
        .execute(pool)
        .await
        .map(drop)
}

/// The mail that has been due longest. For two minutes it is the caller's, then, if nothing more was heard, anybody's.
pub async fn take_owed(pool: &PgPool) -> Result<Option<Owed>, sqlx::Error> {
    let take = "update platform.email_codes set mail_attempts = mail_attempts + 1, mail_due_at = now() + interval '2 minutes', \
            expires_at = now() + interval '24 hours' \
        where user_id = (select user_id from platform.email_codes where mail_due_at <= now() \
            order by mail_due_at limit 1 for update skip locked) \
        returning user_id, mail_attempts, mail_seed";
    let taken: Option<(Uuid, i32, Vec<u8>)> = sqlx::query_as(take).fetch_optional(pool).await?;
    Ok(taken.map(|(user, attempts, seed)| Owed { user, attempts, seed }))
}

/// The mail is out, or not needed any more.
pub async fn settle(pool: &PgPool, owed: &Owed) -> Result<(), sqlx::Error> {
    let settle =
        "update platform.email_codes set mail_seed = null, mail_due_at = null where user_id = $1 and mail_seed = $2";
    let settle = sqlx::query(settle).bind(owed.user).bind(&owed.seed);
    settle.execute(pool).await.map(drop)
}

/// To be tried again after a pause.
pub async fn postpone(pool: &PgPool, owed: &Owed, pause: Duration) -> Result<(), sqlx::Error> {
    let postpone = "update platform.email_codes set mail_due_at = now() + $3 * interval '1 second' where user_id = $1 and mail_seed = $2";
    let postpone = sqlx::query(postpone).bind(owed.user).bind(&owed.seed);
    postpone.bind(pause.as_secs_f64()).execute(pool).await.map(drop)
}

/// Not to be tried again. A code that nobody got is used up, so that signing in asks for another.
pub async fn give_up(pool: &PgPool, owed: &Owed) -> Result<(), sqlx::Error> {
    let give_up = "update platform.email_codes set mail_seed = null, mail_due_at = null, failures = $3 where user_id = $1 and mail_seed = $2";
    let give_up = sqlx::query(give_up).bind(owed.user).bind(&owed.seed);
    give_up.bind(FAILURES_MAX).execute(pool).await.map(drop)
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

fn draw(seed: &[u8]) -> String {
    let [a, b, c, d, e, f, g, h, ..] = secrets::digest(&[seed]);
    format!("{:06}", u64::from_be_bytes([a, b, c, d, e, f, g, h]) % 1_000_000)
}

fn hash(user: Uuid, code: &str) -> [u8; 32] {
    secrets::digest(&[user.as_bytes(), code.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_six_digits_and_belongs_to_one_user() {
        let seed = secrets::random();
        let code = draw(&seed);
        assert_eq!(code, draw(&seed), "every try mails the same code");
        assert!(
            code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()),
            "{code}"
        );
        assert_ne!(hash(Uuid::now_v7(), &code), hash(Uuid::now_v7(), &code));
    }
}
