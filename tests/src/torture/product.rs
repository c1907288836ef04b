//! What the product asks of the log, as far as the log can tell: new things under v7 ids with a number and often a key of
//! their own, at version 0; then further steps of them at the version that is known; few are stale, few come twice. Each
//! node has workspaces for it that nobody else writes to, so that its batches may take what they know for granted.

use super::{
    history::{Answer, Kept, Refusal},
    op::{Op, OpClaim, OpCommand, OpStream, SERIES, fresh},
    workload::World,
};
use rand::{Rng, rngs::StdRng, seq::IndexedRandom};
use std::sync::Arc;
use uuid::Uuid;

/// Things that a writer keeps in mind.
const MEMORY: usize = 40;

/// A thing made before, where it stands as far as is known, and the key it holds.
#[derive(Debug, Clone)]
struct Thing {
    workspace: Uuid,
    stream: Uuid,
    version: i64,
    key: Option<String>,
}

pub struct Product {
    world: Arc<World>,
    node: usize,
    things: Vec<Thing>,
    /// Asked before, under a command id.
    last: Option<Op>,
    /// Of these nobody knows what became.
    open: Vec<Op>,
}

impl Product {
    pub fn new(world: Arc<World>, node: usize) -> Self {
        Self {
            world,
            node,
            things: vec![],
            last: None,
            open: vec![],
        }
    }

    pub fn next(&mut self, rng: &mut StdRng) -> Op {
        if let Some(op) = self.open.pop() {
            return op.again(rng);
        }
        match rng.random_range(0..100) {
            0 => match self.last.clone() {
                Some(op) => op.again(rng),
                None => self.create(rng),
            },
            1 => self.proceed(rng, true),
            2..50 => self.proceed(rng, false),
            50..56 => self.give_back(rng),
            _ => self.create(rng),
        }
    }

    fn op(&self, rng: &mut StdRng, workspace: Uuid) -> Op {
        let command = OpCommand {
            id: fresh(rng),
            request: rng.random(),
        };
        let command = (workspace != self.world.books(self.node)).then_some(command);
        Op {
            command,
            ..Op::new(rng, workspace)
        }
    }

    /// A new thing: with a number, as nearly all have one.
    fn create(&self, rng: &mut StdRng) -> Op {
        let workspace = self.world.own(rng, self.node);
        let (mut op, stream) = (self.op(rng, workspace), fresh(rng));
        let mut events = vec![Some(rng.random_range(0..SERIES.len()))];
        events.resize(rng.random_range(1..=3), None);
        op.streams.push(OpStream {
            id: stream,
            expected: Some(0),
            events,
        });
        if rng.random_bool(0.4) {
            op.claims.push(OpClaim {
                key: format!("thing-{stream}"),
                stream,
                take: true,
            });
        }
        op
    }

    /// One more step of a thing, on what is known of it.
    fn proceed(&self, rng: &mut StdRng, stale: bool) -> Op {
        let Some(thing) = self.things.choose(rng).cloned() else {
            return self.create(rng);
        };
        let mut op = self.op(rng, thing.workspace);
        let series = rng.random_bool(0.3).then(|| rng.random_range(0..SERIES.len()));
        op.streams.push(OpStream {
            id: thing.stream,
            expected: Some(thing.version - i64::from(stale)),
            events: vec![series],
        });
        op
    }

    /// A thing's key is free again, and taken by a new one at times in the same moment.
    fn give_back(&self, rng: &mut StdRng) -> Op {
        let keyed = self.things.iter().find(|thing| thing.key.is_some());
        let Some((thing, key)) = keyed.and_then(|thing| Some((thing, thing.key.clone()?))) else {
            return self.create(rng);
        };
        let mut op = self.op(rng, thing.workspace);
        let mut part = |stream, expected, take| {
            op.streams.push(OpStream {
                id: stream,
                expected: Some(expected),
                events: vec![None],
            });
            let key = key.clone();
            op.claims.push(OpClaim { key, stream, take });
        };
        part(thing.stream, thing.version, false);
        if rng.random_bool(0.3) {
            part(fresh(rng), 0, true);
        }
        op
    }

    pub fn learn(&mut self, op: &Op, answer: &Answer) {
        match answer {
            Answer::Written { events, .. } | Answer::Repeated { events, .. } => {
                events.iter().for_each(|event| self.note(op, event));
                self.last = op.command.is_some().then(|| op.clone());
            }
            Answer::Refused(Refusal::Version { stream, actual, .. }) => {
                let known = self.things.iter_mut().find(|thing| thing.stream == *stream);
                known.into_iter().for_each(|thing| thing.version = *actual);
            }
            Answer::Refused(_) => {}
            Answer::Unavailable(_) | Answer::Unknown(_) if op.command.is_some() => self.open.push(op.clone()),
            // It may have been written or not: nothing is known of its things any more.
            Answer::Unavailable(_) | Answer::Unknown(_) => {
                let touched = |thing: &Thing| op.streams.iter().any(|stream| stream.id == thing.stream);
                self.things.retain(|thing| !touched(thing));
            }
        }
    }

    fn note(&mut self, op: &Op, event: &Kept) {
        let claim = op.claims.iter().find(|claim| claim.stream == event.stream);
        if let Some(thing) = self.things.iter_mut().find(|thing| thing.stream == event.stream) {
            thing.version = thing.version.max(event.version);
            thing.key = thing.key.take().filter(|_| claim.is_none());
            return;
        }
        if self.things.len() >= MEMORY {
            self.things.remove(0);
        }
        self.things.push(Thing {
            workspace: op.workspace,
            stream: event.stream,
            version: event.version,
            key: claim.filter(|claim| claim.take).map(|claim| claim.key.clone()),
        });
    }
}
