//! Signatures that are believed, and each reason for which one is not.

mod made;

use crate::{Refusal, Roots, Signer, Source, Sources, Unreachable, Verifier};
use made::*;
use std::{sync::atomic::Ordering, time::Duration};
use x509_cert::ext::pkix::KeyUsages;

const NONCE: &[u8] = b"prometric|sign-in|https://prometric.kz|nonce";
const ROOT: &str = include_str!("tests/keys/root.pem");
const PERSON: &str = include_str!("tests/keys/person.pem");
const OTHER: &str = include_str!("tests/keys/other.pem");

fn authority() -> Holder {
    root(key(ROOT), "НЕГІЗГІ КУӘЛАНДЫРУШЫ ОРТАЛЫҚ (RSA)")
}

fn sources(sources: Vec<Source>, unreachable: Unreachable) -> Sources {
    Sources::new(sources, unreachable, Duration::from_secs(2))
}

fn verifier(root: &Holder, sources: Sources) -> Verifier {
    Verifier::new(
        Roots::from_pem(as_pem(&[&root.certificate]).as_bytes()).unwrap(),
        sources,
    )
}

/// With nobody to be asked about revocation.
async fn verified(root: &Holder, cms: &[u8]) -> Result<Signer, Refusal> {
    verifier(root, sources(vec![], Unreachable::Accept))
        .verify(cms, NONCE, NOW)
        .await
}

#[tokio::test]
async fn a_person_is_known_by_their_certificate_whether_the_content_is_inside_or_beside() {
    let root = authority();
    let holder = issued(&root, &person(), key(PERSON));
    for inside in [true, false] {
        let signer = verified(&root, &der(&message(NONCE, &holder, inside))).await.unwrap();
        assert_eq!(
            (signer.subject.iin.as_str(), signer.subject.bin.as_deref()),
            (IIN, Some(BIN))
        );
        assert_eq!(signer.subject.name.as_deref(), Some("АХМАТОВ НҰРДӘУЛЕТ"));
        assert_eq!((signer.serial.as_str(), signer.expires_at), ("07", NOW + 86_400));
        assert!(!format!("{signer:?}").contains(IIN), "it may end in a log line");
    }
}

#[tokio::test]
async fn an_authority_between_is_found_in_the_message_or_among_the_configured() {
    let root = authority();
    let mut wish = person();
    (wish.is_authority, wish.usage, wish.serial) = (true, KeyUsages::KeyCertSign.into(), 2);
    wish.subject = name(&[(const_oid::db::rfc4519::CN, "ҰЛТТЫҚ КУӘЛАНДЫРУШЫ ОРТАЛЫҚ (RSA)")]);
    let between = issued(&root, &wish, key(OTHER));
    let holder = issued(&between, &person(), key(PERSON));
    let alone = der(&message(NONCE, &holder, true));
    assert_eq!(verified(&root, &alone).await, Err(Refusal::Untrusted));
    let roots = Roots::from_pem(as_pem(&[&root.certificate, &between.certificate]).as_bytes()).unwrap();
    let known = Verifier::new(roots, sources(vec![], Unreachable::Accept));
    assert!(known.verify(&alone, NONCE, NOW).await.is_ok());
    let mut with = message(NONCE, &holder, true);
    let choice = cms::cert::CertificateChoices::Certificate(between.certificate.clone());
    with.certificates.as_mut().unwrap().0.insert(choice).unwrap();
    assert!(verified(&root, &der(&with)).await.is_ok());
    // A person's certificate vouches for nobody.
    let mut wish = person();
    (wish.serial, wish.subject) = (2, name(&[(const_oid::db::rfc4519::CN, "A person")]));
    let not_one = issued(&root, &wish, key(OTHER));
    let holder = issued(&not_one, &person(), key(PERSON));
    let mut with = message(NONCE, &holder, true);
    let choice = cms::cert::CertificateChoices::Certificate(not_one.certificate);
    with.certificates.as_mut().unwrap().0.insert(choice).unwrap();
    assert_eq!(verified(&root, &der(&with)).await, Err(Refusal::Untrusted));
}

#[tokio::test]
async fn what_is_out_of_force_untrusted_or_for_something_else_is_refused() {
    let root = authority();
    let refused = async |wish: Wish| {
        let holder = issued(&root, &wish, key(PERSON));
        verified(&root, &der(&message(NONCE, &holder, true))).await.unwrap_err()
    };
    let with = |change: fn(&mut Wish)| {
        let mut wish = person();
        change(&mut wish);
        wish
    };
    assert_eq!(refused(with(|wish| wish.days = (-2, -1))).await, Refusal::Expired);
    assert_eq!(refused(with(|wish| wish.days = (1, 2))).await, Refusal::NotYetValid);
    assert_eq!(
        refused(with(|wish| wish.usage = KeyUsages::KeyEncipherment.into())).await,
        Refusal::KeyUsage
    );
    let nameless = with(|wish| {
        wish.subject = name(&[
            (const_oid::db::rfc4519::CN, "A"),
            (const_oid::db::rfc4519::SERIAL_NUMBER, "IIN90010130001"),
        ])
    });
    assert_eq!(refused(nameless).await, Refusal::NoIin, "eleven digits");
    let others = Holder {
        key: key(OTHER),
        ..made::root(key(OTHER), "НЕГІЗГІ КУӘЛАНДЫРУШЫ ОРТАЛЫҚ (RSA)")
    };
    let holder = issued(&others, &person(), key(PERSON));
    let cms = der(&message(NONCE, &holder, true));
    assert_eq!(
        verified(&root, &cms).await,
        Err(Refusal::Untrusted),
        "of the same name, with another key"
    );
}

#[tokio::test]
async fn what_was_tampered_with_is_refused() {
    let root = authority();
    let holder = issued(&root, &person(), key(PERSON));
    let other = der(&message(
        b"prometric|sign-in|https://prometric.kz|another",
        &holder,
        true,
    ));
    assert_eq!(verified(&root, &other).await, Err(Refusal::WrongContent));
    let beside = der(&message(b"another", &holder, false));
    assert_eq!(verified(&root, &beside).await, Err(Refusal::WrongContent));
    // Signed by somebody else, in the person's name.
    let forged = Holder {
        key: key(OTHER),
        certificate: holder.certificate.clone(),
    };
    assert_eq!(
        verified(&root, &der(&message(NONCE, &forged, true))).await,
        Err(Refusal::BadSignature)
    );
    // The certificate says something else than was issued.
    let mut changed = issued(&root, &person(), key(PERSON));
    changed.certificate.tbs_certificate.subject = name(&[(const_oid::db::rfc4519::SERIAL_NUMBER, "IIN111111111111")]);
    assert_eq!(
        verified(&root, &der(&message(NONCE, &changed, true))).await,
        Err(Refusal::Untrusted)
    );
    let good = der(&message(NONCE, &holder, true));
    for cut in [0, 1, 10, good.len() / 2, good.len() - 1] {
        assert_eq!(
            verified(&root, &good[..cut]).await,
            Err(Refusal::Malformed),
            "{cut} bytes"
        );
    }
    assert_eq!(verified(&root, &vec![0x30; 100_000]).await, Err(Refusal::Malformed));
}

#[tokio::test]
async fn gost_is_told_to_be_not_configured_and_what_nobody_knows_by_its_id() {
    let root = authority();
    let holder = issued(&root, &person(), key(PERSON));
    let mut data = message(NONCE, &holder, true);
    let mut info = data.signer_infos.0.as_slice()[0].clone();
    info.signature_algorithm.oid = GOST;
    data.signer_infos = cms::signed_data::SignerInfos(der::asn1::SetOfVec::try_from(vec![info.clone()]).unwrap());
    assert_eq!(verified(&root, &der(&data)).await, Err(Refusal::GostNotConfigured));
    info.signature_algorithm.oid = const_oid::db::rfc5912::ECDSA_WITH_SHA_256;
    data.signer_infos = cms::signed_data::SignerInfos(der::asn1::SetOfVec::try_from(vec![info]).unwrap());
    let refused = verified(&root, &der(&data)).await;
    assert_eq!(refused, Err(Refusal::UnknownAlgorithm("1.2.840.10045.4.3.2".into())));
}

#[tokio::test]
async fn who_was_revoked_is_refused_by_list_and_by_answer_and_it_is_remembered() {
    let root = authority();
    let holder = issued(&root, &person(), key(PERSON));
    let cms = der(&message(NONCE, &holder, true));
    for (revoked, expected) in [(true, Err(Refusal::Revoked)), (false, Ok(()))] {
        let serials: &[u8] = if revoked { &[3, 7] } else { &[3] };
        let bytes = list(&root, serials, 1);
        let by_list = served(move |_| bytes.clone()).await;
        let theirs = authority();
        let by_answer = served(move |question| answer(&theirs, question, revoked)).await;
        for ((url, asked), source) in [
            (by_list, Source::Crl as fn(String) -> Source),
            (by_answer, Source::Ocsp),
        ] {
            let verifier = verifier(&root, sources(vec![source(url)], Unreachable::Refuse));
            for _ in 0..2 {
                let said = verifier.verify(&cms, NONCE, NOW).await.map(drop);
                assert_eq!(said, expected);
            }
            assert_eq!(asked.load(Ordering::SeqCst), 1, "the second time it is known");
        }
    }
}

#[tokio::test]
async fn when_nobody_says_the_policy_decides() {
    let root = authority();
    let holder = issued(&root, &person(), key(PERSON));
    let cms = der(&message(NONCE, &holder, true));
    let old = list(&root, &[], 0);
    let others = list(
        &Holder {
            key: key(OTHER),
            certificate: root.certificate.clone(),
        },
        &[],
        1,
    );
    let theirs = Holder {
        key: key(OTHER),
        certificate: root.certificate.clone(),
    };
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("http://{}/", silent.local_addr().unwrap());
    let unbelievable = [
        Source::Crl(served(move |_| old.clone()).await.0),
        Source::Crl(served(move |_| others.clone()).await.0),
        Source::Crl(served(|_| b"not a list".to_vec()).await.0),
        Source::Ocsp(served(move |question| answer(&theirs, question, false)).await.0),
        Source::Ocsp(silent),
        Source::Ocsp("http://127.0.0.1:1/".to_owned()),
    ];
    for source in unbelievable {
        let told = async |unreachable| {
            let sources = Sources::new(vec![source.clone()], unreachable, Duration::from_millis(300));
            verifier(&root, sources).verify(&cms, NONCE, NOW).await.map(drop)
        };
        assert_eq!(
            told(Unreachable::Refuse).await,
            Err(Refusal::RevocationUnknown),
            "{source:?}"
        );
        assert_eq!(told(Unreachable::Accept).await, Ok(()), "{source:?}");
    }
}

#[test]
fn roots_are_certificates_that_have_signed_themselves() {
    let root = authority();
    let holder = issued(&root, &person(), key(PERSON));
    for (pem, told) in [
        (String::new(), "has no certificate"),
        ("nonsense".to_owned(), "is not certificates"),
        (as_pem(&[&holder.certificate]), "has no certificate"),
    ] {
        let error = Roots::from_pem(pem.as_bytes()).err().unwrap().to_string();
        assert!(error.contains(told), "{error}");
    }
}
