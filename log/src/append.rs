//! What an append asks for, and what it may be told.

use crate::{Metadata, PersonalError, ReadError, Recorded, Shared, Stream};
use std::{collections::HashSet, sync::Arc};
use uuid::Uuid;

/// The most events one append may carry.
pub const EVENTS_MAX: usize = 10_000;
/// The most bytes of JSON one event may hold; with its headers it still fits a NATS message.
pub const EVENT_BYTES_MAX: usize = 1_000_000;
/// The most bytes of JSON one append may hold.
pub const APPEND_BYTES_MAX: usize = 32_000_000;
/// The most streams, guards and claims of one append, each.
pub const TOUCHED_MAX: usize = 10_000;
/// The most bytes of a claim's key; PostgreSQL indexes no more than about 2,700.
pub const KEY_BYTES_MAX: usize = 1_000;
/// The most bytes of a category, an event's type or a claim's kind.
pub const NAME_BYTES_MAX: usize = 200;
/// The most bytes of an answer, and of the metadata.
pub const ANSWER_BYTES_MAX: usize = 100_000;

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

impl Number {
    /// `DL-2026-0001`.
    pub(crate) fn text(self, year: i32, number: i64) -> String {
        format!("{}-{year}-{number:04}", self.series)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub kind: &'static str,
    pub key: String,
    /// The stream that owns the key from now on, or gives it back; only its owner can.
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
    pub events: Vec<Arc<Shared>>,
    /// The first one's answer, when this is a repeat.
    pub repeated: Option<String>,
}

impl Appended {
    /// The events, for whoever keeps them.
    pub fn recorded(&self) -> Vec<Recorded> {
        self.events.iter().map(|event| Recorded::clone(event)).collect()
    }
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
    /// The append could never be written; a mistake of its maker and not of a user.
    #[error("{0}")]
    Malformed(&'static str),
    /// Personal values cannot be sealed, or a repeat's not opened; nothing was written.
    #[error(transparent)]
    Personal(PersonalError),
    /// The workspace was closed: it lives on in another database.
    #[error("the workspace is closed here")]
    Closed,
    #[error("too many appends wait")]
    Overloaded,
    /// Nothing was written.
    #[error("the store cannot be reached")]
    Unavailable(#[from] sqlx::Error),
    /// The store is there and will not have it, now or later; nothing was written.
    #[error("the store refuses it")]
    Refused(#[source] sqlx::Error),
    /// What it needs to know cannot be read; nothing was written.
    #[error("the log is damaged")]
    Damaged(#[source] ReadError),
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
    /// What must hold whatever the log says, so that nothing in here can fail a whole batch.
    pub(crate) fn check(&self) -> Result<(), AppendError> {
        let events = || self.streams.iter().flat_map(|stream| &stream.events);
        let limit = |what, length: usize, max| match length <= max {
            true => Ok(()),
            false => Err(AppendError::Limit { what, max }),
        };
        limit("events per append", self.event_count(), EVENTS_MAX)?;
        limit("bytes per append", self.bytes(), APPEND_BYTES_MAX)?;
        limit("streams per append", self.streams.len(), TOUCHED_MAX)?;
        limit("guards per append", self.guards.len(), TOUCHED_MAX)?;
        limit("claims per append", self.claims.len(), TOUCHED_MAX)?;
        limit("bytes of the answer", self.answer.len(), ANSWER_BYTES_MAX)?;
        for event in events() {
            limit("bytes per event", event.data.len(), EVENT_BYTES_MAX)?;
            limit("bytes of an event's type", event.event_type.len(), NAME_BYTES_MAX)?;
        }
        for StreamAppend { stream, .. } in &self.streams {
            limit("bytes of a category", stream.category.len(), NAME_BYTES_MAX)?;
        }
        for claim in &self.claims {
            limit("bytes of a claim's key", claim.key.len(), KEY_BYTES_MAX)?;
            limit("bytes of a claim's kind", claim.kind.len(), NAME_BYTES_MAX)?;
        }
        let expected = self.streams.iter().filter_map(|stream| stream.expected);
        if expected
            .chain(self.guards.iter().map(|guard| guard.version))
            .any(|version| version < 0)
        {
            return Err(AppendError::Malformed("a version is negative"));
        }
        let of_events = events().flat_map(|event| [&event.event_type, &event.data]);
        let mut texts = of_events
            .chain(self.claims.iter().map(|claim| &claim.key))
            .chain([&self.answer]);
        if texts.any(|text| text.contains('\0')) {
            return Err(AppendError::Malformed(
                "a text holds NUL, which PostgreSQL cannot store",
            ));
        }
        if self.streams_repeat() {
            return Err(AppendError::Malformed("a stream stands twice"));
        }
        Ok(())
    }

    fn streams_repeat(&self) -> bool {
        let mut seen = HashSet::with_capacity(self.streams.len());
        !self.streams.iter().all(|stream| seen.insert(stream.stream.id))
    }

    pub(crate) fn bytes(&self) -> usize {
        let events = self.streams.iter().flat_map(|stream| &stream.events);
        events.map(|event| event.data.len()).sum()
    }

    pub(crate) fn event_count(&self) -> usize {
        self.streams.iter().map(|stream| stream.events.len()).sum()
    }
}
