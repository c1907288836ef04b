//! Walls within one database and one workspace: a replay's scratch schema is nobody's, and a notification is theirs whom
//! it addresses.

use domain::Role;
use projections::{Projections, Tables};
use prometric_tests::{
    Server, eventually,
    story::{Shop, id},
};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn a_workspace_may_be_named_like_the_replay_of_another() {
    let server = Server::start_with(&[]).await;
    let (owner, pool) = (server.owner().await, server.pool().await);
    let mut ids = vec![];
    for (name, slug) in [
        ("Зеркало", "zerkalo"),
        ("Зеркало replay", "zerkalo-replay"),
        ("Replay tenant Зеркало", "replay-tenant-zerkalo"),
    ] {
        let made = owner.post("/workspaces", json!({"name": name})).await.expect(201);
        assert_eq!(made["slug"], json!(slug));
        let workspace = id(&made);
        let customer = Some(json!({"name": name}).to_string());
        let path = format!("/workspaces/{workspace}/customers");
        owner.send(Method::POST, &path, customer, &[]).await.expect(201);
        ids.push(workspace);
    }
    let options = server.database_url.parse().unwrap();
    let log = log::Log::open(options, pool.clone()).await.unwrap();
    let projections = Projections::open(log, pool).await.unwrap();
    for workspace in ids {
        let replayed = projections
            .verify(workspace.parse().unwrap(), Tables::all(), &|_| {})
            .await
            .unwrap();
        assert_eq!((replayed.position, replayed.differing()), (1, vec![]));
    }
}

#[tokio::test]
async fn a_notification_is_read_by_whom_it_addresses() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let (manager, partner) = (
        server.member(&owner, Role::Manager).await,
        server.member(&owner, Role::Owner).await,
    );
    let shop = Shop::open(&owner, 100, 20).await;
    let deal = id(&owner.post("/deals", shop.deal(1)).await.expect(201));
    owner.post(&format!("/deals/{deal}/win"), json!({})).await.expect(200);
    let told = eventually("a notification", || async {
        owner.items("/notifications").await.into_iter().next()
    });
    let told = id(&told.await);
    let (one, ids) = (
        format!("/notifications/{told}/read"),
        json!({"ids": [told]}).to_string(),
    );
    let here = [("X-Workspace-Id", owner.workspace.as_str())];
    for (method, path, body) in [
        (Method::PUT, one.as_str(), None),
        (Method::POST, "/notifications/mark-read", Some(ids)),
    ] {
        let refused = manager.send(method, path, body, &here).await;
        assert_eq!(
            refused.refused(404, "NOT_FOUND")["reason"],
            json!("notification.missing")
        );
    }
    let read = "select count(*) from log.events where type = 'notification.read'";
    let count: i64 = sqlx::query_scalar(read).fetch_one(&server.pool().await).await.unwrap();
    assert_eq!(count, 0);
    partner.send(Method::PUT, &one, None, &here).await.expect(200);
    assert_eq!(
        owner.items("/notifications").await[0]["read"],
        json!(false),
        "by the partner, not by the owner"
    );
    owner.put(&one, json!({})).await.expect(200);
    assert_eq!(owner.items("/notifications").await[0]["read"], json!(true));
}
