//! One row as one event, and the check that rows follow each other without a hole. The JSON columns are taken as the
//! text they are: in PostgreSQL's binary protocol `json` is its text, so no cast and no parsing stands in between.

use super::ReadError;
use crate::Recorded;
use sqlx::{PgConnection, Postgres, Row, postgres::PgArguments, postgres::PgRow, query::Query};
use uuid::Uuid;

/// What `decode` reads, in its order.
macro_rules! columns {
    () => {
        "position, stream_category, stream_id, version, event_id, type, schema, data, metadata, recorded_at, hash"
    };
}

pub(crate) use columns;

/// Behind the event's columns.
pub(crate) const EXTRA: usize = 11;

/// From any of the rows that have it behind the event's columns.
pub(super) fn head_of(rows: &[PgRow]) -> Result<Option<i64>, sqlx::Error> {
    rows.first().map(|row| row.try_get(EXTRA)).transpose()
}

pub(crate) fn decode(row: &PgRow, workspace: Uuid) -> Result<Recorded, ReadError> {
    let position = row.try_get(0)?;
    let hash: &[u8] = row.try_get(10)?;
    Ok(Recorded {
        workspace,
        position,
        category: row.try_get(1)?,
        stream_id: row.try_get(2)?,
        version: row.try_get(3)?,
        event_id: row.try_get(4)?,
        event_type: row.try_get(5)?,
        schema: row.try_get(6)?,
        data: json(row, 7)?,
        metadata: json(row, 8)?,
        recorded_at: row.try_get(9)?,
        hash: hash.try_into().map_err(|_| ReadError::Hash { workspace, position })?,
    })
}

fn json(row: &PgRow, column: usize) -> Result<String, sqlx::Error> {
    let text = row.try_get_raw(column)?.as_str().map_err(sqlx::Error::Decode)?;
    Ok(text.to_owned())
}

/// All rows of a query whose rows are events.
pub(super) async fn fetch(
    query: Query<'_, Postgres, PgArguments>,
    connection: &mut PgConnection,
    workspace: Uuid,
) -> Result<Vec<Recorded>, ReadError> {
    let rows = query.fetch_all(connection).await?;
    rows.iter().map(|row| decode(row, workspace)).collect()
}

/// A dense run of events, upwards or downwards: what must come next.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    workspace: Uuid,
    /// Versions of this stream; positions when there is none.
    stream_id: Option<Uuid>,
    next: i64,
    step: i64,
}

impl Run {
    pub fn of_positions(workspace: Uuid, after: i64) -> Self {
        Self {
            workspace,
            stream_id: None,
            next: after.saturating_add(1),
            step: 1,
        }
    }

    pub fn of_versions(workspace: Uuid, stream_id: Uuid, after: i64) -> Self {
        Self {
            stream_id: Some(stream_id),
            ..Self::of_positions(workspace, after)
        }
    }

    /// The other way, beginning with `first`.
    pub fn down_from(self, first: i64) -> Self {
        Self {
            next: first,
            step: -1,
            ..self
        }
    }

    pub fn check<'a>(&mut self, events: impl IntoIterator<Item = &'a Recorded>) -> Result<(), ReadError> {
        events.into_iter().try_for_each(|event| self.follows(event))
    }

    pub fn follows(&mut self, event: &Recorded) -> Result<(), ReadError> {
        let found = match self.stream_id {
            Some(_) => event.version,
            None => event.position,
        };
        if found != self.next {
            return Err(self.hole(found));
        }
        self.next += self.step;
        Ok(())
    }

    /// It was to go on until there.
    pub fn reaches(&self, last: i64, found: i64) -> Result<(), ReadError> {
        let missing = if self.step > 0 {
            self.next <= last
        } else {
            self.next >= last
        };
        if missing { Err(self.hole(found)) } else { Ok(()) }
    }

    fn hole(&self, found: i64) -> ReadError {
        let (workspace, expected) = (self.workspace, self.next);
        match self.stream_id {
            Some(stream_id) => ReadError::StreamHole {
                workspace,
                stream_id,
                expected,
                found,
            },
            None => ReadError::Hole {
                workspace,
                expected,
                found,
            },
        }
    }
}
