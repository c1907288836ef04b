//! Signed heads. A hash chain shows a change to whoever knows the newest hash; a signature over that hash, kept outside
//! the database, shows it to everyone, even when the database's owner computed the whole chain anew.

use crate::{Log, chain::HASH_ZERO, keeping::segment};
use chrono::{DateTime, Utc};
use ed25519_dalek::{
    Signature, Signer as _, SigningKey, VerifyingKey,
    pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePublicKey, spki::der::pem::LineEnding},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

/// What is signed begins with this, so that no signature made for anything else passes for one.
const DOMAIN: &[u8] = b"prometric.log.head.v1\0";

/// "This workspace's log stood there, with that hash." As JSON it is what goes into files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignedHead {
    pub workspace: Uuid,
    /// At least 1.
    pub position: i64,
    /// The hash of the event at that position.
    #[serde(with = "hex::serde")]
    pub hash: [u8; 32],
    /// When that event was recorded.
    pub recorded_at: DateTime<Utc>,
    /// Which public key checks it.
    pub key_id: String,
    #[serde(with = "hex::serde")]
    pub signature: [u8; 64],
}

/// Why a log and a signed head do not belong together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("workspace {workspace}, position {position}: signed with the key {key_id}, which is not known")]
    UnknownKey {
        workspace: Uuid,
        position: i64,
        key_id: String,
    },
    /// The signature is of somebody else, or of something else.
    #[error("workspace {workspace}, position {position}: the signature is forged")]
    Forged { workspace: Uuid, position: i64 },
    #[error("workspace {workspace}: position {signed} was signed, but the log ends at {last}")]
    Truncated { workspace: Uuid, signed: i64, last: i64 },
    /// Another history leads to that position than when it was signed.
    #[error("workspace {workspace}: the history up to position {position} was rewritten after it was signed")]
    Rewritten { workspace: Uuid, position: i64 },
}

/// Not an Ed25519 key in the form that was expected.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("not an Ed25519 private key in PKCS#8")]
    Private(#[source] ed25519_dalek::pkcs8::Error),
    #[error("not an Ed25519 public key in SubjectPublicKeyInfo")]
    Public(#[source] ed25519_dalek::pkcs8::spki::Error),
}

/// Holds a private key. Deliberately without `Debug`.
pub struct Signer {
    key: SigningKey,
    id: String,
}

/// Checks what the [`Signer`] of the same id signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    key: VerifyingKey,
    id: String,
}

impl Signer {
    /// From 32 random bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self::from_key(SigningKey::from_bytes(seed))
    }

    /// From what `openssl genpkey -algorithm ed25519` writes.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        SigningKey::from_pkcs8_pem(pem)
            .map(Self::from_key)
            .map_err(KeyError::Private)
    }

    fn from_key(key: SigningKey) -> Self {
        let id = PublicKey::from_key(key.verifying_key()).id;
        Self { key, id }
    }

    pub fn public_key(&self) -> PublicKey {
        PublicKey::from_key(self.key.verifying_key())
    }

    pub fn sign(&self, workspace: Uuid, position: i64, hash: [u8; 32], recorded_at: DateTime<Utc>) -> SignedHead {
        let mut head = SignedHead {
            workspace,
            position,
            hash,
            recorded_at,
            key_id: self.id.clone(),
            signature: [0; 64],
        };
        head.signature = self.key.sign(&head.canonical()).to_bytes();
        head
    }
}

impl PublicKey {
    /// From what `openssl pkey -pubout` writes.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        VerifyingKey::from_public_key_pem(pem)
            .map(Self::from_key)
            .map_err(KeyError::Public)
    }

    fn from_key(key: VerifyingKey) -> Self {
        let id = hex::encode(&Sha256::digest(key.as_bytes())[..8]);
        Self { key, id }
    }

    /// As [`PublicKey::from_pem`] takes it.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        self.key.to_public_key_pem(LineEnding::LF).map_err(KeyError::Public)
    }

    /// The first 8 bytes of the key's SHA-256, in hex.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl SignedHead {
    /// Fields of fixed size in a fixed order, the one of variable size last: no two heads share an encoding.
    fn canonical(&self) -> Vec<u8> {
        let mut bytes = DOMAIN.to_vec();
        bytes.extend(self.workspace.as_bytes());
        bytes.extend(self.position.to_be_bytes());
        bytes.extend(self.hash);
        bytes.extend(self.recorded_at.timestamp_micros().to_be_bytes());
        bytes.extend(self.key_id.as_bytes());
        bytes
    }

    /// Whether the owner of one of these keys signed exactly this.
    pub fn check(&self, keys: &[PublicKey]) -> Result<(), SealError> {
        let Some(public) = keys.iter().find(|key| key.id == self.key_id) else {
            return Err(SealError::UnknownKey {
                workspace: self.workspace,
                position: self.position,
                key_id: self.key_id.clone(),
            });
        };
        let signature = Signature::from_bytes(&self.signature);
        let checked = public.key.verify_strict(&self.canonical(), &signature);
        checked.map_err(|_| SealError::Forged {
            workspace: self.workspace,
            position: self.position,
        })
    }

    /// Whether the log has that hash at that position.
    pub(super) fn compare(&self, hash: &[u8; 32]) -> Result<(), SealError> {
        if self.hash == *hash {
            return Ok(());
        }
        Err(SealError::Rewritten {
            workspace: self.workspace,
            position: self.position,
        })
    }
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

impl Log {
    /// Signs where one workspace stands; `None` while it has no events.
    pub async fn sign_head(&self, workspace: Uuid, signer: &Signer) -> Result<Option<SignedHead>, sqlx::Error> {
        let head =
            "select workspace_id, position, hash, recorded_at from log.heads where workspace_id = $1 and position > 0";
        let row = sqlx::query(head).bind(workspace).fetch_optional(&self.pool).await?;
        row.map(|row| sign_row(signer, &row)).transpose()
    }

    /// Signs where every workspace stands that has events.
    pub async fn sign_heads(&self, signer: &Signer) -> Result<Vec<SignedHead>, sqlx::Error> {
        let heads =
            "select workspace_id, position, hash, recorded_at from log.heads where position > 0 order by workspace_id";
        let rows = sqlx::query(heads).fetch_all(&self.pool).await?;
        rows.iter().map(|row| sign_row(signer, row)).collect()
    }

    /// Compares the signed hash with the stored one, which is cheap and proves only as much: that the stored hashes are
    /// those of the events is for [`Log::verify`] to say, which takes signed heads too.
    pub async fn check_head(&self, signed: &SignedHead, keys: &[PublicKey]) -> Result<(), CheckError> {
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
        Ok(signed.compare(&stored.unwrap_or(HASH_ZERO))?)
    }

    /// The stored hash of a position: of an event that is here, or the last of a segment.
    pub async fn hash_at(&self, workspace: Uuid, position: i64) -> Result<Option<[u8; 32]>, sqlx::Error> {
        let stored = "select hash from log.events where workspace_id = $1 and position = $2 \
            union all select last_hash from log.archives where workspace_id = $1 and last_position = $2";
        let stored: Option<Vec<u8>> = sqlx::query_scalar(stored)
            .bind(workspace)
            .bind(position)
            .fetch_optional(&self.pool)
            .await?;
        Ok(stored.and_then(|hash| hash.try_into().ok()))
    }
}

fn sign_row(signer: &Signer, row: &PgRow) -> Result<SignedHead, sqlx::Error> {
    let hash = super::store::digest(row.try_get(2)?)?;
    Ok(signer.sign(row.try_get(0)?, row.try_get(1)?, hash, row.try_get(3)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed() -> (SignedHead, Signer) {
        let signer = Signer::from_seed(&[7; 32]);
        (
            signer.sign(Uuid::from_u128(1), 5, [9; 32], DateTime::UNIX_EPOCH),
            signer,
        )
    }

    #[test]
    fn a_head_comes_back_from_its_file_and_its_signature_holds() {
        let (head, signer) = signed();
        let text = serde_json::to_string(&head).unwrap();
        let back: SignedHead = serde_json::from_str(&text).unwrap();
        assert_eq!(back, head);
        back.check(&[signer.public_key()]).unwrap();
    }

    #[test]
    fn whatever_is_changed_the_signature_no_longer_holds() {
        let (head, signer) = signed();
        let changes: [fn(&mut SignedHead); 5] = [
            |head| head.workspace = Uuid::from_u128(2),
            |head| head.position = 6,
            |head| head.hash[31] ^= 1,
            |head| head.recorded_at += chrono::Duration::microseconds(1),
            |head| head.signature[0] ^= 1,
        ];
        for change in changes {
            let mut changed = head.clone();
            change(&mut changed);
            let error = changed.check(&[signer.public_key()]).unwrap_err();
            assert!(matches!(error, SealError::Forged { .. }), "{error}");
        }
    }

    #[test]
    fn another_key_is_unknown_and_its_signature_under_a_known_id_is_forged() {
        let (mut head, signer) = signed();
        let other = Signer::from_seed(&[8; 32]);
        let error = head.check(&[other.public_key()]).unwrap_err();
        assert!(matches!(error, SealError::UnknownKey { .. }), "{error}");
        head.key_id = other.public_key().id().to_owned();
        let error = head.check(&[signer.public_key(), other.public_key()]).unwrap_err();
        assert!(matches!(error, SealError::Forged { .. }), "{error}");
    }

    #[test]
    fn keys_come_from_pem() {
        use ed25519_dalek::pkcs8::{EncodePrivateKey, EncodePublicKey, spki::der::pem::LineEnding};
        let key = SigningKey::from_bytes(&[3; 32]);
        let private = key.to_pkcs8_pem(LineEnding::LF).unwrap();
        let public = key.verifying_key().to_public_key_pem(LineEnding::LF).unwrap();
        let signer = Signer::from_pem(&private).unwrap();
        assert_eq!(signer.public_key(), PublicKey::from_pem(&public).unwrap());
        assert!(matches!(Signer::from_pem(&public), Err(KeyError::Private(_))));
        assert!(matches!(PublicKey::from_pem(&private), Err(KeyError::Public(_))));
    }
}
