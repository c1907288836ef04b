//! States of long streams, written down beside the log. Only text here: what a state is and how it is folded is
//! known above, and told by a fingerprint. A snapshot is believed only while the fold is the same and the very event
//! it stands on is in the log; otherwise (a new version, a restored database) it is as if there were none.

use crate::{
    Log, ReadError, Recorded, Stream, keeping,
    read::row::{self, Run, columns, decode},
};
use sqlx::Row;
use uuid::Uuid;

/// A state as text, and the event it was folded up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub version: i64,
    /// Of that event.
    pub hash: [u8; 32],
    pub state: String,
}

/// A stream to be folded: from the snapshot, or from nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Folded {
    pub snapshot: Option<Snapshot>,
    /// Everything after it.
    pub tail: Vec<Recorded>,
    /// Some of it was read from files, which takes long.
    pub was_away: bool,
}

impl Log {
    /// The stream's snapshot, if it can be believed, and the events after it, in one round trip.
    pub async fn load(&self, workspace: Uuid, stream: Stream, fingerprint: &[u8; 32]) -> Result<Folded, ReadError> {
        match self.load_live(workspace, stream, fingerprint).await {
            Err(ReadError::Archived(_)) if self.shelf.is_some() => Ok(Folded {
                snapshot: None,
                tail: self.read_stream(workspace, stream.id, 0).await?,
                was_away: true,
            }),
            live => live,
        }
    }

    async fn load_live(&self, workspace: Uuid, stream: Stream, fingerprint: &[u8; 32]) -> Result<Folded, ReadError> {
        let load = concat!(
            "with snapshot as materialized (select s.version, s.hash, s.state from log.snapshots s left join log.events e \
            on e.workspace_id = s.workspace_id and e.stream_id = s.stream_id and e.version = s.version and e.hash = s.hash \
            left join log.archived_streams a \
            on a.workspace_id = s.workspace_id and a.stream_id = s.stream_id and a.version = s.version and a.hash = s.hash \
            where s.workspace_id = $1 and s.stream_id = $2 and coalesce(e.stream_category, a.category) = $3 and s.fingerprint = $4) \
            select 0::bigint, null::text, null::uuid, version, null::uuid, null::text, null::integer, null::json, null::json, \
            null::timestamptz, hash, state from snapshot union all select ",
            columns!(),
            ", null::text from log.events where workspace_id = $1 and stream_id = $2 \
            and version > coalesce((select version from snapshot), 0) order by version"
        );
        let query = sqlx::query(load)
            .bind(workspace)
            .bind(stream.id)
            .bind(stream.category)
            .bind(fingerprint.as_slice());
        let rows = query.fetch_all(&self.pool).await?;
        let (snapshot, rows) = match rows.split_first() {
            Some((first, rest)) if first.try_get::<i64, _>(0)? == 0 => {
                let snapshot = Snapshot {
                    version: first.try_get(3)?,
                    hash: first.try_get(10)?,
                    state: first.try_get(row::EXTRA)?,
                };
                (Some(snapshot), rest)
            }
            _ => (None, rows.as_slice()),
        };
        let tail: Vec<_> = rows
            .iter()
            .map(|row| decode(row, workspace))
            .collect::<Result<_, _>>()?;
        let after = snapshot.as_ref().map_or(0, |snapshot| snapshot.version);
        if snapshot.is_none() && tail.is_empty() {
            keeping::stream_is_live(&self.pool, workspace, stream.id, after).await?;
        }
        match Run::of_versions(workspace, stream.id, after).check(&tail) {
            Ok(()) => Ok(Folded {
                snapshot,
                tail,
                was_away: false,
            }),
            Err(hole) => Err(keeping::explained(&self.pool, hole).await),
        }
    }

    /// The events after one that a reader has folded already; `None` when that event is not in the log (any more),
    /// and with it everything the reader holds.
    pub async fn read_tail(
        &self,
        workspace: Uuid,
        stream_id: Uuid,
        version: i64,
        hash: &[u8; 32],
    ) -> Result<Option<Vec<Recorded>>, ReadError> {
        let mut events = match self.read_live_stream(workspace, stream_id, version - 1).await {
            Err(ReadError::StreamHole { .. }) => return Ok(None), // told again when all of it is read
            Err(ReadError::Archived(_)) if self.shelf.is_some() => {
                if self.ends_away(workspace, stream_id, version, hash).await? {
                    return self.read_live_stream(workspace, stream_id, version).await.map(Some);
                }
                self.read_stream(workspace, stream_id, version - 1).await?
            }
            events => events?,
        };
        let known = events.first().is_some_and(|event| event.hash == *hash);
        Ok(known.then(|| events.split_off(1)))
    }

    /// Whether that is the last event of the stream that was put away.
    async fn ends_away(
        &self,
        workspace: Uuid,
        stream_id: Uuid,
        version: i64,
        hash: &[u8; 32],
    ) -> Result<bool, ReadError> {
        let ends = "select exists (select from log.archived_streams \
            where (workspace_id, stream_id, version, hash) = ($1, $2, $3, $4))";
        let ends = sqlx::query_scalar(ends).bind(workspace).bind(stream_id).bind(version);
        Ok(ends.bind(hash.as_slice()).fetch_one(&self.pool).await?)
    }

    /// Writes a snapshot down, unless a believable later one is there.
    pub async fn keep_snapshot(
        &self,
        workspace: Uuid,
        stream_id: Uuid,
        snapshot: &Snapshot,
        fingerprint: &[u8; 32],
    ) -> Result<(), ReadError> {
        let upsert = "insert into log.snapshots as s (workspace_id, stream_id, version, hash, fingerprint, state) \
            values ($1, $2, $3, $4, $5, $6) on conflict (workspace_id, stream_id) do update \
            set version = excluded.version, hash = excluded.hash, fingerprint = excluded.fingerprint, state = excluded.state, taken_at = now() \
            where s.version < excluded.version or s.fingerprint <> excluded.fingerprint or not exists (select from log.events e \
            where e.workspace_id = s.workspace_id and e.stream_id = s.stream_id and e.version = s.version and e.hash = s.hash \
            union all select from log.archived_streams a \
            where a.workspace_id = s.workspace_id and a.stream_id = s.stream_id and a.version = s.version and a.hash = s.hash)";
        sqlx::query(upsert)
            .bind(workspace)
            .bind(stream_id)
            .bind(snapshot.version)
            .bind(snapshot.hash.as_slice())
            .bind(fingerprint.as_slice())
            .bind(&snapshot.state)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
