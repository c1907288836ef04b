//! Registrations that wait for the code in the mail. Each attempt has a code and a password of its own, in one row: a
//! code makes the password of its own attempt valid and no other's.
//!
//! An address may be asked for by several people at once. From one client the newest attempt counts and the one before
//! is gone. Where several clients ask, each is only asked for the code of its own attempt, so that the address's owner
//! cannot be made to type in a stranger's code; and nobody's attempt ends another's. A code from another client than the
//! attempt's (somebody went from one network to another) is good as long as there is no other attempt.
//!
//! Who makes a code owes a mail, in the same row; the postman takes what is owed, and the seed it draws the code from
//! goes when the mail is out. So every try, also on another node or after a crash, mails the same code.

use super::secrets::{self, Pepper};
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Row, postgres::PgRow, types::Json};
use std::time::Duration;
use uuid::Uuid;

/// Wrong tries that a code survives.
pub const FAILURES_MAX: i32 = 5;
/// An attempt that nobody has come back to is kept this long after its code: signing in may ask for another.
const KEPT_DAYS: i32 = 7;

/// Who is asking to register, and with which company; kept until the code was right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Details {
    pub first_name: String,
    pub last_name: String,
    pub phone: Option<String>,
    pub company_name: String,
    pub bin: String,
    /// Of whom a company is to take in as an employee: then the two above say nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employment: Option<Employment>,
}

/// Where somebody is to work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Employment {
    pub organization_id: Uuid,
    pub workspace_id: Uuid,
    pub position: Option<String>,
}

/// An attempt to register.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The user's, should the code be right.
    pub id: Uuid,
    pub email: String,
    /// Absent when the user is in the log.
    pub details: Option<Details>,
    pub password_hash: Option<String>,
}

/// What a code came to.
pub enum Proof {
    Right(Box<Attempt>),
    Wrong,
    /// Several clients want this address, and this is none of them.
    Contested,
}

/// A table whose rows owe mails with codes. Its columns: `id`, `email`, `mail_seed`, `mail_due_at`, `mail_attempts`, and of
/// the code `failures` and `expires_at`.
#[derive(Debug, Clone, Copy)]
pub struct Debtor {
    table: &'static str,
    /// What the keys of its words begin with.
    pub words: &'static str,
}

/// All of them: a line each.
pub const DEBTORS: [Debtor; 2] = [
    Debtor {
        table: "platform.registrations",
        words: "mail-verify",
    },
    Debtor {
        table: "platform.invitations",
        words: "mail-invite",
    },
];

/// A mail that is owed.
pub struct Owed {
    debtor: Debtor,
    pub id: Uuid,
    pub email: String,
    /// How often it was tried, this time included.
    pub attempts: i32,
    seed: Vec<u8>,
}

impl Owed {
    pub fn code(&self, pepper: &Pepper) -> String {
        draw(pepper, &self.seed)
    }

    pub fn words(&self) -> &'static str {
        self.debtor.words
    }

    /// Unless another code was made meanwhile.
    fn statement(&self, change: &str) -> AssertSqlSafe<String> {
        let table = self.debtor.table;
        AssertSqlSafe(format!("update {table} set {change} where id = $1 and mail_seed = $2"))
    }
}

impl Attempt {
    fn read(row: &PgRow) -> Result<Self, sqlx::Error> {
        let details: Option<Json<Details>> = row.try_get("details")?;
        Ok(Self {
            id: row.try_get("id")?,
            email: row.try_get("email")?,
            details: details.map(|Json(details)| details),
            password_hash: row.try_get("password_hash")?,
        })
    }
}

/// Enters an attempt; an earlier one from the same client for the same address is gone.
pub async fn enter(
    connection: &mut PgConnection,
    pepper: &Pepper,
    attempt: &Attempt,
    client: &str,
) -> Result<(), sqlx::Error> {
    let seed = secrets::random();
    let upsert = "insert into platform.registrations \
            (id, email, client, details, password_hash, code_hash, expires_at, mail_seed, mail_due_at) \
        values ($1, $2, $3, $4, $5, $6, log.clock() + interval '24 hours', $7, log.clock()) \
        on conflict (email, client) do update set id = excluded.id, details = excluded.details, \
            password_hash = excluded.password_hash, code_hash = excluded.code_hash, failures = 0, verified_at = null, \
            expires_at = excluded.expires_at, mail_seed = excluded.mail_seed, mail_due_at = excluded.mail_due_at, \
            mail_attempts = 0, created_at = log.clock()";
    sqlx::query(upsert)
        .bind(attempt.id)
        .bind(&attempt.email)
        .bind(client)
        .bind(attempt.details.clone().map(Json))
        .bind(&attempt.password_hash)
        .bind(&hash(pepper, attempt.id, &draw(pepper, &seed))[..])
        .bind(&seed[..])
        .execute(connection)
        .await
        .map(drop)
}

/// Whose password a client has to know to be told that their address is not proved yet: their own attempt's, else the
/// newest's.
pub async fn newest(pool: &PgPool, email: &str, client: &str) -> Result<Option<Attempt>, sqlx::Error> {
    let newest = "select id, email, details, password_hash from platform.registrations \
        where email = $1 and verified_at is null order by client = $2 desc, created_at desc limit 1";
    let row = sqlx::query(newest)
        .bind(email)
        .bind(client)
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(Attempt::read).transpose()
}

/// Of an attempt that still waits for its code.
pub async fn password(pool: &PgPool, id: Uuid) -> Result<Option<String>, sqlx::Error> {
    let password = sqlx::query_scalar("select password_hash from platform.registrations where id = $1");
    Ok(password.bind(id).fetch_optional(pool).await?.flatten())
}

/// Whether the attempt's code cannot be used any more, so that another is wanted.
pub async fn is_spent(connection: &mut PgConnection, id: Uuid) -> Result<bool, sqlx::Error> {
    let spent =
        "select failures >= $2 or expires_at <= log.clock() from platform.registrations where id = $1 for update";
    let spent: Option<bool> = sqlx::query_scalar(spent)
        .bind(id)
        .bind(FAILURES_MAX)
        .fetch_optional(connection)
        .await?;
    Ok(spent.unwrap_or(false))
}

/// Gives an attempt another code, and owes the mail.
pub async fn renew(connection: &mut PgConnection, pepper: &Pepper, id: Uuid) -> Result<(), sqlx::Error> {
    let seed = secrets::random();
    let renew = "update platform.registrations set code_hash = $2, failures = 0, expires_at = log.clock() + interval '24 hours', \
            mail_seed = $3, mail_due_at = log.clock(), mail_attempts = 0 where id = $1 and verified_at is null";
    sqlx::query(renew)
        .bind(id)
        .bind(&hash(pepper, id, &draw(pepper, &seed))[..])
        .bind(&seed[..])
        .execute(connection)
        .await
        .map(drop)
}

/// Tries a code. It stays good, so that a client that lost the answer may ask again.
pub async fn prove(
    pool: &PgPool,
    pepper: &Pepper,
    email: &str,
    client: &str,
    code: &str,
) -> Result<Proof, sqlx::Error> {
    let open = "select id, client = $2 from platform.registrations where email = $1 and expires_at > log.clock() \
        order by client = $2 desc, created_at desc limit 2";
    let open: Vec<(Uuid, bool)> = sqlx::query_as(open).bind(email).bind(client).fetch_all(pool).await?;
    let id = match open.as_slice() {
        [] => return Ok(Proof::Wrong),
        [(id, true), ..] | [(id, false)] => *id,
        _ => return Ok(Proof::Contested),
    };
    // One statement, so that many guesses at once do not get more tries than one after another.
    let attempt = "update platform.registrations set failures = failures + case when code_hash = $2 then 0 else 1 end \
        where id = $1 and failures < $3 and expires_at > log.clock() \
        returning code_hash = $2 as is_right, id, email, details, password_hash";
    let tried = sqlx::query(attempt)
        .bind(id)
        .bind(&hash(pepper, id, code.trim())[..])
        .bind(FAILURES_MAX)
        .fetch_optional(pool)
        .await?;
    match tried {
        Some(row) if row.try_get("is_right")? => Ok(Proof::Right(Box::new(Attempt::read(&row)?))),
        _ => Ok(Proof::Wrong),
    }
}

/// The user is in the log: what was kept of the attempt goes, but for its code, and so do all others for the address.
pub async fn verified(pool: &PgPool, attempt: &Attempt) -> Result<(), sqlx::Error> {
    let mut tx = pool.begin().await?;
    sqlx::query("delete from platform.registrations where email = $1 and id <> $2")
        .bind(&attempt.email)
        .bind(attempt.id)
        .execute(&mut *tx)
        .await?;
    let settle = "update platform.registrations set details = null, password_hash = null, mail_seed = null, mail_due_at = null, \
        verified_at = coalesce(verified_at, log.clock()) where id = $1";
    sqlx::query(settle).bind(attempt.id).execute(&mut *tx).await?;
    tx.commit().await
}

/// The mail of that table that has been due longest. For two minutes it is the caller's, then, if nothing more was heard,
/// anybody's.
pub async fn take_owed(pool: &PgPool, debtor: Debtor) -> Result<Option<Owed>, sqlx::Error> {
    let table = debtor.table;
    let take = format!(
        "update {table} set mail_attempts = mail_attempts + 1, mail_due_at = log.clock() + interval '2 minutes', \
            expires_at = log.clock() + interval '24 hours' \
        where id = (select id from {table} where mail_due_at <= log.clock() \
            order by mail_due_at limit 1 for update skip locked) \
        returning id, email, mail_attempts, mail_seed"
    );
    let taken: Option<(Uuid, String, i32, Vec<u8>)> = sqlx::query_as(AssertSqlSafe(take)).fetch_optional(pool).await?;
    Ok(taken.map(|(id, email, attempts, seed)| Owed {
        debtor,
        id,
        email,
        attempts,
        seed,
    }))
}

/// The mail is out.
pub async fn settle(pool: &PgPool, owed: &Owed) -> Result<(), sqlx::Error> {
    let settle = sqlx::query(owed.statement("mail_seed = null, mail_due_at = null"));
    settle.bind(owed.id).bind(&owed.seed).execute(pool).await.map(drop)
}

/// To be tried again after a pause.
pub async fn postpone(pool: &PgPool, owed: &Owed, pause: Duration) -> Result<(), sqlx::Error> {
    let postpone = sqlx::query(owed.statement("mail_due_at = log.clock() + $3 * interval '1 second'"));
    let postpone = postpone.bind(owed.id).bind(&owed.seed);
    postpone.bind(pause.as_secs_f64()).execute(pool).await.map(drop)
}

/// Attempts that nobody has come back to in time are gone, with the names and passwords in them; answers how many. Doing it
/// twice, or on several nodes, is doing it once.
pub async fn lapse(pool: &PgPool) -> Result<u64, sqlx::Error> {
    let lapse = "delete from platform.registrations where expires_at < log.clock() - $1 * interval '1 day'";
    let lapsed = sqlx::query(lapse).bind(KEPT_DAYS).execute(pool).await?;
    Ok(lapsed.rows_affected())
}

/// Not to be tried again. A code that nobody got is used up, so that another may be asked for.
pub async fn give_up(pool: &PgPool, owed: &Owed) -> Result<(), sqlx::Error> {
    let give_up = sqlx::query(owed.statement("mail_seed = null, mail_due_at = null, failures = $3"));
    let give_up = give_up.bind(owed.id).bind(&owed.seed);
    give_up.bind(FAILURES_MAX).execute(pool).await.map(drop)
}

/// Six digits. Whoever reads the seed in the table still lacks the pepper.
pub fn draw(pepper: &Pepper, seed: &[u8]) -> String {
    let [a, b, c, d, e, f, g, h, ..] = pepper.tag("code", &[seed]);
    format!("{:06}", u64::from_be_bytes([a, b, c, d, e, f, g, h]) % 1_000_000)
}

/// All that stays of a code, for whoever types it in.
pub fn hash(pepper: &Pepper, id: Uuid, code: &str) -> [u8; 32] {
    pepper.tag("code.hash", &[id.as_bytes(), code.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::secrets::pepper_of;

    #[test]
    fn a_code_is_six_digits_and_belongs_to_one_attempt() {
        let (pepper, seed) = (pepper_of(1), secrets::random());
        let code = draw(&pepper, &seed);
        assert_eq!(code, draw(&pepper, &seed), "every try mails the same code");
        assert!(
            code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()),
            "{code}"
        );
        let id = Uuid::now_v7();
        assert_ne!(hash(&pepper, id, &code), hash(&pepper, Uuid::now_v7(), &code));
        assert_ne!(hash(&pepper, id, &code), hash(&pepper_of(2), id, &code));
    }
}
