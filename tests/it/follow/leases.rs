//! Who leads what as nodes come, go, die and hang.

use super::reader::{Reader, append, caught_up, demand_once_in_order};
use chrono::{DateTime, Utc};
use log::{Follower, Log};
use prometric_tests::{Database, eventually};
use sqlx::{PgPool, postgres::PgPoolOptions};
use std::time::{Duration, Instant};
use uuid::Uuid;

async fn leads(follower: &Follower, ranges: usize) {
    eventually("it has its share", || async {
        (follower.ranges() == ranges).then_some(())
    })
    .await;
}

/// Appends to many workspaces, of which every node leads some.
async fn append_everywhere(log: &Log) {
    for _ in 0..20 {
        append(log, Uuid::now_v7(), 1).await;
    }
}

async fn all_read(pool: &PgPool) {
    eventually("all is read", || caught_up(pool, "reader")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_share_the_ranges_and_hand_them_over_at_once() {
    let database = Database::create().await;
    let nodes = [database.log().await, database.log().await, database.log().await];
    let pool = Reader::prepare(&database).await;
    let follow = |node: usize| nodes[node].follow(Reader::new("reader", &pool), 2);
    let first = follow(0);
    leads(&first, 16).await;
    let holder = "select distinct node from log.leases";
    let holder: Uuid = sqlx::query_scalar(holder).fetch_one(&pool).await.unwrap();
    let second = follow(1);
    leads(&first, 8).await;
    leads(&second, 8).await;
    let third = follow(2);
    // Who has the odd one follows from the order in which they came, and one held up on a busy machine has come anew.
    eventually("each has its share", || async {
        let mut shares = [&first, &second, &third].map(Follower::ranges);
        shares.sort_unstable();
        (shares == [5, 5, 6]).then_some(())
    })
    .await;
    let held = "select count(*), count(distinct node), min(epoch) from log.leases where node is not null";
    let held: (i64, i64, i64) = sqlx::query_as(held).fetch_one(&pool).await.unwrap();
    assert_eq!((held.0, held.1), (16, 3), "one node for each");
    assert!(held.2 >= 1, "each was taken");

    first.stop().await;
    let left = "select count(*) from log.leases where node = $1";
    let left: i64 = sqlx::query_scalar(left).bind(holder).fetch_one(&pool).await.unwrap();
    assert_eq!(
        left, 0,
        "it gave back what it held, and nobody waits until that expires"
    );
    append_everywhere(&nodes[0]).await;
    all_read(&pool).await;
    leads(&second, 8).await;
    leads(&third, 8).await;
    demand_once_in_order(&pool, "reader").await;
}

/// A row that no node of ours has written harms nobody.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_of_a_range_that_there_is_not_is_nobodys() {
    let database = Database::create().await;
    let (log, pool) = (database.log().await, Reader::prepare(&database).await);
    for strange in [16, -1, i16::MAX] {
        let strange = sqlx::query("insert into log.leases (consumer, range) values ('reader', $1)").bind(strange);
        strange.execute(&pool).await.unwrap();
    }
    let follower = log.follow(Reader::new("reader", &pool), 2);
    leads(&follower, 16).await;
    append_everywhere(&log).await;
    all_read(&pool).await;
    demand_once_in_order(&pool, "reader").await;
}

/// Requests that take every connection do not take the node's leases.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_pool_is_exhausted_keeps_its_leases() {
    let database = Database::create().await;
    let requests = PgPoolOptions::new()
        .max_connections(2)
        .connect(&database.url)
        .await
        .unwrap();
    let log = database.log_over(requests.clone()).await;
    let pool = Reader::prepare(&database).await;
    let follower = log.follow(Reader::new("reader", &pool), 2);
    leads(&follower, 16).await;
    let _taken = [requests.acquire().await.unwrap(), requests.acquire().await.unwrap()];
    let began = "select clock_timestamp()";
    let began: DateTime<Utc> = sqlx::query_scalar(began).fetch_one(&pool).await.unwrap();
    // Twice as long as a lease lasts without being renewed.
    eventually("it has been renewed for six seconds", || async {
        assert_eq!(follower.ranges(), 16);
        let renewed = "select bool_and(expires_at > $1 + interval '9 s') from log.nodes";
        let renewed: Option<bool> = sqlx::query_scalar(renewed).bind(began).fetch_one(&pool).await.ok()?;
        (renewed == Some(true)).then_some(())
    })
    .await;
    append_everywhere(&log).await;
    all_read(&pool).await;
    demand_once_in_order(&pool, "reader").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_dies_is_replaced() {
    let database = Database::create().await;
    let (dying, living) = (database.log().await, database.log().await);
    let pool = Reader::prepare(&database).await;
    let reader = || Reader::new("reader", &pool);
    let (dead, heir) = (dying.follow(reader(), 2), living.follow(reader(), 2));
    leads(&dead, 8).await;
    leads(&heir, 8).await;
    drop((dead, dying));
    append_everywhere(&living).await;
    all_read(&pool).await;
    leads(&heir, 16).await;
    demand_once_in_order(&pool, "reader").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_hangs_is_replaced_when_its_leases_expire() {
    let database = Database::create().await;
    let log = database.log().await;
    let pool = Reader::prepare(&database).await;
    let heir = log.follow(Reader::new("reader", &pool), 2);
    leads(&heir, 16).await;
    // A node whose session lives, and that does nothing.
    let mut session = pool.acquire().await.unwrap();
    let began = Instant::now();
    let hang = "with node as (insert into log.nodes (node, session, consumers, expires_at) \
            values (gen_random_uuid(), pg_backend_pid(), '{reader}', now() + interval '3 s') returning node) \
        update log.leases l set node = node.node, epoch = epoch + 1 from node; select pg_notify('prometric_leases', '')";
    sqlx::raw_sql(hang).execute(&mut *session).await.unwrap();
    leads(&heir, 0).await;
    append_everywhere(&log).await;
    all_read(&pool).await;
    leads(&heir, 16).await;
    assert!(began.elapsed() > Duration::from_secs(3), "it was let have its time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_taken_for_dead_begins_anew() {
    let database = Database::create().await;
    let log = database.log().await;
    let pool = Reader::prepare(&database).await;
    let follower = log.follow(Reader::new("reader", &pool), 2);
    leads(&follower, 16).await;
    for _ in 0..3 {
        let removed: Uuid = sqlx::query_scalar("delete from log.nodes returning node")
            .fetch_one(&pool)
            .await
            .unwrap();
        append_everywhere(&log).await;
        eventually("it is a new node and leads again", || async {
            let holders = "select array_agg(distinct node) from log.leases";
            let holders: Vec<Uuid> = sqlx::query_scalar(holders).fetch_one(&pool).await.ok()?;
            (holders.len() == 1 && holders[0] != removed && follower.ranges() == 16).then_some(())
        })
        .await;
        all_read(&pool).await;
    }
    demand_once_in_order(&pool, "reader").await;
}
