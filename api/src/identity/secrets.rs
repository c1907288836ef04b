//! Tables for what never enters the log. They stand in schema `platform` beside the read models, but are no part of them.

use log::migrate::{self, Migration};
use sha2::{Digest, Sha256};
use sqlx::PgPool;

const MIGRATIONS: &[Migration] = &[Migration::new(
    "0002_secrets",
    include_str!("../../../migrations/platform/0002_secrets.sql"),
)];

pub async fn migrate(pool: &PgPool) -> Result<(), sqlx::Error> {
    apply(pool, MIGRATIONS).await
}

pub async fn apply(pool: &PgPool, migrations: &[Migration]) -> Result<(), sqlx::Error> {
    let mut connection = pool.acquire().await?;
    migrate::apply(&mut connection, "platform", migrations).await
}

/// 256 random bits.
pub(super) fn random() -> [u8; 32] {
    rand::random()
}

/// SHA-256 of all pieces; only for pieces of fixed length, or one alone.
pub(super) fn digest(pieces: &[&[u8]]) -> [u8; 32] {
    pieces
        .iter()
        .fold(Sha256::new(), |hasher, piece| hasher.chain_update(piece))
        .finalize()
        .into()
}
