//! The log in the protocol of EventStoreDB: to other people's clients, unmodified, and to whoever sends what no client would.

mod certificate;
mod clients;
mod groups;
mod hostile;
mod published;
mod users;

use prometric_tests::{Client, Server};
use serde_json::json;
use sqlx::PgPool;
use std::time::Duration;
use uuid::Uuid;

/// A client that stands still has failed.
const PATIENCE: Duration = Duration::from_secs(60);
const NAME: &str = "Айгүл Серікқызы";

/// A company of its own, with a customer who was changed twice, and what the log holds of it.
struct Company {
    owner: Client,
    pool: PgPool,
    stream: String,
}

impl Company {
    async fn open(server: &Server) -> Self {
        let owner = server.owner().await;
        let id = customer(&owner).await;
        for phone in ["+77010000001", "+77010000002"] {
            owner
                .put(&format!("/customers/{id}"), json!({ "phone": phone }))
                .await
                .expect(200);
        }
        customer(&owner).await;
        Self {
            pool: server.pool().await,
            stream: format!("customer-{id}"),
            owner,
        }
    }

    /// A machine with these rights.
    async fn key(&self, permissions: &[&str]) -> String {
        let key = json!({"name": "reader", "permissions": permissions});
        let made = self.owner.post("/api-keys", key).await.expect(201);
        made["key"].as_str().unwrap().to_owned()
    }

    /// Where it finds the log.
    async fn address(&self, port: u16, permissions: &[&str]) -> String {
        format!("esdb://reader:{}@localhost:{port}", self.key(permissions).await)
    }

    /// Position, revision and type of the events up to a position.
    async fn log(&self, until: i64) -> Vec<(i64, i64, String, String)> {
        let log = "select position, version - 1, type, stream_category || '-' || stream_id from log.events \
            where workspace_id = $1 and position <= $2 order by position";
        let workspace: Uuid = self.owner.workspace.parse().unwrap();
        sqlx::query_as(log)
            .bind(workspace)
            .bind(until)
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }
}

async fn customer(owner: &Client) -> String {
    let made = owner.post("/customers", json!({ "name": NAME })).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}
