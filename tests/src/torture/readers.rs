//! The readers of a node: some poll and keep their place in mind, come and go, and tell what they saw; others follow
//! as projections do, with a checkpoint in the database that moves in the transaction that writes what was seen.

use super::{
    history::{Line, mark},
    node::{say, sleep},
    workload::World,
};
use async_trait::async_trait;
use log::{Consumer, ConsumerError, Log, Progress, ReadError, Recorded};
use rand::{Rng, rngs::StdRng};
use sqlx::PgPool;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use uuid::Uuid;

/// The consumers' tables, made once a cluster. Without keys: a double is to be found, not to be refused.
pub const SCHEMA: &str = "
    create schema torture;
    create table torture.checkpoints (
        consumer text not null, workspace_id uuid not null, position bigint not null, primary key (consumer, workspace_id)
    );
    create table torture.seen (
        nth bigint generated always as identity, consumer text not null, workspace_id uuid not null, position bigint not null, hash bytea not null
    );
";
/// Whose commits wait for the standby, and whose do not even wait for the disk.
pub const CONSUMERS: [&str; 2] = ["durable", "hasty"];
const BATCH: i64 = 200;
/// Every so many steps of a consumer fail after all is written and before it is committed.
const FAIL_EVERY: u64 = 40;
/// Every so many steps take their time, so that what they write and what others write meanwhile can be lost apart.
const SLOW_EVERY: u64 = 7;

/// One reader after another, each from somewhere in some workspace on, for a while.
pub async fn poll(log: Log, world: Arc<World>, mut rng: StdRng, name: String) {
    for life in 0.. {
        let (reader, workspace) = (format!("{name}.{life}"), world.workspace(&mut rng));
        let Ok(head) = log.head(workspace).await else {
            sleep(20).await;
            continue;
        };
        let mut after = if rng.random_bool(0.3) {
            0
        } else {
            rng.random_range(0..=head)
        };
        let ends = head + rng.random_range(100..2_000);
        say(&Line::Following {
            reader: reader.clone(),
            workspace,
            after,
        });
        while after < ends {
            let page = log.read(workspace, after, rng.random_range(1..200)).await;
            if matches!(page, Err(ReadError::Archived(_))) {
                break; // put away meanwhile: who comes later begins later
            }
            let events = page.unwrap_or_else(|error| {
                complain_of_holes(&error);
                vec![]
            });
            let Some(last) = events.last() else {
                sleep(rng.random_range(2..30)).await;
                continue;
            };
            after = last.position;
            say(&Line::Saw {
                reader: reader.clone(),
                events: events.iter().map(|event| (event.position, mark(&event.hash))).collect(),
            });
        }
        say(&Line::Left { reader });
    }
}

/// A database that is away is expected here; a log with a hole is not.
fn complain_of_holes(error: &ReadError) {
    if !matches!(error, ReadError::Unavailable(_)) {
        say(&Line::Broken {
            text: error.to_string(),
        });
    }
}

/// A projection that only writes down what it was given.
pub struct Tally {
    pub pool: PgPool,
    pub name: &'static str,
    pub steps: AtomicU64,
}

#[async_trait]
impl Consumer for Tally {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn advance(&self, workspace: Uuid) -> Result<Progress, ConsumerError> {
        let durable = self.name == CONSUMERS[0];
        let begin = if durable {
            "begin"
        } else {
            "begin; set local synchronous_commit = off"
        };
        let mut tx = self.pool.begin_with(begin).await?;
        let enter = "insert into torture.checkpoints (consumer, workspace_id, position) values ($1, $2, 0) on conflict do nothing";
        sqlx::query(enter)
            .bind(self.name)
            .bind(workspace)
            .execute(&mut *tx)
            .await?;
        let lock = "select position from torture.checkpoints where consumer = $1 and workspace_id = $2 for update";
        let lock = sqlx::query_scalar(lock).bind(self.name).bind(workspace);
        let after: i64 = lock.fetch_one(&mut *tx).await?;
        let events = log::read_in_tx(&mut tx, workspace, after, BATCH).await;
        let events = events.inspect_err(complain_of_holes)?;
        let Some(last) = events.last().map(|event| event.position) else {
            tx.rollback().await?;
            return Ok(Progress {
                position: after,
                more: false,
            });
        };
        self.write(&mut tx, workspace, &events, last).await?;
        match self.steps.fetch_add(1, Ordering::Relaxed) {
            step if step % FAIL_EVERY == 0 => return Err("this step fails on purpose".into()),
            step if step % SLOW_EVERY == 0 => sleep(50).await,
            _ => {}
        }
        tx.commit().await?;
        Ok(Progress {
            position: last,
            more: last - after == BATCH,
        })
    }
}

impl Tally {
    async fn write(
        &self,
        tx: &mut sqlx::PgConnection,
        workspace: Uuid,
        events: &[Recorded],
        last: i64,
    ) -> Result<(), sqlx::Error> {
        let see = "insert into torture.seen (consumer, workspace_id, position, hash) \
            select $1, $2, p, h from unnest($3::bigint[], $4::bytea[]) with ordinality e(p, h, nth) order by nth";
        sqlx::query(see)
            .bind(self.name)
            .bind(workspace)
            .bind(events.iter().map(|event| event.position).collect::<Vec<_>>())
            .bind(events.iter().map(|event| event.hash.as_slice()).collect::<Vec<_>>())
            .execute(&mut *tx)
            .await?;
        let advance = "update torture.checkpoints set position = $3 where consumer = $1 and workspace_id = $2";
        sqlx::query(advance)
            .bind(self.name)
            .bind(workspace)
            .bind(last)
            .execute(tx)
            .await?;
        Ok(())
    }
}
