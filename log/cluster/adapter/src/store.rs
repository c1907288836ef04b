//! The cluster, through crate `eventstore`.

use crate::wire::{Answer, Position, Told};
use eventstore::{
    BatchAppendClient, BatchAppendOptions, Client, Error, EventData, ExpectedRevision, ReadStreamOptions,
    StreamPosition, SubscribeToAllOptions, SubscriptionEvent, SubscriptionFilter,
};
use serde_json::value::RawValue;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Mutex, mpsc::Sender},
    time::timeout,
};
use uuid::Uuid;

/// The type of a commit, for who looks at the cluster.
const TYPE: &str = "prometric.commit";
/// How long an append is waited for before the session is given up: one that the cluster has closed does not say so. Shorter than the
/// product waits, so that its next try has another.
const PATIENCE: Duration = Duration::from_secs(2);
/// As gRPC numbers its codes: the type is not this crate's.
const INVALID_ARGUMENT: i32 = 3;
const ALREADY_EXISTS: i32 = 6;
const PERMISSION_DENIED: i32 = 7;
const FAILED_PRECONDITION: i32 = 9;
const UNAUTHENTICATED: i32 = 16;

pub struct Store {
    client: Client,
    /// All appends go through it, until one fails.
    session: Mutex<Option<Arc<BatchAppendClient>>>,
}

impl Store {
    /// Has spoken to the cluster once.
    pub async fn open(address: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let client = Client::new(address.parse()?)?;
        client.server_info().await?;
        Ok(Self {
            client,
            session: Mutex::new(None),
        })
    }

    pub async fn append(&self, stream: &str, length: u64, entry: Uuid, text: String) -> Told {
        let expected = match length.checked_sub(1) {
            Some(revision) => ExpectedRevision::Exact(revision),
            None => ExpectedRevision::NoStream,
        };
        let event = RawValue::from_string(text).and_then(|text| EventData::json(TYPE, &text));
        let event = match event {
            Ok(event) => event.id(entry),
            Err(error) => return Told::Refused(error.to_string()),
        };
        let session = match self.session().await {
            Ok(session) => session,
            Err(error) => return failed(error),
        };
        let appended = timeout(PATIENCE, session.append_to_stream(stream, expected, vec![event])).await;
        let told = match appended {
            Ok(Ok(_)) => return Told::There,
            Ok(Err(error)) => failed(error),
            Err(_) => Told::Away("it does not answer".to_owned()),
        };
        self.give_up(&session).await;
        told
    }

    /// One that has told of a failure tells of nothing more.
    async fn session(&self) -> Result<Arc<BatchAppendClient>, Error> {
        let mut session = self.session.lock().await;
        match &*session {
            Some(session) => Ok(session.clone()),
            None => {
                let begun = self.client.batch_append(&BatchAppendOptions::default()).await?;
                Ok(session.insert(Arc::new(begun)).clone())
            }
        }
    }

    async fn give_up(&self, failed: &Arc<BatchAppendClient>) {
        let mut session = self.session.lock().await;
        if session.as_ref().is_some_and(|session| Arc::ptr_eq(session, failed)) {
            *session = None;
        }
    }

    pub async fn read(&self, stream: &str, revision: u64, limit: usize, call: u64, tell: &Sender<Answer>) -> Told {
        let options = ReadStreamOptions::default()
            .position(StreamPosition::Position(revision))
            .max_count(limit);
        let mut reading = match self.client.read_stream(stream, &options).await {
            Ok(reading) => reading,
            Err(error) => return no_stream_or(error),
        };
        loop {
            let event = match reading.next().await {
                Ok(Some(event)) => event,
                Ok(None) => return Told::End,
                Err(error) => return no_stream_or(error),
            };
            let event = event.get_original_event();
            let Ok(text) = String::from_utf8(event.data.to_vec()) else {
                return Told::Refused(format!(
                    "{stream} has an event that is no commit at revision {}",
                    event.revision
                ));
            };
            let told = Told::Entry { entry: event.id, text };
            if tell.send(Answer { call, told }).await.is_err() {
                return Told::End;
            }
        }
    }

    /// Never ends well.
    pub async fn follow(&self, prefix: &str, after: Option<Position>, call: u64, tell: &Sender<Answer>) -> Told {
        let position = match after {
            Some(Position { commit, prepare }) => StreamPosition::Position(eventstore::Position { commit, prepare }),
            None => StreamPosition::Start,
        };
        let options = SubscribeToAllOptions::default()
            .position(position)
            .filter(SubscriptionFilter::on_stream_name().add_prefix(prefix));
        let mut subscription = self.client.subscribe_to_all(&options).await;
        loop {
            let told = match subscription.next_subscription_event().await {
                Ok(SubscriptionEvent::EventAppeared(event)) => {
                    let event = event.get_original_event();
                    Told::Seen {
                        stream: event.stream_id.clone(),
                        revision: event.revision,
                        at: position_of(event.position),
                    }
                }
                Ok(SubscriptionEvent::Checkpoint(at)) => Told::Passed(position_of(at)),
                Ok(SubscriptionEvent::CaughtUp) => Told::CaughtUp,
                Ok(_) => continue,
                Err(error) => return Told::Away(error.to_string()),
            };
            if tell.send(Answer { call, told }).await.is_err() {
                return Told::End;
            }
        }
    }
}

fn position_of(position: eventstore::Position) -> Position {
    Position {
        commit: position.commit,
        prepare: position.prepare,
    }
}

fn no_stream_or(error: Error) -> Told {
    match error {
        Error::ResourceNotFound => Told::End,
        error => failed(error),
    }
}

/// What nobody can say is not known: the product looks for its append by the id.
fn failed(error: Error) -> Told {
    let why = error.to_string();
    match error {
        Error::WrongExpectedVersion { .. } => Told::Elsewhere,
        Error::AccessDenied | Error::UnsupportedFeature => Told::Refused(why),
        Error::Grpc { code, .. } => match i32::from(code) {
            ALREADY_EXISTS | FAILED_PRECONDITION => Told::Elsewhere,
            INVALID_ARGUMENT | PERMISSION_DENIED | UNAUTHENTICATED => Told::Refused(why),
            _ => Told::Away(why),
        },
        _ => Told::Away(why),
    }
}
