//! Tamper evidence: hash = SHA-256(previous hash ‖ canonical envelope ‖ digest of data ‖ digest of metadata).
//! The canonical envelope is length-prefixed binary, so that no two different events share one encoding.

use crate::Recorded;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What the first event of a workspace is chained to.
pub const HASH_ZERO: [u8; 32] = [0; 32];

pub(crate) type Hash = [u8; 32];

/// The event's hash, chained to the one before. The event's own `hash` field is not read. `log.append` does the same
/// arithmetic in SQL (migrations/log), from the parts below.
pub(crate) fn link(previous: &Hash, event: &Recorded) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(previous);
    hasher.update(event.workspace.as_bytes());
    hasher.update(event.position.to_be_bytes());
    hasher.update(names(&event.category, &event.event_type, event.stream_id));
    hasher.update(event.version.to_be_bytes());
    hasher.update(event.event_id.as_bytes());
    hasher.update(event.schema.to_be_bytes());
    hasher.update(event.recorded_at.timestamp_micros().to_be_bytes());
    hasher.update(digest(&event.data));
    hasher.update(digest(&event.metadata));
    hasher.finalize().into()
}

/// Category, type and stream as they are hashed.
pub(crate) fn names(category: &str, event_type: &str, stream_id: Uuid) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(32 + category.len() + event_type.len());
    for text in [category, event_type] {
        bytes.extend((text.len() as u64).to_be_bytes());
        bytes.extend(text.as_bytes());
    }
    bytes.extend(stream_id.as_bytes());
    bytes
}

/// Of data or metadata, byte for byte.
pub(crate) fn digest(json: &str) -> Hash {
    Sha256::digest(json.as_bytes()).into()
}

/// Walks a workspace's events from position 1 and stops at the first that does not fit.
#[derive(Debug, Clone)]
pub struct Verifier {
    position: i64,
    hash: [u8; 32],
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    #[error("workspace {workspace}: position {expected} is missing, found {found}")]
    Hole { workspace: Uuid, expected: i64, found: i64 },
    #[error("workspace {workspace}: position {position} was changed")]
    Changed { workspace: Uuid, position: i64 },
}

impl Default for Verifier {
    fn default() -> Self {
        Self {
            position: 0,
            hash: HASH_ZERO,
        }
    }
}

impl Verifier {
    pub fn next(&mut self, event: &Recorded) -> Result<(), ChainError> {
        let expected = self.position + 1;
        if event.position != expected {
            return Err(ChainError::Hole {
                workspace: event.workspace,
                expected,
                found: event.position,
            });
        }
        let hash = link(&self.hash, event);
        if hash != event.hash {
            return Err(ChainError::Changed {
                workspace: event.workspace,
                position: event.position,
            });
        }
        (self.position, self.hash) = (expected, hash);
        Ok(())
    }

    /// Where the walk stands, and the hash there.
    pub fn head(&self) -> (i64, [u8; 32]) {
        (self.position, self.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(position: i64, previous: &[u8; 32]) -> Recorded {
        let mut event = Recorded {
            workspace: Uuid::nil(),
            position,
            category: "deal".into(),
            stream_id: Uuid::nil(),
            version: position,
            event_id: Uuid::nil(),
            event_type: "deal.created".into(),
            schema: 1,
            data: "{}".into(),
            metadata: "{}".into(),
            recorded_at: chrono::DateTime::UNIX_EPOCH,
            hash: HASH_ZERO,
        };
        event.hash = link(previous, &event);
        event
    }

    #[test]
    fn a_whole_chain_passes_and_any_change_is_found() {
        let first = event(1, &HASH_ZERO);
        let second = event(2, &first.hash);
        let mut verifier = Verifier::default();
        verifier.next(&first).unwrap();
        verifier.next(&second).unwrap();
        assert_eq!(verifier.head(), (2, second.hash));

        type Change = fn(&mut Recorded);
        let changes: [Change; 6] = [
            |e| e.data = "{ }".into(),
            |e| e.metadata = r#"{"actor":"x"}"#.into(),
            |e| e.event_type = "deal.won".into(),
            |e| e.version = 9,
            |e| e.recorded_at += chrono::Duration::microseconds(1),
            |e| e.hash[31] ^= 1,
        ];
        for change in changes {
            let mut changed = first.clone();
            change(&mut changed);
            assert_eq!(
                Verifier::default().next(&changed),
                Err(ChainError::Changed {
                    workspace: Uuid::nil(),
                    position: 1
                })
            );
        }
        assert_eq!(
            Verifier::default().next(&second),
            Err(ChainError::Hole {
                workspace: Uuid::nil(),
                expected: 1,
                found: 2
            })
        );
    }
}
