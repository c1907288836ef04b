//! `log.nodes` and `log.leases`: every question and every change is one statement, and what changes hands does so by
//! comparing and setting its epoch.

use super::range::RANGES;
use sqlx::{PgPool, Row, postgres::PgRow};
use std::time::Duration;
use uuid::Uuid;

/// Nodes hear on it that leases are to be looked at.
pub(crate) const CHANNEL: &str = "prometric_leases";

pub(super) struct Node {
    pub id: Uuid,
    pub consumers: Vec<String>,
    /// Not expired, and its session is there.
    pub alive: bool,
}

pub(super) struct Lease {
    pub consumer: String,
    pub range: usize,
    pub node: Option<Uuid>,
    pub epoch: i64,
}

/// A lease, as it was when it was looked at.
pub(super) type Wanted = (&'static str, usize, i64);

/// Enters the node, and makes sure that its consumers' leases exist. Others hear of it.
pub(super) async fn join(
    pool: &PgPool,
    node: Uuid,
    session: i32,
    consumers: &[&str],
    ttl: Duration,
) -> Result<(), sqlx::Error> {
    let enter = "with leases as (insert into log.leases (consumer, range) \
            select c, r from unnest($3::text[]) c, generate_series(0, $5) r on conflict do nothing) \
        insert into log.nodes (node, session, consumers, expires_at) \
        values ($1, $2, $3, now() + $4) on conflict (node) do nothing";
    sqlx::query(enter)
        .bind(node)
        .bind(session)
        .bind(consumers)
        .bind(ttl)
        .bind(RANGES as i32 - 1)
        .execute(pool)
        .await?;
    stir_others(pool).await
}

/// Moves the node's expiry, and with it that of all its leases; `false` when it was removed.
pub(super) async fn renew(pool: &PgPool, node: Uuid, consumers: &[&str], ttl: Duration) -> Result<bool, sqlx::Error> {
    // Should a crash of the database take a renewal back, the lease ends early: nobody has to wait for the disk.
    let mut tx = pool.begin_with("begin; set local synchronous_commit = off").await?;
    let renew = "update log.nodes set expires_at = now() + $3, consumers = $2 where node = $1";
    let renewed = sqlx::query(renew).bind(node).bind(consumers).bind(ttl);
    let renewed = renewed.execute(&mut *tx).await?.rows_affected();
    tx.commit().await?;
    Ok(renewed == 1)
}

/// All nodes, oldest first.
pub(super) async fn nodes(pool: &PgPool) -> Result<Vec<Node>, sqlx::Error> {
    let nodes = "select node, consumers, expires_at > now() \
            and exists (select from pg_stat_activity a where a.pid = n.session) from log.nodes n order by node";
    let node = |row: PgRow| {
        Ok(Node {
            id: row.try_get(0)?,
            consumers: row.try_get(1)?,
            alive: row.try_get(2)?,
        })
    };
    sqlx::query(nodes).try_map(node).fetch_all(pool).await
}

/// Removes those that are dead indeed, and answers which: one that renews at this moment is not.
pub(super) async fn remove(pool: &PgPool, nodes: &[Uuid]) -> Result<Vec<Uuid>, sqlx::Error> {
    let remove = "delete from log.nodes where node in (select node from log.nodes n where node = any($1) \
            and (expires_at <= now() or not exists (select from pg_stat_activity a where a.pid = n.session)) \
            for update skip locked) returning node";
    sqlx::query_scalar(remove).bind(nodes).fetch_all(pool).await
}

pub(super) async fn leases(pool: &PgPool, consumers: &[&str]) -> Result<Vec<Lease>, sqlx::Error> {
    let leases =
        "select consumer, range, node, epoch from log.leases where consumer = any($1) and range >= 0 and range < $2";
    let lease = |row: PgRow| {
        Ok(Lease {
            consumer: row.try_get(0)?,
            range: usize::try_from(row.try_get::<i16, _>(1)?).unwrap_or(RANGES),
            node: row.try_get(2)?,
            epoch: row.try_get(3)?,
        })
    };
    let ranges = i16::try_from(RANGES).unwrap_or(i16::MAX);
    let leases = sqlx::query(leases).bind(consumers).bind(ranges);
    leases.try_map(lease).fetch_all(pool).await
}

/// Takes those leases that are still as they were when looked at.
pub(super) async fn take(pool: &PgPool, node: Uuid, wanted: &[Wanted]) -> Result<Vec<Lease>, sqlx::Error> {
    let take = "update log.leases l set node = $1, epoch = l.epoch + 1 \
        from unnest($2::text[], $3::smallint[], $4::bigint[]) w(consumer, range, epoch) \
        where (l.consumer, l.range, l.epoch) = (w.consumer, w.range, w.epoch) returning l.consumer, l.range, l.epoch";
    let lease = |row: PgRow| {
        Ok(Lease {
            consumer: row.try_get(0)?,
            range: usize::try_from(row.try_get::<i16, _>(1)?).unwrap_or(RANGES),
            node: Some(node),
            epoch: row.try_get(2)?,
        })
    };
    sqlx::query(take)
        .bind(node)
        .bind(wanted.iter().map(|(consumer, ..)| *consumer).collect::<Vec<_>>())
        .bind(wanted.iter().map(|(_, range, _)| *range as i16).collect::<Vec<_>>())
        .bind(wanted.iter().map(|(.., epoch)| *epoch).collect::<Vec<_>>())
        .try_map(lease)
        .fetch_all(pool)
        .await
}

/// Gives leases away. Others hear of it.
pub(super) async fn give(pool: &PgPool, node: Uuid, given: &[(&str, usize)]) -> Result<(), sqlx::Error> {
    let give = "update log.leases l set node = null from unnest($2::text[], $3::smallint[]) g(consumer, range) \
        where l.node = $1 and (l.consumer, l.range) = (g.consumer, g.range)";
    sqlx::query(give)
        .bind(node)
        .bind(given.iter().map(|(consumer, _)| *consumer).collect::<Vec<_>>())
        .bind(given.iter().map(|(_, range)| *range as i16).collect::<Vec<_>>())
        .execute(pool)
        .await?;
    stir_others(pool).await
}

/// The consumer runs on this node no more; answers whether others still do. Others hear of it.
pub(super) async fn leave(pool: &PgPool, node: Uuid, consumer: &str) -> Result<bool, sqlx::Error> {
    let mut tx = pool.begin().await?;
    for statement in [
        "update log.leases set node = null where node = $1 and consumer = $2",
        "update log.nodes set consumers = array_remove(consumers, $2) where node = $1",
    ] {
        sqlx::query(statement)
            .bind(node)
            .bind(consumer)
            .execute(&mut *tx)
            .await?;
    }
    let last = sqlx::query("delete from log.nodes where node = $1 and consumers = '{}'");
    let gone = last.bind(node).execute(&mut *tx).await?.rows_affected() == 1;
    tx.commit().await?;
    stir_others(pool).await?;
    Ok(!gone)
}

async fn stir_others(pool: &PgPool) -> Result<(), sqlx::Error> {
    let notify = sqlx::query("select pg_notify($1, '')").bind(CHANNEL);
    notify.execute(pool).await.map(drop)
}
