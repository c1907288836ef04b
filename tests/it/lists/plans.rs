//! That every list finds its page by an index, whatever documents 1 and 2 let one ask.

use projections::{Readers, view::Reader};
use prometric_tests::{
    Server,
    crowd::{self, TABLES},
    documented::{Names, QUESTIONS, Told, Wanted, tell},
};
use serde_json::json;
use std::time::Duration;

const ROWS: i64 = 20_000;

#[tokio::test(flavor = "multi_thread")]
async fn no_documented_question_reads_a_large_table_from_end_to_end() {
    let server = Server::start_with(&[]).await;
    let (owner, pool) = (server.owner().await, server.pool().await);
    let schema = owner.schema().await;
    crowd::fill(&pool, &schema, ROWS).await;
    let names = Names::of(&pool, &schema).await;
    let readers = Readers::new(pool.connect_options().as_ref().clone(), 4, Duration::from_secs(3));
    let reader = Reader::now(&readers, &schema, &|_| true);
    let mut complaints = Vec::new();
    for question in QUESTIONS {
        let pairs = names.pairs(question.query);
        let Told::Plan(plan) = tell(reader, question.table, &pairs, Wanted::Plan).await.unwrap() else {
            panic!("a plan was asked for");
        };
        if TABLES
            .iter()
            .any(|table| plan.contains(&format!("Seq Scan on {table} ")))
        {
            complaints.push(format!("{}?{}\n{plan}", question.table, question.query));
        }
    }
    assert!(
        complaints.is_empty(),
        "{} complaints:\n{}",
        complaints.len(),
        complaints.join("\n")
    );

    // Totals where there are too many to count: kept ones are exact all the same.
    let pagination = async |path: &str| owner.get(path).await.expect(200)["pagination"].clone();
    let all = pagination("/deals?limit=1").await;
    assert_eq!((&all["total"], &all["totalIsEstimate"]), (&json!(ROWS), &json!(false)));
    let stages = pagination("/deals?stage=LEAD,QUALIFIED,PROPOSAL,NEGOTIATION,CLOSING,WON,LOST").await;
    assert_eq!(
        (&stages["total"], &stages["totalIsEstimate"]),
        (&json!(ROWS), &json!(false))
    );
    let rich = pagination("/deals?value[gte]=1000").await;
    assert_eq!(rich["totalIsEstimate"], json!(true), "{rich}");
    let about = rich["total"].as_i64().unwrap();
    assert!((ROWS / 2..=ROWS * 2).contains(&about), "{rich}");
    let few = pagination("/deals?customer.segment=VIP").await;
    assert_eq!(few["totalIsEstimate"], json!(false), "{few}");
}
