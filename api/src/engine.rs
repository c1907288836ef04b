//! Where the log's commits become durable: in PostgreSQL, or in a cluster of EventStoreDB, of which PostgreSQL is then the replica.

use clap::Args;
use cluster::{AddressError, Cluster};
use log::Engine;
use std::{env, path::PathBuf, sync::Arc};

/// What a setting says that means PostgreSQL.
const POSTGRESQL: &str = "postgresql";
/// The program that speaks to a cluster, which is shipped beside this one.
const PROGRAM: &str = "prometric-cluster";

#[derive(Clone, Args)]
pub struct LogEngine {
    /// Where commits become durable: `postgresql`, or a cluster of EventStoreDB, esdb://user:password@host:2113?tls=true, of which PostgreSQL
    /// is then the replica.
    #[arg(long, env = "LOG_ENGINE", hide_env_values = true, default_value = POSTGRESQL)]
    pub log_engine: String,
    /// What the workspaces' streams are called there, before the workspace's id.
    #[arg(
        long,
        env = "LOG_ENGINE_STREAMS",
        value_name = "PREFIX",
        default_value = "prometric-"
    )]
    pub log_engine_streams: String,
    /// The program that speaks to the cluster; `prometric-cluster` beside this one unless it is named.
    #[arg(long, env = "LOG_ENGINE_PROGRAM", value_name = "FILE")]
    pub log_engine_program: Option<PathBuf>,
}

impl LogEngine {
    /// None where PostgreSQL is the log.
    pub fn open(&self) -> Result<Option<Arc<dyn Engine>>, AddressError> {
        let address = self.log_engine.trim();
        if address.is_empty() || address == POSTGRESQL {
            return Ok(None);
        }
        let named = self.log_engine_program.clone();
        let named = named.filter(|program| !program.as_os_str().is_empty());
        let cluster = Cluster::new(address, &self.log_engine_streams, named.unwrap_or_else(beside))?;
        Ok(Some(Arc::new(cluster)))
    }
}

fn beside() -> PathBuf {
    match env::current_exe() {
        Ok(this) => this.with_file_name(PROGRAM),
        Err(_) => PROGRAM.into(),
    }
}
