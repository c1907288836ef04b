//! The service `Streams`: reading and appending are served, deleting is refused.

use crate::{
    admit::Admitted,
    append::{self, Room},
    bell::Bell,
    event::Ids,
    filter::Filter,
    house::{Guest, House, Right},
    protocol::event_store::client::{
        StreamIdentifier,
        streams::{
            AppendReq, AppendResp, BatchAppendReq, BatchAppendResp, DeleteReq, DeleteResp, ReadReq, ReadResp,
            TombstoneReq, TombstoneResp,
            read_req::{
                self,
                options::{
                    CountOption, FilterOption, ReadDirection, StreamOption, all_options::AllOption,
                    stream_options::RevisionOption, uuid_option,
                },
            },
            streams_server::Streams,
        },
    },
    read::{Begin, Reading, lacking},
    stream::Source,
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};
use tokio::{sync::mpsc, time::Instant};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming, metadata::MetadataMap};

/// Messages that wait for their reader.
const WAITING: usize = 16;

pub struct Served<H> {
    house: Arc<H>,
    bell: Arc<Bell>,
    room: Arc<Room>,
}

impl<H> Served<H> {
    pub fn new(house: Arc<H>, bell: Arc<Bell>) -> Self {
        Self {
            house,
            bell,
            room: Arc::default(),
        }
    }
}

#[async_trait]
impl<H: House> Streams for Served<H> {
    type ReadStream = ReceiverStream<Result<ReadResp, Status>>;
    type BatchAppendStream = ReceiverStream<Result<BatchAppendResp, Status>>;

    async fn read(&self, request: Request<ReadReq>) -> Result<Response<Self::ReadStream>, Status> {
        let until = deadline(request.metadata());
        let reader = admitted::<H, _>(&request)?;
        let options = request.into_inner().options.ok_or_else(|| missing("options"))?;
        let (count, backwards) = (options.count_option, options.read_direction());
        let reading = self.reading(reader, options)?;
        let (told, messages) = mpsc::channel(WAITING);
        match (count, backwards) {
            (Some(CountOption::Count(count)), direction) => {
                let backwards = direction == ReadDirection::Backwards;
                tokio::spawn(reading.some(backwards, count, told, until));
            }
            (Some(CountOption::Subscription(_)), ReadDirection::Forwards) => {
                tokio::spawn(reading.all(self.bell.clone(), told, until));
            }
            (Some(CountOption::Subscription(_)), ReadDirection::Backwards) => {
                return Err(Status::invalid_argument("a subscription goes forwards"));
            }
            (None, _) => return Err(missing("count_option")),
        }
        Ok(Response::new(ReceiverStream::new(messages)))
    }

    async fn append(&self, request: Request<Streaming<AppendReq>>) -> Result<Response<AppendResp>, Status> {
        let writer = writer::<H, _>(&request)?;
        let _place = self.room.enter()?;
        let one = append::one(self.house.as_ref(), &writer, &self.room, request.into_inner());
        Ok(Response::new(one.await?))
    }

    async fn batch_append(
        &self,
        request: Request<Streaming<BatchAppendReq>>,
    ) -> Result<Response<Self::BatchAppendStream>, Status> {
        let writer = writer::<H, _>(&request)?;
        let place = self.room.enter()?;
        let (told, answers) = mpsc::channel(WAITING);
        let many = append::many(
            self.house.clone(),
            writer,
            self.room.clone(),
            request.into_inner(),
            told,
        );
        tokio::spawn(async move {
            many.await;
            drop(place);
        });
        Ok(Response::new(ReceiverStream::new(answers)))
    }

    async fn delete(&self, _: Request<DeleteReq>) -> Result<Response<DeleteResp>, Status> {
        Err(refused("Delete"))
    }

    async fn tombstone(&self, _: Request<TombstoneReq>) -> Result<Response<TombstoneResp>, Status> {
        Err(refused("Tombstone"))
    }
}

impl<H: House> Served<H> {
    fn reading(&self, reader: Admitted<H>, options: read_req::Options) -> Result<Reading<H>, Status> {
        let ids = match options.uuid_option.and_then(|option| option.content) {
            Some(uuid_option::Content::String(())) => Ids::Text,
            Some(uuid_option::Content::Structured(())) | None => Ids::Structured,
        };
        // Clients that know more answers than events say so.
        let tells_end = options.control_option.is_some_and(|control| control.compatibility >= 1);
        let (name, source, from) = match options.stream_option {
            Some(StreamOption::All(all)) => ("$all".to_owned(), Source::All, position(all.all_option)),
            Some(StreamOption::Stream(stream)) => {
                let name = name(stream.stream_identifier)?;
                let source = Source::named(&name, |name| self.house.external(name));
                let source = source.map_err(|_| Status::unimplemented(format!("{name} is not served")))?;
                (name, source, revision(stream.revision_option))
            }
            None => return Err(missing("stream_option")),
        };
        let filter = match options.filter_option {
            Some(FilterOption::Filter(filter)) if source == Source::All => Some(Filter::read(filter)?),
            Some(FilterOption::Filter(_)) => return Err(Status::invalid_argument("only $all is filtered")),
            Some(FilterOption::NoFilter(())) | None => None,
        };
        Ok(Reading {
            house: self.house.clone(),
            reader,
            name,
            source,
            from,
            filter,
            ids,
            tells_end,
        })
    }
}

fn position(option: Option<AllOption>) -> Begin {
    match option {
        Some(AllOption::Position(position)) => Begin::At(position.commit_position),
        Some(AllOption::End(())) => Begin::End,
        Some(AllOption::Start(())) | None => Begin::Start,
    }
}

fn revision(option: Option<RevisionOption>) -> Begin {
    match option {
        Some(RevisionOption::Revision(revision)) => Begin::At(revision),
        Some(RevisionOption::End(())) => Begin::End,
        Some(RevisionOption::Start(())) | None => Begin::Start,
    }
}

pub fn name(identifier: Option<StreamIdentifier>) -> Result<String, Status> {
    let name = identifier.ok_or_else(|| missing("stream_identifier"))?.stream_name;
    String::from_utf8(name.into()).map_err(|_| Status::invalid_argument("a stream's name is UTF-8"))
}

pub fn missing(field: &str) -> Status {
    Status::invalid_argument(format!("{field} is missing"))
}

fn refused(method: &str) -> Status {
    Status::permission_denied(format!("{method} is not served: nothing leaves a workspace's log"))
}

pub fn admitted<H: House, T>(request: &Request<T>) -> Result<Admitted<H>, Status> {
    let admitted = request.extensions().get::<Admitted<H>>().cloned();
    admitted.ok_or_else(|| Status::unauthenticated("nobody was let in"))
}

/// Somebody who may append at all; which streams, is asked of each.
fn writer<H: House, T>(request: &Request<T>) -> Result<Admitted<H>, Status> {
    let writer = admitted::<H, _>(request)?;
    writer.guest.may(Right::Append).map_err(lacking)?;
    Ok(writer)
}

/// When the client stops waiting, from `grpc-timeout`: up to eight digits and a unit.
fn deadline(metadata: &MetadataMap) -> Option<Instant> {
    let text = metadata.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let amount: u64 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
    let timeout = match unit {
        "H" => Duration::from_secs(amount * 3_600),
        "M" => Duration::from_secs(amount * 60),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return None,
    };
    Instant::now().checked_add(timeout)
}
