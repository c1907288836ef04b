//! The real way: a server whose log is in another server's streams, spoken to by `prometric-cluster` with crate `eventstore`. The other
//! is ours too. What it cannot show is how EventStoreDB itself behaves.

use super::{kept_keys, put_keys_back, rows, succeeds};
use prometric_tests::{Client, Database, Server, engine::Store, eventually};
use serde_json::json;

async fn customer(owner: &Client, name: &str) -> String {
    let made = owner.post("/customers", json!({ "name": name })).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

/// How many commits the cluster's workspace has.
async fn commits(cluster: &Store) -> i64 {
    let count = "select count(*) from log.events where type = 'external.appended'";
    sqlx::query_scalar(count)
        .fetch_one(&cluster.server.pool().await)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_server_keeps_its_log_in_a_cluster_and_is_made_again_from_there() {
    let mut cluster = Store::start().await;
    let engine = cluster.engine("log");
    let env = engine.env();
    let mut server = Server::start_anew(&env).await;
    let owner = server.owner().await;
    let id = customer(&owner, "Айгүл").await;
    let shown = owner.get(&format!("/customers/{id}")).await.expect(200);
    assert_eq!(shown["name"], "Айгүл");

    let pool = server.pool().await;
    let held = "select sum(commits)::bigint from log.heads";
    let held: i64 = sqlx::query_scalar(held).fetch_one(&pool).await.unwrap();
    assert!(held > 0);
    assert_eq!(commits(&cluster).await, held, "what was acknowledged is there");

    // Two nodes on one database share the streams.
    let mut node = server.another().await;
    let elsewhere = owner.at(&node.url);
    for nth in 0..3 {
        customer(&owner, &format!("A {nth}")).await;
        customer(&elsewhere, &format!("B {nth}")).await;
    }

    // Without the cluster nothing is acknowledged; with it all goes on.
    cluster.server.kill();
    let refused = owner.post("/customers", json!({"name": "Nobody"})).await;
    assert_eq!(refused.status, 503, "{}", refused.body);
    cluster.server.spawn().await;
    eventually("appends go on", || async {
        let made = owner.post("/customers", json!({"name": "Again"})).await;
        (made.status == 201).then_some(())
    })
    .await;

    // What may have been appended while nobody could say so is taken over.
    eventually("the replica has all that the cluster has", || async {
        let held = "select sum(commits)::bigint from log.heads";
        let held: i64 = sqlx::query_scalar(held).fetch_one(&pool).await.ok()?;
        (held == commits(&cluster).await).then_some(())
    })
    .await;
    node.end().await;
    server.end().await;

    // Tables with nothing in them become what they were.
    let again = Database::create().await;
    let there = [("DATABASE_URL", again.url.as_str()), env[1]];
    succeeds(&server, &["log", "restore", "--from", &engine.address], &there);
    assert_eq!(rows(&again.pool().await).await, rows(&pool).await);
    put_keys_back(&again.pool().await, &kept_keys(&pool).await).await;
    succeeds(&server, &["audit", "verify"], &[there[0], env[0], env[1]]);
}
