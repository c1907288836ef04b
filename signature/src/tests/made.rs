//! An authority made here, people it has issued certificates to, and what they sign. The keys are for this test alone.

use cms::{
    cert::{CertificateChoices, IssuerAndSerialNumber},
    content_info::{CmsVersion, ContentInfo},
    signed_data::{CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos},
};
use const_oid::db::{
    rfc4519::{CN, ORGANIZATIONAL_UNIT_NAME, SERIAL_NUMBER},
    rfc5911::{ID_CONTENT_TYPE, ID_DATA, ID_MESSAGE_DIGEST, ID_SIGNED_DATA},
    rfc5912::{ID_SHA_256, RSA_ENCRYPTION, SHA_256_WITH_RSA_ENCRYPTION},
};
use der::{
    Any, Decode, Encode, EncodePem,
    asn1::{BitString, GeneralizedTime, Null, ObjectIdentifier, OctetString, SetOfVec, Utf8StringRef},
    flagset::FlagSet,
    pem::{self, LineEnding},
};
use ring::{
    rand::SystemRandom,
    signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use sha2::{Digest, Sha256};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use x509_cert::{
    Certificate, TbsCertificate, Version,
    attr::{Attribute, AttributeTypeAndValue},
    crl::{CertificateList, RevokedCert, TbsCertList},
    ext::{
        Extension,
        pkix::{BasicConstraints, KeyUsage, KeyUsages},
    },
    name::{Name, RdnSequence, RelativeDistinguishedName},
    serial_number::SerialNumber,
    time::{Time, Validity},
};
use x509_ocsp::{
    BasicOcspResponse, CertStatus, OcspGeneralizedTime, OcspRequest, OcspResponse, ResponderId, ResponseData,
    RevokedInfo, SingleResponse, Version as OcspVersion,
};

/// The day that everything here happens on.
pub const NOW: u64 = 1_795_000_000;
const DAY: u64 = 86_400;
pub const IIN: &str = "900101300017";
pub const BIN: &str = "123456789012";
/// Kazakhstan's GOST 34.10-2015 with 512 bits.
pub const GOST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.398.3.10.1.1.2.3.2");

pub fn key(text: &str) -> RsaKeyPair {
    let (_, bytes) = pem::decode_vec(text.as_bytes()).unwrap();
    RsaKeyPair::from_pkcs8(&bytes).unwrap()
}

pub struct Holder {
    pub key: RsaKeyPair,
    pub certificate: Certificate,
}

/// What a certificate is to say; the usual one is a person's.
pub struct Wish {
    pub serial: u8,
    pub subject: Name,
    pub days: (i64, i64),
    pub usage: FlagSet<KeyUsages>,
    pub is_authority: bool,
}

pub fn person() -> Wish {
    let iin = format!("IIN{IIN}");
    let bin = format!("BIN{BIN}");
    Wish {
        serial: 7,
        subject: name(&[
            (CN, "АХМАТОВ НҰРДӘУЛЕТ"),
            (SERIAL_NUMBER, &iin),
            (ORGANIZATIONAL_UNIT_NAME, &bin),
        ]),
        days: (-1, 1),
        usage: KeyUsages::DigitalSignature | KeyUsages::NonRepudiation,
        is_authority: false,
    }
}

pub fn name(parts: &[(ObjectIdentifier, &str)]) -> Name {
    let part = |(oid, text): &(ObjectIdentifier, &str)| {
        let value = Any::from(Utf8StringRef::new(text).unwrap());
        let attribute = AttributeTypeAndValue { oid: *oid, value };
        RelativeDistinguishedName(SetOfVec::try_from(vec![attribute]).unwrap())
    };
    RdnSequence(parts.iter().map(part).collect())
}

pub fn root(key: RsaKeyPair, called: &str) -> Holder {
    let wish = Wish {
        serial: 1,
        subject: name(&[(CN, called)]),
        days: (-3_650, 3_650),
        usage: KeyUsages::KeyCertSign | KeyUsages::CRLSign,
        is_authority: true,
    };
    let certificate = certificate(&wish, &key, &wish.subject, &key);
    Holder { key, certificate }
}

pub fn issued(by: &Holder, wish: &Wish, key: RsaKeyPair) -> Holder {
    let certificate = certificate(wish, &key, &by.certificate.tbs_certificate.subject, &by.key);
    Holder { key, certificate }
}

fn certificate(wish: &Wish, key: &RsaKeyPair, issuer: &Name, issuers: &RsaKeyPair) -> Certificate {
    let constraints = BasicConstraints {
        ca: wish.is_authority,
        path_len_constraint: None,
    };
    let tbs = TbsCertificate {
        version: Version::V3,
        serial_number: SerialNumber::new(&[wish.serial]).unwrap(),
        signature: rsa_sha256(),
        issuer: issuer.clone(),
        validity: Validity {
            not_before: time(wish.days.0),
            not_after: time(wish.days.1),
        },
        subject: wish.subject.clone(),
        subject_public_key_info: SubjectPublicKeyInfoOwned {
            algorithm: AlgorithmIdentifierOwned {
                oid: RSA_ENCRYPTION,
                parameters: Some(Null.into()),
            },
            subject_public_key: BitString::from_bytes(key.public_key().as_ref()).unwrap(),
        },
        issuer_unique_id: None,
        subject_unique_id: None,
        extensions: Some(vec![extension(&constraints), extension(&KeyUsage(wish.usage))]),
    };
    Certificate {
        signature: BitString::from_bytes(&sign(issuers, &tbs.to_der().unwrap())).unwrap(),
        signature_algorithm: rsa_sha256(),
        tbs_certificate: tbs,
    }
}

fn extension<T: Encode + const_oid::AssociatedOid>(value: &T) -> Extension {
    Extension {
        extn_id: T::OID,
        critical: true,
        extn_value: OctetString::new(value.to_der().unwrap()).unwrap(),
    }
}

fn rsa_sha256() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned {
        oid: SHA_256_WITH_RSA_ENCRYPTION,
        parameters: Some(Null.into()),
    }
}

fn seconds(days: i64) -> Duration {
    Duration::from_secs(NOW.saturating_add_signed(days * DAY as i64))
}

fn time(days: i64) -> Time {
    Time::GeneralTime(GeneralizedTime::from_unix_duration(seconds(days)).unwrap())
}

pub fn sign(key: &RsaKeyPair, message: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
        .unwrap();
    signature
}

pub fn as_pem(certificates: &[&Certificate]) -> String {
    certificates
        .iter()
        .map(|one| one.to_pem(LineEnding::LF).unwrap())
        .collect()
}

/// As NCALayer makes it: signed attributes, the signer's certificate, and the content inside or beside.
pub fn message(content: &[u8], holder: &Holder, inside: bool) -> SignedData {
    let attribute = |oid, value: Any| Attribute {
        oid,
        values: SetOfVec::try_from(vec![value]).unwrap(),
    };
    let digest = OctetString::new(Sha256::digest(content).to_vec()).unwrap();
    let attributes = SetOfVec::try_from(vec![
        attribute(ID_CONTENT_TYPE, Any::from(&ID_DATA)),
        attribute(ID_MESSAGE_DIGEST, Any::from_der(&digest.to_der().unwrap()).unwrap()),
    ])
    .unwrap();
    let sha256 = AlgorithmIdentifierOwned {
        oid: ID_SHA_256,
        parameters: None,
    };
    let info = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: holder.certificate.tbs_certificate.issuer.clone(),
            serial_number: holder.certificate.tbs_certificate.serial_number.clone(),
        }),
        digest_alg: sha256.clone(),
        signature: OctetString::new(sign(&holder.key, &attributes.to_der().unwrap())).unwrap(),
        signed_attrs: Some(attributes),
        signature_algorithm: rsa_sha256(),
        unsigned_attrs: None,
    };
    let content = OctetString::new(content).unwrap();
    SignedData {
        version: CmsVersion::V1,
        digest_algorithms: SetOfVec::try_from(vec![sha256]).unwrap(),
        encap_content_info: EncapsulatedContentInfo {
            econtent_type: ID_DATA,
            econtent: inside.then(|| Any::from_der(&content.to_der().unwrap()).unwrap()),
        },
        certificates: Some(CertificateSet(
            SetOfVec::try_from(vec![CertificateChoices::Certificate(holder.certificate.clone())]).unwrap(),
        )),
        crls: None,
        signer_infos: SignerInfos(SetOfVec::try_from(vec![info]).unwrap()),
    }
}

pub fn der(data: &SignedData) -> Vec<u8> {
    let content = ContentInfo {
        content_type: ID_SIGNED_DATA,
        content: Any::from_der(&data.to_der().unwrap()).unwrap(),
    };
    content.to_der().unwrap()
}

/// The authority's list of what it has revoked.
pub fn list(by: &Holder, revoked: &[u8], next_day: i64) -> Vec<u8> {
    let entry = |serial: &u8| RevokedCert {
        serial_number: SerialNumber::new(&[*serial]).unwrap(),
        revocation_date: time(-1),
        crl_entry_extensions: None,
    };
    let tbs = TbsCertList {
        version: Version::V2,
        signature: rsa_sha256(),
        issuer: by.certificate.tbs_certificate.subject.clone(),
        this_update: time(-1),
        next_update: Some(time(next_day)),
        revoked_certificates: (!revoked.is_empty()).then(|| revoked.iter().map(entry).collect()),
        crl_extensions: None,
    };
    let list = CertificateList {
        signature: BitString::from_bytes(&sign(&by.key, &tbs.to_der().unwrap())).unwrap(),
        signature_algorithm: rsa_sha256(),
        tbs_cert_list: tbs,
    };
    list.to_der().unwrap()
}

/// What the authority answers to a question.
pub fn answer(by: &Holder, question: &[u8], revoked: bool) -> Vec<u8> {
    let asked = OcspRequest::from_der(question).unwrap().tbs_request.request_list;
    let at = |days| OcspGeneralizedTime(GeneralizedTime::from_unix_duration(seconds(days)).unwrap());
    let response = SingleResponse {
        cert_id: asked[0].req_cert.clone(),
        cert_status: match revoked {
            true => CertStatus::Revoked(RevokedInfo {
                revocation_time: at(-1),
                revocation_reason: None,
            }),
            false => CertStatus::good(),
        },
        this_update: at(-1),
        next_update: Some(at(1)),
        single_extensions: None,
    };
    let data = ResponseData {
        version: OcspVersion::V1,
        responder_id: ResponderId::ByName(by.certificate.tbs_certificate.subject.clone()),
        produced_at: at(0),
        responses: vec![response],
        response_extensions: None,
    };
    let basic = BasicOcspResponse {
        signature: BitString::from_bytes(&sign(&by.key, &data.to_der().unwrap())).unwrap(),
        signature_algorithm: rsa_sha256(),
        tbs_response_data: data,
        certs: None,
    };
    OcspResponse::successful(basic).unwrap().to_der().unwrap()
}

/// A server that answers every request by what it was sent; its address, and how often it was asked.
pub async fn served(
    mut answer: impl FnMut(&[u8]) -> Vec<u8> + Send + 'static,
) -> (String, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let asked = std::sync::Arc::<std::sync::atomic::AtomicUsize>::default();
    let count = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            let body = loop {
                let mut some = [0; 4_096];
                let read = stream.read(&mut some).await.unwrap();
                request.extend_from_slice(&some[..read]);
                let Some(head) = request.windows(4).position(|end| end == b"\r\n\r\n") else {
                    continue;
                };
                let text = String::from_utf8_lossy(&request[..head]).to_lowercase();
                let length = text
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
                if request.len() >= head + 4 + length.unwrap_or(0) {
                    break request.split_off(head + 4);
                }
            };
            count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let bytes = answer(&body);
            let head = format!(
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
                bytes.len()
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(&bytes).await.unwrap();
            stream.flush().await.unwrap();
        }
    });
    (url, asked)
}
