//! What never enters the log: tables in schema `platform` beside the read models, but no part of them; and the one
//! secret that keys the hashes of what could be guessed. It belongs to no signing key, so that rotating those changes
//! no hash.

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Generate},
};
use hmac::{Hmac, Mac};
use log::migrate::{self, Migration};
use sha2::{Digest, Sha256};
use sqlx::PgPool;

const MIGRATIONS: &[Migration] = &[
    Migration::new(
        "0002_secrets",
        include_str!("../../../migrations/platform/0002_secrets.sql"),
    ),
    Migration::new(
        "0003_identity",
        include_str!("../../../migrations/platform/0003_identity.sql"),
    ),
    Migration::new(
        "0013_accounts",
        include_str!("../../../migrations/platform/0013_accounts.sql"),
    ),
];
const NONCE_LENGTH: usize = 24;

pub async fn migrate(pool: &PgPool) -> Result<(), sqlx::Error> {
    apply(pool, MIGRATIONS).await
}

pub async fn apply(pool: &PgPool, migrations: &[Migration]) -> Result<(), sqlx::Error> {
    let mut connection = pool.acquire().await?;
    migrate::apply(&mut connection, "platform", migrations).await
}

/// Makes hashes of guessable things useless to others. The same on all nodes, for ever.
pub struct Pepper([u8; 32]);

impl Pepper {
    /// Loads it; the first time it is drawn. Before it had a row of its own it came from the newest signing key: then it
    /// stays that, so that no `Idempotency-Key` in use is forgotten.
    pub async fn open(pool: &PgPool) -> Result<Self, sqlx::Error> {
        let newest = "select seed from platform.signing_keys order by created_at desc, kid limit 1";
        let newest: Option<Vec<u8>> = sqlx::query_scalar(newest).fetch_optional(pool).await?;
        let first = newest.map_or_else(random, |seed| digest(&[b"prometric.pepper", &seed]));
        let insert = "insert into platform.secrets (name, secret) values ('pepper', $1) on conflict (name) do nothing";
        sqlx::query(insert).bind(&first[..]).execute(pool).await?;
        let kept: Vec<u8> = sqlx::query_scalar("select secret from platform.secrets where name = 'pepper'")
            .fetch_one(pool)
            .await?;
        let kept: Result<[u8; 32], _> = kept.try_into();
        kept.map(Self)
            .map_err(|_| sqlx::Error::Decode("the pepper is not 32 bytes".into()))
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// A keyed hash, for one purpose, of pieces that keep apart.
    pub(crate) fn tag(&self, purpose: &str, pieces: &[&[u8]]) -> [u8; 32] {
        #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&self.0).expect("a key");
        for piece in std::iter::once(&purpose.as_bytes()).chain(pieces) {
            mac.update(&(piece.len() as u64).to_be_bytes());
            mac.update(piece);
        }
        mac.finalize().into_bytes().into()
    }
}

/// XChaCha20-Poly1305 under a key that is made for one value.
pub(super) fn seal(key: &[u8; 32], clear: &[u8]) -> Option<Vec<u8>> {
    let nonce = XNonce::generate();
    let sealed = XChaCha20Poly1305::new(key.into()).encrypt(&nonce, clear).ok()?;
    Some([nonce.as_slice(), &sealed].concat())
}

pub(super) fn unseal(key: &[u8; 32], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = sealed.split_at_checked(NONCE_LENGTH)?;
    let nonce = XNonce::try_from(nonce).ok()?;
    XChaCha20Poly1305::new(key.into()).decrypt(&nonce, sealed).ok()
}

/// 256 random bits.
pub(crate) fn random() -> [u8; 32] {
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

#[cfg(test)]
pub(super) fn pepper_of(byte: u8) -> Pepper {
    Pepper([byte; 32])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_a_tag_keep_apart() {
        let pepper = pepper_of(1);
        let tags = [
            pepper.tag("a", &[b"bc"]),
            pepper.tag("ab", &[b"c"]),
            pepper.tag("a", &[b"b", b"c"]),
            pepper_of(2).tag("a", &[b"bc"]),
        ];
        for (n, tag) in tags.iter().enumerate() {
            assert!(tags[n + 1..].iter().all(|other| other != tag));
        }
    }

    #[test]
    fn what_is_sealed_opens_with_its_key_only() {
        let (key, other) = ([1; 32], [2; 32]);
        let sealed = seal(&key, b"token").unwrap();
        assert_eq!(unseal(&key, &sealed).unwrap(), b"token");
        assert!(unseal(&other, &sealed).is_none() && unseal(&key, b"short").is_none());
    }
}
