//! What came of a run, in numbers and in words.

use super::{
    faults::Fault,
    history::{Answer, History},
    oracle::{Finding, Flaw},
    store::Store,
};
use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    path::PathBuf,
    time::Duration,
};
use uuid::Uuid;

/// Findings of one flaw that are told; the history has them all.
const TOLD_MAX: usize = 3;

#[derive(Debug)]
pub struct Report {
    pub seed: u64,
    pub findings: Vec<Finding>,
    pub counts: Counts,
    /// How many batches went which way: assumed, looked, locked.
    pub ways: [u64; 3],
    /// What was done besides appending and reading, and how often.
    pub kept: BTreeMap<String, usize>,
    pub faults: BTreeMap<Fault, usize>,
    /// The longest time from a fault until appends were acknowledged again, and the fault.
    pub slowest: Option<(Duration, Fault)>,
    /// Kept when there are findings.
    pub history: Option<PathBuf>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Appends asked for.
    pub asked: usize,
    pub written: usize,
    pub repeated: usize,
    pub refused: usize,
    pub unavailable: usize,
    /// Told "unknown", or never answered.
    pub unknown: usize,
    /// Of the unknown ones with events: how many are there after all.
    pub unknown_there: usize,
    pub events: usize,
    /// Polling readers, those that came and went included.
    pub readers: usize,
}

impl Counts {
    pub fn of(history: &History, store: &Store) -> Self {
        let mut counts = Self {
            events: store.events,
            readers: history.readings.len(),
            ..Self::default()
        };
        let there: HashSet<Uuid> = store
            .books
            .values()
            .flat_map(|book| &book.events)
            .map(|event| event.event_id)
            .collect();
        for operation in history.operations.values() {
            counts.asked += 1;
            match operation.answer.as_ref().map(|(_, answer)| answer) {
                Some(Answer::Written { .. }) => counts.written += 1,
                Some(Answer::Repeated { .. }) => counts.repeated += 1,
                Some(Answer::Refused(_)) => counts.refused += 1,
                Some(Answer::Unavailable(_)) => counts.unavailable += 1,
                Some(Answer::Unknown(_)) | None => {
                    counts.unknown += 1;
                    counts.unknown_there += usize::from(there.contains(&operation.op.event_id(0)));
                }
            }
        }
        counts
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Counts {
            asked,
            written,
            repeated,
            refused,
            unavailable,
            unknown,
            unknown_there,
            events,
            readers,
        } = self.counts;
        writeln!(
            f,
            "seed {}: {asked} appends asked for; {written} written, {repeated} repeated, {refused} refused, {unavailable} not possible, \
             {unknown} unknown of which {unknown_there} are there; {events} events, {readers} readers",
            self.seed
        )?;
        let [assumed, looked, locked] = self.ways;
        let kept = &self.kept;
        writeln!(
            f,
            "batches: {assumed} assumed, {looked} looked, {locked} locked; besides: {kept:?}"
        )?;
        write!(f, "faults: {:?}", self.faults)?;
        if let Some((longest, fault)) = self.slowest {
            write!(
                f,
                "; the longest until appends went on: {} ms, {fault:?}",
                longest.as_millis()
            )?;
        }
        let mut told: BTreeMap<Flaw, usize> = BTreeMap::new();
        for finding in &self.findings {
            let nth = told.entry(finding.flaw).or_default();
            *nth += 1;
            if *nth <= TOLD_MAX {
                let text: String = finding.to_string().chars().take(1_000).collect();
                write!(f, "\n  {text}")?;
            }
        }
        if let Some(path) = &self.history {
            let findings = self.findings.len();
            write!(
                f,
                "\n{findings} findings: {told:?}; seed {}, history in {}",
                self.seed,
                path.display()
            )?;
        }
        Ok(())
    }
}
