//! The one path of every command. It reads nothing that this node knows: a new thing is decided on the empty state, others
//! on the state remembered here, and only a "no" is asked of the log.

use crate::{
    Context, Error, Unit,
    lanes::{Lane, Lanes},
    load::{Grown, decode, key},
    states::{Key, Live, Mark, States},
};
use chrono::{DateTime, Utc};
use domain::{Aggregate, fact, finance::terms::PAYMENT_DAYS, id::WorkspaceId};
use log::{AppendError, Appended, Guard, Log, Promise, Submitted};
use serde::{Deserialize, Serialize};
use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};
use tokio::sync::{MutexGuard, Semaphore};
use tracing::{Instrument, Span, debug_span};
use uuid::Uuid;

/// How often a lost race is tried again.
const ATTEMPTS_MAX: u32 = 16;
/// The same for a store that went away: a caller would rather hear it.
const OUTAGES_MAX: u32 = 3;
const OUTAGE_PAUSE: Duration = Duration::from_millis(50);

#[derive(Clone)]
pub struct Executor {
    pub(crate) log: Log,
    pub(crate) lanes: Lanes,
    pub(crate) states: States,
    /// Up to which erasures `states` was cleaned.
    pub(crate) erasures: Arc<AtomicU64>,
    /// Held by whoever writes a snapshot.
    pub(crate) snapshots: Arc<Semaphore>,
    /// Days to pay for customers whose terms do not say.
    pub(crate) payment_days: u32,
    /// Commands are decided, and nothing is written.
    pub(crate) rehearses: bool,
}

/// A command and what it is to be decided on.
struct Asked<'a, A: Aggregate> {
    id: A::Id,
    command: &'a A::Command,
    guards: &'a [Guard],
    context: &'a Context,
}

/// A state to decide on, and what has to be written so that it is true.
pub(crate) type Known<A> = (Live<A>, Option<Promise>);

/// What came of deciding and appending once.
enum Attempt<E> {
    Done(Done<E>),
    /// Somebody else has written to the stream meanwhile.
    Overtaken,
    /// The state may be behind, and gave no events; or it was ahead of the log.
    Unsure,
}

/// A command's turn in its lane.
struct Turn<'a> {
    lane: &'a Lane,
    turn: MutexGuard<'a, ()>,
}

impl Turn<'_> {
    /// Waits for the answer. When it is known which state the append will leave, the next one has its turn before that.
    async fn answered<A: Aggregate>(
        self,
        key: Key,
        ahead: Option<Live<A>>,
        submitted: Submitted,
    ) -> Result<Appended, AppendError> {
        let Self { lane, turn } = self;
        let Some((ahead, promise)) = ahead.zip(submitted.promise()) else {
            let appended = submitted.answer().await;
            drop(turn);
            return appended;
        };
        lane.go_ahead(key, ahead, promise);
        drop(turn);
        submitted.answer().await
    }
}

/// A state and the version it was folded up to; 0 = it does not exist yet.
#[derive(Debug, Clone)]
pub struct Loaded<A> {
    pub state: Arc<A>,
    pub version: i64,
    pub(crate) mark: Mark,
    /// What has to be written so that it is true.
    pub(crate) builds_on: Option<Promise>,
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

/// From permission to answer, however often it is tried.
fn command_span<A: Aggregate>() -> Span {
    debug_span!(target: trace::TARGET, "command", of = A::NAME)
}

/// From the queue to the commit.
pub(crate) fn append_span() -> Span {
    debug_span!(target: trace::TARGET, "append")
}

impl Executor {
    pub fn new(log: Log) -> Self {
        Self {
            lanes: Lanes::new(),
            erasures: Arc::new(AtomicU64::new(log.erasures())),
            log,
            states: States::new(),
            snapshots: Arc::new(Semaphore::new(1)),
            payment_days: PAYMENT_DAYS,
            rehearses: false,
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
        let asked = Asked::<A> {
            id,
            command,
            guards: &[],
            context,
        };
        let attempts = self.attempt_all(asked, Some(self.unborn::<A>()));
        attempts.instrument(command_span::<A>()).await
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
        let asked = Asked::<A> {
            id,
            command,
            guards,
            context,
        };
        self.attempt_all(asked, None).instrument(command_span::<A>()).await
    }

    /// `supposed`: the state to begin with, which may be wrong.
    async fn attempt_all<A: Aggregate>(
        &self,
        asked: Asked<'_, A>,
        mut supposed: Option<Live<A>>,
    ) -> Result<Done<A::Event>, Error<A::Rejection>> {
        let Asked { id, context, .. } = asked;
        let permission = A::permission(asked.command);
        if !context.actor.may(permission) {
            return Err(Error::Forbidden(permission));
        }
        let (mut outages, mut fresh) = (0, false);
        let lane = self.lanes.of(id.into());
        for _ in 0..ATTEMPTS_MAX {
            let turn = lane.turn().await;
            let known = match (supposed.take(), fresh) {
                (Some(supposed), _) => Some((supposed, None)),
                (None, false) => self.expected::<A>(lane, context.workspace, id).await,
                (None, true) => None,
            };
            fresh = known.is_none();
            let known = match known {
                Some(known) => known,
                None => (self.live(context.workspace, id).await?, None),
            };
            match self.attempt(&asked, Turn { lane, turn }, known, fresh).await {
                Ok(Attempt::Done(done)) => return Ok(done),
                Ok(Attempt::Overtaken) => fresh = false,
                // What was known may be behind: only what the log says now can be the reason for an answer.
                Ok(Attempt::Unsure) => fresh = true,
                Err(error) if !fresh && error.stands_on_state() => fresh = true,
                // The state may already show what this very command did: then that is the answer. Asked after the
                // load, for the command's id became known at the same instant as what it did.
                Err(error) if error.may_be_of_a_repeat() => {
                    return self.repeated::<A>(id, context).await?.ok_or(error);
                }
                Err(error) if outages < OUTAGES_MAX && error.may_be_asked_again(context) => {
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

    /// The state that the next append will find if nobody else writes: what is in the line leaves it, or was written last.
    pub(crate) async fn expected<A: Aggregate>(
        &self,
        lane: &Lane,
        workspace: WorkspaceId,
        id: A::Id,
    ) -> Option<Known<A>> {
        let remembered = self.remembered::<A>(workspace, id).await;
        let known = remembered.as_ref().map_or(0, |live| live.mark.version);
        let ahead = lane.ahead::<A>(key::<A>(workspace, id));
        ahead
            .filter(|(live, _)| live.mark.version > known && self.states.may_use(workspace.into(), live.mark))
            .map(|(live, promise)| (live, Some(promise)))
            .or_else(|| Some((remembered?, None)))
    }

    /// Decides and appends. A repeat is answered by the append.
    async fn attempt<A: Aggregate>(
        &self,
        asked: &Asked<'_, A>,
        turn: Turn<'_>,
        (live, builds_on): Known<A>,
        fresh: bool,
    ) -> Result<Attempt<A::Event>, Error<A::Rejection>> {
        let Asked { id, context, .. } = *asked;
        let version = live.mark.version;
        if version > 0 {
            reaches::<A>(asked.command, context, live.state.as_ref())?;
        }
        if let Some(expected) = context.expected_version.as_ref().filter(|_| !context.allows(version)) {
            return Err(Error::Stale {
                expected: expected.clone(),
                actual: version,
            });
        }
        let events = live.state.decide(asked.command).map_err(Error::Rejected)?;
        if events.is_empty() && !fresh {
            return Ok(Attempt::Unsure);
        }
        let mut unit = Unit::default();
        let after = unit
            .add(id, live.state.as_ref(), version, &events)
            .map_err(Error::Unstorable)?;
        unit.guard(asked.guards.iter().copied());
        unit.build_on(builds_on);
        let after = (!events.is_empty() && !unit.is_numbered()).then(|| Arc::new(after));
        let answer = Answer {
            id: id.into(),
            version: version + i64::try_from(events.len()).unwrap_or(0),
        };
        if self.rehearses {
            return self.rehearsed(answer, events, &unit, context).await.map(Attempt::Done);
        }
        let key = key::<A>(context.workspace, id);
        let ahead = after.clone().map(|state| Live {
            state,
            mark: Mark {
                version: answer.version,
                ..live.mark
            },
        });
        let append = async {
            let submitted = self.submit(unit, context, &answer).await?;
            turn.answered(key, ahead, submitted).await
        };
        let appended = append.instrument(append_span()).await;
        let appended = match self.heed(context.workspace, appended).await {
            Err(AppendError::Version { expected, actual, .. }) => {
                return Ok(match actual > expected {
                    true => Attempt::Overtaken,
                    false => Attempt::Unsure,
                });
            }
            appended => appended?,
        };
        let done = done::<A, _>(answer, &appended)?;
        if appended.repeated.is_none() {
            self.keep_written(key, live, after, &appended, &done.events).await;
            // Not before: what is remembered would be behind, and commands in line on it could come to a version that was another.
            self.lanes.of(key.stream).arrived(key, done.version);
        }
        Ok(Attempt::Done(done))
    }

    /// What was just written is remembered; `after` is the state that it left, if nothing was filled in.
    async fn keep_written<A: Aggregate>(
        &self,
        key: Key,
        live: Live<A>,
        after: Option<Arc<A>>,
        appended: &Appended,
        events: &[A::Event],
    ) {
        let recorded: Vec<_> = appended.events.iter().map(|event| &***event).collect();
        match (after, Grown::by(&recorded)) {
            (Some(after), Some(grown)) => {
                self.keep(key, after, live.mark, grown).await;
            }
            _ => {
                let events: Vec<_> = recorded.into_iter().zip(events.iter().cloned()).collect();
                self.remember(key, live, &events).await;
            }
        }
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

    /// The answer to a repeat; for whoever must know before it looks up what this very command may have removed.
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
        first.map(|first| done::<A, _>(asked, &first)).transpose()
    }

    /// What this command id did before.
    pub async fn answered<R>(&self, context: &Context) -> Result<Option<Appended>, Error<R>> {
        match context.command {
            Some(command) => Ok(self.log.find_command(context.workspace.into(), command).await?),
            None => Ok(None),
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
pub(crate) fn done<A: Aggregate, R>(asked: Answer, appended: &Appended) -> Result<Done<A::Event>, Error<R>> {
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
        let decoded = decode::<A>(event).map_err(Error::Unreadable)?;
        // So that who follows need not decode it once more.
        event.meaning(|_| fact::of::<A>(&decoded).ok_or(())).ok();
        done.events.push(decoded);
    }
    Ok(done)
}

/// A right may reach to some records only; one that the caller may not see is not there for them.
pub(crate) fn reaches<A: Aggregate>(
    command: &A::Command,
    context: &Context,
    state: &A,
) -> Result<(), Error<A::Rejection>> {
    let Some(seen) = A::SEEN_WITH else { return Ok(()) };
    let (actor, record) = (&context.actor, state.belongs());
    let permission = A::permission(command);
    if !actor.may_on(seen, record) {
        return Err(Error::Hidden(A::NAME));
    }
    match actor.may_on(permission, record) {
        true => Ok(()),
        false => Err(Error::Forbidden(permission)),
    }
}
