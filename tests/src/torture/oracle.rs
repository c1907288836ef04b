//! The judge: what was meant and answered (`History`) against what is there (`Store`). Pure, so that its own tests can
//! show it histories with every flaw and see each of them found.

mod appends;
mod commands;
mod readers;
mod sights;
#[cfg(test)]
mod tests;
mod walk;

use super::{history::History, store::Store};
use std::fmt;

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flaw {
    /// Acknowledged and not there.
    Lost,
    /// There more than once.
    Doubled,
    /// There, though its caller was told that it is not.
    Ghost,
    /// Part of an operation is there, or not in one piece.
    Torn,
    /// Not there as acknowledged, or as asked for.
    Altered,
    /// There, and nobody asked for it.
    Stranger,
    /// Positions of a workspace are not 1, 2, 3, …
    Gap,
    /// Versions of a stream are not 1, 2, 3, …
    Version,
    /// Written at another version than the one it expected.
    Expected,
    /// Written though a guarded stream had another version.
    Guard,
    /// Recorded earlier than the event before it, or at another time than it happened.
    Clock,
    /// The hash chain does not hold.
    Chain,
    /// The head is not where the events end.
    Head,
    /// A key with two owners, or given back by somebody else, or the table says otherwise than the log.
    Claim,
    /// A number left out or given twice, or the table says otherwise than the log.
    Number,
    /// A command carried out twice, or a repeat answered with something else.
    Command,
    /// A refusal for a reason that never was.
    Refusal,
    /// Acknowledged before another was asked for, and behind it all the same.
    Order,
    /// Of a stream something was told that was not so at any moment between the question and the answer.
    Sight,
    /// A reader left something out.
    Skipped,
    /// A reader saw something again, or out of order.
    Reread,
    /// A reader saw something else than what is there.
    Misread,
    /// A reader did not reach the end.
    Behind,
    /// What a node itself complains of.
    Broken,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub flaw: Flaw,
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{:?}: {}", self.flaw, self.text)
    }
}

/// All that is wrong; everybody is taken to be at rest, and every live reader to have had the time to read on.
pub fn examine(history: &History, store: &Store) -> Vec<Finding> {
    let mut findings = Findings::default();
    for text in &history.broken {
        findings.add(Flaw::Broken, text.clone());
    }
    let present = appends::examine(history, store, &mut findings);
    walk::examine(history, store, &mut findings);
    commands::examine(history, store, &present, &mut findings);
    sights::examine(history, store, &present, &mut findings);
    readers::examine(history, store, &mut findings);
    findings.0
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, flaw: Flaw, text: String) {
        self.0.push(Finding { flaw, text });
    }

    fn demand(&mut self, holds: bool, flaw: Flaw, text: impl FnOnce() -> String) {
        if !holds {
            self.add(flaw, text());
        }
    }
}
