//! The relay: every event of every workspace's log goes to NATS JetStream on `prometric.{workspaceId}.{event type}`, in
//! order per workspace, several in flight, with a cursor that moves after the acknowledgement. `Nats-Msg-Id` is
//! `{workspaceId}:{position}`, so a repeat after a crash is dropped by the server and a reader finds holes by arithmetic.
//!
//! Order is kept by never letting a connection outlive a failure: a client that reconnects by itself would send what it
//! had buffered although what was in flight is lost. Here a broken link is thrown away with all it held, and the next
//! one begins at the cursor.

use crate::state::App;
use async_nats::{
    ConnectOptions, HeaderMap,
    connection::State,
    jetstream::{self, message::PublishMessage, stream},
};
use async_trait::async_trait;
use log::{Consumer, ConsumerError, Log, Progress, Recorded};
use sqlx::PgPool;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::sync::Mutex;
use uuid::Uuid;

const STREAM: &str = "PROMETRIC";
/// Events in flight per workspace; more gains nothing (reference, "Measured" §6).
const WINDOW: i64 = 256;
/// Workspaces published at the same time.
const WORKERS: usize = 4;
const CONNECT_WAIT: Duration = Duration::from_secs(5);
/// How long the server remembers message ids: longer than a crash of ours lasts.
const DUPLICATES: Duration = Duration::from_secs(3_600);

/// Follows the log, if there is a NATS server to publish to; without one everything else works.
pub fn start(app: &App) {
    if let Some(url) = app.config.nats_url.clone().filter(|url| !url.is_empty()) {
        app.follow(Relay::new(url, app.log.clone(), app.pool.clone()), WORKERS);
    }
}

struct Relay {
    url: String,
    log: Log,
    pool: PgPool,
    link: Mutex<Option<Arc<Link>>>,
}

struct Link {
    client: async_nats::Client,
    jetstream: jetstream::Context,
}

impl Relay {
    fn new(url: String, log: Log, pool: PgPool) -> Arc<Self> {
        Arc::new(Self {
            url,
            log,
            pool,
            link: Mutex::default(),
        })
    }

    async fn link(&self) -> Result<Arc<Link>, ConsumerError> {
        let mut link = self.link.lock().await;
        if let Some(link) = link
            .as_ref()
            .filter(|link| link.client.connection_state() == State::Connected)
        {
            return Ok(link.clone());
        }
        *link = None;
        let fresh = Arc::new(tokio::time::timeout(CONNECT_WAIT, connect(&self.url)).await??);
        *link = Some(fresh.clone());
        Ok(fresh)
    }

    async fn drop_link(&self, broken: &Arc<Link>) {
        let mut link = self.link.lock().await;
        if link.as_ref().is_some_and(|link| Arc::ptr_eq(link, broken)) {
            *link = None;
        }
    }

    async fn cursor(&self, workspace: Uuid) -> Result<i64, sqlx::Error> {
        let cursor =
            sqlx::query_scalar("select position from platform.cursors where consumer = 'relay' and workspace_id = $1");
        Ok(cursor.bind(workspace).fetch_optional(&self.pool).await?.unwrap_or(0))
    }

    async fn move_cursor(&self, workspace: Uuid, position: i64) -> Result<(), sqlx::Error> {
        let upsert = "insert into platform.cursors (consumer, workspace_id, position) values ('relay', $1, $2) \
            on conflict (consumer, workspace_id) do update set position = greatest(cursors.position, excluded.position)";
        sqlx::query(upsert)
            .bind(workspace)
            .bind(position)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

#[async_trait]
impl Consumer for Relay {
    fn name(&self) -> &'static str {
        "relay"
    }

    async fn advance(&self, workspace: Uuid) -> Result<Progress, ConsumerError> {
        let from = self.cursor(workspace).await?;
        let events = self.log.read(workspace, from, WINDOW).await?;
        if events.is_empty() {
            return Ok(Progress {
                position: from,
                more: false,
            });
        }
        let link = self.link().await?;
        let (acknowledged, failure) = publish(&link.jetstream, &events).await;
        if acknowledged > from {
            self.move_cursor(workspace, acknowledged).await?;
        }
        if let Some(failure) = failure {
            self.drop_link(&link).await;
            return Err(failure);
        }
        Ok(Progress {
            position: acknowledged,
            more: acknowledged - from == WINDOW,
        })
    }
}

/// Sends all, then waits for all; answers the last position of the unbroken run that was acknowledged.
async fn publish(jetstream: &jetstream::Context, events: &[Recorded]) -> (i64, Option<ConsumerError>) {
    let mut in_flight = Vec::with_capacity(events.len());
    let mut failure: Option<ConsumerError> = None;
    for event in events {
        let subject = format!("prometric.{}.{}", event.workspace, event.event_type);
        let message = PublishMessage::build()
            .payload(event.data.clone().into())
            .headers(headers(event));
        match jetstream.send_publish(subject, message).await {
            Ok(acknowledgement) => in_flight.push((event.position, acknowledgement)),
            Err(error) => {
                failure = Some(error.into());
                break;
            }
        }
    }
    let mut acknowledged = 0;
    for (position, acknowledgement) in in_flight {
        match acknowledgement.await {
            Ok(_) => acknowledged = position,
            Err(error) => return (acknowledged, Some(error.into())),
        }
    }
    (acknowledged, failure)
}

/// CloudEvents in binary mode; `ce-subject` is the aggregate's stream.
fn headers(event: &Recorded) -> HeaderMap {
    let id = format!("{}:{}", event.workspace, event.position);
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", id.as_str());
    headers.insert("Content-Type", "application/json");
    headers.insert("ce-specversion", "1.0");
    headers.insert("ce-id", id.as_str());
    headers.insert("ce-source", format!("/api/v1/workspaces/{}", event.workspace));
    headers.insert("ce-type", event.event_type.as_str());
    headers.insert("ce-subject", format!("{}/{}", event.category, event.stream_id));
    headers.insert("ce-time", event.recorded_at.to_rfc3339());
    headers.insert("ce-position", event.position.to_string());
    headers.insert("ce-version", event.version.to_string());
    headers
}

async fn connect(url: &str) -> Result<Link, ConsumerError> {
    let connected = Arc::new(AtomicBool::new(false));
    let once = connected.clone();
    let pause = move |_| {
        if once.load(Ordering::Relaxed) {
            Duration::from_secs(86_400)
        } else {
            Duration::ZERO
        }
    };
    let options = ConnectOptions::new()
        .name("prometric-relay")
        .max_reconnects(2)
        .reconnect_delay_callback(pause);
    let client = options.connect(url).await?;
    connected.store(true, Ordering::Relaxed);
    let jetstream = jetstream::new(client.clone());
    let stream = stream::Config {
        name: STREAM.to_owned(),
        subjects: vec!["prometric.>".to_owned()],
        storage: stream::StorageType::File,
        duplicate_window: DUPLICATES,
        ..stream::Config::default()
    };
    jetstream.get_or_create_stream(stream).await?;
    Ok(Link { client, jetstream })
}
