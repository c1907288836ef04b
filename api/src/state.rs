//! What every handler and every consumer of this node shares.

use crate::{config::Config, identity::password::Passwords, identity::token::Tokens};
use commands::Executor;
use log::{Consumer, Log, Status};
use metrics_exporter_prometheus::PrometheusHandle;
use projections::Projections;
use sqlx::PgPool;
use std::{
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};
use tokio::task::JoinHandle;

/// A handle; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

pub struct Parts {
    pub pool: PgPool,
    pub log: Log,
    pub executor: Executor,
    pub projections: Projections,
    pub config: Config,
    pub tokens: Tokens,
    pub passwords: Passwords,
    /// Absent without NATS_URL; otherwise connecting by itself, now or later.
    pub nats: Option<async_nats::Client>,
    pub consumers: Consumers,
    pub metrics: PrometheusHandle,
    pub started: Instant,
}

impl App {
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Starts a consumer on this node, at most `workers` workspaces at a time, and keeps its status in view.
    pub fn follow(&self, consumer: Arc<dyn Consumer>, workers: usize) {
        let status = self.consumers.register(consumer.name());
        let task = tokio::spawn(log::follow(self.log.clone(), consumer, workers, status));
        self.consumers.keep(task);
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
    statuses: Vec<(&'static str, Status)>,
    tasks: Vec<JoinHandle<()>>,
}

impl Consumers {
    /// A status under that name, for those who run their own tasks.
    pub fn register(&self, name: &'static str) -> Status {
        let status = Status::default();
        self.with(|running| running.statuses.push((name, status.clone())));
        status
    }

    /// A task that ends with the server.
    pub fn keep(&self, task: JoinHandle<()>) {
        self.with(|running| running.tasks.push(task));
    }

    pub fn statuses(&self) -> Vec<(&'static str, Status)> {
        self.with(|running| running.statuses.clone())
    }

    /// Every consumer can be stopped at any moment: its cursor moves in the transaction of what it wrote.
    pub fn stop(&self) {
        self.with(|running| running.tasks.drain(..).for_each(|task| task.abort()));
    }

    fn with<T>(&self, body: impl FnOnce(&mut Running) -> T) -> T {
        body(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
