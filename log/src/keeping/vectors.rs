//! The test vectors of docs/audit-format.md: made from seeds, and as they are checked in. With `UPDATE_VECTORS=1` the file is
//! written; docs/audit_check.py, which shares no code with this, checks it (tests/it/operator/trust.rs).

use super::{
    Path, Receipt, Signer, Stand, Tree,
    file::EventLine,
    leaf,
    proof::{Consistency, Inclusion, Proof},
    seal::SignedHead,
};
use crate::{HASH_ZERO, Recorded, chain};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use std::{fs, path::PathBuf};
use uuid::Uuid;

const WORKSPACE: Uuid = Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001);

/// Category, stream, version, type, schema, data, and microseconds since the beginning.
type Told = (&'static str, u128, i64, &'static str, i32, &'static str, i64);

/// Texts of one byte and of several a character, escapes, spaces as they were written; a schema above 1; times with and
/// without a fraction.
fn events() -> Vec<Recorded> {
    let began = DateTime::from_timestamp_micros(1_767_225_600_000_000).unwrap_or_default();
    let told: [Told; 5] = [
        (
            "deal",
            1,
            1,
            "deal.created",
            1,
            r#"{"dealNumber":"DL-2026-0001", "title":"Жаңа мәміле"}"#,
            0,
        ),
        ("customer", 2, 1, "customer.created", 1, r#"{"name":"\u041e\"\n"}"#, 1),
        ("deal", 1, 2, "deal.updated", 2, r#"{"title":null}"#, 1_500),
        ("deal", 1, 3, "deal.won", 1, "{}", 2_000_000),
        (
            "exchange_rate",
            3,
            1,
            "exchange.rate.set",
            1,
            r#"{"rate":450.25}"#,
            86_400_000_001,
        ),
    ];
    let mut hash = HASH_ZERO;
    let event = |(position, told): (i64, Told)| {
        let (category, stream, version, event_type, schema, data, after) = told;
        let mut event = Recorded {
            workspace: WORKSPACE,
            position,
            category: category.into(),
            stream_id: Uuid::from_u128(stream),
            version,
            event_id: Uuid::from_u128(0xE000 + stream * 16 + u128::from(version.unsigned_abs())),
            event_type: event_type.into(),
            schema,
            data: data.into(),
            metadata: format!(r#"{{"actor":"user:{}"}}"#, Uuid::from_u128(9)),
            recorded_at: began + TimeDelta::microseconds(after),
            hash: HASH_ZERO,
        };
        event.hash = chain::link(&hash, &event);
        hash = event.hash;
        event
    };
    (1..).zip(told).map(event).collect()
}

/// The head at each position, from 1 on; that of position 1 as version 1 signed it.
fn heads(maker: &Signer, events: &[Recorded]) -> Vec<SignedHead> {
    let mut tree = Tree::default();
    let head = |event: &Recorded| {
        tree.push(leaf(&event.hash));
        let stand = Stand {
            position: event.position,
            hash: event.hash,
            root: (event.position > 1).then(|| tree.root()),
            recorded_at: event.recorded_at,
        };
        maker.sign(WORKSPACE, stand)
    };
    events.iter().map(head).collect()
}

fn proofs(events: &[Recorded], heads: &[SignedHead]) -> Vec<Value> {
    let leaves: Vec<_> = events.iter().map(|event| leaf(&event.hash)).collect();
    let inclusion = |index: usize, size: usize| {
        Proof::Inclusion(Inclusion {
            event: EventLine::from(events[index].clone()),
            previous_hash: index.checked_sub(1).map_or(HASH_ZERO, |before| events[before].hash),
            path: Path::inclusion(&leaves[..size], index).unwrap(),
            head: heads[size - 1].clone(),
        })
    };
    let consistency = |first: usize, size: usize| {
        Proof::Consistency(Consistency {
            first: heads[first - 1].clone(),
            second: heads[size - 1].clone(),
            path: Path::consistency(&leaves[..size], first).unwrap(),
        })
    };
    let proofs = [
        inclusion(0, 5),
        inclusion(1, 3),
        inclusion(4, 5),
        consistency(2, 4),
        consistency(3, 5),
        consistency(4, 4),
    ];
    let file = |proof: Proof| {
        proof.check(&[Signer::from_seed(&[1; 32]).public_key()]).unwrap();
        json!({"format": "prometric proof", "version": 1, "proof": proof})
    };
    proofs.into_iter().map(file).collect()
}

fn vectors() -> Value {
    let (maker, witness) = (Signer::from_seed(&[1; 32]), Signer::from_seed(&[2; 32]));
    let events = events();
    let heads = heads(&maker, &events);
    let roots = (1..=events.len()).map(|size| {
        let tree: Tree = events[..size].iter().map(|event| leaf(&event.hash)).collect();
        hex::encode(tree.root())
    });
    let key = |seed: u8, signer: &Signer| {
        let key = signer.public_key();
        json!({"seed": hex::encode([seed; 32]), "keyId": key.id(), "publicKey": key.to_pem().unwrap()})
    };
    let seen: DateTime<Utc> = heads[4].recorded_at + TimeDelta::seconds(1);
    json!({
        "workspace": WORKSPACE,
        "keys": {"maker": key(1, &maker), "witness": key(2, &witness)},
        "events": events.iter().cloned().map(EventLine::from).collect::<Vec<_>>(),
        "roots": roots.collect::<Vec<_>>(),
        "heads": heads,
        "proofs": proofs(&events, &heads),
        "receipts": [Receipt::sign(&witness, heads[4].clone(), seen)],
    })
}

#[test]
fn the_vectors_that_are_checked_in_are_those_that_are_made() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/audit-vectors.json");
    let made = serde_json::to_string_pretty(&vectors()).unwrap() + "\n";
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        fs::write(&file, &made).unwrap();
    }
    let checked_in = fs::read_to_string(&file).unwrap();
    assert!(
        checked_in == made,
        "docs/audit-vectors.json: what is signed has changed, and with it what others rely on"
    );
}
