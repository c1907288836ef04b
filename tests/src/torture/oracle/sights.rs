//! Linearizability, stream by stream: whatever somebody was told of a stream held at some moment between the question and
//! the answer. A stream's events are one line; each was there no earlier than it was asked for, and no later than it was
//! acknowledged. Which event is meant is told by its hash.

use super::{Findings, Flaw, appends::Present};
use crate::torture::{
    history::{Answer, History, Refusal, Sight, mark},
    store::Store,
};
use std::collections::HashMap;
use uuid::Uuid;

/// Of an event: its mark, since when it may be there, and since when it is.
#[derive(Clone, Copy)]
struct Moment {
    mark: u64,
    asked: u64,
    acknowledged: u64,
}

pub fn examine(history: &History, store: &Store, present: &Present, findings: &mut Findings) {
    let lines = lines(history, store, present);
    for sight in history.sights.iter().cloned().chain(told(history)) {
        let line = lines
            .get(&(sight.workspace, sight.stream))
            .map_or(&[][..], Vec::as_slice);
        look(&sight, line, findings);
    }
}

/// By stream, its events in order.
fn lines(history: &History, store: &Store, present: &Present) -> HashMap<(Uuid, Uuid), Vec<Moment>> {
    let mut times = HashMap::new();
    for (id, events) in present {
        let operation = &history.operations[id];
        let acknowledged = match &operation.answer {
            Some((at, Answer::Written { .. })) => *at,
            _ => u64::MAX,
        };
        for event in events {
            times.insert(event.event_id, (operation.invoked, acknowledged));
        }
    }
    let mut lines: HashMap<_, Vec<Moment>> = HashMap::new();
    for event in store.books.values().flat_map(|book| &book.events) {
        let (asked, acknowledged) = times.get(&event.event_id).copied().unwrap_or((0, u64::MAX));
        lines
            .entry((event.workspace, event.stream_id))
            .or_default()
            .push(Moment {
                mark: mark(&event.hash),
                asked,
                acknowledged,
            });
    }
    lines
}

/// Who is refused for a version is told where the stream stands.
fn told(history: &History) -> impl Iterator<Item = Sight> {
    history
        .operations
        .values()
        .filter_map(|operation| match &operation.answer {
            Some((
                answered,
                Answer::Refused(Refusal::Version { stream, actual, .. } | Refusal::Guard { stream, actual, .. }),
            )) => Some(Sight {
                asked: operation.invoked,
                answered: *answered,
                workspace: operation.op.workspace,
                stream: *stream,
                version: *actual,
                mark: None,
            }),
            _ => None,
        })
}

fn look(sight: &Sight, line: &[Moment], findings: &mut Findings) {
    let version = usize::try_from(sight.version).unwrap_or(usize::MAX);
    if let Some(last) = version.checked_sub(1) {
        let there = line.get(last);
        let is_this = there.is_some_and(|event| sight.mark.is_none_or(|mark| mark == event.mark));
        findings.demand(is_this, Flaw::Sight, || {
            format!("{sight:?}, and no such event is there")
        });
        findings.demand(
            there.is_none_or(|event| event.asked <= sight.answered),
            Flaw::Sight,
            || format!("{sight:?}, before anybody had asked for that"),
        );
    }
    let next = line.get(version);
    findings.demand(
        next.is_none_or(|next| next.acknowledged >= sight.asked),
        Flaw::Sight,
        || format!("{sight:?}, though the next event had been acknowledged before"),
    );
}
