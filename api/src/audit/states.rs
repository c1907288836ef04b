//! Things as they stand behind the events told so far, so that the next one's before is known. Some are remembered; the
//! others are folded again from their streams, in pages, so that neither a long stream nor a whole workspace is ever in
//! memory.

use super::{
    TrailError,
    fold::{Fold, Step},
    noun::Noun,
};
use domain::Fact;
use futures::TryStreamExt;
use log::{Log, Recorded};
use projections::Seen;
use std::{collections::HashMap, mem};
use uuid::Uuid;

/// How many things are remembered: those asked for since the last so many, and those before.
const REMEMBERED: usize = 1_000;
/// Events folded at a time on the way to a thing's state.
const PAGE: usize = 500;

/// A thing behind some version of its stream.
struct State {
    version: i64,
    fold: Box<dyn Fold>,
}

pub struct States {
    log: Log,
    recent: HashMap<Uuid, State>,
    earlier: HashMap<Uuid, State>,
    erasures: u64,
}

impl States {
    pub fn new(log: Log) -> Self {
        Self {
            erasures: log.erasures(),
            log,
            recent: HashMap::new(),
            earlier: HashMap::new(),
        }
    }

    /// Once somebody was erased, nothing that was opened before is told.
    pub fn forget_the_erased(&mut self) {
        let erasures = self.log.erasures();
        if mem::replace(&mut self.erasures, erasures) != erasures {
            self.recent.clear();
            self.earlier.clear();
        }
    }

    /// What the event made of its thing. Personal values are open in it.
    pub async fn step(&mut self, noun: &dyn Noun, event: &Recorded) -> Result<Option<Step>, TrailError> {
        let Some(nothing) = noun.begin() else { return Ok(None) };
        let known = self.take(event.stream_id).filter(|state| state.version < event.version);
        let mut state = known.unwrap_or(State {
            version: 0,
            fold: nothing,
        });
        if noun.remembers() {
            self.reach(&mut state, event).await?;
        }
        let fact = decode(event)?;
        let seen = Seen {
            fact: &fact,
            recorded: event,
        };
        let step = state.fold.tell(&seen)?;
        state.version = event.version;
        self.keep(event.stream_id, state);
        Ok(step)
    }

    /// The event is not told, but goes into what comes after it, where that is known.
    pub fn pass(&mut self, event: &Recorded) -> Result<(), TrailError> {
        let Some(mut state) = self.take(event.stream_id) else {
            return Ok(());
        };
        if state.version == event.version - 1 {
            state.see(event)?;
            self.keep(event.stream_id, state);
        }
        Ok(())
    }

    /// Up to the event before this one.
    async fn reach(&self, state: &mut State, event: &Recorded) -> Result<(), TrailError> {
        if state.version + 1 == event.version {
            return Ok(());
        }
        let stream = self.log.replay_stream(event.workspace, event.stream_id, state.version);
        let mut pages = Box::pin(stream).try_chunks(PAGE);
        while let Some(mut page) = pages.try_next().await.map_err(|error| error.1)? {
            page.retain(|earlier| earlier.version < event.version);
            self.log.open_personal(&mut page).await?;
            for earlier in &page {
                state.see(earlier)?;
            }
            if state.version + 1 >= event.version {
                break;
            }
        }
        Ok(())
    }

    fn take(&mut self, stream: Uuid) -> Option<State> {
        self.recent.remove(&stream).or_else(|| self.earlier.remove(&stream))
    }

    fn keep(&mut self, stream: Uuid, state: State) {
        if self.recent.len() >= REMEMBERED {
            self.earlier = mem::take(&mut self.recent);
        }
        self.recent.insert(stream, state);
    }
}

impl State {
    fn see(&mut self, event: &Recorded) -> Result<(), TrailError> {
        let fact = decode(event)?;
        self.fold.see(&Seen {
            fact: &fact,
            recorded: event,
        });
        self.version = event.version;
        Ok(())
    }
}

fn decode(event: &Recorded) -> Result<Fact, TrailError> {
    let fact = Fact::decode(&event.category, &event.event_type, event.schema, &event.data);
    fact.map_err(|source| TrailError::Event {
        position: event.position,
        source,
    })
}
