//! The tables as the replica of an engine's streams: what is appended there, how a lost answer is found again, and how commits get into
//! the tables, which is the same for those of this node and for those that it missed. So what is made again from the streams is
//! what was there before.

use super::{Commit, CommitError, Engine, EngineError, Entry, KeyMove, Put};
use crate::{
    Moved, backoff,
    batch::{Failure, is_conflict},
    lock,
    wakeup::Wakeup,
};
use sqlx::{Connection, PgConnection};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::timeout;
use uuid::Uuid;

/// Commits that are taken over in one transaction.
const PAGE: usize = 64;
/// How long an engine may take to answer, and how often an append is tried whose answer was lost: together less than a lane's patience.
const PATIENCE: Duration = Duration::from_secs(3);
const ATTEMPTS_MAX: u32 = 3;
const RETRY_MIN: Duration = Duration::from_millis(20);
const RETRY_MAX: Duration = Duration::from_millis(200);
/// While heads are locked an engine is waited for.
pub(crate) const BEGIN: &str = "begin; set local idle_in_transaction_session_timeout = '15s'";
/// The same for who waits for what somebody takes over.
const CATCH_UP: &str = "begin; set local idle_in_transaction_session_timeout = '15s'; set local lock_timeout = '5s'";
/// The same for who waits for a lock as well.
pub(crate) const BEGIN_PATIENTLY: &str =
    "begin; set local idle_in_transaction_session_timeout = '15s'; set local lock_timeout = '500ms'";

pub(crate) struct Replica {
    engine: Arc<dyn Engine>,
    wakeup: Arc<Wakeup>,
    /// Workspaces whose streams are known, or suspected, to hold more than the tables.
    behind: Mutex<BTreeSet<Uuid>>,
}

/// What became of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    There,
    /// Something else is at its place.
    Elsewhere,
    Refused(String),
    Unknown,
}

impl Replica {
    pub fn new(engine: Arc<dyn Engine>, wakeup: Arc<Wakeup>) -> Self {
        Self {
            engine,
            wakeup,
            behind: Mutex::default(),
        }
    }

    pub fn engine(&self) -> &Arc<dyn Engine> {
        &self.engine
    }

    /// Its stream may hold more than the tables: it is caught up with before anything is decided there.
    pub fn doubt(&self, workspace: Uuid) {
        lock(&self.behind).insert(workspace);
    }

    pub fn doubted(&self, workspaces: &BTreeSet<Uuid>) -> Vec<Uuid> {
        let behind = lock(&self.behind);
        workspaces.intersection(&behind).copied().collect()
    }

    /// Whether the tables hold all of a workspace's stream, of which they have so many commits.
    pub async fn is_current(&self, workspace: Uuid, length: i64) -> Result<bool, EngineError> {
        Ok(self.read(workspace, length, 1).await?.is_empty())
    }

    /// Appends behind so many commits. An append whose answer was lost is tried again, or found by its id.
    pub async fn put(&self, workspace: Uuid, length: i64, entry: &Entry) -> Fate {
        for attempt in 1..=ATTEMPTS_MAX {
            let put = timeout(PATIENCE, self.engine.append(workspace, revision(length), entry)).await;
            match put {
                Ok(Ok(Put::There)) => return Fate::There,
                Ok(Ok(Put::Elsewhere)) => match self.read(workspace, length, 1).await {
                    Ok(found) if found.first().is_some_and(|first| first.id == entry.id) => return Fate::There,
                    Ok(_) => return Fate::Elsewhere,
                    Err(error) => tracing::warn!(%error, %workspace, "an append's answer is looked for"),
                },
                Ok(Err(EngineError::Refused(why))) if attempt == 1 => return Fate::Refused(why),
                Ok(Err(error)) => tracing::warn!(%error, %workspace, "an append's answer was lost"),
                Err(_) => tracing::warn!(%workspace, "an append's answer is late"),
            }
            if attempt < ATTEMPTS_MAX {
                tokio::time::sleep(backoff::pause(attempt, RETRY_MIN, RETRY_MAX)).await;
            }
        }
        Fate::Unknown
    }

    /// Takes over what a workspace's stream holds beyond the tables, in transactions of its own.
    pub async fn catch_up(&self, connection: &mut PgConnection, workspace: Uuid) -> Result<(), Failure> {
        loop {
            let mut tx = connection.begin_with(CATCH_UP).await?;
            let length = lock_head(&mut tx, workspace).await?;
            let entries = self.read(workspace, length, PAGE).await?;
            let mut reached = 0;
            for (entry, number) in entries.iter().zip(length + 1..) {
                reached = take_over(&mut tx, workspace, number, entry).await?;
            }
            tx.commit().await?;
            if reached > 0 {
                let position = reached;
                self.wakeup.moved([Moved { workspace, position }].into_iter());
            }
            if entries.len() < PAGE {
                lock(&self.behind).remove(&workspace);
                return Ok(());
            }
        }
    }

    async fn read(&self, workspace: Uuid, length: i64, limit: usize) -> Result<Vec<Entry>, EngineError> {
        let read = timeout(PATIENCE, self.engine.read(workspace, revision(length), limit)).await;
        read.unwrap_or_else(|_| Err(EngineError::Away("it does not answer".to_owned())))
    }
}

/// The next entry's, behind so many commits.
fn revision(length: i64) -> u64 {
    u64::try_from(length).unwrap_or(0)
}

/// How many commits a workspace's tables hold. Its head is made if need be, and locked.
async fn lock_head(tx: &mut PgConnection, workspace: Uuid) -> Result<i64, sqlx::Error> {
    let make = "insert into log.heads (workspace_id) values ($1) on conflict do nothing";
    sqlx::query(make).bind(workspace).execute(&mut *tx).await?;
    let lock = "select commits from log.heads where workspace_id = $1 for update";
    sqlx::query_scalar(lock).bind(workspace).fetch_one(tx).await
}

/// How many commits the tables hold, by workspace; `None` of one whose log is older than its stream.
pub(crate) async fn lengths(
    connection: &mut PgConnection,
    workspaces: &[Uuid],
) -> Result<BTreeMap<Uuid, Option<i64>>, sqlx::Error> {
    let lengths =
        "select workspace_id, commits, position > 0 and commits = 0 from log.heads where workspace_id = any($1)";
    let lengths: Vec<(Uuid, i64, bool)> = sqlx::query_as(lengths).bind(workspaces).fetch_all(connection).await?;
    let length = |(workspace, commits, is_older): (_, _, bool)| (workspace, (!is_older).then_some(commits));
    Ok(lengths.into_iter().map(length).collect())
}

/// Writes an entry of the stream to the tables; answers the position after it.
async fn take_over(tx: &mut PgConnection, workspace: Uuid, number: i64, entry: &Entry) -> Result<i64, Failure> {
    let differs = |source| Failure::Differs {
        workspace,
        number,
        source,
    };
    let commit = Commit::decode(&entry.text).map_err(differs)?;
    if (commit.workspace, commit.number) != (workspace, number) {
        return Err(differs(CommitError::Misplaced {
            workspace: commit.workspace,
            number: commit.number,
        }));
    }
    match apply(tx, &commit).await {
        Ok(true) => Ok(commit.last()),
        Err(error) if !is_conflict(&error) => Err(error.into()),
        Ok(false) | Err(_) => Err(differs(CommitError::Chain { position: commit.first })),
    }
}

/// Everything a commit has changed, if its workspace's head stands where the commit was decided. A key changes once in a commit; a
/// command id may come again after it was forgotten (sweep.rs).
const APPLY: &str = "with moved as (update log.heads set position = $2, hash = $3, recorded_at = coalesce($4, recorded_at), commits = $5 \
    where workspace_id = $1 and commits = $5 - 1 and position = $6 and hash = $7 returning 1), \
    entered as (insert into log.commands (workspace_id, recorded_at, command_id, request_hash, first_position, last_position, answer) \
        select $1, $8, unnest($9::uuid[]), unnest($10::bytea[]), unnest($11::bigint[]), unnest($12::bigint[]), unnest($13::text[]) \
        on conflict on constraint commands_pkey do update set recorded_at = excluded.recorded_at, request_hash = excluded.request_hash, \
        first_position = excluded.first_position, last_position = excluded.last_position, answer = excluded.answer), \
    released as (delete from log.claims c using (select unnest($14::text[]), unnest($15::text[]), unnest($16::uuid[])) u(kind, key, stream_id) \
        where c.workspace_id = $1 and c.kind = u.kind and c.key = u.key and c.stream_id = u.stream_id), \
    claimed as (insert into log.claims (workspace_id, kind, key, stream_id) \
        select $1, unnest($17::text[]), unnest($18::text[]), unnest($19::uuid[]) \
        on conflict on constraint claims_pkey do update set stream_id = excluded.stream_id), \
    counted as (insert into log.numbers (workspace_id, series, year, last) \
        select $1, unnest($20::text[]), unnest($21::int[]), unnest($22::bigint[]) \
        on conflict on constraint numbers_pkey do update set last = excluded.last), \
    written as (insert into log.events (workspace_id, position, stream_category, stream_id, version, event_id, type, schema, \
        data, metadata, recorded_at, hash) \
        select $1, unnest($23::bigint[]), unnest($24::text[]), unnest($25::uuid[]), unnest($26::bigint[]), unnest($27::uuid[]), \
        unnest($28::text[]), unnest($29::int[]), unnest($30::text[])::json, unnest($31::text[])::json, unnest($32::timestamptz[]), \
        unnest($33::bytea[])) \
    select count(*) from moved";

/// Writes a commit to the tables; `false`, and then nothing may stay of it, where they do not stand at what it was decided on.
pub(crate) async fn apply(tx: &mut PgConnection, commit: &Commit) -> Result<bool, sqlx::Error> {
    let Commit {
        events,
        commands,
        numbers,
        ..
    } = commit;
    let (taken, given): (Vec<&KeyMove>, Vec<&KeyMove>) = commit.claims.iter().partition(|claim| claim.taken);
    let hash = commit.hash();
    let mut query = sqlx::query_scalar::<_, i64>(APPLY)
        .bind(commit.workspace)
        .bind(commit.last())
        .bind(&hash[..])
        .bind(events.last().map(|event| event.recorded_at))
        .bind(commit.number)
        .bind(commit.first - 1)
        .bind(&commit.previous[..])
        .bind(commit.at)
        .bind(each(commands, |command| command.id))
        .bind(each(commands, |command| &command.request_hash[..]))
        .bind(each(commands, |command| command.first))
        .bind(each(commands, |command| command.last))
        .bind(each(commands, |command| command.answer.as_str()));
    for claims in [&given, &taken] {
        query = query
            .bind(each(claims, |claim| claim.kind.as_str()))
            .bind(each(claims, |claim| claim.key.as_str()))
            .bind(each(claims, |claim| claim.stream));
    }
    let moved = query
        .bind(each(numbers, |number| number.series.as_str()))
        .bind(each(numbers, |number| number.year))
        .bind(each(numbers, |number| number.last))
        .bind(each(events, |event| event.position))
        .bind(each(events, |event| event.category.as_str()))
        .bind(each(events, |event| event.stream_id))
        .bind(each(events, |event| event.version))
        .bind(each(events, |event| event.event_id))
        .bind(each(events, |event| event.event_type.as_str()))
        .bind(each(events, |event| event.schema))
        .bind(each(events, |event| event.data.as_str()))
        .bind(each(events, |event| event.metadata.as_str()))
        .bind(each(events, |event| event.recorded_at))
        .bind(each(events, |event| &event.hash[..]))
        .fetch_one(tx)
        .await?;
    Ok(moved == 1)
}

/// A column of the rows.
fn each<'a, R, T>(rows: &'a [R], value: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}
