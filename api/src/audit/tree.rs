//! What a request led to, across things: its events, the steps of processes that followed from them, their events, and so on.
//! Whose child an event is, `Cause` says; here those that belong together are found, and put in order.

use super::{
    TrailError,
    entry::{Entry, Listener},
    filter::Filter,
    trail::Trail,
};
use log::Metadata;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Events of one tree that are told.
const EVENTS_MAX: usize = 1_000;
/// Positions that are searched, a stretch at a time.
const STRETCH: i64 = 50_000;
const SEARCHED_MAX: i64 = 1_000_000;

/// What belongs together, parents before their children.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tree {
    pub items: Vec<Branch>,
    /// The position up to which the log was searched.
    pub searched_to: i64,
    /// Whether that was its end, and nothing was left out.
    pub is_whole: bool,
}

/// An event in its place.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Branch {
    /// 0 for what the request did itself.
    pub depth: u32,
    /// The position of the event it follows from.
    pub parent: Option<i64>,
    #[serde(flatten)]
    pub entry: Entry,
}

/// Events that may belong to the tree.
struct Candidates {
    positions: BTreeSet<i64>,
    searched_to: i64,
    is_whole: bool,
}

impl Trail {
    /// Of a correlation, a command, or the thing that a process is about; behind a position.
    pub async fn tree(&mut self, id: Uuid, after: i64, listener: Listener<'_>) -> Result<Tree, TrailError> {
        let Candidates {
            mut positions,
            searched_to,
            is_whole,
        } = self.candidates(id, after).await?;
        let mut entries = self.entries(&positions, listener).await?;
        // What a process is about began it, in whatever request that was.
        let began = entries.iter().filter(|entry| is_step_about(entry, id));
        let began: BTreeSet<i64> = began.filter_map(parent).collect();
        let roots: BTreeSet<i64> = entries
            .iter()
            .filter(|entry| entry.caused_by.is_none() && is_of_request(entry, id))
            .map(|entry| entry.position)
            .chain(began.iter().copied())
            .collect();
        if !began.is_subset(&positions) {
            positions.extend(&began);
            entries = self.entries(&positions, listener).await?;
        }
        Ok(Tree {
            items: ordered(entries, &roots),
            searched_to,
            is_whole,
        })
    }

    /// Each round finds what names the things that the round before came upon.
    async fn candidates(&self, id: Uuid, after: i64) -> Result<Candidates, TrailError> {
        let head = self.log().head(self.workspace()).await?;
        let searched_to = head.min(after.saturating_add(SEARCHED_MAX));
        let (mut positions, mut known) = (BTreeSet::new(), BTreeSet::from([id]));
        let mut frontier = vec![id];
        while !frontier.is_empty() && positions.len() < EVENTS_MAX {
            let found = self.naming(&frontier, after, searched_to).await?;
            frontier.clear();
            for (position, stream) in found {
                positions.insert(position);
                if known.insert(stream) {
                    frontier.push(stream);
                }
            }
        }
        let is_cut = positions.len() > EVENTS_MAX;
        let is_whole = searched_to == head && !is_cut;
        let positions = positions.into_iter().take(EVENTS_MAX).collect();
        Ok(Candidates {
            positions,
            searched_to,
            is_whole,
        })
    }

    /// Events whose request or process is one of these.
    async fn naming(&self, ids: &[Uuid], after: i64, until: i64) -> Result<Vec<(i64, Uuid)>, TrailError> {
        let naming = "select position, stream_id, metadata::text from log.events where workspace_id = $1 \
            and position > $2 and position <= $3 and metadata::text like any($4) order by position limit $5";
        let patterns: Vec<String> = ids.iter().map(|id| format!("%{id}%")).collect();
        let limit = i64::try_from(EVENTS_MAX + 1).unwrap_or(i64::MAX);
        let (mut found, mut after) = (Vec::new(), after);
        while after < until && found.len() <= EVENTS_MAX {
            let end = until.min(after + STRETCH);
            let rows = sqlx::query_as::<_, (i64, Uuid, String)>(naming)
                .bind(self.workspace())
                .bind(after)
                .bind(end)
                .bind(&patterns)
                .bind(limit);
            for (position, stream, metadata) in rows.fetch_all(self.pool()).await? {
                let meta: Metadata = serde_json::from_str(&metadata)?;
                let named = [meta.correlation_id, meta.command_id];
                if named.iter().flatten().any(|named| ids.contains(named)) {
                    found.push((position, stream));
                }
            }
            after = end;
        }
        Ok(found)
    }

    async fn entries(&mut self, positions: &BTreeSet<i64>, listener: Listener<'_>) -> Result<Vec<Entry>, TrailError> {
        let mut entries = Vec::new();
        for position in positions {
            let mut events = self.log().read(self.workspace(), position - 1, 1).await?;
            self.log().open_personal(&mut events).await?;
            self.log().open_addresses(&mut events).await?;
            for event in &events {
                entries.extend(self.tell(event, &Filter::default(), listener).await?);
            }
        }
        self.complete(&mut entries, listener.language).await?;
        Ok(entries)
    }
}

fn parent(entry: &Entry) -> Option<i64> {
    entry.caused_by.as_ref().and_then(|cause| cause.position)
}

fn is_step_about(entry: &Entry, id: Uuid) -> bool {
    entry.caused_by.as_ref().is_some_and(|cause| cause.instance == Some(id))
}

fn is_of_request(entry: &Entry, id: Uuid) -> bool {
    [entry.request.correlation_id, entry.request.command_id].contains(&Some(id))
}

/// The roots in the order of the log, each followed by what follows from it; nothing that follows from none of them.
fn ordered(entries: Vec<Entry>, roots: &BTreeSet<i64>) -> Vec<Branch> {
    let mut children: BTreeMap<i64, Vec<Entry>> = BTreeMap::new();
    let mut waiting = Vec::new();
    for entry in entries {
        match parent(&entry) {
            _ if roots.contains(&entry.position) => waiting.push((0, entry)),
            Some(parent) => children.entry(parent).or_default().push(entry),
            None => {}
        }
    }
    waiting.reverse();
    let mut branches = Vec::new();
    while let Some((depth, entry)) = waiting.pop() {
        let next = children.remove(&entry.position).unwrap_or_default();
        waiting.extend(next.into_iter().rev().map(|child| (depth + 1, child)));
        branches.push(Branch {
            depth,
            parent: parent(&entry).filter(|_| depth > 0),
            entry,
        });
    }
    branches
}
