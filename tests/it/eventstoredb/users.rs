//! Certificates that name users: who has one brings neither password nor key, and whatever is wrong with one is refused, by TLS or in words.

use super::{
    Company,
    certificate::Certificate,
    clients::{Talk, clients, each},
};
use prometric_tests::{
    Server, free_port,
    wire::{Wire, field, frame, number},
};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};
use serde_json::json;
use std::{fs, io, sync::Arc};
use tokio::{io::AsyncReadExt, net::TcpStream};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        AlertDescription, ClientConfig, Error, RootCertStore,
        crypto::ring::default_provider,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    },
};
use uuid::Uuid;

/// Codes of gRPC.
const OK: i32 = 0;
const PERMISSION_DENIED: i32 = 7;
const UNAUTHENTICATED: i32 = 16;
const GOOD_UNTIL: i32 = 2100;

/// Who vouches for clients.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A client's certificate and its key, in PEM.
struct Badge {
    certificate: String,
    key: String,
}

impl Authority {
    fn called(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { issuer, pem }
    }

    /// For somebody of that name, or of none, up to that year.
    fn issues(&self, name: Option<&str>, until: i32) -> Badge {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        if let Some(name) = name {
            params.distinguished_name.push(DnType::CommonName, name);
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.not_after = date_time_ymd(until, 1, 1);
        Badge {
            certificate: params.signed_by(&key, &self.issuer).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }
}

/// A connection whose client shows that certificate, as far as it can tell itself.
async fn connected(port: u16, server: &Certificate, badge: Option<&Badge>) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    let pem = fs::read(server.path("localhost.pem")).unwrap();
    roots.add(CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match badge {
        None => config.with_no_client_auth(),
        Some(Badge { certificate, key }) => {
            let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            config.with_client_auth_cert(vec![certificate], key).unwrap()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    connector.connect(name, stream).await.unwrap()
}

/// All of `$all`, forwards.
fn reading() -> Vec<u8> {
    let all = field(2, &field(2, &[]));
    frame(&field(1, &[all, number(5, u64::MAX), field(8, &[])].concat()))
}

/// Why TLS will not have it.
fn alert(error: &io::Error) -> Option<AlertDescription> {
    match error.get_ref()?.downcast_ref::<Error>()? {
        Error::AlertReceived(alert) => Some(*alert),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_says_which_user_a_client_is() {
    let (port, of_server, authority) = (free_port(), Certificate::of_localhost(), Authority::called("ours"));
    let server = Server::start_with(&[
        ("GRPC_PORT", &port.to_string()),
        ("GRPC_CERTIFICATE", &of_server.path("localhost.pem")),
        ("GRPC_KEY", &of_server.path("localhost.key")),
        ("GRPC_AUTHORITIES", &of_server.keep("authorities.pem", &authority.pem)),
    ])
    .await;
    let company = Company::open(&server).await;
    let user: Uuid = company.owner.user.parse().unwrap();
    let email = "select email from platform.users where id = $1";
    let email = sqlx::query_scalar(email).bind(user).fetch_one(&company.pool).await;
    let email: String = email.unwrap();
    let (owner, narrow) = (
        authority.issues(Some(&email), GOOD_UNTIL),
        company.key(&["CUSTOMERS_VIEW"]).await,
    );
    let nobody = authority.issues(Some("nobody@company.kz"), GOOD_UNTIL);
    let nameless = authority.issues(None, GOOD_UNTIL);

    for (badge, key, code, word) in [
        (Some(&owner), None, OK, ""),
        (Some(&owner), Some(narrow.as_str()), PERMISSION_DENIED, "AUDIT_VIEW"), // what a request says comes first
        (Some(&nobody), None, UNAUTHENTICATED, "e-mail"),
        (Some(&nameless), None, UNAUTHENTICATED, "nobody"),
        (None, None, UNAUTHENTICATED, "credentials"),
        (None, Some(narrow.as_str()), PERMISSION_DENIED, "AUDIT_VIEW"),
    ] {
        let wire = Wire::over(connected(port, &of_server, badge).await, key).await;
        let (ended, why) = wire.call("streams.Streams/Read", reading()).await;
        assert_eq!(ended, code, "{why}");
        assert!(why.contains(word), "{why}");
    }

    let strange = Authority::called("another").issues(Some(&email), GOOD_UNTIL);
    let expired = authority.issues(Some(&email), 2020);
    for (badge, expected) in [
        (strange, AlertDescription::UnknownCA),
        (expired, AlertDescription::CertificateExpired),
    ] {
        let mut connection = connected(port, &of_server, Some(&badge)).await;
        let heard = connection.read_u8().await.unwrap_err();
        assert_eq!(alert(&heard), Some(expected), "{heard}");
    }

    let url = format!(
        "esdb://localhost:{port}?tls=true&tlsCAFile={}&userCertFile={}&userKeyFile={}",
        of_server.path("localhost.pem"),
        of_server.keep("owner.pem", &owner.certificate),
        of_server.keep("owner.key", &owner.key)
    );
    for (name, command) in clients().into_iter().take(2) {
        let mut talk = Talk::begin(command, &url, &company.stream);
        let steps = talk.until("stream").await;
        assert_eq!(json!(each(&steps["stream"], "revision")), json!([0, 1, 2]), "{name}");
    }
}
