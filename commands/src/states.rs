//! Live states, so that a command on a stream in use is decided without reading the log. A state here may be behind
//! what other nodes have written: the append finds out, and whoever only reads asks the log for what came after.

use moka::{Entry, future::Cache, ops::compute::Op};
use std::{
    any::Any,
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use uuid::Uuid;

/// What all states may weigh together, as JSON, about.
const WEIGHT_MAX: u64 = 16 << 20;
/// What a state weighs besides: its own fields, keys, pointers, the cache's own books. Bounds the number of states, too.
const WEIGHT_MIN: usize = 1_024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub workspace: Uuid,
    pub category: &'static str,
    pub stream: Uuid,
}

/// A state and where it stands.
#[derive(Debug)]
pub(crate) struct Live<A: ?Sized> {
    pub state: Arc<A>,
    pub mark: Mark,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    /// Of the last event folded in; 0 when there is none yet.
    pub version: i64,
    /// Of the same event.
    pub hash: [u8; 32],
    /// Events folded in since the state was written down.
    pub unwritten: usize,
    /// Of the text it was made from: its own JSON and that of the events since.
    pub bytes: usize,
    /// When that was read; see `States::forget`.
    pub epoch: u64,
}

impl<A: ?Sized> Clone for Live<A> {
    fn clone(&self) -> Self {
        Self {
            state: self.state.clone(),
            mark: self.mark,
        }
    }
}

#[derive(Clone)]
pub(crate) struct States {
    cache: Cache<Key, Live<dyn Any + Send + Sync>>,
    forgotten: Arc<Mutex<Forgotten>>,
}

/// What was read before these epochs must not be used again, wherever it is on its way.
#[derive(Debug, Default)]
struct Forgotten {
    now: u64,
    all: u64,
    workspaces: HashMap<Uuid, u64>,
}

impl States {
    pub fn new() -> Self {
        let weigh = |_: &Key, live: &Live<dyn Any + Send + Sync>| {
            u32::try_from(live.mark.bytes + WEIGHT_MIN).unwrap_or(u32::MAX)
        };
        Self {
            cache: Cache::builder()
                .max_capacity(WEIGHT_MAX)
                .weigher(weigh)
                .support_invalidation_closures()
                .build(),
            forgotten: Arc::default(),
        }
    }

    pub async fn get<A: Any + Send + Sync>(&self, key: Key) -> Option<Live<A>> {
        let Live { state, mark } = self.cache.get(&key).await?;
        if self.lock().forgets(key.workspace, mark.epoch) {
            return None;
        }
        let state = state.downcast().ok()?;
        Some(Live { state, mark })
    }

    /// Whether a state of that mark was not forgotten.
    pub fn may_use(&self, workspace: Uuid, mark: Mark) -> bool {
        !self.lock().forgets(workspace, mark.epoch)
    }

    /// Unless something later is known: whoever was slow must not bring the past back.
    pub async fn put<A: Any + Send + Sync>(&self, key: Key, Live { state, mark }: Live<A>) {
        self.replace(key, Live { state, mark }, |known| known.version > mark.version)
            .await;
    }

    /// Another node has brought the stream to that version: what is remembered of it before is not used any more.
    pub async fn overtaken(&self, key: Key, version: i64) {
        let mark = Mark {
            version,
            hash: [0; 32],
            unwritten: 0,
            bytes: 0,
            epoch: self.epoch(),
        };
        // A state of no type, which nobody finds; somebody may be about to put an older one here.
        let state: Arc<dyn Any + Send + Sync> = Arc::new(());
        let nothing = Live { state, mark };
        self.replace(key, nothing, |known| known.version >= version).await;
    }

    /// `keeps`: whether what is known, and not forgotten since, stays.
    async fn replace(&self, key: Key, live: Live<dyn Any + Send + Sync>, keeps: impl FnOnce(Mark) -> bool + Send) {
        let epoch = live.mark.epoch;
        let choose = |known: Option<Entry<Key, Live<dyn Any + Send + Sync>>>| {
            let known = known.map(|known| known.into_value().mark);
            let stays = known.is_some_and(|known| known.epoch >= epoch && keeps(known));
            std::future::ready(if stays { Op::Nop } else { Op::Put(live) })
        };
        self.cache.entry(key).and_compute_with(choose).await;
    }

    pub async fn remove(&self, key: Key) {
        self.cache.invalidate(&key).await;
    }

    /// For what is about to be read.
    pub fn epoch(&self) -> u64 {
        self.lock().now
    }

    /// No state of this workspace that was made from something read before now is used again: neither one that is
    /// here, nor one that somebody is just folding or deciding on and will put here.
    pub fn forget(&self, workspace: Uuid) {
        let mut forgotten = self.lock();
        forgotten.now += 1;
        let now = forgotten.now;
        forgotten.workspaces.insert(workspace, now);
        drop(forgotten);
        // `get` gives none of them out any more; this is for the memory.
        let of_it = move |key: &Key, live: &Live<_>| key.workspace == workspace && live.mark.epoch < now;
        if self.cache.invalidate_entries_if(of_it).is_err() {
            self.cache.invalidate_all();
        }
    }

    pub fn forget_all(&self) {
        let mut forgotten = self.lock();
        forgotten.now += 1;
        forgotten.all = forgotten.now;
        forgotten.workspaces.clear();
        drop(forgotten);
        self.cache.invalidate_all();
    }

    /// A poisoned lock guards plain numbers that no panic leaves half-changed.
    fn lock(&self) -> MutexGuard<'_, Forgotten> {
        self.forgotten.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Forgotten {
    fn forgets(&self, workspace: Uuid, epoch: u64) -> bool {
        let since = self.workspaces.get(&workspace).copied().unwrap_or(0).max(self.all);
        epoch < since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(workspace: u128) -> Key {
        Key {
            workspace: Uuid::from_u128(workspace),
            category: "deal",
            stream: Uuid::nil(),
        }
    }

    fn live(states: &States) -> Live<&'static str> {
        Live {
            state: Arc::new("state"),
            mark: Mark {
                version: 3,
                hash: [7; 32],
                unwritten: 3,
                bytes: 10,
                epoch: states.epoch(),
            },
        }
    }

    #[tokio::test]
    async fn a_state_is_found_by_workspace_category_and_stream() {
        let states = States::new();
        states.put(key(1), live(&states)).await;
        let found: Live<&'static str> = states.get(key(1)).await.unwrap();
        assert_eq!((*found.state, found.mark.version), ("state", 3));
        let order = Key {
            category: "order",
            ..key(1)
        };
        for other in [key(2), order] {
            assert!(states.get::<&'static str>(other).await.is_none());
        }
        assert!(states.get::<u8>(key(1)).await.is_none(), "it is of another type");
        states.remove(key(1)).await;
        assert!(states.get::<&'static str>(key(1)).await.is_none());
    }

    #[tokio::test]
    async fn who_is_late_does_not_bring_the_past_back() {
        let states = States::new();
        let at = |version| {
            let mut live = live(&states);
            live.mark.version = version;
            live
        };
        states.put(key(1), at(3)).await;
        states.put(key(1), at(2)).await;
        assert_eq!(states.get::<&'static str>(key(1)).await.unwrap().mark.version, 3);
        states.overtaken(key(1), 5).await;
        assert!(states.get::<&'static str>(key(1)).await.is_none());
        states.put(key(1), at(4)).await;
        assert!(
            states.get::<&'static str>(key(1)).await.is_none(),
            "5 is known to be there"
        );
        states.put(key(1), at(5)).await;
        assert_eq!(states.get::<&'static str>(key(1)).await.unwrap().mark.version, 5);
    }

    #[tokio::test]
    async fn what_is_forgotten_does_not_come_back_with_those_who_still_hold_it() {
        let states = States::new();
        for workspace in [1, 2] {
            states.put(key(workspace), live(&states)).await;
        }
        let held: Live<&'static str> = states.get(key(1)).await.unwrap();
        let just_read = live(&states);
        states.forget(key(1).workspace);
        assert!(states.get::<&'static str>(key(1)).await.is_none());
        assert!(
            states.get::<&'static str>(key(2)).await.is_some(),
            "another workspace's stays"
        );
        for late in [held, just_read] {
            states.put(key(1), late).await;
            assert!(states.get::<&'static str>(key(1)).await.is_none());
        }
        states.put(key(1), live(&states)).await;
        assert!(
            states.get::<&'static str>(key(1)).await.is_some(),
            "what is read afterwards is kept"
        );

        let held: Live<&'static str> = states.get(key(2)).await.unwrap();
        states.forget_all();
        states.put(key(2), held).await;
        for workspace in [1, 2] {
            assert!(states.get::<&'static str>(key(workspace)).await.is_none());
        }
    }
}
