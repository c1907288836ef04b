//! Commands on one stream, many at once: they share commits, and none is decided on what is not written in the end.

use super::{context, node};
use commands::Executor;
use domain::{
    Quantity,
    catalog::stock::{Demand, Stock, StockCommand, StockRejection},
    id::{OrderId, ProductId, StockId, WorkspaceId},
};
use futures::future::join_all;
use prometric_tests::Database;
use std::time::Duration;
use tokio::time::timeout;
use uuid::Uuid;

const COMMANDS: u128 = 200;

struct Goods {
    database: Database,
    node: Executor,
    workspace: WorkspaceId,
    product: ProductId,
}

impl Goods {
    /// A stream that has begun.
    async fn new() -> Self {
        let database = Database::create().await;
        let goods = Self {
            node: node(&database).await,
            database,
            workspace: Uuid::now_v7().into(),
            product: Uuid::now_v7().into(),
        };
        goods.execute(goods.receive(1)).await;
        goods
    }

    fn receive(&self, quantity: i32) -> StockCommand {
        StockCommand::Receive {
            product_id: self.product,
            lots: Default::default(),
            quantity: Quantity::whole(quantity),
            unit_cost: None,
            reference: None,
            reason: None,
            warehouse: None,
        }
    }

    fn reserve(&self, demand: u128) -> StockCommand {
        StockCommand::Reserve {
            product_id: self.product,
            demand: Demand {
                id: Uuid::from_u128(demand),
                order_id: OrderId::default(),
                line: 0,
                production_order_id: None,
                reference: "ORD-2026-0001".into(),
            },
            quantity: Quantity::whole(1),
            least: None,
        }
    }

    /// The version afterwards.
    async fn execute(&self, command: StockCommand) -> i64 {
        let (id, context) = (StockId::of(self.product), context(self.workspace));
        self.node
            .execute::<Stock>(id, &command, &context)
            .await
            .unwrap()
            .version
    }

    /// What a node without memory reads.
    async fn read(&self) -> (Stock, i64) {
        let anew = node(&self.database).await;
        let read = anew
            .load::<Stock, StockRejection>(self.workspace, StockId::of(self.product))
            .await
            .unwrap();
        ((*read.state).clone(), read.version)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn they_share_commits() {
    let goods = Goods::new().await;
    let mut versions = join_all((0..COMMANDS).map(|_| goods.execute(goods.receive(1)))).await;
    versions.sort_unstable();
    assert!(versions.into_iter().eq(2..=COMMANDS as i64 + 1));
    assert_eq!(goods.read().await.0.available(), Quantity::whole(COMMANDS as i32 + 1));
    // What is committed together is recorded at the same instant.
    let commits = "select count(distinct recorded_at) from log.events where workspace_id = $1";
    let commits: i64 = sqlx::query_scalar(commits)
        .bind(goods.workspace.uuid())
        .fetch_one(&goods.database.pool().await)
        .await
        .unwrap();
    assert!(commits < 100, "{commits} commits for {COMMANDS} commands");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_is_decided_on_those_before_it() {
    let goods = Goods::new().await;
    goods.execute(goods.receive(9)).await;
    // Each demand is asked for twice, and there are goods for ten.
    join_all((0..COMMANDS).map(|n| goods.execute(goods.reserve(n / 2)))).await;
    let (stock, version) = goods.read().await;
    assert_eq!(stock.available(), Quantity::ZERO);
    assert_eq!(version, 2 + COMMANDS as i64 / 2);
}

/// Another node has written meanwhile, which this one does not know: two commands in line, of which the second is decided on what the first
/// will leave. The first loses; the second finds the very version that it expects, and is decided anew all the same.
#[tokio::test]
async fn what_builds_on_what_is_lost_is_lost_as_well() {
    let goods = Goods::new().await;
    let elsewhere = node(&goods.database).await;
    let (id, context) = (StockId::of(goods.product), context(goods.workspace));
    elsewhere
        .execute::<Stock>(id, &goods.receive(10), &context)
        .await
        .unwrap();
    join_all([1, 2].map(|demand| goods.execute(goods.reserve(demand)))).await;
    let (stock, version) = goods.read().await;
    assert_eq!((stock.available(), version), (Quantity::whole(9), 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_in_the_middle_takes_nobody_along() {
    let goods = Goods::new().await;
    let asked = (0..COMMANDS).map(|n| {
        let leaves = Duration::from_micros(if n % 3 == 0 { n as u64 * 50 } else { 60_000_000 });
        let asked = goods.execute(goods.receive(1));
        async move { timeout(leaves, asked).await.ok() }
    });
    let mut versions: Vec<i64> = join_all(asked).await.into_iter().flatten().collect();
    let stayed = versions.len() as u128;
    assert!((COMMANDS * 2 / 3..COMMANDS).contains(&stayed), "{stayed} stayed");
    versions.sort_unstable();
    versions.dedup();
    assert_eq!(versions.len() as u128, stayed, "each its own");
    let (stock, version) = goods.read().await;
    assert_eq!(stock.available(), Quantity::whole(version as i32));
    assert!(versions.last().unwrap() <= &version);
}
