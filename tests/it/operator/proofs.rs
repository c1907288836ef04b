//! What is shown to a third party: proofs that are checked with a public key alone, by this program and by another that
//! shares nothing with it but docs/audit-format.md.

use super::{Business, said};
use serde_json::{Value, json};
use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

/// The second implementation; `None`, and it says so, where there is no Python.
fn python(arguments: &[&str]) -> Option<Output> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let check = Command::new("python3")
        .arg("audit_check.py")
        .args(arguments)
        .current_dir(docs)
        .output();
    if check.is_err() {
        eprintln!("SKIPPED in part: no python3");
    }
    check.ok()
}

#[test]
fn the_second_implementation_finds_the_vectors_as_they_should_be() {
    let Some(checked) = python(&["vectors", "audit-vectors.json"]) else {
        return;
    };
    assert!(checked.status.success(), "{}", said(&checked));
    assert!(
        said(&checked).contains("5 events and 12 signed values"),
        "{}",
        said(&checked)
    );
}

/// The public key of a file of heads, in a file of its own.
fn public_key(heads: &str, key: &str) {
    let file: Value = serde_json::from_str(&fs::read_to_string(heads).unwrap()).unwrap();
    fs::write(key, file["keys"][0]["publicKey"].as_str().unwrap()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_and_a_log_that_goes_on_are_proved_to_whoever_has_the_key() {
    let business = Business::open().await;
    let [heads, key, proof] = ["heads.json", "key.pem", "proof.json"].map(|name| business.file(name));
    business.ask(&["audit", "heads", "--out", &heads]);
    public_key(&heads, &key);
    business.owner.post("/deals", business.shop.deal(1)).await.expect(201);

    let check = |expected: Result<&str, &str>| {
        let product = business.server.tool(&["audit", "check", &proof, "--key", &key]);
        let other = python(&["proof", &proof, &key]);
        let expected_text = expected.unwrap_or_else(|wrong| wrong);
        assert!(said(&product).contains(expected_text), "{}", said(&product));
        for checked in [Some(product), other].into_iter().flatten() {
            assert_eq!(checked.status.success(), expected.is_ok(), "{}", said(&checked));
        }
    };
    let read = || -> Value { serde_json::from_str(&fs::read_to_string(&proof).unwrap()).unwrap() };
    let change = |pointer: &str, to: Value| {
        let mut changed = read();
        *changed.pointer_mut(pointer).unwrap() = to;
        fs::write(&proof, changed.to_string()).unwrap();
    };

    business.ask(&["audit", "prove", "3", "--out", &proof]);
    check(Ok("at position 3 is in the log"));
    change("/proof/event/data", json!("{\"price\": 1}"));
    check(Err("position 3 was changed"));
    business.ask(&["audit", "prove", "1", "--head", &heads, "--out", &proof]);
    check(Ok("at position 1 is in the log"));
    change("/proof/path/0", json!("00".repeat(32)));
    check(Err("the path does not lead from the event at position 1"));

    business.ask(&["audit", "prove", "--from", &heads, "--out", &proof]);
    check(Ok("begins with the one that was signed at position"));
    let first = read()["proof"]["first"].clone();
    change("/proof/second", first);
    check(Err("does not go on from"));

    let beyond = business.complain(&["audit", "prove", "100000", "--out", &proof]);
    assert!(beyond.contains("there is no position 100000"), "{beyond}");
    [heads, key, proof]
        .iter()
        .for_each(|file| fs::remove_file(file).unwrap());
}
