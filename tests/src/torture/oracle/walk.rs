//! Every workspace's events in order, as a small model of the log: positions, versions, what each operation expected,
//! claims and numbers; and in the end the model against the log's own tables.

use super::{Findings, Flaw};
use crate::torture::{
    history::History,
    op::{KIND, Op, SERIES, Tag, YEAR},
    store::{Book, Store},
};
use log::Recorded;
use std::collections::{BTreeMap, HashMap, HashSet};
use uuid::Uuid;

#[derive(Default)]
struct Model {
    versions: HashMap<Uuid, i64>,
    holders: BTreeMap<String, Uuid>,
    numbers: BTreeMap<&'static str, i64>,
    /// Operations whose first event was passed.
    entered: HashSet<Uuid>,
}

pub fn examine(history: &History, store: &Store, findings: &mut Findings) {
    let (mut claims, mut numbers) = (BTreeMap::new(), BTreeMap::new());
    for (workspace, book) in &store.books {
        frame(*workspace, book, findings);
        let mut model = Model::default();
        for event in &book.events {
            let tag = serde_json::from_str::<Tag>(&event.data).ok();
            let meant = tag.and_then(|tag| Some((&history.operations.get(&tag.op)?.op, tag)));
            if let Some((op, tag)) = &meant {
                if model.entered.insert(op.id) {
                    model.enter(op, event, findings);
                }
                model.number(op, tag, event, findings);
            }
            let version = model.versions.entry(event.stream_id).or_insert(0);
            *version += 1;
            findings.demand(*version == event.version, Flaw::Version, || {
                format!("{version} is missing before {event:?}")
            });
            *version = event.version;
        }
        let held = model.holders.into_iter();
        claims.extend(held.map(|(key, stream)| ((*workspace, KIND.to_owned(), key), stream)));
        let given = model.numbers.into_iter();
        numbers.extend(given.map(|(series, last)| ((*workspace, series.to_owned(), YEAR), last)));
    }
    findings.demand(claims == store.claims, Flaw::Claim, || {
        format!("by the log {claims:?}, by the table {:?}", store.claims)
    });
    findings.demand(numbers == store.numbers, Flaw::Number, || {
        format!("by the log {numbers:?}, by the table {:?}", store.numbers)
    });
}

/// What holds for any log, whatever its events say.
fn frame(workspace: Uuid, book: &Book, findings: &mut Findings) {
    for (event, position) in book.events.iter().zip(1..) {
        if event.position != position {
            findings.add(
                Flaw::Gap,
                format!(
                    "workspace {workspace}: {position} is missing, {} follows",
                    event.position
                ),
            );
            break;
        }
    }
    for pair in book.events.windows(2) {
        findings.demand(pair[0].recorded_at <= pair[1].recorded_at, Flaw::Clock, || {
            format!(
                "workspace {workspace}: {} is older than the one before",
                pair[1].position
            )
        });
    }
    if let Some(flaw) = &book.flaw {
        findings.add(Flaw::Chain, flaw.clone());
    }
    let last = book.events.last().map_or(0, |event| event.position);
    findings.demand(book.head == book.verified && book.head.0 == last, Flaw::Head, || {
        format!(
            "workspace {workspace}: the head is {:?}, events end at {last} with {:?}",
            book.head, book.verified
        )
    });
}

impl Model {
    /// What had to hold just before the operation's first event; and what it claims from then on.
    fn enter(&mut self, op: &Op, event: &Recorded, findings: &mut Findings) {
        let at = |stream: &Uuid| self.versions.get(stream).copied().unwrap_or(0);
        for stream in &op.streams {
            let stood = at(&stream.id);
            findings.demand(
                stream.expected.is_none_or(|expected| expected == stood),
                Flaw::Expected,
                || format!("at {} {op:?} found stream {} at {stood}", event.position, stream.id),
            );
        }
        for guard in &op.guards {
            let stood = at(&guard.stream);
            findings.demand(guard.version == stood, Flaw::Guard, || {
                format!("at {} {op:?} found stream {} at {stood}", event.position, guard.stream)
            });
        }
        for claim in &op.claims {
            let holder = self.holders.get(&claim.key);
            findings.demand(holder.is_none_or(|holder| *holder == claim.stream), Flaw::Claim, || {
                format!("at {} {claim:?}, while {holder:?} holds it", event.position)
            });
            if claim.take {
                self.holders.insert(claim.key.clone(), claim.stream);
            } else {
                self.holders.remove(&claim.key);
            }
        }
    }

    fn number(&mut self, op: &Op, tag: &Tag, event: &Recorded, findings: &mut Findings) {
        let due = op.event(tag.index).and_then(|(_, series, _)| series).map(|series| {
            let last = self.numbers.entry(SERIES[series]).or_insert(0);
            *last += 1;
            format!("{}-{YEAR}-{last:04}", SERIES[series])
        });
        let due = due.unwrap_or_default();
        findings.demand(tag.number == due, Flaw::Number, || {
            format!(
                "workspace {}: {} has the number '{}' instead of '{due}'",
                event.workspace, event.position, tag.number
            )
        });
    }
}
