//! The one path of every command. It reads nothing that this node knows: a new thing is decided on the empty state, others
//! on the state remembered here, and only a "no" is asked of the log.

use crate::{
    Context, Error, Unit,
    load::{decode, key},
    states::{Key, Live, States},
};
use chrono::{DateTime, Utc};
use domain::{Aggregate, fact::CATEGORIES, finance::terms::PAYMENT_DAYS, id::WorkspaceId};
use log::{AppendError, Appended, Guard, Log};
use serde::{Deserialize, Serialize};
use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};
use tokio::sync::{Mutex, Semaphore};
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
    pub(crate) log: Log,
    lanes: Arc<[Mutex<()>]>,
    pub(crate) states: States,
    /// Up to which erasures `states` was cleaned.
    pub(crate) erasures: Arc<AtomicU64>,
    /// Held by whoever writes a snapshot.
    pub(crate) snapshots: Arc<Semaphore>,
    /// Days to pay for customers whose terms do not say.
    pub(crate) payment_days: u32,
}

/// A state and the version it was folded up to; 0 = it does not exist yet.
#[derive(Debug, Clone)]
pub struct Loaded<A> {
    pub state: Arc<A>,
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
            lanes: (0..LANES).map(|_| Mutex::new(())).collect(),
            erasures: Arc::new(AtomicU64::new(log.erasures())),
            log,
            states: States::new(),
            snapshots: Arc::new(Semaphore::new(1)),
            payment_days: PAYMENT_DAYS,
        }
    }

    /// Another setting than the usual one.
    #[must_use]
    pub fn with_payment_days(self, payment_days: u32) -> Self {
        Self { payment_days, ..self }
    }

    /// What this node remembers of a workspace was made from something that may not be read any more.
    pub fn forget(&self, workspace: WorkspaceId) {
        self.states.forget(workspace.into());
    }

    /// The same for all workspaces.
    pub fn forget_all(&self) {
        self.states.forget_all();
    }

    pub fn log(&self) -> &Log {
        &self.log
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

    /// The same for one that should not be there yet: nothing is read, and the append refuses what is there after all.
    pub async fn create<A: Aggregate>(
        &self,
        id: A::Id,
        command: &A::Command,
        context: &Context,
    ) -> Result<Done<A::Event>, Error<A::Rejection>> {
        self.attempt_all::<A>(id, Some(self.unborn::<A>()), command, &[], context)
            .await
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
        self.attempt_all::<A>(id, None, command, guards, context).await
    }

    /// `supposed`: the state to begin with, which may be wrong.
    async fn attempt_all<A: Aggregate>(
        &self,
        id: A::Id,
        mut supposed: Option<Live<A>>,
        command: &A::Command,
        guards: &[Guard],
        context: &Context,
    ) -> Result<Done<A::Event>, Error<A::Rejection>> {
        let permission = A::permission(command);
        if !context.actor.may(permission) {
            return Err(Error::Forbidden(permission));
        }
        let (mut outages, mut fresh) = (0, false);
        let _turn = self.lane(id.into()).lock().await;
        for _ in 0..ATTEMPTS_MAX {
            let remembered = match (supposed.take(), fresh) {
                (Some(supposed), _) => Some(supposed),
                (None, false) => self.remembered::<A>(context.workspace, id).await,
                (None, true) => None,
            };
            fresh = remembered.is_none();
            let live = match remembered {
                Some(live) => live,
                None => self.live(context.workspace, id).await?,
            };
            match self.attempt(id, live, fresh, command, guards, context).await {
                Ok(Some(done)) => return Ok(done),
                // What was remembered may be behind: only what the log says now can be the reason for an answer.
                Ok(None) => fresh = true,
                Err(error) if !fresh && stands_on_state(&error) => fresh = true,
                Err(Error::Stale { actual, .. }) if context.allows(actual) => {}
                // The state may already show what this very command did: then that is the answer. Asked after the
                // load, for the command's id became known at the same instant as what it did.
                Err(error @ (Error::Rejected(_) | Error::Stale { .. })) => {
                    return self.repeated::<A>(id, context).await?.ok_or(error);
                }
                Err(error) if outages < OUTAGES_MAX && may_ask_again(&error, context) => {
                    outages += 1;
                    // It may come back as another one, with another past.
                    self.forget(context.workspace);
                    tokio::time::sleep(OUTAGE_PAUSE * outages).await;
                }
                Err(error) => return Err(error),
            }
        }
        Err(Error::Busy)
    }

    /// Decides and appends. A repeat is answered by the append; `None`: a state that may be behind gave no events.
    async fn attempt<A: Aggregate>(
        &self,
        id: A::Id,
        live: Live<A>,
        fresh: bool,
        command: &A::Command,
        guards: &[Guard],
        context: &Context,
    ) -> Result<Option<Done<A::Event>>, Error<A::Rejection>> {
        let version = live.mark.version;
        if let Some(expected) = context.expected_version.as_ref().filter(|_| !context.allows(version)) {
            return Err(Error::Stale {
                expected: expected.clone(),
                actual: version,
            });
        }
        let events = live.state.decide(command).map_err(Error::Rejected)?;
        if events.is_empty() && !fresh {
            return Ok(None);
        }
        let mut unit = Unit::default();
        unit.add(id, live.state.as_ref(), version, &events)
            .map_err(Error::Unstorable)?;
        unit.guard(guards.iter().copied());
        let answer = Answer {
            id: id.into(),
            version: version + i64::try_from(events.len()).unwrap_or(0),
        };
        let appended = self.commit(unit, context, &answer).await?;
        let done = done::<A, _>(answer, &appended)?;
        if appended.repeated.is_none() {
            let recorded = appended.events.iter().map(|event| &***event);
            let events: Vec<_> = recorded.zip(done.events.iter().cloned()).collect();
            self.remember(key::<A>(context.workspace, id), live, &events).await;
        }
        Ok(Some(done))
    }

    /// What was looked up for a command may be gone because of what this very command did, or has changed since: then
    /// the first answer is the answer. Asked afterwards, for hardly any command is a repeat.
    pub async fn or_repeated<A: Aggregate>(
        &self,
        id: A::Id,
        context: &Context,
        answer: Result<Done<A::Event>, Error<A::Rejection>>,
    ) -> Result<Done<A::Event>, Error<A::Rejection>> {
        match answer {
            Err(error @ (Error::Rejected(_) | Error::NoSuchReference(_))) => {
                self.repeated::<A>(id, context).await?.ok_or(error)
            }
            answer => answer,
        }
    }

    /// The answer to a repeat.
    async fn repeated<A: Aggregate>(
        &self,
        id: A::Id,
        context: &Context,
    ) -> Result<Option<Done<A::Event>>, Error<A::Rejection>> {
        let first = self.answered(context).await?;
        let asked = Answer {
            id: id.into(),
            version: 0,
        };
        first.map(|first| done::<A, _>(asked, &first)).transpose()
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
        let answer = serde_json::to_string(answer).map_err(|_| AppendError::Malformed("an answer"))?;
        let appended = self.log.append(unit.into_append(context, answer)).await;
        if let Err(AppendError::Guard { stream_id, actual, .. }) = &appended {
            // Whoever looks again is to see it.
            self.overtaken(context.workspace, *stream_id, *actual).await;
        }
        appended
    }

    /// What is remembered of a stream is behind that version.
    pub(crate) async fn overtaken(&self, workspace: WorkspaceId, stream: Uuid, version: i64) {
        for category in CATEGORIES {
            let key = Key {
                workspace: workspace.into(),
                category: category.name(),
                stream,
            };
            self.states.overtaken(key, version).await;
        }
    }
}

/// What a repeat is told besides the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub id: Uuid,
    pub version: i64,
}

/// The answer, read back from what stands in the log, so that a repeat cannot answer anything else.
fn done<A: Aggregate, R>(asked: Answer, appended: &Appended) -> Result<Done<A::Event>, Error<R>> {
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
        done.events.push(decode::<A>(event).map_err(Error::Unreadable)?);
    }
    Ok(done)
}

/// Nothing was written; or nobody knows, but the command has an id, so that the first one is answered if there was one.
fn may_ask_again<R>(error: &Error<R>, context: &Context) -> bool {
    match error {
        Error::Unavailable(_) => true,
        Error::OutcomeUnknown => context.command.is_some(),
        _ => false,
    }
}

/// Another state could have led to another answer.
fn stands_on_state<R>(error: &Error<R>) -> bool {
    matches!(
        error,
        Error::Rejected(_) | Error::Stale { .. } | Error::Taken { .. } | Error::Limit { .. } | Error::Unstorable(_)
    )
}
