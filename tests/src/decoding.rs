//! What must hold of any bytes that come out of storage: they decode or are refused, within bounded stack and memory,
//! and never panic. Shared by the property tests (`it/keeping/decoding.rs`) and the fuzzer (`fuzz/`).

use domain::fact::{DecodeError, Fact};
use log::{
    Commit, CommitError,
    keeping::{FileError, FileReader, Summary},
};
use serde_json::value::RawValue;

/// A stored event as in `domain/samples`; the data is borrowed as it is written.
#[derive(serde::Deserialize)]
struct Sample<'a> {
    category: String,
    #[serde(rename = "type")]
    event_type: String,
    schema: i32,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// Decodes an event; the bytes are a sample's JSON, or else category, type, schema number and data, each after a line break.
pub fn stored_event(bytes: &[u8]) -> Result<Fact, DecodeError> {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(sample) = serde_json::from_str::<Sample>(&text) {
        return Fact::decode(&sample.category, &sample.event_type, sample.schema, sample.data.get());
    }
    let mut parts = text.splitn(4, '\n');
    let mut part = || parts.next().unwrap_or_default();
    Fact::decode(part(), part(), part().parse().unwrap_or(1), part())
}

/// Reads a file of the log to its end.
pub fn export_file(bytes: &[u8]) -> Result<Option<Summary>, FileError> {
    futures::executor::block_on(async {
        let mut file = FileReader::open(bytes).await?;
        while file.next().await?.is_some() {}
        Ok(file.summary().cloned())
    })
}

/// Reads a commit as an engine of the log has it.
pub fn stored_commit(bytes: &[u8]) -> Result<Commit, CommitError> {
    Commit::decode(&String::from_utf8_lossy(bytes))
}
