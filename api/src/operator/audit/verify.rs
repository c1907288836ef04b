//! `prometric audit verify`: walks histories, and says that they are whole or what is wrong first.

use super::{
    file::read_heads,
    keys::{own_keys, public_key},
    receipts::heads_in,
};
use crate::{
    config::Store,
    heads,
    operator::{Failure, tell},
    serve::open_store,
    witness::{
        client::Witness,
        wire::{self, Trust},
    },
};
use clap::Args;
use commands::Meaning;
use futures::{StreamExt, stream};
use log::{
    HASH_ZERO, Log,
    keeping::{PublicKey, SignedHead, Signer, VerifyError, Walk},
};
use std::{collections::BTreeSet, path::PathBuf};
use uuid::Uuid;

#[derive(Debug, Args)]
pub struct Verify {
    /// This workspace instead of all.
    #[arg(long)]
    workspace: Option<Uuid>,
    /// Begins behind this position, whose hash is believed.
    #[arg(long, value_name = "POSITION", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..))]
    after: i64,
    /// Signed heads that the history has to lead to, from `audit heads`.
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// A public key that they may be signed with, PEM; without one those that this database signs with.
    #[arg(long = "key", value_name = "FILE")]
    keys: Vec<PathBuf>,
    /// A witness whose heads the history has to lead to, by its URL.
    #[arg(long = "witness", value_name = "URL", value_parser = wire::address)]
    witnesses: Vec<String>,
    #[command(flatten)]
    trust: Trust,
    /// Receipts of witnesses that the history has to lead to: from `audit receipts`, or what a witness answers.
    #[arg(long, value_name = "FILE")]
    receipts: Option<PathBuf>,
    /// A public key that a witness's receipts may be signed with, PEM; without one those it was met with, or says are its own.
    #[arg(long = "witness-key", value_name = "FILE")]
    witness_keys: Vec<PathBuf>,
    /// Workspaces that are walked at the same time.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    #[command(flatten)]
    store: Store,
}

impl Verify {
    pub async fn run(self) -> Result<(), Failure> {
        let (log, pool) = open_store(&self.store).await?;
        let mut signed = match &self.against {
            Some(file) => read_heads(file)?,
            None => vec![],
        };
        let keys: Vec<PublicKey> = match self.keys.as_slice() {
            [] => own_keys(&pool).await?.iter().map(Signer::public_key).collect(),
            files => files
                .iter()
                .map(|file| public_key(file.as_path()))
                .collect::<Result<_, _>>()?,
        };
        let workspaces = match self.workspace {
            Some(workspace) => BTreeSet::from([workspace]),
            // One that was signed and is not there any more is missing.
            None => log
                .mentioned()
                .await?
                .into_iter()
                .chain(signed.iter().map(|head| head.workspace))
                .collect(),
        };
        for witness in self.trust.witnesses(&self.witnesses)? {
            signed.extend(self.ask(&witness, &workspaces, &keys).await?);
        }
        if let Some(file) = &self.receipts {
            let known = match self.witness_keys.as_slice() {
                [] => heads::witnessed(&pool).await?.0,
                files => files.iter().map(|file| public_key(file)).collect::<Result<_, _>>()?,
            };
            let seen = heads_in(file, &known)?;
            tell(format_args!("{} heads have receipts that hold", seen.len()))?;
            signed.extend(seen);
        }
        let (whole, mut wrong) = (workspaces.len(), 0);
        let walks = workspaces
            .into_iter()
            .map(|workspace| self.walk(&log, workspace, &signed, &keys));
        let mut walks = stream::iter(walks).buffer_unordered(self.jobs.into());
        while let Some(walked) = walks.next().await {
            match walked {
                Ok(said) => tell(said)?,
                Err(error) => {
                    wrong += 1;
                    tell(format_args!("WRONG: {}", log::chain(&error)))?;
                }
            }
        }
        match wrong {
            0 => Ok(()),
            wrong => Err(format!("{wrong} of {whole} workspaces are not whole").into()),
        }
    }

    /// Tells what a witness has seen; answers all heads that it has.
    async fn ask(
        &self,
        witness: &Witness,
        workspaces: &BTreeSet<Uuid>,
        makers: &[PublicKey],
    ) -> Result<Vec<SignedHead>, Failure> {
        let keys = match self.witness_keys.as_slice() {
            [] => vec![witness.key().await?],
            files => files.iter().map(|file| public_key(file)).collect::<Result<_, _>>()?,
        };
        let mut heads = Vec::new();
        for workspace in workspaces {
            let mut has_seen = false;
            for maker in makers {
                let Some(seen) = witness.seen(maker.id(), *workspace, &keys).await? else {
                    continue;
                };
                let (head, at, refused) = (seen.receipt.head, seen.receipt.seen_at, seen.refused.len());
                tell(format_args!(
                    "workspace {workspace}: the witness {} has seen position {} of the key {} at {at}, and has refused {refused}",
                    witness.url, head.position, head.key_id
                ))?;
                heads.extend(seen.refused);
                heads.push(head);
                has_seen = true;
            }
            if !has_seen {
                tell(format_args!(
                    "workspace {workspace}: the witness {} has seen nothing",
                    witness.url
                ))?;
            }
        }
        Ok(heads)
    }

    async fn walk(
        &self,
        log: &Log,
        workspace: Uuid,
        signed: &[SignedHead],
        keys: &[PublicKey],
    ) -> Result<String, VerifyError> {
        let hash = match self.after {
            0 => HASH_ZERO,
            after => log.hash_at(workspace, after).await?.unwrap_or(HASH_ZERO),
        };
        let walk = Walk {
            after: (self.after, hash),
            folder: self.store.archive_dir.as_deref(),
            signed,
            keys,
            meaning: Some(Meaning::of_a_workspace),
        };
        let found = log.verify(workspace, &walk).await?;
        let hash = hex::encode(found.hash);
        Ok(format!(
            "workspace {workspace}: {} events of {} streams are whole up to position {}, hash {hash}; {} signed heads agree; {} of whom it tells {} erased",
            found.events,
            found.streams,
            found.position,
            found.signed,
            found.erased,
            if found.erased == 1 { "was" } else { "were" }
        ))
    }
}
