//! Long readings as streams. Pages by ranges of dense positions, the next one asked for while the current one is
//! consumed; never more than these two in memory, and a connection only while a page is fetched, so that a slow
//! reader holds up nobody. Dropping the stream stops the work.

use super::{
    ReadError,
    page::{Cursor, Page, Shelves, Source},
};
use crate::{Log, Recorded};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use std::collections::VecDeque;
use tokio::task::JoinSet;
use uuid::Uuid;

/// What one look through a bounded stretch of positions found.
#[derive(Debug, Clone, PartialEq)]
pub struct Scan {
    pub events: Vec<Recorded>,
    /// Nothing of these types up to here but those events: read on from here.
    pub scanned_to: i64,
    /// The head was reached.
    pub caught_up: bool,
}

impl Log {
    /// A workspace's events after a position, in order, until none is left.
    pub fn replay(
        &self,
        workspace: Uuid,
        after: i64,
    ) -> impl Stream<Item = Result<Recorded, ReadError>> + Send + use<> {
        self.replay_many(vec![(workspace, after)])
    }

    /// The same for several workspaces: each in order, taking turns page by page, so that a long one does not hold
    /// up the others. However many they are, they share one connection and the memory of two pages.
    pub fn replay_many(
        &self,
        workspaces: Vec<(Uuid, i64)>,
    ) -> impl Stream<Item = Result<Recorded, ReadError>> + Send + use<> {
        let cursors = workspaces
            .into_iter()
            .map(|(workspace, after)| Cursor::new(workspace, Source::Workspace, after));
        events(Walk::new(self.shelves(), cursors))
    }

    /// A stream's events after a version, in order, until none is left.
    pub fn replay_stream(
        &self,
        workspace: Uuid,
        stream_id: Uuid,
        after: i64,
    ) -> impl Stream<Item = Result<Recorded, ReadError>> + Send + use<> {
        let cursor = Cursor::new(workspace, Source::Stream(stream_id), after);
        events(Walk::new(self.shelves(), [cursor]))
    }

    /// A workspace's events of some types after a position, in order, until the head; also says how far it looked
    /// where there were none, so that a reader can keep that as its place.
    pub fn replay_types(
        &self,
        workspace: Uuid,
        after: i64,
        types: &[&str],
    ) -> impl Stream<Item = Result<Scan, ReadError>> + Send + use<> {
        let types = types.iter().map(|name| (*name).to_owned()).collect();
        let cursor = Cursor::new(workspace, Source::Types(types), after);
        Walk::new(self.shelves(), [cursor])
            .pages()
            .map_ok(|(cursor, page)| Scan {
                events: page.events,
                scanned_to: cursor,
                caught_up: page.last,
            })
    }

    fn shelves(&self) -> Shelves {
        Shelves {
            live: self.pool.clone(),
            away: self.shelf.clone(),
        }
    }

    /// One step of that.
    pub async fn read_types(&self, workspace: Uuid, after: i64, types: &[&str]) -> Result<Scan, ReadError> {
        let types = types.iter().map(|name| (*name).to_owned()).collect();
        let mut cursor = Cursor::new(workspace, Source::Types(types), after);
        let page = cursor.advance(&self.shelves()).await?;
        Ok(Scan {
            events: page.events,
            scanned_to: cursor.after(),
            caught_up: page.last,
        })
    }
}

fn events(walk: Walk) -> impl Stream<Item = Result<Recorded, ReadError>> + Send {
    walk.pages()
        .map_ok(|(_, page)| stream::iter(page.events).map(Ok))
        .try_flatten()
}

/// Readings that take turns; the next page is fetched by a task of its own, which ends with the walk.
struct Walk {
    shelves: Shelves,
    waiting: VecDeque<Cursor>,
    ahead: JoinSet<Result<(Cursor, Page), ReadError>>,
}

impl Walk {
    fn new(shelves: Shelves, cursors: impl IntoIterator<Item = Cursor>) -> Self {
        Self {
            shelves,
            waiting: cursors.into_iter().collect(),
            ahead: JoinSet::new(),
        }
    }

    /// Pages with the place they reach; ends after an error.
    fn pages(self) -> impl Stream<Item = Result<(i64, Page), ReadError>> + Send {
        stream::try_unfold(self, |mut walk| async move {
            let page = walk.next().await?;
            Ok(page.map(|page| (page, walk)))
        })
    }

    async fn next(&mut self) -> Result<Option<(i64, Page)>, ReadError> {
        if self.ahead.is_empty() {
            self.ask();
        }
        let Some(fetched) = self.ahead.join_next().await else {
            return Ok(None);
        };
        // The task does not panic: what else ends it is the runtime going down.
        let (cursor, page) = fetched.map_err(|_| sqlx::Error::WorkerCrashed)??;
        let reached = cursor.after();
        if !page.last {
            self.waiting.push_back(cursor);
        }
        self.ask();
        Ok(Some((reached, page)))
    }

    fn ask(&mut self) {
        if let Some(mut cursor) = self.waiting.pop_front() {
            let shelves = self.shelves.clone();
            self.ahead.spawn(async move {
                let page = cursor.advance(&shelves).await?;
                Ok((cursor, page))
            });
        }
    }
}
