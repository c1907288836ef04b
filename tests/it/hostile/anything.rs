//! Any JSON against any write is accepted, or refused with the field named, and what is refused leaves no trace: fields
//! with values of every kind, doubled, unknown, deep, with letters of every plane and numbers that no machine holds.

use prometric_tests::{Answer, Server, Yard, shape::Shape};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use serde_json::{Value, json};
use uuid::Uuid;

/// Bodies per route; more with `PROPTEST_CASES`.
const CASES: u32 = 24;

/// JSON text: a value could not hold a doubled key or the digits of a number.
fn anything() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        Just("-0".to_owned()),
        Just("1e400".to_owned()),
        Just("0.10000000000000000001".to_owned()),
        Just("999999999999999999999999".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>()
            .prop_filter("JSON has no such number", |number| number.is_finite())
            .prop_map(|number| number.to_string()),
        (-100_000i64..100_000, 0u32..5).prop_map(|(units, places)| format!("{units}e-{places}")),
    ];
    let text = prop_oneof![
        any::<String>(),
        Just("0190c2a5-0000-7000-8000-000000000000".to_owned()),
        Just("2026-02-30".to_owned()),
        Just("\u{202e}\u{200b}\u{feff}e\u{301}\u{1F468}\u{200D}\u{1F469}".to_owned()),
        "[A-Z]{2,8}",
        "\\PC{190,210}",
    ];
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|flag| flag.to_string()),
        number,
        text.prop_map(|text| Value::from(text).to_string()),
        (1usize..200).prop_map(|depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth))),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..6).prop_map(|items| format!("[{}]", items.join(",")));
        let fields = prop::collection::vec((any::<String>(), inner), 0..6);
        prop_oneof![list, fields.prop_map(|fields| object(&fields))]
    })
}

fn object(fields: &[(String, String)]) -> String {
    let fields = fields
        .iter()
        .map(|(name, value)| format!("{}:{value}", Value::from(name.as_str())));
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

/// The good body with some of its fields replaced, doubled or added; or no such body at all.
fn body_of(shape: &Shape) -> impl Strategy<Value = String> + use<> {
    let good: Vec<(String, String)> = shape
        .good
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), value.to_string()))
        .collect();
    let names: Vec<String> = shape
        .fields
        .iter()
        .filter(|field| !field.at.contains(['[', '.']))
        .map(|field| field.at.clone())
        .collect();
    let name = prop_oneof![4 => prop::sample::select(names), 1 => any::<String>()];
    let spoilt = prop::collection::vec((name, anything(), prop::bool::weighted(0.1)), 1..3);
    let spoilt = spoilt.prop_map(move |changes| {
        let mut fields = good.clone();
        for (name, value, doubled) in changes {
            fields.retain(|(known, _)| doubled || *known != name);
            fields.push((name, value));
        }
        object(&fields)
    });
    prop_oneof![6 => spoilt, 1 => anything()]
}

/// What is wrong with a refusal.
fn complaint(answer: &Answer, written: i64) -> Option<&'static str> {
    let details = &answer.body["error"]["details"];
    let named = details["rules"].as_object().is_some_and(|rules| !rules.is_empty());
    let unreadable = ["body.malformed", "body.not_an_object", "body.reserved_key"];
    let unreadable = unreadable.iter().any(|reason| details["reason"] == *reason);
    match answer.status {
        200 | 201 => None,
        _ if written > 0 => Some("it was refused and left a trace"),
        400 if named || unreadable => None,
        400 => Some("it names no field"),
        503 if details["reason"] == "signature.not_configured" => None,
        401 | 403 | 404 | 409 | 413 | 422 | 429 if answer.body["error"]["code"].is_string() => None,
        _ => Some("that is no answer"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_body_is_accepted_or_refused_by_name() {
    let server = Server::start_with(&[("PROMETRIC_RATE_LIMITS", "off")]).await;
    let yard = Yard::open(&server).await;
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok());
    let mut runner = TestRunner::deterministic();
    let (mut accepted, mut refused, mut complaints) = (0, 0, Vec::new());
    let email = yard.owner.get("/auth/me").await.expect(200)["email"].clone();
    let mut shapes: Vec<&Shape> = yard.shapes.iter().collect();
    shapes.sort_by_key(|shape| shape.route == "/auth/logout"); // whatever comes after it is refused unread
    for shape in shapes {
        let strategy = body_of(shape);
        for _ in 0..cases.unwrap_or(CASES) {
            let body = strategy.new_tree(&mut runner).expect("a body").current();
            let mark = Uuid::now_v7().to_string();
            let headers = [("X-Correlation-Id", mark.as_str())];
            let sent = yard
                .owner
                .send(shape.method.clone(), &shape.path, Some(body.clone()), &headers);
            let answer = sent.await;
            // Its own events only: processes go on beside us.
            let written = "select count(*) from log.events where metadata->>'correlationId' = $1";
            let written: i64 = sqlx::query_scalar(written)
                .bind(&mark)
                .fetch_one(&yard.pool)
                .await
                .unwrap();
            if answer.status < 300 {
                accepted += 1
            } else {
                refused += 1
            }
            if let Some(why) = complaint(&answer, written) {
                let short = |text: String| text.chars().take(600).collect::<String>();
                complaints.push(format!(
                    "{} {}: {why}: {} {} to {}",
                    shape.method,
                    shape.route,
                    answer.status,
                    short(answer.body.to_string()),
                    short(body)
                ));
            }
        }
    }
    assert!(
        complaints.is_empty(),
        "{} complaints:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
    assert!(
        accepted > 5 && refused > 100,
        "{accepted} accepted and {refused} refused prove little"
    );
    let mut owner = yard.owner.clone();
    owner.sign_in(email.as_str().unwrap(), "SecurePassword123").await;
    owner.post("/deals", json!({"title": "После бури"})).await.expect(201);
}
