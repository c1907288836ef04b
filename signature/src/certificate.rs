//! Certificates: who vouches for whom up to a root, whom one names, and what its key is for.

use crate::{Refusal, Signer, Verifier, scheme::Algorithm};
use const_oid::db::{
    rfc4519::{CN, ORGANIZATION_NAME, ORGANIZATIONAL_UNIT_NAME, SERIAL_NUMBER},
    rfc5280::{ID_KP_CLIENT_AUTH, ID_KP_EMAIL_PROTECTION},
};
use der::{Decode, Encode, asn1::ObjectIdentifier};
use sha2::{Digest, Sha256};
use std::{fs, io, path::Path};
use x509_cert::{
    Certificate,
    attr::AttributeValue,
    ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage},
    name::Name,
};

/// From the signer to the root, both included.
const LENGTH_MAX: usize = 6;

/// The authorities that are believed, and certificates between them and people's.
pub struct Roots {
    roots: Vec<Certificate>,
    between: Vec<Certificate>,
}

#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    #[error("cannot be read")]
    File(#[from] io::Error),
    #[error("is not certificates in PEM")]
    Malformed,
    #[error("has no certificate that has signed itself")]
    NoRoot,
}

impl Roots {
    /// Certificates in PEM, one after the other: who has signed itself is a root.
    pub fn read(path: &Path) -> Result<Self, RootsError> {
        Self::from_pem(&fs::read(path)?)
    }

    pub fn from_pem(pem: &[u8]) -> Result<Self, RootsError> {
        if pem.trim_ascii().is_empty() {
            return Err(RootsError::NoRoot);
        }
        let all = Certificate::load_pem_chain(pem.trim_ascii()).map_err(|_| RootsError::Malformed)?;
        let signed_itself = |one: &Certificate| one.tbs_certificate.subject == one.tbs_certificate.issuer;
        let (roots, between): (Vec<_>, Vec<_>) = all.into_iter().partition(signed_itself);
        match roots.is_empty() {
            true => Err(RootsError::NoRoot),
            false => Ok(Self { roots, between }),
        }
    }
}

/// Whom a certificate names.
#[derive(Clone, PartialEq, Eq)]
pub struct Subject {
    /// Twelve digits.
    pub iin: String,
    /// Of the organization they sign for, twelve digits.
    pub bin: Option<String>,
    pub name: Option<String>,
    pub organization: Option<String>,
}

/// It may end in a log line.
impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subject").finish_non_exhaustive()
    }
}

/// Each is vouched for by the next; the last is a root.
pub(crate) struct Chain(pub Vec<Certificate>);

impl Chain {
    pub fn build(
        signer: &Certificate,
        others: &[Certificate],
        roots: &Roots,
        now: u64,
        verifier: &Verifier,
    ) -> Result<Self, Refusal> {
        let mut chain = vec![signer.clone()];
        while let Some(last) = chain.last().filter(|_| chain.len() < LENGTH_MAX) {
            let issuer = &last.tbs_certificate.issuer;
            let vouches = |one: &&Certificate| {
                one.tbs_certificate.subject == *issuer && may_vouch(one) && has_signed(one, last, verifier).is_ok()
            };
            if let Some(root) = roots.roots.iter().find(vouches) {
                if root != last {
                    chain.push(root.clone());
                }
                return Self(chain).in_force(now);
            }
            // What only a certificate of theirs could say is told as what it is.
            if let Some(Err(refusal @ Refusal::GostNotConfigured)) =
                Algorithm::of_signature(last.signature_algorithm.oid, None)
                    .ok()
                    .filter(|algorithm| matches!(algorithm, Algorithm::Gost(_)))
                    .map(|algorithm| {
                        let key = &last.tbs_certificate.subject_public_key_info;
                        verifier.scheme(&algorithm).verify(&algorithm, key, &[], &[])
                    })
            {
                return Err(refusal);
            }
            let known = roots
                .between
                .iter()
                .chain(others)
                .find(|one| !chain.contains(*one) && vouches(one));
            let Some(known) = known.cloned() else { break };
            chain.push(known);
        }
        Err(Refusal::Untrusted)
    }

    fn in_force(self, now: u64) -> Result<Self, Refusal> {
        for certificate in &self.0 {
            let validity = &certificate.tbs_certificate.validity;
            if now < validity.not_before.to_unix_duration().as_secs() {
                return Err(Refusal::NotYetValid);
            }
            if now > validity.not_after.to_unix_duration().as_secs() {
                return Err(Refusal::Expired);
            }
        }
        Ok(self)
    }

    /// Each with who vouches for it.
    pub fn links(&self) -> impl Iterator<Item = (&Certificate, &Certificate)> {
        self.0.iter().zip(self.0.iter().skip(1))
    }
}

/// Whether it may sign certificates.
fn may_vouch(certificate: &Certificate) -> bool {
    let of = &certificate.tbs_certificate;
    let is_authority = matches!(of.get::<BasicConstraints>(), Ok(Some((_, constraints))) if constraints.ca);
    is_authority && matches!(of.get::<KeyUsage>(), Ok(Some((_, usage))) if usage.key_cert_sign())
}

pub(crate) fn has_signed(issuer: &Certificate, signed: &Certificate, verifier: &Verifier) -> Result<(), Refusal> {
    let message = signed.tbs_certificate.to_der()?;
    check(
        issuer,
        signed.signature_algorithm.oid,
        &message,
        signed.signature.raw_bytes(),
        verifier,
    )
}

/// Whether a certificate's key has signed that.
pub(crate) fn check(
    by: &Certificate,
    algorithm: ObjectIdentifier,
    message: &[u8],
    signature: &[u8],
    verifier: &Verifier,
) -> Result<(), Refusal> {
    let algorithm = Algorithm::of_signature(algorithm, None)?;
    let key = &by.tbs_certificate.subject_public_key_info;
    verifier.scheme(&algorithm).verify(&algorithm, key, message, signature)
}

/// Its key is for signatures, and, where that is said, of people who sign in or sign.
pub(crate) fn for_signing_in(certificate: &Certificate) -> Result<(), Refusal> {
    let of = &certificate.tbs_certificate;
    let signs = matches!(of.get::<KeyUsage>()?, Some((_, usage)) if usage.digital_signature());
    let purposes = of.get::<ExtendedKeyUsage>()?;
    let is_ours = |id: &ObjectIdentifier| [ID_KP_CLIENT_AUTH, ID_KP_EMAIL_PROTECTION].contains(id);
    match signs && purposes.is_none_or(|(_, purposes)| purposes.0.iter().any(is_ours)) {
        true => Ok(()),
        false => Err(Refusal::KeyUsage),
    }
}

pub(crate) fn signer(certificate: &Certificate) -> Result<Signer, Refusal> {
    let of = &certificate.tbs_certificate;
    let said = |id, prefix: &str| {
        let texts = texts(&of.subject, id);
        let digits = texts.iter().filter_map(|text| text.strip_prefix(prefix));
        digits.map(str::to_owned).find(|digits| are_twelve(digits))
    };
    Ok(Signer {
        subject: Subject {
            iin: said(SERIAL_NUMBER, "IIN").ok_or(Refusal::NoIin)?,
            bin: said(ORGANIZATIONAL_UNIT_NAME, "BIN"),
            name: texts(&of.subject, CN).into_iter().next(),
            organization: texts(&of.subject, ORGANIZATION_NAME).into_iter().next(),
        },
        fingerprint: Sha256::digest(certificate.to_der()?).into(),
        serial: hex::encode(of.serial_number.as_bytes()),
        expires_at: of.validity.not_after.to_unix_duration().as_secs(),
    })
}

fn are_twelve(digits: &str) -> bool {
    digits.len() == 12 && digits.bytes().all(|digit| digit.is_ascii_digit())
}

/// The values of an attribute in a name.
fn texts(name: &Name, id: ObjectIdentifier) -> Vec<String> {
    let attributes = name.0.iter().flat_map(|part| part.0.iter());
    let of_kind = attributes.filter(|attribute| attribute.oid == id);
    of_kind.filter_map(|attribute| text(&attribute.value)).collect()
}

/// Of whichever of ASN.1's kinds of text authorities use.
fn text(value: &AttributeValue) -> Option<String> {
    let bytes = value.to_der().ok()?;
    let utf8 = der::asn1::Utf8StringRef::from_der(&bytes).map(|text| text.as_str().to_owned());
    let printable = || der::asn1::PrintableStringRef::from_der(&bytes).map(|text| text.as_str().to_owned());
    let teletex = || der::asn1::TeletexStringRef::from_der(&bytes).map(|text| text.as_str().to_owned());
    utf8.or_else(|_| printable()).or_else(|_| teletex()).ok()
}
