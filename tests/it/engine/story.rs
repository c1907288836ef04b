//! The story on the second engine: server and store are killed in turn while deals are won, the store once more under the load of many
//! clients, and in the end PostgreSQL is lost and made again from the streams, with the keys of people from a backup. `./dev engine` leads
//! it with all of its kills.

use super::{kept_keys, put_keys_back, rows, succeeds};
use crate::crash::{all_planned, check_books, check_books_of, win_one};
use prometric_tests::{Server, engine::Store, eventually, story::Shop};
use sqlx::AssertSqlSafe;
use std::time::Duration;
use tokio::task::JoinSet;
use uuid::Uuid;

const KILLS: usize = 4;
/// Deals won at the same time while one of the two dies.
const RIVALS: usize = 4;
/// Clients at once while the store dies once more.
const CLIENTS: usize = 40;

/// Until a deal is decided, appended, or followed by the saga's first steps.
async fn a_moment() {
    tokio::time::sleep(Duration::from_micros(rand::random_range(0..250_000))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_holds_whichever_of_server_store_and_postgresql_is_lost() {
    let mut store = Store::start().await;
    let engine = store.engine("story");
    let mut server = Server::start_anew(&engine.env()).await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 10_000, 10_000).await;

    let wins = |round: usize, clients: usize| {
        let win = |client| win_one(owner.clone(), shop.clone(), format!("{round}-{client}"));
        (0..clients).map(win).collect::<JoinSet<()>>()
    };
    for kill in 0..KILLS {
        let rivals = wins(kill, RIVALS);
        a_moment().await;
        match kill % 2 {
            0 => store.crash().await,
            _ => {
                server.kill();
                server.spawn().await;
            }
        }
        rivals.join_all().await;
    }
    let clients = wins(KILLS, CLIENTS);
    a_moment().await;
    store.crash().await;
    clients.join_all().await;
    let deals = KILLS * RIVALS + CLIENTS;
    all_planned(&owner, deals).await;
    check_books(&server, &owner, deals).await;

    let (workspace, schema): (Uuid, _) = (owner.workspace.parse().unwrap(), owner.schema().await);
    server.end().await;
    // What nobody could be told of may be in the stream and not in the tables yet.
    succeeds(&server, &["log", "restore"], &[]);
    let pool = server.pool().await;
    let (before, keys) = (rows(&pool).await, kept_keys(&pool).await);
    server.lose_database().await;
    succeeds(&server, &["log", "restore", "--from", &engine.address], &[]);
    let pool = server.pool().await;
    assert_eq!(rows(&pool).await, before);
    put_keys_back(&pool, &keys).await;
    succeeds(&server, &["audit", "verify"], &[]);

    server.spawn().await;
    let made =
        format!("select c.position = h.position from {schema}.checkpoint c, log.heads h where h.workspace_id = $1");
    eventually("the read models are made again", || async {
        let made = sqlx::query_scalar(AssertSqlSafe(made.clone())).bind(workspace);
        made.fetch_one(&pool).await.ok().filter(|made: &bool| *made)
    })
    .await;
    check_books_of(&server, workspace, &schema, deals).await;
}
