//! Which groups are run here. A group has its task from when the first consumer comes to the node that leads its workspace, until
//! the last one leaves; leases move what a node that is gone has led, and consumers come again.

use super::{
    beginning,
    run::{Consumer, Live, Run, Word, unkept},
    settings::Settings,
    store::{Kept, Key, Store},
    told,
};
use crate::{bell::Bell, house::House, read::Begin, stream::Source};
use async_trait::async_trait;
use log::{ConsumerError, Progress, Urge};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep},
};
use tonic::Status;
use uuid::Uuid;

/// Words that wait for a group.
const WORDS: usize = 256;
/// How long a node that has just come may take to know what it leads.
const LED_WITHIN: Duration = Duration::from_secs(10);
const LOOKED_EVERY: Duration = Duration::from_millis(50);
/// A group may end just when somebody comes.
const TRIES: usize = 5;

type Here = HashMap<Key, mpsc::Sender<Word>>;

pub struct Groups<H> {
    house: Arc<H>,
    bell: Arc<Bell>,
    store: Store,
    here: Mutex<Here>,
    /// Held while one is begun: of two at once only one can go on.
    turn: tokio::sync::Mutex<()>,
    /// Knows what this node leads.
    urge: OnceLock<Urge>,
    /// Where this node is reached.
    at: (String, u16),
}

impl<H: House> Groups<H> {
    pub async fn open(house: Arc<H>, bell: Arc<Bell>, at: (String, u16)) -> Result<Self, sqlx::Error> {
        Ok(Self {
            store: Store::open(house.pool().clone()).await?,
            house,
            bell,
            here: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            urge: OnceLock::new(),
            at,
        })
    }

    pub fn house(&self) -> &H {
        &self.house
    }

    pub fn source(&self, stream: &str) -> Result<Source, Status> {
        if stream == super::ALL {
            return Ok(Source::All);
        }
        let source = Source::named(stream, |name| self.house.external(name));
        source.map_err(|_| Status::unimplemented(format!("{stream} is not served")))
    }

    pub async fn create(&self, key: &Key, settings: &Settings, begin: Begin) -> Result<(), Status> {
        let source = self.source(&key.stream)?;
        let start = beginning(self.house(), key.workspace, &source, begin).await?;
        match self
            .store
            .create(key, settings, start)
            .await
            .map_err(|error| unkept(&error))?
        {
            true => Ok(()),
            false => Err(told::known(key)),
        }
    }

    /// Whoever is there has to come again, and comes under the new settings.
    pub async fn update(&self, key: &Key, settings: &Settings) -> Result<(), Status> {
        self.there(self.store.update(key, settings).await, key)?;
        self.tell(key, Word::End(told::dropped("the group was changed"))).await;
        Ok(())
    }

    pub async fn delete(&self, key: &Key) -> Result<(), Status> {
        self.there(self.store.delete(key).await, key)?;
        self.tell(key, Word::End(told::dropped("the group was deleted"))).await;
        Ok(())
    }

    pub async fn find(&self, key: &Key) -> Result<Kept, Status> {
        let found = self.store.find(key).await.map_err(|error| unkept(&error))?;
        found.ok_or_else(|| told::unknown(key))
    }

    pub async fn list(&self, workspace: Uuid, stream: Option<&str>) -> Result<Vec<(Key, Kept)>, Status> {
        let all = self.store.list(workspace, stream).await;
        all.map_err(|error| unkept(&error))
    }

    /// A group that is run elsewhere looks for them within a second.
    pub async fn replay(&self, key: &Key, count: Option<i64>) -> Result<(), Status> {
        self.find(key).await?;
        self.store.replay(key, count).await.map_err(|error| unkept(&error))?;
        self.tell(key, Word::Replay).await;
        Ok(())
    }

    /// A group as it is just now, if it is run here.
    pub async fn look(&self, key: &Key) -> Option<Live> {
        let (answer, answered) = oneshot::channel();
        self.tell(key, Word::Look(answer)).await;
        answered.await.ok()
    }

    /// Seats a consumer, at a group that is run here from now on, if it was not.
    pub async fn join(
        self: &Arc<Self>,
        key: &Key,
        consumer: impl Fn() -> Consumer,
    ) -> Result<(super::Seat, mpsc::Sender<Word>), Status> {
        self.is_to_be_here(key).await?;
        for _ in 0..TRIES {
            let words = self.running(key).await?;
            let (answer, seated) = oneshot::channel();
            let told = words.send(Word::Join(consumer(), answer)).await;
            match seated.await {
                Ok(seat) if told.is_ok() => return Ok((seat?, words)),
                _ => self.forget(key, &words),
            }
        }
        Err(Status::unavailable("the group ends again and again"))
    }

    async fn is_to_be_here(&self, key: &Key) -> Result<(), Status> {
        let until = Instant::now() + LED_WITHIN;
        loop {
            if self.leads(key.workspace) {
                return Ok(());
            }
            let kept = self.find(key).await?;
            let elsewhere = kept.at.filter(|at| *at != self.at);
            if elsewhere.is_some() || Instant::now() >= until {
                return Err(told::elsewhere(elsewhere));
            }
            sleep(LOOKED_EVERY).await;
        }
    }

    fn leads(&self, workspace: Uuid) -> bool {
        self.urge.get().is_some_and(|urge| urge.leads(workspace))
    }

    /// The group's task, begun if there is none.
    async fn running(self: &Arc<Self>, key: &Key) -> Result<mpsc::Sender<Word>, Status> {
        let _turn = self.turn.lock().await;
        if let Some(words) = self.here().get(key).filter(|words| !words.is_closed()) {
            return Ok(words.clone());
        }
        let (host, port) = &self.at;
        let begun = self
            .store
            .begin(key, host, *port)
            .await
            .map_err(|error| unkept(&error))?;
        let kept = begun.ok_or_else(|| told::unknown(key))?;
        let (words, heard) = mpsc::channel(WORDS);
        let source = self.source(&key.stream)?;
        let parts = ((self.house.clone(), self.store.clone()), (key.clone(), source));
        let run = Run::new(parts.0, parts.1, &kept, heard)?;
        let (groups, workspace) = (self.clone(), key.workspace);
        let leads = move || groups.leads(workspace);
        tokio::spawn(run.run(kept.progress.open, self.bell.clone(), leads));
        self.here().insert(key.clone(), words.clone());
        Ok(words)
    }

    async fn tell(&self, key: &Key, word: Word) {
        let words = self.here().get(key).cloned();
        if let Some(words) = words {
            words.send(word).await.ok();
        }
    }

    fn forget(&self, key: &Key, words: &mpsc::Sender<Word>) {
        let mut here = self.here();
        if here.get(key).is_some_and(|known| known.same_channel(words)) {
            here.remove(key);
        }
    }

    fn there(&self, changed: Result<bool, sqlx::Error>, key: &Key) -> Result<(), Status> {
        match changed.map_err(|error| unkept(&error))? {
            true => Ok(()),
            false => Err(told::unknown(key)),
        }
    }

    /// A poisoned lock guards a list that no panic leaves half-changed.
    fn here(&self) -> MutexGuard<'_, Here> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// So that leases say which node runs what: groups themselves follow the log through the bell.
#[async_trait]
impl<H: House> log::Consumer for Groups<H> {
    fn name(&self) -> &'static str {
        "eventstoredb_groups"
    }

    async fn advance(&self, workspace: Uuid) -> Result<Progress, ConsumerError> {
        let position = match self.house.log().heard(workspace) {
            Some(position) => position,
            None => self.house.log().head(workspace).await?,
        };
        Ok(Progress { position, more: false })
    }

    fn attach(&self, urge: Urge) {
        self.urge.set(urge).ok();
    }
}
