//! Appending to the streams of outside systems, one at a time (`Append`) or one after the other over one connection
//! (`BatchAppend`). Any other stream is the workspace's own: what happens there is decided by its commands.

use crate::{
    admit::Admitted,
    event::position,
    house::{EXTERNAL, Expected, House, Message, NotWritten, Proposed, Written},
    protocol::{
        event_store::client::{
            self, AccessDenied, AllStreamPosition, BadRequest, MaximumAppendSizeExceeded, StreamIdentifier,
            WrongExpectedVersion as WrongInBatch,
            streams::{
                AppendReq, AppendResp, BatchAppendReq, BatchAppendResp,
                append_req::{self, Content, options::ExpectedStreamRevision},
                append_resp::{
                    self, Success, WrongExpectedVersion, success,
                    wrong_expected_version::{
                        CurrentRevisionOption, CurrentRevisionOption2060, ExpectedRevisionOption,
                        ExpectedRevisionOption2060,
                    },
                },
                batch_append_req::{self, options::ExpectedStreamPosition},
                batch_append_resp::{self, ExpectedStreamPosition as ToldPosition, success as batch_success},
            },
            uuid::Value,
            wrong_expected_version::{CurrentStreamRevisionOption, ExpectedStreamPositionOption},
        },
        google::rpc,
    },
    streams::{missing, name},
};
use bytes::Bytes;
use prost_types::Any;
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc::Sender};
use tonic::{Code, Status, Streaming};
use uuid::Uuid;

/// The most bytes and events of one append.
const BYTES_MAX: usize = 16 << 20;
const EVENTS_MAX: usize = 10_000;
/// Of a stream's and a type's name.
const NAME_MAX: usize = 1_024;
/// What an event costs besides its bytes.
const EVENT_BYTES: usize = 128;
/// Batches that are not whole yet, on one connection.
const BEGUN_MAX: usize = 100;
/// Appends that come in at once on this node, and their bytes together before they are written.
const COMING_MAX: usize = 100;
const ROOM: usize = 64 << 20;

/// What all that comes in at once may take.
pub struct Room {
    coming: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            coming: Arc::new(Semaphore::new(COMING_MAX)),
            bytes: Arc::new(Semaphore::new(ROOM)),
        }
    }
}

impl Room {
    /// For one more who appends.
    pub fn enter(&self) -> Result<OwnedSemaphorePermit, Status> {
        let place = self.coming.clone().try_acquire_owned();
        place.map_err(|_| status(&NotWritten::Busy))
    }

    fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, NotWritten> {
        let bytes = u32::try_from(bytes).map_err(|_| NotWritten::TooLarge(BYTES_MAX))?;
        let taken = self.bytes.clone().try_acquire_many_owned(bytes);
        taken.map_err(|_| NotWritten::Busy)
    }
}

/// An event as either method brings it.
struct Brought {
    id: Option<client::Uuid>,
    metadata: HashMap<String, String>,
    custom_metadata: Bytes,
    data: Bytes,
}

impl Brought {
    fn read(self) -> Result<Message, NotWritten> {
        let invalid = |what: &str| NotWritten::Invalid(what.to_owned());
        let Self { id, mut metadata, .. } = self;
        let id = id
            .and_then(uuid)
            .ok_or_else(|| invalid("an event has no id that is a UUID"))?;
        let event_type = metadata.remove("type").filter(|name| !name.trim().is_empty());
        let event_type = event_type.ok_or_else(|| invalid("an event has no type"))?;
        if event_type.len() > NAME_MAX {
            return Err(too_long("an event's type"));
        }
        let content_type = metadata.remove("content-type");
        Ok(Message {
            id,
            event_type,
            content_type: content_type.unwrap_or_else(|| "application/octet-stream".to_owned()),
            data: self.data.into(),
            metadata: self.custom_metadata.into(),
        })
    }
}

impl From<append_req::ProposedMessage> for Brought {
    fn from(message: append_req::ProposedMessage) -> Self {
        Self {
            id: message.id,
            metadata: message.metadata,
            custom_metadata: message.custom_metadata,
            data: message.data,
        }
    }
}

impl From<batch_append_req::ProposedMessage> for Brought {
    fn from(message: batch_append_req::ProposedMessage) -> Self {
        Self {
            id: message.id,
            metadata: message.metadata,
            custom_metadata: message.custom_metadata,
            data: message.data,
        }
    }
}

/// What has come of an append so far.
struct Begun {
    identifier: StreamIdentifier,
    stream: String,
    expected: Expected,
    messages: Vec<Message>,
    bytes: usize,
    /// Their part of the node's room.
    taken: Option<OwnedSemaphorePermit>,
    /// Why it will not be written, if that is known already.
    refused: Option<NotWritten>,
}

impl Begun {
    fn new(identifier: Option<StreamIdentifier>, expected: Expected) -> Result<Self, Status> {
        let stream = name(identifier.clone())?;
        if stream.len() > NAME_MAX {
            return Err(status(&too_long("a stream's name")));
        }
        Ok(Self {
            stream,
            identifier: identifier.unwrap_or_default(),
            expected,
            messages: Vec::new(),
            bytes: 0,
            taken: None,
            refused: None,
        })
    }

    fn take(&mut self, brought: impl Into<Brought>, room: &Room) {
        if self.refused.is_none()
            && let Err(refusal) = self.try_take(brought.into(), room)
        {
            (self.refused, self.messages, self.taken) = (Some(refusal), Vec::new(), None);
        }
    }

    fn try_take(&mut self, brought: Brought, room: &Room) -> Result<(), NotWritten> {
        let message = brought.read()?;
        let names = message.event_type.len() + message.content_type.len();
        let bytes = message.data.len() + message.metadata.len() + names + EVENT_BYTES;
        self.bytes += bytes;
        if self.bytes > BYTES_MAX {
            return Err(NotWritten::TooLarge(BYTES_MAX));
        }
        let taken = room.take(bytes)?;
        match &mut self.taken {
            Some(all) => all.merge(taken),
            none => *none = Some(taken),
        }
        if self.messages.len() == EVENTS_MAX {
            return Err(NotWritten::Invalid(format!(
                "an append has at most {EVENTS_MAX} events"
            )));
        }
        self.messages.push(message);
        Ok(())
    }

    async fn write<H: House>(self, house: &H, writer: &Admitted<H>) -> Result<Written, NotWritten> {
        if let Some(refusal) = self.refused {
            return Err(refusal);
        }
        if self
            .stream
            .split_once('-')
            .is_none_or(|(category, _)| category != EXTERNAL)
        {
            return Err(NotWritten::Forbidden(format!(
                "{} is the workspace's own: only streams called {EXTERNAL}-… are appended to from outside",
                self.stream
            )));
        }
        let proposed = Proposed {
            stream: self.stream,
            expected: self.expected,
            messages: self.messages,
        };
        house.append(&writer.guest, writer.from, proposed).await
    }
}

fn too_long(what: &str) -> NotWritten {
    NotWritten::Invalid(format!("{what} has at most {NAME_MAX} bytes"))
}

/// `Append`: its head, then its events, one a message.
pub async fn one<H: House>(
    house: &H,
    writer: &Admitted<H>,
    room: &Room,
    mut requests: Streaming<AppendReq>,
) -> Result<AppendResp, Status> {
    let Some(Content::Options(options)) = requests.message().await?.and_then(|request| request.content) else {
        return Err(missing("options"));
    };
    let expected = match options.expected_stream_revision {
        Some(ExpectedStreamRevision::Revision(revision)) => Expected::Revision(revision),
        Some(ExpectedStreamRevision::NoStream(())) => Expected::NoStream,
        Some(ExpectedStreamRevision::StreamExists(())) => Expected::StreamExists,
        Some(ExpectedStreamRevision::Any(())) | None => Expected::Any,
    };
    let mut begun = Begun::new(options.stream_identifier, expected)?;
    while let Some(request) = requests.message().await? {
        let Some(Content::ProposedMessage(message)) = request.content else {
            return Err(missing("proposed_message"));
        };
        begun.take(message, room);
    }
    let result = match begun.write(house, writer).await {
        Ok(written) => append_resp::Result::Success(success(written)),
        Err(NotWritten::WrongExpectedVersion { current }) => {
            append_resp::Result::WrongExpectedVersion(wrong(expected, current))
        }
        Err(refusal) => return Err(status(&refusal)),
    };
    Ok(AppendResp { result: Some(result) })
}

/// `BatchAppend`: appends in parts, each answered when it is durable, in the order in which they became whole.
pub async fn many<H: House>(
    house: Arc<H>,
    writer: Admitted<H>,
    room: Arc<Room>,
    mut requests: Streaming<BatchAppendReq>,
    told: Sender<Result<BatchAppendResp, Status>>,
) {
    let mut begun = HashMap::new();
    loop {
        let request = match requests.message().await {
            Ok(Some(request)) => request,
            Ok(None) => return,
            Err(status) => {
                told.send(Err(status)).await.ok();
                return;
            }
        };
        let answer = match part(&mut begun, request, &room) {
            Ok(None) => continue,
            Ok(Some((correlation, whole))) => Ok(answer(correlation, whole, house.as_ref(), &writer).await),
            Err(status) => Err(status),
        };
        let is_over = answer.is_err();
        if told.send(answer).await.is_err() || is_over {
            return;
        }
    }
}

type Parts = HashMap<Uuid, (client::Uuid, Begun)>;

/// One part of an append; the append, when it is whole.
fn part(begun: &mut Parts, request: BatchAppendReq, room: &Room) -> Result<Option<(client::Uuid, Begun)>, Status> {
    let correlation = request.correlation_id.ok_or_else(|| missing("correlation_id"))?;
    let id = uuid(correlation.clone()).ok_or_else(|| Status::invalid_argument("correlation_id is no UUID"))?;
    let is_full = begun.len() == BEGUN_MAX;
    let (correlation, mut part) = match begun.entry(id) {
        Entry::Occupied(known) => known.remove(),
        Entry::Vacant(_) if is_full => return Err(Status::resource_exhausted("too many appends that are not whole")),
        Entry::Vacant(_) => {
            let options = request.options.ok_or_else(|| missing("options"))?;
            let expected = match options.expected_stream_position {
                Some(ExpectedStreamPosition::StreamPosition(revision)) => Expected::Revision(revision),
                Some(ExpectedStreamPosition::NoStream(())) => Expected::NoStream,
                Some(ExpectedStreamPosition::StreamExists(())) => Expected::StreamExists,
                Some(ExpectedStreamPosition::Any(())) | None => Expected::Any,
            };
            (correlation, Begun::new(options.stream_identifier, expected)?)
        }
    };
    for message in request.proposed_messages {
        part.take(message, room);
    }
    if request.is_final {
        return Ok(Some((correlation, part)));
    }
    begun.insert(id, (correlation, part));
    Ok(None)
}

async fn answer<H: House>(correlation: client::Uuid, whole: Begun, house: &H, writer: &Admitted<H>) -> BatchAppendResp {
    let (identifier, expected) = (whole.identifier.clone(), whole.expected);
    let written = whole.write(house, writer).await;
    let result = match written {
        Ok(Written { revision, position: at }) => batch_append_resp::Result::Success(batch_append_resp::Success {
            current_revision_option: Some(match revision {
                Some(revision) => batch_success::CurrentRevisionOption::CurrentRevision(revision),
                None => batch_success::CurrentRevisionOption::NoStream(()),
            }),
            position_option: Some(batch_success::PositionOption::Position(AllStreamPosition {
                commit_position: position(at),
                prepare_position: position(at),
            })),
        }),
        Err(refusal) => batch_append_resp::Result::Error(rich(expected, &refusal)),
    };
    BatchAppendResp {
        correlation_id: Some(correlation),
        stream_identifier: Some(identifier),
        expected_stream_position: Some(match expected {
            Expected::Any => ToldPosition::Any(()),
            Expected::NoStream => ToldPosition::NoStream(()),
            Expected::StreamExists => ToldPosition::StreamExists(()),
            Expected::Revision(revision) => ToldPosition::StreamPosition(revision),
        }),
        result: Some(result),
    }
}

fn success(Written { revision, position: at }: Written) -> Success {
    Success {
        current_revision_option: Some(match revision {
            Some(revision) => success::CurrentRevisionOption::CurrentRevision(revision),
            None => success::CurrentRevisionOption::NoStream(()),
        }),
        position_option: Some(success::PositionOption::Position(append_resp::Position {
            commit_position: position(at),
            prepare_position: position(at),
        })),
    }
}

/// In the words of today's clients, and of those before 20.6.1.
fn wrong(expected: Expected, current: Option<u64>) -> WrongExpectedVersion {
    WrongExpectedVersion {
        current_revision_option_20_6_0: Some(match current {
            Some(revision) => CurrentRevisionOption2060::CurrentRevision2060(revision),
            None => CurrentRevisionOption2060::NoStream2060(()),
        }),
        expected_revision_option_20_6_0: Some(match expected {
            Expected::Revision(revision) => ExpectedRevisionOption2060::ExpectedRevision2060(revision),
            Expected::StreamExists => ExpectedRevisionOption2060::StreamExists2060(()),
            Expected::Any | Expected::NoStream => ExpectedRevisionOption2060::Any2060(()),
        }),
        current_revision_option: Some(match current {
            Some(revision) => CurrentRevisionOption::CurrentRevision(revision),
            None => CurrentRevisionOption::CurrentNoStream(()),
        }),
        expected_revision_option: Some(match expected {
            Expected::Revision(revision) => ExpectedRevisionOption::ExpectedRevision(revision),
            Expected::Any => ExpectedRevisionOption::ExpectedAny(()),
            Expected::StreamExists => ExpectedRevisionOption::ExpectedStreamExists(()),
            Expected::NoStream => ExpectedRevisionOption::ExpectedNoStream(()),
        }),
    }
}

/// A refusal with details, which clients of batches read.
fn rich(expected: Expected, refusal: &NotWritten) -> rpc::Status {
    let details = match refusal {
        NotWritten::WrongExpectedVersion { current } => packed(
            "WrongExpectedVersion",
            &WrongInBatch {
                current_stream_revision_option: Some(match current {
                    Some(revision) => CurrentStreamRevisionOption::CurrentStreamRevision(*revision),
                    None => CurrentStreamRevisionOption::CurrentNoStream(()),
                }),
                expected_stream_position_option: Some(match expected {
                    Expected::Revision(revision) => ExpectedStreamPositionOption::ExpectedStreamPosition(revision),
                    Expected::Any => ExpectedStreamPositionOption::ExpectedAny(()),
                    Expected::StreamExists => ExpectedStreamPositionOption::ExpectedStreamExists(()),
                    Expected::NoStream => ExpectedStreamPositionOption::ExpectedNoStream(()),
                }),
            },
        ),
        NotWritten::Forbidden(_) => packed("AccessDenied", &AccessDenied {}),
        NotWritten::Invalid(message) => packed(
            "BadRequest",
            &BadRequest {
                message: message.clone(),
            },
        ),
        NotWritten::TooLarge(max) => packed(
            "MaximumAppendSizeExceeded",
            &MaximumAppendSizeExceeded {
                max_append_size: u32::try_from(*max).unwrap_or(u32::MAX),
            },
        ),
        NotWritten::Busy | NotWritten::Unavailable(_) => packed("Unknown", &client::Unknown {}),
    };
    rpc::Status {
        code: i32::from(code(refusal)),
        message: refusal.to_string(),
        details: Some(details),
    }
}

fn packed(name: &str, message: &impl prost::Message) -> Any {
    Any {
        type_url: format!("type.googleapis.com/event_store.client.{name}"),
        value: message.encode_to_vec(),
    }
}

fn code(refusal: &NotWritten) -> Code {
    match refusal {
        NotWritten::WrongExpectedVersion { .. } => Code::FailedPrecondition,
        NotWritten::Forbidden(_) => Code::PermissionDenied,
        NotWritten::Invalid(_) | NotWritten::TooLarge(_) => Code::InvalidArgument,
        NotWritten::Busy => Code::ResourceExhausted,
        NotWritten::Unavailable(_) => Code::Unavailable,
    }
}

fn status(refusal: &NotWritten) -> Status {
    Status::new(code(refusal), refusal.to_string())
}

pub fn uuid(id: client::Uuid) -> Option<Uuid> {
    match id.value? {
        Value::Structured(id) => Some(Uuid::from_u64_pair(
            id.most_significant_bits.cast_unsigned(),
            id.least_significant_bits.cast_unsigned(),
        )),
        Value::String(text) => Uuid::try_parse(&text).ok(),
    }
}
