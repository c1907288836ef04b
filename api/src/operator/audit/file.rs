//! The files that auditors pass on: signed heads and proofs. Their form is in docs/audit-format.md.

use crate::{
    operator::{Failure, in_file},
    witness::PublishedKey,
};
use log::keeping::{KeyError, Proof, PublicKey, SignedHead};
use serde::{Deserialize, Serialize};
use std::{fs, path::Path};

/// What `audit heads` writes. The keys are for those who do not have the database; who has it trusts its own.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeadsFile {
    format: String,
    version: u32,
    keys: Vec<PublishedKey>,
    pub heads: Vec<SignedHead>,
}

const FORMAT: &str = "prometric heads";
/// Since 2 heads have roots; those of 1 are read as well.
const VERSION: u32 = 2;

const PROOF: &str = "prometric proof";
const PROOF_VERSION: u32 = 1;

/// What `audit prove` writes.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProofFile {
    format: String,
    version: u32,
    proof: Proof,
}

impl ProofFile {
    pub fn new(proof: Proof) -> Self {
        Self {
            format: PROOF.to_owned(),
            version: PROOF_VERSION,
            proof,
        }
    }

    pub fn read(file: &Path) -> Result<Proof, Failure> {
        let read: Self = serde_json::from_str(&read(file)?).map_err(|error| in_file(file, error))?;
        if (read.format.as_str(), read.version) != (PROOF, PROOF_VERSION) {
            return Err(in_file(file, format!("is not `{PROOF}` of version {PROOF_VERSION}")));
        }
        Ok(read.proof)
    }
}

impl HeadsFile {
    pub fn new(key: &PublicKey, heads: Vec<SignedHead>) -> Result<Self, KeyError> {
        Ok(Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            keys: vec![PublishedKey::new(key)?],
            heads,
        })
    }
}

pub fn read_heads(file: &Path) -> Result<Vec<SignedHead>, Failure> {
    let heads: HeadsFile = serde_json::from_str(&read(file)?).map_err(|error| in_file(file, error))?;
    if heads.format != FORMAT || !(1..=VERSION).contains(&heads.version) {
        return Err(in_file(file, format!("is not `{FORMAT}` of version 1 to {VERSION}")));
    }
    Ok(heads.heads)
}

pub fn read(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file).map_err(|error| in_file(file, error))
}

/// Whole or not at all. What is there and no file, such as `/dev/stdout`, is written to and stays what it is.
pub fn write(file: &Path, content: &[u8]) -> Result<(), Failure> {
    if file.metadata().is_ok_and(|known| !known.is_file()) {
        return fs::write(file, content).map_err(|error| in_file(file, error));
    }
    let unfinished = file.with_extension("unfinished");
    let written = fs::write(&unfinished, content).and_then(|()| fs::rename(&unfinished, file));
    written.map_err(|error| in_file(file, error))
}
