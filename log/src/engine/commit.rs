//! A commit as it is stored with an engine: all that a batch has changed in one workspace, so that the tables can be made from
//! commits alone. Version 1 is one JSON object in UTF-8:
//!
//! ```text
//! {"format":"prometric.commit","version":1,"workspace":"…","number":7,"at":"2026-01-01T00:00:00.000001Z",
//!  "first":12,"previous":"00…",
//!  "events":[{"position":12,"category":"deal","stream":"…","version":1,"id":"…","type":"deal.created","schema":1,
//!             "data":"{…}","metadata":"{…}","recordedAt":"…","hash":"…"}],
//!  "claims":[{"kind":"customer.bin","key":"…","stream":"…","taken":true}],
//!  "numbers":[{"series":"DL","year":2026,"last":3}],
//!  "commands":[{"id":"…","requestHash":"…","first":12,"last":12,"answer":""}],
//!  "hash":"…"}
//! ```
//!
//! - `number`: 1, 2, 3, … within the workspace; the entry's revision is `number` - 1.
//! - `at`: when it was decided, by the database's clock; command ids age from there.
//! - `first`: the position of its first event, or that which the next event will have; `previous` is the hash of the position before.
//! - `events`: as in an export file (keeping/file.rs). `data` and `metadata` are strings, since what was hashed is their bytes.
//! - `claims`: keys that change, each once: taken by a stream, or given back by it.
//! - `numbers`: the counters that moved, with the last number given.
//! - `commands`: command ids with the positions of what they did, here or before; without an event, `last` = `first` - 1.
//! - `hash`: of its last event; without events `previous`.
//!
//! Unknown fields and other versions are refused, not guessed at. A commit that is decoded is whole: its positions are dense, its
//! hashes are those of its events, chained to `previous`.

use crate::{
    Recorded,
    append::{EVENTS_MAX, KEY_BYTES_MAX, NAME_BYTES_MAX},
    chain::{Hash, link},
    keeping::EventLine,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use uuid::Uuid;

/// Written into every commit.
const FORMAT: &str = "prometric.commit";
/// The version that is written, and the only one that is read.
const VERSION: u32 = 1;
/// The longest text of a commit. Engines take a megabyte at once, unless they are told otherwise.
pub const COMMIT_BYTES_MAX: usize = 1_000_000;

/// What a batch has changed in one workspace.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    pub workspace: Uuid,
    /// 1, 2, 3, … within the workspace.
    pub number: i64,
    pub at: DateTime<Utc>,
    /// The position of its first event, or that of the next one.
    pub first: i64,
    /// The hash of the position before.
    pub previous: [u8; 32],
    /// In the order of positions.
    pub events: Vec<Recorded>,
    pub claims: Vec<KeyMove>,
    pub numbers: Vec<NumberMove>,
    pub commands: Vec<RecordedCommand>,
}

/// A key that is taken or given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyMove {
    pub kind: String,
    pub key: String,
    pub stream: Uuid,
    pub taken: bool,
}

/// A counter and the last number given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumberMove {
    pub series: String,
    pub year: i32,
    pub last: i64,
}

/// A command id with what it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordedCommand {
    pub id: Uuid,
    #[serde(with = "hex::serde")]
    pub request_hash: [u8; 32],
    pub first: i64,
    pub last: i64,
    pub answer: String,
}

/// Why bytes are no commit that could be taken over.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    #[error("not a commit of this format")]
    Malformed(#[from] serde_json::Error),
    #[error("format version {found}; this program reads version {VERSION}")]
    Version { found: u32 },
    #[error("of workspace {workspace}, commit {number}")]
    Misplaced { workspace: Uuid, number: i64 },
    #[error("position {position} does not follow what is before it")]
    Chain { position: i64 },
    #[error("{what} could not have been written")]
    Unwritable { what: &'static str },
    #[error("{bytes} bytes, of {COMMIT_BYTES_MAX} that an engine takes")]
    TooLong { bytes: usize },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Text {
    format: String,
    version: u32,
    workspace: Uuid,
    number: i64,
    at: DateTime<Utc>,
    first: i64,
    #[serde(with = "hex::serde")]
    previous: Hash,
    events: Vec<EventLine>,
    claims: Vec<KeyMove>,
    numbers: Vec<NumberMove>,
    commands: Vec<RecordedCommand>,
    #[serde(with = "hex::serde")]
    hash: Hash,
}

/// Read first: what another version looks like is not known here.
#[derive(Deserialize)]
struct Versioned {
    format: String,
    version: u32,
}

impl Commit {
    /// The position after it.
    pub fn last(&self) -> i64 {
        self.events.last().map_or(self.first - 1, |event| event.position)
    }

    /// The hash after it.
    pub fn hash(&self) -> [u8; 32] {
        self.events.last().map_or(self.previous, |event| event.hash)
    }

    /// As it is stored.
    pub fn encode(&self) -> Result<String, CommitError> {
        let text = serde_json::to_string(&Text {
            format: FORMAT.to_owned(),
            version: VERSION,
            workspace: self.workspace,
            number: self.number,
            at: self.at,
            first: self.first,
            previous: self.previous,
            events: self.events.iter().cloned().map(EventLine::from).collect(),
            claims: self.claims.clone(),
            numbers: self.numbers.clone(),
            commands: self.commands.clone(),
            hash: self.hash(),
        })?;
        match text.len() {
            bytes if bytes > COMMIT_BYTES_MAX => Err(CommitError::TooLong { bytes }),
            _ => Ok(text),
        }
    }

    /// What was stored, if it is whole. Whether it follows what the replica has is for who takes it over.
    pub fn decode(text: &str) -> Result<Self, CommitError> {
        let Versioned { format, version } = serde_json::from_str(text)?;
        if format != FORMAT || version != VERSION {
            return Err(CommitError::Version { found: version });
        }
        let text: Text = serde_json::from_str(text)?;
        let (workspace, hash) = (text.workspace, text.hash);
        let commit = Self {
            workspace,
            number: text.number,
            at: text.at,
            first: text.first,
            previous: text.previous,
            events: text.events.into_iter().map(|event| event.of(workspace)).collect(),
            claims: text.claims,
            numbers: text.numbers,
            commands: text.commands,
        };
        commit.check_bounds()?;
        commit.check_chain(&hash)?;
        commit.check_writable()?;
        Ok(commit)
    }

    /// First, for the rest counts with these.
    fn check_bounds(&self) -> Result<(), CommitError> {
        let most = i64::try_from(EVENTS_MAX).unwrap_or(i64::MAX);
        must(self.number > 0 && self.first > 0, "a number below 1")?;
        must(self.first < i64::MAX - most, "a position beyond all")?;
        must(self.events.len() <= EVENTS_MAX, "so many events")
    }

    fn check_chain(&self, hash: &Hash) -> Result<(), CommitError> {
        let mut previous = self.previous;
        for (event, position) in self.events.iter().zip(self.first..) {
            if event.position != position || link(&previous, event) != event.hash {
                return Err(CommitError::Chain { position });
            }
            previous = event.hash;
        }
        match previous == *hash {
            true => Ok(()),
            false => Err(CommitError::Chain { position: self.last() }),
        }
    }

    /// What no append of ours could have made, and the tables would not take.
    fn check_writable(&self) -> Result<(), CommitError> {
        let commands = || self.commands.iter();
        let within = |command: &RecordedCommand| command.first > 0 && command.last <= self.last();
        must(commands().all(within), "a command elsewhere")?;
        must(self.numbers.iter().all(|number| number.last > 0), "a number below 1")?;
        let short = |claim: &KeyMove| claim.key.len() <= KEY_BYTES_MAX && claim.kind.len() <= NAME_BYTES_MAX;
        must(self.claims.iter().all(short), "so long a key")?;
        must(
            once(self.claims.iter().map(|claim| (&claim.kind, &claim.key))),
            "a key twice",
        )?;
        must(
            once(self.numbers.iter().map(|number| (&number.series, number.year))),
            "a counter twice",
        )?;
        must(once(commands().map(|command| command.id)), "a command id twice")?;
        let of_events = self
            .events
            .iter()
            .flat_map(|event| [&event.category, &event.event_type, &event.data, &event.metadata]);
        let mut texts = of_events
            .chain(self.claims.iter().flat_map(|claim| [&claim.kind, &claim.key]))
            .chain(self.numbers.iter().map(|number| &number.series))
            .chain(commands().map(|command| &command.answer));
        must(!texts.any(|text| text.contains('\0')), "a text with NUL")
    }
}

fn must(holds: bool, what: &'static str) -> Result<(), CommitError> {
    match holds {
        true => Ok(()),
        false => Err(CommitError::Unwritable { what }),
    }
}

fn once<T: std::hash::Hash + Eq>(things: impl IntoIterator<Item = T>) -> bool {
    let mut seen = HashSet::new();
    things.into_iter().all(|thing| seen.insert(thing))
}

#[cfg(test)]
mod tests;
