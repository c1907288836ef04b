//! Where workspaces stand, as far as this node knows: what the straight way plans upon. A wrong one costs a failed
//! statement and nothing else.

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
    /// This node's batches since somebody else wrote, up to `QUIET`.
    quiet: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Head {
    pub position: i64,
    pub hash: Hash,
    pub recorded_at: DateTime<Utc>,
}

impl Heads {
    /// Where a workspace stands, if this can be relied upon.
    pub fn get(&self, workspace: Uuid) -> Option<&Head> {
        let known = self.0.get(&workspace).filter(|known| known.quiet >= QUIET)?;
        Some(&known.head)
    }

    /// One of these stands elsewhere: somebody else has written.
    pub fn doubt<'a>(&mut self, workspaces: impl Iterator<Item = &'a Uuid>) {
        for workspace in workspaces {
            if let Some(known) = self.0.get_mut(workspace) {
                known.quiet = 0;
            }
        }
    }

    /// A batch was written, which tells where its workspaces stand, and whether this node was the last to write there.
    pub fn learn(&mut self, batch: &[&Prepared], verdicts: &[Verdict]) {
        let mut moved = BTreeMap::new();
        for (prepared, verdict) in batch.iter().zip(verdicts) {
            if let Verdict::Written(placed) = verdict
                && let Some(last) = placed.events.last()
            {
                let head = Head {
                    position: placed.position,
                    hash: last.hash,
                    recorded_at: placed.recorded_at,
                };
                let (_, at) = moved
                    .entry(prepared.append.workspace)
                    .or_insert_with(|| (placed.first(), head.clone()));
                *at = head;
            }
        }
        for (workspace, (first, head)) in moved {
            self.set(workspace, first, head);
        }
    }

    fn set(&mut self, workspace: Uuid, first: i64, head: Head) {
        if self.0.len() >= HEADS_MAX {
            self.0.clear();
        }
        let quiet = match self.0.get(&workspace) {
            Some(known) if known.head.position + 1 != first => 0,
            Some(known) => (known.quiet + 1).min(QUIET),
            None => QUIET,
        };
        self.0.insert(workspace, Known { head, quiet });
    }
}
