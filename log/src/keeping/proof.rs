//! Proofs that a third party checks with a public key and nothing else: that an event is in the log that a signed head
//! stands for, and that one signed head goes on from another. Their files' form is in docs/audit-format.md.

use super::{
    file::EventLine,
    history::{HistoryError, Moment},
    seal::{PublicKey, SealError, SignedHead},
    tree::{Path, Tree, leaf},
};
use crate::{ChainError, Log, Recorded, Verifier, chain::Hash};
use futures::TryStreamExt;
use serde::{Deserialize, Serialize};
use std::path;
use uuid::Uuid;

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub enum Proof {
    /// The event is in the log that the head stands for.
    Inclusion(Inclusion),
    /// The log that the second head stands for begins with that of the first.
    Consistency(Consistency),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inclusion {
    pub(super) event: EventLine,
    #[serde(with = "hex::serde")]
    pub(super) previous_hash: Hash,
    pub(super) path: Path,
    pub(super) head: SignedHead,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Consistency {
    pub(super) first: SignedHead,
    pub(super) second: SignedHead,
    pub(super) path: Path,
}

/// A proof proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    #[error(transparent)]
    Sealed(#[from] SealError),
    #[error("the head of position {position} has no root: it was signed before there were trees")]
    NoRoot { position: i64 },
    #[error(transparent)]
    Event(#[from] ChainError),
    #[error("the path does not lead from the event at position {position} to the root that was signed")]
    NotIncluded { position: i64 },
    #[error("the heads are of the workspaces {first} and {second}")]
    Apart { first: Uuid, second: Uuid },
    #[error("the log of the head at position {second} does not go on from that at position {first}")]
    NotConsistent { first: i64, second: i64 },
}

/// Why a proof cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error("workspace {workspace}: there is no position {position} up to the head that was signed, {head}")]
    NoPosition { workspace: Uuid, position: i64, head: i64 },
    #[error(transparent)]
    Sealed(#[from] SealError),
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl Proof {
    /// Whether it proves what it says, for whoever trusts these keys; answers that in words.
    pub fn check(&self, keys: &[PublicKey]) -> Result<String, ProofError> {
        match self {
            Self::Inclusion(inclusion) => inclusion.check(keys),
            Self::Consistency(consistency) => consistency.check(keys),
        }
    }
}

impl Inclusion {
    fn check(&self, keys: &[PublicKey]) -> Result<String, ProofError> {
        let (head, event) = (&self.head, self.event.clone().of(self.head.workspace));
        head.check(keys)?;
        let position = event.position;
        Verifier::after(position.saturating_sub(1), self.previous_hash).next(&event)?;
        let (index, size) = (position.wrapping_sub(1).cast_unsigned(), head.position.cast_unsigned());
        if !self.path.includes(leaf(&event.hash), index, size, &root(head)?) {
            return Err(ProofError::NotIncluded { position });
        }
        Ok(format!(
            "the event {} at position {position} is in the log of workspace {} that was signed at position {} with the key {}",
            event.event_id, head.workspace, head.position, head.key_id
        ))
    }
}

impl Consistency {
    fn check(&self, keys: &[PublicKey]) -> Result<String, ProofError> {
        let Self { first, second, path } = self;
        for head in [first, second] {
            head.check(keys)?;
        }
        if first.workspace != second.workspace {
            let (first, second) = (first.workspace, second.workspace);
            return Err(ProofError::Apart { first, second });
        }
        if !second.extends(first, path) {
            let (first, second) = (first.position, second.position);
            return Err(ProofError::NotConsistent { first, second });
        }
        Ok(format!(
            "the log of workspace {} that was signed at position {} begins with the one that was signed at position {}",
            first.workspace, second.position, first.position
        ))
    }
}

fn root(head: &SignedHead) -> Result<Hash, ProofError> {
    let position = head.position;
    head.root.ok_or(ProofError::NoRoot { position })
}

impl SignedHead {
    /// Whether this head's log begins with that of an earlier one, as the path proves. Both have roots.
    pub fn extends(&self, first: &Self, path: &Path) -> bool {
        let tree = |head: &Self| Some((u64::try_from(head.position).ok()?, head.root?));
        match (tree(first), tree(self)) {
            (Some((at, before)), Some((to, after))) => path.extends((at, &before), (to, &after)),
            _ => false,
        }
    }
}

impl Log {
    /// Proves that the event at that position is in the log that the head stands for.
    pub async fn prove_inclusion(
        &self,
        position: i64,
        head: SignedHead,
        folder: Option<&path::Path>,
    ) -> Result<Proof, ProveError> {
        let workspace = head.workspace;
        let walked = self.walk_to(&head, position, folder).await?;
        let no_position = ProveError::NoPosition {
            workspace,
            position,
            head: head.position,
        };
        let index = usize::try_from(position - 1).unwrap_or(usize::MAX);
        let (Some(path), Some((event, previous_hash))) = (Path::inclusion(&walked.leaves, index), walked.event) else {
            return Err(no_position);
        };
        Ok(Proof::Inclusion(Inclusion {
            event: event.into(),
            previous_hash,
            path,
            head,
        }))
    }

    /// Proves that the log which the second head stands for begins with that of the first.
    pub async fn prove_consistency(
        &self,
        first: SignedHead,
        second: SignedHead,
        folder: Option<&path::Path>,
    ) -> Result<Proof, ProveError> {
        let path = self.path_between(first.position, &second, folder).await?;
        Ok(Proof::Consistency(Consistency { first, second, path }))
    }

    /// What proves it. The first is only known by its position: a wrong one proves nothing.
    pub async fn path_between(
        &self,
        first: i64,
        second: &SignedHead,
        folder: Option<&path::Path>,
    ) -> Result<Path, ProveError> {
        let walked = self.walk_to(second, first, folder).await?;
        let size = usize::try_from(first).unwrap_or(usize::MAX);
        Path::consistency(&walked.leaves, size).ok_or(ProveError::NoPosition {
            workspace: second.workspace,
            position: first,
            head: second.position,
        })
    }

    /// Recomputes the log up to a signed head, which it must lead to. Takes 32 bytes an event.
    async fn walk_to(
        &self,
        head: &SignedHead,
        position: i64,
        folder: Option<&path::Path>,
    ) -> Result<WalkedTo, ProveError> {
        let workspace = head.workspace;
        let mut moment = Moment::open(self, workspace).await?;
        let (mut chain, mut walked) = (Verifier::default(), WalkedTo::default());
        let mut events = moment.events(workspace, 0, folder);
        while chain.head().0 < head.position
            && let Some(event) = events.try_next().await?
        {
            let (_, previous) = chain.head();
            chain.next(&event)?;
            walked.leaves.push(leaf(&event.hash));
            if event.position == position {
                walked.event = Some((event, previous));
            }
        }
        let (last, hash) = chain.head();
        if last < head.position {
            return Err(ProveError::Sealed(SealError::Truncated {
                workspace,
                signed: head.position,
                last,
            }));
        }
        let tree: Tree = walked.leaves.iter().copied().collect();
        head.compare(&hash, Some(tree.root()))?;
        Ok(walked)
    }
}

#[derive(Default)]
struct WalkedTo {
    leaves: Vec<Hash>,
    /// The one that was asked for, and what it is chained to.
    event: Option<(Recorded, Hash)>,
}
