//! Groups of consumers that share a stream: persistent subscriptions, as the protocol calls them. A group is kept in the database
//! ([`store`]) and run on the node that leads its workspace ([`run`]), as long as somebody is there to take its messages; whoever comes
//! to another node is told where. This file is the protocol's service.

mod group;
mod ready;
mod run;
mod running;
mod settings;
mod store;
mod told;

pub use running::Groups;

use crate::{
    admit::Admitted,
    event::Ids,
    house::{Guest, House, Right},
    protocol::event_store::client::{
        self,
        persistent_subscriptions::{
            CreateReq, CreateResp, DeleteReq, DeleteResp, GetInfoReq, GetInfoResp, ListReq, ListResp, ReadReq,
            ReadResp, ReplayParkedReq, ReplayParkedResp, SubscriptionInfo, UpdateReq, UpdateResp, create_req,
            delete_req, get_info_req, list_req,
            persistent_subscriptions_server::PersistentSubscriptions,
            read_req::{self, nack::Action},
            replay_parked_req, update_req,
        },
    },
    read::{Begin, lacking, still_may, unread},
    stream::Source,
    streams::{admitted, missing, name},
};
use async_trait::async_trait;
use group::{Failure, Seat};
use run::{Consumer, Word};
use settings::{Settings, Terms};
use std::sync::Arc;
use store::{Kept, Key};
use tokio::{sync::mpsc, time::interval};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use uuid::Uuid;

/// Messages that a consumer holds at once.
const ROOM_MAX: i32 = 500;
const NAME_MAX: usize = 250;
const ALL: &str = "$all";

pub struct Served<H: House>(pub Arc<Groups<H>>);

#[async_trait]
impl<H: House> PersistentSubscriptions for Served<H> {
    type ReadStream = ReceiverStream<Result<ReadResp, Status>>;

    async fn create(&self, request: Request<CreateReq>) -> Result<Response<CreateResp>, Status> {
        use create_req::{all_options, options::StreamOption, stream_options::RevisionOption};
        let keeper = keeper::<H, _>(&request)?;
        let options = request.into_inner().options.ok_or_else(|| missing("options"))?;
        let mut settings = Settings::of_new(options.settings)?;
        let (stream, begin) = match options.stream_option {
            Some(StreamOption::All(all)) => {
                if let Some(all_options::FilterOption::Filter(filter)) = all.filter_option {
                    settings.filter = Some(Terms::read(filter)?);
                }
                let begin = match all.all_option {
                    Some(all_options::AllOption::Position(position)) => Begin::At(position.commit_position),
                    Some(all_options::AllOption::Start(())) => Begin::Start,
                    Some(all_options::AllOption::End(())) | None => Begin::End,
                };
                (ALL.to_owned(), begin)
            }
            Some(StreamOption::Stream(stream)) => {
                let begin = match stream.revision_option {
                    Some(RevisionOption::Revision(revision)) => Begin::At(revision),
                    Some(RevisionOption::Start(())) => Begin::Start,
                    Some(RevisionOption::End(())) | None => Begin::End,
                };
                (name(stream.stream_identifier)?, begin)
            }
            None => return Err(missing("stream_option")),
        };
        settings.from_end = begin == Begin::End;
        let key = key(&keeper, stream, options.group_name)?;
        self.0.create(&key, &settings, begin).await?;
        Ok(Response::new(CreateResp {}))
    }

    async fn update(&self, request: Request<UpdateReq>) -> Result<Response<UpdateResp>, Status> {
        use update_req::options::StreamOption;
        let keeper = keeper::<H, _>(&request)?;
        let options = request.into_inner().options.ok_or_else(|| missing("options"))?;
        let stream = match options.stream_option {
            Some(StreamOption::All(_)) => ALL.to_owned(),
            Some(StreamOption::Stream(stream)) => name(stream.stream_identifier)?,
            None => return Err(missing("stream_option")),
        };
        let key = key(&keeper, stream, options.group_name)?;
        let kept = self.0.find(&key).await?;
        let settings = Settings::of_known(options.settings, kept.settings)?;
        self.0.update(&key, &settings).await?;
        Ok(Response::new(UpdateResp {}))
    }

    async fn delete(&self, request: Request<DeleteReq>) -> Result<Response<DeleteResp>, Status> {
        use delete_req::options::StreamOption;
        let keeper = keeper::<H, _>(&request)?;
        let options = request.into_inner().options.ok_or_else(|| missing("options"))?;
        let stream = match options.stream_option.ok_or_else(|| missing("stream_option"))? {
            StreamOption::All(()) => ALL.to_owned(),
            StreamOption::StreamIdentifier(stream) => name(Some(stream))?,
        };
        self.0.delete(&key(&keeper, stream, options.group_name)?).await?;
        Ok(Response::new(DeleteResp {}))
    }

    async fn read(&self, request: Request<Streaming<ReadReq>>) -> Result<Response<Self::ReadStream>, Status> {
        let reader = admitted::<H, _>(&request)?;
        let mut requests = request.into_inner();
        let Some(read_req::Content::Options(options)) = requests.message().await?.and_then(|request| request.content)
        else {
            return Err(missing("options"));
        };
        let (stream, ids) = (options.stream_option, ids(options.uuid_option));
        let key = key(&reader, asked_stream(stream)?, options.group_name)?;
        let room = usize::try_from(options.buffer_size.clamp(1, ROOM_MAX)).unwrap_or(1);
        // What they hold, the confirmation, and why it ended.
        let (told, messages) = mpsc::channel(room + 2);
        let consumer = || Consumer {
            messages: told.clone(),
            room,
            ids,
            open: reader.guest.may(Right::OpenPersonal).is_ok(),
            from: reader.from.map(|from| from.to_string()).unwrap_or_default(),
            name: reader.guest.name(),
        };
        let (seat, words) = self.0.join(&key, consumer).await?;
        let listening = Listening {
            groups: self.0.clone(),
            reader,
            seat,
            words,
            told,
        };
        tokio::spawn(listening.listen(requests));
        Ok(Response::new(ReceiverStream::new(messages)))
    }

    async fn get_info(&self, request: Request<GetInfoReq>) -> Result<Response<GetInfoResp>, Status> {
        use get_info_req::options::StreamOption;
        let reader = admitted::<H, _>(&request)?;
        let options = request.into_inner().options.ok_or_else(|| missing("options"))?;
        let stream = match options.stream_option.ok_or_else(|| missing("stream_option"))? {
            StreamOption::All(()) => ALL.to_owned(),
            StreamOption::StreamIdentifier(stream) => name(Some(stream))?,
        };
        let key = key(&reader, stream, options.group_name)?;
        let kept = self.0.find(&key).await?;
        Ok(Response::new(GetInfoResp {
            subscription_info: Some(self.info(&key, &kept).await?),
        }))
    }

    async fn replay_parked(&self, request: Request<ReplayParkedReq>) -> Result<Response<ReplayParkedResp>, Status> {
        use replay_parked_req::options::{StopAtOption, StreamOption};
        let keeper = keeper::<H, _>(&request)?;
        let options = request.into_inner().options.ok_or_else(|| missing("options"))?;
        let stream = match options.stream_option.ok_or_else(|| missing("stream_option"))? {
            StreamOption::All(()) => ALL.to_owned(),
            StreamOption::StreamIdentifier(stream) => name(Some(stream))?,
        };
        let count = match options.stop_at_option {
            Some(StopAtOption::StopAt(count)) if count < 0 => {
                return Err(Status::invalid_argument("stop_at is below zero"));
            }
            Some(StopAtOption::StopAt(count)) => Some(count),
            Some(StopAtOption::NoLimit(())) | None => None,
        };
        self.0.replay(&key(&keeper, stream, options.group_name)?, count).await?;
        Ok(Response::new(ReplayParkedResp {}))
    }

    async fn list(&self, request: Request<ListReq>) -> Result<Response<ListResp>, Status> {
        use list_req::{options::ListOption, stream_option::StreamOption};
        let reader = admitted::<H, _>(&request)?;
        let options = request.into_inner().options.and_then(|options| options.list_option);
        let stream = match options.ok_or_else(|| missing("list_option"))? {
            ListOption::ListAllSubscriptions(()) => None,
            ListOption::ListForStream(stream) => {
                Some(match stream.stream_option.ok_or_else(|| missing("stream_option"))? {
                    StreamOption::All(()) => ALL.to_owned(),
                    StreamOption::Stream(stream) => name(Some(stream))?,
                })
            }
        };
        let mut subscriptions = Vec::new();
        for (key, kept) in self.0.list(reader.guest.workspace(), stream.as_deref()).await? {
            subscriptions.push(self.info(&key, &kept).await?);
        }
        Ok(Response::new(ListResp { subscriptions }))
    }

    async fn restart_subsystem(&self, _: Request<()>) -> Result<Response<()>, Status> {
        Err(Status::unimplemented(
            "there is nothing to restart: each group is run by itself",
        ))
    }
}

impl<H: House> Served<H> {
    async fn info(&self, key: &Key, kept: &Kept) -> Result<SubscriptionInfo, Status> {
        let source = self.0.source(&key.stream)?;
        let end = source.end(self.0.house().log(), key.workspace).await.map_err(unread)?;
        Ok(told::info(&source, key, kept, end, self.0.look(key).await))
    }
}

/// What a consumer says, until it is gone or may not hear any more.
struct Listening<H: House> {
    groups: Arc<Groups<H>>,
    reader: Admitted<H>,
    seat: Seat,
    words: mpsc::Sender<Word>,
    told: mpsc::Sender<Result<ReadResp, Status>>,
}

impl<H: House> Listening<H> {
    async fn listen(self, mut requests: Streaming<ReadReq>) {
        let mut ask = interval(crate::read::ASKED_EVERY);
        let ended = loop {
            tokio::select! {
                request = requests.message() => match request {
                    Ok(Some(request)) => if let Err(status) = self.pass_on(request).await {
                        break Some(status);
                    },
                    Ok(None) | Err(_) => break None,
                },
                () = self.told.closed() => break None,
                // The group has ended, and has said why.
                () = self.words.closed() => break None,
                _ = ask.tick() => if let Err(status) = still_may(self.groups.house(), &self.reader).await {
                    break Some(status);
                },
            }
        };
        self.words.send(Word::Left(self.seat)).await.ok();
        if let Some(status) = ended {
            self.told.send(Err(status)).await.ok();
        }
    }

    async fn pass_on(&self, request: ReadReq) -> Result<(), Status> {
        let word = match request.content {
            Some(read_req::Content::Ack(ack)) => Word::Done(self.seat, read(ack.ids)?),
            Some(read_req::Content::Nack(nack)) => {
                let (action, ids) = (nack.action(), read(nack.ids)?);
                let how = match action {
                    Action::Park => Failure::Park,
                    Action::Skip => Failure::Skip,
                    Action::Retry | Action::Unknown | Action::Stop => Failure::Retry,
                };
                let word = Word::Failed(self.seat, ids, how, shortened(nack.reason));
                if action != Action::Stop {
                    word
                } else {
                    self.words.send(word).await.ok();
                    return Err(told::dropped("the consumer wanted to stop"));
                }
            }
            Some(read_req::Content::Options(_)) | None => return Err(missing("ack or nack")),
        };
        self.words.send(word).await.ok();
        Ok(())
    }
}

/// Why something is parked is for people to read.
fn shortened(why: String) -> String {
    why.chars().filter(|char| *char != '\0').take(1_000).collect()
}

fn read(ids: Vec<client::Uuid>) -> Result<Vec<Uuid>, Status> {
    let read = |id| crate::append::uuid(id).ok_or_else(|| Status::invalid_argument("an id is no UUID"));
    ids.into_iter().map(read).collect()
}

fn ids(option: Option<read_req::options::UuidOption>) -> Ids {
    use read_req::options::uuid_option::Content;
    match option.and_then(|option| option.content) {
        Some(Content::String(())) => Ids::Text,
        Some(Content::Structured(())) | None => Ids::Structured,
    }
}

fn asked_stream(option: Option<read_req::options::StreamOption>) -> Result<String, Status> {
    use read_req::options::StreamOption;
    match option.ok_or_else(|| missing("stream_option"))? {
        StreamOption::All(()) => Ok(ALL.to_owned()),
        StreamOption::StreamIdentifier(identifier) => name(Some(identifier)),
    }
}

fn key<H: House>(guest: &Admitted<H>, stream: String, name: String) -> Result<Key, Status> {
    let is_name = |text: &str| !text.is_empty() && text.len() <= NAME_MAX && !text.contains('\0');
    if !is_name(&name) || !is_name(&stream) {
        let why = format!("a group and its stream have names of at most {NAME_MAX} bytes");
        return Err(Status::invalid_argument(why));
    }
    Ok(Key {
        workspace: guest.guest.workspace(),
        stream,
        name,
    })
}

/// Who may look after groups.
fn keeper<H: House, T>(request: &Request<T>) -> Result<Admitted<H>, Status> {
    let keeper = admitted::<H, _>(request)?;
    keeper.guest.may(Right::Groups).map_err(lacking)?;
    Ok(keeper)
}

/// How far a group has come that begins there.
async fn beginning<H: House>(house: &H, workspace: Uuid, source: &Source, begin: Begin) -> Result<i64, Status> {
    match begin {
        Begin::Start => Ok(0),
        Begin::At(at) => Ok((source.reached(at) - 1).max(0)),
        Begin::End => source.end(house.log(), workspace).await.map_err(unread),
    }
}
