//! What this node has in memory has holes, and a step ends before one: it is taken up behind it, though nothing else moves.

use async_trait::async_trait;
use log::{Consumer, ConsumerError, Log, NewEvent, Progress, Stream, StreamAppend};
use prometric_tests::{Database, append_to, eventually};
use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicI64, Ordering},
};
use uuid::Uuid;

const LIMIT: i64 = 500;

/// Reads as the product's consumers do: from memory as far as it goes.
struct FromMemory {
    log: OnceLock<Log>,
    position: AtomicI64,
}

#[async_trait]
impl Consumer for FromMemory {
    fn name(&self) -> &'static str {
        "from memory"
    }

    async fn advance(&self, workspace: Uuid) -> Result<Progress, ConsumerError> {
        let from = self.position.load(Ordering::Relaxed);
        let events = self.log.get().unwrap().next(workspace, from, LIMIT).await?;
        let position = events.last().map_or(from, |event| event.position);
        self.position.store(position, Ordering::Relaxed);
        Ok(Progress {
            position,
            more: position - from == LIMIT,
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hole_in_memory_holds_nobody_up() {
    let database = Database::create().await;
    let log = database.log().await;
    let reader = Arc::new(FromMemory {
        log: OnceLock::from(log.clone()),
        position: AtomicI64::new(0),
    });
    let follower = log.follow(reader.clone(), 1);
    eventually("it leads", || async { (follower.ranges() == 16).then_some(()) }).await;
    // What looks personal is not kept in memory.
    let event = |data: &str| NewEvent {
        id: Uuid::now_v7(),
        event_type: "test.happened".to_owned(),
        schema: 1,
        data: data.to_owned(),
        number: None,
    };
    let stream = StreamAppend {
        stream: Stream {
            category: "test",
            id: Uuid::now_v7(),
        },
        expected: None,
        events: vec![event("{}"), event(r#"{"note": "$person"}"#), event("{}")],
    };
    let mut append = append_to(Uuid::now_v7());
    append.streams.push(stream);
    let position = log.append(append).await.unwrap().position;
    eventually("it has read all", || async {
        (reader.position.load(Ordering::Relaxed) == position).then_some(())
    })
    .await;
}
