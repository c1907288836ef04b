//! Signed heads. A hash chain shows a change to whoever knows the newest hash; a signature over that hash, kept outside
//! the database, shows it to everyone, even when the database's owner computed the whole chain anew.

use super::sign::Stand;
use crate::chain::Hash;
use chrono::{DateTime, Utc};
use ed25519_dalek::{
    Signature, Signer as _, SigningKey, VerifyingKey,
    pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePublicKey, spki::der::pem::LineEnding},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What is signed begins with this, so that no signature made for anything else passes for one.
const DOMAIN: &[u8] = b"prometric.log.head.v2\0";
/// Of heads without a root.
const DOMAIN_1: &[u8] = b"prometric.log.head.v1\0";

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
    /// Of the Merkle tree over the events up to that position; heads of version 1 have none.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "root")]
    pub root: Option<[u8; 32]>,
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

    pub fn sign(&self, workspace: Uuid, stand: Stand) -> SignedHead {
        let mut head = SignedHead {
            workspace,
            position: stand.position,
            hash: stand.hash,
            root: stand.root,
            recorded_at: stand.recorded_at,
            key_id: self.id.clone(),
            signature: [0; 64],
        };
        head.signature = self.sign_bytes(&head.canonical());
        head
    }

    pub(super) fn sign_bytes(&self, bytes: &[u8]) -> [u8; 64] {
        self.key.sign(bytes).to_bytes()
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

    pub(super) fn has_signed(&self, bytes: &[u8], signature: &[u8; 64]) -> bool {
        let signature = Signature::from_bytes(signature);
        self.key.verify_strict(bytes, &signature).is_ok()
    }

    /// The first 8 bytes of the key's SHA-256, in hex.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl SignedHead {
    /// Fields of fixed size in a fixed order, the one of variable size last: no two heads share an encoding.
    pub(super) fn canonical(&self) -> Vec<u8> {
        let mut bytes = if self.root.is_some() { DOMAIN } else { DOMAIN_1 }.to_vec();
        bytes.extend(self.workspace.as_bytes());
        bytes.extend(self.position.to_be_bytes());
        bytes.extend(self.hash);
        bytes.extend(self.root.iter().flatten());
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
        match public.has_signed(&self.canonical(), &self.signature) {
            true => Ok(()),
            false => Err(SealError::Forged {
                workspace: self.workspace,
                position: self.position,
            }),
        }
    }

    /// Whether the log has that hash at that position, and that root, as far as both are known.
    pub(super) fn compare(&self, hash: &Hash, root: Option<Hash>) -> Result<(), SealError> {
        if self.hash == *hash && self.root.zip(root).is_none_or(|(signed, root)| signed == root) {
            return Ok(());
        }
        Err(SealError::Rewritten {
            workspace: self.workspace,
            position: self.position,
        })
    }
}

/// In hex, where there is one.
mod root {
    use super::Hash;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(root: &Option<Hash>, serializer: S) -> Result<S::Ok, S::Error> {
        hex::serde::serialize(root.unwrap_or_default(), serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Hash>, D::Error> {
        #[derive(Deserialize)]
        struct Root(#[serde(with = "hex::serde")] Hash);
        Root::deserialize(deserializer).map(|Root(root)| Some(root))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed() -> (SignedHead, Signer) {
        let signer = Signer::from_seed(&[7; 32]);
        (
            signer.sign(
                Uuid::from_u128(1),
                Stand {
                    position: 5,
                    hash: [9; 32],
                    root: Some([8; 32]),
                    recorded_at: DateTime::UNIX_EPOCH,
                },
            ),
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
        let changes: [fn(&mut SignedHead); 7] = [
            |head| head.root = Some([9; 32]),
            |head| head.root = None,
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
