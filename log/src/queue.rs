//! Appends that wait to be committed, and the choice of the next batch. Workspaces take turns, so that one flooding the
//! node does not starve the others; a batch holds no two appends that touch the same stream, claim or command, so that
//! the database can check each against its tables alone; and what is in one committer's hands is left alone by the
//! other, which would only wait for the lock of the workspace's head.

use crate::{
    AppendError,
    batch::{Prepared, Verdict},
};
use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot},
    time::timeout,
};
use uuid::Uuid;

/// The most events in one transaction, unless a single append has more.
const BATCH_EVENTS_MAX: usize = 500;
/// The most bytes in one transaction, likewise.
const BATCH_BYTES_MAX: usize = 8 << 20;
/// The most memory that waiting appends take, in KiB.
const ROOM: usize = 128 << 10;
/// The most of it that one workspace's take; the largest append fits.
const HOME_ROOM: usize = ROOM / 2;
/// How long a caller waits for room before it is told to come back.
const ROOM_WAIT: Duration = Duration::from_secs(5);
/// More gained nothing on two cores.
pub(crate) const COMMITTERS: usize = 2;
/// A further committer is worth its commit when so many events wait for it; fewer are better off in the next batch.
const WORTH_ANOTHER: usize = 64;

/// The append and what became of it: the caller puts its answer together itself.
pub(crate) type Reply = Result<(Prepared, Verdict), AppendError>;

/// One caller's append and where its answer goes.
pub(crate) struct Waiting {
    pub prepared: Prepared,
    pub reply: oneshot::Sender<Reply>,
    /// Given back when the append is answered.
    _room: [OwnedSemaphorePermit; 2],
}

pub(crate) struct Queue {
    state: Mutex<State>,
    changed: Notify,
    room: Arc<Semaphore>,
}

#[derive(Default)]
struct State {
    homes: HashMap<Uuid, Home>,
    /// Workspaces with something to commit that are in nobody's hands, in the order of their turns.
    turns: VecDeque<Uuid>,
    /// Events of the workspaces in `turns`.
    ready: usize,
    committers_at_work: usize,
    closed: bool,
}

struct Home {
    waiting: VecDeque<Waiting>,
    /// Of those waiting.
    events: usize,
    in_hand: bool,
    room: Arc<Semaphore>,
}

impl Default for Home {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            events: 0,
            in_hand: false,
            room: Arc::new(Semaphore::new(HOME_ROOM)),
        }
    }
}

impl Queue {
    pub fn new() -> Self {
        Self {
            state: Mutex::default(),
            changed: Notify::new(),
            room: Arc::new(Semaphore::new(ROOM)),
        }
    }

    /// Queues an append; waits for room, and answers `Overloaded` when there is none for too long.
    pub async fn push(&self, prepared: Prepared) -> Result<oneshot::Receiver<Reply>, AppendError> {
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
        let room = timeout(ROOM_WAIT, rooms)
            .await
            .ok()
            .flatten()
            .ok_or(AppendError::Overloaded)?;
        let (reply, answer) = oneshot::channel();
        let wake = self.state().enter(Waiting {
            prepared,
            reply,
            _room: room,
        });
        if wake {
            self.changed.notify_one();
        }
        Ok(answer)
    }

    /// The next batch, in the order of its workspaces, as soon as it is worth one; `None` when the log is closed.
    pub async fn take(&self) -> Option<Vec<Waiting>> {
        loop {
            {
                let mut state = self.state();
                if state.closed && state.turns.is_empty() {
                    return None;
                }
                if state.worth_a_batch() {
                    let batch = state.batch();
                    if !batch.is_empty() {
                        state.committers_at_work += 1;
                        if state.worth_a_batch() {
                            self.changed.notify_one(); // enough is left for another
                        }
                        return Some(batch);
                    }
                }
            }
            self.changed.notified().await;
        }
    }

    /// The batch of these workspaces has been answered.
    pub fn done(&self, workspaces: impl IntoIterator<Item = Uuid>) {
        let mut state = self.state();
        state.committers_at_work -= 1;
        workspaces.into_iter().for_each(|workspace| state.put_back(workspace));
    }

    /// What waits is still committed; then the committers end.
    pub fn close(&self) {
        self.state().closed = true;
        self.changed.notify_waiters();
        self.changed.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Answers whether a committer should look.
    fn enter(&mut self, waiting: Waiting) -> bool {
        let workspace = waiting.prepared.append.workspace;
        let home = self.homes.entry(workspace).or_default();
        let events = weight(&waiting);
        if !home.in_hand {
            self.ready += events;
            if home.waiting.is_empty() {
                self.turns.push_back(workspace);
            }
        }
        home.events += events;
        home.waiting.push_back(waiting);
        self.worth_a_batch()
    }

    fn worth_a_batch(&self) -> bool {
        !self.turns.is_empty() && (self.committers_at_work == 0 || self.ready >= WORTH_ANOTHER)
    }

    /// What is ready is shared among the committers that are free, by whole workspaces. Each in its turn gives an equal
    /// part of a batch; then, while there is room, those that gave give all they have.
    fn batch(&mut self) -> Vec<Waiting> {
        let turns: Vec<Uuid> = self.turns.drain(..).collect();
        let free = COMMITTERS.saturating_sub(self.committers_at_work).max(1);
        let enough = (std::mem::take(&mut self.ready) / free).max(WORTH_ANOTHER);
        let share = BATCH_EVENTS_MAX.div_ceil(turns.len().max(1));
        let mut gathered = Gathered::default();
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
            // Who gave nothing keeps its place; who gave waits until its batch is answered.
            if !self.homes.get(&workspace).is_some_and(|home| home.in_hand) {
                self.put_back(workspace);
            }
        }
        gathered.batch.sort_by_key(|waiting| waiting.prepared.append.workspace);
        gathered.batch
    }

    fn put_back(&mut self, workspace: Uuid) {
        let Some(home) = self.homes.get_mut(&workspace) else {
            return;
        };
        home.in_hand = false;
        if !home.waiting.is_empty() {
            self.turns.push_back(workspace);
            self.ready += home.events;
        } else if Arc::strong_count(&home.room) == 1 {
            self.homes.remove(&workspace); // nobody is about to queue here either
        }
    }
}

/// A batch in the making.
#[derive(Default)]
struct Gathered {
    batch: Vec<Waiting>,
    touched: HashSet<u64>,
    events: usize,
    bytes: usize,
}

impl Gathered {
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
            } else if self.touches(&waiting) {
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

    fn touches(&self, waiting: &Waiting) -> bool {
        let mut touches = waiting.prepared.touches.iter();
        touches.any(|touched| self.touched.contains(touched))
    }

    fn has_room_for(&self, waiting: &Waiting) -> bool {
        let events = self.events + weight(waiting) <= BATCH_EVENTS_MAX;
        self.batch.is_empty() || (events && self.bytes + waiting.prepared.bytes <= BATCH_BYTES_MAX)
    }

    fn add(&mut self, waiting: Waiting) {
        self.events += weight(&waiting);
        self.bytes += waiting.prepared.bytes;
        self.touched.extend(&waiting.prepared.touches);
        self.batch.push(waiting);
    }
}

fn weight(waiting: &Waiting) -> usize {
    waiting.prepared.event_count().max(1)
}
