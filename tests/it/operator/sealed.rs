//! A witness that is spoken to through TLS: whose certificate is believed, and what is refused before anything is said.

use super::{Business, said};
use prometric_tests::{eventually, free_port};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair, KeyUsagePurpose,
};
use std::{env::temp_dir, fs, path::PathBuf, process::Child};
use tokio::{net::TcpStream, task::block_in_place};
use uuid::Uuid;

/// PKCS#8 of the seed of 32 bytes 3: what receipts are signed with.
const RECEIPTS_KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMD\n-----END PRIVATE KEY-----\n";

/// A folder with an authority's `ours.pem`, what it has certified of 127.0.0.1 (`witness.pem`, `witness.key`), another
/// authority's `others.pem`, and room for what the witness keeps.
struct Papers(PathBuf);

impl Papers {
    fn draw_up() -> Self {
        let papers = Self(temp_dir().join(format!("prometric-papers-{}", Uuid::now_v7())));
        fs::create_dir(&papers.0).unwrap();
        let (ours, others) = (authority("Ours"), authority("Others"));
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        let certificate = certificate.signed_by(&key, &ours).unwrap();
        for (name, content) in [
            ("ours.pem", ours.pem()),
            ("others.pem", others.pem()),
            ("witness.pem", certificate.pem()),
            ("witness.key", key.serialize_pem()),
            ("receipts.pem", RECEIPTS_KEY.to_owned()),
            ("nothing.pem", "no certificate is in here\n".to_owned()),
        ] {
            fs::write(papers.0.join(name), content).unwrap();
        }
        papers
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }

    /// `witness serve` there, with more words.
    fn serve(&self, address: &str, more: &[&str]) -> Vec<String> {
        let (kept, key) = (self.path("kept"), self.path("receipts.pem"));
        let words = ["witness", "serve", "--listen", address, "--data", &kept, "--key", &key];
        words.iter().chain(more).map(|word| (*word).to_owned()).collect()
    }
}

impl Drop for Papers {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_is_spoken_to_through_tls() {
    let papers = Papers::draw_up();
    let port = free_port();
    let (address, url) = (format!("127.0.0.1:{port}"), format!("https://127.0.0.1:{port}"));
    let [ours, others, nothing, certificate, key] =
        ["ours.pem", "others.pem", "nothing.pem", "witness.pem", "witness.key"].map(|name| papers.path(name));
    let env = [
        ("HEADS_EVERY", "1s"),
        ("WITNESSES", url.as_str()),
        ("WITNESS_ROOTS", ours.as_str()),
    ];
    let business = Business::open_with(&env).await;
    let refused = |words: &[&str], code: i32, why: &str| {
        let output = block_in_place(|| business.server.tool(words));
        assert_eq!(output.status.code(), Some(code), "{words:?}: {}", said(&output));
        assert!(said(&output).contains(why), "{words:?}: {}", said(&output));
    };

    // A witness with half of what it needs, or with what does not belong together, does not begin.
    for (certificate, key, why) in [
        (
            &certificate,
            &papers.path("receipts.pem"),
            "are not a certificate and its key",
        ),
        (&nothing, &key, "has no certificate in it"),
        (&certificate, &nothing, "cannot be read as PEM"),
        (&papers.path("missing.pem"), &key, "cannot be read as PEM"),
    ] {
        let words = papers.serve(&address, &["--certificate", certificate, "--certificate-key", key]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        refused(&words, 1, why);
    }
    let half = papers.serve(&address, &["--certificate", &certificate]);
    let half: Vec<&str> = half.iter().map(String::as_str).collect();
    refused(&half, 2, "--certificate-key");
    // Nor does a server that does not know whom to believe, or where a witness is.
    let serve = ["serve", "--heads-every", "1h", "--host", "127.0.0.1", "--port"];
    let unused = free_port().to_string();
    for (word, value, code, why) in [
        ("--witness-roots", nothing.as_str(), 1, "witnesses cannot be spoken to"),
        (
            "--witness-roots",
            "/nowhere/roots.pem",
            1,
            "witnesses cannot be spoken to",
        ),
        ("--witnesses", "witness.example:8443", 2, "is no address such as"),
    ] {
        refused(&[&serve[..], &[unused.as_str(), word, value]].concat(), code, why);
    }

    let words = papers.serve(&address, &["--certificate", &certificate, "--certificate-key", &key]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let _witness = Running(business.server.start_tool(&words));
    let silent = eventually("the witness listens", || async {
        TcpStream::connect(&address).await.ok()
    })
    .await;
    // While somebody says nothing, it is shown heads, and tells.
    let asked = ["audit", "verify", "--workspace", &business.owner.workspace, "--witness"];
    let told = eventually("the witness has seen it", || async {
        let words = [&asked[..], &[url.as_str(), "--witness-roots", &ours]].concat();
        let told = block_in_place(|| business.server.tool(&words));
        (told.status.success() && said(&told).contains("has seen position")).then(|| said(&told))
    })
    .await;
    assert!(told.contains(&format!("the witness {url} has seen position")), "{told}");
    let kept = "select count(*) from platform.head_receipts where witness = $1";
    eventually("its receipt is kept", || async {
        let kept = sqlx::query_scalar::<_, i64>(kept).bind(&url);
        let kept = kept.fetch_one(&business.pool).await.unwrap();
        (kept > 0).then_some(())
    })
    .await;
    drop(silent);

    // Whoever cannot show that it is the one named is told nothing, and nothing in the clear is answered.
    let (named, clear) = (format!("https://localhost:{port}"), format!("http://{address}"));
    for (url, roots, why) in [
        (&url, &others, "invalid peer certificate: UnknownIssuer"),
        (&named, &ours, "certificate not valid for name \"localhost\""),
        (&clear, &ours, "cannot be asked"),
    ] {
        refused(
            &[&asked[..], &[url.as_str(), "--witness-roots", roots]].concat(),
            1,
            why,
        );
    }
    let doctor = [
        "doctor",
        "--mail-dir",
        "/tmp",
        "--witnesses",
        &url,
        "--heads-every",
        "1h",
    ];
    refused(
        &[&doctor[..], &["--witness-roots", &others]].concat(),
        1,
        "UnknownIssuer",
    );
    let well = block_in_place(|| {
        business
            .server
            .tool(&[&doctor[..], &["--witness-roots", &ours]].concat())
    });
    assert!(said(&well).contains("all 1 answer"), "{}", said(&well));
}
