//! Signing where workspaces stand. What is signed was recomputed: the events since the last time are chained to that
//! position's hash and added to the tree, which is kept so far in `log.trees`.

use super::{
    history::{HistoryError, Moment},
    seal::{SealError, SignedHead, Signer},
    segment, store,
    tree::{Path as TreePath, Tree, leaf},
};
use crate::{ChainError, HASH_ZERO, Log, Verifier, chain::Hash};
use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use sqlx::{PgConnection, Row, postgres::PgRow};
use std::path::Path;
use uuid::Uuid;

/// Why a workspace's head is not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error("workspace {workspace}: the events lead to position {last}, and not to the head's hash at {head}")]
    Head { workspace: Uuid, head: i64, last: i64 },
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Why a head was not checked or does not pass.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error(transparent)]
    Sealed(#[from] SealError),
    /// That position is in a file: [`Log::verify`] looks there.
    #[error(transparent)]
    Archived(#[from] segment::Archived),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// What a head says besides whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stand {
    /// At least 1.
    pub position: i64,
    /// The hash of the event at that position.
    pub hash: Hash,
    /// Of the tree over all events up to it; heads signed before there were trees have none.
    pub root: Option<Hash>,
    /// When that event was recorded.
    pub recorded_at: DateTime<Utc>,
}

/// A signed head, and what proves that it goes on from the one that was signed before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Onward {
    pub head: SignedHead,
    /// 0 when none was.
    pub previous: i64,
    pub path: TreePath,
}

impl Log {
    /// Signs where one workspace stands; `None` while it has no events. What is put away is read from its files in `folder`,
    /// which is needed only when it was put away before it was signed.
    pub async fn sign_head(
        &self,
        workspace: Uuid,
        signer: &Signer,
        folder: Option<&Path>,
    ) -> Result<Option<SignedHead>, SignError> {
        let onward = self.sign_onward(workspace, signer, folder).await?;
        Ok(onward.map(|onward| onward.head))
    }

    /// The same, for those who were shown the head before.
    pub async fn sign_onward(
        &self,
        workspace: Uuid,
        signer: &Signer,
        folder: Option<&Path>,
    ) -> Result<Option<Onward>, SignError> {
        if let Some(known) = self.known_stand(workspace).await? {
            return Ok(Some(Onward {
                previous: known.position,
                head: signer.sign(workspace, known),
                path: TreePath::default(),
            }));
        }
        let moved = self.move_tree(workspace, folder).await?;
        Ok(moved.map(|(stand, before, new)| Onward {
            head: signer.sign(workspace, stand),
            previous: stand.position - i64::try_from(new.len()).unwrap_or(stand.position),
            path: TreePath::between(&before, &new).unwrap_or_default(),
        }))
    }

    /// Signs where every workspace stands that has events.
    pub async fn sign_heads(&self, signer: &Signer, folder: Option<&Path>) -> Result<Vec<SignedHead>, SignError> {
        let mut heads = Vec::new();
        for workspace in self.workspaces().await? {
            heads.extend(self.sign_head(workspace, signer, folder).await?);
        }
        Ok(heads)
    }

    /// Brings the kept tree to where the log stands; answers with the tree before and the leaves that were added.
    async fn move_tree(
        &self,
        workspace: Uuid,
        folder: Option<&Path>,
    ) -> Result<Option<(Stand, Tree, Vec<Hash>)>, SignError> {
        let mut moment = Moment::open(self, workspace).await?;
        if moment.position == 0 {
            return Ok(None);
        }
        let (mut chain, before) = begun(&mut moment.connection, workspace, moment.position).await?;
        let (after, mut new) = (chain.head().0, Vec::new());
        let mut events = moment.events(workspace, after, folder);
        while let Some(event) = events.try_next().await? {
            chain.next(&event)?;
            new.push(leaf(&event.hash));
        }
        drop(events);
        let (last, hash) = chain.head();
        if (last, hash) != (moment.position, moment.hash) {
            return Err(SignError::Head {
                workspace,
                head: moment.position,
                last,
            });
        }
        let mut tree = before.clone();
        new.iter().for_each(|leaf| tree.push(*leaf));
        self.keep_tree(workspace, last, &tree).await?;
        let stand = Stand {
            position: last,
            hash,
            root: Some(tree.root()),
            recorded_at: moment.recorded_at,
        };
        Ok(Some((stand, before, new)))
    }

    /// Nothing has happened since it was last signed.
    async fn known_stand(&self, workspace: Uuid) -> Result<Option<Stand>, sqlx::Error> {
        let known = "select h.position, t.peaks, h.hash, h.recorded_at from log.heads h join log.trees t using (workspace_id, position) \
            where workspace_id = $1 and position > 0";
        let Some(row) = sqlx::query(known).bind(workspace).fetch_optional(&self.pool).await? else {
            return Ok(None);
        };
        let stand = |tree: Tree| {
            Ok(Stand {
                position: row.try_get(0)?,
                hash: store::digest(row.try_get(2)?)?,
                root: Some(tree.root()),
                recorded_at: row.try_get(3)?,
            })
        };
        read_tree(&row)?.map(stand).transpose()
    }

    /// A later one that another node has kept meanwhile stays.
    async fn keep_tree(&self, workspace: Uuid, position: i64, tree: &Tree) -> Result<(), sqlx::Error> {
        let keep = "insert into log.trees as t (workspace_id, position, peaks) values ($1, $2, $3) on conflict (workspace_id) \
            do update set position = excluded.position, peaks = excluded.peaks";
        let peaks: Vec<&[u8]> = tree.peaks().iter().map(<[u8; 32]>::as_slice).collect();
        sqlx::query(keep)
            .bind(workspace)
            .bind(position)
            .bind(peaks)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Compares the signed hash with the stored one, which is cheap and proves only as much: that the stored hashes are
    /// those of the events is for [`Log::verify`] to say, which takes signed heads too.
    pub async fn check_head(&self, signed: &SignedHead, keys: &[super::seal::PublicKey]) -> Result<(), CheckError> {
        signed.check(keys)?;
        // The head first: what it covers is in place by then.
        let last = self.head(signed.workspace).await?;
        if last < signed.position {
            return Err(CheckError::Sealed(SealError::Truncated {
                workspace: signed.workspace,
                signed: signed.position,
                last,
            }));
        }
        let stored = self.hash_at(signed.workspace, signed.position).await?;
        if stored.is_none()
            && let Some(archived) = segment::holding(&self.pool, signed.workspace, signed.position).await?
        {
            return Err(archived.into());
        }
        // A position that is missing below the head was taken away, which is a rewriting too.
        Ok(signed.compare(&stored.unwrap_or(HASH_ZERO), None)?)
    }

    /// The stored hash of a position: of an event that is here, or the last of a segment.
    pub async fn hash_at(&self, workspace: Uuid, position: i64) -> Result<Option<Hash>, sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        hash_at(&mut connection, workspace, position).await
    }
}

async fn hash_at(connection: &mut PgConnection, workspace: Uuid, position: i64) -> Result<Option<Hash>, sqlx::Error> {
    let stored = "select hash from log.events where workspace_id = $1 and position = $2 \
        union all select last_hash from log.archives where workspace_id = $1 and last_position = $2";
    let stored: Option<Vec<u8>> = sqlx::query_scalar(stored)
        .bind(workspace)
        .bind(position)
        .fetch_optional(connection)
        .await?;
    Ok(stored.and_then(|hash| hash.try_into().ok()))
}

/// Where the work begins: behind what was signed last, or before everything.
async fn begun(connection: &mut PgConnection, workspace: Uuid, head: i64) -> Result<(Verifier, Tree), sqlx::Error> {
    if let Some((position, tree)) = kept(connection, workspace).await?
        && position <= head
        && let Some(hash) = hash_at(connection, workspace, position).await?
    {
        return Ok((Verifier::after(position, hash), tree));
    }
    Ok(Default::default())
}

/// The tree as it is kept, if it is one.
pub(super) async fn kept(connection: &mut PgConnection, workspace: Uuid) -> Result<Option<(i64, Tree)>, sqlx::Error> {
    let kept = "select position, peaks from log.trees where workspace_id = $1";
    let Some(row) = sqlx::query(kept).bind(workspace).fetch_optional(connection).await? else {
        return Ok(None);
    };
    // One that is none is as if nothing had been signed; `Log::verify` finds that its root is another.
    Ok(Some((row.try_get(0)?, read_tree(&row)?.unwrap_or_default())))
}

fn read_tree(row: &PgRow) -> Result<Option<Tree>, sqlx::Error> {
    let position: i64 = row.try_get(0)?;
    let peaks: Vec<Vec<u8>> = row.try_get(1)?;
    let peaks: Option<Vec<Hash>> = peaks.into_iter().map(|peak| peak.try_into().ok()).collect();
    Ok(peaks.and_then(|peaks| Tree::from_peaks(position.unsigned_abs(), peaks)))
}
