//! Reading a whole workspace, decoded, against a bare COPY of the same rows out of the table.

use crate::{cell::median, growth, limit, rounds};
use futures::StreamExt;
use serde_json::value::RawValue;
use sqlx::{Connection, PgConnection};
use std::{collections::HashMap, pin::pin, time::Instant};
use uuid::Uuid;

const EVENTS: i64 = 500_000;

pub async fn run() {
    let database = limit::database().await;
    growth::fill(&database, EVENTS).await;
    let log = database.log().await;
    let mut ratios = Vec::new();
    for _ in 0..rounds() {
        let copied = copy_out(&database.url).await;
        let began = Instant::now();
        let mut events = 0_i64;
        let mut replay = pin!(log.replay(Uuid::nil(), 0));
        while let Some(event) = replay.next().await {
            let event = event.unwrap();
            let fields: HashMap<&str, &RawValue> = serde_json::from_str(&event.data).unwrap();
            assert!(!fields.is_empty() && !event.meta().actor.is_empty());
            events += 1;
        }
        assert_eq!(events, EVENTS);
        let read = EVENTS as f64 / began.elapsed().as_secs_f64();
        eprintln!("replay: {read:.0} decoded events/s, bare COPY {copied:.0}/s");
        ratios.push(read / copied);
    }
    println!("replay, decoded: {:.2} of a bare COPY out", median(ratios.into_iter()));
}

async fn copy_out(url: &str) -> f64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let began = Instant::now();
    let mut rows = connection
        .copy_out_raw("copy log.events to stdout (format binary)")
        .await
        .unwrap();
    while let Some(part) = rows.next().await {
        part.unwrap();
    }
    EVENTS as f64 / began.elapsed().as_secs_f64()
}
