//! Forgets command ids that nobody repeats any more, so that `log.commands` holds some two days and not all time.
//!
//! A pass walks the table by its pages, a few at a time, each step in a transaction of its own: however much is old, no
//! lock lasts longer than a step. It needs no index by age, which every append would pay for.

use crate::{
    Log, backoff,
    wrong::{self, Variant::SweptTooEarly},
};
use chrono::{DateTime, Utc};
use std::time::Duration;

/// Pages of one step: some 5,000 rows.
const STEP_PAGES: i64 = 128;
/// How often command ids are swept, by whichever node asks first.
const EVERY: Duration = Duration::from_secs(60 * 60);
/// How often a node asks whether it is time, at most; the second half is left to chance.
const ASK: Duration = Duration::from_secs(10 * 60);

impl Log {
    /// Forgets command ids that are older, and answers how many. What they did stays; a repeat would do it anew.
    /// Appends go on meanwhile; stopped half-way, the rest is left to the next time.
    pub async fn sweep_commands(&self, older_than: Duration) -> Result<u64, sqlx::Error> {
        let extent =
            "select pg_relation_size('log.commands') / current_setting('block_size')::bigint, clock_timestamp() - $1";
        let (pages, before): (i64, DateTime<Utc>) = sqlx::query_as(extent)
            .bind(Duration::from_secs(
                older_than.as_secs() / if wrong::is(SweptTooEarly) { 4 } else { 1 },
            ))
            .fetch_one(&self.pool)
            .await?;
        let mut swept = 0;
        let mut page = 0;
        while page < pages {
            swept += self.sweep_step(page, before).await?;
            page += STEP_PAGES;
        }
        Ok(swept)
    }

    /// The same unless some node began to within that time, hence once however many ask; `None` then.
    pub async fn sweep_commands_in_turn(
        &self,
        older_than: Duration,
        every: Duration,
    ) -> Result<Option<u64>, sqlx::Error> {
        match self.takes_turn("commands", every).await? {
            false => Ok(None),
            true => self.sweep_commands(older_than).await.map(Some),
        }
    }

    /// Whether it is this node that does it now: of all nodes one does, and not again within that time.
    pub async fn takes_turn(&self, what: &str, every: Duration) -> Result<bool, sqlx::Error> {
        let begin = "insert into log.sweeps as s (what, began_at) values ($1, clock_timestamp()) \
            on conflict (what) do update set began_at = excluded.began_at where s.began_at <= excluded.began_at - $2";
        let begun = sqlx::query(begin).bind(what).bind(every).execute(&self.pool).await?;
        Ok(begun.rows_affected() > 0)
    }

    /// Sweeps about every hour, in turn with the other nodes. Never ends by itself.
    pub async fn keep_sweeping(self, older_than: Duration) {
        loop {
            tokio::time::sleep(backoff::pause(1, ASK, ASK)).await;
            match self.sweep_commands_in_turn(older_than, EVERY).await {
                Ok(Some(swept)) => tracing::info!(swept, "old command ids are forgotten"),
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "old command ids could not be forgotten"),
            }
        }
    }

    async fn sweep_step(&self, page: i64, before: DateTime<Utc>) -> Result<u64, sqlx::Error> {
        // A crash that takes it back does no harm.
        let mut tx = self
            .pool
            .begin_with("begin; set local synchronous_commit = off")
            .await?;
        let delete = "delete from log.commands where ctid >= format('(%s,0)', $1)::tid and ctid < format('(%s,0)', $2)::tid and recorded_at < $3";
        let deleted = sqlx::query(delete)
            .bind(page)
            .bind(page + STEP_PAGES)
            .bind(before)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(deleted.rows_affected())
    }
}
