//! Listening to other nodes. The connection it is done on is the node's session: as long as it lives, the node can hear
//! what it has to do; once it is gone, the node leads nothing, and begins anew with a comparison of all positions.

use super::{Wakeup, heads, tell};
use crate::{backoff, lease::table, lock};
use sqlx::{PgPool, postgres::PgListener};
use std::{sync::Arc, time::Duration};

const RETRY_MIN: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(5);

pub(crate) async fn keep_listening(wakeup: Arc<Wakeup>, pool: PgPool) {
    let mut failures = 0;
    while !pool.is_closed() {
        match open(&wakeup, &pool).await {
            Ok(listener) => {
                failures = 0;
                let lost = hear(&wakeup, listener).await;
                wakeup.leases.close_session(&wakeup.queues());
                tracing::warn!(error = ?lost.err(), "lost the ear for other nodes");
            }
            Err(error) => tracing::warn!(%error, "cannot listen to other nodes yet"),
        }
        failures += 1;
        tokio::time::sleep(backoff::pause(failures, RETRY_MIN, RETRY_MAX)).await;
    }
}

/// Listens first and reads the heads then, so that nothing moves unheard in between.
async fn open(wakeup: &Wakeup, pool: &PgPool) -> Result<PgListener, sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.eager_reconnect(false);
    listener.listen_all([tell::CHANNEL, table::CHANNEL]).await?;
    let session: i32 = sqlx::query_scalar("select pg_backend_pid()")
        .fetch_one(&mut listener)
        .await?;
    // The database may have come back with less than it had.
    lock(&wakeup.heads).clear();
    wakeup.tail.clear();
    let known = heads(pool).await?;
    {
        let mut heads = lock(&wakeup.heads);
        for moved in known {
            let head = heads.entry(moved.workspace).or_insert(0);
            *head = moved.position.max(*head);
        }
    }
    wakeup.leases.open_session(session);
    for queue in wakeup.queues().iter().filter(|queue| !queue.shares()) {
        queue.look_for(crate::lease::range::Ranges::ALL);
    }
    Ok(listener)
}

/// Until the connection is lost, or is to be given up.
async fn hear(wakeup: &Wakeup, mut listener: PgListener) -> Result<(), sqlx::Error> {
    loop {
        let heard = tokio::select! {
            heard = listener.try_recv() => heard?,
            () = wakeup.listen_anew.notified() => return Ok(()),
        };
        let Some(notification) = heard else { return Ok(()) };
        if notification.channel() == table::CHANNEL {
            wakeup.leases.stir();
            continue;
        }
        for moved in tell::decode(&notification) {
            if moved.position == 0 {
                wakeup.look_here_at(moved.workspace);
            } else {
                wakeup.learn(moved);
            }
        }
    }
}
