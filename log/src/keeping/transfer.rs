//! Moving a workspace to another database: its events with positions and hashes as they are, its claims, numbers and
//! command ids. The workspace keeps its id, since every hash covers it: it is moved or restored, never copied under
//! another name. What else belongs to a workspace (read models, sagas) is folded anew from its events.

use super::{
    epoch::{self, Turn},
    file::{FORMAT, FileError, FileReader, FileWriter, Header, Item, Kind, Row, Summary, VERSION},
    history::{HistoryError, Moment},
    store::{self, Batch, TABLES},
    verify::{StreamError, Streams},
};
use crate::{HASH_ZERO, Log, Moved, unhurried};
use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use serde_json::value::RawValue;
use sqlx::{AssertSqlSafe, PgConnection};
use std::path::Path;
use tokio::io::{AsyncRead, AsyncWrite};
use uuid::Uuid;

/// Why a workspace was not written out. What has been written is then no whole file, and no import takes it.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("workspace {workspace} has no log")]
    Unknown { workspace: Uuid },
    #[error("workspace {workspace}: position {position} has another hash than the head")]
    Head { workspace: Uuid, position: i64 },
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Why a file was not taken in. Nothing of it is in the database.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("the file holds a part of a log, not a workspace")]
    NotAWorkspace,
    #[error("workspace {workspace} has a log here already, up to position {position}")]
    Exists { workspace: Uuid, position: i64 },
    /// Its commits would be missing from the engine's stream.
    #[error("the log is an engine's: workspaces are taken in where PostgreSQL is the log")]
    Replica,
    #[error("line {line}: this program keeps no {table}")]
    UnknownTable { line: u64, table: String },
    #[error("line {line}: {source}")]
    Stream { line: u64, source: StreamError },
    #[error(transparent)]
    File(#[from] FileError),
    #[error("near line {line}: the database refuses it")]
    Refused { line: u64, source: sqlx::Error },
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl Log {
    /// Nothing is appended here any more, on whichever node: so that what is exported next is all there will be. Repeats are
    /// answered as before. A workspace that is to live on elsewhere is closed, exported, and imported there.
    pub async fn close(&self, workspace: Uuid) -> Result<(), sqlx::Error> {
        epoch::turn(self, workspace, Turn::Closed).await
    }

    /// It stays here after all.
    pub async fn reopen(&self, workspace: Uuid) -> Result<(), sqlx::Error> {
        epoch::turn(self, workspace, Turn::Reopened).await
    }

    /// Writes a workspace as it stands at this moment; appends go on meanwhile. A part that was put away is read from
    /// its files in `folder`; without one it is refused. Shutting the output down, or syncing it, is the caller's.
    pub async fn export<W>(&self, workspace: Uuid, folder: Option<&Path>, output: W) -> Result<Summary, ExportError>
    where
        W: AsyncWrite + Unpin + Send,
    {
        let mut moment = Moment::open(self, workspace).await?;
        let rows = count_rows(&mut moment.connection, workspace).await?;
        if moment.position == 0 && rows == 0 {
            return Err(ExportError::Unknown { workspace });
        }
        let header = Header {
            format: FORMAT.to_owned(),
            version: VERSION,
            kind: Kind::Workspace,
            workspace,
            first: 1,
            last: moment.position,
            previous: HASH_ZERO,
            rows,
        };
        let mut file = FileWriter::create(output, header).await?;
        let mut events = moment.events(workspace, 0, folder);
        while let Some(event) = events.try_next().await? {
            file.event(event).await?;
        }
        drop(events);
        let (position, hash) = file.head();
        if position == moment.position && hash != moment.hash {
            return Err(ExportError::Head { workspace, position });
        }
        for table in TABLES {
            write_rows(&mut moment.connection, workspace, table, &mut file).await?;
        }
        Ok(file.finish().await?.0)
    }

    /// Takes in what [`Log::export`] wrote, in one transaction: all of it or nothing. The workspace must have no events
    /// here. Its head is locked from the start: an append to it waits, and goes on behind the imported events; with a
    /// large file its patience ends first, so let nobody use a workspace before it is there.
    pub async fn import<R>(&self, input: R) -> Result<Summary, ImportError>
    where
        R: AsyncRead + Unpin + Send,
    {
        let mut file = FileReader::open(input).await?;
        if file.header().kind != Kind::Workspace {
            return Err(ImportError::NotAWorkspace);
        }
        if self.replica.is_some() {
            return Err(ImportError::Replica);
        }
        let workspace = file.header().workspace;
        let mut tx = self.pool.begin().await?;
        unhurried(&mut tx).await?;
        lock_absent(&mut tx, workspace).await?;
        let (mut batch, mut streams) = (Batch::new(workspace), Streams::default());
        let mut recorded_at = None;
        while let Some(item) = file.next().await? {
            let line = file.line();
            let stored = match item {
                Item::Event(event) => {
                    let checked = streams.next(&event);
                    checked.map_err(|source| ImportError::Stream { line, source })?;
                    recorded_at = Some(event.recorded_at);
                    batch.event(&mut tx, event).await
                }
                Item::Row(row) if store::known(&row.table).is_none() => {
                    let table = row.table;
                    return Err(ImportError::UnknownTable { line, table });
                }
                Item::Row(row) => batch.row(&mut tx, row).await,
            };
            stored.map_err(|source| ImportError::Refused { line, source })?;
        }
        let line = file.line();
        let stored = batch.flush(&mut tx).await;
        stored.map_err(|source| ImportError::Refused { line, source })?;
        let summary = file.summary().cloned().ok_or(FileError::Truncated { line })?;
        if let Some(recorded_at) = recorded_at {
            set_head(&mut tx, &summary, recorded_at).await?;
        }
        tx.commit().await?;
        let position = summary.header.last;
        self.wakeup.moved([Moved { workspace, position }].into_iter());
        Ok(summary)
    }
}

async fn count_rows(connection: &mut PgConnection, workspace: Uuid) -> Result<i64, sqlx::Error> {
    let mut rows = 0;
    for table in TABLES {
        let count = format!("select count(*) from log.{table} where workspace_id = $1");
        let count = sqlx::query_scalar::<_, i64>(AssertSqlSafe(count)).bind(workspace);
        rows += count.fetch_one(&mut *connection).await?;
    }
    Ok(rows)
}

/// In the order of their columns, so that two exports of one state are the same bytes.
async fn write_rows<W: AsyncWrite + Unpin>(
    connection: &mut PgConnection,
    workspace: Uuid,
    table: &str,
    file: &mut FileWriter<W>,
) -> Result<(), ExportError> {
    let rows =
        format!("select (to_jsonb(t) - 'workspace_id')::text from log.{table} t where workspace_id = $1 order by t");
    let mut rows = sqlx::query_scalar::<_, String>(AssertSqlSafe(rows))
        .bind(workspace)
        .fetch(connection);
    while let Some(row) = rows.try_next().await? {
        let table = table.to_owned();
        let row = RawValue::from_string(row).map_err(|error| sqlx::Error::Decode(error.into()))?;
        file.row(Row { table, row }).await?;
    }
    Ok(())
}

/// Makes the workspace's head if need be, locks it, and sees that nothing is there.
async fn lock_absent(tx: &mut PgConnection, workspace: Uuid) -> Result<(), ImportError> {
    sqlx::query("insert into log.heads (workspace_id) values ($1) on conflict do nothing")
        .bind(workspace)
        .execute(&mut *tx)
        .await?;
    let position: i64 = sqlx::query_scalar("select position from log.heads where workspace_id = $1 for update")
        .bind(workspace)
        .fetch_one(tx)
        .await?;
    match position {
        0 => Ok(()),
        position => Err(ImportError::Exists { workspace, position }),
    }
}

async fn set_head(tx: &mut PgConnection, file: &Summary, recorded_at: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query("update log.heads set position = $2, hash = $3, recorded_at = $4 where workspace_id = $1")
        .bind(file.header.workspace)
        .bind(file.header.last)
        .bind(&file.hash[..])
        .bind(recorded_at)
        .execute(tx)
        .await?;
    Ok(())
}
