//! The relay against a NATS of its own that comes late and dies often: JetStream ends with every position of every
//! workspace exactly once and in order, whatever was killed in between.

mod displaced;
mod refused;

use async_nats::jetstream::{self, consumer};
use futures::{StreamExt, future::join_all};
use prometric_tests::{Client, Server, eventually, free_port, story::Shop};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{PgPool, Row};
use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use uuid::Uuid;

/// As W3C Trace Context has it.
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A nats-server with JetStream, on a store that outlives it.
struct Nats {
    url: String,
    port: u16,
    store: PathBuf,
    child: Option<Child>,
}

impl Nats {
    fn away() -> Self {
        let port = free_port();
        let store = std::env::temp_dir().join(format!("nats_{}", Uuid::now_v7().simple()));
        fs::create_dir_all(&store).unwrap();
        Self {
            url: format!("nats://127.0.0.1:{port}"),
            port,
            store,
            child: None,
        }
    }

    async fn start(&mut self) {
        let binary = std::env::var("NATS_SERVER_BIN").unwrap_or_else(|_| "nats-server".to_owned());
        let said = File::create(self.store.join("said")).unwrap();
        let child = Command::new(binary)
            .args(["-js", "-a", "127.0.0.1", "-p", &self.port.to_string(), "-sd"])
            .arg(&self.store)
            .stdin(Stdio::null())
            .stdout(said.try_clone().unwrap())
            .stderr(said)
            .spawn();
        self.child = Some(child.expect("nats-server: NATS_SERVER_BIN, or on PATH"));
        eventually("NATS answers", || async { async_nats::connect(&self.url).await.ok() }).await;
    }

    /// `kill -9`.
    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }

    /// What there is on `prometric.{workspace}.>`, as a reader gets it.
    async fn read(&self, workspace: Uuid) -> Option<Vec<async_nats::Message>> {
        let jetstream = jetstream::new(async_nats::connect(&self.url).await.ok()?);
        let stream = jetstream.get_stream("PROMETRIC").await.ok()?;
        let filter_subject = format!("prometric.{workspace}.>");
        let config = consumer::pull::Config {
            filter_subject,
            ack_policy: consumer::AckPolicy::None,
            ..consumer::pull::Config::default()
        };
        let consumer = stream.create_consumer(config).await.ok()?;
        let waiting = usize::try_from(consumer.cached_info().num_pending).ok()?;
        let mut messages = Vec::with_capacity(waiting);
        while messages.len() < waiting {
            let before = messages.len();
            let mut batch = consumer.fetch().max_messages(waiting - before).messages().await.ok()?;
            while let Some(Ok(message)) = batch.next().await {
                messages.push(message.message.clone());
            }
            if messages.len() == before {
                return None;
            }
        }
        Some(messages)
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.kill();
        fs::remove_dir_all(&self.store).ok();
    }
}

async fn head(pool: &PgPool, workspace: Uuid) -> i64 {
    sqlx::query_scalar("select position from log.heads where workspace_id = $1")
        .bind(workspace)
        .fetch_one(pool)
        .await
        .unwrap()
}

fn position(message: &async_nats::Message, workspace: Uuid) -> i64 {
    let id = message
        .headers
        .as_ref()
        .and_then(|headers| headers.get("Nats-Msg-Id"))
        .expect("Nats-Msg-Id")
        .as_str();
    let (of, position) = id.rsplit_once(':').expect("{workspaceId}:{position}");
    assert_eq!(of, workspace.to_string());
    position.parse().unwrap()
}

/// Waits until the newest position has arrived, and then demands all of them, as they stand in the log.
async fn demand_all(nats: &Nats, pool: &PgPool) {
    let workspaces: Vec<Uuid> = sqlx::query_scalar("select workspace_id from log.heads")
        .fetch_all(pool)
        .await
        .unwrap();
    for workspace in workspaces {
        let wanted = head(pool, workspace).await;
        let all = eventually("the newest event on NATS", || async {
            let messages = nats.read(workspace).await?;
            (messages.iter().map(|message| position(message, workspace)).max() == Some(wanted)).then_some(messages)
        });
        let all = all.await;
        let positions: Vec<i64> = all.iter().map(|message| position(message, workspace)).collect();
        assert_eq!(
            positions,
            (1..=wanted).collect::<Vec<_>>(),
            "every position once and in order"
        );
        let events = "select type, data::text, (metadata::jsonb) ->> 'traceparent' from log.events where workspace_id = $1 order by position";
        let events = sqlx::query(events).bind(workspace).fetch_all(pool).await.unwrap();
        for (message, event) in all.iter().zip(events) {
            let (event_type, data): (String, String) = (event.get(0), event.get(1));
            assert_eq!(message.subject.as_str(), format!("prometric.{workspace}.{event_type}"));
            assert_eq!(
                serde_json::from_slice::<Value>(&message.payload).unwrap(),
                serde_json::from_str::<Value>(&data).unwrap()
            );
            let header = |name: &str| {
                message
                    .headers
                    .as_ref()
                    .and_then(|headers| headers.get(name))
                    .map(|value| value.as_str().to_owned())
            };
            assert_eq!(
                (header("ce-type"), header("ce-specversion")),
                (Some(event_type.clone()), Some("1.0".to_owned()))
            );
            let schema = header("ce-dataschema").expect("ours all have one");
            assert!(schema.starts_with(&format!("/schemas/{event_type}.v")), "{schema}");
            assert_eq!(header("ce-traceparent"), event.get::<Option<String>, _>(2));
            assert!(header("ce-id").is_some() && header("ce-source").is_some() && header("ce-time").is_some());
        }
    }
}

/// Writes until told to stop, whoever is dead.
async fn write_on(owner: Client, stop: Arc<AtomicBool>) {
    let mut n = 0;
    while !stop.load(Ordering::Relaxed) {
        n += 1;
        let body = json!({"name": format!("Клиент {n}")}).to_string();
        let key = n.to_string();
        eventually("a write goes through", || async {
            let answer = owner
                .try_send(
                    Method::POST,
                    "/customers",
                    Some(body.clone()),
                    &[("Idempotency-Key", &key), ("traceparent", TRACE)],
                )
                .await
                .ok()?;
            (answer.status == 201).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nats_gets_every_event_once_and_in_order_though_it_comes_late_and_dies_often() {
    let mut nats = Nats::away();
    let mut server = Server::start_with(&[("NATS_URL", &nats.url)]).await;
    let owners = [server.owner().await, server.owner().await];
    let pool = server.pool().await;
    Shop::open(&owners[0], 100, 20).await;
    let health = owners[0].get("/health").await.expect(200);
    assert_eq!(
        (&health["status"], &health["services"]["nats"]),
        (&json!("healthy"), &json!("disconnected")),
        "it serves all the same"
    );
    let workspace: Uuid = owners[0].workspace.parse().unwrap();
    assert!(head(&pool, workspace).await > 5);
    nats.start().await;
    demand_all(&nats, &pool).await;
    let connected =
        async || (owners[0].get("/health").await.expect(200)["services"]["nats"] == "connected").then_some(());
    eventually("health tells that NATS is there", connected).await;

    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = owners
        .iter()
        .map(|owner| tokio::spawn(write_on(owner.clone(), stop.clone())))
        .collect();
    let second = server.another().await;
    for round in 0..4 {
        let (on_nats, written) = (
            nats.read(workspace).await.map_or(0, |messages| messages.len()),
            head(&pool, workspace).await,
        );
        let flowing = async || {
            nats.read(workspace)
                .await
                .filter(|messages| messages.len() > on_nats + 10)
                .map(drop)
        };
        eventually("events flow", flowing).await;
        nats.kill();
        let writing = async || (head(&pool, workspace).await > written + 30).then_some(());
        eventually("writes go on without NATS", writing).await;
        if round % 2 == 1 {
            server.kill();
            server.spawn().await;
        }
        nats.start().await;
    }
    let at = head(&pool, workspace).await;
    server.kill();
    tokio::time::timeout(Duration::from_secs(30), server.spawn())
        .await
        .expect("it comes up while NATS is busy");
    eventually("writes go on", || async {
        (head(&pool, workspace).await > at + 10).then_some(())
    })
    .await;
    stop.store(true, Ordering::Relaxed);
    join_all(writers).await.into_iter().for_each(|writer| writer.unwrap());
    drop(second);
    demand_all(&nats, &pool).await;
}
