//! Where workspaces stand, as far as this node knows: what batches are planned upon. A wrong one costs a failed statement
//! and nothing else.

use super::{Prepared, Verdict};
use crate::chain::Hash;
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

#[derive(Debug, Default)]
pub(crate) struct Heads(HashMap<Uuid, Known>);

/// Beyond this many the node begins to learn anew.
const HEADS_MAX: usize = 100_000;
/// So many batches in a row has nobody else written before a head is relied upon again.
const QUIET: u32 = 16;

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
    pub epoch: i64,
}

impl Heads {
    /// Where a workspace stands, if this can be relied upon.
    pub fn get(&self, workspace: Uuid) -> Option<&Head> {
        let known = self.0.get(&workspace).filter(|known| known.quiet >= QUIET)?;
        Some(&known.head)
    }

    pub fn knows(&self, workspace: Uuid) -> bool {
        self.0.contains_key(&workspace)
    }

    /// Somebody else is writing to these.
    pub fn doubt(&mut self, workspaces: impl Iterator<Item = Uuid>) {
        for workspace in workspaces {
            if let Some(known) = self.0.get_mut(&workspace) {
                known.quiet = 0;
            }
        }
    }

    /// A planned batch has brought workspaces from one head to another.
    pub fn moved(&mut self, heads: BTreeMap<Uuid, (Head, Head)>) {
        for (workspace, (was, head)) in heads {
            self.set(workspace, was.position + 1, head);
        }
    }

    /// From what `log.append` answered, which does not tell the epoch.
    pub fn learn(&mut self, batch: &[&Prepared], verdicts: &[Verdict]) {
        let mut moved = BTreeMap::new();
        for (prepared, verdict) in batch.iter().zip(verdicts) {
            let workspace = prepared.append.workspace;
            if let Verdict::Written(placed) = verdict
                && let Some(last) = placed.events.last()
                && let Some(known) = self.0.get(&workspace)
            {
                let head = Head {
                    position: placed.position,
                    hash: last.hash,
                    recorded_at: placed.recorded_at,
                    epoch: known.head.epoch,
                };
                let (_, at) = moved.entry(workspace).or_insert_with(|| (placed.first(), head.clone()));
                *at = head;
            }
        }
        for (workspace, (first, head)) in moved {
            self.set(workspace, first, head);
        }
    }

    fn set(&mut self, workspace: Uuid, first: i64, head: Head) {
        let quiet = match self.0.get(&workspace) {
            Some(known) if known.head.position + 1 != first => 0,
            Some(known) => (known.quiet + 1).min(QUIET),
            None => QUIET,
        };
        if self.0.len() >= HEADS_MAX && !self.0.contains_key(&workspace) {
            self.0.clear();
        }
        self.0.insert(workspace, Known { head, quiet });
    }
}
