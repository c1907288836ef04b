//! Commands on one stream of this node take turns, instead of losing races against each other; a race with another node
//! is still lost and tried again. A turn ends when the append has its place in the log's line: the next command is
//! decided on the state that it will leave, and both are written by one commit. Such a state holds only if all before it
//! is written, so only what is then appended behind them may stand on it: a "no" is asked of the log.

use crate::states::{Key, Live};
use log::Promise;
use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError},
};
use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

/// Streams beyond that many share lanes.
const LANES: usize = 4_096;

#[derive(Clone)]
pub(crate) struct Lanes(Arc<[Lane]>);

#[derive(Default)]
pub(crate) struct Lane {
    turn: Mutex<()>,
    ahead: std::sync::Mutex<Option<Ahead>>,
}

/// What the last command in a lane will leave.
struct Ahead {
    key: Key,
    live: Live<dyn Any + Send + Sync>,
    /// That it is written.
    promise: Promise,
}

impl Lanes {
    pub fn new() -> Self {
        Self((0..LANES).map(|_| Lane::default()).collect())
    }

    pub fn of(&self, stream: Uuid) -> &Lane {
        &self.0[place(stream)]
    }

    /// In one order, so that nobody waits crosswise.
    pub async fn turns(&self, streams: impl IntoIterator<Item = Uuid>) -> Turns<'_> {
        let places: BTreeSet<usize> = streams.into_iter().map(place).collect();
        let mut turns = Turns::default();
        for place in places {
            turns.0.insert(place, self.0[place].turn().await);
        }
        turns
    }
}

/// A command's turns in several lanes.
#[derive(Default)]
pub(crate) struct Turns<'a>(BTreeMap<usize, MutexGuard<'a, ()>>);

impl Turns<'_> {
    pub fn has(&self, stream: Uuid) -> bool {
        self.0.contains_key(&place(stream))
    }
}

/// Of its lane.
fn place(stream: Uuid) -> usize {
    let hash = stream.as_u128() ^ (stream.as_u128() >> 64);
    usize::try_from(hash % LANES as u128).unwrap_or(0)
}

impl Lane {
    pub async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// The state that the appends in the line will leave, if there are any.
    pub fn ahead<A: Any + Send + Sync>(&self, key: Key) -> Option<(Live<A>, Promise)> {
        let ahead = self.lock();
        let Ahead { live, promise, .. } = ahead.as_ref().filter(|ahead| ahead.key == key)?;
        let state = live.state.clone().downcast().ok()?;
        let mark = live.mark;
        (!promise.is_lost()).then(|| (Live { state, mark }, promise.clone()))
    }

    /// An append that will leave that state has its place in the line.
    pub fn go_ahead<A: Any + Send + Sync>(&self, key: Key, Live { state, mark }: Live<A>, promise: Promise) {
        let state: Arc<dyn Any + Send + Sync> = state;
        let live = Live { state, mark };
        *self.lock() = Some(Ahead { key, live, promise });
    }

    /// The append that leaves that version is written. With the last one there is nothing ahead any more.
    pub fn arrived(&self, key: Key, version: i64) {
        let mut ahead = self.lock();
        if ahead
            .as_ref()
            .is_some_and(|ahead| ahead.key == key && ahead.live.mark.version <= version)
        {
            *ahead = None;
        }
    }

    /// A poisoned lock guards one value that no panic leaves half-changed.
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Ahead>> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
