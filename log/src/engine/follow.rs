//! Follows an engine's streams on behalf of the tables: what a node appended that did not live to write it to the tables, and what a
//! database that came back from a backup has lost, is taken over although nobody appends there. What this node writes itself comes by
//! as well; everything is given a moment, and then mostly is in the tables.

use super::{EngineError, Place, Replica, Seen, replica};
use crate::{backoff, batch::Failure, chain, lock};
use futures::StreamExt;
use sqlx::{PgConnection, PgPool};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

/// What an append is given to get to the tables, at least.
const MOMENT: Duration = Duration::from_secs(1);
const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(10);

/// What was heard within a moment.
#[derive(Default)]
struct Heard {
    /// How many commits there are, by workspace.
    lengths: BTreeMap<Uuid, i64>,
    place: Option<Place>,
}

impl Heard {
    fn note(&mut self, seen: Seen) {
        match seen {
            Seen::Entry {
                workspace,
                revision,
                place,
            } => {
                let length = i64::try_from(revision).unwrap_or(i64::MAX - 1) + 1;
                let known = self.lengths.entry(workspace).or_insert(length);
                *known = length.max(*known);
                self.place = Some(place);
            }
            Seen::Passed(place) => self.place = Some(place),
            Seen::CaughtUp => {}
        }
    }
}

pub(crate) async fn keep_following(replica: Arc<Replica>, pool: PgPool) {
    let mut failures = 0;
    while !pool.is_closed() {
        if let Err(error) = follow(&replica, &pool, &mut failures).await {
            tracing::warn!(error = %chain(&error), "the log's engine is not followed");
        }
        failures += 1;
        tokio::time::sleep(backoff::pause(failures, RETRY_MIN, RETRY_MAX)).await;
    }
}

/// Until the engine is away. Hearing waits for nothing, so that what is heard never piles up.
async fn follow(replica: &Replica, pool: &PgPool, failures: &mut u32) -> Result<(), Failure> {
    let after = read_place(replica, pool).await?;
    let mut seen = replica.engine().follow(after).await?;
    let heard = Mutex::new(Heard::default());
    let hear = async {
        while let Some(next) = seen.next().await {
            lock(&heard).note(next?);
            *failures = 0;
        }
        Err(Failure::from(EngineError::Away("it tells no more".to_owned())))
    };
    tokio::select! {
        ended = hear => ended,
        ended = keep_settling(replica, pool, &heard) => ended,
    }
}

async fn keep_settling(replica: &Replica, pool: &PgPool, heard: &Mutex<Heard>) -> Result<(), Failure> {
    let mut before = Heard::default();
    let mut moments = interval(MOMENT);
    moments.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        moments.tick().await;
        settle(replica, pool, &before, heard).await?;
        before = std::mem::take(&mut *lock(heard));
    }
}

/// What was heard before the last moment is in the tables, or taken over; where that fails it is tried again with what was heard since.
async fn settle(replica: &Replica, pool: &PgPool, before: &Heard, since: &Mutex<Heard>) -> Result<(), Failure> {
    let mut connection = match before.lengths.is_empty() && before.place.is_none() {
        true => return Ok(()),
        false => pool.acquire().await?,
    };
    let workspaces: Vec<Uuid> = before.lengths.keys().copied().collect();
    let known = replica::lengths(&mut connection, &workspaces).await?;
    let mut is_whole = true;
    for (workspace, length) in &before.lengths {
        if known.get(workspace).copied().flatten().unwrap_or(0) >= *length {
            continue;
        }
        if let Err(error) = replica.catch_up(&mut connection, *workspace).await {
            tracing::error!(error = %chain(&error), %workspace, "the tables are behind the log's engine");
            lock(since).lengths.entry(*workspace).or_insert(*length);
            is_whole = false;
        }
    }
    if let Some(place) = before.place.filter(|_| is_whole) {
        write_place(replica, &mut connection, place).await?;
    }
    Ok(())
}

async fn read_place(replica: &Replica, pool: &PgPool) -> Result<Option<Place>, sqlx::Error> {
    let read = "select commit, prepare from log.followed where engine = $1";
    let name = replica.engine().name();
    let place: Option<(i64, i64)> = sqlx::query_as(read).bind(name).fetch_optional(pool).await?;
    Ok(place.map(|(commit, prepare)| Place {
        commit: commit.cast_unsigned(),
        prepare: prepare.cast_unsigned(),
    }))
}

async fn write_place(replica: &Replica, connection: &mut PgConnection, place: Place) -> Result<(), sqlx::Error> {
    let write = "insert into log.followed (engine, commit, prepare) values ($1, $2, $3) \
        on conflict (engine) do update set commit = excluded.commit, prepare = excluded.prepare";
    sqlx::query(write)
        .bind(replica.engine().name())
        .bind(place.commit.cast_signed())
        .bind(place.prepare.cast_signed())
        .execute(connection)
        .await?;
    Ok(())
}
