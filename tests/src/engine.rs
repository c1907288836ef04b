//! A cluster as the engine of a test's log. None of EventStoreDB's makers is at hand: a server of ours stands for it ([`Store`]), its own log
//! in another database. It lets outside systems append to streams called `external-…`, so that is what the streams are called.

use crate::{Client, Server, free_port, server::binary};
use cluster::Cluster;
use log::Log;
use serde_json::json;
use sqlx::{PgPool, postgres::PgConnectOptions};
use std::{path::PathBuf, sync::Arc};

/// A cluster, and what the streams of one installation are called there.
#[derive(Debug, Clone)]
pub struct Engine {
    /// As in `LOG_ENGINE`, with the account in it.
    pub address: String,
    /// As in `LOG_ENGINE_STREAMS`.
    pub streams: String,
}

impl Engine {
    /// A node's log on it, with that database as the replica.
    pub async fn open(&self, options: PgConnectOptions, pool: PgPool) -> Result<Log, sqlx::Error> {
        let cluster = Cluster::new(&self.address, &self.streams, program()).expect("a cluster's address");
        Log::open_on(options, pool, Arc::new(cluster)).await
    }

    /// What a server is told of it.
    pub fn env(&self) -> [(&str, &str); 2] {
        [("LOG_ENGINE", &self.address), ("LOG_ENGINE_STREAMS", &self.streams)]
    }
}

/// What speaks to a cluster, where the server has it.
fn program() -> PathBuf {
    binary().with_file_name("prometric-cluster")
}

/// A server that stands for a cluster.
pub struct Store {
    pub server: Server,
    /// Whose workspace the streams are in.
    pub owner: Client,
    pub port: u16,
    /// That account's, which may read and append.
    pub key: String,
}

impl Store {
    pub async fn start() -> Self {
        let port = free_port();
        let server = Server::start_with(&[("GRPC_PORT", &port.to_string())]).await;
        let owner = server.owner().await;
        let key = json!({"name": "log", "permissions": ["AUDIT_VIEW", "EXTERNAL_APPEND"]});
        let made = owner.post("/api-keys", key).await.expect(201);
        let key = made["key"].as_str().expect("a key").to_owned();
        Self {
            server,
            owner,
            port,
            key,
        }
    }

    /// For an installation of that name.
    pub fn engine(&self, name: &str) -> Engine {
        Engine {
            address: format!("esdb://log:{}@127.0.0.1:{}?tls=false", self.key, self.port),
            streams: format!("external-{name}-"),
        }
    }
}
