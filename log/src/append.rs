//! What an append asks for, and what it may be told.

use crate::{Metadata, PersonalError, Recorded, Stream};
use uuid::Uuid;

/// The most events one append may carry.
pub const EVENTS_MAX: usize = 10_000;
/// The most bytes of JSON one event may hold; with its headers it still fits a NATS message.
pub const EVENT_BYTES_MAX: usize = 1_000_000;

/// Events for one or more streams of one workspace, with everything that must hold at that same instant.
#[derive(Debug, Clone)]
pub struct Append {
    pub workspace: Uuid,
    pub streams: Vec<StreamAppend>,
    /// Unique keys taken or released.
    pub claims: Vec<Claim>,
    /// Versions of other streams that the decision read.
    pub guards: Vec<Guard>,
    /// Makes a repeat answer what the first one did.
    pub command: Option<CommandId>,
    /// What to tell a repeat besides the events; any text.
    pub answer: String,
    /// The year that numbers are taken from.
    pub number_year: i32,
    pub metadata: Metadata,
}

#[derive(Debug, Clone)]
pub struct StreamAppend {
    pub stream: Stream,
    /// The version the decision was made on (0 = no events yet); `None` = any.
    pub expected: Option<i64>,
    pub events: Vec<NewEvent>,
}

#[derive(Debug, Clone)]
pub struct NewEvent {
    pub id: Uuid,
    pub event_type: String,
    pub schema: i32,
    /// A JSON object.
    pub data: String,
    pub number: Option<Number>,
}

/// "Put the next number of this series into that top-level field." Assigned here and nowhere else, hence without gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    pub field: &'static str,
    /// `DL` gives `DL-2026-0001`.
    pub series: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub kind: &'static str,
    pub key: String,
    /// The stream that owns the key.
    pub stream_id: Uuid,
    pub act: ClaimAct,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimAct {
    Take,
    Release,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    pub stream_id: Uuid,
    pub version: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandId {
    pub id: Uuid,
    /// SHA-256 of the request: the same id with another request is a mistake.
    pub request_hash: [u8; 32],
}

/// What was appended; or, for a repeated command, what the first one appended.
#[derive(Debug, Clone, PartialEq)]
pub struct Appended {
    /// The workspace's position after this append.
    pub position: i64,
    /// In order, numbers filled in; empty when a command decided that nothing had to happen.
    pub events: Vec<Recorded>,
    /// The first one's answer, when this is a repeat.
    pub repeated: Option<String>,
}

/// Why an append did not happen. Told to its caller alone; others in the same batch are not touched.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    #[error("stream {stream_id} stands at {actual}, not {expected}")]
    Version {
        stream_id: Uuid,
        expected: i64,
        actual: i64,
    },
    #[error("stream {stream_id} was read at {expected} and stands at {actual}")]
    Guard {
        stream_id: Uuid,
        expected: i64,
        actual: i64,
    },
    #[error("{kind} {key} is taken by {owner}")]
    Claimed {
        kind: &'static str,
        key: String,
        owner: Uuid,
    },
    #[error("the command id was used for another request")]
    CommandReused,
    #[error("{what} exceeds {max}")]
    Limit { what: &'static str, max: usize },
    #[error("an event's data is not a JSON object")]
    NotAnObject,
    /// Personal values cannot be sealed, or a repeat's not opened; nothing was written.
    #[error(transparent)]
    Personal(PersonalError),
    #[error("too many appends wait")]
    Overloaded,
    /// Nothing was written.
    #[error("the store cannot be reached")]
    Unavailable(#[from] sqlx::Error),
    /// The commit was sent and its answer lost: ask again with the command id.
    #[error("whether it was written is not known")]
    Unknown,
}

impl From<PersonalError> for AppendError {
    fn from(error: PersonalError) -> Self {
        match error {
            PersonalError::Database(away) => Self::Unavailable(away),
            other => Self::Personal(other),
        }
    }
}

impl Append {
    pub(crate) fn check(&self) -> Result<(), AppendError> {
        let events = || self.streams.iter().flat_map(|stream| &stream.events);
        if events().count() > EVENTS_MAX {
            return Err(AppendError::Limit {
                what: "events per append",
                max: EVENTS_MAX,
            });
        }
        if events().any(|event| event.data.len() > EVENT_BYTES_MAX) {
            return Err(AppendError::Limit {
                what: "bytes per event",
                max: EVENT_BYTES_MAX,
            });
        }
        Ok(())
    }

    pub(crate) fn bytes(&self) -> usize {
        let events = self.streams.iter().flat_map(|stream| &stream.events);
        events.map(|event| event.data.len()).sum()
    }

    pub(crate) fn event_count(&self) -> usize {
        self.streams.iter().map(|stream| stream.events.len()).sum()
    }
}
