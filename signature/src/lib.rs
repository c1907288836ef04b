//! Electronic digital signatures (ЭЦП) as Kazakhstan's national certification authority (НУЦ РК) issues keys for: is this a
//! signature over those bytes, by whom, and does a configured root vouch for them at this moment?
//!
//! A crate of its own, so that neither rules nor log pay for ASN.1. It keeps no secrets and only verifies. Time comes from
//! outside. RSA is checked here (by `ring`); GOST needs a provider that the state hands out, and is an interface
//! ([`Scheme`]) without one.

mod certificate;
mod message;
mod revocation;
mod scheme;
#[cfg(test)]
mod tests;

pub use certificate::{Roots, RootsError, Subject};
pub use revocation::{Source, Sources, Unreachable};
pub use scheme::{GostNotConfigured, Scheme};

use certificate::Chain;
use message::Signed;
use scheme::{Algorithm, Rsa};
use std::sync::Arc;

/// Whom to believe, and how sure to be.
pub struct Verifier {
    roots: Roots,
    sources: Sources,
    gost: Arc<dyn Scheme>,
}

/// Who signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    pub subject: Subject,
    /// SHA-256 of the certificate.
    pub fingerprint: [u8; 32],
    /// In hex.
    pub serial: String,
    /// Seconds since 1970.
    pub expires_at: u64,
}

/// Why a signature is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("not a CMS signature by one signer whose certificate is with it")]
    Malformed,
    #[error("something else was signed")]
    WrongContent,
    #[error("the signature does not fit the certificate's key")]
    BadSignature,
    #[error("the algorithm {0} is not known")]
    UnknownAlgorithm(String),
    #[error("GOST signatures cannot be checked here: no provider is configured")]
    GostNotConfigured,
    #[error("no configured root vouches for the certificate")]
    Untrusted,
    #[error("the certificate, or one that vouches for it, is not valid yet")]
    NotYetValid,
    #[error("the certificate, or one that vouches for it, has expired")]
    Expired,
    #[error("the certificate's key is not for signing in")]
    KeyUsage,
    #[error("the certificate was revoked")]
    Revoked,
    #[error("whether the certificate was revoked cannot be found out just now")]
    RevocationUnknown,
    #[error("the certificate names no person by IIN")]
    NoIin,
}

impl Refusal {
    /// Stable, for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "signature.malformed",
            Self::WrongContent => "signature.wrong_content",
            Self::BadSignature => "signature.bad",
            Self::UnknownAlgorithm(_) => "signature.unknown_algorithm",
            Self::GostNotConfigured => "signature.gost_not_configured",
            Self::Untrusted => "signature.untrusted",
            Self::NotYetValid => "signature.not_yet_valid",
            Self::Expired => "signature.expired",
            Self::KeyUsage => "signature.key_usage",
            Self::Revoked => "signature.revoked",
            Self::RevocationUnknown => "signature.revocation_unknown",
            Self::NoIin => "signature.no_iin",
        }
    }

    /// Every code there is.
    pub const CODES: [&'static str; 12] = [
        "signature.malformed",
        "signature.wrong_content",
        "signature.bad",
        "signature.unknown_algorithm",
        "signature.gost_not_configured",
        "signature.untrusted",
        "signature.not_yet_valid",
        "signature.expired",
        "signature.key_usage",
        "signature.revoked",
        "signature.revocation_unknown",
        "signature.no_iin",
    ];
}

/// What does not parse is no signature of ours.
impl From<der::Error> for Refusal {
    fn from(_: der::Error) -> Self {
        Self::Malformed
    }
}

impl Verifier {
    pub fn new(roots: Roots, sources: Sources) -> Self {
        Self {
            roots,
            sources,
            gost: Arc::new(GostNotConfigured),
        }
    }

    /// With something that checks GOST signatures.
    #[must_use]
    pub fn with_gost(self, gost: Arc<dyn Scheme>) -> Self {
        Self { gost, ..self }
    }

    /// Who signed `content` by this CMS message (DER), at `now` in seconds since 1970. What is signed may stand in the message
    /// or beside it.
    pub async fn verify(&self, cms: &[u8], content: &[u8], now: u64) -> Result<Signer, Refusal> {
        let signed = Signed::parse(cms)?;
        let signer = signed.signer()?;
        signed.check(content, &signer, self)?;
        let chain = Chain::build(&signer, &signed.others(), &self.roots, now, self)?;
        certificate::for_signing_in(&signer)?;
        self.sources.check(&chain, now, self).await?;
        certificate::signer(&signer)
    }

    /// What checks signatures of that kind.
    fn scheme(&self, algorithm: &Algorithm) -> &dyn Scheme {
        match algorithm {
            Algorithm::Rsa(_) => &Rsa,
            Algorithm::Gost(_) => self.gost.as_ref(),
        }
    }
}
