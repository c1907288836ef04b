//! Signing in by electronic digital signature, with an authority made here.

#[path = "../../signature/src/tests/made.rs"]
#[expect(dead_code, reason = "the crate's own tests make more of it")]
mod made;

use base64::{Engine, engine::general_purpose::STANDARD};
use made::{Holder, IIN, Wish};
use prometric_tests::{Client, Server};
use serde_json::{Value, json};
use std::{fs, path::PathBuf};
use uuid::Uuid;

const ROOT: &str = include_str!("../../signature/src/tests/keys/root.pem");
const PERSON: &str = include_str!("../../signature/src/tests/keys/person.pem");
const OTHER: &str = include_str!("../../signature/src/tests/keys/other.pem");

/// A server that believes an authority, whose certificates stand in a file that is gone with the test.
pub(crate) struct Office {
    pub(crate) server: Server,
    root: Holder,
    file: PathBuf,
}

impl Drop for Office {
    fn drop(&mut self) {
        fs::remove_file(&self.file).ok();
    }
}

impl Office {
    pub(crate) async fn open(more: &[(&str, &str)]) -> Self {
        let root = made::root(made::key(ROOT), "ROOT");
        let file = std::env::temp_dir().join(format!("prometric-roots-{}", Uuid::now_v7()));
        fs::write(&file, made::as_pem(&[&root.certificate])).unwrap();
        let mut env = vec![("SIGNATURE_ROOTS", file.to_str().unwrap())];
        env.extend(more);
        Self {
            server: Server::start_with(&env).await,
            root,
            file,
        }
    }

    fn holder(&self, change: impl FnOnce(&mut Wish)) -> Holder {
        let mut wish = made::person();
        wish.days = (-3_650, 3_650);
        change(&mut wish);
        made::issued(&self.root, &wish, made::key(PERSON))
    }
}

async fn nonce(client: &Client, purpose: &str) -> Value {
    client
        .post("/auth/eds/nonce", json!({"purpose": purpose}))
        .await
        .expect(200)
}

fn signed(nonce: &Value, holder: &Holder) -> Value {
    let message = made::message(nonce["message"].as_str().unwrap().as_bytes(), holder, true);
    json!({"nonce": nonce["nonce"], "signature": STANDARD.encode(made::der(&message))})
}

async fn link(client: &Client, holder: &Holder) -> prometric_tests::Answer {
    client
        .post("/auth/eds/link", signed(&nonce(client, "link").await, holder))
        .await
}

async fn sign_in(client: &Client, holder: &Holder) -> prometric_tests::Answer {
    client
        .post("/auth/login", signed(&nonce(client, "sign-in").await, holder))
        .await
}

#[tokio::test]
async fn who_has_linked_a_certificate_signs_in_with_it() {
    let office = Office::open(&[("SIGNATURE_UNREACHABLE", "accept")]).await;
    let (anybody, holder) = (office.server.anonymous(), office.holder(|_| {}));
    let (owner, other) = (office.server.owner().await, office.server.owner().await);
    let not_yet = sign_in(&anybody, &holder)
        .await
        .refused(401, "AUTH_INVALID_CREDENTIALS");
    assert_eq!(not_yet["reason"], "signature.not_linked");
    assert_eq!(link(&owner, &holder).await.expect(200)["serial"], "07");
    link(&owner, &holder).await.expect(200); // again changes nothing
    let taken = link(&other, &holder).await.refused(409, "ALREADY_EXISTS");
    assert_eq!(taken["reason"], "user.iin.taken");

    let signed_in = sign_in(&anybody, &holder).await;
    assert_eq!(signed_in.status, 200, "{}", signed_in.body);
    assert_eq!(signed_in.body["userId"], owner.user.as_str());
    let token = signed_in.body["accessToken"].as_str();
    let me = anybody.with_token(token).get("/auth/me").await.expect(200);
    assert_eq!(me["id"], owner.user.as_str());
    // The same path keeps serving e-mail and password.
    let login = json!({"email": me["email"], "password": "SecurePassword123"});
    anybody.post("/auth/login", login).await.expect(200);

    // The IIN stands nowhere in the clear, and is free once its holder is erased.
    let pool = office.server.pool().await;
    let clear = "select count(*) from (select data::text from log.events union all select key from log.claims) t(said) where strpos(said, $1) > 0";
    let clear: i64 = sqlx::query_scalar(clear).bind(IIN).fetch_one(&pool).await.unwrap();
    assert_eq!(clear, 0);
    owner
        .post("/privacy/erase", json!({"personId": owner.user}))
        .await
        .expect(200);
    let gone = sign_in(&anybody, &holder)
        .await
        .refused(401, "AUTH_INVALID_CREDENTIALS");
    assert_eq!(gone["reason"], "signature.not_linked");
    link(&other, &holder).await.expect(200);
}

#[tokio::test]
async fn each_nonce_is_good_once_and_for_one_thing() {
    let office = Office::open(&[("SIGNATURE_UNREACHABLE", "accept")]).await;
    let (anybody, holder) = (office.server.anonymous(), office.holder(|_| {}));
    let owner = office.server.owner().await;
    link(&owner, &holder).await.expect(200);
    let first = nonce(&anybody, "sign-in").await;
    let proof = signed(&first, &holder);
    anybody.post("/auth/login", proof.clone()).await.expect(200);
    let reason = async |proof: Value| {
        anybody
            .post("/auth/login", proof)
            .await
            .refused(401, "AUTH_INVALID_CREDENTIALS")["reason"]
            .clone()
    };
    assert_eq!(reason(proof).await, "signature.nonce", "used");
    assert_eq!(
        reason(signed(&nonce(&anybody, "link").await, &holder)).await,
        "signature.nonce",
        "for something else"
    );
    let mut made_up = signed(&nonce(&anybody, "sign-in").await, &holder);
    made_up["nonce"] = json!("00");
    assert_eq!(reason(made_up).await, "signature.nonce");
    let mut swapped = signed(&first, &holder);
    swapped["nonce"] = nonce(&anybody, "sign-in").await["nonce"].clone();
    assert_eq!(
        reason(swapped).await,
        "signature.wrong_content",
        "another's text was signed"
    );
    let late = nonce(&anybody, "sign-in").await;
    office.server.set_clock(chrono::TimeDelta::minutes(6)).await;
    assert_eq!(reason(signed(&late, &holder)).await, "signature.nonce", "too old");
    for (proof, field) in [
        (json!({"nonce": "a", "signature": ""}), "signature"),
        (json!({"signature": "a"}), "nonce"),
    ] {
        let details = anybody.post("/auth/login", proof).await.refused(400, "REQUIRED_FIELD");
        assert!(details.to_string().contains(field), "{details}");
    }
    let malformed = json!({"nonce": nonce(&anybody, "sign-in").await["nonce"], "signature": "bm90aGluZw=="});
    let details = anybody
        .post("/auth/login", malformed)
        .await
        .refused(400, "VALIDATION_FAILED");
    assert_eq!(details["reason"], "signature.malformed");
}

#[tokio::test]
async fn certificates_that_are_not_believed_are_told_why() {
    let root = made::root(made::key(ROOT), "ROOT");
    let (list, _) = made::served(move |_| made::list(&root, &[9], 3_650)).await;
    let office = Office::open(&[("SIGNATURE_CRL", &list)]).await;
    let owner = office.server.owner().await;
    link(&owner, &office.holder(|_| {})).await.expect(200);
    let theirs = Holder {
        key: made::key(OTHER),
        certificate: made::root(made::key(OTHER), "ROOT").certificate,
    };
    let stranger = made::issued(&theirs, &made::person(), made::key(PERSON));
    for (holder, reason) in [
        (office.holder(|wish| wish.serial = 9), "signature.revoked"),
        (office.holder(|wish| wish.days = (-3_650, -3_600)), "signature.expired"),
        (
            office.holder(|wish| wish.usage = x509_cert::ext::pkix::KeyUsages::KeyEncipherment.into()),
            "signature.key_usage",
        ),
        (stranger, "signature.untrusted"),
    ] {
        let refused = link(&owner, &holder).await.refused(401, "AUTH_INVALID_CREDENTIALS");
        assert_eq!(refused["reason"], reason);
    }
    let away = Office::open(&[("SIGNATURE_CRL", "http://127.0.0.1:1/")]).await;
    let owner = away.server.owner().await;
    let refused = link(&owner, &away.holder(|_| {}))
        .await
        .refused(503, "SERVICE_UNAVAILABLE");
    assert_eq!(
        refused["reason"], "signature.revocation_unknown",
        "the policy of who is not told otherwise"
    );
}

#[tokio::test]
async fn without_an_authority_it_says_so() {
    let server = Server::start_with(&[]).await;
    let anybody = server.anonymous();
    let proof = json!({"nonce": "a", "signature": "YQ=="});
    for (path, body) in [("/auth/eds/nonce", json!({})), ("/auth/login", proof)] {
        let refused = anybody.post(path, body).await.refused(503, "SERVICE_UNAVAILABLE");
        assert_eq!(refused["reason"], "signature.not_configured");
    }
}
