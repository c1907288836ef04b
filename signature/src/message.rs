//! The CMS message (RFC 5652): one signer, whose certificate is in it.

use crate::{Refusal, Verifier, scheme::Algorithm};
use cms::{
    cert::CertificateChoices,
    content_info::ContentInfo,
    signed_data::{SignedData, SignerIdentifier, SignerInfo},
};
use const_oid::db::rfc5911::{ID_CONTENT_TYPE, ID_MESSAGE_DIGEST, ID_SIGNED_DATA};
use der::{
    Decode, Encode,
    asn1::{ObjectIdentifier, OctetString},
};
use x509_cert::{Certificate, attr::Attributes, ext::pkix::SubjectKeyIdentifier};

/// Nobody signs themselves in by more.
const BYTES_MAX: usize = 64 << 10;
/// Certificates beside the signer's.
const CERTIFICATES_MAX: usize = 8;

pub(crate) struct Signed {
    data: SignedData,
    info: SignerInfo,
    certificates: Vec<Certificate>,
}

impl Signed {
    pub fn parse(cms: &[u8]) -> Result<Self, Refusal> {
        if cms.len() > BYTES_MAX {
            return Err(Refusal::Malformed);
        }
        let content = ContentInfo::from_der(cms)?;
        if content.content_type != ID_SIGNED_DATA {
            return Err(Refusal::Malformed);
        }
        let data: SignedData = content.content.decode_as()?;
        let [info] = data.signer_infos.0.as_slice() else {
            return Err(Refusal::Malformed);
        };
        let info = info.clone();
        let choices = data.certificates.iter().flat_map(|set| set.0.iter());
        let certificates: Vec<Certificate> = choices
            .filter_map(|choice| match choice {
                CertificateChoices::Certificate(certificate) => Some(certificate.clone()),
                CertificateChoices::Other(_) => None,
            })
            .collect();
        match certificates.len() {
            1..=CERTIFICATES_MAX => Ok(Self {
                data,
                info,
                certificates,
            }),
            _ => Err(Refusal::Malformed),
        }
    }

    /// The certificate that the signer names.
    pub fn signer(&self) -> Result<Certificate, Refusal> {
        let is_named = |certificate: &&Certificate| {
            let of = &certificate.tbs_certificate;
            match &self.info.sid {
                SignerIdentifier::IssuerAndSerialNumber(named) => {
                    named.issuer == of.issuer && named.serial_number == of.serial_number
                }
                SignerIdentifier::SubjectKeyIdentifier(named) => {
                    matches!(of.get::<SubjectKeyIdentifier>(), Ok(Some((_, id))) if id == *named)
                }
            }
        };
        self.certificates
            .iter()
            .find(is_named)
            .cloned()
            .ok_or(Refusal::Malformed)
    }

    /// Those that may vouch for it.
    pub fn others(&self) -> Vec<Certificate> {
        self.certificates.clone()
    }

    /// Whether that content was signed, by the certificate's key.
    pub fn check(&self, content: &[u8], signer: &Certificate, verifier: &Verifier) -> Result<(), Refusal> {
        if let Some(inside) = &self.data.encap_content_info.econtent {
            let inside: OctetString = inside.decode_as()?;
            if inside.as_bytes() != content {
                return Err(Refusal::WrongContent);
            }
        }
        let digest = Algorithm::of_digest(self.info.digest_alg.oid)?;
        let algorithm = Algorithm::of_signature(self.info.signature_algorithm.oid, Some(digest))?;
        let message = match &self.info.signed_attrs {
            None => content.to_vec(),
            Some(attributes) => {
                let digest = verifier.scheme(&digest).digest(&digest, content)?;
                self.check_attributes(attributes, &digest)?;
                attributes.to_der()?
            }
        };
        let key = &signer.tbs_certificate.subject_public_key_info;
        let signature = self.info.signature.as_bytes();
        verifier.scheme(&algorithm).verify(&algorithm, key, &message, signature)
    }

    fn check_attributes(&self, attributes: &Attributes, digest: &[u8]) -> Result<(), Refusal> {
        let kind: ObjectIdentifier = only(attributes, ID_CONTENT_TYPE)?;
        if kind != self.data.encap_content_info.econtent_type {
            return Err(Refusal::Malformed);
        }
        let signed: OctetString = only(attributes, ID_MESSAGE_DIGEST)?;
        match signed.as_bytes() == digest {
            true => Ok(()),
            false => Err(Refusal::WrongContent),
        }
    }
}

/// The one value of an attribute that stands there once.
fn only<T: for<'a> Decode<'a>>(attributes: &Attributes, id: ObjectIdentifier) -> Result<T, Refusal> {
    let mut found = attributes.iter().filter(|attribute| attribute.oid == id);
    let (Some(attribute), None) = (found.next(), found.next()) else {
        return Err(Refusal::Malformed);
    };
    match attribute.values.as_slice() {
        [value] => Ok(T::from_der(&value.to_der()?)?),
        _ => Err(Refusal::Malformed),
    }
}
