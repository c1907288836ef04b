//! NATS is there and takes nothing, for its stream is full: the relay's cursor stays at what was acknowledged, and goes on from
//! there when there is room.

use super::{
    Nats,
    displaced::{customer, demand_once, metric},
    head,
};
use async_nats::jetstream::{
    self,
    stream::{Config, DiscardPolicy},
};
use prometric_tests::{Server, eventually};
use uuid::Uuid;

const ROOM: i64 = 40;

async fn room_for(nats: &Nats, messages: i64) {
    let jetstream = jetstream::new(async_nats::connect(&nats.url).await.unwrap());
    let stream = Config {
        name: "PROMETRIC".to_owned(),
        subjects: vec!["prometric.>".to_owned()],
        max_messages: messages,
        discard: DiscardPolicy::New,
        ..Config::default()
    };
    jetstream.create_or_update_stream(stream).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_acknowledged_is_sent_again() {
    let mut nats = Nats::away();
    nats.start().await;
    room_for(&nats, ROOM).await;
    let server = Server::start_with(&[("NATS_URL", &nats.url)]).await;
    let owner = server.owner().await;
    let (pool, workspace): (_, Uuid) = (server.pool().await, owner.workspace.parse().unwrap());
    for n in 0..=ROOM {
        customer(&owner, n).await;
    }
    let cursors = async || {
        let cursors = "select coalesce(sum(position), 0)::bigint from platform.cursors where consumer = 'relay'";
        sqlx::query_scalar::<_, i64>(cursors).fetch_one(&pool).await.unwrap()
    };
    // Either is told, or it has gone on as if nothing were.
    eventually("the relay has seen the refusal", async || {
        let told = metric(&server, "prometric_consumer_failing{consumer=\"relay\"}").await;
        (told.is_some_and(|failing| failing > 0.0) || cursors().await > ROOM).then_some(())
    })
    .await;
    assert_eq!(cursors().await, ROOM, "as many as there is room for");
    assert!(head(&pool, workspace).await > 0);

    room_for(&nats, -1).await;
    demand_once(&nats, &pool, workspace).await;
}
