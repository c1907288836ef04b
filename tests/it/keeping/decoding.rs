//! Decoding of stored events, of commits and of export files, against bytes that nobody meant. The same functions run for hours
//! under a fuzzer (`fuzz/`); here they run for a moment, from a fixed seed.

use super::{claiming, twelve};
use domain::fact::DecodeError;
use prometric_tests::{
    Database,
    decoding::{export_file, stored_commit, stored_event},
};
use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{RngSeed, TestRunner},
};
use serde_json::{Value, json};
use std::path::Path;

const SEED: u64 = 20_260_101;

fn check<S: Strategy>(cases: u32, inputs: &S, test: impl Fn(S::Value)) {
    let mut runner = TestRunner::new(ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(SEED),
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let result = runner.run(inputs, |input| {
        test(input);
        Ok(())
    });
    result.unwrap_or_else(|failed| panic!("{failed}"));
}

fn samples() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../domain/samples");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let text = paths.iter().map(|path| std::fs::read_to_string(path).unwrap());
    text.collect()
}

/// What somebody's mistake or malice may put in a value's place.
fn odd() -> Vec<Value> {
    let deep = (0..90).fold(json!(0), |inner, _| json!([inner]));
    vec![
        json!(null),
        json!(-1),
        json!(u64::MAX),
        json!(1e308),
        json!(""),
        json!("\u{0}\u{1F600}"),
        json!("9999-99-99"),
        json!("x".repeat(100_000)),
        json!([[], {}]),
        json!({ "type": "x", "data": {} }),
        deep,
    ]
}

/// Every value in a tree that is neither array nor object, depth first.
fn values(tree: &mut Value) -> Vec<&mut Value> {
    match tree {
        Value::Array(inner) => inner.iter_mut().flat_map(values).collect(),
        Value::Object(inner) => inner.values_mut().flat_map(values).collect(),
        leaf => vec![leaf],
    }
}

/// Puts a value in the place of one in a tree; of the whole tree when that is empty.
fn put(tree: &mut Value, place: Index, value: &Value) {
    match &mut values(tree)[..] {
        [] => *tree = value.clone(),
        leaves => {
            let at = place.index(leaves.len());
            *leaves[at] = value.clone();
        }
    }
}

/// Changes the bytes at some places; a place beyond the end is the end.
fn spoil(bytes: &mut [u8], places: &[(Index, u8)]) {
    for (place, byte) in places {
        let at = place.index(bytes.len());
        bytes[at] = *byte;
    }
}

fn places() -> impl Strategy<Value = Vec<(Index, u8)>> {
    prop::collection::vec((any::<Index>(), any::<u8>()), 1..6)
}

#[test]
fn samples_decode_and_whatever_is_made_of_them_decodes_or_is_refused() {
    let (samples, odd) = (samples(), odd());
    assert!(samples.len() >= 30, "{}", samples.len());
    for sample in &samples {
        stored_event(sample.as_bytes()).unwrap();
    }
    check(2_000, &(any::<Index>(), places()), |(sample, places)| {
        let mut bytes = sample.get(&samples).clone().into_bytes();
        spoil(&mut bytes, &places);
        stored_event(&bytes).ok();
    });
    check(
        2_000,
        &(any::<Index>(), any::<Index>(), any::<Index>()),
        |(sample, place, value)| {
            let mut sample: Value = serde_json::from_str(sample.get::<String>(&samples)).unwrap();
            put(&mut sample["data"], place, value.get(&odd));
            stored_event(sample.to_string().as_bytes()).ok();
        },
    );
}

#[test]
fn bytes_of_any_kind_are_refused_by_name() {
    check(2_000, &prop::collection::vec(any::<u8>(), 0..300), |bytes| {
        stored_event(&bytes).unwrap_err();
        export_file(&bytes).unwrap_err();
    });
    for open in ["[", "{\"a\":"] {
        let deep = format!("deal\ndeal.created\n{}", open.repeat(500_000));
        let error = stored_event(deep.as_bytes()).unwrap_err();
        assert!(matches!(error, DecodeError::Unreadable { .. }), "{error}");
        export_file(open.repeat(500_000).as_bytes()).unwrap_err();
    }
    let error = stored_event(b"dragon\ndragon.hatched\n{}").unwrap_err();
    assert!(matches!(error, DecodeError::UnknownCategory(_)), "{error}");
    let error = stored_event(b"deal\ndeal.created\",\"type\":\"deal.won\n{}").unwrap_err();
    assert!(matches!(error, DecodeError::Unreadable { .. }), "{error}");
}

#[tokio::test]
async fn an_export_is_read_and_whatever_is_made_of_it_is_refused() {
    let database = Database::create().await;
    let log = database.log().await;
    let workspace = twelve(&log).await;
    log.append(claiming(super::append(workspace, 1, None, 1), "X"))
        .await
        .unwrap();
    let mut file = Vec::new();
    let summary = log.export(workspace, None, &mut file).await.unwrap();
    assert_eq!(export_file(&file).unwrap(), Some(summary));
    check(2_000, &places(), |places| {
        let mut spoiled = file.clone();
        spoil(&mut spoiled, &places);
        assert!(spoiled == file || export_file(&spoiled).is_err());
    });
    let (lines, odd) = (String::from_utf8(file).unwrap(), odd());
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    check(
        1_000,
        &(any::<Index>(), any::<Index>(), any::<Index>()),
        |(line, place, value)| {
            let mut lines = lines.clone();
            let at = line.index(lines.len());
            put(&mut lines[at], place, value.get(&odd));
            let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            export_file(text.as_bytes()).unwrap_err();
        },
    );
}

#[test]
fn commits_of_an_engine_are_decoded_or_refused() {
    let (id, hash) = ("0190c2a5-0000-7000-8000-000000000001", "00".repeat(32));
    let at = "2026-01-01T00:00:00.000001Z";
    let event = json!({
        "position": 1, "category": "deal", "stream": id, "version": 1, "id": id, "type": "deal.created", "schema": 1,
        "data": "{}", "metadata": "{}", "recordedAt": at, "hash": hash,
    });
    let commit = json!({
        "format": "prometric.commit", "version": 1, "workspace": id, "number": 1, "at": at, "first": 1, "previous": hash, "events": [event],
        "claims": [{"kind": "code", "key": "a", "stream": id, "taken": true}],
        "numbers": [{"series": "DL", "year": 2026, "last": 1}],
        "commands": [{"id": id, "requestHash": hash, "first": 1, "last": 1, "answer": ""}], "hash": hash,
    });
    assert!(
        stored_commit(commit.to_string().as_bytes()).is_err(),
        "its hash is none"
    );
    let mut empty = commit.clone();
    empty["events"] = json!([]);
    empty["commands"][0]["last"] = json!(0);
    assert!(stored_commit(empty.to_string().as_bytes()).is_ok());
    check(
        500,
        &(any::<bool>(), any::<Index>(), any::<Index>()),
        |(is_empty, place, value)| {
            let mut changed = if is_empty { empty.clone() } else { commit.clone() };
            put(&mut changed, place, value.get(&odd()));
            stored_commit(changed.to_string().as_bytes()).ok();
        },
    );
    check(200, &prop::collection::vec(any::<u8>(), 0..400), |bytes| {
        assert!(stored_commit(&bytes).is_err());
    });
}
