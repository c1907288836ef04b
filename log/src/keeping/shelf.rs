//! What is away, for readers: on a node that knows the folder with the segments' files, a reader who finds nothing in the table
//! reads on in them and hardly notices. A file in the middle of being read is kept open, for whoever comes for what follows.

use super::{
    history::{HistoryError, SegmentReader},
    segment::Segment,
};
use crate::Recorded;
use sqlx::PgPool;
use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};
use uuid::Uuid;

/// Files that are kept open.
const OPEN_MAX: usize = 8;

pub(crate) struct Shelf {
    folder: PathBuf,
    open: Mutex<Vec<Open>>,
}

/// A file, read up to that position.
struct Open {
    workspace: Uuid,
    at: i64,
    reader: SegmentReader,
}

impl Shelf {
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            open: Mutex::default(),
        }
    }

    /// At most so many events behind a position that is away, of the file that holds the next one.
    pub async fn positions(
        &self,
        pool: &PgPool,
        workspace: Uuid,
        after: i64,
        limit: i64,
    ) -> Result<Vec<Recorded>, HistoryError> {
        let Some(mut open) = self.at(pool, workspace, after).await? else {
            return Ok(vec![]);
        };
        let mut events = Vec::new();
        while open.at - after < limit {
            match open.reader.next().await? {
                Some(event) if event.position > after => {
                    open.at = event.position;
                    events.push(event);
                }
                Some(_) => {}
                None => return Ok(events),
            }
        }
        self.keep(open);
        Ok(events)
    }

    /// A stream's events behind a version, as far as they are away.
    pub async fn versions(
        &self,
        pool: &PgPool,
        workspace: Uuid,
        stream_id: Uuid,
        after: i64,
    ) -> Result<Vec<Recorded>, HistoryError> {
        let segments = Segment::all(&mut *pool.acquire().await?, workspace).await?;
        let mut events = Vec::new();
        for segment in segments {
            let mut reader = SegmentReader::open(segment, &self.folder).await?;
            while let Some(event) = reader.next().await? {
                if event.stream_id == stream_id && event.version > after {
                    events.push(event);
                }
            }
        }
        Ok(events)
    }

    /// A file that is read up to there, or the one that holds the next position from its beginning.
    async fn at(&self, pool: &PgPool, workspace: Uuid, after: i64) -> Result<Option<Open>, HistoryError> {
        let taken = {
            let mut open = self.open();
            let fitting = open
                .iter()
                .position(|open| (open.workspace, open.at) == (workspace, after));
            fitting.map(|index| open.swap_remove(index))
        };
        if taken.is_some() {
            return Ok(taken);
        }
        let segments = Segment::all(&mut *pool.acquire().await?, workspace).await?;
        let Some(segment) = segments.into_iter().find(|segment| segment.last > after) else {
            return Ok(None);
        };
        let reader = SegmentReader::open(segment, &self.folder).await?;
        Ok(Some(Open {
            workspace,
            at: after,
            reader,
        }))
    }

    fn keep(&self, reader: Open) {
        let mut open = self.open();
        if open.len() >= OPEN_MAX {
            open.remove(0);
        }
        open.push(reader);
    }

    fn open(&self) -> MutexGuard<'_, Vec<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
