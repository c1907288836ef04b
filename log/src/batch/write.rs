//! The three ways of writing a batch (decision 12). *Straight*: while nobody else writes to its workspaces, the node knows
//! their heads, plans upon them and sends one statement that holds only if it was right. *Locked*: when somebody else
//! does, or it does not know, it locks and reads the heads first, and puts off those that somebody has in hand just now.
//! *Judged*: when an append is not so simple, or something is there already, `log.append` looks at each append by itself,
//! and only it says no.
//!
//! A batch of one workspace waits for its head's lock, as long as the connection's `lock_timeout` lets it; one of
//! several does not, so that one workspace holds no other up.

use super::{
    Prepared, Verdict,
    columns::judge,
    heads::{Head, Heads},
    plan::{Plan, is_simple},
    statement,
};
use crate::{chain::Hash, lock};
use chrono::{DateTime, Utc};
use sqlx::{Connection, Error, PgConnection, QueryBuilder};
use std::{
    collections::{BTreeSet, HashMap},
    sync::Mutex,
};
use uuid::Uuid;

/// A head was not as it was thought to be: the planned statement gives it no hash.
const NOT_NULL: &str = "23502";
/// What an append says to be new is there, and the like.
const INTEGRITY: &str = "23";
const DIVISION_BY_ZERO: &str = "22012";

/// A lock was not to be had in time.
pub(crate) const LOCKED: &str = "55P03";

/// One verdict for each append of the batch, which is in the order of its workspaces; none for those put off.
pub(crate) async fn write(
    connection: &mut PgConnection,
    batch: &[&Prepared],
    heads: &Mutex<Heads>,
) -> Result<Vec<Option<Verdict>>, Error> {
    let mut conflict = false;
    if batch.iter().all(|prepared| is_simple(prepared)) {
        match plan_and_write(connection, batch, heads).await {
            Ok(Some(verdicts)) => return Ok(verdicts),
            Ok(None) => {}
            Err(error) if is_conflict(&error) => conflict = true,
            Err(error) => return Err(error),
        }
    }
    // Hardly ever is a new stream or command there already, and not to look for it saves a fifth.
    let judged = match judge(connection, batch, !conflict).await {
        Err(error) if !conflict && is_conflict(&error) => judge(connection, batch, false).await,
        judged => judged,
    };
    match judged {
        Err(error) if has_code(&error, LOCKED) && workspaces(batch).len() > 1 => Ok(vec![None; batch.len()]),
        judged => {
            let verdicts = judged?;
            lock(heads).learn(batch, &verdicts);
            Ok(verdicts.into_iter().map(Some).collect())
        }
    }
}

fn workspaces(batch: &[&Prepared]) -> BTreeSet<Uuid> {
    batch.iter().map(|prepared| prepared.append.workspace).collect()
}

/// `None` when nothing was ever written to one of the workspaces.
async fn plan_and_write(
    connection: &mut PgConnection,
    batch: &[&Prepared],
    heads: &Mutex<Heads>,
) -> Result<Option<Vec<Option<Verdict>>>, Error> {
    let plan = {
        let heads = lock(heads);
        Plan::new(batch, |workspace| heads.get(workspace).cloned(), Utc::now())
    };
    if let Some(plan) = plan {
        match statement::write(connection, batch, &plan).await {
            Ok(()) => {
                lock(heads).moved(plan.heads);
                return Ok(Some(plan.placed.into_iter().map(Verdict::Written).map(Some).collect()));
            }
            Err(error) if has_code(&error, NOT_NULL) || has_code(&error, LOCKED) => {}
            Err(error) => return Err(error),
        }
    }
    lock_and_write(connection, batch, heads).await
}

async fn lock_and_write(
    connection: &mut PgConnection,
    batch: &[&Prepared],
    heads: &Mutex<Heads>,
) -> Result<Option<Vec<Option<Verdict>>>, Error> {
    let workspaces = workspaces(batch);
    let mut tx = connection.begin().await?;
    let locked = lock_heads(&mut tx, &workspaces).await?;
    let (now, put_off): (Vec<&Prepared>, Vec<&Prepared>) = batch
        .iter()
        .partition(|prepared| locked.contains_key(&prepared.append.workspace));
    let missing = put_off.iter().map(|prepared| prepared.append.workspace);
    let strange: BTreeSet<Uuid> = {
        let heads = lock(heads);
        missing.clone().filter(|workspace| !heads.knows(*workspace)).collect()
    };
    if !strange.is_empty() && !all_exist(&mut tx, &strange).await? {
        return Ok(None);
    }
    let plan = Plan::new(&now, |workspace| locked.get(&workspace).cloned(), Utc::now());
    let Some(plan) = plan.filter(|_| !now.is_empty()) else {
        return Ok(Some(vec![None; batch.len()]));
    };
    statement::write(&mut tx, &now, &plan).await?;
    tx.commit().await?;
    {
        let mut heads = lock(heads);
        heads.moved(plan.heads);
        heads.doubt(missing);
    }
    let mut written = plan.placed.into_iter().map(Verdict::Written);
    let verdict = |prepared: &&Prepared| {
        let is_written = locked.contains_key(&prepared.append.workspace);
        is_written.then(|| written.next()).flatten()
    };
    Ok(Some(batch.iter().map(verdict).collect()))
}

/// A lone one, or those of several that are to be had at once. In the order of workspaces, as everybody does, so that no
/// two batches wait for each other crosswise.
async fn lock_heads(connection: &mut PgConnection, workspaces: &BTreeSet<Uuid>) -> Result<HashMap<Uuid, Head>, Error> {
    let mut select = QueryBuilder::new(
        "select workspace_id, position, hash, recorded_at, epoch from log.heads where position > 0 and workspace_id = any(",
    );
    select.push_bind(workspaces.iter().copied().collect::<Vec<_>>());
    select.push(") order by workspace_id for update");
    if workspaces.len() > 1 {
        select.push(" skip locked");
    }
    let heads = select.build_query_as().fetch_all(connection).await?;
    let head = |(workspace, position, hash, recorded_at, epoch): (Uuid, i64, Hash, DateTime<Utc>, i64)| {
        let head = Head {
            position,
            hash,
            recorded_at,
            epoch,
        };
        (workspace, head)
    };
    Ok(heads.into_iter().map(head).collect())
}

/// Whether anything was ever written to each.
async fn all_exist(connection: &mut PgConnection, workspaces: &BTreeSet<Uuid>) -> Result<bool, Error> {
    let found: i64 = sqlx::query_scalar("select count(*) from log.heads where position > 0 and workspace_id = any($1)")
        .bind(workspaces.iter().copied().collect::<Vec<_>>())
        .fetch_one(connection)
        .await?;
    Ok(usize::try_from(found) == Ok(workspaces.len()))
}

fn is_conflict(error: &Error) -> bool {
    has_code(error, INTEGRITY) || has_code(error, DIVISION_BY_ZERO)
}

/// Whether the server told a code of that class.
pub(crate) fn has_code(error: &Error, class: &str) -> bool {
    let told = error.as_database_error().and_then(|told| told.code());
    told.is_some_and(|code| code.starts_with(class))
}
