//! What is read of a source, page by page. What is not taken waits in the log.

use crate::stream::Source;
use futures::{Stream, StreamExt, stream::BoxStream};
use log::{Log, ReadError, Recorded};
use uuid::Uuid;

/// Events that are opened and shown together.
const TOGETHER: usize = 64;

pub type Pages = BoxStream<'static, Result<Vec<Recorded>, ReadError>>;

impl Source {
    /// The place that a revision or position names, as the log counts.
    pub fn reached(&self, at: u64) -> i64 {
        let at = i64::try_from(at).unwrap_or(i64::MAX - 2).min(i64::MAX - 2);
        match self {
            Self::One { .. } | Self::Nothing => at + 1,
            Self::All | Self::Category(_) | Self::Type(_) => at,
        }
    }

    /// Events behind a place, until none is left.
    pub fn pages(&self, log: &Log, workspace: Uuid, after: i64) -> Pages {
        match self {
            Self::One { id, .. } => together(log.replay_stream(workspace, *id, after)),
            Self::Nothing => futures::stream::empty().boxed(),
            Self::All | Self::Category(_) | Self::Type(_) => together(log.replay(workspace, after)),
        }
    }

    /// So many events before a place, the last one first.
    pub async fn page_before(
        &self,
        log: &Log,
        workspace: Uuid,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<Recorded>, ReadError> {
        match self {
            Self::One { id, .. } => log.latest_of_stream(workspace, *id, before, limit).await,
            Self::Nothing => Ok(vec![]),
            Self::All | Self::Category(_) | Self::Type(_) => log.latest(workspace, before, limit).await,
        }
    }

    /// Where it ends now.
    pub async fn end(&self, log: &Log, workspace: Uuid) -> Result<i64, ReadError> {
        match self {
            Self::One { id, .. } => {
                let last = log.latest_of_stream(workspace, *id, None, 1).await?;
                Ok(last.first().map_or(0, |event| event.version))
            }
            Self::Nothing => Ok(0),
            Self::All | Self::Category(_) | Self::Type(_) => Ok(log.head(workspace).await?),
        }
    }
}

fn together(events: impl Stream<Item = Result<Recorded, ReadError>> + Send + 'static) -> Pages {
    events
        .ready_chunks(TOGETHER)
        .map(|events| events.into_iter().collect())
        .boxed()
}
