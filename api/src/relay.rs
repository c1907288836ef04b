//! The relay: every event of every workspace's log goes to NATS JetStream on `prometric.{workspaceId}.{event type}`, in
//! order per workspace, several in flight, with a cursor that moves after the acknowledgement. `Nats-Msg-Id` is
//! `{workspaceId}:{position}`, so a repeat after a crash is dropped by the server and a reader finds holes by arithmetic.
//!
//! Order is kept by never letting a connection outlive a failure: a client that reconnects by itself would send what it
//! had buffered although what was in flight is lost. Here a broken link is thrown away with all it held, and the next
//! one begins at the cursor.
//!
//! The server drops what bears a message id it knows, whoever used it first. So an acknowledgement marked duplicate is
//! not believed: what the stream holds is looked at. If it is the event, somebody published it before, mostly ourselves
//! before a crash. If it is anything else, the event goes out under a second id, which nobody can
//! guess who does not know the event; and operators are told.

use crate::{schemas, state::App};
use async_nats::{
    ConnectOptions, HeaderMap,
    connection::State,
    jetstream::{
        self,
        message::PublishMessage,
        stream::{self, RawMessageErrorKind, Stream},
    },
};
use async_trait::async_trait;
use domain::fact;
use log::{
    Consumer, ConsumerError, Log, Progress, Recorded,
    wrong::{self, Variant::CursorBeforeAcknowledgement},
};
use metrics::counter;
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

/// All events of all workspaces.
pub const STREAM: &str = "PROMETRIC";
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
        let open = app.config.nats_open_prefix.clone();
        app.follow(Relay::new(url, open, app.log.clone(), app.pool.clone()), WORKERS);
    }
}

struct Relay {
    url: String,
    /// Where events are told with personal values in the clear.
    open: Option<String>,
    log: Log,
    pool: PgPool,
    link: Mutex<Option<Arc<Link>>>,
}

struct Link {
    client: async_nats::Client,
    jetstream: jetstream::Context,
    stream: Stream,
}

impl Relay {
    fn new(url: String, open: Option<String>, log: Log, pool: PgPool) -> Arc<Self> {
        Arc::new(Self {
            url,
            open,
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

    /// The same with personal values in the clear, to whoever listens just now: a stream would keep what is to be erased. Told
    /// again after a crash.
    async fn tell_open(&self, link: &Link, prefix: &str, mut events: Vec<Recorded>) -> Result<(), ConsumerError> {
        self.log.open_personal(&mut events).await?;
        for event in &events {
            let category = fact::category(&event.category)?;
            let data = category.plain(&event.event_type, &event.data)?.into_owned();
            let subject = format!("{prefix}.{}.{}", event.workspace, event.event_type);
            let headers = headers(event, &id(event));
            link.client.publish_with_headers(subject, headers, data.into()).await?;
        }
        Ok(())
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
        let (acknowledged, failure) = publish(&link, &events).await;
        if let Some(prefix) = &self.open {
            let told = events
                .into_iter()
                .filter(|event| event.position <= acknowledged)
                .collect();
            self.tell_open(&link, prefix, told).await?;
        }
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
async fn publish(link: &Link, events: &[Recorded]) -> (i64, Option<ConsumerError>) {
    let mut in_flight = Vec::with_capacity(events.len());
    let mut failure: Option<ConsumerError> = None;
    for event in events {
        match link
            .jetstream
            .send_publish(subject(event), message(event, &id(event)))
            .await
        {
            Ok(acknowledgement) => in_flight.push((event, acknowledgement)),
            Err(error) => {
                failure = Some(error.into());
                break;
            }
        }
    }
    let mut acknowledged = 0;
    for (event, acknowledgement) in in_flight {
        let settled = match acknowledgement.await {
            Ok(acknowledgement) if acknowledgement.duplicate => doubt(link, event, acknowledgement.sequence).await,
            Ok(_) => Ok(()),
            Err(error) => Err(error.into()),
        };
        match settled {
            Ok(()) => acknowledged = event.position,
            Err(_) if wrong::is(CursorBeforeAcknowledgement) => acknowledged = event.position,
            Err(error) => return (acknowledged, Some(error)),
        }
    }
    (acknowledged, failure)
}

/// The server says that it has the event already, as that message. If that is another's, publishes the event under its
/// second id; if even that is, fails, so that the relay stands still and says why.
async fn doubt(link: &Link, event: &Recorded, sequence: u64) -> Result<(), ConsumerError> {
    if is_stored(link, event, sequence).await? {
        return Ok(());
    }
    let second = format!("{}:{}", id(event), event.event_id);
    let sent = link.jetstream.send_publish(subject(event), message(event, &second));
    let acknowledgement = sent.await?.await?;
    if acknowledgement.duplicate {
        if is_stored(link, event, acknowledgement.sequence).await? {
            return Ok(());
        }
        counter!("prometric_relay_displaced_total", "outcome" => "failed").increment(1);
        return Err(Displaced(event.position).into());
    }
    counter!("prometric_relay_displaced_total", "outcome" => "published").increment(1);
    tracing::error!(
        workspace = %event.workspace, position = event.position, sequence,
        "the message id of an event was used by another on NATS; the event was published under a second one"
    );
    Ok(())
}

/// Both message ids of an event belong to something else on NATS.
#[derive(Debug, thiserror::Error)]
#[error("the message ids of position {0} were used by another on NATS: the event is not in the stream")]
struct Displaced(i64);

/// Whether the message is this event. One that is gone is not: it may have been anything.
async fn is_stored(link: &Link, event: &Recorded, sequence: u64) -> Result<bool, ConsumerError> {
    let stored = match link.stream.get_raw_message(sequence).await {
        Ok(stored) => stored,
        Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let ours = |name: &str, value: String| stored.headers.get(name).is_some_and(|known| known.as_str() == value);
    Ok(stored.subject.as_str() == subject(event)
        && stored.payload == event.data.as_bytes()
        && ours("ce-id", id(event))
        && ours("ce-subject", aggregate(event))
        && ours("ce-time", event.recorded_at.to_rfc3339()))
}

fn subject(event: &Recorded) -> String {
    format!("prometric.{}.{}", event.workspace, event.event_type)
}

fn id(event: &Recorded) -> String {
    format!("{}:{}", event.workspace, event.position)
}

fn aggregate(event: &Recorded) -> String {
    format!("{}/{}", event.category, event.stream_id)
}

/// CloudEvents in binary mode, with the extension for distributed tracing; `ce-subject` is the aggregate's stream, and
/// `ce-dataschema` a path that this server answers.
fn headers(event: &Recorded, message_id: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", message_id);
    headers.insert("Content-Type", "application/json");
    headers.insert("ce-specversion", "1.0");
    headers.insert("ce-id", id(event));
    headers.insert("ce-source", format!("/api/v1/workspaces/{}", event.workspace));
    headers.insert("ce-type", event.event_type.as_str());
    headers.insert("ce-subject", aggregate(event));
    headers.insert("ce-time", event.recorded_at.to_rfc3339());
    headers.insert("ce-position", event.position.to_string());
    headers.insert("ce-version", event.version.to_string());
    if let Some(schema) = schemas::path_of(event) {
        headers.insert("ce-dataschema", schema);
    }
    if let Some(trace) = event.meta().traceparent {
        headers.insert("ce-traceparent", trace);
    }
    headers
}

fn message(event: &Recorded, message_id: &str) -> PublishMessage {
    PublishMessage::build()
        .payload(event.data.clone().into())
        .headers(headers(event, message_id))
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
    let stream = jetstream.get_or_create_stream(stream).await?;
    Ok(Link {
        client,
        jetstream,
        stream,
    })
}
