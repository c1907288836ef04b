//! Keeps what a node remembers current: a consumer that every node runs for itself. What this node writes is remembered as
//! it is written; of what others write, it is noted that the states remembered of those streams are behind.

use crate::{Executor, states::Key};
use async_trait::async_trait;
use domain::fact::CATEGORIES;
use log::{Consumer, ConsumerError, Progress};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use uuid::Uuid;

/// Of more than so many events it is cheaper to forget the workspace.
const EVENTS_MAX: i64 = 500;

pub struct Following {
    executor: Executor,
    /// Up to where each workspace's events were taken into account.
    positions: Mutex<HashMap<Uuid, i64>>,
}

impl Following {
    pub fn new(executor: Executor) -> Self {
        Self {
            executor,
            positions: Mutex::default(),
        }
    }

    /// A poisoned lock guards plain numbers that no panic leaves half-changed.
    fn positions(&self) -> MutexGuard<'_, HashMap<Uuid, i64>> {
        self.positions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Consumer for Following {
    fn name(&self) -> &'static str {
        "states"
    }

    fn leased(&self) -> bool {
        false
    }

    async fn advance(&self, workspace: Uuid) -> Result<Progress, ConsumerError> {
        let known = self.positions().get(&workspace).copied();
        let log = self.executor.log();
        let from = known.unwrap_or(0);
        // Nothing that was read before this node heard of the workspace is remembered beyond what it heard.
        let Some(head) = log.heard(workspace) else {
            self.executor.forget(workspace.into());
            self.positions().remove(&workspace);
            return Ok(Progress {
                position: from,
                more: false,
            });
        };
        if known.is_none() || head < from || head - from > EVENTS_MAX {
            // New here, or with less than it had, or with too much that is new.
            self.executor.forget(workspace.into());
        } else if log
            .recent(workspace, from, EVENTS_MAX)
            .is_none_or(|events| events.len() as i64 != head - from)
        {
            for event in log.read(workspace, from, head - from).await? {
                let category = CATEGORIES.iter().find(|category| category.name() == event.category);
                if let Some(category) = category {
                    let key = Key {
                        workspace,
                        category: category.name(),
                        stream: event.stream_id,
                    };
                    self.executor.states.overtaken(key, event.version).await;
                }
            }
        }
        self.positions().insert(workspace, head);
        Ok(Progress {
            position: head,
            more: false,
        })
    }
}
