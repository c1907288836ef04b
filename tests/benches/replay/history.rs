//! A workspace's history: led once by requests, laid down many times over by COPY.

use futures::StreamExt;
use log::{HASH_ZERO, Log, Recorded, link};
use prometric_tests::{
    Client, Server, eventually,
    story::{Shop, id},
};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool};
use std::{fmt::Write, pin::pin};
use uuid::Uuid;

/// Deals that are led by hand; one in ten is only changed, the others are won.
const DEALS: usize = 120;

pub struct History {
    /// Keeps the database; at rest, unless somebody starts it.
    pub server: Server,
    pub owner: Client,
    pub shop: Shop,
    pool: PgPool,
    log: Log,
    pub workspace: Uuid,
    pub schema: String,
    events: Vec<Recorded>,
}

impl History {
    pub async fn lead() -> Self {
        let mut server = Server::start_with(&[]).await;
        let owner = server.owner().await;
        let shop = Shop::open(&owner, 1_000_000, 1_000_000).await;
        for nth in 0..DEALS {
            deal(&owner, &shop, nth).await;
        }
        let won = DEALS - DEALS / 10;
        eventually("all production is planned", || async {
            let planned = owner
                .get("/production/orders?status=scheduled&limit=1")
                .await
                .expect(200);
            (planned["total"].as_u64()? as usize == won).then_some(())
        })
        .await;
        let schema = owner.schema().await;
        server.kill();
        let pool = server.pool().await;
        let log = Log::open(server.database_url.parse().unwrap(), pool.clone())
            .await
            .unwrap();
        let workspace: Uuid = owner.workspace.parse().unwrap();
        let mut events = vec![];
        {
            let mut all = pin!(log.replay(workspace, 0));
            while let Some(event) = all.next().await {
                events.push(event.unwrap());
            }
        }
        Self {
            server,
            owner,
            shop,
            pool,
            log,
            workspace,
            schema,
            events,
        }
    }

    /// The workspace's log is this history over and over, about so many events in a chain.
    pub async fn lay_down(&self, about: i64) -> (i64, Log, PgPool) {
        let mut connection = self.pool.acquire().await.unwrap();
        let clear = format!("delete from log.events where workspace_id = '{}'", self.workspace);
        sqlx::raw_sql(AssertSqlSafe(clear))
            .execute(&mut *connection)
            .await
            .unwrap();
        let length = i64::try_from(self.events.len()).unwrap();
        let times = (about / length).max(1);
        let mut copy = connection
            .copy_in_raw(
                "copy log.events (workspace_id, position, stream_category, stream_id, version, event_id, type, schema, data, metadata, recorded_at, hash) from stdin",
            )
            .await
            .unwrap();
        let mut last = self.events[0].clone();
        last.hash = HASH_ZERO;
        for time in 0..times {
            let mut lines = String::new();
            for event in &self.events {
                last = again(event, time, length, &last);
                line(&mut lines, &last);
            }
            copy.send(lines.into_bytes()).await.unwrap();
        }
        copy.finish().await.unwrap();
        let events = times * length;
        let head = format!(
            "update log.heads set position = {events}, hash = '\\x{}', recorded_at = '{}' where workspace_id = '{workspace}'; \
            delete from log.trees where workspace_id = '{workspace}'; vacuum analyze log.events; checkpoint",
            hex::encode(last.hash),
            last.recorded_at.to_rfc3339(),
            workspace = self.workspace
        );
        for statement in head.split(';') {
            sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
                .execute(&mut *connection)
                .await
                .unwrap();
        }
        (events, self.log.clone(), self.pool.clone())
    }

    /// What the processes have seen is all that there is: what was laid down has been carried out.
    pub async fn catch_up(&self, head: i64) {
        let seen = "update sagas.checkpoints set position = $2 where workspace_id = $1";
        let seen = sqlx::query(seen).bind(self.workspace).bind(head);
        seen.execute(&self.pool).await.unwrap();
    }
}

async fn deal(owner: &Client, shop: &Shop, nth: usize) {
    let customer = json!({"name": format!("ТОО Компания {nth}"), "type": "COMPANY", "segment": "SMB"});
    let customer = id(&owner.post("/customers", customer).await.expect(201));
    let mut deal = shop.deal(2);
    deal["customerId"] = json!(customer);
    let deal = id(&owner.post("/deals", deal).await.expect(201));
    let change = json!({"probability": 60, "nextStep": "Позвонить"});
    owner.put(&format!("/deals/{deal}"), change).await.expect(200);
    if nth.is_multiple_of(10) {
        return;
    }
    owner.post(&format!("/deals/{deal}/win"), json!({})).await.expect(200);
    let invoice = eventually("it is invoiced", || async {
        owner.items(&format!("/finance/invoices?dealId={deal}")).await.pop()
    })
    .await;
    let payment =
        json!({"invoiceId": invoice["id"], "amount": 1_000_000, "method": "BANK_TRANSFER", "date": "2026-11-26"});
    owner.post("/finance/payments", payment).await.expect(201);
}

/// The event as it happens to others, behind that one.
fn again(event: &Recorded, time: i64, length: i64, last: &Recorded) -> Recorded {
    let mut event = Recorded {
        position: time * length + event.position,
        stream_id: other(event.stream_id, time),
        event_id: other(event.event_id, time),
        data: with_other_ids(&event.data, time),
        recorded_at: event.recorded_at.max(last.recorded_at),
        ..event.clone()
    };
    event.hash = link(&last.hash, &event);
    event
}

fn line(lines: &mut String, event: &Recorded) {
    let text = |text: &str| text.replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t");
    let Recorded {
        workspace,
        position,
        category,
        stream_id,
        version,
        event_id,
        event_type,
        schema,
        recorded_at,
        ..
    } = event;
    writeln!(
        lines,
        "{workspace}\t{position}\t{category}\t{stream_id}\t{version}\t{event_id}\t{event_type}\t{schema}\t{}\t{}\t{}\t\\\\x{}",
        text(&event.data),
        text(&event.metadata),
        recorded_at.to_rfc3339(),
        hex::encode(event.hash),
    )
    .unwrap();
}

/// The id of the same thing in that repetition.
fn other(id: Uuid, time: i64) -> Uuid {
    Uuid::from_u128(id.as_u128() ^ (u128::from(time.unsigned_abs()) << 16))
}

/// But for those whose keys personal values are sealed under: they remain who they are.
fn with_other_ids(data: &str, time: i64) -> String {
    let parts: Vec<&str> = data.split('"').collect();
    let of_person = |nth: usize| nth >= 2 && parts[nth - 2] == "$person";
    let parts = parts
        .iter()
        .enumerate()
        .map(|(nth, part)| match (part.len(), Uuid::parse_str(part)) {
            (36, Ok(id)) if !of_person(nth) => other(id, time).to_string(),
            _ => (*part).to_owned(),
        });
    parts.collect::<Vec<_>>().join("\"")
}
