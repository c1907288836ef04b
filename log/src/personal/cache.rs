//! Keys of people, unwrapped, for a short while. Only as long as this node hears of erasures, and never longer than
//! `AGE_MAX`: a connection that died unheard of must not keep anybody readable.

use super::cipher::{Key, Owner};
use crate::wrong::{self, Variant::ErasedKeyKept};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// The longest that a key outlives its erasure on a node that was not told.
pub(super) const AGE_MAX: Duration = Duration::from_secs(60);
/// The most keys kept, some 2 MB.
const KEYS_MAX: usize = 10_000;

/// What there is of a person's key.
#[derive(Clone)]
pub(super) enum PersonKey {
    Known(Arc<Key>),
    Erased,
}

pub(super) type Keys = HashMap<Owner, PersonKey>;

#[derive(Default)]
pub(super) struct Cache(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    keys: HashMap<Owner, (PersonKey, Instant)>,
    /// Whether erasures on other nodes are heard of.
    hearing: bool,
    /// Counts what was forgotten: a key read from the database before may be one of those.
    forgotten: u64,
}

/// When a key was read, compared with what was forgotten since.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    at: Instant,
    forgotten: u64,
}

impl Cache {
    /// To be taken before the database is asked.
    pub fn moment(&self, at: Instant) -> Moment {
        let forgotten = self.lock().forgotten;
        Moment { at, forgotten }
    }

    pub fn get(&self, owner: Owner, now: Instant) -> Option<PersonKey> {
        let kept = self.lock();
        let (key, read_at) = kept.keys.get(&owner)?;
        (now.duration_since(*read_at) < AGE_MAX).then(|| key.clone())
    }

    pub fn put(&self, keys: &Keys, read: Moment) {
        let mut kept = self.lock();
        if !kept.hearing || kept.forgotten != read.forgotten {
            return;
        }
        if kept.keys.len() + keys.len() > KEYS_MAX {
            kept.keys
                .retain(|_, (_, read_at)| read.at.duration_since(*read_at) < AGE_MAX);
        }
        let room = KEYS_MAX.saturating_sub(kept.keys.len());
        let new = keys.iter().take(room);
        kept.keys
            .extend(new.map(|(owner, key)| (*owner, (key.clone(), read.at))));
    }

    /// Grows whenever a key was forgotten.
    pub fn forgotten(&self) -> u64 {
        self.lock().forgotten
    }

    /// The same, while erasures on other nodes are heard of: what is kept under that number may be used as long as it
    /// stays.
    pub fn heard(&self) -> Option<u64> {
        let kept = self.lock();
        kept.hearing.then_some(kept.forgotten)
    }

    pub fn forget(&self, owner: Owner) {
        if wrong::is(ErasedKeyKept) {
            return;
        }
        let mut kept = self.lock();
        kept.forgotten += 1;
        kept.keys.remove(&owner);
    }

    /// The ear was lost (`false`) or is there again (`true`): who was erased meanwhile is not known.
    pub fn forget_all(&self, hearing: bool) {
        let mut kept = self.lock();
        kept.forgotten += 1;
        kept.hearing = hearing;
        kept.keys.clear();
    }

    /// A poisoned lock guards plain maps that no panic leaves half-changed.
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn owner(person: u128) -> Owner {
        Owner {
            workspace: Uuid::nil(),
            person: Uuid::from_u128(person),
        }
    }

    fn keys(people: std::ops::Range<u128>) -> Keys {
        people.map(|person| (owner(person), PersonKey::Erased)).collect()
    }

    fn hearing() -> (Cache, Instant) {
        let cache = Cache::default();
        cache.forget_all(true);
        (cache, Instant::now())
    }

    #[test]
    fn a_key_is_kept_for_its_time_and_not_a_moment_longer() {
        let (cache, now) = hearing();
        cache.put(&keys(1..2), cache.moment(now));
        let last = now + AGE_MAX - Duration::from_nanos(1);
        assert!(cache.get(owner(1), last).is_some());
        assert!(cache.get(owner(1), now + AGE_MAX).is_none());
        assert!(cache.get(owner(2), now).is_none());
    }

    #[test]
    fn nothing_is_kept_without_an_ear() {
        let (cache, now) = hearing();
        cache.put(&keys(1..2), cache.moment(now));
        cache.forget_all(false);
        assert!(cache.get(owner(1), now).is_none());
        cache.put(&keys(1..2), cache.moment(now));
        assert!(cache.get(owner(1), now).is_none());
    }

    #[test]
    fn a_key_that_was_read_before_somebody_was_forgotten_is_not_kept() {
        let (cache, now) = hearing();
        let before = cache.moment(now);
        cache.forget(owner(1));
        cache.put(&keys(1..2), before);
        assert!(cache.get(owner(1), now).is_none());
    }

    #[test]
    fn memory_is_bounded_and_what_is_old_makes_room() {
        let (cache, now) = hearing();
        let many = KEYS_MAX as u128 + 10;
        cache.put(&keys(0..many), cache.moment(now));
        assert_eq!(cache.lock().keys.len(), KEYS_MAX);
        let later = now + AGE_MAX;
        cache.put(&keys(many..many + 1), cache.moment(later));
        assert!(cache.get(owner(many), later).is_some());
    }
}
