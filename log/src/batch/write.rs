//! How a batch is committed. *Assumed*: while nobody else writes to its workspaces, the node knows their heads and counters,
//! takes the rest to be as the callers say, and sends one statement that holds only if it was right. *Looked*: when an
//! append has lost just now, the facts are read first and the losers left out. *Locked*: when somebody else writes there
//! too, or nothing is known, the heads are locked for both. Whichever way, the same function decides (`decide`).
//!
//! No batch waits for a head's lock for longer than `lock_timeout`: what somebody has in hand is put off, so that one workspace
//! holds no other up, and is from then on locked first. Only for a workspace that is hardly ever free is there somebody who `waits`, in the database's own line.

use super::{
    Prepared, Verdict,
    decide::decide,
    facts::Facts,
    heads::{Head, Heads},
    statement,
};
use crate::{
    chain::Hash,
    lock,
    wrong::{self, Variant::*},
};
use chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, Connection, Error, PgConnection};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};
use uuid::Uuid;

/// A head was not as it was thought to be: the statement gives it no hash.
const NOT_NULL: &str = "23502";
/// What an append says to be new is there, and the like.
const INTEGRITY: &str = "23";
const DIVISION_BY_ZERO: &str = "22012";

/// A lock was not to be had in time.
pub(super) const LOCKED: &str = "55P03";

/// What becomes of heads that somebody has in hand: they are left out, or waited for as long as `lock_timeout` lets.
pub(super) const SKIP: &str = "skip locked";
pub(super) const WAIT: &str = "";
/// Who waits does so for as long as this.
const PATIENTLY: &str = "begin; set local lock_timeout = '500ms'";

/// One verdict for each append of the batch, which is in the order of its workspaces; none for those put off.
pub(crate) async fn write(
    connection: &mut PgConnection,
    batch: &[&Prepared],
    heads: &Mutex<Heads>,
    waits: bool,
) -> Result<Vec<Option<Verdict>>, Error> {
    match commit(connection, batch, heads, waits).await {
        Err(error) if has_code(&error, LOCKED) => Ok(vec![None; batch.len()]),
        written => written,
    }
}

async fn commit(
    connection: &mut PgConnection,
    batch: &[&Prepared],
    heads: &Mutex<Heads>,
    waits: bool,
) -> Result<Vec<Option<Verdict>>, Error> {
    if waits {
        return locked(connection, batch, heads, WAIT).await;
    }
    let (known, wary) = {
        let heads = lock(heads);
        (heads.of(batch), heads.is_wary())
    };
    let Some(known) = known else {
        return locked(connection, batch, heads, SKIP).await;
    };
    if !wary && can_be_assumed(batch, &known) {
        let facts = Facts {
            heads: known.clone(),
            ..Facts::default()
        };
        match attempt(connection, batch, &facts, heads).await? {
            Attempt::Written(verdicts) => {
                lock(heads).went(|ways| &mut ways.assumed);
                return Ok(verdicts);
            }
            Attempt::Moved => return locked(connection, batch, heads, SKIP).await,
            Attempt::Lost => lock(heads).beware(),
        }
    }
    let facts = Facts::read(connection, batch, known).await?;
    match attempt(connection, batch, &facts, heads).await? {
        Attempt::Written(verdicts) => {
            lock(heads).went(|ways| &mut ways.looked);
            Ok(verdicts)
        }
        Attempt::Moved | Attempt::Lost => locked(connection, batch, heads, SKIP).await,
    }
}

enum Attempt {
    Written(Vec<Option<Verdict>>),
    /// A head is elsewhere, or somebody has it in hand.
    Moved,
    /// Something else was not as it was taken to be.
    Lost,
}

/// Every version is named, and the counters are known.
fn can_be_assumed(batch: &[&Prepared], known: &BTreeMap<Uuid, Head>) -> bool {
    batch.iter().all(|prepared| {
        let named = prepared.append.streams.iter().all(|stream| stream.expected.is_some());
        let head = known.get(&prepared.append.workspace);
        let handed_over = prepared
            .claims
            .iter()
            .any(|claim| claim.taker.is_some() && claim.giver.is_some());
        let counted = |number| head.is_some_and(|head| head.numbers.contains_key(&number));
        let kept = !wrong::is(ClaimNotChecked) || prepared.claims.is_empty();
        kept && named && !handed_over && prepared.series().into_iter().all(counted)
    })
}

/// Decides and writes without locks, on heads that are taken to be so.
async fn attempt(
    connection: &mut PgConnection,
    batch: &[&Prepared],
    facts: &Facts,
    heads: &Mutex<Heads>,
) -> Result<Attempt, Error> {
    let decision = decide(facts, batch, now(facts));
    if decision.heads.is_empty() {
        return Ok(Attempt::Written(decision.verdicts)); // nobody has won anything
    }
    match statement::write(connection, batch, &decision, facts.found.is_none()).await {
        Ok(()) => {
            lock(heads).moved(decision.heads);
            Ok(Attempt::Written(decision.verdicts))
        }
        Err(error) if has_code(&error, NOT_NULL) || has_code(&error, LOCKED) => Ok(Attempt::Moved),
        Err(error) if is_conflict(&error) => Ok(Attempt::Lost),
        Err(error) => Err(error),
    }
}

/// The same under the locks of the heads that are free; those of new workspaces are made.
async fn locked(
    connection: &mut PgConnection,
    batch: &[&Prepared],
    heads: &Mutex<Heads>,
    others: &'static str,
) -> Result<Vec<Option<Verdict>>, Error> {
    let workspaces = workspaces(batch);
    let begin = if others == WAIT { PATIENTLY } else { "begin" };
    let mut tx = connection.begin_with(begin).await?;
    let held = hold(&mut tx, &workspaces, others).await?;
    let away: BTreeSet<Uuid> = workspaces
        .iter()
        .filter(|workspace| !held.contains_key(workspace))
        .copied()
        .collect();
    let now_batch = of_those(batch, &held);
    let facts = Facts::read(&mut tx, &now_batch, held).await?;
    let decision = decide(&facts, batch, now(&facts));
    if !decision.heads.is_empty() {
        statement::write(&mut tx, batch, &decision, false).await?;
    }
    tx.commit().await?;
    let mut heads = lock(heads);
    heads.went(|ways| &mut ways.locked);
    heads.moved(decision.heads);
    heads.doubt(&away);
    Ok(decision.verdicts)
}

pub(super) fn workspaces(batch: &[&Prepared]) -> BTreeSet<Uuid> {
    batch.iter().map(|prepared| prepared.append.workspace).collect()
}

/// Those of a batch whose workspaces' heads are held.
pub(super) fn of_those<'a>(batch: &[&'a Prepared], held: &BTreeMap<Uuid, Head>) -> Vec<&'a Prepared> {
    let held = |prepared: &&&Prepared| held.contains_key(&prepared.append.workspace);
    batch.iter().filter(held).copied().collect()
}

/// Locks the heads that are free, and makes those of new workspaces.
pub(super) async fn hold(
    tx: &mut PgConnection,
    workspaces: &BTreeSet<Uuid>,
    others: &'static str,
) -> Result<BTreeMap<Uuid, Head>, Error> {
    let held = lock_heads(tx, workspaces, others).await?;
    if held.len() == workspaces.len() {
        return Ok(held);
    }
    let missing: Vec<Uuid> = workspaces
        .iter()
        .filter(|workspace| !held.contains_key(workspace))
        .copied()
        .collect();
    match make_heads(tx, &missing).await? {
        true => lock_heads(tx, workspaces, others).await,
        false => Ok(held),
    }
}

/// Those that nobody has in hand. In the order of workspaces, as everybody does, so that no two batches wait for each other
/// crosswise.
async fn lock_heads(
    connection: &mut PgConnection,
    workspaces: &BTreeSet<Uuid>,
    others: &'static str,
) -> Result<BTreeMap<Uuid, Head>, Error> {
    type Row = (Uuid, i64, Hash, DateTime<Utc>, i64);
    let others = if wrong::is(HeadNotCompared) { "" } else { others };
    let lock = if wrong::is(HeadNotCompared) { "" } else { "for update" };
    let lock = format!(
        "select workspace_id, position, hash, greatest(recorded_at, 'epoch'), epoch from log.heads \
         where workspace_id = any($1) order by workspace_id {lock} {others}"
    );
    let workspaces: Vec<Uuid> = workspaces.iter().copied().collect();
    let heads: Vec<Row> = sqlx::query_as(AssertSqlSafe(lock))
        .bind(workspaces)
        .fetch_all(connection)
        .await?;
    let head = |(workspace, position, hash, recorded_at, epoch): Row| {
        let head = Head {
            position,
            hash,
            recorded_at,
            epoch,
            numbers: BTreeMap::new(),
        };
        (workspace, head)
    };
    Ok(heads.into_iter().map(head).collect())
}

/// Of workspaces that nothing was ever written to; tells whether there were any.
async fn make_heads(connection: &mut PgConnection, workspaces: &[Uuid]) -> Result<bool, Error> {
    let make = "insert into log.heads (workspace_id, recorded_at) select w, '-infinity' from unnest($1::uuid[]) w \
        where not exists (select from log.heads h where h.workspace_id = w) order by w on conflict do nothing";
    let made = sqlx::query(make).bind(workspaces).execute(connection).await?;
    Ok(made.rows_affected() > 0)
}

/// The database's time where it was asked for, else this node's.
pub(super) fn now(facts: &Facts) -> DateTime<Utc> {
    let asked = facts.now.filter(|_| !wrong::is(ClockBelieved));
    asked.unwrap_or_else(Utc::now)
}

/// What was taken to be so was not.
pub(crate) fn is_conflict(error: &Error) -> bool {
    has_code(error, INTEGRITY) || has_code(error, DIVISION_BY_ZERO)
}

/// Whether the server told a code of that class.
pub(crate) fn has_code(error: &Error, class: &str) -> bool {
    let told = error.as_database_error().and_then(|told| told.code());
    told.is_some_and(|code| code.starts_with(class))
}
