//! Where workspaces stand, as far as this node knows: what batches are decided on. A wrong one costs a statement that writes
//! nothing, and no more.

use crate::{batch::Prepared, chain::Hash};
use chrono::{DateTime, Utc};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::{Duration, Instant},
};
use uuid::Uuid;

#[derive(Debug, Default)]
pub(crate) struct Heads {
    known: HashMap<Uuid, Known>,
    wary_until: Option<Instant>,
    ways: Ways,
}

/// Beyond this many the node begins to learn anew.
const HEADS_MAX: usize = 100_000;
/// So many batches in a row has nobody else written before a head is relied upon again.
const QUIET: u32 = 16;
/// So long after an append lost, the log is asked first: another may.
const WARY: Duration = Duration::from_millis(200);

/// Batches that were written, by where their facts came from (write.rs).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ways {
    pub assumed: u64,
    pub looked: u64,
    pub locked: u64,
}

#[derive(Debug, Clone)]
struct Known {
    head: Head,
    /// Batches since somebody else wrote, up to `QUIET`; nobody is taken to have at first.
    quiet: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Head {
    pub position: i64,
    pub hash: Hash,
    pub recorded_at: DateTime<Utc>,
    /// Moves with everything that changes what an append may rely on besides the head; below zero while the workspace is
    /// closed.
    pub epoch: i64,
    /// The last number given, by series and year, of those that this node has seen. They change with the head only.
    pub numbers: BTreeMap<(&'static str, i32), i64>,
}

impl Head {
    pub fn is_closed(&self) -> bool {
        self.epoch < 0
    }
}

impl Heads {
    /// Where the batch's workspaces stand, with the numbers it takes from; `None` when that cannot be relied upon.
    pub fn of(&self, batch: &[&Prepared]) -> Option<BTreeMap<Uuid, Head>> {
        let mut heads = BTreeMap::new();
        for prepared in batch {
            let workspace = prepared.append.workspace;
            let known = self.known.get(&workspace).filter(|known| known.quiet >= QUIET)?;
            heads.entry(workspace).or_insert_with(|| known.head.clone());
        }
        Some(heads)
    }

    /// Somebody else is writing to these.
    pub fn doubt(&mut self, workspaces: &BTreeSet<Uuid>) {
        for workspace in workspaces {
            if let Some(known) = self.known.get_mut(workspace) {
                known.quiet = 0;
            }
        }
    }

    /// What was taken to be so was not.
    pub fn beware(&mut self) {
        self.wary_until = Some(Instant::now() + WARY);
    }

    pub fn is_wary(&self) -> bool {
        self.wary_until.is_some_and(|until| Instant::now() < until)
    }

    /// How many batches went which way.
    pub fn ways(&self) -> Ways {
        self.ways
    }

    pub fn went(&mut self, way: impl FnOnce(&mut Ways) -> &mut u64) {
        *way(&mut self.ways) += 1;
    }

    /// A batch has brought workspaces from one head to another.
    pub fn moved(&mut self, heads: BTreeMap<Uuid, (Head, Head)>) {
        for (workspace, (was, head)) in heads {
            let quiet = match self.known.get(&workspace) {
                Some(known) if known.head.position != was.position => 0,
                Some(known) => (known.quiet + 1).min(QUIET),
                None => QUIET,
            };
            if self.known.len() >= HEADS_MAX && !self.known.contains_key(&workspace) {
                self.known.clear();
            }
            self.known.insert(workspace, Known { head, quiet });
        }
    }
}
