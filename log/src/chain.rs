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

/// Walks a workspace's events and stops at the first that does not fit. By default from position 1.
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
    /// Goes on behind a position whose hash is known.
    pub fn after(position: i64, hash: [u8; 32]) -> Self {
        Self { position, hash }
    }

    pub fn next(&mut self, event: &Recorded) -> Result<(), ChainError> {
        let expected = self.position.saturating_add(1);
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
mod tests;
