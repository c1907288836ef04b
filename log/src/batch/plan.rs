//! A batch placed and chained by this node, from heads that it takes to be so: what the database would else have to
//! compute row by row, in a language slower by far.

use super::{Place, Placed, Prepared, heads::Head};
use crate::chain;
use chrono::{DateTime, SubsecRound, Utc};
use std::collections::{BTreeMap, btree_map::Entry};
use uuid::Uuid;

pub(super) struct Plan {
    pub placed: Vec<Placed>,
    /// Where the workspaces stand before and after.
    pub heads: BTreeMap<Uuid, (Head, Head)>,
}

impl Plan {
    /// `None` when a head is not known. Every append is simple.
    pub fn new(batch: &[&Prepared], known: impl Fn(Uuid) -> Option<Head>, now: DateTime<Utc>) -> Option<Self> {
        let (mut heads, mut placed) = (BTreeMap::new(), Vec::with_capacity(batch.len()));
        let now = now.trunc_subsecs(6);
        for prepared in batch {
            let workspace = prepared.append.workspace;
            let (_, head) = match heads.entry(workspace) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    let head = known(workspace)?;
                    entry.insert((head.clone(), head))
                }
            };
            placed.push(place(prepared, head, now));
        }
        Some(Self { placed, heads })
    }
}

/// Whether an append can be planned: every version is named, there are events, nothing is numbered, and no key is given
/// back.
pub(super) fn is_simple(prepared: &Prepared) -> bool {
    let mut streams = prepared.append.streams.iter();
    let mut events = prepared.append.streams.iter().flat_map(|stream| &stream.events);
    !prepared.entries.is_empty()
        && streams.all(|stream| stream.expected.is_some())
        && events.all(|event| event.number.is_none())
        && prepared.claims.iter().all(|claim| claim.giver.is_none())
}

fn place(prepared: &Prepared, head: &mut Head, now: DateTime<Utc>) -> Placed {
    let workspace = prepared.append.workspace;
    head.recorded_at = head.recorded_at.max(now);
    let mut versions: Vec<i64> = prepared
        .append
        .streams
        .iter()
        .map(|stream| stream.expected.unwrap_or(0))
        .collect();
    let events = prepared.append.streams.iter().flat_map(|stream| &stream.events);
    let mut places = Vec::with_capacity(prepared.entries.len());
    for (event, entry) in events.zip(&prepared.entries) {
        head.position += 1;
        versions[entry.stream] += 1;
        let version = versions[entry.stream];
        head.hash = chain::hash(
            &head.hash,
            &chain::Parts {
                workspace,
                position: head.position,
                names: &entry.names,
                version,
                event_id: event.id,
                schema: event.schema,
                recorded_at: head.recorded_at,
                data: &entry.digest,
                metadata: &prepared.metadata_digest,
            },
        );
        places.push(Place {
            version,
            number: 0,
            hash: head.hash,
        });
    }
    Placed {
        position: head.position,
        recorded_at: head.recorded_at,
        events: places,
    }
}
