//! A group at work: a task that takes messages from the log as long as there is somebody to give them to, and does what
//! [`Group`] owes. What is done is kept every now and then, as the group's settings say; what is parked, at once. So a crash has
//! messages given out once more, and loses none.

use super::{
    group::{Failure, Group, Millis, Owed, PINS, Seat, Seen, Why},
    ready::{Ready, found},
    settings::Settings,
    store::{Kept, Key, Parking, Store},
    told,
};
use crate::{
    bell::Bell,
    event::Ids,
    filter::Filter,
    house::{House, Shown},
    pages::Pages,
    protocol::event_store::client::persistent_subscriptions::ReadResp,
    read::{unread, unreadable},
    stream::Source,
};
use futures::StreamExt;
use log::Recorded;
use std::{
    collections::{BTreeMap, HashMap},
    future::ready,
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use tonic::Status;
use uuid::Uuid;

/// How often the time is looked at.
const TICK: Duration = Duration::from_millis(100);
/// How often it is asked whether the group is to be run here.
const ASKED_EVERY: Duration = Duration::from_secs(1);
/// Whoever has it begun comes at once.
const JOINED_WITHIN: Duration = Duration::from_secs(5);

/// What a group at work is told.
pub enum Word {
    Join(Consumer, oneshot::Sender<Result<Seat, Status>>),
    Left(Seat),
    Done(Seat, Vec<Uuid>),
    Failed(Seat, Vec<Uuid>, Failure, String),
    /// Parked messages are to be tried again.
    Replay,
    Look(oneshot::Sender<Live>),
    /// It ends for all, with these words.
    End(Status),
}

/// Somebody who wants messages.
pub struct Consumer {
    pub messages: mpsc::Sender<Result<ReadResp, Status>>,
    /// How many at once.
    pub room: usize,
    pub ids: Ids,
    /// Whether personal values are shown in the clear.
    pub open: bool,
    pub from: String,
    pub name: String,
}

/// A group as it is just now.
#[derive(Debug, Default)]
pub struct Live {
    pub open: usize,
    pub waiting: usize,
    pub given: i64,
    pub consumers: Vec<LiveConsumer>,
}

#[derive(Debug)]
pub struct LiveConsumer {
    pub from: String,
    pub name: String,
    pub given: i64,
    pub held: usize,
    pub room: usize,
}

struct Chair {
    consumer: Consumer,
    /// Which messages they hold.
    places: HashMap<Uuid, i64>,
    given: i64,
}

pub struct Run<H> {
    house: Arc<H>,
    store: Store,
    key: Key,
    source: Source,
    filter: Option<Filter>,
    settings: Settings,
    epoch: i64,
    group: Group,
    words: mpsc::Receiver<Word>,
    chairs: BTreeMap<Seat, Chair>,
    seated: Seat,
    ready: Ready,
    /// While there may be more in the log.
    pages: Option<Pages>,
    /// There may be parked messages to try again.
    replays: bool,
    parking: Parking,
    /// What is done and not kept yet, and since when.
    unkept: i64,
    kept_at: Instant,
    given: i64,
    began: Instant,
}

impl<H: House> Run<H> {
    pub fn new(
        (house, store): (Arc<H>, Store),
        (key, source): (Key, Source),
        kept: &Kept,
        words: mpsc::Receiver<Word>,
    ) -> Result<Self, Status> {
        let settings = kept.settings.clone();
        let filter = settings.filter.as_ref().map(|terms| terms.filter()).transpose()?;
        Ok(Self {
            house,
            store,
            key,
            source,
            filter,
            epoch: kept.epoch,
            group: Group::new(settings.rules(), kept.progress.taken),
            settings,
            words,
            chairs: BTreeMap::new(),
            seated: 0,
            ready: Ready::default(),
            pages: None,
            replays: true,
            parking: Parking::default(),
            unkept: 0,
            kept_at: Instant::now(),
            given: 0,
            began: Instant::now(),
        })
    }

    /// Until nobody is there any more, or it is to be run elsewhere.
    pub async fn run(mut self, open: Vec<(i64, u32)>, bell: Arc<Bell>, leads: impl Fn() -> bool + Send) {
        let ended = match self.resume(open).await {
            Ok(()) => self.work(&bell, leads).await,
            Err(status) => Err(status),
        };
        // Who still comes finds nobody, and comes again.
        self.words.close();
        if let Err(error) = self.keep().await {
            tracing::debug!(%error, "a group was not kept at its end");
        }
        if let Err(status) = ended {
            for chair in self.chairs.values() {
                chair.consumer.messages.try_send(Err(status.clone())).ok();
            }
        }
    }

    /// What was open when it was kept is given out again.
    async fn resume(&mut self, open: Vec<(i64, u32)>) -> Result<(), Status> {
        for (place, tries) in open {
            self.take_again(place, tries).await?;
        }
        Ok(())
    }

    async fn work(&mut self, bell: &Bell, leads: impl Fn() -> bool) -> Result<(), Status> {
        let mut ring = bell.hear(self.key.workspace);
        let (mut asked, mut tick) = (Instant::now(), tokio::time::interval(TICK));
        self.pages = Some(self.read_on());
        loop {
            tokio::select! {
                word = self.words.recv() => match word {
                    Some(word) => self.hear(word).await?,
                    None => return Ok(()),
                },
                changed = ring.changed(), if self.pages.is_none() => {
                    changed.map_err(|_| Status::unavailable("the server is ending"))?;
                    self.pages = Some(self.read_on());
                }
                _ = tick.tick() => self.see(Seen::Ticked).await?,
                () = ready(()), if self.wants_more() => self.take().await?,
            }
            if self.is_left() {
                return Ok(());
            }
            self.keep_in_time().await?;
            if asked.elapsed() >= ASKED_EVERY {
                asked = Instant::now();
                self.replays = true; // another node may have been asked for it
                if !leads() {
                    return Err(Status::unavailable("the group is run on another node"));
                }
            }
        }
    }

    /// Nobody is there any more, or whoever was to come did not.
    fn is_left(&self) -> bool {
        self.chairs.is_empty() && (self.seated > 0 || self.began.elapsed() > JOINED_WITHIN)
    }

    fn wants_more(&self) -> bool {
        (self.replays || self.pages.is_some()) && self.group.open() < self.settings.open_max()
    }

    fn read_on(&self) -> Pages {
        let after = self.group.taken();
        self.source.pages(self.house.log(), self.key.workspace, after)
    }

    async fn hear(&mut self, word: Word) -> Result<(), Status> {
        match word {
            Word::Join(consumer, answer) => self.join(consumer, answer).await,
            Word::Left(seat) => {
                self.chairs.remove(&seat);
                self.unkept += 1;
                self.see(Seen::Left { seat }).await
            }
            Word::Done(seat, ids) => {
                for place in self.places(seat, &ids) {
                    self.unkept += 1;
                    self.see(Seen::Done { seat, place }).await?;
                }
                Ok(())
            }
            Word::Failed(seat, ids, how, why) => self.fail(seat, &ids, how, &why).await,
            Word::Replay => {
                self.replays = true;
                Ok(())
            }
            Word::Look(answer) => {
                answer.send(self.live()).ok();
                Ok(())
            }
            Word::End(status) => Err(status),
        }
    }

    async fn join(&mut self, consumer: Consumer, answer: oneshot::Sender<Result<Seat, Status>>) -> Result<(), Status> {
        let max = usize::try_from(self.settings.max_subscriber_count).unwrap_or(0);
        if max > 0 && self.chairs.len() >= max {
            answer.send(Err(told::too_many(&self.key, max))).ok();
            return Ok(());
        }
        self.seated += 1;
        let (seat, room) = (self.seated, consumer.room);
        consumer.messages.try_send(Ok(told::confirmation(&self.key))).ok();
        let chair = Chair {
            consumer,
            places: HashMap::new(),
            given: 0,
        };
        self.chairs.insert(seat, chair);
        if answer.send(Ok(seat)).is_err() {
            self.chairs.remove(&seat); // gone before they were seated
            return Ok(());
        }
        self.see(Seen::Joined { seat, room }).await
    }

    async fn fail(&mut self, seat: Seat, ids: &[Uuid], how: Failure, why: &str) -> Result<(), Status> {
        for place in self.places(seat, ids) {
            self.unkept += 1;
            let now = self.now();
            for owed in self.group.see(Seen::Failed { seat, place, how }, now) {
                match owed {
                    Owed::Park {
                        place: parked,
                        why: Why::Asked,
                    } if parked == place => self.park(place, why.to_owned()),
                    other => self.carry_out(other).await?,
                }
            }
        }
        Ok(())
    }

    async fn see(&mut self, seen: Seen) -> Result<(), Status> {
        let now = self.now();
        for owed in self.group.see(seen, now) {
            self.carry_out(owed).await?;
        }
        Ok(())
    }

    async fn carry_out(&mut self, owed: Owed) -> Result<(), Status> {
        match owed {
            Owed::Hand { seat, place, tries } => self.hand(seat, place, tries).await,
            Owed::Park { place, why } => {
                let why = match why {
                    Why::Asked => "as a consumer wanted",
                    Why::Tried => "tried too often",
                };
                self.park(place, why.to_owned());
                Ok(())
            }
        }
    }

    fn park(&mut self, place: i64, why: String) {
        self.ready.take(place);
        self.parking.parked.push((place, why));
    }

    /// The places of what a consumer holds; it holds them no longer.
    fn places(&mut self, seat: Seat, ids: &[Uuid]) -> Vec<i64> {
        let Some(chair) = self.chairs.get_mut(&seat) else {
            return vec![];
        };
        ids.iter().filter_map(|id| chair.places.remove(id)).collect()
    }

    /// Some more: parked messages that are tried again first, then what the log has.
    async fn take(&mut self) -> Result<(), Status> {
        if self.replays {
            let room = self.settings.open_max().saturating_sub(self.group.open());
            let places = self.store.replayed(&self.key, room).await;
            let places = places.map_err(|error| unkept(&error))?;
            self.replays = !places.is_empty();
            for place in places {
                self.parking.replayed.push(place);
                self.take_again(place, 0).await?;
            }
            return self.keep().await;
        }
        let Some(pages) = &mut self.pages else { return Ok(()) };
        let Some(events) = pages.next().await else {
            self.pages = None;
            return Ok(());
        };
        for recorded in events.map_err(unread)? {
            self.take_one(recorded).await?;
        }
        Ok(())
    }

    async fn take_one(&mut self, recorded: Recorded) -> Result<(), Status> {
        let place = self.source.place(&recorded);
        self.unkept += 1;
        if !self.wants(&recorded)? {
            return self.see(Seen::Passed { place }).await;
        }
        let pin = pin(&recorded);
        self.ready.put(place, recorded);
        self.see(Seen::Taken { place, pin, tries: 0 }).await
    }

    /// One of before, if it can still be read.
    async fn take_again(&mut self, place: i64, tries: u32) -> Result<(), Status> {
        if self.group.is_open(place) {
            return Ok(());
        }
        if let Some(recorded) = found(self.house.as_ref(), self.key.workspace, &self.source, place).await? {
            let pin = pin(&recorded);
            self.ready.put(place, recorded);
            self.see(Seen::Taken { place, pin, tries }).await?;
        }
        Ok(())
    }

    fn wants(&self, recorded: &Recorded) -> Result<bool, Status> {
        if !self.source.holds(recorded) {
            return Ok(false);
        }
        let shown = self.shown(recorded, false)?;
        let passes = match &self.filter {
            Some(filter) => filter.lets_through(&shown)?,
            None => true,
        };
        Ok(passes && self.source.shows(&shown))
    }

    fn shown(&self, recorded: &Recorded, open: bool) -> Result<Shown, Status> {
        let shown = self.house.show(recorded, open);
        shown.map_err(|error| unreadable(error.as_ref()))
    }

    async fn hand(&mut self, seat: Seat, place: i64, tries: u32) -> Result<(), Status> {
        let found = match self.ready.take(place) {
            Some(ready) => Some(ready),
            None => found(self.house.as_ref(), self.key.workspace, &self.source, place).await?,
        };
        let Some(mut recorded) = found else {
            return Err(Status::data_loss("the log has lost what was open"));
        };
        let open = self.chairs.get(&seat).is_some_and(|chair| chair.consumer.open);
        if open {
            let opened = self
                .house
                .log()
                .open_personal(std::slice::from_mut(&mut recorded))
                .await;
            opened.map_err(|error| unreadable(&error))?;
        }
        let shown = self.shown(&recorded, open)?;
        let Some(chair) = self.chairs.get_mut(&seat) else {
            return Ok(());
        };
        // A link is called by the event's own id.
        chair.places.insert(shown.id, place);
        (chair.given, self.given) = (chair.given + 1, self.given + 1);
        let message = told::event(
            &self.source,
            &self.key.stream,
            (&recorded, shown),
            chair.consumer.ids,
            tries,
        );
        // There is room for all that they hold; who is gone says so.
        chair.consumer.messages.try_send(Ok(message)).ok();
        Ok(())
    }

    async fn keep_in_time(&mut self) -> Result<(), Status> {
        let after = Duration::from_millis(u64::try_from(self.settings.checkpoint_after_ms).unwrap_or(0));
        let many = i64::from(self.settings.max_checkpoint_count.max(1));
        let is_time = self.unkept >= many || self.unkept > 0 && self.kept_at.elapsed() >= after;
        match is_time || !self.parking.is_empty() {
            true => self.keep().await,
            false => Ok(()),
        }
    }

    async fn keep(&mut self) -> Result<(), Status> {
        if self.unkept == 0 && self.parking.is_empty() {
            return Ok(());
        }
        let progress = self.group.progress();
        let saved = self.store.save(&self.key, self.epoch, &progress, &self.parking).await;
        if !saved.map_err(|error| unkept(&error))? {
            return Err(told::dropped("the group is run elsewhere, or is there no more"));
        }
        (self.unkept, self.kept_at, self.parking) = (0, Instant::now(), Parking::default());
        Ok(())
    }

    fn live(&self) -> Live {
        let consumers = self.chairs.iter().map(|(seat, chair)| LiveConsumer {
            from: chair.consumer.from.clone(),
            name: chair.consumer.name.clone(),
            given: chair.given,
            held: self.group.held(*seat),
            room: chair.consumer.room,
        });
        Live {
            open: self.group.open(),
            waiting: self.group.waiting(),
            given: self.given,
            consumers: consumers.collect(),
        }
    }

    fn now(&self) -> Millis {
        Millis::try_from(self.began.elapsed().as_millis()).unwrap_or(Millis::MAX)
    }
}

/// Of the stream that an event belongs to.
fn pin(recorded: &Recorded) -> u64 {
    let (most, least) = recorded.stream_id.as_u64_pair();
    (most ^ least) % PINS
}

/// Told to operators; a consumer comes again.
pub fn unkept(error: &sqlx::Error) -> Status {
    tracing::warn!(%error, "groups of consumers cannot be read or kept");
    Status::unavailable("groups cannot be read or kept just now")
}
