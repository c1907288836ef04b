//! The files that auditors pass on: signed heads. Their form is in docs/audit-format.md.

use crate::operator::{Failure, in_file};
use log::keeping::{KeyError, PublicKey, SignedHead};
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

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PublishedKey {
    key_id: String,
    /// SubjectPublicKeyInfo in PEM.
    public_key: String,
}

const FORMAT: &str = "prometric heads";
const VERSION: u32 = 1;

impl HeadsFile {
    pub fn new(key: &PublicKey, heads: Vec<SignedHead>) -> Result<Self, KeyError> {
        Ok(Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            keys: vec![PublishedKey {
                key_id: key.id().to_owned(),
                public_key: key.to_pem()?,
            }],
            heads,
        })
    }
}

pub fn read_heads(file: &Path) -> Result<Vec<SignedHead>, Failure> {
    let heads: HeadsFile = serde_json::from_str(&read(file)?).map_err(|error| in_file(file, error))?;
    if (heads.format.as_str(), heads.version) != (FORMAT, VERSION) {
        return Err(in_file(file, format!("is not `{FORMAT}` of version {VERSION}")));
    }
    Ok(heads.heads)
}

pub fn read(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file).map_err(|error| in_file(file, error))
}

/// Whole or not at all.
pub fn write(file: &Path, content: &[u8]) -> Result<(), Failure> {
    let unfinished = file.with_extension("unfinished");
    let written = fs::write(&unfinished, content).and_then(|()| fs::rename(&unfinished, file));
    written.map_err(|error| in_file(file, error))
}
