//! Every operation against its events: what was acknowledged is there exactly once and as acknowledged, what was
//! refused is not, what nobody knows is there at most once. And acknowledged operations stand in the order in which
//! the world saw them happen.

use super::{Findings, Flaw};
use crate::torture::{
    history::{Answer, History, Kept, Operation, Refusal},
    op::Tag,
    store::Store,
};
use log::Recorded;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use uuid::Uuid;

/// The operations that are in the log, with their events in order.
pub type Present<'a> = HashMap<Uuid, Vec<&'a Recorded>>;

pub fn examine<'a>(history: &History, store: &'a Store, findings: &mut Findings) -> Present<'a> {
    let present = group(history, store, findings);
    for (id, events) in &present {
        whole(&history.operations[id], events, findings);
    }
    let owners = owners(history, &present);
    let forgotten = forgotten(history);
    for operation in history.operations.values() {
        let events = present.get(&operation.op.id).map_or(&[][..], Vec::as_slice);
        judge(operation, events, findings);
        if let Some((_, Answer::Refused(refusal))) = &operation.answer {
            let command = operation.op.command.map(|command| (operation.op.workspace, command.id));
            let swept = command.is_some_and(|command| forgotten.contains(&command));
            if !(swept && *refusal == Refusal::CommandReused) {
                justified(operation, refusal, store, &owners, findings);
            }
        }
    }
    in_order(history, findings);
    present
}

/// Commands whose row may have been swept, by workspace and id.
fn forgotten(history: &History) -> HashSet<(Uuid, Uuid)> {
    let operations = history.operations.values();
    let old = operations.filter(|operation| history.is_forgotten(operation.invoked));
    old.filter_map(|operation| Some((operation.op.workspace, operation.op.command?.id)))
        .collect()
}

fn group<'a>(history: &History, store: &'a Store, findings: &mut Findings) -> Present<'a> {
    let mut present = Present::new();
    for event in store.books.values().flat_map(|book| &book.events) {
        match serde_json::from_str::<Tag>(&event.data) {
            Ok(tag) if history.operations.contains_key(&tag.op) => present.entry(tag.op).or_default().push(event),
            _ => findings.add(Flaw::Stranger, format!("nobody asked for {event:?}")),
        }
    }
    let known: usize = store.books.values().map(|book| book.events.len()).sum();
    findings.demand(known == store.events, Flaw::Stranger, || {
        format!("{} events in all workspaces, {known} in ours", store.events)
    });
    present
}

/// The operation's events are there once, in one piece, and say what they were meant to say.
fn whole(operation: &Operation, events: &[&Recorded], findings: &mut Findings) {
    let op = &operation.op;
    let distinct: HashSet<Uuid> = events.iter().map(|event| event.event_id).collect();
    if distinct.len() < events.len() {
        let positions: Vec<i64> = events.iter().map(|event| event.position).collect();
        return findings.add(Flaw::Doubled, format!("operation {} is at {positions:?}", op.id));
    }
    in_time(operation, events, findings);
    let together = events.windows(2).all(|pair| pair[1].position == pair[0].position + 1);
    let here = events.iter().all(|event| event.workspace == op.workspace);
    if events.len() != op.event_count() || !together || !here {
        return findings.add(Flaw::Torn, format!("{operation:?} left {events:?}"));
    }
    for (index, event) in events.iter().enumerate() {
        let meant = op.event(index).is_some_and(|(stream, series, mut tag)| {
            let plain = serde_json::to_string(&tag).is_ok_and(|text| text == event.data);
            let stored = serde_json::from_str::<Tag>(&event.data).ok();
            tag.number = stored.as_ref().map_or(String::new(), |stored| stored.number.clone());
            let data = if series.is_some() { stored == Some(tag) } else { plain };
            data && event.stream_id == stream && event.event_id == op.event_id(index)
        });
        findings.demand(meant, Flaw::Altered, || format!("event {index} of {op:?} is {event:?}"));
    }
}

/// Ten seconds behind and one ahead is what the log lets a node's clock be wrong by.
fn in_time(operation: &Operation, events: &[&Recorded], findings: &mut Findings) {
    const BEHIND: i64 = 11_000_000;
    const AHEAD: i64 = 2_000_000;
    let at = |time: u64| i64::try_from(time).unwrap_or(i64::MAX);
    let earliest = at(operation.invoked) - BEHIND;
    // What nobody knows of may still be written after its caller has left.
    let latest = match &operation.answer {
        Some((time, Answer::Written { .. })) => at(*time) + AHEAD,
        _ => i64::MAX,
    };
    for event in events {
        let recorded = event.recorded_at.timestamp_micros();
        findings.demand((earliest..=latest).contains(&recorded), Flaw::Clock, || {
            format!("{operation:?} is recorded at another time: {event:?}")
        });
    }
}

fn judge(operation: &Operation, events: &[&Recorded], findings: &mut Findings) {
    let id = operation.op.id;
    match &operation.answer {
        Some((_, Answer::Written { position, events: told })) => {
            let there: Vec<Kept> = events.iter().map(|event| Kept::from(*event)).collect();
            let ends = told.last().is_none_or(|last| last.position == *position);
            if told.len() != operation.op.event_count() || !ends {
                findings.add(Flaw::Altered, format!("{operation:?} was answered with other events"));
            } else if there.is_empty() && !told.is_empty() {
                findings.add(Flaw::Lost, format!("acknowledged and not there: {operation:?}"));
            } else if there != *told {
                findings.add(
                    Flaw::Altered,
                    format!("operation {id}: acknowledged {told:?}, there is {there:?}"),
                );
            }
        }
        Some((_, answer @ (Answer::Refused(_) | Answer::Unavailable(_) | Answer::Repeated { .. }))) => {
            findings.demand(events.is_empty(), Flaw::Ghost, || {
                format!("operation {id} was answered {answer:?}, and there is {events:?}")
            });
        }
        Some((_, Answer::Unknown(_))) | None => {}
    }
}

type Owners = BTreeSet<(Uuid, String, Uuid)>;

/// Who ever held a key.
fn owners(history: &History, present: &Present) -> Owners {
    let operations = present.keys().map(|id| &history.operations[id].op);
    let takes = operations.flat_map(|op| op.claims.iter().map(|claim| (op.workspace, claim)));
    takes
        .filter(|(_, claim)| claim.take)
        .map(|(workspace, claim)| (workspace, claim.key.clone(), claim.stream))
        .collect()
}

/// The reason named was true at some time.
fn justified(operation: &Operation, refusal: &Refusal, store: &Store, owners: &Owners, findings: &mut Findings) {
    let op = &operation.op;
    let reached = |stream: &Uuid, version: i64| {
        let events = store.books.get(&op.workspace).map_or(&[][..], |book| &book.events);
        version == 0
            || events
                .iter()
                .rev()
                .any(|event| event.stream_id == *stream && event.version == version)
    };
    let justified = match refusal {
        Refusal::Version {
            stream,
            expected,
            actual,
        } => {
            let asked = op
                .streams
                .iter()
                .any(|s| s.id == *stream && s.expected == Some(*expected));
            asked && actual != expected && reached(stream, *actual)
        }
        Refusal::Guard {
            stream,
            expected,
            actual,
        } => {
            let asked = op.guards.iter().any(|g| g.stream == *stream && g.version == *expected);
            asked && actual != expected && reached(stream, *actual)
        }
        Refusal::Claimed { key, owner } => {
            let asked = op
                .claims
                .iter()
                .any(|claim| claim.take && claim.key == *key && claim.stream != *owner);
            asked && owners.contains(&(op.workspace, key.clone(), *owner))
        }
        Refusal::CommandReused => op.command.is_some_and(|command| {
            let row = store.commands.get(&(op.workspace, command.id));
            row.is_some_and(|row| row.request_hash != [command.request; 32])
        }),
        Refusal::Other(_) => false, // nothing here exceeds a limit
    };
    findings.demand(justified, Flaw::Refusal, || {
        format!("{op:?} was refused with {refusal:?}")
    });
}

/// If one was acknowledged before another was asked for, it stands before it.
fn in_order(history: &History, findings: &mut Findings) {
    let mut by_position: BTreeMap<(Uuid, i64), &Operation> = BTreeMap::new();
    for operation in history.operations.values() {
        if let Some((_, Answer::Written { events, .. })) = &operation.answer
            && let Some(first) = events.first()
        {
            by_position.insert((operation.op.workspace, first.position), operation);
        }
    }
    let mut earliest: HashMap<Uuid, (u64, i64)> = HashMap::new(); // of those behind: when one was answered, and which
    for ((workspace, position), operation) in by_position.iter().rev() {
        let Some((answered, _)) = operation.answer else {
            continue;
        };
        let behind = earliest.entry(*workspace).or_insert((u64::MAX, 0));
        findings.demand(operation.invoked <= behind.0, Flaw::Order, || {
            format!("{position} was asked for after {} had been acknowledged", behind.1)
        });
        if answered < behind.0 {
            *behind = (answered, *position);
        }
    }
}
