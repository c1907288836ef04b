//! Who follows, and how far they are: for operators.

use crate::Log;
use chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, Error, FromRow, Row, postgres::PgRow};
use uuid::Uuid;

/// The tables that a workspace's log is in, but for what is away.
const MENTIONING: [&str; 6] = ["heads", "events", "claims", "numbers", "commands", "trees"];

/// How far a consumer is in a workspace, as it was told within the last second or two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Following {
    /// It was; of a workspace that is younger than that nothing is known to be seen.
    pub is_told: bool,
    pub workspace: Uuid,
    pub consumer: String,
    pub position: i64,
    pub head: i64,
    /// When the first event was recorded that it has not seen; unknown when that is put away.
    pub waits_since: Option<DateTime<Utc>>,
    /// That failed since the last success.
    pub attempts: i32,
    pub error: Option<String>,
    pub failing_since: Option<DateTime<Utc>>,
}

impl FromRow<'_, PgRow> for Following {
    fn from_row(row: &PgRow) -> Result<Self, Error> {
        Ok(Self {
            is_told: row.try_get("is_told")?,
            workspace: row.try_get("workspace_id")?,
            consumer: row.try_get("consumer")?,
            position: row.try_get("position")?,
            head: row.try_get("head")?,
            waits_since: row.try_get("recorded_at")?,
            attempts: row.try_get("attempts")?,
            error: row.try_get("error")?,
            failing_since: row.try_get("failing_since")?,
        })
    }
}

impl Log {
    /// All who have ever followed, by workspace, or in that one. Who shares the workspaces with other nodes follows each of
    /// them, but for the platform, which not all do.
    pub async fn following(&self, workspace: Option<Uuid>) -> Result<Vec<Following>, Error> {
        let following = "select true as is_told, f.workspace_id, f.consumer, f.position, f.head, e.recorded_at, \
                f.attempts, f.error, f.failing_since from log.following f \
                left join log.events e on e.workspace_id = f.workspace_id and e.position = f.position + 1 \
                where $1::uuid is null or f.workspace_id = $1 \
            union all select false, h.workspace_id, l.consumer, 0, h.position, e.recorded_at, 0, null, null \
                from (select distinct consumer from log.leases) l cross join log.heads h \
                left join log.events e on e.workspace_id = h.workspace_id and e.position = 1 \
                where ($1::uuid is null or h.workspace_id = $1) and h.position > 0 and h.workspace_id <> $2 \
                and not exists (select from log.followers f where f.consumer = l.consumer and f.workspace_id = h.workspace_id) \
            order by 2, 3";
        let following = sqlx::query_as(following).bind(workspace).bind(Uuid::nil());
        following.fetch_all(&self.pool).await
    }

    /// For how many seconds the first event that a consumer has not seen has waited, in whichever workspace that is longest;
    /// of all nodes, as it was told within the last second or two.
    pub async fn lags(&self) -> Result<Vec<(String, f64)>, Error> {
        let lags = "select f.consumer, coalesce(max(extract(epoch from now() - e.recorded_at)), 0)::float8 from log.following f \
            left join log.events e on f.lag > 0 and e.workspace_id = f.workspace_id and e.position = f.position + 1 \
            group by f.consumer";
        sqlx::query_as(lags).fetch_all(&self.pool).await
    }

    /// Forgets consumers of a family, told apart by what follows their names' dot, that run on no node any more: they are of
    /// builds that are gone.
    pub async fn retire_consumers(&self, family: &str, except: &str) -> Result<(), Error> {
        for table in ["log.followers", "log.leases"] {
            let retire = format!(
                "delete from {table} where split_part(consumer, '.', 1) = $1 and consumer <> $2 \
                 and not exists (select from log.nodes n where n.expires_at > now() and consumer = any(n.consumers))"
            );
            let retire = sqlx::query(AssertSqlSafe(retire)).bind(family).bind(except);
            retire.execute(&self.pool).await?;
        }
        Ok(())
    }

    /// All workspaces that have a log.
    pub async fn workspaces(&self) -> Result<Vec<Uuid>, Error> {
        let workspaces = "select workspace_id from log.heads where position > 0 order by workspace_id";
        sqlx::query_scalar(workspaces).fetch_all(&self.pool).await
    }

    /// All workspaces that anything is written of, whether or not they have a head: each table's, from one to the next by
    /// its index.
    pub async fn mentioned(&self) -> Result<Vec<Uuid>, Error> {
        let from = |table| {
            format!(
                "(with recursive w(id) as ((select workspace_id from log.{table} order by 1 limit 1) union all \
                 select (select t.workspace_id from log.{table} t where t.workspace_id > w.id order by 1 limit 1) from w where w.id is not null) \
                 select id from w where id is not null)"
            )
        };
        let mentioned = MENTIONING.map(from).join(" union ") + " order by 1";
        sqlx::query_scalar(AssertSqlSafe(mentioned)).fetch_all(&self.pool).await
    }

    /// The workspaces that have such a stream: one, as a rule, or none.
    pub async fn having(&self, stream: Uuid) -> Result<Vec<Uuid>, Error> {
        let having = "select h.workspace_id from log.heads h where exists (select from log.events e \
            where e.workspace_id = h.workspace_id and e.stream_id = $1 union all select from log.archived_streams a \
            where a.workspace_id = h.workspace_id and a.stream_id = $1) order by 1";
        sqlx::query_scalar(having).bind(stream).fetch_all(&self.pool).await
    }
}
