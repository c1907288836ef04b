//! How signatures are computed: by the algorithms' ids. Nothing is negotiated, and what is weak is not known.

use crate::Refusal;
use der::asn1::ObjectIdentifier;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey};
use sha2::{Digest, Sha256, Sha512};
use spki::SubjectPublicKeyInfoOwned;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const RSA_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
/// GOST 34.310, 34.10-2015 and their digests, in Kazakhstan's own branch.
const GOST: &str = "1.2.398.3.10.1.";

/// Checks signatures of one family of algorithms.
pub trait Scheme: Send + Sync {
    /// Whether the signature over the message is by the key. `algorithm` is the signature's, or the key's where that says it all.
    fn verify(
        &self,
        algorithm: &Algorithm,
        key: &SubjectPublicKeyInfoOwned,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), Refusal>;

    /// The digest of a message, by its algorithm's id.
    fn digest(&self, algorithm: &Algorithm, message: &[u8]) -> Result<Vec<u8>, Refusal>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    Rsa(Hash),
    /// By its id.
    Gost(ObjectIdentifier),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    Sha256,
    Sha512,
}

impl Algorithm {
    /// Of a digest.
    pub(crate) fn of_digest(id: ObjectIdentifier) -> Result<Self, Refusal> {
        match id {
            SHA256 => Ok(Self::Rsa(Hash::Sha256)),
            SHA512 => Ok(Self::Rsa(Hash::Sha512)),
            other => Self::gost(other),
        }
    }

    /// Of a signature; one that names no digest goes with that of the message.
    pub(crate) fn of_signature(id: ObjectIdentifier, digest: Option<Self>) -> Result<Self, Refusal> {
        match (id, digest) {
            (RSA_SHA256, _) => Ok(Self::Rsa(Hash::Sha256)),
            (RSA_SHA512, _) => Ok(Self::Rsa(Hash::Sha512)),
            (RSA, Some(digest @ Self::Rsa(_))) => Ok(digest),
            (other, _) => Self::gost(other),
        }
    }

    fn gost(id: ObjectIdentifier) -> Result<Self, Refusal> {
        let spelled = id.to_string();
        match spelled.starts_with(GOST) {
            true => Ok(Self::Gost(id)),
            false => Err(Refusal::UnknownAlgorithm(spelled)),
        }
    }
}

pub(crate) struct Rsa;

impl Scheme for Rsa {
    fn verify(
        &self,
        algorithm: &Algorithm,
        key: &SubjectPublicKeyInfoOwned,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), Refusal> {
        let parameters = match algorithm {
            Algorithm::Rsa(Hash::Sha256) => &RSA_PKCS1_2048_8192_SHA256,
            Algorithm::Rsa(Hash::Sha512) => &RSA_PKCS1_2048_8192_SHA512,
            Algorithm::Gost(_) => return Err(Refusal::GostNotConfigured),
        };
        if key.algorithm.oid != RSA {
            return Err(Refusal::BadSignature);
        }
        let key = UnparsedPublicKey::new(parameters, key.subject_public_key.raw_bytes());
        key.verify(message, signature).map_err(|_| Refusal::BadSignature)
    }

    fn digest(&self, algorithm: &Algorithm, message: &[u8]) -> Result<Vec<u8>, Refusal> {
        match algorithm {
            Algorithm::Rsa(Hash::Sha256) => Ok(Sha256::digest(message).to_vec()),
            Algorithm::Rsa(Hash::Sha512) => Ok(Sha512::digest(message).to_vec()),
            Algorithm::Gost(_) => Err(Refusal::GostNotConfigured),
        }
    }
}

/// Says so.
pub struct GostNotConfigured;

impl Scheme for GostNotConfigured {
    fn verify(&self, _: &Algorithm, _: &SubjectPublicKeyInfoOwned, _: &[u8], _: &[u8]) -> Result<(), Refusal> {
        Err(Refusal::GostNotConfigured)
    }

    fn digest(&self, _: &Algorithm, _: &[u8]) -> Result<Vec<u8>, Refusal> {
        Err(Refusal::GostNotConfigured)
    }
}
