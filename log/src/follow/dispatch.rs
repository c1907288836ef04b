//! The dispatcher: hands out what is in the queue to a bounded number of workers, compares cursors with heads where
//! something may have moved unheard, and asks what has become due.

use super::{queue::Queue, report};
use crate::{Log, backoff, lease::range::Ranges};
use futures::FutureExt;
use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio::task::JoinSet;
use uuid::Uuid;

const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);
/// How late what is due may be. No sleep is as long as it takes until something is due, so no clock that jumps makes one
/// too long.
const LOOK: Duration = Duration::from_secs(1);

/// Until the queue is closed and all steps have ended.
pub(super) async fn run(log: Log, queue: Arc<Queue>, workers: usize) {
    tokio::select! {
        () = hand_out(&log, &queue, workers) => {}
        () = look_for_missed(&log, &queue) => {}
        () = look_for_due(&queue) => {}
    }
}

/// Steps end with this task, should it be aborted.
async fn hand_out(log: &Log, queue: &Arc<Queue>, workers: usize) {
    let mut steps = JoinSet::new();
    while let Some(workspace) = queue.take().await {
        steps.spawn(step(log.clone(), queue.clone(), workspace));
        while steps.try_join_next().is_some() {}
        if steps.len() >= workers {
            steps.join_next().await;
        }
    }
    while steps.join_next().await.is_some() {}
}

async fn step(log: Log, queue: Arc<Queue>, workspace: Uuid) {
    // A panic must not leave the workspace in nobody's hands.
    let step = AssertUnwindSafe(queue.consumer().advance(workspace)).catch_unwind();
    let step = step.await.unwrap_or_else(|_| Err("the consumer panicked".into()));
    queue.settle(workspace, step);
    if queue.yields() {
        log.leases.stir();
    }
}

/// Ranges that were gained, or in which something may have been missed. Never ends by itself.
async fn look_for_missed(log: &Log, queue: &Arc<Queue>) {
    let mut failures = 0;
    loop {
        let ranges = queue.unseen().await;
        match missed(log, queue, ranges).await {
            Ok(()) => failures = 0,
            Err(error) => {
                failures += 1;
                tracing::warn!(consumer = queue.name(), %error, "could not compare positions with heads");
                tokio::time::sleep(backoff::pause(failures, RETRY_MIN, RETRY_MAX)).await;
                queue.look_for(ranges);
            }
        }
    }
}

async fn missed(log: &Log, queue: &Queue, ranges: Ranges) -> Result<(), super::ConsumerError> {
    if queue.shares() {
        for (workspace, position) in report::behind(&log.pool, queue.name(), ranges).await? {
            queue.behind(workspace, position);
        }
        for workspace in queue.consumer().unsettled().await? {
            queue.look_at(workspace);
        }
    } else {
        // Nobody but this node knows how far it is.
        let heads = log.wakeup.heads();
        heads.into_keys().for_each(|workspace| queue.look_at(workspace));
    }
    Ok(())
}

/// What has become due, in ranges that are led here. Never ends by itself.
async fn look_for_due(queue: &Queue) {
    let mut failures = 0;
    loop {
        tokio::time::sleep(LOOK).await;
        match queue.consumer().due().await {
            Ok(due) => {
                failures = 0;
                due.into_iter().for_each(|workspace| queue.look_at(workspace));
            }
            Err(error) => {
                failures += 1;
                tracing::warn!(consumer = queue.name(), %error, "could not ask what is due");
                tokio::time::sleep(backoff::pause(failures, RETRY_MIN, RETRY_MAX)).await;
            }
        }
    }
}
