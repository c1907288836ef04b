//! The rules of an append, as a pure function: facts and a batch in, verdicts and places out. Every append is judged by
//! itself; who loses is told alone, and the others go on.

use super::{
    ChainedEvent, KeyChange, Placed, Prepared, Verdict,
    facts::{Facts, Found},
    heads::Head,
};
use crate::{
    chain,
    wrong::{self, Variant::*},
};
use chrono::{DateTime, SubsecRound, Utc};
use std::collections::BTreeMap;
use uuid::Uuid;

#[derive(Debug)]
pub(crate) struct Decision {
    /// One for each append of the batch; none for those whose workspace's head is not among the facts.
    pub verdicts: Vec<Option<Verdict>>,
    /// Where the workspaces stand before and after, of those that move.
    pub heads: BTreeMap<Uuid, (Head, Head)>,
}

/// The batch is in the order of its workspaces, and no two appends of it touch the same thing.
pub(crate) fn decide(facts: &Facts, batch: &[&Prepared], now: DateTime<Utc>) -> Decision {
    let now = now.trunc_subsecs(6);
    let mut heads = BTreeMap::new();
    let mut verdicts = Vec::with_capacity(batch.len());
    for prepared in batch {
        let workspace = prepared.append.workspace;
        let Some(head) = facts.heads.get(&workspace) else {
            verdicts.push(None);
            continue;
        };
        let refused = facts.found.as_ref().and_then(|found| refuse(found, prepared, head));
        verdicts.push(Some(refused.unwrap_or_else(|| {
            let (_, head) = heads.entry(workspace).or_insert_with(|| (head.clone(), head.clone()));
            Verdict::Written(place(facts.found.as_ref(), prepared, head, now))
        })));
    }
    Decision { verdicts, heads }
}

/// A repeat outweighs the rest: it is answered, however things stand by now.
fn refuse(found: &Found, prepared: &Prepared, head: &Head) -> Option<Verdict> {
    repeated(found, prepared)
        .or_else(|| head.is_closed().then_some(Verdict::Closed))
        .or_else(|| elsewhere(found, prepared))
        .or_else(|| claimed(found, prepared))
}

fn repeated(found: &Found, prepared: &Prepared) -> Option<Verdict> {
    let command = prepared.append.command?;
    let first = found.commands.get(&(prepared.append.workspace, command.id))?;
    Some(match *first == command.request_hash {
        true => Verdict::Repeated,
        false => Verdict::Reused,
    })
}

fn elsewhere(found: &Found, prepared: &Prepared) -> Option<Verdict> {
    let written = prepared.append.streams.iter();
    let written = written.map(|stream| (stream.stream.id, stream.expected));
    let read = prepared.append.guards.iter();
    let read = read.map(|guard| (guard.stream_id, Some(guard.version)));
    written.chain(read).enumerate().find_map(|(nth, (stream, expected))| {
        let actual = version(found, prepared.append.workspace, stream);
        let stands = expected.is_none_or(|expected| expected == actual);
        (!stands).then_some(Verdict::Elsewhere { nth, actual })
    })
}

fn claimed(found: &Found, prepared: &Prepared) -> Option<Verdict> {
    prepared.claims.iter().enumerate().find_map(|(nth, claim)| {
        let KeyChange {
            kind,
            key,
            taker,
            giver,
        } = claim;
        let owner = *found.owners.get(&(prepared.append.workspace, *kind, key.clone()))?;
        let is_lost = !wrong::is(ClaimNotChecked) && taker.is_some_and(|taker| taker != owner) && *giver != Some(owner);
        is_lost.then_some(Verdict::Claimed { nth, owner })
    })
}

fn version(found: &Found, workspace: Uuid, stream: Uuid) -> i64 {
    found.versions.get(&(workspace, stream)).copied().unwrap_or(0)
}

/// Positions, versions, numbers and hashes, event by event: each hash covers the one before.
fn place(found: Option<&Found>, prepared: &Prepared, head: &mut Head, now: DateTime<Utc>) -> Placed {
    let append = &prepared.append;
    let workspace = append.workspace;
    head.recorded_at = head.recorded_at.max(now);
    let stands = append.streams.iter().map(|stream| match (stream.expected, found) {
        (Some(expected), _) => expected,
        (None, Some(found)) => version(found, workspace, stream.stream.id),
        (None, None) => 0,
    });
    let mut versions: Vec<i64> = stands.collect();
    let events = append.streams.iter().flat_map(|stream| &stream.events);
    let mut placed = Vec::with_capacity(prepared.entries.len());
    for (event, entry) in events.zip(&prepared.entries) {
        head.position += 1;
        let version = &mut versions[entry.stream];
        *version += 1;
        let numbered = event.number.zip(entry.number_at).map(|(wanted, at)| {
            let last = head.numbers.entry((wanted.series, append.number_year)).or_insert(0);
            *last += i64::from(!wrong::is(NumberTwice) || *last != 1);
            let mut data = event.data.clone();
            data.insert_str(at, &wanted.text(append.number_year, *last));
            data
        });
        let digest = numbered.as_deref().map(chain::digest);
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
                data: digest.as_ref().unwrap_or(&entry.digest),
                metadata: &prepared.metadata_digest,
            },
        );
        placed.push(ChainedEvent {
            version: *version,
            numbered,
            hash: head.hash,
        });
    }
    Placed {
        position: head.position,
        recorded_at: head.recorded_at,
        events: placed,
    }
}

#[cfg(test)]
mod tests;
