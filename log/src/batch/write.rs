//! The three ways of writing a batch (decision 12). *Straight*: while nobody else writes to its workspaces, the node knows
//! their heads, plans upon them and sends one statement that holds only if it was right. *Locked*: when somebody else
//! does, it locks and reads the heads first, and puts off what the other is writing to just now. *Judged*: when an append is not so simple, or something is there already,
//! `log.append` looks at each append by itself, and only it says no.

use super::{
    Prepared, Verdict,
    columns::judge,
    heads::{Head, Heads},
    plan::{Plan, is_simple},
    statement,
};
use crate::{chain::Hash, lock};
use chrono::{DateTime, Utc};
use sqlx::{Connection, Error, PgConnection};
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

/// One verdict for each append of the batch, which is in the order of its workspaces; none for those put off because
/// somebody else is writing to their workspace just now. For some workspaces it `waits`.
pub(crate) async fn write(
    connection: &mut PgConnection,
    batch: &[&Prepared],
    heads: &Mutex<Heads>,
    waits: &BTreeSet<Uuid>,
) -> Result<Vec<Option<Verdict>>, Error> {
    // Hardly ever is a new stream or command there already, and not to look for it saves a fifth.
    let mut trusting = true;
    if batch.iter().all(|prepared| is_simple(prepared)) {
        match plan_and_write(connection, batch, heads, waits).await {
            Ok(Some(verdicts)) => return Ok(verdicts),
            Ok(None) => {}
            Err(error) if is_conflict(&error) => trusting = false,
            Err(error) => return Err(error),
        }
    }
    let judged = match judge(connection, batch, trusting).await {
        Err(error) if trusting && is_conflict(&error) => judge(connection, batch, false).await,
        judged => judged,
    };
    let verdicts = judged?;
    lock(heads).learn(batch, &verdicts);
    Ok(verdicts.into_iter().map(Some).collect())
}

/// `None` when nothing was ever written to one of the workspaces.
async fn plan_and_write(
    connection: &mut PgConnection,
    batch: &[&Prepared],
    heads: &Mutex<Heads>,
    waits: &BTreeSet<Uuid>,
) -> Result<Option<Vec<Option<Verdict>>>, Error> {
    let plan = {
        let heads = lock(heads);
        Plan::new(batch, |workspace| heads.get(workspace).cloned(), Utc::now())
    };
    if let Some(plan) = plan {
        match statement::write(connection, batch, &plan).await {
            Ok(()) => return Ok(Some(plan.settle(batch, heads).map(Some).collect())),
            Err(error) if has_code(&error, NOT_NULL) => lock(heads).doubt(plan.heads.keys()),
            Err(error) => return Err(error),
        }
    }
    lock_and_write(connection, batch, heads, waits).await
}

async fn lock_and_write(
    connection: &mut PgConnection,
    batch: &[&Prepared],
    heads: &Mutex<Heads>,
    waits: &BTreeSet<Uuid>,
) -> Result<Option<Vec<Option<Verdict>>>, Error> {
    let mut tx = connection.begin().await?;
    let all: BTreeSet<Uuid> = batch.iter().map(|prepared| prepared.append.workspace).collect();
    // There is no rest that could go before.
    let waits = if all.len() == 1 { &all } else { waits };
    let mut locked = lock_heads(&mut tx, waits, false).await?;
    if locked.len() < waits.len() {
        return Ok(None);
    }
    locked.extend(lock_heads(&mut tx, &(&all - waits), true).await?);
    if locked.is_empty() {
        locked = lock_heads(&mut tx, &all, false).await?;
    }
    let is_locked = |prepared: &&Prepared| locked.contains_key(&prepared.append.workspace);
    let now: Vec<&Prepared> = batch.iter().copied().filter(is_locked).collect();
    if now.is_empty() {
        return Ok(None);
    }
    let Some(plan) = Plan::new(&now, |workspace| locked.get(&workspace).cloned(), Utc::now()) else {
        return Ok(None);
    };
    statement::write(&mut tx, &now, &plan).await?;
    tx.commit().await?;
    let mut verdicts = plan.settle(&now, heads);
    let verdict = |prepared| is_locked(prepared).then(|| verdicts.next()).flatten();
    Ok(Some(batch.iter().map(verdict).collect()))
}

/// In the order of workspaces, as everybody does, so that no two batches wait for each other crosswise; or those only
/// that are to be had at once.
async fn lock_heads(
    connection: &mut PgConnection,
    workspaces: &BTreeSet<Uuid>,
    at_once: bool,
) -> Result<HashMap<Uuid, Head>, Error> {
    if workspaces.is_empty() {
        return Ok(HashMap::new());
    }
    let select = if at_once {
        "select workspace_id, position, hash, recorded_at from log.heads where workspace_id = any($1) and position > 0 \
            order by workspace_id for update skip locked"
    } else {
        "select workspace_id, position, hash, recorded_at from log.heads where workspace_id = any($1) and position > 0 \
            order by workspace_id for update"
    };
    let workspaces: Vec<Uuid> = workspaces.iter().copied().collect();
    let heads = sqlx::query_as(select).bind(workspaces).fetch_all(connection).await?;
    let head = |(workspace, position, hash, recorded_at): (Uuid, i64, Hash, DateTime<Utc>)| {
        let head = Head {
            position,
            hash,
            recorded_at,
        };
        (workspace, head)
    };
    Ok(heads.into_iter().map(head).collect())
}

impl Plan {
    /// It came true.
    fn settle(self, batch: &[&Prepared], heads: &Mutex<Heads>) -> impl Iterator<Item = Verdict> + use<> {
        let verdicts: Vec<Verdict> = self.placed.into_iter().map(Verdict::Written).collect();
        lock(heads).learn(batch, &verdicts);
        verdicts.into_iter()
    }
}

fn is_conflict(error: &Error) -> bool {
    has_code(error, INTEGRITY) || has_code(error, DIVISION_BY_ZERO)
}

/// Whether the server told a code of that class.
fn has_code(error: &Error, class: &str) -> bool {
    let told = error.as_database_error().and_then(|told| told.code());
    told.is_some_and(|code| code.starts_with(class))
}
