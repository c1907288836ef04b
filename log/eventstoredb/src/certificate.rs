//! Certificates that clients bring. An authority that the operator trusts has issued them, and they say whose they are by their subject's
//! common name, as with EventStoreDB. That they are genuine, and good at that time, TLS has seen to when the connection began; here is
//! only read what they say.

use crate::house::Credentials;
use std::io;
use x509_cert::{
    Certificate,
    der::{Decode, asn1::ObjectIdentifier},
};

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// Whose it is, and until when; `None` where it names nobody, or several.
pub fn named(certificate: &[u8]) -> Option<Credentials> {
    let certificate = Certificate::from_der(certificate).ok()?.tbs_certificate;
    let names = certificate.subject.0.iter().flat_map(|part| part.0.iter());
    let mut names = names.filter(|name| name.oid == COMMON_NAME);
    let (Some(name), None) = (names.next(), names.next()) else {
        return None;
    };
    Some(Credentials::Certificate {
        name: str::from_utf8(name.value.value()).ok()?.to_owned(),
        until: certificate.validity.not_after.to_system_time(),
    })
}

/// A file of authorities in PEM must hold one at least: who names the wrong file hears of it at the start.
pub fn check_authorities(pem: &[u8]) -> io::Result<()> {
    let unreadable =
        |why: String| io::Error::new(io::ErrorKind::InvalidData, format!("the authorities of clients: {why}"));
    let pem = pem.trim_ascii_end();
    if pem.is_empty() {
        return Err(unreadable("there is no certificate".to_owned())); // the reader panics at that
    }
    let authorities = Certificate::load_pem_chain(pem);
    authorities.map(drop).map_err(|error| unreadable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_authority_is_told_at_the_start() {
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for pem in ["", "localhost", broken] {
            assert!(check_authorities(pem.as_bytes()).is_err(), "{pem}");
        }
    }

    #[test]
    fn what_is_no_certificate_names_nobody() {
        assert_eq!(named(b""), None);
        assert_eq!(named(b"localhost"), None);
    }
}
