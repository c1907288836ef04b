//! `prometric audit prove` and `check`: proofs for a third party, who needs a public key to check them and nothing else.

use super::{
    file::{ProofFile, read_heads, write},
    keys::{own_key, private_key, public_key},
};
use crate::{
    config::Store,
    operator::{Failure, in_file, tell, whose::Whose},
    serve::open_store,
};
use clap::Args;
use log::{
    Log,
    keeping::{PublicKey, SignedHead},
};
use sqlx::PgPool;
use std::path::{Path, PathBuf};
use uuid::Uuid;

#[derive(Debug, Args)]
pub struct Prove {
    /// Proves that the event at this position is in the log.
    #[arg(conflicts_with = "from", required_unless_present = "from", value_parser = clap::value_parser!(i64).range(1..))]
    position: Option<i64>,
    #[command(flatten)]
    whose: Whose,
    /// Proves that the log goes on from the head in this file, from `audit heads`.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// For the log as this file's head stands for it, and not as it stands now.
    #[arg(long, value_name = "FILE")]
    head: Option<PathBuf>,
    /// An Ed25519 private key to sign the head with that the proof is for; without one the database's own.
    #[arg(long, value_name = "FILE", conflicts_with = "head")]
    key: Option<PathBuf>,
    /// Where the proof is written.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    store: Store,
}

#[derive(Debug, Args)]
pub struct Check {
    /// From `audit prove`.
    file: PathBuf,
    /// A public key that its heads may be signed with, PEM.
    #[arg(long = "key", value_name = "FILE", required = true)]
    keys: Vec<PathBuf>,
}

impl Prove {
    pub async fn run(self) -> Result<(), Failure> {
        let (log, pool) = open_store(&self.store).await?;
        let folder = self.store.archive_dir.as_deref();
        let workspace = self.whose.only(&log).await?;
        let head = self.head(&log, &pool, workspace).await?;
        let proof = match (&self.from, self.position) {
            (Some(from), _) => log.prove_consistency(in_heads(from, workspace)?, head, folder).await?,
            (None, position) => log.prove_inclusion(position.unwrap_or_default(), head, folder).await?,
        };
        write(&self.out, &serde_json::to_vec_pretty(&ProofFile::new(proof))?)?;
        Ok(tell(format_args!("the proof is in {}", self.out.display()))?)
    }

    async fn head(&self, log: &Log, pool: &PgPool, workspace: Uuid) -> Result<SignedHead, Failure> {
        if let Some(file) = &self.head {
            return in_heads(file, workspace);
        }
        let signer = match &self.key {
            Some(file) => private_key(file)?,
            None => own_key(pool).await?,
        };
        let head = log
            .sign_head(workspace, &signer, self.store.archive_dir.as_deref())
            .await?;
        head.ok_or_else(|| format!("workspace {workspace} has no events").into())
    }
}

/// The newest of the workspace.
fn in_heads(file: &Path, workspace: Uuid) -> Result<SignedHead, Failure> {
    let heads = read_heads(file)?.into_iter();
    let heads = heads.filter(|head| head.workspace == workspace && head.root.is_some());
    let newest = heads.max_by_key(|head| head.position);
    newest.ok_or_else(|| in_file(file, format!("has no head of workspace {workspace} with a root")))
}

impl Check {
    pub fn run(self) -> Result<(), Failure> {
        let keys: Vec<PublicKey> = self
            .keys
            .iter()
            .map(|file| public_key(file))
            .collect::<Result<_, _>>()?;
        let proof = ProofFile::read(&self.file)?;
        let proved = proof.check(&keys).map_err(|error| in_file(&self.file, error))?;
        Ok(tell(proved)?)
    }
}
