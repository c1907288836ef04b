//! The states of long streams are written down by themselves, used, and never believed against the log.

use super::{context, node};
use commands::Executor;
use domain::{
    Quantity,
    catalog::stock::{Stock, StockCommand, StockRejection},
    id::{ProductId, StockId, WorkspaceId},
};
use prometric_tests::{Database, eventually};
use sqlx::PgPool;
use uuid::Uuid;

const EVENTS: i32 = 230;

struct Long {
    database: Database,
    pool: PgPool,
    node: Executor,
    workspace: WorkspaceId,
    stock: StockId,
}

impl Long {
    /// A stream long enough for a snapshot, which was taken on the way.
    async fn new() -> Self {
        let database = Database::create().await;
        let (node, pool) = (node(&database).await, database.pool().await);
        let (workspace, product) = (WorkspaceId::from(Uuid::now_v7()), ProductId::from(Uuid::now_v7()));
        let long = Self {
            database,
            pool,
            node,
            workspace,
            stock: StockId::of(product),
        };
        for _ in 0..EVENTS {
            long.receive(product).await;
        }
        long
    }

    async fn receive(&self, product_id: ProductId) {
        let receive = StockCommand::Receive {
            product_id,
            lots: Default::default(),
            quantity: Quantity::whole(1),
            unit_cost: None,
            reference: None,
            reason: None,
            warehouse: None,
        };
        let context = context(self.workspace);
        self.node
            .execute::<Stock>(self.stock, &receive, &context)
            .await
            .unwrap();
    }

    async fn snapshot(&self) -> i64 {
        eventually("a snapshot", || async {
            let version = "select version from log.snapshots where workspace_id = $1 and stream_id = $2";
            let version = sqlx::query_scalar(version)
                .bind(Uuid::from(self.workspace))
                .bind(Uuid::from(self.stock));
            version.fetch_optional(&self.pool).await.unwrap()
        })
        .await
    }

    /// As a node sees it that remembers nothing.
    async fn anew(&self) -> (Quantity, i64) {
        let loaded = node(&self.database)
            .await
            .load::<Stock, StockRejection>(self.workspace, self.stock)
            .await
            .unwrap();
        (loaded.state.available(), loaded.version)
    }

    async fn spoil(&self, change: &'static str) {
        let done = sqlx::query(change).execute(&self.pool).await.unwrap();
        assert_eq!(done.rows_affected(), 1, "{change}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_stream_is_loaded_from_its_snapshot() {
    let long = Long::new().await;
    let whole = (Quantity::whole(EVENTS), i64::from(EVENTS));
    let version = long.snapshot().await;
    assert!((200..i64::from(EVENTS)).contains(&version), "{version}");
    assert_eq!(long.anew().await, whole);

    // Only a reader that uses it can notice that it lies.
    let log = long.database.log().await;
    let workspace = Uuid::from(long.workspace);
    let kept = sqlx::query_scalar("select state from log.snapshots").fetch_one(&long.pool);
    let mut state: String = kept.await.unwrap();
    assert!(!state.contains("holding"), "sealed as a whole");
    log.open_text(workspace, &mut state).await.unwrap();
    let (before, after) = state.split_once("\"holding\":{\"quantity\":").unwrap();
    let after = after.trim_start_matches(|digit: char| digit.is_ascii_digit() || digit == '.');
    let mut lie = format!("{before}\"holding\":{{\"quantity\":1000000{after}");
    log.seal_text(workspace, &mut lie).await.unwrap();
    let spoil = sqlx::query("update log.snapshots set state = $1").bind(lie);
    assert_eq!(spoil.execute(&long.pool).await.unwrap().rows_affected(), 1);
    let (available, version) = long.anew().await;
    assert!(available > Quantity::whole(1_000_000), "{available:?}");
    assert_eq!(version, i64::from(EVENTS));

    long.spoil("update log.snapshots set fingerprint = sha256('another fold')")
        .await;
    assert_eq!(long.anew().await, whole, "another fold's is not used");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_cannot_be_used_costs_time_and_nothing_else() {
    let long = Long::new().await;
    let whole = (Quantity::whole(EVENTS), i64::from(EVENTS));
    long.snapshot().await;
    for spoilt in [
        "update log.snapshots set state = '{\"sealed\":'",
        "update log.snapshots set version = version + 1000",
    ] {
        long.spoil(spoilt).await;
        assert_eq!(long.anew().await, whole, "{spoilt}");
    }
}

/// The database came back from an older copy and went on differently: what a node remembers is of another past.
#[tokio::test(flavor = "multi_thread")]
async fn a_state_of_another_past_is_not_read_on_from() {
    let long = Long::new().await;
    let before = long
        .node
        .load::<Stock, StockRejection>(long.workspace, long.stock)
        .await
        .unwrap();
    assert_eq!(before.version, i64::from(EVENTS));
    let half = i64::from(EVENTS) / 2;
    for table in ["events", "heads"] {
        let back = match table {
            "events" => "delete from log.events where position > $1",
            _ => "update log.heads set position = $1",
        };
        sqlx::query(back).bind(half).execute(&long.pool).await.unwrap();
    }
    let after = long
        .node
        .load::<Stock, StockRejection>(long.workspace, long.stock)
        .await
        .unwrap();
    assert_eq!(
        (after.state.available(), after.version),
        (Quantity::whole(EVENTS / 2), half)
    );
}
