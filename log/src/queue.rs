//! Appends that wait to be committed, and the choice of the next batch. Workspaces take turns, so that one flooding the
//! node does not starve the others; a batch holds no two appends that touch the same claim or command, so that these can be
//! judged against the tables alone, and those of one stream in the order they came; what is in one committer's hands is left alone by the others; and a workspace
//! that another node has in hand just now rests for a moment, while the others go on.

use crate::{
    AppendError, backoff,
    batch::{Outcome, Prepared},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    time::timeout,
};
use uuid::Uuid;

/// The most events in one transaction, unless a single append has more.
const BATCH_EVENTS_MAX: usize = 500;
/// The most bytes in one transaction, likewise.
pub(crate) const BATCH_BYTES_MAX: usize = 8 << 20;
/// The most memory that waiting appends take, in KiB.
const ROOM: usize = 128 << 10;
/// The most of it that one workspace's take; the largest append fits.
const HOME_ROOM: usize = ROOM / 2;
/// How long a caller waits for room before it is told to come back.
const ROOM_WAIT: Duration = Duration::from_secs(5);
/// The most committers at work: more gained nothing on two cores.
const BUSY: usize = 2;
/// A further committer is worth its commit when so many events wait for it; fewer are better off in the next batch.
const WORTH_ANOTHER: usize = 64;
/// How long a workspace rests that somebody else has in hand: at first, and at most.
const REST_MIN: Duration = Duration::from_millis(1);
const REST_MAX: Duration = Duration::from_millis(20);
/// After so many rests in a row somebody had better wait for it, for it is hardly ever free.
const RESTS_MAX: u32 = 4;
/// How long an append is put off before its caller hears that the store cannot take it now.
const PATIENCE: Duration = Duration::from_secs(10);
/// What the caller is told.
pub(crate) type Reply = Result<Outcome, AppendError>;

/// One caller's append and where its answer goes.
pub(crate) struct Waiting {
    pub prepared: Prepared,
    pub reply: oneshot::Sender<Reply>,
    since: Instant,
    /// Given back when the append is answered.
    pub room: [OwnedSemaphorePermit; 2],
}

/// A workspace that somebody else has in hand.
pub(crate) struct Rest {
    pub workspace: Uuid,
    pub pause: Duration,
    /// It has rested so often that resting is of no use.
    pub was_long: bool,
}

pub(crate) struct Queue {
    state: Mutex<State>,
    room: Arc<Semaphore>,
}

#[derive(Default)]
struct State {
    bytes_max: usize,
    homes: HashMap<Uuid, Home>,
    /// Workspaces that may give to the next batch, in the order of their turns.
    turns: VecDeque<Uuid>,
    /// Events of the workspaces in `turns`.
    ready: usize,
    /// Committers at work.
    at_work: usize,
}

/// What waits for one workspace.
struct Home {
    waiting: VecDeque<Waiting>,
    /// Of those waiting.
    events: usize,
    in_turns: bool,
    in_hand: bool,
    /// How often in a row it was found in somebody else's hand; then it rests.
    put_off: u32,
    resting: bool,
    room: Arc<Semaphore>,
}

impl Default for Home {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            events: 0,
            in_turns: false,
            in_hand: false,
            put_off: 0,
            resting: false,
            room: Arc::new(Semaphore::new(HOME_ROOM)),
        }
    }
}

impl Queue {
    /// Whose batches have at most so many bytes, unless a single append has more.
    pub fn new(bytes_max: usize) -> Self {
        Self {
            state: Mutex::new(State {
                bytes_max,
                ..State::default()
            }),
            room: Arc::new(Semaphore::new(ROOM)),
        }
    }

    /// Queues an append, and tells whether a committer is to be hired; waits for room, and answers `Overloaded` when there
    /// is none for too long.
    pub async fn push(&self, prepared: Prepared) -> Result<(oneshot::Receiver<Reply>, bool), AppendError> {
        let workspace = prepared.append.workspace;
        let size = u32::try_from(prepared.bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        let home = self.state().homes.entry(workspace).or_default().room.clone();
        // First its own workspace's room, so that those who flood wait among themselves.
        let rooms = async {
            Some([
                home.acquire_many_owned(size).await.ok()?,
                self.room.clone().acquire_many_owned(size).await.ok()?,
            ])
        };
        let Some(room) = timeout(ROOM_WAIT, rooms).await.ok().flatten() else {
            self.forget([workspace]);
            return Err(AppendError::Overloaded);
        };
        let (reply, answer) = oneshot::channel();
        let hires = self.state().enter(Waiting {
            prepared,
            reply,
            since: Instant::now(),
            room,
        });
        Ok((answer, hires))
    }

    /// The next batch for a committer that was hired, in the order of its workspaces, and whether enough is left to hire
    /// another; without one it is dismissed.
    pub fn take(&self) -> Option<(Vec<Waiting>, bool)> {
        let mut state = self.state();
        let batch = state.batch();
        if batch.is_empty() {
            state.at_work -= 1;
            return None;
        }
        Some((batch, state.hires()))
    }

    /// These of a batch, in its order, could not be tried, because somebody else has their workspaces in hand: they come
    /// first again, after a rest. Answers which workspaces rest and how long, and who has waited for too long.
    pub fn put_off(&self, appends: Vec<Waiting>) -> (Vec<Rest>, Vec<Waiting>) {
        let mut state = self.state();
        let (late, appends): (Vec<_>, Vec<_>) = appends
            .into_iter()
            .partition(|waiting| waiting.since.elapsed() > PATIENCE);
        let mut rests = BTreeMap::new();
        for waiting in appends.into_iter().rev() {
            let workspace = waiting.prepared.append.workspace;
            let home = state.homes.entry(workspace).or_default();
            rests.entry(workspace).or_insert_with(|| {
                home.put_off = home.put_off.saturating_add(1);
                home.resting = true;
                Rest {
                    workspace,
                    pause: backoff::pause(home.put_off, REST_MIN, REST_MAX),
                    was_long: home.put_off > RESTS_MAX,
                }
            });
            home.events += weight(&waiting);
            home.waiting.push_front(waiting);
        }
        (rests.into_values().collect(), late)
    }

    /// A batch of this workspace alone, for somebody who waits until it is free.
    pub fn take_alone(&self, workspace: Uuid) -> Vec<Waiting> {
        let mut state = self.state();
        let mut gathered = Gathered::new(state.bytes_max);
        if let Some(home) = state.homes.get_mut(&workspace) {
            home.resting = false;
            gathered.take_from(home, BATCH_EVENTS_MAX);
        }
        gathered.batch
    }

    /// A workspace has rested. Tells whether a committer is to be hired.
    pub fn rested(&self, workspace: Uuid) -> bool {
        let mut state = self.state();
        if let Some(home) = state.homes.get_mut(&workspace) {
            home.resting = false;
        }
        state.give_turn(workspace);
        state.hires()
    }

    /// Whether a committer is to be hired.
    pub fn hires(&self) -> bool {
        self.state().hires()
    }

    /// Nothing keeps these any more.
    pub fn went_well(&self, workspaces: &BTreeSet<Uuid>) {
        let mut state = self.state();
        for workspace in workspaces {
            if let Some(home) = state.homes.get_mut(workspace) {
                home.put_off = 0;
            }
        }
    }

    /// Nobody is interested in these any more, perhaps.
    pub fn forget(&self, workspaces: impl IntoIterator<Item = Uuid>) {
        let mut state = self.state();
        workspaces
            .into_iter()
            .for_each(|workspace| state.forget_idle(workspace));
    }

    /// The batch of these workspaces has been written, or not. Tells whether so little waits that its committer had better
    /// look again in a moment: one full batch costs less than two that are half empty.
    pub fn done(&self, workspaces: impl IntoIterator<Item = Uuid>) -> bool {
        let mut state = self.state();
        workspaces.into_iter().for_each(|workspace| state.let_go(workspace));
        state.ready < WORTH_ANOTHER
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Tells whether a committer is to be hired.
    fn enter(&mut self, waiting: Waiting) -> bool {
        let workspace = waiting.prepared.append.workspace;
        let home = self.homes.entry(workspace).or_default();
        let events = weight(&waiting);
        home.events += events;
        home.waiting.push_back(waiting);
        if home.in_turns {
            self.ready += events;
        } else {
            self.give_turn(workspace);
        }
        self.hires()
    }

    fn give_turn(&mut self, workspace: Uuid) {
        if let Some(home) = self.homes.get_mut(&workspace) {
            let was = home.in_turns;
            home.in_turns = !home.in_hand && !home.resting && !home.waiting.is_empty();
            if home.in_turns && !was {
                self.turns.push_back(workspace);
                self.ready += home.events;
            }
        }
    }

    fn hires(&mut self) -> bool {
        let hires = match self.at_work {
            0 => !self.turns.is_empty(),
            busy => busy < BUSY && self.ready >= WORTH_ANOTHER,
        };
        self.at_work += usize::from(hires);
        hires
    }

    /// What is ready is shared among the committers that are free, by whole workspaces. Each in its turn gives an equal
    /// part of a batch; then, while there is room, those that gave give all they have.
    fn batch(&mut self) -> Vec<Waiting> {
        let turns: Vec<Uuid> = self.turns.drain(..).collect();
        let free = (BUSY + 1).saturating_sub(self.at_work).max(1);
        let enough = (std::mem::take(&mut self.ready) / free).max(WORTH_ANOTHER);
        let share = BATCH_EVENTS_MAX.div_ceil(turns.len().max(1));
        let mut gathered = Gathered::new(self.bytes_max);
        for workspace in &turns {
            if gathered.events >= enough {
                break;
            }
            if let Some(home) = self.homes.get_mut(workspace) {
                gathered.take_from(home, share);
            }
        }
        for workspace in &turns {
            if let Some(home) = self.homes.get_mut(workspace).filter(|home| home.in_hand) {
                gathered.take_from(home, BATCH_EVENTS_MAX);
            }
        }
        for workspace in turns {
            if let Some(home) = self.homes.get_mut(&workspace) {
                home.in_turns = false; // it was drained
            }
            self.give_turn(workspace); // who gave nothing keeps its place
            self.forget_idle(workspace);
        }
        gathered.batch.sort_by_key(|waiting| waiting.prepared.append.workspace);
        gathered.batch
    }

    fn let_go(&mut self, workspace: Uuid) {
        if let Some(home) = self.homes.get_mut(&workspace) {
            home.in_hand = false;
        }
        self.give_turn(workspace);
        self.forget_idle(workspace);
    }

    fn forget_idle(&mut self, workspace: Uuid) {
        let idle = |home: &Home| {
            // Nobody is about to queue here either.
            !home.in_hand && !home.resting && home.waiting.is_empty() && Arc::strong_count(&home.room) == 1
        };
        if self.homes.get(&workspace).is_some_and(idle) {
            self.homes.remove(&workspace);
        }
    }
}

/// A batch in the making.
#[derive(Default)]
struct Gathered {
    bytes_max: usize,
    batch: Vec<Waiting>,
    /// Claims and commands of those in it.
    alone: HashSet<u64>,
    /// Streams of those that were passed over: who comes later waits behind them.
    passed: HashSet<u64>,
    events: usize,
    bytes: usize,
}

impl Gathered {
    fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            ..Self::default()
        }
    }

    fn take_from(&mut self, home: &mut Home, share: usize) {
        let (mut kept, mut taken) = (VecDeque::new(), 0);
        while taken < share && kept.len() < BATCH_EVENTS_MAX {
            let Some(waiting) = home.waiting.pop_front() else {
                break;
            };
            if waiting.reply.is_closed() {
                home.events -= weight(&waiting); // its caller has left before anything was done
            } else if !self.has_room_for(&waiting) {
                home.waiting.push_front(waiting);
                break;
            } else if self.has_to_wait(&waiting) {
                self.passed.extend(&waiting.prepared.streams);
                kept.push_back(waiting);
            } else {
                taken += weight(&waiting);
                home.events -= weight(&waiting);
                home.in_hand = true;
                self.add(waiting);
            }
        }
        while let Some(waiting) = kept.pop_back() {
            home.waiting.push_front(waiting);
        }
    }

    fn has_to_wait(&self, waiting: &Waiting) -> bool {
        let Prepared { streams, alone, .. } = &waiting.prepared;
        alone.iter().any(|thing| self.alone.contains(thing))
            || streams.iter().any(|stream| self.passed.contains(stream))
    }

    fn has_room_for(&self, waiting: &Waiting) -> bool {
        let events = self.events + weight(waiting) <= BATCH_EVENTS_MAX;
        self.batch.is_empty() || (events && self.bytes + waiting.prepared.bytes <= self.bytes_max)
    }

    fn add(&mut self, waiting: Waiting) {
        self.events += weight(&waiting);
        self.bytes += waiting.prepared.bytes;
        self.alone.extend(&waiting.prepared.alone);
        self.batch.push(waiting);
    }
}

fn weight(waiting: &Waiting) -> usize {
    waiting.prepared.event_count().max(1)
}
