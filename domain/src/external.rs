//! What an outside system has appended to a stream of its own in a workspace's log: `external-…`, by the protocol of EventStoreDB.
//! It is kept as it came and means nothing to the rules here; whoever reads the log finds it among all that happened.

use crate::{Aggregate, Choice, Event, Permission, Rejection, id::ExternalId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use strum::{IntoStaticStr, VariantArray};
use uuid::Uuid;

// Vocabulary

#[derive(Debug, Clone)]
pub enum ExternalCommand {
    /// All of them or none. The command names its effect by the ids of its events: a repeat appends nothing.
    Append { expected: Expected, events: Vec<Appended> },
}

/// Where the stream should stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    Any,
    NoStream,
    StreamExists,
    /// That of its last event: 0, 1, 2, …
    Revision(u64),
}

/// How bytes are written in JSON.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Choice, IntoStaticStr, VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[schemars(extend("x-extensible" = true))]
pub enum Encoding {
    Text,
    Base64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Appended {
    /// As the outside calls it.
    pub stream: String,
    pub event_id: Uuid,
    pub event_type: String,
    pub content_type: String,
    /// Of `data` and `metadata`.
    pub encoding: Encoding,
    pub data: String,
    pub metadata: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum ExternalEvent {
    #[serde(rename = "external.appended")]
    Appended(Appended),
}

impl Event for ExternalEvent {}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Rejection)]
pub enum ExternalRejection {
    #[error("the stream has {length} events")]
    #[rejection(Conflict, "external.stands_elsewhere")]
    StandsElsewhere { length: u64 },
}

// Rules

impl Aggregate for External {
    const NAME: &'static str = "external";
    type Id = ExternalId;
    type Command = ExternalCommand;
    type Event = ExternalEvent;
    type Rejection = ExternalRejection;

    fn permission(_command: &ExternalCommand) -> Permission {
        Permission::ExternalAppend
    }

    fn decide(&self, command: &ExternalCommand) -> Result<Vec<ExternalEvent>, ExternalRejection> {
        let ExternalCommand::Append { expected, events } = command;
        let repeated = self.repeated(events);
        // How many events should be there; of those who do not say, as many as there are.
        let wanted = match expected {
            Expected::Any => self.length,
            Expected::StreamExists => self.length.max(1),
            Expected::NoStream => 0,
            Expected::Revision(revision) => revision.saturating_add(1),
        };
        let says_where = matches!(expected, Expected::NoStream | Expected::Revision(_));
        match repeated {
            Some(began) if !says_where || began == wanted => Ok(vec![]),
            // Who does not say where appends nothing twice, not in part either.
            None if !says_where && events.iter().any(|event| self.place(event.event_id).is_some()) => {
                Err(ExternalRejection::StandsElsewhere { length: self.length })
            }
            _ if self.length == wanted => Ok(events.iter().cloned().map(ExternalEvent::Appended).collect()),
            _ => Err(ExternalRejection::StandsElsewhere { length: self.length }),
        }
    }

    fn evolve(mut self, ExternalEvent::Appended(appended): &ExternalEvent) -> Self {
        self.length += 1;
        self.recent.push_back(appended.event_id);
        if self.recent.len() > RECENT_MAX {
            self.recent.pop_front();
        }
        self
    }
}

impl External {
    /// How many events there were before these, if it is these that were appended then.
    fn repeated(&self, events: &[Appended]) -> Option<u64> {
        let began = self.place(events.first()?.event_id)?;
        let known = self.recent.iter().skip(began);
        let is_repeat = events.len() <= self.recent.len() - began
            && known.zip(events).all(|(known, event)| *known == event.event_id);
        is_repeat.then(|| self.forgotten() + began as u64)
    }

    /// The revision of an event, while its id is remembered.
    pub fn revision(&self, event: Uuid) -> Option<u64> {
        Some(self.forgotten() + self.place(event)? as u64)
    }

    pub fn length(&self) -> u64 {
        self.length
    }

    fn place(&self, event: Uuid) -> Option<usize> {
        self.recent.iter().rposition(|known| *known == event)
    }

    fn forgotten(&self) -> u64 {
        self.length - self.recent.len() as u64
    }
}

// Memory

/// The ids of so many events are remembered: a repeat comes soon, or after an answer that was lost.
const RECENT_MAX: usize = 1_000;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct External {
    length: u64,
    /// Of the last events, in order.
    recent: VecDeque<Uuid>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{given, sample};

    fn event(id: u128) -> Appended {
        let ExternalEvent::Appended(event) = sample("external.appended.v1");
        Appended {
            event_id: Uuid::from_u128(id),
            ..event
        }
    }

    fn past(ids: &[u128]) -> Vec<ExternalEvent> {
        ids.iter().map(|id| ExternalEvent::Appended(event(*id))).collect()
    }

    fn append(expected: Expected, ids: &[u128]) -> ExternalCommand {
        ExternalCommand::Append {
            expected,
            events: ids.iter().map(|id| event(*id)).collect(),
        }
    }

    #[test]
    fn events_are_appended_where_the_stream_is_expected_to_stand() {
        use Expected::*;
        for (there, expected, appended) in [
            (&[][..], Any, &[7][..]),
            (&[], NoStream, &[7, 8]),
            (&[1], Any, &[7]),
            (&[1], StreamExists, &[7]),
            (&[1, 2], Revision(1), &[7]),
            (&[1], Any, &[]),
        ] {
            given::<External>(past(there))
                .when(append(expected, appended))
                .then(past(appended));
        }
    }

    #[test]
    fn a_repeat_appends_nothing_and_says_where_it_was() {
        use Expected::*;
        for (expected, ids) in [
            (Any, &[2, 3][..]),
            (StreamExists, &[3]),
            (Revision(0), &[2, 3]),
            (NoStream, &[1]),
        ] {
            given::<External>(past(&[1, 2, 3])).when(append(expected, ids)).then([]);
        }
        let stream = past(&[1, 2, 3]).iter().fold(External::default(), External::evolve);
        let revision = |id| stream.revision(Uuid::from_u128(id));
        assert_eq!([revision(1), revision(3), revision(4)], [Some(0), Some(2), None]);
    }

    #[test]
    fn a_stream_that_stands_elsewhere_says_where() {
        use Expected::*;
        for (there, expected, ids) in [
            (&[][..], StreamExists, &[7][..]),
            (&[], Revision(0), &[7]),
            (&[1], NoStream, &[7]),
            (&[1, 2], Revision(0), &[7]),
            (&[1, 2], Revision(2), &[7]),
            (&[1, 2], Revision(u64::MAX), &[7]),
            // Some of them were there, in another order or elsewhere.
            (&[1, 2], Revision(0), &[1]),
            (&[1, 2], NoStream, &[1, 3]),
            (&[1, 2], Any, &[1, 3]),
            (&[1, 2], Any, &[3, 2]),
        ] {
            given::<External>(past(there))
                .when(append(expected, ids))
                .then_rejected(ExternalRejection::StandsElsewhere {
                    length: there.len() as u64,
                });
        }
    }

    #[test]
    fn only_the_last_ids_are_remembered() {
        let ids: Vec<u128> = (1..=RECENT_MAX as u128 + 5).collect();
        let stream = past(&ids).iter().fold(External::default(), External::evolve);
        let revision = |id| stream.revision(Uuid::from_u128(id));
        assert_eq!([revision(5), revision(6)], [None, Some(5)]);
        assert_eq!(stream.length(), RECENT_MAX as u64 + 5);
    }
}
