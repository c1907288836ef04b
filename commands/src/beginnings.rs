//! States of streams whose events are about to be put away, written down first: whoever comes afterwards goes on from them
//! and need not open the files, which another node may not even have.

use crate::load::{keep_snapshot, read_snapshot};
use domain::{
    FINGERPRINT,
    fact::{self, DecodeError},
};
use log::{AppendError, Folded, Log, PersonalError, ReadError, Snapshot, Stream};
use serde_json::Value;
use uuid::Uuid;

#[derive(Debug, thiserror::Error)]
pub enum BeginningError {
    #[error("a stream cannot be read")]
    Read(#[from] ReadError),
    #[error("a state cannot be kept")]
    Keep(#[from] AppendError),
    #[error("personal values cannot be opened")]
    Personal(#[from] PersonalError),
    #[error("stream {stream} cannot be folded")]
    Fold { stream: Uuid, source: DecodeError },
}

/// Writes down the state of every stream that has events up to a position; answers how many there are.
pub async fn write_down(log: &Log, workspace: Uuid, through: i64) -> Result<usize, BeginningError> {
    let streams = log.streams(workspace, through).await?;
    for (category, id) in &streams {
        one(log, workspace, category, *id).await?;
    }
    Ok(streams.len())
}

async fn one(log: &Log, workspace: Uuid, category: &str, id: Uuid) -> Result<(), BeginningError> {
    let unfolded = |source| BeginningError::Fold { stream: id, source };
    let category = fact::category(category).map_err(unfolded)?;
    let stream = Stream {
        category: category.name(),
        id,
    };
    let Folded { snapshot, mut tail, .. } = log.load(workspace, stream, FINGERPRINT).await?;
    let Some(last) = tail.last() else {
        return Ok(()); // it stands on the last event already
    };
    let (version, hash) = (last.version, last.hash);
    let mut state = category.folding();
    if let Some(snapshot) = snapshot {
        match read_snapshot::<Value>(log, workspace, snapshot.state).await {
            Some((written, _)) => state.go_on_from(written).map_err(unfolded)?,
            None => tail = log.read_stream(workspace, id, 0).await?,
        }
    }
    log.open_personal(&mut tail).await?;
    for event in &tail {
        state
            .take(&event.event_type, event.schema, &event.data)
            .map_err(unfolded)?;
    }
    let state = state.written().map_err(unfolded)?;
    let snapshot = Snapshot { version, hash, state };
    Ok(keep_snapshot(log, workspace, id, snapshot).await?)
}
