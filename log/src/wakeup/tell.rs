//! Telling other nodes: one notification names many workspaces, and the transaction it needs waits neither for the disk
//! nor for appends.

use super::{Moved, Wakeup};
use crate::{backoff, lock};
use sqlx::{PgPool, postgres::PgNotification};
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

pub(super) const CHANNEL: &str = "prometric_log";
/// After a notification the next ones are gathered this long.
const COALESCE: Duration = Duration::from_millis(20);
/// Workspaces named in one notification; PostgreSQL allows 8000 bytes.
const NAMED_MAX: usize = 100;
const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);

pub(crate) async fn keep_telling(wakeup: Arc<Wakeup>, pool: PgPool) {
    let mut failures = 0;
    while !pool.is_closed() {
        wakeup.something_untold.notified().await;
        match wakeup.tell(&pool).await {
            Ok(()) => {
                failures = 0;
                tokio::time::sleep(COALESCE).await;
            }
            Err(error) => {
                failures += 1;
                tracing::warn!(%error, "other nodes could not be notified yet");
                tokio::time::sleep(backoff::pause(failures, RETRY_MIN, RETRY_MAX)).await;
                wakeup.something_untold.notify_one();
            }
        }
    }
}

impl Wakeup {
    /// Tells what is untold; what could not be told stays so.
    pub async fn tell(&self, pool: &PgPool) -> Result<(), sqlx::Error> {
        // Whoever is about to end waits for what is being told.
        let _turn = self.telling.lock().await;
        let untold: Vec<Moved> = lock(&self.untold)
            .drain()
            .map(|(workspace, position)| Moved { workspace, position })
            .collect();
        let told = notify(pool, &untold).await;
        if told.is_err() {
            untold.into_iter().for_each(|moved| self.tell_later(moved));
        }
        told
    }
}

async fn notify(pool: &PgPool, moved: &[Moved]) -> Result<(), sqlx::Error> {
    if moved.is_empty() {
        return Ok(());
    }
    let mut tx = pool.begin_with("begin; set local synchronous_commit = off").await?;
    for part in moved.chunks(NAMED_MAX) {
        let notify = sqlx::query("select pg_notify($1, $2)").bind(CHANNEL).bind(encode(part));
        notify.execute(&mut *tx).await?;
    }
    tx.commit().await
}

fn encode(moved: &[Moved]) -> String {
    let one = |Moved { workspace, position }: &Moved| format!("{workspace}:{position}");
    moved.iter().map(one).collect::<Vec<_>>().join(",")
}

pub(super) fn decode(notification: &PgNotification) -> Vec<Moved> {
    decode_text(notification.payload())
}

/// What cannot be read is left out: the poll finds it.
fn decode_text(payload: &str) -> Vec<Moved> {
    let moved = |part: &str| {
        let (workspace, position) = part.split_once(':')?;
        Some(Moved {
            workspace: workspace.parse::<Uuid>().ok()?,
            position: position.parse().ok()?,
        })
    };
    payload.split(',').filter_map(moved).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_told_is_heard(all in prop::collection::vec((any::<u128>(), 0..i64::MAX), 0..NAMED_MAX)) {
            let moved = |(id, position)| Moved { workspace: Uuid::from_u128(id), position };
            let all: Vec<Moved> = all.into_iter().map(moved).collect();
            let payload = encode(&all);
            prop_assert!(payload.len() < 8_000);
            prop_assert_eq!(decode_text(&payload), all);
        }

        #[test]
        fn anything_can_be_heard(payload: String) {
            decode_text(&payload);
        }
    }
}
