//! What the writers ask for, drawn from the seed: every feature of an append, in the right and in the wrong. A writer
//! remembers what it was told and decides on that, so its memory may be stale, as a real node's may be.

use super::{
    history::{Answer, Kept, Refusal},
    op::{Op, OpClaim, OpCommand, OpGuard, OpStream, SERIES, fresh, uuid},
    product::Product,
};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use std::{collections::HashMap, sync::Arc, time::Duration};
use uuid::Uuid;

const WORKSPACES: usize = 24;
/// The first of them get nearly all of the work, the very first nearly half; the rest are quiet, and new to the log at
/// any time.
const BUSY: usize = 4;
/// Of each node, which nobody else writes to unless a node dies: as when a balancer sends a workspace's requests to one node.
const OWN: usize = 3;
/// The last of them holds no command ids, so that its beginning can be put away at any time.
const BOOKS: usize = OWN - 1;
/// Streams of a workspace that all writers fight for.
const STREAMS: usize = 16;
/// Keys of a workspace that all writers fight for.
const KEYS: usize = 20;
/// Commands and claims that a writer keeps in mind.
const MEMORY: usize = 50;

/// A seed of its own for each part of the whole, so that they do not share a sequence.
pub fn rng(seed: u64, part: &[u64]) -> StdRng {
    let mix = |state: u64, part: &u64| {
        let z = (state ^ part).wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    };
    StdRng::seed_from_u64(part.iter().fold(mix(seed, &0), mix))
}

/// What all nodes know without being told, because it follows from the seed.
pub struct World {
    /// Those of all nodes first.
    pub workspaces: Vec<Uuid>,
    /// By node.
    own: Vec<Vec<Uuid>>,
    /// By node: of people, whom its keeper alone writes down. The oracle does not look there.
    private: Vec<Uuid>,
    streams: HashMap<Uuid, Vec<Uuid>>,
}

impl World {
    pub fn new(seed: u64, nodes: usize) -> Self {
        let mut rng = rng(seed, &[1]);
        let mut workspaces: Vec<Uuid> = (0..WORKSPACES).map(|_| uuid(&mut rng)).collect();
        let own: Vec<Vec<Uuid>> = (0..nodes).map(|_| (0..OWN).map(|_| uuid(&mut rng)).collect()).collect();
        workspaces.extend(own.iter().flatten());
        let streams = workspaces.iter().map(|workspace| {
            let streams = (0..STREAMS).map(|_| uuid(&mut rng)).collect();
            (*workspace, streams)
        });
        Self {
            streams: streams.collect(),
            workspaces: workspaces.clone(),
            own,
            private: (0..nodes).map(|_| uuid(&mut rng)).collect(),
        }
    }

    pub fn workspace(&self, rng: &mut StdRng) -> Uuid {
        let among = [1, 1, 1, 1, BUSY, BUSY, BUSY, BUSY, BUSY, WORKSPACES][rng.random_range(0..10)];
        self.workspaces[rng.random_range(0..among)]
    }

    /// One that only this node writes to, while all is well.
    pub fn own(&self, rng: &mut StdRng, node: usize) -> Uuid {
        self.own[node][rng.random_range(0..OWN)]
    }

    /// The one of this node whose beginning can be put away.
    pub fn books(&self, node: usize) -> Uuid {
        self.own[node][BOOKS]
    }

    pub fn private(&self, node: usize) -> Uuid {
        self.private[node]
    }

    pub fn is_private(&self, workspace: Uuid) -> bool {
        self.private.contains(&workspace)
    }

    fn stream(&self, rng: &mut StdRng, workspace: Uuid) -> Uuid {
        self.streams[&workspace][rng.random_range(0..STREAMS)]
    }
}

/// A key and the stream that holds it, at that version, as far as the writer knows.
#[derive(Debug, Clone)]
pub struct Holding {
    pub workspace: Uuid,
    pub key: String,
    pub stream: Uuid,
    pub version: i64,
}

/// What a writer does next.
pub enum Step {
    Append(Op),
    /// Two of one command at the same time.
    Twins(Op, Op),
    /// Asks, and goes away without waiting for the answer.
    Abandon(Op, Duration),
    /// Looks where a stream stands.
    Look {
        workspace: Uuid,
        stream: Uuid,
    },
    /// Looks at the stream that holds a key, to take the key over from it.
    Evict(Holding),
}

pub struct Writer {
    pub rng: StdRng,
    world: Arc<World>,
    /// Writes as the product does, and nothing else.
    product: Option<Product>,
    versions: HashMap<Uuid, i64>,
    holdings: Vec<Holding>,
    /// Keys found taken.
    contested: Vec<Holding>,
    /// Commands asked for.
    commands: Vec<Op>,
    /// To be asked for again: the outcome is not known, or the decision was made on an old version.
    retries: Vec<Op>,
}

impl Writer {
    pub fn new(rng: StdRng, world: Arc<World>, product: Option<Product>) -> Self {
        Self {
            rng,
            world,
            product,
            versions: HashMap::new(),
            holdings: vec![],
            contested: vec![],
            commands: vec![],
            retries: vec![],
        }
    }

    pub fn next(&mut self) -> Step {
        if let Some(product) = &mut self.product {
            return Step::Append(product.next(&mut self.rng));
        }
        if let Some(op) = self.retries.pop()
            && self.rng.random_bool(0.7)
        {
            return Step::Append(op.again(&mut self.rng));
        }
        match self.rng.random_range(0..100) {
            0..15 => Step::Append(self.claiming()),
            15..23 => match self.contested.pop() {
                Some(holding) => Step::Evict(holding),
                None => Step::Append(self.claiming()),
            },
            23..31 => self.known(false),
            31..34 => self.known(true),
            34..38 => {
                let mut op = self.plain();
                op.command = Some(self.command());
                let twin = op.again(&mut self.rng);
                Step::Twins(op, twin)
            }
            38..41 => {
                let workspace = self.world.workspace(&mut self.rng);
                let command = Some(self.command());
                Step::Append(Op {
                    command,
                    ..Op::new(&mut self.rng, workspace)
                })
            }
            41..44 => Step::Abandon(self.plain(), Duration::from_micros(self.rng.random_range(0..5_000))),
            44..50 => {
                let workspace = self.world.workspace(&mut self.rng);
                let stream = self.world.stream(&mut self.rng, workspace);
                Step::Look { workspace, stream }
            }
            _ => Step::Append(self.plain()),
        }
    }

    fn command(&mut self) -> OpCommand {
        OpCommand {
            id: fresh(&mut self.rng),
            request: self.rng.random(),
        }
    }

    /// A command asked for before, as it was or with another request.
    fn known(&mut self, changed: bool) -> Step {
        let Some(op) = self.commands.choose(&mut self.rng).cloned() else {
            return Step::Append(self.plain());
        };
        let mut op = op.again(&mut self.rng);
        if let Some(command) = op.command.as_mut().filter(|_| changed) {
            command.request = command.request.wrapping_add(1);
        }
        Step::Append(op)
    }

    fn plain(&mut self) -> Op {
        let workspace = self.world.workspace(&mut self.rng);
        let mut op = Op::new(&mut self.rng, workspace);
        for _ in 0..[1, 1, 1, 1, 2, 3][self.rng.random_range(0..6)] {
            let id = self.world.stream(&mut self.rng, workspace);
            if op.streams.iter().all(|stream| stream.id != id) {
                let events = self.rng.random_range(1..=5);
                let expected = self.expected(id);
                op.streams.push(self.part(id, expected, events));
            }
        }
        let guard = self.world.stream(&mut self.rng, workspace);
        if self.rng.random_bool(0.15) && op.streams.iter().all(|stream| stream.id != guard) {
            let stale = i64::from(self.rng.random_bool(0.1));
            let version = (self.version(guard) - stale).max(0);
            op.guards.push(OpGuard { stream: guard, version });
        }
        if self.rng.random_bool(0.5) {
            op.command = Some(self.command());
        }
        op
    }

    fn part(&mut self, id: Uuid, expected: Option<i64>, events: usize) -> OpStream {
        let mut series = || {
            self.rng
                .random_bool(0.3)
                .then(|| self.rng.random_range(0..SERIES.len()))
        };
        OpStream {
            id,
            expected,
            events: (0..events).map(|_| series()).collect(),
        }
    }

    fn version(&self, stream: Uuid) -> i64 {
        self.versions.get(&stream).copied().unwrap_or(0)
    }

    /// Often what it knows, often any, at times what cannot be.
    fn expected(&mut self, stream: Uuid) -> Option<i64> {
        let version = self.version(stream);
        match self.rng.random_range(0..10) {
            0..4 => Some(version),
            4 => Some((version - 1).max(0)),
            _ => None,
        }
    }

    /// Takes a key for a new stream; or gives one back; or passes one on.
    fn claiming(&mut self) -> Op {
        let held = self.holdings.pop();
        let mut op = match held {
            Some(holding) if self.rng.random_bool(0.5) => self.release(&holding),
            Some(holding) if self.rng.random_bool(0.5) => self.take_over(&holding),
            held => {
                self.holdings.extend(held);
                let workspace = self.world.workspace(&mut self.rng);
                let mut op = Op::new(&mut self.rng, workspace);
                let key = format!("key-{}", self.rng.random_range(0..KEYS));
                self.take(&mut op, key);
                op
            }
        };
        if self.rng.random_bool(0.5) {
            op.command = Some(self.command());
        }
        op
    }

    fn take(&mut self, op: &mut Op, key: String) {
        let stream = fresh(&mut self.rng);
        op.streams.push(self.part(stream, Some(0), 1));
        op.claims.push(OpClaim {
            key,
            stream,
            take: true,
        });
    }

    fn release(&mut self, held: &Holding) -> Op {
        let mut op = Op::new(&mut self.rng, held.workspace);
        op.streams.push(self.part(held.stream, Some(held.version), 1));
        op.claims.push(OpClaim {
            key: held.key.clone(),
            stream: held.stream,
            take: false,
        });
        op
    }

    /// Releases it from its holder and takes it for a new stream, in one append.
    pub fn take_over(&mut self, held: &Holding) -> Op {
        let mut op = self.release(held);
        self.take(&mut op, held.key.clone());
        op
    }

    /// What a look at a stream found.
    pub fn stands(&mut self, stream: Uuid, version: i64) {
        self.versions.insert(stream, version);
    }

    pub fn learn(&mut self, op: &Op, answer: &Answer) {
        if let Some(product) = &mut self.product {
            return product.learn(op, answer);
        }
        if op.command.is_some() && self.commands.len() < MEMORY {
            self.commands.push(op.clone());
        } else if op.command.is_some() {
            let forgotten = self.rng.random_range(0..MEMORY);
            self.commands[forgotten] = op.clone();
        }
        match answer {
            Answer::Written { events, .. } => {
                self.note(events);
                for claim in op.claims.iter().filter(|claim| claim.take) {
                    self.holdings.push(Holding {
                        workspace: op.workspace,
                        key: claim.key.clone(),
                        stream: claim.stream,
                        version: self.version(claim.stream),
                    });
                }
            }
            Answer::Repeated { events, .. } => self.note(events),
            Answer::Refused(Refusal::Version { stream, actual, .. } | Refusal::Guard { stream, actual, .. }) => {
                self.stands(*stream, *actual);
                self.decide_again(op);
            }
            Answer::Refused(Refusal::Claimed { key, owner }) if self.contested.len() < MEMORY => {
                self.contested.push(Holding {
                    workspace: op.workspace,
                    key: key.clone(),
                    stream: *owner,
                    version: 0,
                });
            }
            Answer::Refused(_) => {}
            Answer::Unavailable(_) | Answer::Unknown(_) => self.retries.extend(op.command.map(|_| op.clone())),
        }
    }

    /// On the versions it knows by now. Claims are left alone: theirs would be another decision.
    fn decide_again(&mut self, op: &Op) {
        let mut op = op.clone();
        for stream in &mut op.streams {
            stream.expected = stream.expected.map(|_| self.version(stream.id));
        }
        for guard in &mut op.guards {
            guard.version = self.version(guard.stream);
        }
        self.retries.extend(op.claims.is_empty().then_some(op));
    }

    fn note(&mut self, events: &[Kept]) {
        for event in events {
            let version = self.versions.entry(event.stream).or_insert(0);
            *version = event.version.max(*version);
        }
    }
}
