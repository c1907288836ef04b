//! What a node remembers of the platform, kept current by its log. An entry says which stream it is about and up to which
//! position of the log it is true; it counts as long as this node has heard of nothing later there, or of nothing later about
//! that stream. So whoever changes something writes it first and tells the log after: it counts at once on the node that did
//! it, and on others as soon as they hear; and nobody pays for a look as long as nothing happens.

use domain::id::WorkspaceId;
use log::Log;
use moka::sync::Cache;
use std::{hash::Hash, time::Duration};
use uuid::Uuid;

/// The most entries that are remembered.
const KNOWN_MAX: u64 = 50_000;
/// Looked at again after so long whatever was heard: somebody may have written and died before they told the log.
const LOOK: Duration = Duration::from_secs(60);
/// Of more events than these it is cheaper to look again.
const EVENTS_MAX: i64 = 100;

pub struct Current<K, V> {
    log: Log,
    known: Cache<K, Entry<V>>,
}

/// What somebody found who looked.
pub struct Looked<V> {
    pub value: V,
    /// What it is about: a user, a key, an organization.
    pub stream: Uuid,
    /// Where the read models stood that it was read from. `None`: it is written before the log is told, and so as new as what
    /// this node had heard.
    pub stands_at: Option<i64>,
}

#[derive(Clone)]
struct Entry<V> {
    value: V,
    stream: Uuid,
    as_of: i64,
}

impl<K, V> Current<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub fn new(log: Log) -> Self {
        Self {
            log,
            known: Cache::builder().max_capacity(KNOWN_MAX).time_to_live(LOOK).build(),
        }
    }

    /// What is remembered under that key, else what `look` finds, which is not begun otherwise. That there is nothing is never remembered.
    pub async fn get<E>(
        &self,
        key: &K,
        look: impl Future<Output = Result<Option<Looked<V>>, E>>,
    ) -> Result<Option<V>, E> {
        let heard = self.log.heard(WorkspaceId::PLATFORM.into());
        if let (Some(entry), Some(heard)) = (self.known.get(key), heard) {
            if heard <= entry.as_of {
                return Ok(Some(entry.value));
            }
            if self.is_untouched(&entry, heard) {
                let value = entry.value.clone();
                self.known.insert(key.clone(), Entry { as_of: heard, ..entry });
                return Ok(Some(value));
            }
        }
        let Some(Looked {
            value,
            stream,
            stands_at,
        }) = look.await?
        else {
            self.known.invalidate(key);
            return Ok(None);
        };
        if let Some(as_of) = stands_at.or(heard) {
            let entry = Entry {
                value: value.clone(),
                stream,
                as_of,
            };
            self.known.insert(key.clone(), entry);
        }
        Ok(Some(value))
    }

    /// Whether all that happened since is in this node's memory, and none of it was about that.
    fn is_untouched(&self, entry: &Entry<V>, heard: i64) -> bool {
        let since = heard - entry.as_of;
        if since > EVENTS_MAX {
            return false;
        }
        let events = self.log.recent(WorkspaceId::PLATFORM.into(), entry.as_of, since);
        events.is_some_and(|events| {
            i64::try_from(events.len()) == Ok(since) && events.iter().all(|event| event.stream_id != entry.stream)
        })
    }
}
