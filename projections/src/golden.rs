//! Rows that are folded from the committed samples of all events, as they were when this was written down: when a fold makes
//! other rows of the same events, its `Table::FOLD` has to be counted up, or the rows that are there would stay as they were.
//! `GOLDEN=write cargo test -p prometric-projections golden` writes down what is right now.

use crate::{
    model::MODELS,
    runner::{facts, seen},
    table::Projector,
    tenant_tables,
};
use chrono::{DateTime, TimeDelta, Utc};
use log::{Recorded, Shared};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::{collections::HashMap, fs, sync::Arc};
use uuid::Uuid;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/golden.json");
const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../domain/samples");

const CUSTOMER: &str = "01a1fe4c-7fd5-7541-bd40-aaab1b2482bc";
const REACHED: &str = "01a1fe4c-7fd5-7541-bd40-aaab1b2482bd";
const INTERACTION: &str = "01a1fe4c-7fe0-7000-8000-000000000001";
const REMOVED: &str = "01a1fe4c-7fe0-7000-8000-000000000002";
const DEAL: &str = "01a1fe4c-807e-76d5-b40b-98ac92092668";
const LOST: &str = "01a1fe4c-807e-76d5-b40b-98ac92092669";
const PRODUCT: &str = "01a1fe4c-8027-76b9-83f4-70eabd31455a";
const ARCHIVED: &str = "01a1fe4c-8027-76b9-83f4-70eabd31455b";
const CATEGORY: &str = "01a1fe4c-9600-7000-8000-000000000001";
const PRICE_LIST: &str = "01a1fe4c-9700-7000-8000-000000000001";
const PRICE: &str = "01a1fe4c-9700-7000-8000-000000000002";
const WAREHOUSE: &str = "01a1fe4c-9800-7000-8000-000000000001";
const MATERIAL: &str = "01a1fe4c-8012-746d-be04-bb251a93e8f4";
const DRAFT: &str = "01a1fe4c-9a00-7000-8000-000000000001";
const ORDER: &str = "5a857531-ec8e-545e-bbe0-9709dd7abd0f";
const PRODUCTION: &str = "3821a876-5e20-5b6a-9576-8a423a405c9f";
const INVOICE: &str = "8ecbeac2-2d86-5813-bebd-ec0c00e77de5";
const RATE: &str = "01a1fe4c-9000-7000-8000-000000000001";
const DEPARTMENT: &str = "01a1fe4c-9200-7000-8000-000000000001";
const EMPLOYEE: &str = "01a1fe4c-9300-7000-8000-000000000001";
const STRANGER: &str = "01a1fe4c-9300-7000-8000-000000000002";
const NOTIFICATION: &str = "01a1fe4c-9000-7000-8000-000000000002";
const CUSTOM_FIELD: &str = "01a1fe4c-9f00-7000-8000-000000000001";
const REQUIREMENT: &str = "01a1fe4c-9f00-7000-8000-000000000002";
const PIPELINE: &str = "01a1fe4c-9b00-7000-8000-000000000001";
const ACTIVITY: &str = "01a1fe4c-9c00-7000-8000-000000000001";
const MISTAKE: &str = "01a1fe4c-9c00-7000-8000-000000000002";
const CALL: &str = "01a1fe4c-9c00-7000-8000-000000000003";
const CREDIT: &str = "01a1fe4c-9d00-7000-8000-000000000001";
const POLICY: &str = "01a1fe4c-a500-7000-8000-000000000001";
const OUTSIDE: &str = "01a1fe4c-9e00-7000-8000-000000000001";
const SEALED: [&str; 6] = [
    "01a1fe4c-9400-7000-8000-000000000001",
    "01a1fe4c-9400-7000-8000-000000000002",
    "01a1fe4c-9400-7000-8000-000000000003",
    "01a1fe4c-9400-7000-8000-000000000004",
    "01a1fe4c-9400-7000-8000-000000000005",
    "01a1fe4c-9400-7000-8000-000000000006",
];

/// All samples of what happens in a workspace, in an order in which it may.
const STORY: &[(&str, &str)] = &[
    ("exchange.rate.set.v1", RATE),
    ("customer.created.v1", CUSTOMER),
    ("customer.updated.v1", CUSTOMER),
    ("category.created.v1", CATEGORY),
    ("category.updated.v1", CATEGORY),
    ("product.created.v1", PRODUCT),
    ("product.updated.v1", PRODUCT),
    ("product.updated.v2", PRODUCT),
    ("product.created.v1", MATERIAL),
    ("product.created.v2", ARCHIVED),
    ("product.archived.v1", ARCHIVED),
    ("category.archived.v1", CATEGORY),
    ("price.list.created.v1", PRICE_LIST),
    ("price.list.updated.v1", PRICE_LIST),
    ("price.set.v1", PRICE),
    ("price.list.archived.v1", PRICE_LIST),
    ("bom.awaited.v1", PRODUCT),
    ("bom.defined.v1", PRODUCT),
    ("bom.provided.v1", PRODUCT),
    ("stock.received.v1", MATERIAL),
    ("deal.created.v1", DEAL),
    ("deal.updated.v1", DEAL),
    ("deal.updated.v2", DEAL),
    ("customer.updated.v2", CUSTOMER),
    ("customer.status.changed.v1", CUSTOMER),
    ("deal.stage.changed.v1", DEAL),
    ("deal.won.v1", DEAL),
    ("order.created.v1", ORDER),
    ("invoice.created.v1", INVOICE),
    ("production.order.created.v1", PRODUCTION),
    ("production.order.scheduled.v1", PRODUCTION),
    ("stock.short.v1", MATERIAL),
    ("stock.reserved.v1", MATERIAL),
    ("stock.issued.v1", MATERIAL),
    ("stock.adjusted.v1", MATERIAL),
    ("stock.counted.v1", MATERIAL),
    ("stock.low.v1", MATERIAL),
    ("warehouse.created.v1", WAREHOUSE),
    ("warehouse.updated.v1", WAREHOUSE),
    ("stock.sent.v1", MATERIAL),
    ("stock.arrived.v1", MATERIAL),
    ("warehouse.archived.v1", WAREHOUSE),
    ("payment.received.v1", INVOICE),
    ("invoice.paid.v1", INVOICE),
    ("process.step.refused.v1", ORDER),
    ("notification.created.v1", NOTIFICATION),
    ("notification.read.v1", NOTIFICATION),
    ("deal.created.v1", LOST),
    ("deal.lost.v1", LOST),
    ("department.created.v1", DEPARTMENT),
    ("department.updated.v1", DEPARTMENT),
    ("employee.created.v1", EMPLOYEE),
    ("employee.access.asked.v1", EMPLOYEE),
    ("employee.approved.v1", EMPLOYEE),
    ("employee.updated.v1", EMPLOYEE),
    ("employee.joined.v1", EMPLOYEE),
    ("employee.deactivated.v1", EMPLOYEE),
    ("employee.activated.v1", EMPLOYEE),
    ("employee.created.v1", STRANGER),
    ("employee.refused.v1", STRANGER),
    ("customer.archived.v1", CUSTOMER),
    ("process.step.retried.v1", ORDER),
    ("process.step.skipped.v1", ORDER),
    ("process.abandoned.v1", ORDER),
    // As they are stored since what they say of people is sealed.
    ("customer.created.v2", SEALED[0]),
    ("customer.updated.v3", SEALED[0]),
    ("deal.created.v2", SEALED[1]),
    ("deal.updated.v3", SEALED[1]),
    ("deal.won.v2", SEALED[1]),
    ("order.created.v2", SEALED[2]),
    ("invoice.created.v2", SEALED[3]),
    ("notification.created.v2", SEALED[4]),
    ("person.erased.v1", SEALED[5]),
    ("interaction.recorded.v1", INTERACTION),
    ("interaction.corrected.v1", INTERACTION),
    ("interaction.recorded.v1", REMOVED),
    ("interaction.removed.v1", REMOVED),
    ("deal.quote.made.v1", DEAL),
    ("deal.quote.sent.v1", DEAL),
    ("deal.quote.accepted.v1", DEAL),
    ("deal.quote.declined.v1", DEAL),
    ("pipeline.created.v1", PIPELINE),
    ("pipeline.updated.v1", PIPELINE),
    ("pipeline.archived.v1", PIPELINE),
    ("custom.field.created.v1", CUSTOM_FIELD),
    ("custom.field.updated.v1", CUSTOM_FIELD),
    ("custom.field.archived.v1", CUSTOM_FIELD),
    ("activity.recorded.v1", ACTIVITY),
    ("activity.updated.v1", ACTIVITY),
    ("activity.recorded.v1", MISTAKE),
    ("activity.removed.v1", MISTAKE),
    ("deal.document.attached.v1", DEAL),
    ("deal.document.attached.v1", LOST),
    ("deal.document.removed.v1", LOST),
    ("stock.shipped.v1", MATERIAL),
    ("stock.released.v1", MATERIAL),
    ("order.status.changed.v1", ORDER),
    ("order.shipped.v1", ORDER),
    ("order.returned.v1", ORDER),
    ("order.completed.v1", ORDER),
    ("order.created.v3", DRAFT),
    ("order.updated.v1", DRAFT),
    ("order.placed.v1", DRAFT),
    ("order.cancelled.v1", DRAFT),
    ("production.order.cancelled.v1", PRODUCTION),
    ("invoice.credited.v1", INVOICE),
    ("invoice.cancelled.v1", SEALED[3]),
    ("activity.recorded.v2", CALL),
    ("activity.updated.v2", CALL),
    ("deal.quote.declined.v2", DEAL),
    ("credit.taken.v1", CREDIT),
    ("credit.settled.v1", CREDIT),
    ("order.changed.v1", ORDER),
    ("external.appended.v1", OUTSIDE),
    ("requirement.made.v1", REQUIREMENT),
    ("requirement.lifted.v1", REQUIREMENT),
    ("product.image.removed.v1", PRODUCT),
    ("product.image.added.v1", PRODUCT),
    ("stock.valued.v1", MATERIAL),
    ("stock.policy.set.v1", POLICY),
    ("stock.landed.v1", MATERIAL),
    ("customer.absorbed.v1", SEALED[0]),
    ("customer.released.v1", SEALED[0]),
    ("customer.merged.v1", SEALED[0]),
    ("customer.unmerged.v1", SEALED[0]),
    ("customer.created.v3", REACHED),
    ("customer.updated.v4", REACHED),
    ("stock.tracked.v1", MATERIAL),
];

fn story() -> Vec<Arc<Shared>> {
    let mut versions: HashMap<&str, i64> = HashMap::new();
    let events = STORY.iter().zip(1..).map(|((sample, stream), position)| {
        let text = fs::read_to_string(format!("{SAMPLES}/{sample}.json")).unwrap();
        let sample: Value = serde_json::from_str(&text).unwrap();
        let version = versions.entry(*stream).or_default();
        *version += 1;
        let text = |name: &str| sample[name].as_str().unwrap().to_owned();
        Shared::new(Recorded {
            workspace: Uuid::from_u128(1),
            position,
            category: text("category"),
            stream_id: stream.parse().unwrap(),
            version: *version,
            event_id: Uuid::from_u128(u128::from(position.unsigned_abs())),
            event_type: text("type"),
            schema: i32::try_from(sample["schema"].as_i64().unwrap()).unwrap(),
            data: sample["data"].to_string(),
            metadata: json!({"actor": "user:01a1fe4c-7ea2-70b5-ac4b-e8b7ec5e169b"}).to_string(),
            recorded_at: DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(position),
            hash: [0; 32],
        })
    });
    events.collect()
}

/// What a fold is known by, and what it makes of the story.
fn digest(table: &dyn Projector, events: &[Arc<Shared>]) -> Value {
    let facts = facts(events).unwrap();
    let (fold, rows) = table.fold_rows(&seen(&facts, events));
    assert!(
        !rows.is_empty(),
        "no event of the story makes a row of {}",
        table.name()
    );
    let rows = hex::encode(Sha256::digest(rows.join("\n")));
    json!({"fold": fold, "rows": rows})
}

#[test]
fn a_fold_that_makes_other_rows_has_another_number() {
    let events = story();
    let now: Map<String, Value> = tenant_tables()
        .iter()
        .map(|table| (table.name().to_owned(), digest(table.as_ref(), &events)))
        .collect();
    if std::env::var("GOLDEN").is_ok_and(|what| what == "write") {
        fs::write(FILE, serde_json::to_string_pretty(&now).unwrap() + "\n").unwrap();
    }
    let known: Map<String, Value> = serde_json::from_str(&fs::read_to_string(FILE).unwrap()).unwrap();
    for (table, known) in &known {
        let now = now.get(table).unwrap_or(&Value::Null);
        assert!(
            now["rows"] == known["rows"] || now["fold"].as_u64() > known["fold"].as_u64(),
            "{table}: the fold makes other rows than before: count up its Table::FOLD"
        );
    }
    assert_eq!(
        now, known,
        "write down what is right now: GOLDEN=write cargo test -p prometric-projections golden"
    );
}

#[test]
fn the_story_tells_of_every_event_of_a_workspace() {
    let outside = ["user.", "organization.", "workspace.", "api.key."];
    let samples = fs::read_dir(SAMPLES)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap());
    for sample in samples.filter(|sample| !outside.iter().any(|category| sample.starts_with(category))) {
        let told = STORY.iter().any(|(told, _)| format!("{told}.json") == sample);
        assert!(told, "{sample} is not in STORY");
    }
    assert_eq!(MODELS.len(), tenant_tables().len());
}
