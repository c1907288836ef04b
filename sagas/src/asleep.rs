//! Which instances run although the memory does not hold them: those that wait for long, of which it keeps the keys alone.
//! With these it knows all that run, and a fact that none of them is about, and that begins none, needs no looking for one
//! in the database. What has come to its end is not here: nothing wakes it but what begins one (`Saga::evolve`).

use crate::memory::Key;
use sqlx::PgPool;
use std::collections::HashSet;
use uuid::Uuid;

/// The most keys that are kept of one workspace, some 2 MB; where more wait, they are looked for.
const KEYS_MAX: usize = 50_000;

/// No set: they are too many to be known.
pub(crate) struct Asleep(Option<HashSet<Key>>);

impl Asleep {
    pub async fn read(pool: &PgPool, workspace: Uuid, names: &[&'static str]) -> Result<Self, sqlx::Error> {
        let running = "select saga, instance from sagas.instances where workspace_id = $1 and status not in ('done', 'abandoned') limit $2";
        let running: Vec<(String, Uuid)> = sqlx::query_as(running)
            .bind(workspace)
            .bind(i64::try_from(KEYS_MAX + 1).unwrap_or(i64::MAX))
            .fetch_all(pool)
            .await?;
        let mut asleep = Self((running.len() <= KEYS_MAX).then(HashSet::new));
        // A saga of another version is left to it.
        let name = |saga: &str| names.iter().find(|name| **name == saga).copied();
        let keys = running.iter().filter_map(|(saga, id)| Some((name(saga)?, *id)));
        keys.for_each(|key| asleep.add(key));
        Ok(asleep)
    }

    pub fn add(&mut self, key: Key) {
        if let Some(keys) = &mut self.0 {
            keys.insert(key);
            if keys.len() > KEYS_MAX {
                self.0 = None;
            }
        }
    }

    pub fn remove(&mut self, key: &Key) {
        if let Some(keys) = &mut self.0 {
            keys.remove(key);
        }
    }

    /// Whether that instance may be one of them.
    pub fn may_hold(&self, key: &Key) -> bool {
        self.0.as_ref().is_none_or(|keys| keys.contains(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_are_not_known() {
        let key = |n: usize| ("saga", Uuid::from_u128(n as u128));
        let mut asleep = Asleep(Some(HashSet::new()));
        (0..KEYS_MAX).for_each(|n| asleep.add(key(n)));
        assert!(asleep.may_hold(&key(0)) && !asleep.may_hold(&key(KEYS_MAX)));
        asleep.remove(&key(0));
        assert!(!asleep.may_hold(&key(0)));
        asleep.add(key(0));
        asleep.add(key(KEYS_MAX));
        assert!(asleep.may_hold(&key(KEYS_MAX + 1)), "any may be");
    }
}
