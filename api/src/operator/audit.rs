//! `prometric audit`: proves that the log is whole, and signs where it stands.

use super::{Failure, in_file, tell};
use crate::{config::Store, identity::secrets, serve::open_store};
use clap::{Args, Subcommand};
use futures::{StreamExt, stream};
use log::{
    HASH_ZERO, Log,
    keeping::{PublicKey, SignedHead, Signer, VerifyError, Walk},
    migrate::Migration,
};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};
use uuid::Uuid;

const KEYS: &[Migration] = &[Migration::new(
    "0006_audit_keys",
    include_str!("../../../migrations/platform/0006_audit_keys.sql"),
)];

#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Recomputes every hash and names the first wrong position of each workspace that is not whole.
    Verify(Verify),
    /// Signs where the workspaces stand.
    Heads(Heads),
}

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
    /// Where the files of what was put away are.
    #[arg(long, value_name = "FOLDER")]
    archive: Option<PathBuf>,
    /// Workspaces that are walked at the same time.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    #[command(flatten)]
    store: Store,
}

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

/// What `audit heads` writes. The keys are for those who do not have the database; who has it trusts its own.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct HeadsFile {
    format: String,
    version: u32,
    keys: Vec<PublishedKey>,
    heads: Vec<SignedHead>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PublishedKey {
    key_id: String,
    /// SubjectPublicKeyInfo in PEM.
    public_key: String,
}

const FORMAT: &str = "prometric heads";
const VERSION: u32 = 1;

pub async fn run(audit: Audit) -> Result<(), Failure> {
    match audit {
        Audit::Verify(verify) => verify.run().await,
        Audit::Heads(heads) => heads.run().await,
    }
}

impl Verify {
    async fn run(self) -> Result<(), Failure> {
        let (log, pool) = open_store(&self.store).await?;
        let signed = match &self.against {
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
                .workspaces()
                .await?
                .into_iter()
                .chain(signed.iter().map(|head| head.workspace))
                .collect(),
        };
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
            folder: self.archive.as_deref(),
            signed,
            keys,
        };
        let found = log.verify(workspace, &walk).await?;
        let hash = hex(&found.hash);
        Ok(format!(
            "workspace {workspace}: {} events of {} streams are whole up to position {}, hash {hash}; {} signed heads agree",
            found.events, found.streams, found.position, found.signed
        ))
    }
}

impl Heads {
    async fn run(self) -> Result<(), Failure> {
        let (log, pool) = open_store(&self.store).await?;
        let signer = match &self.key {
            Some(file) => Signer::from_pem(&read(file)?).map_err(|error| in_file(file, error))?,
            None => own_key(&pool).await?,
        };
        let heads = match self.workspace {
            Some(workspace) => log.sign_head(workspace, &signer).await?.into_iter().collect(),
            None => log.sign_heads(&signer).await?,
        };
        let key = signer.public_key();
        let file = HeadsFile {
            format: FORMAT.to_owned(),
            version: VERSION,
            keys: vec![PublishedKey {
                key_id: key.id().to_owned(),
                public_key: key.to_pem()?,
            }],
            heads,
        };
        write(&self.out, &serde_json::to_vec_pretty(&file)?)?;
        let (count, out) = (file.heads.len(), self.out.display());
        tell(format_args!(
            "{count} heads signed with the key {} are in {out}",
            key.id()
        ))?;
        Ok(())
    }
}

/// All keys that this database has signed with.
async fn own_keys(pool: &PgPool) -> Result<Vec<Signer>, Failure> {
    secrets::apply(pool, KEYS).await?;
    let seeds = sqlx::query_scalar("select seed from platform.audit_keys order by created_at");
    let seeds: Vec<Vec<u8>> = seeds.fetch_all(pool).await?;
    let signer = |seed: Vec<u8>| match <[u8; 32]>::try_from(seed) {
        Ok(seed) => Ok(Signer::from_seed(&seed)),
        Err(_) => Err("a key in platform.audit_keys is not of 32 bytes".into()),
    };
    seeds.into_iter().map(signer).collect()
}

/// The newest of them; the first is made.
async fn own_key(pool: &PgPool) -> Result<Signer, Failure> {
    if let Some(newest) = own_keys(pool).await?.pop() {
        return Ok(newest);
    }
    let seed = secrets::random();
    let first = "insert into platform.audit_keys (seed) select $1 where not exists (select from platform.audit_keys)";
    sqlx::query(first).bind(&seed[..]).execute(pool).await?;
    own_keys(pool).await?.pop().ok_or_else(|| "no key could be made".into())
}

fn read_heads(file: &Path) -> Result<Vec<SignedHead>, Failure> {
    let heads: HeadsFile = serde_json::from_str(&read(file)?).map_err(|error| in_file(file, error))?;
    if (heads.format.as_str(), heads.version) != (FORMAT, VERSION) {
        return Err(in_file(file, format!("is not `{FORMAT}` of version {VERSION}")));
    }
    Ok(heads.heads)
}

fn public_key(file: &Path) -> Result<PublicKey, Failure> {
    PublicKey::from_pem(&read(file)?).map_err(|error| in_file(file, error))
}

fn read(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file).map_err(|error| in_file(file, error))
}

/// Whole or not at all.
fn write(file: &Path, content: &[u8]) -> Result<(), Failure> {
    let unfinished = file.with_extension("unfinished");
    let written = fs::write(&unfinished, content).and_then(|()| fs::rename(&unfinished, file));
    written.map_err(|error| in_file(file, error))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}
