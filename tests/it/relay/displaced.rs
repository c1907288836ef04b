//! Somebody else uses an event's message id before the event is there. The server drops the event as a repeat and says
//! so; the relay has to notice.

use super::{Nats, head};
use async_nats::{HeaderMap, jetstream};
use prometric_tests::{Client, Server, eventually};
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

/// Publishes as if it were that event.
async fn take(nats: &Nats, id: &str, workspace: Uuid) {
    let jetstream = jetstream::new(async_nats::connect(&nats.url).await.unwrap());
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", id);
    let subject = format!("prometric.{workspace}.x");
    let published = jetstream.publish_with_headers(subject, headers, "{}".into()).await;
    assert!(!published.unwrap().await.unwrap().duplicate);
}

/// Positions as readers count them, without what is nobody's event.
async fn positions(nats: &Nats, workspace: Uuid) -> Option<Vec<i64>> {
    let messages = nats.read(workspace).await?;
    let position = |message: &async_nats::Message| {
        let headers = message.headers.as_ref()?;
        headers.get("ce-position")?.as_str().parse().ok()
    };
    Some(messages.iter().filter_map(position).collect())
}

pub(super) async fn demand_once(nats: &Nats, pool: &PgPool, workspace: Uuid) {
    let wanted: Vec<i64> = (1..=head(pool, workspace).await).collect();
    let all = async || {
        let mut found = positions(nats, workspace).await?;
        found.sort_unstable();
        (found.len() >= wanted.len()).then_some(found)
    };
    let found = eventually("every event is in the stream", all).await;
    assert_eq!(found, wanted, "every position once");
}

pub(super) async fn customer(owner: &Client, n: i64) {
    let body = json!({"name": format!("Клиент {n}")});
    owner.post("/customers", body).await.expect(201);
}

pub(super) async fn metric(server: &Server, line: &str) -> Option<f64> {
    let metrics = reqwest::get(format!("{}/metrics", server.url)).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let mut lines = metrics.lines();
    lines.find_map(|found| found.strip_prefix(line)?.trim().parse().ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_whose_message_id_another_has_used_is_in_the_stream_all_the_same_and_operators_are_told() {
    let mut nats = Nats::away();
    nats.start().await;
    let mut server = Server::start_with(&[("NATS_URL", &nats.url)]).await;
    let owner = server.owner().await;
    let pool = server.pool().await;
    let workspace: Uuid = owner.workspace.parse().unwrap();
    customer(&owner, 0).await;
    demand_once(&nats, &pool, workspace).await;

    let next = head(&pool, workspace).await + 1;
    take(&nats, &format!("{workspace}:{next}"), workspace).await;
    for n in 1..=3 {
        customer(&owner, n).await;
    }
    demand_once(&nats, &pool, workspace).await;
    let told = "prometric_relay_displaced_total{outcome=\"published\"}";
    assert_eq!(metric(&server, told).await, Some(1.0));
    assert!(server.said().contains("was used by another"), "{}", server.said());

    // After a crash that takes the cursor back, everything is sent again, and the stream has it once.
    server.kill();
    let back = sqlx::query("update platform.cursors set position = 0 where consumer = 'relay' and workspace_id = $1");
    assert_eq!(back.bind(workspace).execute(&pool).await.unwrap().rows_affected(), 1);
    server.spawn().await;
    customer(&owner, 4).await;
    demand_once(&nats, &pool, workspace).await;
    let last = head(&pool, workspace).await;
    let cursor = async || {
        let cursor = "select position from platform.cursors where consumer = 'relay' and workspace_id = $1";
        let cursor = sqlx::query_scalar::<_, i64>(cursor).bind(workspace);
        (cursor.fetch_one(&pool).await.unwrap() == last).then_some(())
    };
    eventually("the relay is at the head again", cursor).await;
    demand_once(&nats, &pool, workspace).await;
    assert_eq!(metric(&server, told).await, None, "a repeat of ours is nobody's fault");
    let stored = "select stream_id from log.events where workspace_id = $1 and position = $2";
    let stored: Uuid = sqlx::query_scalar(stored)
        .bind(workspace)
        .bind(next)
        .fetch_one(&pool)
        .await
        .unwrap();
    let stored = stored.to_string();
    let messages = nats.read(workspace).await.unwrap();
    let mut headers = messages.iter().filter_map(|message| message.headers.as_ref());
    assert!(
        headers.any(|headers| headers.get("ce-id").is_some()
            && headers
                .get("ce-subject")
                .is_some_and(|of| of.as_str().contains(&stored))),
        "the displaced one, {stored}"
    );
}
