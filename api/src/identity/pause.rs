//! How often codes may be asked for: by one client for one address, for one address at all, by one client at all. The
//! first few come at once, then the pauses between them double; a day has an end, too. Counted in the database, for mail
//! is sent by all nodes together; by keyed hashes, so that it tells nobody who was here.

use super::secrets::Pepper;
use crate::problem::Problem;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::time::Duration;

/// The pauses double up to this.
const PAUSE_MAX: f64 = 3_600.0;

/// A count and its limits.
struct Limit {
    what: &'static str,
    /// How many come without a pause.
    free: i32,
    /// The first pause, in seconds.
    pause: f64,
    /// How many there are in a window, at most.
    most: i32,
    /// In seconds.
    window: f64,
}

/// A client that mistyped, or lost a mail.
const MINE: Limit = Limit {
    what: "pause.mine",
    free: 3,
    pause: 60.0,
    most: 10,
    window: 86_400.0,
};
/// Nobody's mailbox is to be filled by many clients together.
const ADDRESS: Limit = Limit {
    what: "pause.address",
    free: 10,
    pause: 10.0,
    most: 30,
    window: 86_400.0,
};
/// No client is to write to all the world; but an office may be behind it.
const CLIENT: Limit = Limit {
    what: "pause.client",
    free: 100,
    pause: 1.0,
    most: 300,
    window: 3_600.0,
};

/// Counts one more code, or says how long to wait. Within a transaction: whoever is refused is not counted.
pub async fn code(
    connection: &mut PgConnection,
    pepper: &Pepper,
    email: &str,
    client: &str,
) -> Result<Result<(), Duration>, sqlx::Error> {
    let (email, client) = (email.as_bytes(), client.as_bytes());
    // Always in this order, so that two who ask at once cannot wait for each other.
    for (limit, key) in [
        (MINE, [email, client].as_slice()),
        (ADDRESS, &[email]),
        (CLIENT, &[client]),
    ] {
        let key = pepper.tag(limit.what, key);
        if !take(connection, &key, &limit).await? {
            return wait(connection, &key, &limit).await.map(Err);
        }
    }
    let sweep = "delete from platform.code_pauses where key in \
        (select key from platform.code_pauses where since < now() - interval '2 days' limit 100 for update skip locked)";
    sqlx::query(sweep).execute(connection).await?;
    Ok(Ok(()))
}

pub fn refused(wait: Duration) -> Problem {
    Problem::slowed("user.codes_slowed", wait)
}

async fn take(connection: &mut PgConnection, key: &[u8], limit: &Limit) -> Result<bool, sqlx::Error> {
    let take = "insert into platform.code_pauses as known (key, sent, since, next_at) values ($1, 1, now(), now()) \
        on conflict (key) do update set \
            since = case when known.since <= now() - $2 * interval '1 second' then now() else known.since end, \
            sent = case when known.since <= now() - $2 * interval '1 second' then 1 else known.sent + 1 end, \
            next_at = now() + case when known.since <= now() - $2 * interval '1 second' or known.sent + 1 < $3 then interval '0' \
                else least($5::float8, $4::float8 * power(2, least(known.sent + 1 - $3, 30))) * interval '1 second' end \
        where known.since <= now() - $2 * interval '1 second' or (known.next_at <= now() and known.sent < $6)";
    let taken = sqlx::query(take)
        .bind(key)
        .bind(limit.window)
        .bind(limit.free)
        .bind(limit.pause)
        .bind(PAUSE_MAX)
        .bind(limit.most)
        .execute(connection)
        .await?;
    Ok(taken.rows_affected() == 1)
}

async fn wait(connection: &mut PgConnection, key: &[u8], limit: &Limit) -> Result<Duration, sqlx::Error> {
    let next = "select case when sent >= $2 then since + $3 * interval '1 second' else next_at end \
        from platform.code_pauses where key = $1";
    let next: DateTime<Utc> = sqlx::query_scalar(next)
        .bind(key)
        .bind(limit.most)
        .bind(limit.window)
        .fetch_one(connection)
        .await?;
    Ok((next - Utc::now()).to_std().unwrap_or_default())
}
