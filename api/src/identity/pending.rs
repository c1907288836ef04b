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

use super::{
    code,
    secrets::{self, Pepper},
};
use crate::i18n::Language;
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgPool, Row, postgres::PgRow, types::Json};
use uuid::Uuid;

pub use super::code::{FAILURES_MAX, draw, hash};

/// An attempt that nobody has come back to is kept this long after its code: signing in may ask for another.
const KEPT_DAYS: i32 = 7;

/// Who is asking to register, and with which company; kept until the code was right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Details {
    pub first_name: String,
    pub last_name: String,
    pub phone: Option<String>,
    /// Absent with the BIN: whoever comes without a company has a workspace of their own.
    pub company_name: Option<String>,
    pub bin: Option<String>,
    /// Of whom a company is to take in as an employee: then there is neither of the two above.
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
    language: Language,
) -> Result<(), sqlx::Error> {
    let seed = secrets::random();
    let upsert = "insert into platform.registrations \
            (id, email, client, details, password_hash, code_hash, expires_at, mail_seed, mail_due_at, language) \
        values ($1, $2, $3, $4, $5, $6, log.clock() + $8 * interval '1 minute', $7, log.clock(), $9) \
        on conflict (email, client) do update set id = excluded.id, details = excluded.details, language = excluded.language, \
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
        .bind(code::MINUTES)
        .bind(language.tag())
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

/// Gives an attempt another code, and owes the mail, in that language or the one before.
pub async fn renew(
    connection: &mut PgConnection,
    pepper: &Pepper,
    id: Uuid,
    language: Option<Language>,
) -> Result<(), sqlx::Error> {
    let seed = secrets::random();
    let renew = "update platform.registrations set code_hash = $2, failures = 0, expires_at = log.clock() + $4 * interval '1 minute', \
            mail_seed = $3, mail_due_at = log.clock(), mail_attempts = 0, language = coalesce($5, language) where id = $1 and verified_at is null";
    sqlx::query(renew)
        .bind(id)
        .bind(&hash(pepper, id, &draw(pepper, &seed))[..])
        .bind(&seed[..])
        .bind(code::MINUTES)
        .bind(language.map(Language::tag))
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

/// Attempts that nobody has come back to in time are gone, with the names and passwords in them; answers how many. Doing it
/// twice, or on several nodes, is doing it once.
pub async fn lapse(pool: &PgPool) -> Result<u64, sqlx::Error> {
    let lapse = "delete from platform.registrations where expires_at < log.clock() - $1 * interval '1 day'";
    let lapsed = sqlx::query(lapse).bind(KEPT_DAYS).execute(pool).await?;
    Ok(lapsed.rows_affected())
}
