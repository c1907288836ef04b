//! The keys that heads are signed with and checked by: a file's, or the database's own.

use super::file::read;
use crate::{
    identity::secrets,
    operator::{Failure, in_file},
};
use log::{
    keeping::{PublicKey, Signer},
    migrate::Migration,
};
use sqlx::PgPool;
use std::path::Path;

const KEYS: &[Migration] = &[Migration::new(
    "0006_audit_keys",
    include_str!("../../../../migrations/platform/0006_audit_keys.sql"),
)];

/// All keys that this database has signed with.
pub async fn own_keys(pool: &PgPool) -> Result<Vec<Signer>, Failure> {
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
pub async fn own_key(pool: &PgPool) -> Result<Signer, Failure> {
    if let Some(newest) = own_keys(pool).await?.pop() {
        return Ok(newest);
    }
    let seed = secrets::random();
    let first = "insert into platform.audit_keys (seed) select $1 where not exists (select from platform.audit_keys)";
    sqlx::query(first).bind(&seed[..]).execute(pool).await?;
    own_keys(pool).await?.pop().ok_or_else(|| "no key could be made".into())
}

pub fn public_key(file: &Path) -> Result<PublicKey, Failure> {
    PublicKey::from_pem(&read(file)?).map_err(|error| in_file(file, error))
}

/// As `openssl genpkey -algorithm ed25519` writes it.
pub fn private_key(file: &Path) -> Result<Signer, Failure> {
    Signer::from_pem(&read(file)?).map_err(|error| in_file(file, error))
}
