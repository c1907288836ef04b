//! What was answered is seen by whoever asks next, on whichever node; while a node is alone it is they who wait for the rows.

use prometric_tests::{Answer, Client, Server, story::id};
use serde_json::json;
use sqlx::{Connection, PgConnection};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Longer than a write takes that waits for no row.
const SOON: Duration = Duration::from_millis(700);
/// A node is alone once nobody can be mistaken about it for 2.5 s, and looks every second.
const ALONE_WITHIN: Duration = Duration::from_secs(60);
/// Longer than it takes until all know of one that comes.
const KNOWN_AFTER: Duration = Duration::from_secs(5);

async fn create(client: &Client, name: String) -> Answer {
    client.post("/customers", json!({"name": name})).await
}

/// A customer whose creation is answered while no row can be written, and who keeps that so.
async fn answered_without_rows(server: &Server, owner: &Client) -> (String, PgConnection) {
    create(owner, "ТОО".to_owned()).await.expect(201);
    let schema = owner.schema().await;
    let began = Instant::now();
    loop {
        let held = server.hold(&format!("{schema}.checkpoint")).await;
        if let Ok(answer) = timeout(SOON, create(owner, "ТОО".to_owned())).await {
            return (format!("/customers/{}", id(&answer.expect(201))), held);
        }
        assert!(began.elapsed() < ALONE_WITHIN, "every write waits for its row");
        held.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_node_answers_before_the_rows_are_written_and_shows_none_without() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let (path, held) = answered_without_rows(&server, &owner).await;
    let mut asked = Box::pin(owner.get(&path));
    assert!(timeout(SOON, &mut asked).await.is_err(), "shown without its row");
    held.close().await.unwrap();
    asked.await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_comes_shows_what_a_lone_one_answered() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    create(&owner, "ТОО".to_owned()).await.expect(201);
    let began = Instant::now();
    while began.elapsed() < KNOWN_AFTER {
        let made = create(&owner, "ТОО".to_owned()).await.expect(201);
        owner.get(&format!("/customers/{}", id(&made))).await.expect(200);
    }
    let second = server.another().await;
    let elsewhere = owner.at(&second.url);
    let (began, mut nth) = (Instant::now(), 0);
    while began.elapsed() < KNOWN_AFTER {
        nth += 1;
        let made = create(&owner, format!("ТОО {nth}")).await.expect(201);
        let shown = elsewhere.get(&format!("/customers/{}", id(&made))).await;
        assert_eq!(
            shown.status,
            200,
            "the {nth}th, {:?} after the other came",
            began.elapsed()
        );
    }
}

/// Answered and not yet folded when it dies: it is there for the first who asks the next one.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_node_had_answered_is_shown_by_the_next() {
    let mut server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let (path, held) = answered_without_rows(&server, &owner).await;
    server.kill();
    server.spawn().await;
    let mut asked = Box::pin(owner.get(&path));
    assert!(timeout(SOON, &mut asked).await.is_err(), "shown without its row");
    held.close().await.unwrap();
    asked.await.expect(200);
}
