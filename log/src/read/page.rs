//! One page of a long reading, bounded twice: by rows, which adapt to how large the events are, and by bytes. Asking
//! the database for sizes beforehand would cost every row something; instead the rows come one by one and a page
//! that grows beyond its bytes is cut where it stands, and its connection closed, since what still flows through it
//! may be gigabytes. The next page asks for fewer rows, so that happens only where small events turn large at once.

use super::{
    RANGE, ReadError, head_in_tx,
    row::{Run, columns, decode},
};
use crate::{
    Recorded,
    keeping::{self, Shelf},
};
use futures::TryStreamExt;
use sqlx::{PgConnection, PgPool, Postgres, pool::PoolConnection, postgres::PgArguments, query::Query};
use std::sync::Arc;
use uuid::Uuid;

/// What a page aims at.
const BYTES_AIM: usize = 4 << 20;
/// Where it is cut.
const BYTES_MAX: usize = 16 << 20;
/// What an event holds besides its data and metadata, about.
const ENVELOPE_BYTES: usize = 256;
const ROWS_FIRST: i64 = 256;
/// Larger pages gain nothing (measured).
const ROWS_MAX: i64 = 5_000;
/// By type: most positions are only looked at.
const LOOKS_MAX: i64 = 20_000;

/// What is read.
#[derive(Debug, Clone)]
pub(super) enum Source {
    Workspace,
    Stream(Uuid),
    Types(Arc<[String]>),
}

/// Where events are.
#[derive(Clone)]
pub(super) struct Shelves {
    pub live: PgPool,
    pub away: Option<Arc<Shelf>>,
}

/// How far a reading has got.
#[derive(Debug, Clone)]
pub(super) struct Cursor {
    workspace: Uuid,
    source: Source,
    /// The position, or the stream's version, that was reached.
    after: i64,
    /// Where the workspace's log stood at least: up to there no position may be missing.
    head: i64,
    rows: i64,
}

#[derive(Debug)]
pub(super) struct Page {
    pub events: Vec<Recorded>,
    /// There was nothing more at that moment.
    pub last: bool,
}

/// The rows of a page as they came.
#[derive(Default)]
struct Rows {
    events: Vec<Recorded>,
    bytes: usize,
    cut: bool,
}

impl Cursor {
    pub fn new(workspace: Uuid, source: Source, after: i64) -> Self {
        Self {
            workspace,
            source,
            after,
            head: 0,
            rows: ROWS_FIRST,
        }
    }

    pub fn after(&self) -> i64 {
        self.after
    }

    /// The next page, from wherever it is; the cursor then stands behind it.
    pub async fn advance(&mut self, shelves: &Shelves) -> Result<Page, ReadError> {
        match (self.advance_live(&shelves.live).await, &shelves.away) {
            (Err(ReadError::Archived(archived)), Some(away)) => self
                .advance_away(&shelves.live, away)
                .await?
                .ok_or_else(|| archived.into()),
            (live, _) => live,
        }
    }

    async fn advance_live(&mut self, pool: &PgPool) -> Result<Page, ReadError> {
        let mut lent = Lent {
            connection: pool.acquire().await?,
            heard: false,
        };
        let (connection, after) = (&mut lent.connection, self.after);
        let next = match self.source {
            Source::Stream(stream_id) => self.next_versions(connection, stream_id).await,
            Source::Workspace | Source::Types(_) => self.next_positions(connection).await,
        };
        let (rows, last) = match next {
            Ok(next) => next,
            Err(error) => return Err(keeping::explained(pool, error).await),
        };
        lent.heard = !rows.cut;
        self.adapt(self.after - after, rows.bytes);
        Ok(Page {
            events: rows.events,
            last,
        })
    }

    /// Of what was put away; nothing when the next one is not in there.
    async fn advance_away(&mut self, pool: &PgPool, shelf: &Shelf) -> Result<Option<Page>, ReadError> {
        let (workspace, after) = (self.workspace, self.after);
        let mut events = match self.source {
            Source::Stream(stream) => shelf.versions(pool, workspace, stream, after).await?,
            Source::Workspace | Source::Types(_) => shelf.positions(pool, workspace, after, ROWS_MAX).await?,
        };
        let Some(last) = events.last() else { return Ok(None) };
        self.after = match &self.source {
            Source::Stream(_) => last.version,
            Source::Workspace | Source::Types(_) => last.position,
        };
        if let Source::Types(types) = &self.source {
            events.retain(|event| types.contains(&event.event_type));
        }
        Ok(Some(Page { events, last: false }))
    }

    async fn next_versions(&mut self, connection: &mut PgConnection, stream: Uuid) -> Result<(Rows, bool), ReadError> {
        let until = self.after.saturating_add(self.rows);
        let rows = self.fetch(&mut *connection, until).await?;
        if rows.events.is_empty() {
            keeping::stream_is_live(&mut *connection, self.workspace, stream, self.after).await?;
        }
        Run::of_versions(self.workspace, stream, self.after).check(&rows.events)?;
        self.after = rows.events.last().map_or(self.after, |event| event.version);
        let last = !rows.cut && self.after < until;
        Ok((rows, last))
    }

    /// Never further than the head, which was read before: so what comes must be all there is.
    async fn next_positions(&mut self, connection: &mut PgConnection) -> Result<(Rows, bool), ReadError> {
        if self.head <= self.after {
            self.head = head_in_tx(connection, self.workspace).await?;
        }
        if self.head <= self.after {
            return Ok((Rows::default(), true));
        }
        let until = self.after.saturating_add(self.rows).min(self.head);
        let by_type = matches!(self.source, Source::Types(_));
        if by_type {
            self.check_range(connection, until).await?;
        }
        let rows = self.fetch(connection, until).await?;
        let reached = rows.events.last().map_or(self.after, |event| event.position);
        if !by_type {
            let mut run = Run::of_positions(self.workspace, self.after);
            run.check(&rows.events)?;
            run.reaches(if rows.cut { reached } else { until }, self.head)?;
        }
        self.after = if rows.cut || !by_type { reached } else { until };
        if !rows.cut && self.after == self.head {
            self.head = head_in_tx(connection, self.workspace).await?;
        }
        let last = !rows.cut && self.head <= self.after;
        Ok((rows, last))
    }

    /// So many rows that they come to the bytes aimed at, going by the last page; growing step by step.
    fn adapt(&mut self, passed: i64, bytes: usize) {
        let most = match self.source {
            Source::Types(_) => LOOKS_MAX,
            Source::Workspace | Source::Stream(_) => ROWS_MAX,
        };
        let (aim, bytes) = (
            i64::try_from(BYTES_AIM).unwrap_or(i64::MAX),
            i64::try_from(bytes).unwrap_or(i64::MAX),
        );
        let fitting = aim.saturating_mul(passed) / bytes.max(1);
        self.rows = fitting.min(self.rows * 4).clamp(1, most);
    }

    async fn fetch(&self, connection: &mut PgConnection, until: i64) -> Result<Rows, ReadError> {
        let mut page = Rows::default();
        let mut rows = self.query(until).fetch(connection);
        while let Some(row) = rows.try_next().await? {
            let event = decode(&row, self.workspace)?;
            page.bytes += event.data.len() + event.metadata.len() + ENVELOPE_BYTES;
            page.events.push(event);
            if page.bytes > BYTES_MAX {
                page.cut = true;
                break;
            }
        }
        Ok(page)
    }

    fn query(&self, until: i64) -> Query<'_, Postgres, PgArguments> {
        const TYPES: &str = concat!(
            "select ",
            columns!(),
            " from log.events where workspace_id = $1 and position > $2 and position <= $3 and type = any($4) order by position"
        );
        const STREAM: &str = concat!(
            "select ",
            columns!(),
            " from log.events where workspace_id = $1 and version > $2 and version <= $3 and stream_id = $4 order by version"
        );
        let sql = match &self.source {
            Source::Workspace => RANGE,
            Source::Types(_) => TYPES,
            Source::Stream(_) => STREAM,
        };
        let query = sqlx::query(sql).bind(self.workspace).bind(self.after).bind(until);
        match &self.source {
            Source::Workspace => query,
            Source::Types(types) => query.bind(types.as_ref()),
            Source::Stream(stream_id) => query.bind(stream_id),
        }
    }

    /// The positions that were only looked at are there, too: counted, and searched for the hole when they are not.
    async fn check_range(&self, connection: &mut PgConnection, until: i64) -> Result<(), ReadError> {
        let count = "select count(*) from log.events where workspace_id = $1 and position > $2 and position <= $3";
        let count = sqlx::query_scalar(count)
            .bind(self.workspace)
            .bind(self.after)
            .bind(until);
        let present: i64 = count.fetch_one(&mut *connection).await?;
        if present == until - self.after {
            return Ok(());
        }
        let first = "select p, coalesce((select min(position) from log.events where workspace_id = $1 and position > p), $3) \
            from generate_series($2 + 1, $3) p where not exists \
            (select from log.events where workspace_id = $1 and position = p) order by p limit 1";
        let first = sqlx::query_as(first).bind(self.workspace).bind(self.after).bind(until);
        let (expected, found) = first.fetch_one(connection).await?;
        Err(ReadError::Hole {
            workspace: self.workspace,
            expected,
            found,
        })
    }
}

/// A connection in the middle of an answer: closed unless the answer was heard to its end, whether the page was cut
/// or nobody waits for it any more. The pool opens another when it needs one.
struct Lent {
    connection: PoolConnection<Postgres>,
    heard: bool,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.heard {
            self.connection.close_on_drop();
        }
    }
}
