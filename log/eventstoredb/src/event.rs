//! Events in the protocol's words.

use crate::{
    house::Shown,
    protocol::event_store::client::{
        self, StreamIdentifier,
        streams::{
            ReadResp,
            read_resp::{
                self, CaughtUp, Checkpoint, Content, ReadEvent, StreamNotFound, SubscriptionConfirmation,
                read_event::{Position, RecordedEvent},
            },
        },
        uuid::{Structured, Value},
    },
    stream::Source,
};
use chrono::{DateTime, Utc};
use log::Recorded;
use prost_types::Timestamp;
use std::collections::HashMap;
use uuid::Uuid;

/// How a client wants ids written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    Structured,
    Text,
}

impl Ids {
    pub fn write(self, id: Uuid) -> client::Uuid {
        let value = match self {
            Self::Structured => {
                let (most, least) = id.as_u64_pair();
                Value::Structured(Structured {
                    most_significant_bits: most.cast_signed(),
                    least_significant_bits: least.cast_signed(),
                })
            }
            Self::Text => Value::String(id.to_string()),
        };
        client::Uuid { value: Some(value) }
    }
}

/// The log counts from 1, a stream's revisions from 0; a position is the same in both.
pub fn revision(version: i64) -> u64 {
    u64::try_from(version - 1).unwrap_or(0)
}

pub fn position(position: i64) -> u64 {
    u64::try_from(position).unwrap_or(0)
}

/// An event; in a stream that is made of many, beside the link that stands for it there: its revision is the log's position,
/// and reading goes on from that.
pub fn event(source: &Source, name: &str, recorded: &Recorded, shown: Shown, ids: Ids) -> ReadResp {
    let link = source.is_of_many().then(|| RecordedEvent {
        id: Some(ids.write(recorded.event_id)),
        stream_identifier: Some(identifier(name)),
        stream_revision: position(recorded.position),
        prepare_position: position(recorded.position),
        commit_position: position(recorded.position),
        metadata: system("$>", "application/octet-stream", recorded.recorded_at),
        custom_metadata: bytes::Bytes::new(),
        data: format!("{}@{}", revision(recorded.version), shown.stream).into(),
    });
    let event = RecordedEvent {
        id: Some(ids.write(shown.id)),
        stream_identifier: Some(identifier(&shown.stream)),
        stream_revision: revision(recorded.version),
        prepare_position: position(recorded.position),
        commit_position: position(recorded.position),
        metadata: system(&shown.event_type, &shown.content_type, recorded.recorded_at),
        custom_metadata: shown.metadata.into(),
        data: shown.data.into(),
    };
    content(Content::Event(ReadEvent {
        event: Some(event),
        link,
        position: Some(Position::CommitPosition(position(recorded.position))),
    }))
}

pub fn not_found(name: &str) -> ReadResp {
    content(Content::StreamNotFound(StreamNotFound {
        stream_identifier: Some(identifier(name)),
    }))
}

/// Where a stream ends, of which that is the last event.
pub fn end(last: &Recorded) -> ReadResp {
    content(Content::LastStreamPosition(revision(last.version)))
}

pub fn confirmation() -> ReadResp {
    content(Content::Confirmation(SubscriptionConfirmation {
        subscription_id: Uuid::now_v7().to_string(),
    }))
}

pub fn checkpoint(at: i64) -> ReadResp {
    content(Content::Checkpoint(Checkpoint {
        commit_position: position(at),
        prepare_position: position(at),
        timestamp: Some(now()),
    }))
}

/// All there was has been told, up to there; 0: there was nothing.
pub fn caught_up(source: &Source, place: i64) -> ReadResp {
    let (mut stream_revision, mut at) = (None, None);
    match source {
        _ if place < 1 => {}
        Source::One { .. } | Source::Nothing => stream_revision = Some(place - 1),
        Source::Category(_) | Source::Type(_) => stream_revision = Some(place),
        Source::All => {
            at = Some(read_resp::Position {
                commit_position: position(place),
                prepare_position: position(place),
            });
        }
    }
    content(Content::CaughtUp(CaughtUp {
        timestamp: Some(now()),
        stream_revision,
        position: at,
    }))
}

fn content(content: Content) -> ReadResp {
    ReadResp { content: Some(content) }
}

fn identifier(name: &str) -> StreamIdentifier {
    StreamIdentifier {
        stream_name: name.to_owned().into(),
    }
}

/// What clients read an event's type, form and time from; the time in 100 ns since 1970.
fn system(event_type: &str, content_type: &str, at: DateTime<Utc>) -> HashMap<String, String> {
    let ticks = at.timestamp_micros().saturating_mul(10);
    HashMap::from([
        ("type".to_owned(), event_type.to_owned()),
        ("content-type".to_owned(), content_type.to_owned()),
        ("created".to_owned(), ticks.to_string()),
    ])
}

fn now() -> Timestamp {
    let now = Utc::now();
    Timestamp {
        seconds: now.timestamp(),
        nanos: i32::try_from(now.timestamp_subsec_nanos()).unwrap_or(0),
    }
}
