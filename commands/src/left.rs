//! What an append of several streams leaves of each of them. Where a stream has its turn the next command is decided on that as
//! soon as the append has its place in the log's line; once it is written it is remembered, so that the next one reads nothing.

use crate::{
    Executor, Loaded,
    lanes::Lanes,
    load::{Grown, decode, key},
    states::{Live, Mark},
};
use async_trait::async_trait;
use domain::{Aggregate, id::WorkspaceId};
use log::{Appended, Promise, Recorded};
use std::sync::Arc;
use uuid::Uuid;

/// Of whatever aggregate.
#[async_trait]
pub(crate) trait Left: Send + Sync {
    fn stream(&self) -> Uuid;

    /// The append has its place in the line.
    fn go_ahead(&self, lanes: &Lanes, workspace: WorkspaceId, promise: Promise);

    /// It is written.
    async fn arrived(&self, executor: &Executor, workspace: WorkspaceId, appended: &Appended);
}

pub(crate) struct Leaves<A: Aggregate> {
    id: A::Id,
    before: Live<A>,
    /// Unless the log fills something in.
    after: Option<Live<A>>,
}

impl<A: Aggregate> Leaves<A> {
    pub fn new(id: A::Id, on: &Loaded<A>, events: usize, after: Option<Arc<A>>) -> Self {
        let mark = Mark {
            version: on.version + i64::try_from(events).unwrap_or(0),
            ..on.mark
        };
        Self {
            id,
            before: Live {
                state: on.state.clone(),
                mark: on.mark,
            },
            after: after.map(|state| Live { state, mark }),
        }
    }
}

#[async_trait]
impl<A: Aggregate> Left for Leaves<A> {
    fn stream(&self) -> Uuid {
        self.id.into()
    }

    fn go_ahead(&self, lanes: &Lanes, workspace: WorkspaceId, promise: Promise) {
        if let Some(after) = &self.after {
            lanes
                .of(self.stream())
                .go_ahead(key::<A>(workspace, self.id), after.clone(), promise);
        }
    }

    async fn arrived(&self, executor: &Executor, workspace: WorkspaceId, appended: &Appended) {
        let key = key::<A>(workspace, self.id);
        let events = appended.events.iter().map(|event| &***event);
        let events: Vec<&Recorded> = events.filter(|event| event.stream_id == key.stream).collect();
        let Some(grown) = Grown::by(&events) else { return };
        match &self.after {
            Some(after) => {
                let version = after.mark.version;
                executor.keep(key, after.state.clone(), self.before.mark, grown).await;
                executor.lanes.of(key.stream).arrived(key, version);
            }
            None => {
                let decoded = events.into_iter().map(|event| Some((event, decode::<A>(event).ok()?)));
                // What cannot be read is not remembered; whoever loads it is told.
                if let Some(decoded) = decoded.collect::<Option<Vec<_>>>() {
                    executor.remember(key, self.before.clone(), &decoded).await;
                }
            }
        }
    }
}
