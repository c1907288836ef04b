//! Where a state comes from: the cache of live states, the stream's snapshot, its events; and where it is put down
//! again. What is loaded is as fresh as the log: a remembered state is brought up to date by the events after it.

use crate::{
    Error, Executor, Loaded,
    states::{Key, Live, Mark},
};
use domain::{
    Aggregate, FINGERPRINT, Personal,
    fact::{self, DecodeError},
    id::WorkspaceId,
};
use log::{AppendError, Folded, Log, Recorded, Snapshot, Stream, chain};
use serde::de::DeserializeOwned;
use std::sync::{Arc, atomic::Ordering};
use uuid::Uuid;

/// A stream is long when this many events had to be folded: then its state is written down.
const LONG: usize = 200;

/// What has come to a state.
pub(crate) struct Grown<'a> {
    pub last: &'a Recorded,
    pub events: usize,
    /// Of their data.
    pub bytes: usize,
}

impl<'a> Grown<'a> {
    pub fn by(events: &[&'a Recorded]) -> Option<Self> {
        Some(Self {
            last: events.last()?,
            events: events.len(),
            bytes: events.iter().map(|event| event.data.len()).sum(),
        })
    }
}

impl<A> From<Live<A>> for Loaded<A> {
    fn from(Live { state, mark }: Live<A>) -> Self {
        Self {
            state,
            version: mark.version,
            mark,
            builds_on: None,
        }
    }
}

impl Executor {
    /// An aggregate's state as the log has it now.
    pub async fn load<A: Aggregate, R>(&self, workspace: WorkspaceId, id: A::Id) -> Result<Loaded<A>, Error<R>> {
        self.live(workspace, id).await.map(Loaded::from)
    }

    /// The state as this node knows it, for what a decision takes from elsewhere. It is current as far as this node has
    /// heard (`Following`); what there is none of, the log is asked for.
    pub async fn look<A: Aggregate, R>(&self, workspace: WorkspaceId, id: A::Id) -> Result<Loaded<A>, Error<R>> {
        let hears = self.log.heard(workspace.into()).is_some();
        let known = match hears {
            true => self.remembered::<A>(workspace, id).await,
            false => None,
        };
        match known {
            Some(live) => Ok(live.into()),
            None => self.load(workspace, id).await,
        }
    }

    /// A state that nothing has happened to.
    pub(crate) fn unborn<A: Aggregate>(&self) -> Live<A> {
        nothing(self.states.epoch())
    }

    /// The state this node remembers; it may be behind.
    pub(crate) async fn remembered<A: Aggregate>(&self, workspace: WorkspaceId, id: A::Id) -> Option<Live<A>> {
        self.forget_the_erased();
        self.states.get(key::<A>(workspace, id)).await
    }

    /// The state as the log has it now.
    pub(crate) async fn live<A: Aggregate, R>(&self, workspace: WorkspaceId, id: A::Id) -> Result<Live<A>, Error<R>> {
        let key = key::<A>(workspace, id);
        self.forget_the_erased();
        let epoch = self.states.epoch();
        if let Some(known) = self.states.get::<A>(key).await {
            let Mark { version, hash, .. } = known.mark;
            if let Some(tail) = self.log.read_tail(key.workspace, key.stream, version, &hash).await? {
                return self.advance(key, known, tail).await;
            }
            self.states.remove(key).await;
        }
        let stream = Stream {
            category: key.category,
            id: key.stream,
        };
        let Folded {
            snapshot,
            tail,
            was_away,
        } = self.log.load(key.workspace, stream, FINGERPRINT).await?;
        match snapshot {
            None => {
                let mut live = self.advance(key, nothing(epoch), tail).await?;
                if was_away {
                    self.write_down(key, &mut live);
                }
                Ok(live)
            }
            Some(snapshot) => match self.read_back(key, snapshot, epoch).await {
                Some(live) => self.advance(key, live, tail).await,
                // It cannot be read: as if there were none.
                None => {
                    let whole = self.log.read_stream(key.workspace, key.stream, 0).await?;
                    self.advance(key, nothing(epoch), whole).await
                }
            },
        }
    }

    /// Once somebody's personal values may have been erased, what was folded from them is not used again.
    fn forget_the_erased(&self) {
        let erasures = self.log.erasures();
        if self.erasures.swap(erasures, Ordering::AcqRel) != erasures {
            self.states.forget_all();
        }
    }

    /// The state after these events, remembered.
    async fn advance<A: Aggregate, R>(
        &self,
        key: Key,
        live: Live<A>,
        mut tail: Vec<Recorded>,
    ) -> Result<Live<A>, Error<R>> {
        self.log.open_personal(&mut tail).await.map_err(AppendError::from)?;
        // An id of another aggregate has nothing to tell this one.
        let tail = tail.iter().filter(|event| event.category == A::NAME);
        let mut events = Vec::new();
        for recorded in tail {
            events.push((recorded, decode::<A>(recorded).map_err(Error::Unreadable)?));
        }
        Ok(self.remember(key, live, &events).await)
    }

    /// Takes the events into the state and keeps it; writes it down, in the background, when many came together.
    pub(crate) async fn remember<A: Aggregate>(
        &self,
        key: Key,
        live: Live<A>,
        events: &[(&Recorded, A::Event)],
    ) -> Live<A> {
        let recorded: Vec<&Recorded> = events.iter().map(|(recorded, _)| *recorded).collect();
        let Some(grown) = Grown::by(&recorded) else {
            if live.mark.version == 0 {
                self.states.put(key, live.clone()).await; // that there is nothing is worth knowing as well
            }
            return live;
        };
        let Live { state, mark } = live;
        let state = events
            .iter()
            .fold(Arc::unwrap_or_clone(state), |state, (_, event)| state.evolve(event));
        self.keep(key, Arc::new(state), mark, grown).await
    }

    /// Keeps a state that has grown by events since that mark.
    pub(crate) async fn keep<A: Aggregate>(&self, key: Key, state: Arc<A>, mark: Mark, grown: Grown<'_>) -> Live<A> {
        let mark = Mark {
            version: grown.last.version,
            hash: grown.last.hash,
            unwritten: mark.unwritten + grown.events,
            bytes: mark.bytes + grown.bytes,
            epoch: mark.epoch,
        };
        let mut live = Live { state, mark };
        if live.mark.unwritten > LONG {
            self.write_down(key, &mut live);
        }
        self.states.put(key, live.clone()).await;
        live
    }

    /// Snapshots only save time: one that fails is tried again with a later event, and of several at once only one
    /// is written at a time.
    fn write_down<A: Aggregate>(&self, key: Key, live: &mut Live<A>) {
        let Ok(permit) = self.snapshots.clone().try_acquire_owned() else {
            return;
        };
        let Ok(state) = serde_json::to_string(live.state.as_ref()) else {
            return;
        };
        (live.mark.unwritten, live.mark.bytes) = (0, state.len());
        let snapshot = Snapshot {
            version: live.mark.version,
            hash: live.mark.hash,
            state,
        };
        let log = self.log.clone();
        tokio::spawn(async move {
            if let Err(error) = keep_snapshot(&log, key.workspace, key.stream, snapshot).await {
                tracing::warn!(stream = %key.stream, error = %chain(&error), "a snapshot was not kept");
            }
            drop(permit);
        });
    }

    async fn read_back<A: Aggregate>(&self, key: Key, snapshot: Snapshot, epoch: u64) -> Option<Live<A>> {
        let Snapshot { version, hash, state } = snapshot;
        let (state, bytes) = read_snapshot::<A>(&self.log, key.workspace, state).await?;
        Some(Live {
            state: Arc::new(state),
            mark: Mark {
                version,
                hash,
                unwritten: 0,
                bytes,
                epoch,
            },
        })
    }
}

/// A state may tell of people, so it leaves the process sealed as a whole, under the key that is the stream's own; of
/// somebody who was erased meanwhile there is no snapshot.
pub(crate) async fn keep_snapshot(
    log: &Log,
    workspace: Uuid,
    stream: Uuid,
    mut snapshot: Snapshot,
) -> Result<(), AppendError> {
    snapshot.state = format!(r#"{{"$person":"{stream}","$value":{}}}"#, snapshot.state);
    log.seal_text(workspace, &mut snapshot.state).await?;
    log.keep_snapshot(workspace, stream, &snapshot, FINGERPRINT).await?;
    Ok(())
}

/// What was kept so, and how long its text is; nothing where it cannot be read, for then the events tell.
pub(crate) async fn read_snapshot<S: DeserializeOwned + Clone>(
    log: &Log,
    workspace: Uuid,
    mut text: String,
) -> Option<(S, usize)> {
    log.open_text(workspace, &mut text).await.ok()?;
    let state: Personal<S> = serde_json::from_str(&text).ok()?;
    Some((state.get().ok()?.clone(), text.len()))
}

pub(crate) fn key<A: Aggregate>(workspace: WorkspaceId, id: A::Id) -> Key {
    Key {
        workspace: workspace.into(),
        category: A::NAME,
        stream: id.into(),
    }
}

/// The event as it stands in the log.
pub(crate) fn decode<A: Aggregate>(recorded: &Recorded) -> Result<A::Event, DecodeError> {
    fact::decode(&recorded.event_type, recorded.schema, &recorded.data)
}

fn nothing<A: Aggregate>(epoch: u64) -> Live<A> {
    Live {
        state: Arc::default(),
        mark: Mark {
            version: 0,
            hash: [0; 32],
            unwritten: 0,
            bytes: 0,
            epoch,
        },
    }
}
