//! Following on several nodes: whoever comes, goes, dies or goes deaf, every reader sees every event once and in order.
//! Two handles to the log are two nodes; a handle that is dropped with its follower is one that died.

mod holes;
mod idle;
mod leases;
mod reader;

use futures::future::join_all;
use prometric_tests::{Database, Server, eventually};
use reader::{Reader, append, caught_up, demand_once_in_order};
use sqlx::PgPool;
use std::{sync::atomic::Ordering, time::Duration};
use uuid::Uuid;

const WORKERS: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn every_reader_sees_every_event_once_and_in_order_on_two_nodes() {
    let database = Database::create().await;
    let nodes = [database.log().await, database.log().await];
    let pool = Reader::prepare(&database).await;
    let workspaces: Vec<Uuid> = (0..8).map(|_| Uuid::now_v7()).collect();
    let mut followers = Vec::new();
    let mut readers = Vec::new();
    for node in &nodes {
        for name in ["first", "second"] {
            let reader = Reader::new(name, &pool);
            followers.push(node.follow(reader.clone(), WORKERS));
            readers.push(reader);
        }
    }
    let write = |(nth, workspace): (usize, &Uuid)| {
        let (node, workspace) = (nodes[nth % 2].clone(), *workspace);
        let readers = readers.clone();
        async move {
            for round in 0..25 {
                append(&node, workspace, 1 + round % 3).await;
                // Whoever leads it: two nodes at one workspace stay right.
                readers.iter().for_each(|reader| reader.urge().insist(workspace));
            }
        }
    };
    join_all(workspaces.iter().enumerate().map(write)).await;
    followers.push(nodes[1].follow(Reader::new("late", &pool), WORKERS));
    for reader in ["first", "second", "late"] {
        eventually("it has read all", || caught_up(&pool, reader)).await;
        demand_once_in_order(&pool, reader).await;
    }
    assert!(followers.iter().all(|follower| follower.failing().is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_every_node_needs_every_node_gets() {
    let database = Database::create().await;
    let nodes = [database.log().await, database.log().await];
    let pool = Reader::prepare(&database).await;
    let (before, after) = (Uuid::now_v7(), Uuid::now_v7());
    append(&nodes[0], before, 3).await;
    let readers = ["cache of one", "cache of other"].map(|name| Reader::on_every_node(name, &pool));
    let _followers: Vec<_> = nodes
        .iter()
        .zip(&readers)
        .map(|(node, reader)| node.follow(reader.clone(), 1))
        .collect();
    append(&nodes[1], after, 3).await;
    for reader in ["cache of one", "cache of other"] {
        eventually("it has read all", || caught_up(&pool, reader)).await;
    }
    let leases: i64 = sqlx::query_scalar("select count(*) from log.leases")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(leases, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_ear_loses_no_wakeup() {
    let database = Database::create().await;
    let (writer, follower) = (database.log().await, database.log().await);
    let pool = Reader::prepare(&database).await;
    let follower = follower.follow(Reader::new("deaf", &pool), WORKERS);
    eventually("it leads", || async { (follower.ranges() == 16).then_some(()) }).await;
    let workspaces: Vec<Uuid> = (0..4).map(|_| Uuid::now_v7()).collect();
    for round in 0..10 {
        // Some before, some after, some while it is deaf.
        append(&writer, workspaces[round % 4], 1).await;
        // After the round before it may only now be about to listen again.
        eventually("it is cut off", || async {
            let cut = "select count(*) from log.nodes where pg_terminate_backend(session)";
            let cut: i64 = sqlx::query_scalar(cut).fetch_one(&pool).await.unwrap();
            (cut > 0).then_some(())
        })
        .await;
        append(&writer, workspaces[(round + 1) % 4], 1).await;
        eventually("it has read all", || caught_up(&pool, "deaf")).await;
    }
    demand_once_in_order(&pool, "deaf").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flooding_workspace_does_not_starve_a_quiet_one() {
    let database = Database::create().await;
    let log = database.log().await;
    let pool = Reader::prepare(&database).await;
    let (flooding, quiet) = (Uuid::now_v7(), Uuid::now_v7());
    append(&log, flooding, 50 * reader::BATCH as usize).await;
    let reader = Reader::gated("patient", &pool);
    let follower = log.follow(reader.clone(), 1);
    for _ in 0..3 {
        reader.let_step().await;
    }
    assert_eq!(reader.steps(), [flooding; 3]);
    let lags = async |events: i64| (follower.lag().total == events).then_some(());
    eventually("it is behind", || lags(47 * reader::BATCH)).await;
    append(&log, quiet, 1).await;
    eventually("it has heard", || lags(47 * reader::BATCH + 1)).await;
    for _ in 0..3 {
        reader.let_step().await;
    }
    let seen = "select count(*) from seen where workspace_id = $1";
    let seen: i64 = sqlx::query_scalar(seen).bind(quiet).fetch_one(&pool).await.unwrap();
    assert_eq!(seen, 1, "{:?}", reader.steps());
    reader.open_gate();
    eventually("it has read all", || caught_up(&pool, "patient")).await;
    eventually("it knows that it has", || lags(0)).await;
    assert_eq!(follower.ranges(), 16);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_that_fails_is_told_of_and_stops_no_other() {
    let database = Database::create().await;
    let log = database.log().await;
    let pool = Reader::prepare(&database).await;
    let (broken, sound) = (Uuid::now_v7(), Uuid::now_v7());
    let reader = Reader::failing("weak", &pool, broken);
    let follower = log.follow(reader.clone(), 1);
    append(&log, broken, 2).await;
    append(&log, sound, 2).await;
    let state = async |workspace: Uuid| -> Option<(i64, i64, i32, Option<String>)> {
        let row =
            "select position, lag, attempts, error from log.following where consumer = 'weak' and workspace_id = $1";
        sqlx::query_as(row).bind(workspace).fetch_optional(&pool).await.unwrap()
    };
    eventually("the sound one is reported", || async {
        (state(sound).await? == (2, 0, 0, None)).then_some(())
    })
    .await;
    let told = eventually("the broken one is reported", || async {
        state(broken).await.filter(|(.., attempts, _)| *attempts >= 3)
    })
    .await;
    assert_eq!((told.0, told.1, told.3.as_deref()), (0, 2, Some("broken on purpose")));
    assert_eq!(follower.failing(), [(broken, "broken on purpose".to_owned())]);
    assert_eq!(follower.lag(), log::Lag { total: 2, max: 2 });
    reader.broken.store(false, Ordering::Relaxed);
    eventually("it goes on by itself", || async {
        (state(broken).await? == (2, 0, 0, None)).then_some(())
    })
    .await;
    assert!(follower.failing().is_empty());
}

#[tokio::test]
async fn the_metrics_tell_of_every_consumer() {
    let server = Server::start().await;
    let owner = server.owner().await;
    owner
        .post("/customers", serde_json::json!({"name": "Один"}))
        .await
        .expect(201);
    let metrics = format!("{}/metrics", server.url);
    eventually("each consumer leads, has caught up and does not fail", || async {
        let told = reqwest::get(&metrics).await.ok()?.text().await.ok()?;
        let says = |consumer: &str, what: &str, value: &str| {
            told.contains(&format!(
                "prometric_consumer_{what}{{consumer=\"{consumer}\"}} {value}\n"
            ))
        };
        let well = |consumer: &&str| {
            says(consumer, "leases", "16")
                && ["failing", "lag_events", "lag_events_max"]
                    .iter()
                    .all(|what| says(consumer, what, "0"))
        };
        ["projections", "sagas", "relay"].iter().all(well).then_some(())
    })
    .await;
    let pool: PgPool = server.pool().await;
    eventually("the table tells it too", || async {
        let behind =
            "select count(*) filter (where lag > 0 or error is not null), count(distinct consumer) from log.following";
        let told: (i64, i64) = sqlx::query_as(behind).fetch_one(&pool).await.ok()?;
        (told == (0, 3)).then_some(())
    })
    .await;
}

/// A process that ends in good order: whoever reads elsewhere hears of its last write at once, not by looking for it now and then.
#[tokio::test(flavor = "multi_thread")]
async fn who_ends_has_told_of_what_it_wrote() {
    /// A reader whose session is renewed looks for what it may have missed meanwhile, which takes a moment on a busy machine; it
    /// looks without a cause every thirty seconds only.
    const AT_ONCE: Duration = Duration::from_secs(12);
    let database = Database::create().await;
    let here = database.log().await;
    let pool = Reader::prepare(&database).await;
    let _follower = here.follow(Reader::on_every_node("reader", &pool), 1);
    let workspace = Uuid::now_v7();
    append(&here, workspace, 1).await;
    let mut missed = vec![];
    for position in 2..60 {
        let ending = database.log().await;
        append(&ending, workspace, 1).await;
        ending.farewell().await.unwrap();
        drop(ending);
        let heard = async {
            while here.heard(workspace) < Some(position) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        if tokio::time::timeout(AT_ONCE, heard).await.is_err() {
            missed.push(position);
        }
    }
    assert!(missed.is_empty(), "these were not told of: {missed:?}");
}
