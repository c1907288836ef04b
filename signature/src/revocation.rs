//! Whether a certificate was revoked, as its authority says by OCSP (RFC 6960) or in a list (CRL, RFC 5280). Only configured
//! addresses are asked, never those that a certificate names: whoever sends one chooses those. What is answered is believed when
//! the authority has signed it, and remembered until it says that it is old. Who is not to be reached is a matter of policy.

use crate::{
    Refusal, Verifier,
    certificate::{Chain, check, has_signed},
};
use const_oid::db::rfc5280::ID_KP_OCSP_SIGNING;
use der::{
    Decode, Encode,
    asn1::{Null, ObjectIdentifier, OctetString},
};
use moka::sync::Cache;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use spki::AlgorithmIdentifierOwned;
use std::time::{Duration, Instant};
use x509_cert::{Certificate, crl::CertificateList, ext::pkix::ExtendedKeyUsage};
use x509_ocsp::{
    BasicOcspResponse, CertId, CertStatus, OcspRequest, OcspResponse, OcspResponseStatus, Request, SingleResponse,
    TbsRequest, Version,
};

/// What an address may answer.
const BYTES_MAX: usize = 16 << 20;
/// How long an answer is believed at most.
const KEPT: Duration = Duration::from_secs(60 * 60);
/// How old an OCSP answer may be that does not say.
const FRESH: u64 = 24 * 60 * 60;
/// Names what is looked for, and nothing is signed by it.
const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");

/// An address that knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Ocsp(String),
    Crl(String),
}

/// What becomes of a signature when none of the addresses answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreachable {
    /// It is believed.
    Accept,
    /// It is refused.
    Refuse,
}

pub struct Sources {
    sources: Vec<Source>,
    unreachable: Unreachable,
    client: reqwest::Client,
    timeout: Duration,
    /// By certificate: whether it was revoked, and until when that holds, in seconds since 1970.
    known: Cache<Vec<u8>, (bool, u64)>,
}

impl Sources {
    /// `timeout` bounds one address.
    pub fn new(sources: Vec<Source>, unreachable: Unreachable, timeout: Duration) -> Self {
        Self {
            sources,
            unreachable,
            client: reqwest::Client::new(),
            timeout,
            known: Cache::builder().max_capacity(10_000).time_to_live(KEPT).build(),
        }
    }

    /// Every certificate but the root. Without any address nothing is asked, and the policy decides.
    pub(crate) async fn check(&self, chain: &Chain, now: u64, verifier: &Verifier) -> Result<(), Refusal> {
        for (certificate, issuer) in chain.links() {
            match self.is_revoked(certificate, issuer, now, verifier).await {
                Some(true) => return Err(Refusal::Revoked),
                Some(false) => {}
                None if self.unreachable == Unreachable::Accept => {}
                None => return Err(Refusal::RevocationUnknown),
            }
        }
        Ok(())
    }

    /// `None`: nobody says.
    async fn is_revoked(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
        now: u64,
        verifier: &Verifier,
    ) -> Option<bool> {
        let key = certificate.to_der().ok()?;
        if let Some((revoked, until)) = self.known.get(&key)
            && now < until
        {
            return Some(revoked);
        }
        for source in &self.sources {
            let began = Instant::now();
            let asked = async {
                match source {
                    Source::Ocsp(url) => {
                        let answer = self.fetch(url, Some(question(certificate, issuer)?)).await?;
                        by_ocsp(&answer, certificate, issuer, now, verifier)
                    }
                    Source::Crl(url) => by_list(&self.fetch(url, None).await?, certificate, issuer, now, verifier),
                }
            };
            match tokio::time::timeout(self.timeout, asked).await {
                Ok(Some((revoked, until))) => {
                    self.known.insert(key, (revoked, until));
                    return Some(revoked);
                }
                _ => tracing::warn!(
                    ?source,
                    milliseconds = began.elapsed().as_millis(),
                    "no answer on a certificate"
                ),
            }
        }
        None
    }

    async fn fetch(&self, url: &str, body: Option<Vec<u8>>) -> Option<Vec<u8>> {
        let request = match body {
            None => self.client.get(url),
            Some(body) => self
                .client
                .post(url)
                .header("Content-Type", "application/ocsp-request")
                .body(body),
        };
        let mut response = request.send().await.ok()?.error_for_status().ok()?;
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.ok()? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > BYTES_MAX {
                return None;
            }
        }
        Some(bytes)
    }
}

fn sha1(bytes: &[u8]) -> Option<OctetString> {
    OctetString::new(digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref()).ok()
}

/// Which certificate is meant, by who has issued it.
fn id_of(certificate: &Certificate, issuer: &Certificate) -> Option<CertId> {
    let of = &issuer.tbs_certificate;
    Some(CertId {
        hash_algorithm: AlgorithmIdentifierOwned {
            oid: SHA1,
            parameters: Some(Null.into()),
        },
        issuer_name_hash: sha1(&of.subject.to_der().ok()?)?,
        issuer_key_hash: sha1(of.subject_public_key_info.subject_public_key.raw_bytes())?,
        serial_number: certificate.tbs_certificate.serial_number.clone(),
    })
}

fn question(certificate: &Certificate, issuer: &Certificate) -> Option<Vec<u8>> {
    let request = OcspRequest {
        tbs_request: TbsRequest {
            version: Version::V1,
            requestor_name: None,
            request_list: vec![Request {
                req_cert: id_of(certificate, issuer)?,
                single_request_extensions: None,
            }],
            request_extensions: None,
        },
        optional_signature: None,
    };
    request.to_der().ok()
}

/// What an OCSP answer says of the certificate, and until when.
fn by_ocsp(
    answer: &[u8],
    certificate: &Certificate,
    issuer: &Certificate,
    now: u64,
    verifier: &Verifier,
) -> Option<(bool, u64)> {
    let answer = OcspResponse::from_der(answer).ok()?;
    if answer.response_status != OcspResponseStatus::Successful {
        return None;
    }
    let basic = BasicOcspResponse::from_der(answer.response_bytes?.response.as_bytes()).ok()?;
    let message = basic.tbs_response_data.to_der().ok()?;
    // The authority itself, or whom it has made its speaker.
    let speaks = |one: &&Certificate| {
        let purposes = one.tbs_certificate.get::<ExtendedKeyUsage>();
        let is_speaker = matches!(purposes, Ok(Some((_, purposes))) if purposes.0.contains(&ID_KP_OCSP_SIGNING));
        let validity = &one.tbs_certificate.validity;
        let in_force = (validity.not_before.to_unix_duration().as_secs()
            ..=validity.not_after.to_unix_duration().as_secs())
            .contains(&now);
        is_speaker && in_force && has_signed(issuer, one, verifier).is_ok()
    };
    let speakers = basic.certs.iter().flatten().filter(speaks);
    let signed = |by: &Certificate| {
        let (algorithm, signature) = (basic.signature_algorithm.oid, basic.signature.raw_bytes());
        check(by, algorithm, &message, signature, verifier).is_ok()
    };
    if !std::iter::once(issuer).chain(speakers).any(signed) {
        return None;
    }
    let wanted = id_of(certificate, issuer)?;
    let is_meant = |one: &&SingleResponse| {
        one.cert_id.serial_number == wanted.serial_number
            && one.cert_id.issuer_key_hash == wanted.issuer_key_hash
            && one.cert_id.issuer_name_hash == wanted.issuer_name_hash
    };
    let said = basic.tbs_response_data.responses.iter().find(is_meant)?;
    let from = said.this_update.0.to_unix_duration().as_secs();
    let next = said
        .next_update
        .as_ref()
        .map(|next| next.0.to_unix_duration().as_secs());
    let until = next.unwrap_or(from + FRESH);
    if now < from || now >= until {
        return None;
    }
    match said.cert_status {
        CertStatus::Good(_) => Some((false, until)),
        // The authority does not know it: it is not one of its own.
        CertStatus::Revoked(_) | CertStatus::Unknown(_) => Some((true, until)),
    }
}

/// The same by a list.
fn by_list(
    list: &[u8],
    certificate: &Certificate,
    issuer: &Certificate,
    now: u64,
    verifier: &Verifier,
) -> Option<(bool, u64)> {
    let list = CertificateList::from_der(list).ok()?;
    let of = &list.tbs_cert_list;
    let message = of.to_der().ok()?;
    let is_theirs = of.issuer == issuer.tbs_certificate.subject;
    let (algorithm, signature) = (list.signature_algorithm.oid, list.signature.raw_bytes());
    if !is_theirs || check(issuer, algorithm, &message, signature, verifier).is_err() {
        return None;
    }
    let from = of.this_update.to_unix_duration().as_secs();
    let until = of.next_update.as_ref()?.to_unix_duration().as_secs();
    if now < from || now >= until {
        return None;
    }
    let serial = &certificate.tbs_certificate.serial_number;
    let revoked = of
        .revoked_certificates
        .iter()
        .flatten()
        .any(|one| one.serial_number == *serial);
    Some((revoked, until))
}
