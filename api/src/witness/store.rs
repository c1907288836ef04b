//! What a witness keeps: one file that is only ever appended to, a JSON object a line, on the disk before anything is
//! answered. All of it is in memory as well, by maker and workspace.

use super::{Seen, Shown, Verdict, judge};
use chrono::Utc;
use log::keeping::{PublicKey, Receipt, SignedHead, Signer};
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
};
use uuid::Uuid;

const FILE: &str = "heads.ndjson";
/// Refused heads that are kept of one maker and workspace: any one of them tells.
const REFUSED_MAX: usize = 100;

/// Why a witness cannot begin, or go on.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{}: {source}", file.display())]
    Io { file: PathBuf, source: io::Error },
    #[error("{}: another witness is at work on it", .0.display())]
    Busy(PathBuf),
    #[error("{}, line {line}: not a line of a witness", file.display())]
    Malformed { file: PathBuf, line: usize },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Line {
    #[serde(rename_all = "camelCase")]
    Seen {
        public_key: String,
        receipt: Receipt,
    },
    Refused(SignedHead),
}

struct Known {
    /// The id is short: whoever comes later with another key of the same one is not this maker.
    public_key: String,
    seen: Seen,
}

pub(super) struct Store {
    witness: Signer,
    path: PathBuf,
    file: File,
    /// Where the next line goes.
    end: u64,
    known: HashMap<(String, Uuid), Known>,
}

/// What came of a head.
pub(super) enum Outcome {
    Signed(Receipt),
    Refused(Verdict, Receipt),
    /// Another key of the same id was here before.
    AnotherKey,
}

impl Store {
    /// Reads what is there. A last line that was cut short by a crash was never answered for, and goes.
    pub fn open(folder: &Path, witness: Signer) -> Result<Self, StoreError> {
        let path = folder.join(FILE);
        let failed = |source| StoreError::Io {
            file: path.clone(),
            source,
        };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&path).map_err(failed)?;
        if file.try_lock().is_err() {
            return Err(StoreError::Busy(path));
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(failed)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(failed)?;
        let mut store = Self {
            witness,
            file,
            end: whole as u64,
            known: HashMap::new(),
            path: path.clone(),
        };
        let lines = text[..whole]
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty());
        for (line, text) in (1..).zip(lines) {
            let read = serde_json::from_slice(text).map_err(|_| StoreError::Malformed {
                file: path.clone(),
                line,
            })?;
            store.remember(read);
        }
        Ok(store)
    }

    pub fn witness(&self) -> PublicKey {
        self.witness.public_key()
    }

    pub fn seen(&self, key_id: &str, workspace: Uuid) -> Option<&Seen> {
        let known = self.known.get(&(key_id.to_owned(), workspace))?;
        Some(&known.seen)
    }

    /// Signs for a head whose maker's signature was checked, or refuses it; either is on the disk afterwards.
    pub fn show(&mut self, shown: Shown, maker: &PublicKey) -> Result<Outcome, StoreError> {
        let public_key = maker.to_pem().unwrap_or(shown.public_key);
        let known = self.known.get(&(shown.head.key_id.clone(), shown.head.workspace));
        if known.is_some_and(|known| known.public_key != public_key) {
            return Ok(Outcome::AnotherKey);
        }
        let latest = known.map(|known| &known.seen);
        match (
            judge(latest.map(|seen| &seen.receipt.head), &shown.head, &shown.path),
            latest,
        ) {
            (Verdict::New, _) | (_, None) => {
                let receipt = Receipt::sign(&self.witness, shown.head, Utc::now());
                self.keep(Line::Seen {
                    public_key,
                    receipt: receipt.clone(),
                })?;
                Ok(Outcome::Signed(receipt))
            }
            (Verdict::Repeat, Some(seen)) => Ok(Outcome::Signed(seen.receipt.clone())),
            (verdict, Some(seen)) => {
                let latest = seen.receipt.clone();
                if seen.refused.len() < REFUSED_MAX && !seen.refused.contains(&shown.head) {
                    self.keep(Line::Refused(shown.head))?;
                }
                Ok(Outcome::Refused(verdict, latest))
            }
        }
    }

    /// Behind the last whole line: what a failed try has left there is written over.
    fn keep(&mut self, line: Line) -> Result<(), StoreError> {
        let written = serde_json::to_vec(&line).map_err(io::Error::from).and_then(|mut text| {
            text.push(b'\n');
            self.file.set_len(self.end)?;
            self.file.seek(io::SeekFrom::Start(self.end))?;
            self.file.write_all(&text)?;
            self.file.sync_all()?;
            Ok(text.len() as u64)
        });
        self.end += written.map_err(|source| StoreError::Io {
            file: self.path.clone(),
            source,
        })?;
        self.remember(line);
        Ok(())
    }

    fn remember(&mut self, line: Line) {
        match line {
            Line::Seen { public_key, receipt } => {
                let key = (receipt.head.key_id.clone(), receipt.head.workspace);
                let refused = self
                    .known
                    .remove(&key)
                    .map_or_else(Vec::new, |known| known.seen.refused);
                let seen = Seen { receipt, refused };
                self.known.insert(key, Known { public_key, seen });
            }
            Line::Refused(head) => {
                if let Some(known) = self.known.get_mut(&(head.key_id.clone(), head.workspace)) {
                    known.seen.refused.push(head);
                }
            }
        }
    }
}
