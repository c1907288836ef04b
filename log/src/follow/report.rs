//! `log.followers`: how far each consumer is in each workspace and what holds it up, for operators, and so that a node
//! that starts or takes over finds what is behind with one question. Written by each node about once a second, in one
//! statement, and only where a step was taken: whoever is idle writes nothing.

use super::{agenda::Failure, queue::Queue};
use crate::{
    lease::range::{Ranges, range_of},
    wakeup::Wakeup,
};
use chrono::{DateTime, Utc};
use sqlx::PgPool;
use std::{collections::HashMap, sync::Arc, time::Duration};
use uuid::Uuid;

const EVERY: Duration = Duration::from_secs(1);

/// What one workspace's last step came to.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    position: i64,
    attempts: i32,
    error: Option<String>,
    failing_since: Option<DateTime<Utc>>,
    epoch: i64,
}

impl Report {
    pub fn well(position: i64) -> Self {
        Self {
            position,
            attempts: 0,
            error: None,
            failing_since: None,
            epoch: 0,
        }
    }

    pub fn failing(position: i64, failure: Failure) -> Self {
        Self {
            position,
            attempts: i32::try_from(failure.attempts).unwrap_or(i32::MAX),
            error: Some(failure.error),
            failing_since: Some(failure.since),
            epoch: 0,
        }
    }

    /// An older holder's report does not overwrite a newer one's.
    pub fn under(self, epoch: i64) -> Self {
        Self { epoch, ..self }
    }
}

/// Tells what there is to tell, once a second.
pub(crate) async fn keep_telling(wakeup: Arc<Wakeup>, pool: PgPool) {
    loop {
        tokio::time::sleep(EVERY).await;
        if let Some(node) = wakeup.node()
            && let Err(error) = tell(&pool, node, &wakeup.queues()).await
        {
            tracing::warn!(%error, "the followers' positions could not be written");
        }
    }
}

/// Tells what the queues have to tell; what cannot be told is kept.
pub(crate) async fn tell(pool: &PgPool, node: Uuid, queues: &[Arc<Queue>]) -> Result<(), sqlx::Error> {
    let taken: Vec<_> = queues.iter().map(|queue| (queue, queue.take_reports())).collect();
    let told = write(pool, node, &taken).await;
    if told.is_err() {
        taken
            .into_iter()
            .for_each(|(queue, reports)| queue.return_reports(reports));
    }
    told
}

async fn write(pool: &PgPool, node: Uuid, reports: &[(&Arc<Queue>, HashMap<Uuid, Report>)]) -> Result<(), sqlx::Error> {
    let mut rows: Vec<(&str, Uuid, &Report)> = reports
        .iter()
        .flat_map(|(queue, reports)| {
            reports
                .iter()
                .map(|(workspace, report)| (queue.name(), *workspace, report))
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    rows.sort_by_key(|(consumer, workspace, _)| (*consumer, *workspace)); // two nodes lock in one order
    let upsert = "insert into log.followers as f (consumer, workspace_id, position, attempts, error, failing_since, epoch, node) \
        select c, w, p, a, e, s, o, $8 from unnest($1::text[], $2::uuid[], $3::bigint[], $4::int[], $5::text[], $6::timestamptz[], $7::bigint[]) u(c, w, p, a, e, s, o) \
        on conflict (consumer, workspace_id) do update set attempts = excluded.attempts, error = excluded.error, failing_since = excluded.failing_since, \
        position = case when excluded.error is null then excluded.position else f.position end, epoch = excluded.epoch, node = excluded.node, updated_at = now() \
        where f.epoch <= excluded.epoch";
    // Later in the WAL than the cursors it tells of: a crash takes it back before them.
    let mut tx = pool.begin_with("begin; set local synchronous_commit = off").await?;
    sqlx::query(upsert)
        .bind(rows.iter().map(|(consumer, ..)| *consumer).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, workspace, _)| *workspace).collect::<Vec<_>>())
        .bind(rows.iter().map(|(.., report)| report.position).collect::<Vec<_>>())
        .bind(rows.iter().map(|(.., report)| report.attempts).collect::<Vec<_>>())
        .bind(
            rows.iter()
                .map(|(.., report)| report.error.as_deref())
                .collect::<Vec<_>>(),
        )
        .bind(rows.iter().map(|(.., report)| report.failing_since).collect::<Vec<_>>())
        .bind(rows.iter().map(|(.., report)| report.epoch).collect::<Vec<_>>())
        .bind(node)
        .execute(&mut *tx)
        .await?;
    tx.commit().await
}

/// Workspaces in those ranges whose head is beyond what was told of the consumer, and that position: one question,
/// however many workspaces there are.
pub(crate) async fn behind(pool: &PgPool, consumer: &str, ranges: Ranges) -> Result<Vec<(Uuid, i64)>, sqlx::Error> {
    let behind = "select h.workspace_id, coalesce(f.position, 0) from log.heads h \
        left join log.followers f on f.consumer = $1 and f.workspace_id = h.workspace_id \
        where h.position > coalesce(f.position, 0)";
    let mut behind: Vec<(Uuid, i64)> = sqlx::query_as(behind).bind(consumer).fetch_all(pool).await?;
    behind.retain(|(workspace, _)| ranges.contains(range_of(*workspace)));
    Ok(behind)
}
