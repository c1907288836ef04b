//! Reading: a number of events, or everything and then what comes. A task per reader pulls pages from the log as the client
//! takes them: what is not taken waits in the log, and a slow reader costs two pages and a few messages.

use crate::{
    admit::Admitted,
    bell::Bell,
    event::{self, Ids},
    filter::Filter,
    house::{Guest, House, Right, Shown},
    protocol::event_store::client::streams::ReadResp,
    stream::Source,
};
use futures::StreamExt;
use log::{ReadError, Recorded, chain};
use std::{sync::Arc, time::Duration};
use tokio::{sync::mpsc::Sender, time::Instant};
use tonic::Status;
use uuid::Uuid;

/// Backwards, events of a page.
const PAGE: i64 = 64;
/// How often a subscription asks whether its reader may still read.
pub const ASKED_EVERY: Duration = Duration::from_secs(5);

pub type Told = Sender<Result<ReadResp, Status>>;

/// Where reading begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    Start,
    /// A position of `$all`, a revision of a stream.
    At(u64),
    End,
}

/// What is asked for, and by whom.
pub struct Reading<H: House> {
    pub house: Arc<H>,
    pub reader: Admitted<H>,
    /// As the client wrote it.
    pub name: String,
    pub source: Source,
    pub from: Begin,
    pub filter: Option<Filter>,
    pub ids: Ids,
    /// After the events it is told where the stream ends.
    pub tells_end: bool,
}

/// Why a task ends before its end.
enum Stop {
    /// Nobody listens any more.
    Gone,
    Failed(Status),
}

impl From<Status> for Stop {
    fn from(status: Status) -> Self {
        Self::Failed(status)
    }
}

impl<H: House> Reading<H> {
    /// So many events, forwards or backwards.
    pub async fn some(self, backwards: bool, count: u64, told: Told, until: Option<Instant>) {
        let read = async {
            match backwards {
                true => self.backwards(count, &told).await,
                false => self.forwards(count, &told).await,
            }
        };
        finish(&told, in_time(until, read).await).await;
    }

    /// Everything, then what comes, for ever.
    pub async fn all(self, bell: Arc<Bell>, told: Told, until: Option<Instant>) {
        let ended = tokio::select! {
            ended = in_time(until, self.follow(&bell, &told)) => ended,
            () = told.closed() => Err(Stop::Gone),
        };
        finish(&told, ended).await;
    }

    async fn forwards(&self, count: u64, told: &Told) -> Result<(), Stop> {
        let after = match self.from {
            Begin::Start => 0,
            Begin::At(at) => self.source.reached(at).saturating_sub(1),
            Begin::End => return self.conclude(false, told).await,
        };
        let (mut left, mut any) = (count, false);
        let mut pages = self.source.pages(self.house.log(), self.workspace(), after);
        'pages: while let Some(events) = pages.next().await {
            is_heard(told)?;
            for (recorded, shown) in self.shown(events.map_err(failed)?).await? {
                any |= self.source.holds(&recorded);
                let Some(shown) = shown else { continue };
                if left == 0 {
                    break 'pages;
                }
                left -= 1;
                self.tell(told, &recorded, shown).await?;
            }
            if left == 0 {
                break;
            }
        }
        drop(pages);
        self.conclude(any, told).await
    }

    async fn backwards(&self, count: u64, told: &Told) -> Result<(), Stop> {
        let mut before = match (self.from, &self.source) {
            (Begin::Start, Source::All) => Some(1),
            (Begin::Start, _) => Some(2),
            // Of `$all` what stands there is not read backwards, of a stream it is: so it is in EventStoreDB.
            (Begin::At(at), Source::All) => Some(self.source.reached(at)),
            (Begin::At(at), _) => Some(self.source.reached(at).saturating_add(1)),
            (Begin::End, _) => None,
        };
        let (mut left, mut any) = (count, false);
        while left > 0 {
            let (log, workspace) = (self.house.log(), self.workspace());
            let events = self.source.page_before(log, workspace, before, PAGE).await;
            let events = events.map_err(failed)?;
            let Some(last) = events.last() else { break };
            is_heard(told)?;
            before = Some(self.source.place(last));
            for (recorded, shown) in self.shown(events).await? {
                any |= self.source.holds(&recorded);
                let Some(shown) = shown.filter(|_| left > 0) else {
                    continue;
                };
                left -= 1;
                self.tell(told, &recorded, shown).await?;
            }
        }
        self.conclude(any || count == 0, told).await
    }

    async fn follow(&self, bell: &Bell, told: &Told) -> Result<(), Stop> {
        send(told, event::confirmation()).await?;
        // Heard from before the first look on: nothing can happen in between.
        let mut ring = bell.hear(self.workspace());
        let mut place = match self.from {
            Begin::Start => 0,
            Begin::At(at) => self.source.reached(at),
            Begin::End => {
                let end = self.source.end(self.house.log(), self.workspace()).await;
                end.map_err(failed)?
            }
        };
        let (mut asked, mut looked, mut caught_up) = (Instant::now(), 0, false);
        loop {
            ring.mark_unchanged();
            let mut pages = self.source.pages(self.house.log(), self.workspace(), place);
            while let Some(events) = pages.next().await {
                self.still_may(&mut asked).await?;
                for (recorded, shown) in self.shown(events.map_err(failed)?).await? {
                    place = self.source.place(&recorded);
                    looked += 1;
                    if let Some(shown) = shown {
                        self.tell(told, &recorded, shown).await?;
                    }
                    if let Some(filter) = &self.filter
                        && looked >= filter.checkpoint_every
                    {
                        looked = 0;
                        send(told, event::checkpoint(place)).await?;
                    }
                }
            }
            if !caught_up {
                caught_up = true;
                send(told, event::caught_up(&self.source, place)).await?;
            }
            self.wait(&mut ring, &mut asked).await?;
        }
    }

    /// Until the log has moved on.
    async fn wait(&self, ring: &mut tokio::sync::watch::Receiver<i64>, asked: &mut Instant) -> Result<(), Stop> {
        loop {
            match tokio::time::timeout(ASKED_EVERY, ring.changed()).await {
                Ok(Ok(())) => return Ok(()),
                // The bell lives as long as the server.
                Ok(Err(_)) => return Err(Status::unavailable("the server is ending").into()),
                Err(_) => self.still_may(asked).await?,
            }
        }
    }

    /// Asked every now and then.
    async fn still_may(&self, asked: &mut Instant) -> Result<(), Stop> {
        if asked.elapsed() < ASKED_EVERY {
            return Ok(());
        }
        *asked = Instant::now();
        Ok(still_may(self.house.as_ref(), &self.reader).await?)
    }

    fn workspace(&self) -> Uuid {
        self.reader.guest.workspace()
    }

    /// Each event with what the reader sees of it; nothing, if it is not among what they asked for.
    async fn shown(&self, mut events: Vec<Recorded>) -> Result<Vec<(Recorded, Option<Shown>)>, Status> {
        let open = self.reader.guest.may(Right::OpenPersonal).is_ok();
        if open {
            let opened = self.house.log().open_personal(&mut events).await;
            opened.map_err(|error| unreadable(&error))?;
        }
        let show = |recorded: Recorded| {
            if !self.source.holds(&recorded) {
                return Ok((recorded, None));
            }
            let shown = self
                .house
                .show(&recorded, open)
                .map_err(|error| unreadable(error.as_ref()))?;
            if !self.source.shows(&shown) {
                return Ok((recorded, None));
            }
            let passes = match &self.filter {
                Some(filter) => filter.lets_through(&shown)?,
                None => true,
            };
            Ok((recorded, passes.then_some(shown)))
        };
        events.into_iter().map(show).collect()
    }

    async fn tell(&self, told: &Told, recorded: &Recorded, shown: Shown) -> Result<(), Stop> {
        let event = event::event(&self.source, &self.name, recorded, shown, self.ids);
        send(told, event).await
    }

    /// After the last event: where the stream ends, if that is asked for; or, after none, that there is no such stream.
    async fn conclude(&self, any: bool, told: &Told) -> Result<(), Stop> {
        let last = match &self.source {
            Source::One { id, .. } if self.tells_end || !any => {
                let log = self.house.log();
                let last = log.latest_of_stream(self.workspace(), *id, None, 1).await;
                let last = last.map_err(failed)?.into_iter().next();
                last.filter(|event| self.source.holds(event))
            }
            _ => None,
        };
        match (&self.source, last) {
            (Source::One { .. }, Some(last)) if self.tells_end => send(told, event::end(&last)).await,
            (Source::One { .. } | Source::Nothing, None) if !any => send(told, event::not_found(&self.name)).await,
            _ => Ok(()),
        }
    }
}

/// Who was let in may have lost that meanwhile.
pub async fn still_may<H: House>(house: &H, reader: &Admitted<H>) -> Result<(), Status> {
    let guest = house.admit(&reader.credentials, reader.from).await?;
    let opens = |guest: &H::Guest| guest.may(Right::OpenPersonal).is_ok();
    let is_the_same = guest.workspace() == reader.guest.workspace() && opens(&guest) == opens(&reader.guest);
    match guest.may(Right::Read) {
        Ok(()) if is_the_same => Ok(()),
        Ok(()) => Err(Status::permission_denied("the account's rights have changed")),
        Err(missing) => Err(lacking(missing)),
    }
}

async fn in_time(until: Option<Instant>, work: impl Future<Output = Result<(), Stop>>) -> Result<(), Stop> {
    match until {
        None => work.await,
        Some(until) => match tokio::time::timeout_at(until, work).await {
            Ok(ended) => ended,
            Err(_) => Err(Status::deadline_exceeded("the deadline has passed").into()),
        },
    }
}

async fn finish(told: &Told, ended: Result<(), Stop>) {
    if let Err(Stop::Failed(status)) = ended {
        told.send(Err(status)).await.ok();
    }
}

async fn send(told: &Told, message: ReadResp) -> Result<(), Stop> {
    told.send(Ok(message)).await.map_err(|_| Stop::Gone)
}

/// Who has gone must not have the log read for nothing.
fn is_heard(told: &Told) -> Result<(), Stop> {
    match told.is_closed() {
        true => Err(Stop::Gone),
        false => Ok(()),
    }
}

/// What the reader lacks.
pub fn lacking(permission: &str) -> Status {
    Status::permission_denied(format!("{permission} is missing"))
}

fn failed(error: ReadError) -> Stop {
    unread(error).into()
}

/// What a reader hears of it.
pub fn unread(error: ReadError) -> Status {
    match error {
        ReadError::Unavailable(error) => {
            tracing::warn!(%error, "a reader could not be served");
            Status::unavailable("the log cannot be reached")
        }
        damaged => unreadable(&damaged),
    }
}

/// Told to operators; the reader hears only that it is so.
pub fn unreadable(error: &(dyn std::error::Error + 'static)) -> Status {
    tracing::error!(error = %chain(error), "a reader came to what cannot be read");
    Status::data_loss("the log holds what cannot be read")
}
