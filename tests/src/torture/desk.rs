//! Where everything that is said comes together, in memory for the oracle and on file for people.

use super::{
    history::{History, Journal},
    oracle::Finding,
};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What has been said so far, in memory and on file.
pub struct Record {
    pub history: History,
    pub journal: Journal,
}

/// Shared with the tasks that listen to the nodes.
#[derive(Clone)]
pub struct Desk(Arc<Mutex<Record>>);

impl Desk {
    pub fn new(folder: &Path, seed: u64) -> Self {
        let (history, journal) = (History::default(), Journal::create(folder, seed));
        Self(Arc::new(Mutex::new(Record { history, journal })))
    }

    pub fn record(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn note(&self, what: &str, text: &str) {
        self.record().journal.note(what, text);
    }

    /// Appends that could not be written, for no fault of theirs.
    pub fn refused(&self) -> usize {
        self.record().history.unavailable
    }

    pub fn written(&self) -> usize {
        self.record().history.written
    }
}

/// Keeps the history if anything is found, and also when the harness itself gives up.
pub struct Witness {
    seed: u64,
    pub desk: Desk,
}

impl Witness {
    pub fn new(folder: &Path, seed: u64) -> Self {
        let desk = Desk::new(folder, seed);
        Self { seed, desk }
    }

    /// Answers where the history is, if it is kept.
    pub fn conclude(&self, findings: &[Finding]) -> Option<PathBuf> {
        for finding in findings {
            self.desk.note("finding", &finding.to_string());
        }
        (!findings.is_empty()).then(|| self.desk.record().journal.keep())
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let kept = self.desk.record().journal.keep();
            eprintln!("torture: seed {}, history in {}", self.seed, kept.display());
        }
    }
}
