//! An engine in memory, which any number of databases may be replicas of. It knows no repeats: an append that is there already finds its
//! place taken, so that whoever lost an answer has to find it by the id.

use async_trait::async_trait;
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use log::{Engine, EngineError, Entry, Place, Put, Seen};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};
use tokio::sync::watch;
use uuid::Uuid;

/// What becomes of an append besides.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// It is written, and nobody hears of it.
    AnswerLost,
    /// It is not.
    NeverCame,
    Refused,
}

#[derive(Clone)]
pub struct Memory {
    state: Arc<Mutex<State>>,
    length: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    /// Of all workspaces, in the order they came.
    entries: Vec<(Uuid, Entry)>,
    /// Of the next appends.
    faults: VecDeque<Fault>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            state: Arc::default(),
            length: watch::channel(0).0,
        }
    }
}

impl Memory {
    pub fn entries(&self) -> Vec<(Uuid, Entry)> {
        self.state.lock().unwrap().entries.clone()
    }

    /// So the next appends fail.
    pub fn fails(&self, faults: Vec<Fault>) {
        self.state.lock().unwrap().faults = faults.into();
    }

    fn of(&self, workspace: Uuid) -> Vec<Entry> {
        let state = self.state.lock().unwrap();
        let entries = state.entries.iter().filter(|(of, _)| *of == workspace);
        entries.map(|(_, entry)| entry.clone()).collect()
    }

    /// What a follower is told that has heard of so many.
    fn told(&self, heard: usize) -> Option<Seen> {
        let state = self.state.lock().unwrap();
        let (workspace, _) = state.entries.get(heard)?;
        let before = state.entries[..heard].iter().filter(|(of, _)| of == workspace);
        let at = heard as u64 + 1;
        Some(Seen::Entry {
            workspace: *workspace,
            revision: before.count() as u64,
            place: Place {
                commit: at,
                prepare: at,
            },
        })
    }
}

#[async_trait]
impl Engine for Memory {
    fn name(&self) -> &str {
        "memory"
    }

    async fn append(&self, workspace: Uuid, length: u64, entry: &Entry) -> Result<Put, EngineError> {
        let lost = || Err(EngineError::Away("lost on purpose".to_owned()));
        let mut state = self.state.lock().unwrap();
        let fault = state.faults.pop_front();
        match fault {
            Some(Fault::NeverCame) => return lost(),
            Some(Fault::Refused) => return Err(EngineError::Refused("on purpose".to_owned())),
            Some(Fault::AnswerLost) | None => {}
        }
        let there = state.entries.iter().filter(|(of, _)| *of == workspace).count() as u64;
        if there != length {
            return Ok(Put::Elsewhere);
        }
        state.entries.push((workspace, entry.clone()));
        self.length.send_replace(state.entries.len());
        match fault {
            Some(_) => lost(),
            None => Ok(Put::There),
        }
    }

    async fn read(&self, workspace: Uuid, revision: u64, limit: usize) -> Result<Vec<Entry>, EngineError> {
        let entries = self.of(workspace).into_iter();
        Ok(entries.skip(usize::try_from(revision).unwrap()).take(limit).collect())
    }

    async fn follow(&self, after: Option<Place>) -> Result<BoxStream<'static, Result<Seen, EngineError>>, EngineError> {
        let heard = after.map_or(0, |place| usize::try_from(place.commit).unwrap());
        let from = (self.clone(), self.length.subscribe(), heard, false);
        let told = stream::unfold(from, |(engine, mut length, heard, is_live)| async move {
            if let Some(seen) = engine.told(heard) {
                return Some((Ok(seen), (engine, length, heard + 1, is_live)));
            }
            if !is_live {
                return Some((Ok(Seen::CaughtUp), (engine, length, heard, true)));
            }
            length.wait_for(|length| *length > heard).await.ok()?;
            let seen = engine.told(heard)?;
            Some((Ok(seen), (engine, length, heard + 1, true)))
        });
        Ok(told.boxed())
    }
}
