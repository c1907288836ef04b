//! `prometric audit heads`: signs where workspaces stand, into a file.

use super::{
    file::{HeadsFile, write},
    keys::{own_key, private_key},
};
use crate::{
    config::Store,
    operator::{Failure, tell},
    serve::open_store,
};
use clap::Args;
use std::path::PathBuf;
use uuid::Uuid;

#[derive(Debug, Args)]
pub struct Heads {
    /// Where they are written.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// This workspace instead of all.
    #[arg(long)]
    workspace: Option<Uuid>,
    /// An Ed25519 private key, PKCS#8 in PEM, that whoever has the database does not have; without one a key of the
    /// database's own, made the first time.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    #[command(flatten)]
    store: Store,
}

impl Heads {
    pub async fn run(self) -> Result<(), Failure> {
        let (log, pool) = open_store(&self.store).await?;
        let signer = match &self.key {
            Some(file) => private_key(file)?,
            None => own_key(&pool).await?,
        };
        let folder = self.store.archive_dir.as_deref();
        let heads = match self.workspace {
            Some(workspace) => log.sign_head(workspace, &signer, folder).await?.into_iter().collect(),
            None => log.sign_heads(&signer, folder).await?,
        };
        let file = HeadsFile::new(&signer.public_key(), heads)?;
        write(&self.out, &serde_json::to_vec_pretty(&file)?)?;
        let (count, out, key) = (file.heads.len(), self.out.display(), signer.public_key());
        tell(format_args!(
            "{count} heads signed with the key {} are in {out}",
            key.id()
        ))?;
        Ok(())
    }
}
