//! One append as its writer means it, and as the log's interface and an event's data say it. From an event in the log
//! follows the operation it belongs to, and from the operation every event it has to have left.

use super::history::now;
use log::{Append, Claim, ClaimAct, CommandId, Guard, Metadata, NewEvent, Number, Stream, StreamAppend};
use rand::{Rng, rngs::StdRng};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub const KIND: &str = "torture.key";
pub const SERIES: [&str; 2] = ["TA", "TB"];
pub const YEAR: i32 = 2026;
const CATEGORY: &str = "torture";

/// Enough to ask for it again in another node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Op {
    pub id: Uuid,
    pub workspace: Uuid,
    pub streams: Vec<OpStream>,
    pub claims: Vec<OpClaim>,
    pub guards: Vec<OpGuard>,
    pub command: Option<OpCommand>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpStream {
    pub id: Uuid,
    /// `None` = any version.
    pub expected: Option<i64>,
    /// One entry an event: the index of the number series it draws from, if any.
    pub events: Vec<Option<usize>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpClaim {
    pub key: String,
    pub stream: Uuid,
    /// Taken, or else released.
    pub take: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpGuard {
    pub stream: Uuid,
    pub version: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OpCommand {
    pub id: Uuid,
    /// Stands for the request's body: the same id with another one is a mistake.
    pub request: u8,
}

/// One that follows from the seed alone.
pub fn uuid(rng: &mut StdRng) -> Uuid {
    Uuid::from_u128(rng.random())
}

/// One as the product makes them: by the time, so that what is new stands together in the indexes.
pub fn fresh(rng: &mut StdRng) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(now() / 1000, &rng.random()).into_uuid()
}

/// What an event's data says: which operation it belongs to, and what its stream then claimed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    pub op: Uuid,
    pub index: usize,
    /// Events of the whole operation.
    pub of: usize,
    pub expected: Option<i64>,
    /// Of this stream, with its first event.
    pub claims: Vec<OpClaim>,
    /// Filled in by the log, if the event asks for one.
    pub number: String,
}

impl Op {
    pub fn new(rng: &mut StdRng, workspace: Uuid) -> Self {
        Self {
            id: fresh(rng),
            workspace,
            streams: vec![],
            claims: vec![],
            guards: vec![],
            command: None,
        }
    }

    /// The same request once more: decided anew, hence with events of its own, under the same command id.
    pub fn again(&self, rng: &mut StdRng) -> Self {
        Self {
            id: fresh(rng),
            ..self.clone()
        }
    }

    /// Its events in order: the stream, whether it is that stream's first, and the series.
    fn flat(&self) -> impl Iterator<Item = (&OpStream, bool, Option<usize>)> {
        self.streams.iter().flat_map(|stream| {
            let events = stream.events.iter().enumerate();
            events.map(move |(nth, series)| (stream, nth == 0, *series))
        })
    }

    pub fn event_count(&self) -> usize {
        self.flat().count()
    }

    pub fn event_id(&self, index: usize) -> Uuid {
        Uuid::from_u128(self.id.as_u128().wrapping_add(1 + index as u128))
    }

    /// The event's stream, series and data, the number still empty.
    pub fn event(&self, index: usize) -> Option<(Uuid, Option<usize>, Tag)> {
        let of = self.event_count();
        self.flat().nth(index).map(|(stream, first, series)| {
            let claims = self.claims.iter().filter(|claim| first && claim.stream == stream.id);
            let tag = Tag {
                op: self.id,
                index,
                of,
                expected: stream.expected,
                claims: claims.cloned().collect(),
                number: String::new(),
            };
            (stream.id, series, tag)
        })
    }

    /// As the log's interface wants it.
    pub fn append(&self) -> Append {
        let events: Vec<NewEvent> = (0..self.event_count())
            .filter_map(|index| self.event(index).map(|event| (index, event)))
            .map(|(index, (_, series, tag))| NewEvent {
                id: self.event_id(index),
                event_type: "torture.happened".to_owned(),
                schema: 1,
                data: serde_json::to_string(&tag).expect("a tag is JSON"),
                number: series.map(|series| Number {
                    field: "number",
                    series: SERIES[series],
                }),
            })
            .collect();
        let mut events = events.into_iter();
        let streams = self.streams.iter().map(|stream| StreamAppend {
            stream: Stream {
                category: CATEGORY,
                id: stream.id,
            },
            expected: stream.expected,
            events: events.by_ref().take(stream.events.len()).collect(),
        });
        Append {
            workspace: self.workspace,
            streams: streams.collect(),
            claims: self.claims.iter().map(claim).collect(),
            guards: self
                .guards
                .iter()
                .map(|guard| Guard {
                    stream_id: guard.stream,
                    version: guard.version,
                })
                .collect(),
            command: self.command.map(|command| CommandId {
                id: command.id,
                request_hash: [command.request; 32],
            }),
            answer: self.id.to_string(),
            number_year: YEAR,
            metadata: Metadata {
                actor: "torture".to_owned(),
                command_id: self.command.map(|command| command.id),
                ..Metadata::default()
            },
        }
    }
}

fn claim(claim: &OpClaim) -> Claim {
    Claim {
        kind: KIND,
        key: claim.key.clone(),
        stream_id: claim.stream,
        act: if claim.take { ClaimAct::Take } else { ClaimAct::Release },
    }
}

/// Does the stream hold the key after these events of it?
pub fn holds(tags: &[Tag], key: &str) -> bool {
    let mut claims = tags.iter().flat_map(|tag| &tag.claims);
    claims.rfind(|claim| claim.key == key).is_some_and(|claim| claim.take)
}
