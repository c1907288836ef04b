//! Every reader saw every event exactly once, in order, and as it is there: those that polled, by what they said; those
//! that followed with a checkpoint, by what they wrote down.

use super::{Findings, Flaw};
use crate::torture::{
    history::{History, mark},
    readers::CONSUMERS,
    store::{Book, Store},
};

pub fn examine(history: &History, store: &Store, findings: &mut Findings) {
    let nothing = Book::default();
    for (name, reading) in &history.readings {
        let book = store.books.get(&reading.workspace).unwrap_or(&nothing);
        let reached = follow(name, reading.after, reading.seen.iter().copied(), book, findings);
        findings.demand(!reading.live || reached >= book.head.0, Flaw::Behind, || {
            format!("{name} stands at {reached} of {}", book.head.0)
        });
    }
    for consumer in CONSUMERS {
        for (workspace, book) in &store.books {
            let name = format!("{consumer} in {workspace}");
            let seen = store
                .seen
                .get(&(consumer.to_owned(), *workspace))
                .map_or(&[][..], Vec::as_slice);
            let seen = seen.iter().map(|(position, hash)| (*position, mark(hash)));
            let reached = follow(&name, 0, seen, book, findings);
            findings.demand(reached == book.head.0, Flaw::Behind, || {
                format!("{name} stands at {reached} of {}", book.head.0)
            });
        }
    }
}

/// Answers how far it got.
fn follow(name: &str, after: i64, seen: impl Iterator<Item = (i64, u64)>, book: &Book, findings: &mut Findings) -> i64 {
    let mut reached = after;
    for (position, mark_seen) in seen {
        let due = reached + 1;
        findings.demand(position <= due, Flaw::Skipped, || {
            format!("{name} saw {position} after {reached}")
        });
        findings.demand(position >= due, Flaw::Reread, || {
            format!("{name} saw {position} after {reached}")
        });
        let index = usize::try_from(position - 1).unwrap_or(usize::MAX);
        let same = book
            .events
            .get(index)
            .is_some_and(|event| mark(&event.hash) == mark_seen);
        findings.demand(same, Flaw::Misread, || {
            format!("{name} saw another event at {position}, or one that is gone")
        });
        reached = reached.max(position);
    }
    reached
}
