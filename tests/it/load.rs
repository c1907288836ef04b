//! 200 parallel clients win 200 deals in 4 workspaces: one of everything per deal, numbers and positions dense.

use crate::crash::check_books;
use futures::{StreamExt, future::join_all, stream};
use prometric_tests::{
    Server, eventually,
    story::{Shop, id},
};
use serde_json::json;

const WORKSPACES: usize = 4;
const DEALS_EACH: usize = 50;

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_clients_win_two_hundred_deals() {
    let server = Server::start_with(&[]).await;
    let owners = join_all((0..WORKSPACES).map(|_| server.owner())).await;
    let shops = join_all(owners.iter().map(|owner| Shop::open(owner, 100_000, 100_000))).await;

    let clients = owners
        .iter()
        .zip(&shops)
        .flat_map(|pair| std::iter::repeat_n(pair, DEALS_EACH));
    let win = |(owner, shop): (&prometric_tests::Client, &Shop)| {
        let (owner, body) = (owner.clone(), shop.deal(1));
        async move {
            let deal = owner.post("/deals", body).await.expect(201);
            owner
                .post(&format!("/deals/{}/win", id(&deal)), json!({}))
                .await
                .expect(200);
        }
    };
    stream::iter(clients.map(win))
        .buffer_unordered(WORKSPACES * DEALS_EACH)
        .collect::<Vec<()>>()
        .await;

    for owner in &owners {
        eventually("everything is planned", || async {
            let planned = owner
                .get("/production/orders?status=scheduled&limit=1")
                .await
                .expect(200)["total"]
                .as_u64();
            let invoices = owner.get("/finance/invoices?limit=1").await.expect(200)["total"].as_u64();
            (planned == Some(DEALS_EACH as u64) && invoices == Some(DEALS_EACH as u64)).then_some(())
        })
        .await;
    }
    for owner in &owners {
        check_books(&server, owner, DEALS_EACH).await;
    }
}
