//! A workspace's history, a step at a time: read, its personal values open, and understood.

use crate::{
    runner::{facts, seen},
    table::{ProjectError, Seen},
};
use domain::Fact;
use futures::{
    StreamExt, TryStreamExt, future,
    stream::{BoxStream, TryChunksError},
};
use log::{Log, ReadError, Recorded, Shared};
use std::sync::Arc;
use tokio::sync::mpsc::{self, Receiver};
use uuid::Uuid;

/// Events of one step, at most.
const STEP: usize = 2_000;
/// Steps that wait to be folded.
const AHEAD: usize = 2;

pub(crate) struct History {
    log: Log,
    chunks: BoxStream<'static, Result<Vec<Recorded>, TryChunksError<Recorded, ReadError>>>,
}

/// Events that follow one another, at least one.
pub(crate) struct Step {
    events: Vec<Arc<Shared>>,
    facts: Vec<Arc<Fact>>,
}

impl History {
    /// From the first event up to a position at most.
    pub fn until(log: &Log, workspace: Uuid, position: i64) -> Self {
        let events = log.replay(workspace, 0);
        let events = events.try_take_while(move |event| future::ok(event.position <= position));
        Self {
            log: log.clone(),
            chunks: events.try_chunks(STEP).boxed(),
        }
    }

    pub async fn next(&mut self) -> Result<Option<Step>, ProjectError> {
        let Some(mut events) = self.chunks.try_next().await.map_err(|error| error.1)? else {
            return Ok(None);
        };
        self.log.open_personal(&mut events).await?;
        Step::of(events).map(Some)
    }

    /// The same, by a task of its own: what comes next is read and understood while one folds what came. It ends when nobody
    /// takes the steps any more.
    pub fn ahead(mut self) -> Ahead {
        let (sender, steps) = mpsc::channel(AHEAD);
        tokio::spawn(async move {
            while let Some(step) = self.next().await.transpose() {
                let failed = step.is_err();
                if sender.send(step).await.is_err() || failed {
                    return;
                }
            }
        });
        Ahead(steps)
    }
}

/// Steps of a history, read ahead.
pub(crate) struct Ahead(Receiver<Result<Step, ProjectError>>);

impl Ahead {
    pub async fn next(&mut self) -> Result<Option<Step>, ProjectError> {
        self.0.recv().await.transpose()
    }
}

impl Step {
    /// Of events whose personal values are open.
    pub fn of(events: Vec<Recorded>) -> Result<Self, ProjectError> {
        let events: Vec<_> = events.into_iter().map(Shared::new).collect();
        let facts = facts(&events)?;
        Ok(Self { events, facts })
    }

    pub fn seen(&self) -> Vec<Seen<'_>> {
        seen(&self.facts, &self.events)
    }

    /// Of its last event.
    pub fn position(&self) -> Option<i64> {
        self.events.last().map(|event| event.position)
    }
}
