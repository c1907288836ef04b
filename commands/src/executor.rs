//! The one path of every command.

use crate::{Context, Error, Unit};
use chrono::{DateTime, Utc};
use domain::{Aggregate, fact, id::WorkspaceId};
use log::{AppendError, Appended, Guard, Log};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use tokio::sync::Mutex;
use uuid::Uuid;

/// How often a lost race is tried again.
const ATTEMPTS_MAX: u32 = 16;
/// The same for a store that went away: a caller would rather hear it.
const OUTAGES_MAX: u32 = 3;
const OUTAGE_PAUSE: Duration = Duration::from_millis(50);

/// Commands on one stream of this node wait for each other here instead of losing races against each other; a race
/// with another node is still lost and tried again.
const LANES: usize = 4_096;

#[derive(Clone)]
pub struct Executor {
    log: Log,
    lanes: Arc<[Mutex<()>]>,
}

/// A state and the version it was folded up to; 0 = it does not exist yet.
#[derive(Debug, Clone)]
pub struct Loaded<A> {
    pub state: A,
    pub version: i64,
}

/// What a command came to: the same for the first time and for its repeats.
#[derive(Debug, Clone)]
pub struct Done<E> {
    /// The aggregate, the first one's for a repeated creation.
    pub id: Uuid,
    /// The aggregate's version afterwards.
    pub version: i64,
    /// The workspace's position at which this is true.
    pub position: i64,
    /// With numbers filled in; empty when nothing had to happen.
    pub events: Vec<E>,
    /// When they were recorded.
    pub at: Option<DateTime<Utc>>,
}

impl Executor {
    pub fn new(log: Log) -> Self {
        Self {
            log,
            lanes: (0..LANES).map(|_| Mutex::new(())).collect(),
        }
    }

    pub fn log(&self) -> &Log {
        &self.log
    }

    /// An aggregate's state as the log has it now.
    pub async fn load<A: Aggregate, R>(&self, workspace: WorkspaceId, id: A::Id) -> Result<Loaded<A>, Error<R>> {
        let mut events = self
            .log
            .read_stream(workspace.into(), id.into(), 0)
            .await
            .map_err(AppendError::from)?;
        self.log.open_personal(&mut events).await.map_err(AppendError::from)?;
        let mut loaded = Loaded {
            state: A::default(),
            version: 0,
        };
        for event in events.iter().filter(|event| event.category == A::NAME) {
            let decoded = fact::decode(&event.event_type, &event.data).map_err(Error::Unreadable)?;
            loaded = Loaded {
                state: loaded.state.evolve(&decoded),
                version: event.version,
            };
        }
        Ok(loaded)
    }

    /// Executes a command on one aggregate.
    pub async fn execute<A: Aggregate>(
        &self,
        id: A::Id,
        command: &A::Command,
        context: &Context,
    ) -> Result<Done<A::Event>, Error<A::Rejection>> {
        self.execute_guarded::<A>(id, command, &[], context).await
    }

    /// The same for a command that was looked up in other streams: they must still stand where they were read,
    /// otherwise it is `Busy` and the caller looks again.
    pub async fn execute_guarded<A: Aggregate>(
        &self,
        id: A::Id,
        command: &A::Command,
        guards: &[Guard],
        context: &Context,
    ) -> Result<Done<A::Event>, Error<A::Rejection>> {
        let permission = A::permission(command);
        if !context.actor.may(permission) {
            return Err(Error::Forbidden(permission));
        }
        let mut outages = 0;
        let _turn = self.lane(id.into()).lock().await;
        for _ in 0..ATTEMPTS_MAX {
            let Loaded { state, version } = self.load::<A, A::Rejection>(context.workspace, id).await?;
            // Asked after the load: a state that shows what this command did before must not be decided on again.
            if let Some(first) = self.repeated::<A>(id, context).await? {
                return Ok(first);
            }
            if let Some(expected) = context.expected_version.filter(|expected| *expected != version) {
                return Err(Error::Stale {
                    expected,
                    actual: version,
                });
            }
            let events = state.decide(command).map_err(Error::Rejected)?;
            let mut unit = Unit::default();
            unit.add(id, &state, version, &events).map_err(Error::Unstorable)?;
            unit.guard(guards.iter().copied());
            let answer = Answer {
                id: id.into(),
                version: version + i64::try_from(events.len()).unwrap_or(0),
            };
            match self.commit(unit, context, &answer).await {
                Ok(appended) => return done::<A, _>(answer, appended),
                Err(AppendError::Version { .. }) if context.expected_version.is_none() => {}
                Err(error) if outages < OUTAGES_MAX && may_ask_again(&error, context) => {
                    outages += 1;
                    tokio::time::sleep(OUTAGE_PAUSE * outages).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Busy)
    }

    /// The answer to a repeat, so that a look-up need not be made for it (and cannot spoil it).
    pub async fn repeated<A: Aggregate>(
        &self,
        id: A::Id,
        context: &Context,
    ) -> Result<Option<Done<A::Event>>, Error<A::Rejection>> {
        let first = self.answered(context).await?;
        let asked = Answer {
            id: id.into(),
            version: 0,
        };
        first.map(|first| done::<A, _>(asked, first)).transpose()
    }

    fn lane(&self, stream: Uuid) -> &Mutex<()> {
        let hash = stream.as_u128() ^ (stream.as_u128() >> 64);
        &self.lanes[usize::try_from(hash % LANES as u128).unwrap_or(0)]
    }

    /// What this command id did before.
    pub async fn answered<R>(&self, context: &Context) -> Result<Option<Appended>, Error<R>> {
        match context.command {
            Some(command) => Ok(self.log.find_command(context.workspace.into(), command).await?),
            None => Ok(None),
        }
    }

    /// Appends a unit. One without events still enters its command id, so that the answer stays the same.
    pub async fn commit(&self, unit: Unit, context: &Context, answer: &Answer) -> Result<Appended, AppendError> {
        if unit.is_empty() && context.command.is_none() {
            let position = self.log.head(context.workspace.into()).await?;
            return Ok(Appended {
                position,
                events: Vec::new(),
                repeated: None,
            });
        }
        let answer = serde_json::to_string(answer).map_err(|_| AppendError::NotAnObject)?;
        self.log.append(unit.into_append(context, answer)).await
    }
}

/// What a repeat is told besides the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub id: Uuid,
    pub version: i64,
}

/// The answer, read back from what stands in the log, so that a repeat cannot answer anything else.
fn done<A: Aggregate, R>(asked: Answer, appended: Appended) -> Result<Done<A::Event>, Error<R>> {
    let first = appended.repeated.as_deref().map(serde_json::from_str::<Answer>);
    let Answer { id, version } = first.transpose().map_err(Error::Unstorable)?.unwrap_or(asked);
    let mut done = Done {
        id,
        version,
        position: appended.position,
        events: Vec::with_capacity(appended.events.len()),
        at: None,
    };
    for event in appended.events.iter().filter(|event| event.category == A::NAME) {
        done.at = Some(event.recorded_at);
        let decoded = fact::decode(&event.event_type, &event.data);
        done.events.push(decoded.map_err(Error::Unreadable)?);
    }
    Ok(done)
}

/// Nothing was written; or nobody knows, but the command has an id, so that the first one is answered if there was one.
fn may_ask_again(error: &AppendError, context: &Context) -> bool {
    match error {
        AppendError::Unavailable(_) => true,
        AppendError::Unknown => context.command.is_some(),
        _ => false,
    }
}
