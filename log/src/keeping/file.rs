//! The file that holds a workspace's log outside the database: a whole workspace (an export) or a stretch of its
//! positions (a segment of an archive). Written and read as a stream: a line is all that is ever in memory.
//!
//! Format version 1 is UTF-8 text, one JSON object a line, every line ended by one `\n`, none longer than
//! [`LINE_BYTES_MAX`]:
//!
//! ```text
//! {"header":{"format":"prometric.log","version":1,"kind":"workspace","workspace":"…","first":1,"last":2,"previous":"00…","rows":1}}
//! {"event":{"position":1,"category":"deal","stream":"…","version":1,"id":"…","type":"deal.created","schema":1,
//!           "data":"{…}","metadata":"{…}","recordedAt":"2026-01-01T00:00:00.000001Z","hash":"…"}}
//! {"row":{"table":"claims","row":{…}}}
//! {"trailer":{"events":2,"rows":1,"hash":"…","sha256":"…"}}
//! ```
//!
//! - *header*: `first` to `last` are the positions that follow, `last` = `first` - 1 when there are none; `previous` is
//!   the hash that the first event is chained to, zeros at position 1.
//! - *event*: in the order of positions. `data` and `metadata` are strings, since what was hashed is their bytes. The
//!   workspace is the header's: events of another one cannot be in the file.
//! - *row*: a row of a table beside the events (`claims`, `numbers`, `commands`, `person_keys`), by column, less its workspace. Only in
//!   a file of kind `workspace`.
//! - *trailer*: what came, the last event's hash, and the SHA-256 of every byte before this line.
//!
//! Hashes are in lower-case hex. Unknown fields and other versions are refused, not guessed at.

mod reader;
mod writer;

pub use reader::FileReader;
pub(super) use writer::FileWriter;

use crate::{ChainError, Recorded, append::EVENT_BYTES_MAX};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

/// Written into every header.
pub const FORMAT: &str = "prometric.log";
/// The version that is written, and the only one that is read.
pub const VERSION: u32 = 1;
/// The longest line. The longest event there can be, with each of its bytes escaped, is shorter.
pub const LINE_BYTES_MAX: usize = 4 * EVENT_BYTES_MAX;

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("the file cannot be read or written")]
    Io(#[from] std::io::Error),
    #[error("line {line}: longer than {LINE_BYTES_MAX} bytes")]
    TooLong { line: u64 },
    #[error("line {line}: not a line of this format")]
    Malformed { line: u64, source: serde_json::Error },
    #[error("line {line}: out of order")]
    Misplaced { line: u64 },
    #[error("line 1: not a file of Prometric's log")]
    NotALog,
    #[error("line 1: format version {found}; this program reads version {VERSION}")]
    Version { found: u32 },
    #[error("line 1: positions {first} to {last} are no stretch of a log")]
    Range { first: i64, last: i64 },
    #[error("line {line}: the file ends before its trailer")]
    Truncated { line: u64 },
    #[error("line {line}: more follows the trailer")]
    Excess { line: u64 },
    #[error("line {line}: {source}")]
    Chain { line: u64, source: ChainError },
    #[error("line {line}: position {position} holds no JSON object")]
    NotAnObject { line: u64, position: i64 },
    #[error("line {line}: {promised} {what} were promised, {found} came")]
    Count {
        line: u64,
        what: &'static str,
        promised: i64,
        found: i64,
    },
    #[error("line {line}: the trailer names another last hash than the events have")]
    Head { line: u64 },
    #[error("line {line}: the bytes before it have another SHA-256 than it says")]
    Digest { line: u64 },
}

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// A whole workspace, from position 1, with the rows beside its events.
    Workspace,
    /// Events alone.
    Segment,
}

/// A file's first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Header {
    pub format: String,
    pub version: u32,
    pub kind: Kind,
    pub workspace: Uuid,
    pub first: i64,
    pub last: i64,
    #[serde(with = "hex::serde")]
    pub previous: [u8; 32],
    pub rows: i64,
}

impl Header {
    pub(super) fn events(&self) -> i64 {
        self.last - self.first + 1
    }
}

/// What lies between header and trailer.
#[derive(Debug)]
pub enum Item {
    Event(Recorded),
    Row(Row),
}

/// A row of one of the log's other tables.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    pub table: String,
    /// By column, without `workspace_id`.
    pub row: Box<RawValue>,
}

/// A file that was written or read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    pub header: Header,
    /// Of the last event.
    pub hash: [u8; 32],
    /// Of the whole file, as `sha256sum` tells it.
    pub sha256: [u8; 32],
    /// The whole file's size.
    pub bytes: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Line {
    Header(Header),
    Event(EventLine),
    Row(Row),
    Trailer(Trailer),
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EventLine {
    position: i64,
    category: String,
    stream: Uuid,
    version: i64,
    id: Uuid,
    #[serde(rename = "type")]
    event_type: String,
    schema: i32,
    data: String,
    metadata: String,
    recorded_at: DateTime<Utc>,
    #[serde(with = "hex::serde")]
    hash: [u8; 32],
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Trailer {
    events: i64,
    rows: i64,
    #[serde(with = "hex::serde")]
    hash: [u8; 32],
    #[serde(with = "hex::serde")]
    sha256: [u8; 32],
}

impl From<Recorded> for EventLine {
    fn from(event: Recorded) -> Self {
        Self {
            position: event.position,
            category: event.category,
            stream: event.stream_id,
            version: event.version,
            id: event.event_id,
            event_type: event.event_type,
            schema: event.schema,
            data: event.data,
            metadata: event.metadata,
            recorded_at: event.recorded_at,
            hash: event.hash,
        }
    }
}

impl EventLine {
    pub(crate) fn of(self, workspace: Uuid) -> Recorded {
        Recorded {
            workspace,
            position: self.position,
            category: self.category,
            stream_id: self.stream,
            version: self.version,
            event_id: self.id,
            event_type: self.event_type,
            schema: self.schema,
            data: self.data,
            metadata: self.metadata,
            recorded_at: self.recorded_at,
            hash: self.hash,
        }
    }
}

#[cfg(test)]
mod tests;
