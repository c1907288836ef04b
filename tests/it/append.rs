//! Appending: whatever goes wrong in the middle of a commit, and whoever loses, what the callers are told is true. Two
//! handles to the log are two nodes. Tests run on one thread: so what is asked for at once is one batch.

mod answers;
mod clocks;
mod faults;
mod limits;
pub mod model;
mod pressure;
mod proxy;
mod routes;
mod rules;

use futures::future::join_all;
use log::{
    Append, AppendError, Appended, Claim, ClaimAct, CommandId, Guard, Log, NewEvent, Number, Recorded, Stream,
    StreamAppend, Verifier, keeping::Walk,
};
use prometric_tests::{append_to as to, eventually};
use sqlx::{AssertSqlSafe, PgConnection, PgPool};
use std::collections::BTreeMap;
use tokio::task::coop::unconstrained;
use uuid::Uuid;

const KIND: &str = "deal.code";

pub type Answer = Result<Appended, AppendError>;

/// The stream of that number.
fn id(stream: u128) -> Uuid {
    Uuid::from_u128(stream)
}

fn event(data: &str) -> NewEvent {
    NewEvent {
        id: Uuid::now_v7(),
        event_type: "deal.created".into(),
        schema: 1,
        data: data.into(),
        number: None,
    }
}

/// How a test says what it asks for.
pub trait Asking: Sized {
    fn stream(self, stream: u128, expected: impl Into<Option<i64>>, events: usize) -> Self;
    /// The same with so many events that get a number.
    fn numbered(self, stream: u128, expected: impl Into<Option<i64>>, series: &'static str, events: usize) -> Self;
    fn guard(self, stream: u128, version: i64) -> Self;
    fn takes(self, stream: u128, key: &str) -> Self;
    fn releases(self, stream: u128, key: &str) -> Self;
    /// Under a command id, for a request with that hash; the answer tells both.
    fn command(self, command: u128, request: u8) -> Self;
}

impl Asking for Append {
    fn stream(mut self, stream: u128, expected: impl Into<Option<i64>>, events: usize) -> Self {
        self.streams.push(StreamAppend {
            stream: Stream {
                category: "deal",
                id: id(stream),
            },
            expected: expected.into(),
            events: (0..events)
                .map(|_| event(r#"{"quoted":"\"\n\\", "text":"жақсы"}"#))
                .collect(),
        });
        self
    }

    fn numbered(self, stream: u128, expected: impl Into<Option<i64>>, series: &'static str, events: usize) -> Self {
        let mut append = self.stream(stream, expected, events);
        let field = "number";
        for event in append
            .streams
            .iter_mut()
            .next_back()
            .into_iter()
            .flat_map(|last| &mut last.events)
        {
            event.data = r#"{"text":"жақсы","number":"","more":[1.50,"}"]}"#.into();
            event.number = Some(Number { field, series });
        }
        append
    }

    fn guard(mut self, stream: u128, version: i64) -> Self {
        let stream_id = id(stream);
        self.guards.push(Guard { stream_id, version });
        self
    }

    fn takes(mut self, stream: u128, key: &str) -> Self {
        self.claims.push(claim(stream, key, ClaimAct::Take));
        self
    }

    fn releases(mut self, stream: u128, key: &str) -> Self {
        self.claims.push(claim(stream, key, ClaimAct::Release));
        self
    }

    fn command(mut self, command: u128, request: u8) -> Self {
        self.command = Some(CommandId {
            id: Uuid::from_u128(command),
            request_hash: [request; 32],
        });
        self.answer = format!("{command}/{request}");
        self
    }
}

fn claim(stream: u128, key: &str, act: ClaimAct) -> Claim {
    Claim {
        kind: KIND,
        key: key.into(),
        stream_id: id(stream),
        act,
    }
}

/// All at once: before anybody is answered, all of them wait.
async fn at_once(log: &Log, appends: impl IntoIterator<Item = Append>) -> Vec<Answer> {
    unconstrained(join_all(appends.into_iter().map(|append| log.append(append)))).await
}

/// The same, all in one transaction.
async fn in_one_batch(log: &Log, pool: &PgPool, appends: Vec<Append>) -> Vec<Answer> {
    let ids: Vec<Uuid> = event_ids(&appends);
    let answers = at_once(log, appends).await;
    let transactions = "select count(distinct xmin::text) from log.events where event_id = any ($1)";
    let transactions = sqlx::query_scalar(transactions).bind(ids).fetch_one(pool);
    assert_eq!(transactions.await.ok(), Some(1_i64), "one transaction");
    answers
}

fn event_ids<'a>(appends: impl IntoIterator<Item = &'a Append>) -> Vec<Uuid> {
    let streams = appends.into_iter().flat_map(|append| &append.streams);
    streams
        .flat_map(|stream| &stream.events)
        .map(|event| event.id)
        .collect()
}

/// A workspace's events, after a look at everything that must hold of them: positions and versions dense, the chain
/// whole up to the head, numbers without a gap and in the order of the log.
pub async fn whole(log: &Log, pool: &PgPool, workspace: Uuid) -> Vec<Recorded> {
    let events = log.read(workspace, 0, i64::MAX).await.unwrap();
    let mut verifier = Verifier::default();
    events.iter().for_each(|event| verifier.next(event).unwrap());
    let report = log.verify(workspace, &Walk::default()).await.unwrap();
    assert_eq!((report.position, report.hash), verifier.head());
    let mut last = BTreeMap::<(String, i32), i64>::new();
    for event in &events {
        let data: serde_json::Value = serde_json::from_str(&event.data).unwrap();
        let Some(number) = data["number"].as_str() else {
            continue;
        };
        let mut parts = number.split('-');
        let (series, year) = (parts.next().unwrap().to_owned(), parts.next().unwrap().parse().unwrap());
        let last = last.entry((series.clone(), year)).or_default();
        *last += 1;
        assert_eq!(
            number,
            format!("{series}-{year}-{last:04}"),
            "position {}",
            event.position
        );
    }
    let told = "select series, year, last from log.numbers where workspace_id = $1";
    let told: Vec<(String, i32, i64)> = sqlx::query_as(told).bind(workspace).fetch_all(pool).await.unwrap();
    let told: BTreeMap<_, _> = told
        .into_iter()
        .map(|(series, year, last)| ((series, year), last))
        .collect();
    assert_eq!(last, told);
    events
}

/// Who holds which key.
pub async fn claims(pool: &PgPool, workspace: Uuid) -> BTreeMap<String, Uuid> {
    let claims = "select key, stream_id from log.claims where workspace_id = $1";
    let claims: Vec<(String, Uuid)> = sqlx::query_as(claims).bind(workspace).fetch_all(pool).await.unwrap();
    claims.into_iter().collect()
}

/// Something in a test's hands that appends need.
struct Dam(PgConnection);

impl Dam {
    /// A workspace's head: what is appended there is put off. The workspace must have a head.
    async fn of(pool: &PgPool, workspace: Uuid) -> Self {
        let lock = format!("select from log.heads where workspace_id = '{workspace}' for update");
        Self::holding(pool, lock).await
    }

    /// All of it: committers wait in the middle of their statement, half a second at most.
    async fn across(pool: &PgPool) -> Self {
        Self::holding(pool, "lock table log.events in share mode".to_owned()).await
    }

    async fn holding(pool: &PgPool, lock: String) -> Self {
        let mut connection = pool.acquire().await.unwrap().detach();
        sqlx::query("begin").execute(&mut connection).await.unwrap();
        sqlx::query(AssertSqlSafe(lock)).execute(&mut connection).await.unwrap();
        Self(connection)
    }

    /// Until a committer waits at it.
    async fn is_felt(&self, pool: &PgPool) {
        let felt = "select count(*) from pg_stat_activity where datname = current_database()
                and application_name = 'prometric-committer' and wait_event_type = 'Lock'";
        let felt = async || {
            let waiting: i64 = sqlx::query_scalar(felt).fetch_one(pool).await.unwrap();
            (waiting == 1).then_some(())
        };
        eventually("the committers wait", felt).await;
    }

    async fn opens(mut self) {
        sqlx::query("rollback").execute(&mut self.0).await.unwrap();
    }
}
