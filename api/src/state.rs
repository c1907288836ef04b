//! What every handler and every consumer of this node shares.

use crate::{
    config::Config,
    edge::{conditional::Memory, rate::Rates, turns::Turns},
    identity::{
        api_key::known::Keys, door::Door, members::Members, password::Passwords, policy::Policies, secrets::Pepper,
        session::live::Sessions, token::Tokens,
    },
    mail::Mail,
};
use commands::Executor;
use files::{Files, Pictures};
use futures::future::join_all;
use log::{Consumer, Follower, Log};
use metrics_exporter_prometheus::PrometheusHandle;
use projections::{Projections, Readers};
use sqlx::PgPool;
use std::{
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};
use tokio::{
    sync::{Notify, Semaphore},
    task::JoinHandle,
};

/// A handle; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

pub struct Parts {
    pub pool: PgPool,
    /// For lists, details and queries: whatever they do, the rest goes on.
    pub reads: Readers,
    pub log: Log,
    pub executor: Executor,
    pub projections: Projections,
    pub config: Config,
    pub tokens: Arc<Tokens>,
    pub members: Members,
    pub sessions: Sessions,
    pub keys: Keys,
    pub policies: Policies,
    pub pepper: Arc<Pepper>,
    pub passwords: Passwords,
    pub door: Door,
    pub mail: Mail,
    /// Who checks signatures; absent without roots.
    pub signatures: Option<signature::Verifier>,
    /// Absent without NATS_URL; otherwise connecting by itself, now or later.
    pub nats: Option<async_nats::Client>,
    pub consumers: Consumers,
    pub metrics: PrometheusHandle,
    /// Absent when they are lifted.
    pub rates: Option<Rates>,
    pub reading: Arc<Turns>,
    pub writing: Arc<Turns>,
    /// Room for large bodies, in KB.
    pub bodies: Arc<Semaphore>,
    pub shown: Memory,
    pub files: Files,
    pub pictures: Pictures,
    /// That there is a file to be worked on.
    pub importing: Notify,
    pub started: Instant,
}

impl App {
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Whether there are limits to requests and to signing in.
    pub fn is_limited(&self) -> bool {
        self.config.is_limited()
    }

    /// Starts a consumer on this node, at most `workers` workspaces at a time.
    pub fn follow(&self, consumer: Arc<dyn Consumer>, workers: usize) {
        let follower = self.log.follow(consumer, workers);
        self.consumers.with(|running| running.followers.push(follower));
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// The consumers that run on this node.
#[derive(Default)]
pub struct Consumers(Mutex<Running>);

#[derive(Default)]
struct Running {
    followers: Vec<Follower>,
    tasks: Vec<JoinHandle<()>>,
}

impl Consumers {
    /// A task that ends with the server.
    pub fn keep(&self, task: JoinHandle<()>) {
        self.with(|running| running.tasks.push(task));
    }

    /// Looks at each consumer that follows the log.
    pub fn each(&self, look: impl FnMut(&Follower)) {
        self.with(|running| running.followers.iter().for_each(look));
    }

    /// Ends them all, and has other nodes take over at once.
    pub async fn stop(&self) {
        let Running { followers, tasks } = self.with(std::mem::take);
        tasks.iter().for_each(JoinHandle::abort);
        join_all(followers.into_iter().map(Follower::stop)).await;
    }

    fn with<T>(&self, body: impl FnOnce(&mut Running) -> T) -> T {
        body(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
