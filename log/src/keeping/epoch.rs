//! The head's epoch: it goes away from zero whenever something changes that no hash tells of, so that whoever planned upon the
//! head before plans anew (decision 12); and below zero the workspace is closed. Every change is entered in `log.turns`, by
//! which verifying finds an epoch that was changed by anybody else.

use crate::Log;
use sqlx::PgConnection;
use uuid::Uuid;

/// Whether anybody may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Closed,
    Reopened,
}

/// Just before the commit: so that no append sees one of its statements before this transaction and one after, and none
/// that was planned before is written after.
pub(super) async fn go_on(tx: &mut PgConnection, workspace: Uuid, what: &str) -> Result<(), sqlx::Error> {
    let on = "with moved as (update log.heads set epoch = epoch + case when epoch < 0 then -1 else 1 end \
            where workspace_id = $1 returning epoch) \
        insert into log.turns (workspace_id, epoch, what) select $1, epoch, $2 from moved";
    sqlx::query(on).bind(workspace).bind(what).execute(tx).await?;
    Ok(())
}

/// To the other side of zero, if it is not there.
pub(super) async fn turn(log: &Log, workspace: Uuid, turn: Turn) -> Result<(), sqlx::Error> {
    let (what, was_closed) = match turn {
        Turn::Closed => ("closed", false),
        Turn::Reopened => ("reopened", true),
    };
    let mut tx = log.pool.begin().await?;
    let head = "insert into log.heads (workspace_id, recorded_at) values ($1, '-infinity') on conflict do nothing";
    sqlx::query(head).bind(workspace).execute(&mut *tx).await?;
    let turn = "with moved as (update log.heads set epoch = case when epoch < 0 then 1 else -1 end * (abs(epoch) + 1) \
            where workspace_id = $1 and (epoch < 0) = $3 returning epoch) \
        insert into log.turns (workspace_id, epoch, what) select $1, epoch, $2 from moved";
    let turn = sqlx::query(turn).bind(workspace).bind(what).bind(was_closed);
    turn.execute(&mut *tx).await?;
    tx.commit().await
}

/// Whether nobody may write.
pub(super) async fn is_closed(log: &Log, workspace: Uuid) -> Result<bool, sqlx::Error> {
    let closed = sqlx::query_scalar("select epoch < 0 from log.heads where workspace_id = $1").bind(workspace);
    Ok(closed.fetch_optional(&log.pool).await?.unwrap_or(false))
}

/// The last one that was entered; 0 when there is none.
pub(super) async fn entered(connection: &mut PgConnection, workspace: Uuid) -> Result<i64, sqlx::Error> {
    let last =
        "select coalesce((select epoch from log.turns where workspace_id = $1 order by abs(epoch) desc limit 1), 0)";
    sqlx::query_scalar(last).bind(workspace).fetch_one(connection).await
}
