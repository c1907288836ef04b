//! The rules of an append, as a pure function: facts and a batch in, verdicts and places out. Every append is judged by
//! itself; who loses is told alone, and the others go on.

use super::{
    ChainedEvent, Data, KeyChange, Placed, Prepared, Verdict,
    facts::{Facts, Found},
    heads::Head,
};
use crate::{
    chain,
    promise::Promise,
    wrong::{self, Variant::*},
};
use chrono::{DateTime, SubsecRound, Utc};
use std::collections::{BTreeMap, HashMap, HashSet};
use uuid::Uuid;

#[derive(Debug)]
pub(crate) struct Decision {
    /// One for each append of the batch; none for those whose workspace's head is not among the facts.
    pub verdicts: Vec<Option<Verdict>>,
    /// Where the workspaces stand before and after, of those that move.
    pub heads: BTreeMap<Uuid, (Head, Head)>,
}

/// What appends are judged on: what was read, and what those before them in the batch have changed since.
struct Standing<'a> {
    found: Option<&'a Found>,
    /// By workspace and stream.
    moved: HashMap<(Uuid, Uuid), i64>,
    /// Which of the batch are written: the addresses of their promises.
    kept: HashSet<usize>,
}

/// The batch is in the order of its workspaces; no two appends of it touch the same claim or command, and those of one
/// stream build on each other.
pub(crate) fn decide(facts: &Facts, batch: &[&Prepared], now: DateTime<Utc>) -> Decision {
    let now = now.trunc_subsecs(6);
    let mut heads = BTreeMap::new();
    let mut verdicts = Vec::with_capacity(batch.len());
    let mut standing = Standing {
        found: facts.found.as_ref(),
        moved: HashMap::new(),
        kept: HashSet::new(),
    };
    for prepared in batch {
        let workspace = prepared.append.workspace;
        let Some(head) = facts.heads.get(&workspace) else {
            verdicts.push(None);
            continue;
        };
        verdicts.push(Some(standing.refuse(prepared, head).unwrap_or_else(|| {
            let (_, head) = heads.entry(workspace).or_insert_with(|| (head.clone(), head.clone()));
            Verdict::Written(standing.place(prepared, head, now))
        })));
    }
    Decision { verdicts, heads }
}

impl Standing<'_> {
    /// A repeat outweighs the rest: it is answered, however things stand by now.
    fn refuse(&self, prepared: &Prepared, head: &Head) -> Option<Verdict> {
        self.repeated(prepared)
            .or_else(|| head.is_closed().then_some(Verdict::Closed))
            .or_else(|| self.unfounded(prepared))
            .or_else(|| self.elsewhere(prepared))
            .or_else(|| self.claimed(prepared))
    }

    fn repeated(&self, prepared: &Prepared) -> Option<Verdict> {
        let command = prepared.append.command?;
        let first = self.found?.commands.get(&(prepared.append.workspace, command.id))?;
        Some(match *first == command.request_hash {
            true => Verdict::Repeated,
            false => Verdict::Reused,
        })
    }

    /// What it builds on came before it in its streams, so it is known by now what became of that.
    fn unfounded(&self, prepared: &Prepared) -> Option<Verdict> {
        let is_kept = |promise: &Promise| promise.is_kept() || self.kept.contains(&promise.address());
        let is_founded = prepared.builds_on.iter().all(is_kept);
        (!is_founded && !wrong::is(BuiltOnTheLost)).then_some(Verdict::Unfounded)
    }

    fn elsewhere(&self, prepared: &Prepared) -> Option<Verdict> {
        let written = prepared.append.streams.iter();
        let written = written.map(|stream| (stream.stream.id, stream.expected));
        let read = prepared.append.guards.iter();
        let read = read.map(|guard| (guard.stream_id, Some(guard.version)));
        written.chain(read).enumerate().find_map(|(nth, (stream, expected))| {
            let actual = self.version(prepared.append.workspace, stream)?;
            let stands = expected.is_none_or(|expected| expected == actual);
            (!stands).then_some(Verdict::Elsewhere { nth, actual })
        })
    }

    fn claimed(&self, prepared: &Prepared) -> Option<Verdict> {
        let owners = &self.found?.owners;
        prepared.claims.iter().enumerate().find_map(|(nth, claim)| {
            let KeyChange {
                kind,
                key,
                taker,
                giver,
            } = claim;
            let owner = *owners.get(&(prepared.append.workspace, *kind, key.clone()))?;
            let is_lost =
                !wrong::is(ClaimNotChecked) && taker.is_some_and(|taker| taker != owner) && *giver != Some(owner);
            is_lost.then_some(Verdict::Claimed { nth, owner })
        })
    }

    /// Where a stream stands; `None`: as whoever writes to it says.
    fn version(&self, workspace: Uuid, stream: Uuid) -> Option<i64> {
        let moved = self.moved.get(&(workspace, stream)).copied();
        moved.or_else(|| {
            let found = self.found?;
            Some(found.versions.get(&(workspace, stream)).copied().unwrap_or(0))
        })
    }

    /// Positions, versions, numbers and hashes, event by event: each hash covers the one before.
    fn place(&mut self, prepared: &Prepared, head: &mut Head, now: DateTime<Utc>) -> Placed {
        let append = &prepared.append;
        let workspace = append.workspace;
        if !prepared.entries.is_empty() {
            head.recorded_at = head.recorded_at.max(now);
        }
        let stands = append.streams.iter().map(|stream| {
            let version = || self.version(workspace, stream.stream.id).unwrap_or(0);
            stream.expected.unwrap_or_else(version)
        });
        let mut versions: Vec<i64> = stands.collect();
        let events = append.streams.iter().flat_map(|stream| &stream.events);
        let mut placed = Vec::with_capacity(prepared.entries.len());
        for (event, entry) in events.zip(&prepared.entries) {
            head.position += 1;
            let version = &mut versions[entry.stream];
            *version += 1;
            let (numbered, digest) = match (entry.data, event.number) {
                (Data::Open(at), Some(wanted)) => {
                    let last = head.numbers.entry((wanted.series, append.number_year)).or_insert(0);
                    *last += i64::from(!wrong::is(NumberTwice) || *last != 1);
                    let number = wanted.text(append.number_year, *last);
                    let data = [&event.data[..at], &number, &event.data[at..]].concat();
                    let digest = chain::digest(&data);
                    (Some(data), digest)
                }
                (Data::Whole(digest), _) => (None, digest),
                (Data::Open(_), None) => (None, chain::digest(&event.data)),
            };
            head.hash = chain::hash(
                &head.hash,
                &chain::Parts {
                    workspace,
                    position: head.position,
                    names: &entry.names,
                    version: *version,
                    event_id: event.id,
                    schema: event.schema,
                    recorded_at: head.recorded_at,
                    data: &digest,
                    metadata: &prepared.metadata_digest,
                },
            );
            placed.push(ChainedEvent {
                version: *version,
                numbered,
                hash: head.hash,
            });
        }
        let written = append.streams.iter().map(|stream| (workspace, stream.stream.id));
        self.moved.extend(written.zip(versions));
        self.kept.insert(prepared.promised.promise().address());
        Placed {
            position: head.position,
            recorded_at: head.recorded_at,
            events: placed,
        }
    }
}

#[cfg(test)]
mod tests;
