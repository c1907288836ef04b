//! What import and restore write: rows of a file, many a statement.

use super::file::Row;
use crate::Recorded;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

/// The tables that hold a workspace's log besides its events; a workspace that is moved takes them along.
pub(super) const TABLES: [&str; 4] = ["claims", "numbers", "commands", "person_keys"];

/// What one statement writes at most.
const BATCH_ROWS: usize = 500;
const BATCH_BYTES: usize = 4 << 20;

/// Gathers rows and writes them when there are enough; the last ones with [`Batch::flush`].
pub(super) struct Batch {
    workspace: Uuid,
    events: Vec<Recorded>,
    rows: Vec<Row>,
    bytes: usize,
}

impl Batch {
    pub fn new(workspace: Uuid) -> Self {
        Self {
            workspace,
            events: Vec::new(),
            rows: Vec::new(),
            bytes: 0,
        }
    }

    pub async fn event(&mut self, tx: &mut PgConnection, event: Recorded) -> Result<(), sqlx::Error> {
        self.bytes += event.data.len() + event.metadata.len();
        self.events.push(event);
        if self.events.len() >= BATCH_ROWS || self.bytes >= BATCH_BYTES {
            self.flush(tx).await?;
        }
        Ok(())
    }

    /// The row's table is one of [`TABLES`].
    pub async fn row(&mut self, tx: &mut PgConnection, row: Row) -> Result<(), sqlx::Error> {
        if self.rows.first().is_some_and(|first| first.table != row.table) {
            self.flush(tx).await?;
        }
        self.bytes += row.row.get().len();
        self.rows.push(row);
        if self.rows.len() >= BATCH_ROWS || self.bytes >= BATCH_BYTES {
            self.flush(tx).await?;
        }
        Ok(())
    }

    pub async fn flush(&mut self, tx: &mut PgConnection) -> Result<(), sqlx::Error> {
        insert_events(tx, &self.events).await?;
        insert_rows(tx, self.workspace, &self.rows).await?;
        self.events.clear();
        self.rows.clear();
        self.bytes = 0;
        Ok(())
    }
}

async fn insert_events(tx: &mut PgConnection, events: &[Recorded]) -> Result<(), sqlx::Error> {
    let Some(first) = events.first() else {
        return Ok(());
    };
    let insert = "insert into log.events (workspace_id, position, stream_category, stream_id, version, event_id, type, schema, data, metadata, recorded_at, hash) \
        select $1, position, stream_category, stream_id, version, event_id, type, schema, data::json, metadata::json, recorded_at, hash \
        from unnest($2::bigint[], $3::text[], $4::uuid[], $5::bigint[], $6::uuid[], $7::text[], $8::int[], $9::text[], $10::text[], $11::timestamptz[], $12::bytea[]) \
        e(position, stream_category, stream_id, version, event_id, type, schema, data, metadata, recorded_at, hash)";
    sqlx::query(insert)
        .bind(first.workspace)
        .bind(events.iter().map(|event| event.position).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.category.as_str()).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.stream_id).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.version).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.event_id).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.event_type.as_str()).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.schema).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.data.as_str()).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.metadata.as_str()).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.recorded_at).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.hash.as_slice()).collect::<Vec<_>>())
        .execute(tx)
        .await?;
    Ok(())
}

async fn insert_rows(tx: &mut PgConnection, workspace: Uuid, rows: &[Row]) -> Result<(), sqlx::Error> {
    let Some(table) = rows.first().and_then(|row| known(&row.table)) else {
        return Ok(());
    };
    // The erasure fence: whoever is known to be erased here stays so, whatever a file of before says.
    let unless = match table {
        "person_keys" => {
            "on conflict (workspace_id, person_id) do update set wrapped = excluded.wrapped, master_key = excluded.master_key, \
            erased_at = excluded.erased_at, keep_until = excluded.keep_until where person_keys.erased_at is null"
        }
        _ => "",
    };
    let insert = format!(
        "insert into log.{table} select t.* from unnest($2::text[]) r(value) \
         cross join lateral jsonb_populate_record(null::log.{table}, r.value::jsonb || jsonb_build_object('workspace_id', $1)) t {unless}"
    );
    sqlx::query(AssertSqlSafe(insert))
        .bind(workspace)
        .bind(rows.iter().map(|row| row.row.get()).collect::<Vec<_>>())
        .execute(tx)
        .await?;
    Ok(())
}

/// Our own name for the table that a file names.
pub(super) fn known(table: &str) -> Option<&'static str> {
    TABLES.into_iter().find(|known| *known == table)
}

pub(super) fn digest(bytes: &[u8]) -> Result<[u8; 32], sqlx::Error> {
    let wrong = |_| sqlx::Error::Protocol("a stored hash is not 32 bytes long".into());
    bytes.try_into().map_err(wrong)
}
