//! The axes that follow from facts.

use super::*;
use chrono::TimeDelta;
use log::Recorded;
use serde_json::{Value, json};

const ORDER: Uuid = Uuid::from_u128(1);

/// The sample of one version of one type, of that stream.
fn of(stream: u128, versioned: &str) -> (Uuid, Fact) {
    let file = format!("{}/../domain/samples/{versioned}.json", env!("CARGO_MANIFEST_DIR"));
    let sample: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let word = |key: &str| sample[key].as_str().unwrap();
    let schema = i32::try_from(sample["schema"].as_i64().unwrap()).unwrap();
    let fact = Fact::decode(word("category"), word("type"), schema, &sample["data"].to_string()).unwrap();
    (Uuid::from_u128(stream), fact)
}

fn row(facts: &[(Uuid, Fact)]) -> Row {
    let mut row = None;
    for (version, (stream_id, fact)) in (1..).zip(facts) {
        let recorded = Recorded {
            workspace: Uuid::nil(),
            position: version,
            category: String::new(),
            stream_id: *stream_id,
            version,
            event_id: Uuid::nil(),
            event_type: String::new(),
            schema: 1,
            data: String::new(),
            metadata: json!({"actor": "system"}).to_string(),
            recorded_at: DateTime::<Utc>::UNIX_EPOCH + TimeDelta::minutes(version),
            hash: [0; 32],
        };
        let seen = Seen {
            fact,
            recorded: &recorded,
        };
        Row::project(&mut row, ORDER, &seen);
    }
    row.unwrap()
}

/// One that is cancelled is made no more, whichever comes first, and another may be made in its stead.
#[test]
fn production() {
    let (made, ended) = ("production.order.created.v1", "production.order.cancelled.v1");
    for (facts, expected) in [
        (vec![], ProductionStatus::None),
        (vec![of(2, made)], ProductionStatus::Waiting),
        (vec![of(2, made), of(2, ended)], ProductionStatus::None),
        (vec![of(2, ended)], ProductionStatus::None),
        (vec![of(2, made), of(3, made), of(2, ended)], ProductionStatus::Waiting),
        (vec![of(2, made), of(2, ended), of(3, made)], ProductionStatus::Waiting),
    ] {
        let facts = [vec![of(1, "order.created.v1")], facts].concat();
        assert_eq!(row(&facts).production_status, expected, "{facts:?}");
    }
}

/// What an order was changed to is what is to be sent, billed and paid.
#[test]
fn a_change() {
    let row = row(&[of(1, "order.created.v1"), of(1, "order.changed.v1")]);
    let numbers: Vec<Option<u32>> = row.items.iter().map(|line| line.line).collect();
    assert_eq!(
        (numbers, row.total_amount, row.version),
        (vec![Some(3), Some(4), Some(2)], Money::whole(18_816_000), 2)
    );
    assert_eq!(row.payment_status, PaymentStatus::Unpaid);
}
