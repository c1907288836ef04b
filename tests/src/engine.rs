//! A cluster as the engine of a test's log. None of EventStoreDB's makers is at hand: a server of ours stands for it ([`Store`]), its own log
//! in another database. It lets outside systems append to streams called `external-…`, so that is what the streams are called.
//!
//! Where `LOG_ENGINE` names a cluster, all logs of tests are there, and their databases are its replicas (`./dev engine`): the
//! contract of the log is one, whatever keeps it. A database's streams are told from others' by its name.

use crate::{Client, Server, free_port, server::binary};
use cluster::Cluster;
use log::Log;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::{PgPool, postgres::PgConnectOptions};
use std::{env, path::PathBuf, sync::Arc};

/// What `LOG_ENGINE` says where no engine is asked for.
const POSTGRESQL: &str = "postgresql";
/// What the streams are called unless `LOG_ENGINE_STREAMS` says.
const STREAMS: &str = "prometric-test-";

/// A cluster, and what the streams of one installation are called there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Engine {
    /// As in `LOG_ENGINE`, with the account in it.
    pub address: String,
    /// As in `LOG_ENGINE_STREAMS`.
    pub streams: String,
}

impl Engine {
    /// The one that logs of tests are to have, for an installation of that name; `None`: PostgreSQL.
    pub fn named(name: &str) -> Option<Self> {
        let told = |variable: &str| env::var(variable).ok().filter(|text| !text.is_empty());
        let address = told("LOG_ENGINE").filter(|address| address != POSTGRESQL)?;
        let streams = told("LOG_ENGINE_STREAMS").unwrap_or_else(|| STREAMS.to_owned());
        Some(Self {
            address,
            streams: format!("{streams}{name}-"),
        })
    }

    /// The same for the installation in that database.
    pub fn of(database_url: &str) -> Option<Self> {
        let (path, _) = database_url.split_once('?').unwrap_or((database_url, ""));
        let (_, name) = path.rsplit_once('/').expect("a database's URL");
        Self::named(name)
    }

    /// Where it listens, if it is one server of this machine.
    pub fn port(&self) -> Option<u16> {
        let (host, port) = self.host().rsplit_once(':')?;
        let port = port.parse().ok()?;
        ["127.0.0.1", "localhost"].contains(&host).then_some(port)
    }

    /// The same behind another port of this machine.
    #[must_use]
    pub fn at(self, port: u16) -> Self {
        let host = self.host();
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let address = self.address.replacen(host, &format!("{name}:{port}"), 1);
        Self { address, ..self }
    }

    /// Name and port, or several of them.
    fn host(&self) -> &str {
        let rest = self.address.split_once("://").map_or("", |(_, rest)| rest);
        let hosts = rest.split(['?', '/']).next().unwrap_or_default();
        hosts.rsplit_once('@').map_or(hosts, |(_, hosts)| hosts)
    }

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

/// A node's log in that database, wherever it is.
pub async fn open(options: PgConnectOptions, pool: PgPool, engine: Option<&Engine>) -> Result<Log, sqlx::Error> {
    match engine {
        None => Log::open(options, pool).await,
        Some(engine) => engine.open(options, pool).await,
    }
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
        let server = Server::start_with(&[("GRPC_PORT", &port.to_string()), ("LOG_ENGINE", POSTGRESQL)]).await;
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

    /// `kill -9`, and up again.
    pub async fn crash(&mut self) {
        self.server.kill();
        self.server.spawn().await;
    }

    /// For an installation of that name.
    pub fn engine(&self, name: &str) -> Engine {
        Engine {
            address: format!("esdb://log:{}@127.0.0.1:{}?tls=false", self.key, self.port),
            streams: format!("external-{name}-"),
        }
    }
}
