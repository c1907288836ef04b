//! Wakes those who read live: a consumer that every node runs for itself. It takes nothing out of the log; whoever it wakes reads
//! on from where they are, so that a ring too many costs a look and one too few cannot be.

use async_trait::async_trait;
use log::{Consumer, ConsumerError, Log, Progress};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;
use uuid::Uuid;

pub struct Bell {
    log: Log,
    ropes: Mutex<HashMap<Uuid, watch::Sender<i64>>>,
}

impl Bell {
    pub fn new(log: Log) -> Self {
        Self {
            log,
            ropes: Mutex::default(),
        }
    }

    /// Changes whenever the workspace's log has moved on after this.
    pub fn hear(&self, workspace: Uuid) -> watch::Receiver<i64> {
        let mut ropes = self.ropes();
        ropes.retain(|_, rope| rope.receiver_count() > 0);
        ropes
            .entry(workspace)
            .or_insert_with(|| watch::Sender::new(0))
            .subscribe()
    }

    /// A poisoned lock guards a list that no panic leaves half-changed.
    fn ropes(&self) -> MutexGuard<'_, HashMap<Uuid, watch::Sender<i64>>> {
        self.ropes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Consumer for Bell {
    fn name(&self) -> &'static str {
        "eventstoredb"
    }

    fn leased(&self) -> bool {
        false
    }

    async fn advance(&self, workspace: Uuid) -> Result<Progress, ConsumerError> {
        let position = self.log.heard(workspace).unwrap_or(0);
        if let Some(rope) = self.ropes().get(&workspace) {
            rope.send_replace(position);
        }
        Ok(Progress { position, more: false })
    }
}
