//! An append made ready outside the commit (`Prepared`), and how a batch of them is committed, as one state machine: facts
//! (`facts`), a pure decision on them (`decide`), one statement that writes what was decided (`statement`); `write` puts
//! them together. What one append costs in encoding and digests is paid in its caller's task, but for its number.

mod decide;
mod facts;
mod heads;
mod place;
mod statement;
mod through;
mod write;

pub(crate) use heads::Heads;
pub use heads::Ways;
pub(crate) use through::{Failure, write_through};
pub(crate) use write::{has_code, is_conflict, write};

use crate::{
    Append, AppendError, Appended, Claim, ClaimAct, Recorded, Shared,
    append::{ANSWER_BYTES_MAX, StreamAppend},
    chain,
    personal::Sealed,
    promise::{Promise, Promised},
    wrong::{self, Variant::*},
};
use chrono::{DateTime, Utc};
use serde::de::IgnoredAny;
use std::{
    collections::{BTreeMap, BTreeSet, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
};
use uuid::Uuid;

/// An append with everything computed that does not depend on where the log stands.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub append: Append,
    /// What personal values in it are opened with once they are written.
    pub sealed: Sealed,
    /// Whether it was written, for those behind it.
    pub promised: Promised,
    /// What it builds on.
    pub builds_on: Vec<Promise>,
    /// Hashes of the streams it writes or reads: those of one batch that share any keep their order.
    pub streams: Vec<u64>,
    /// Hashes of its claims and its command: two appends of one batch must not share any.
    pub alone: Vec<u64>,
    /// The size in memory, about.
    pub bytes: usize,
    metadata: String,
    metadata_digest: [u8; 32],
    /// By event, over all streams.
    entries: Vec<Entry>,
    claims: Vec<KeyChange>,
}

#[derive(Debug)]
struct Entry {
    stream: usize,
    names: Vec<u8>,
    data: Data,
}

/// An event's data.
#[derive(Debug, Clone, Copy)]
enum Data {
    /// A number goes in there, at so many bytes.
    Open(usize),
    /// Nothing is missing; its digest.
    Whole([u8; 32]),
}

/// What an append does to one key in the end.
#[derive(Debug)]
struct KeyChange {
    kind: &'static str,
    key: String,
    /// Who has it afterwards; nobody when it is given back.
    taker: Option<Uuid>,
    /// Who gives it back, if somebody does.
    giver: Option<Uuid>,
}

impl Prepared {
    pub fn new(mut append: Append) -> Result<Self, AppendError> {
        append.check()?;
        go_wrong(&mut append);
        let metadata = serde_json::to_string(&append.metadata).map_err(|_| AppendError::Malformed("the metadata"))?;
        if metadata.len() > ANSWER_BYTES_MAX {
            return Err(AppendError::Limit {
                what: "bytes of the metadata",
                max: ANSWER_BYTES_MAX,
            });
        }
        let mut entries = Vec::with_capacity(append.event_count());
        for (stream, StreamAppend { stream: id, events, .. }) in append.streams.iter_mut().enumerate() {
            for event in events {
                let data = match event.number {
                    Some(number) => Data::Open(place::number(&mut event.data, number.field)?),
                    None => {
                        check_json(&event.data)?;
                        Data::Whole(chain::digest(&event.data))
                    }
                };
                entries.push(Entry {
                    stream,
                    names: chain::names(id.category, &event.event_type, id.id),
                    data,
                });
            }
        }
        let claims = key_changes(&append)?;
        Ok(Self {
            streams: streams(&append),
            alone: alone(&append, &claims),
            bytes: 256 + metadata.len() + append.bytes() + 256 * entries.len(),
            metadata_digest: chain::digest(&metadata),
            metadata,
            entries,
            claims,
            append,
            sealed: Sealed::default(),
            promised: Promised::new(),
            builds_on: vec![],
        })
    }

    pub fn with_sealed(self, sealed: Sealed) -> Self {
        Self { sealed, ..self }
    }

    /// Decided on what those will leave.
    pub fn on(self, builds_on: Vec<Promise>) -> Self {
        Self { builds_on, ..self }
    }

    pub fn event_count(&self) -> usize {
        self.entries.len()
    }

    /// What the caller is told.
    pub fn settle(self, verdict: Verdict) -> Result<Outcome, AppendError> {
        match verdict {
            Verdict::Written(placed) => Ok(Outcome::Written(self.recorded(placed))),
            Verdict::Repeated => Ok(Outcome::Repeated),
            Verdict::Reused => Err(AppendError::CommandReused),
            Verdict::Closed => Err(AppendError::Closed),
            Verdict::Unknown => Err(AppendError::Unknown),
            Verdict::Elsewhere { nth, actual } => Err(self.elsewhere(nth, actual)),
            Verdict::Unfounded => Err(self.elsewhere(0, 0)),
            Verdict::Claimed { nth, owner } => Err(match self.claims.into_iter().nth(nth) {
                Some(KeyChange { kind, key, .. }) => AppendError::Claimed { kind, key, owner },
                None => AppendError::Unknown,
            }),
        }
    }

    fn elsewhere(&self, nth: usize, actual: i64) -> AppendError {
        let Append { streams, guards, .. } = &self.append;
        if let Some(StreamAppend { stream, expected, .. }) = streams.get(nth) {
            return AppendError::Version {
                stream_id: stream.id,
                expected: expected.unwrap_or(actual),
                actual,
            };
        }
        match guards.get(nth - streams.len()) {
            Some(guard) => AppendError::Guard {
                stream_id: guard.stream_id,
                expected: guard.version,
                actual,
            },
            None => AppendError::Unknown,
        }
    }

    /// The series that it takes numbers from, each with its year.
    fn series(&self) -> BTreeSet<(&'static str, i32)> {
        let events = self.append.streams.iter().flat_map(|stream| &stream.events);
        let series = events.filter_map(|event| event.number);
        series.map(|number| (number.series, self.append.number_year)).collect()
    }

    /// Its events as they were placed.
    fn events(&self, placed: &Placed) -> impl Iterator<Item = Recorded> {
        let streams = self.append.streams.iter();
        let events = streams.flat_map(|stream| stream.events.iter().map(move |event| (stream.stream, event)));
        let placed_events = events.zip(&placed.events).zip(placed.first()..);
        placed_events.map(|(((stream, event), chained), position)| Recorded {
            workspace: self.append.workspace,
            position,
            category: stream.category.to_owned(),
            stream_id: stream.id,
            version: chained.version,
            event_id: event.id,
            event_type: event.event_type.clone(),
            schema: event.schema,
            data: chained.numbered.as_ref().unwrap_or(&event.data).clone(),
            metadata: self.metadata.clone(),
            recorded_at: placed.recorded_at,
            hash: chained.hash,
        })
    }

    fn recorded(self, placed: Placed) -> Appended {
        let workspace = self.append.workspace;
        let streams = self.append.streams.into_iter();
        let events = streams
            .flat_map(|StreamAppend { stream, events, .. }| events.into_iter().map(move |event| (stream, event)));
        let first = placed.first();
        let recorded = events.zip(placed.events).zip(first..);
        let recorded = recorded.map(|(((stream, event), chained), position)| {
            Shared::new(Recorded {
                workspace,
                position,
                category: stream.category.to_owned(),
                stream_id: stream.id,
                version: chained.version,
                event_id: event.id,
                event_type: event.event_type,
                schema: event.schema,
                data: chained.numbered.unwrap_or(event.data),
                metadata: self.metadata.clone(),
                recorded_at: placed.recorded_at,
                hash: chained.hash,
            })
        });
        Appended {
            position: placed.position,
            events: recorded.collect(),
            repeated: None,
        }
    }
}

/// Some mistakes come down to something that nobody asked for.
fn go_wrong(append: &mut Append) {
    if wrong::is(VersionNotChecked) {
        append.streams.iter_mut().for_each(|stream| stream.expected = None);
    }
    if wrong::is(GuardNotChecked) {
        append.guards.clear();
    }
    if wrong::is(RepeatNotRecognised) {
        append.command = None;
    }
}

/// What the database would refuse, and with it the whole batch.
fn check_json(data: &str) -> Result<(), AppendError> {
    let read = serde_json::from_str::<IgnoredAny>(data);
    read.map(drop)
        .map_err(|_| AppendError::Malformed("an event is not JSON"))
}

/// A key may be given back by one stream and taken by another in the same append: it changes hands.
fn key_changes(append: &Append) -> Result<Vec<KeyChange>, AppendError> {
    let mut changes = BTreeMap::<_, (Option<Uuid>, Option<Uuid>)>::new();
    for Claim {
        kind,
        key,
        stream_id,
        act,
    } in &append.claims
    {
        let (taker, giver) = changes.entry((*kind, key.as_str())).or_default();
        match act {
            ClaimAct::Take if taker.is_some_and(|taker| taker != *stream_id) => {
                return Err(AppendError::Malformed("two streams take the same key"));
            }
            ClaimAct::Take => *taker = Some(*stream_id),
            ClaimAct::Release => {
                *giver = Some(*stream_id);
                *taker = taker.filter(|taker| taker != stream_id);
            }
        }
    }
    let change = |((kind, key), (taker, giver)): ((_, &str), _)| KeyChange {
        kind,
        key: key.to_owned(),
        taker,
        giver,
    };
    Ok(changes.into_iter().map(change).collect())
}

fn streams(append: &Append) -> Vec<u64> {
    let written = append.streams.iter().map(|stream| stream.stream.id);
    let read = append.guards.iter().map(|guard| guard.stream_id);
    written
        .chain(read)
        .map(|stream| hash_of(append, ("stream", stream)))
        .collect()
}

fn alone(append: &Append, claims: &[KeyChange]) -> Vec<u64> {
    let claims = claims
        .iter()
        .map(|claim| hash_of(append, ("claim", claim.kind, &claim.key)));
    let command = append.command.map(|command| hash_of(append, ("command", command.id)));
    claims.chain(command).collect()
}

fn hash_of(append: &Append, thing: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    (append.workspace, thing).hash(&mut hasher);
    hasher.finish()
}

pub(crate) enum Outcome {
    Written(Appended),
    Repeated,
}

/// What became of one append.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    Written(Placed),
    Repeated,
    Reused,
    /// Its workspace is.
    Closed,
    /// The nth stream (guards after the streams written) is not where it was expected.
    Elsewhere {
        nth: usize,
        actual: i64,
    },
    Claimed {
        nth: usize,
        owner: Uuid,
    },
    /// Something that it builds on was not written.
    Unfounded,
    /// It was sent to the log's engine, and the answer lost.
    Unknown,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Placed {
    /// Of its last event.
    pub position: i64,
    pub recorded_at: DateTime<Utc>,
    pub events: Vec<ChainedEvent>,
}

impl Placed {
    /// Of its first event.
    pub fn first(&self) -> i64 {
        self.position - i64::try_from(self.events.len()).unwrap_or(0) + 1
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ChainedEvent {
    version: i64,
    /// The data with its number, if it got one.
    numbered: Option<String>,
    hash: [u8; 32],
}
