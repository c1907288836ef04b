//! How a batch is committed where the log is an engine's and the tables are its replica (engine.rs): judged under the heads' locks as
//! ever (`decide`), appended to the workspaces' streams, then written to the tables. Where a stream turns out to hold more than the
//! tables, that workspace's appends are put off, the tables catch up, and they are judged anew; so a lost race is told as it would have
//! been.

use super::{
    Prepared, Verdict,
    decide::{Decision, decide},
    facts::Facts,
    has_code,
    heads::Heads,
    write::{self, LOCKED, SKIP, WAIT},
};
use crate::{
    engine::{
        BEGIN, BEGIN_PATIENTLY, Commit, CommitError, EngineError, Entry, Fate, KeyMove, NumberMove, RecordedCommand,
        Replica, apply, lengths,
    },
    lock,
};
use chrono::{DateTime, Utc};
use futures::future::join_all;
use sqlx::{Connection, PgConnection};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};
use uuid::Uuid;

/// Why a batch was not brought to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Nothing was sent to the engine.
    #[error(transparent)]
    Tables(#[from] sqlx::Error),
    /// Nothing of the batch is in the engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Nothing was sent: the tables are no replica of the streams.
    #[error("workspace {workspace}: commit {number} of the engine does not follow what is in the tables")]
    Differs {
        workspace: Uuid,
        number: i64,
        source: CommitError,
    },
    /// The engine has it, and whether the tables do is not known.
    #[error("the replica could not be written")]
    Late(#[source] sqlx::Error),
}

/// One verdict for each append of the batch, which is in the order of its workspaces; none for those put off.
pub(crate) async fn write_through(
    connection: &mut PgConnection,
    batch: &[&Prepared],
    heads: &Mutex<Heads>,
    replica: &Replica,
    waits: bool,
) -> Result<Vec<Option<Verdict>>, Failure> {
    match commit(connection, batch, replica, waits).await {
        Err(Failure::Tables(error)) if has_code(&error, LOCKED) => Ok(vec![None; batch.len()]),
        Err(error) => Err(error),
        Ok(verdicts) => {
            lock(heads).went(|ways| &mut ways.locked);
            Ok(verdicts)
        }
    }
}

async fn commit(
    connection: &mut PgConnection,
    batch: &[&Prepared],
    replica: &Replica,
    waits: bool,
) -> Result<Vec<Option<Verdict>>, Failure> {
    let workspaces = write::workspaces(batch);
    for workspace in replica.doubted(&workspaces) {
        replica.catch_up(connection, workspace).await?;
    }
    let (begin, others) = if waits { (BEGIN_PATIENTLY, WAIT) } else { (BEGIN, SKIP) };
    let mut tx = connection.begin_with(begin).await?;
    let held = write::hold(&mut tx, &workspaces, others).await?;
    let held_ids: Vec<Uuid> = held.keys().copied().collect();
    let lengths = known(lengths(&mut tx, &held_ids).await?)?;
    let now_batch = write::of_those(batch, &held);
    let facts = Facts::read(&mut tx, &now_batch, held).await?;
    let now = write::now(&facts);
    let decision = decide(&facts, batch, now);
    let mut fates = look(replica, batch, &decision, &lengths).await?;
    let commits = commits(batch, &decision, &lengths, now);
    let sent = send(replica, &commits).await?;
    let put: Vec<&Commit> = commits
        .iter()
        .filter(|commit| sent.get(&commit.workspace) == Some(&Fate::There))
        .collect();
    fates.extend(sent.clone());
    for (workspace, _) in fates.iter().filter(|(_, fate)| **fate != Fate::There) {
        replica.doubt(*workspace);
    }
    match take_over(tx, &put).await {
        Ok(()) => Ok(verdicts(batch, decision, &fates)),
        // A stranger may have been acknowledged before: nobody here is, and whoever comes next catches up.
        Err(error) => {
            put.iter().for_each(|commit| replica.doubt(commit.workspace));
            match put.is_empty() {
                true => Err(error.into()),
                false => Err(Failure::Late(error)),
            }
        }
    }
}

/// A workspace whose log is older than its stream must be handed over first, or the stream would have a part of it alone.
fn known(lengths: BTreeMap<Uuid, Option<i64>>) -> Result<BTreeMap<Uuid, i64>, EngineError> {
    let length = |(workspace, length): (Uuid, Option<i64>)| match length {
        Some(length) => Ok((workspace, length)),
        None => Err(EngineError::Refused(format!(
            "workspace {workspace} has a log in PostgreSQL that was not handed over: prometric log hand-over"
        ))),
    };
    lengths.into_iter().map(length).collect()
}

/// Who has lost while nobody in the same workspace has won is told so only by tables that hold all of the stream: where somebody has won,
/// the append itself finds out.
async fn look(
    replica: &Replica,
    batch: &[&Prepared],
    decision: &Decision,
    lengths: &BTreeMap<Uuid, i64>,
) -> Result<BTreeMap<Uuid, Fate>, EngineError> {
    let lost = batch.iter().zip(&decision.verdicts);
    let lost = lost.filter(|(_, verdict)| matches!(verdict, Some(Verdict::Elsewhere { .. } | Verdict::Claimed { .. })));
    let lost: BTreeSet<Uuid> = lost
        .map(|(prepared, _)| prepared.append.workspace)
        .filter(|workspace| !decision.heads.contains_key(workspace))
        .collect();
    let mut fates = BTreeMap::new();
    for workspace in lost {
        let length = lengths.get(&workspace).copied().unwrap_or(0);
        let fate = match replica.is_current(workspace, length).await? {
            true => Fate::There,
            false => Fate::Elsewhere,
        };
        fates.insert(workspace, fate);
    }
    Ok(fates)
}

/// What became of each workspace's commit; an error when nothing of the batch was taken for what is in it.
async fn send(replica: &Replica, commits: &[Commit]) -> Result<BTreeMap<Uuid, Fate>, EngineError> {
    let puts = commits.iter().map(|commit| async move {
        let fate = match commit.encode() {
            Ok(text) => {
                let id = Uuid::now_v7();
                replica
                    .put(commit.workspace, commit.number - 1, &Entry { id, text })
                    .await
            }
            Err(error) => Fate::Refused(error.to_string()),
        };
        (commit.workspace, fate)
    });
    let fates: BTreeMap<Uuid, Fate> = join_all(puts).await.into_iter().collect();
    let refused = fates.values().find_map(|fate| match fate {
        Fate::Refused(why) => Some(why.clone()),
        _ => None,
    });
    match refused {
        Some(why) if fates.values().all(|fate| matches!(fate, Fate::Refused(_))) => Err(EngineError::Refused(why)),
        _ => Ok(fates),
    }
}

/// Writes what the engine has to the tables.
async fn take_over(mut tx: sqlx::Transaction<'_, sqlx::Postgres>, commits: &[&Commit]) -> Result<(), sqlx::Error> {
    for commit in commits {
        if !apply(&mut tx, commit).await? {
            return Err(sqlx::Error::Protocol("a locked head has moved".to_owned()));
        }
    }
    tx.commit().await
}

fn verdicts(batch: &[&Prepared], decision: Decision, fates: &BTreeMap<Uuid, Fate>) -> Vec<Option<Verdict>> {
    let verdict = |(prepared, verdict): (&&Prepared, Option<Verdict>)| match fates.get(&prepared.append.workspace) {
        Some(Fate::Elsewhere | Fate::Refused(_)) => None,
        Some(Fate::Unknown) => verdict.map(|_| Verdict::Unknown),
        Some(Fate::There) | None => verdict,
    };
    batch.iter().zip(decision.verdicts).map(verdict).collect()
}

/// What was decided, by workspace, as it is stored.
fn commits(batch: &[&Prepared], decision: &Decision, lengths: &BTreeMap<Uuid, i64>, at: DateTime<Utc>) -> Vec<Commit> {
    let mut commits: BTreeMap<Uuid, Commit> = decision
        .heads
        .iter()
        .map(|(workspace, (was, head))| {
            let numbers = head
                .numbers
                .iter()
                .filter(|(series, last)| was.numbers.get(series) != Some(last));
            let numbers = numbers
                .filter(|(_, last)| **last > 0)
                .map(|((series, year), last)| NumberMove {
                    series: (*series).to_owned(),
                    year: *year,
                    last: *last,
                });
            let commit = Commit {
                workspace: *workspace,
                number: lengths.get(workspace).copied().unwrap_or(0) + 1,
                at,
                first: was.position + 1,
                previous: was.hash,
                events: Vec::new(),
                claims: Vec::new(),
                numbers: numbers.collect(),
                commands: Vec::new(),
            };
            (*workspace, commit)
        })
        .collect();
    for (prepared, verdict) in batch.iter().zip(&decision.verdicts) {
        if let (Some(Verdict::Written(placed)), Some(commit)) = (verdict, commits.get_mut(&prepared.append.workspace)) {
            commit.events.extend(prepared.events(placed));
            commit.claims.extend(prepared.claims.iter().filter_map(|change| {
                let stream = change.taker.or(change.giver)?;
                Some(KeyMove {
                    kind: change.kind.to_owned(),
                    key: change.key.clone(),
                    stream,
                    taken: change.taker.is_some(),
                })
            }));
            commit
                .commands
                .extend(prepared.append.command.map(|command| RecordedCommand {
                    id: command.id,
                    request_hash: command.request_hash,
                    first: placed.first(),
                    last: placed.position,
                    answer: prepared.append.answer.clone(),
                }));
        }
    }
    commits.into_values().collect()
}
