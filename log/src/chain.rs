//! Tamper evidence: hash = SHA-256(previous hash ‖ canonical envelope ‖ digest of data ‖ digest of metadata).
//! The canonical envelope is length-prefixed binary, so that no two different events share one encoding.

use crate::Recorded;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What the first event of a workspace is chained to.
pub const HASH_ZERO: [u8; 32] = [0; 32];

pub(crate) type Hash = [u8; 32];

/// What a hash covers besides the one before.
pub(crate) struct Parts<'a> {
    pub workspace: Uuid,
    pub position: i64,
    pub names: &'a [u8],
    pub version: i64,
    pub event_id: Uuid,
    pub schema: i32,
    pub recorded_at: DateTime<Utc>,
    /// Digests.
    pub data: &'a Hash,
    pub metadata: &'a Hash,
}

pub(crate) fn hash(previous: &Hash, parts: &Parts) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(previous);
    hasher.update(parts.workspace.as_bytes());
    hasher.update(parts.position.to_be_bytes());
    hasher.update(parts.names);
    hasher.update(parts.version.to_be_bytes());
    hasher.update(parts.event_id.as_bytes());
    hasher.update(parts.schema.to_be_bytes());
    hasher.update(parts.recorded_at.timestamp_micros().to_be_bytes());
    hasher.update(parts.data);
    hasher.update(parts.metadata);
    hasher.finalize().into()
}

/// The event's hash, chained to the one before. The event's own `hash` field is not read.
pub fn link(previous: &Hash, event: &Recorded) -> Hash {
    let parts = Parts {
        workspace: event.workspace,
        position: event.position,
        names: &names(&event.category, &event.event_type, event.stream_id),
        version: event.version,
        event_id: event.event_id,
        schema: event.schema,
        recorded_at: event.recorded_at,
        data: &digest(&event.data),
        metadata: &digest(&event.metadata),
    };
    hash(previous, &parts)
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
