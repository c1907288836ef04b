//! A consumer that writes down what it reads, in the transaction that moves its cursor: seeing an event twice is an
//! error of the database.

use async_trait::async_trait;
use log::{Append, Consumer, ConsumerError, Log, NewEvent, Progress, Stream, StreamAppend, Urge};
use prometric_tests::{Database, append_to};
use sqlx::PgPool;
use std::sync::{
    Arc, Mutex, OnceLock,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::{Notify, Semaphore};
use uuid::Uuid;

/// Events in one step.
pub const BATCH: i64 = 10;

pub struct Reader {
    name: &'static str,
    pool: PgPool,
    leased: bool,
    urge: OnceLock<Urge>,
    /// Steps that may be taken.
    gate: Option<Semaphore>,
    stepped: Notify,
    steps: Mutex<Vec<Uuid>>,
    /// Fails in this workspace, as long as it is broken.
    weak_spot: Option<Uuid>,
    pub broken: AtomicBool,
}

impl Reader {
    /// Makes the tables that readers write into.
    pub async fn prepare(database: &Database) -> PgPool {
        let tables = "create table cursors (reader text, workspace_id uuid, position bigint not null, primary key (reader, workspace_id)); \
            create table seen (reader text, workspace_id uuid, position bigint, nth bigserial, primary key (reader, workspace_id, position))";
        let pool = database.pool().await;
        sqlx::raw_sql(tables).execute(&pool).await.unwrap();
        pool
    }

    fn build(name: &'static str, pool: &PgPool) -> Self {
        Self {
            name,
            pool: pool.clone(),
            leased: true,
            urge: OnceLock::new(),
            gate: None,
            stepped: Notify::new(),
            steps: Mutex::default(),
            weak_spot: None,
            broken: AtomicBool::new(true),
        }
    }

    pub fn new(name: &'static str, pool: &PgPool) -> Arc<Self> {
        Arc::new(Self::build(name, pool))
    }

    pub fn on_every_node(name: &'static str, pool: &PgPool) -> Arc<Self> {
        Arc::new(Self {
            leased: false,
            ..Self::build(name, pool)
        })
    }

    /// Takes a step when it is let.
    pub fn gated(name: &'static str, pool: &PgPool) -> Arc<Self> {
        Arc::new(Self {
            gate: Some(Semaphore::new(0)),
            ..Self::build(name, pool)
        })
    }

    pub fn failing(name: &'static str, pool: &PgPool, workspace: Uuid) -> Arc<Self> {
        Arc::new(Self {
            weak_spot: Some(workspace),
            ..Self::build(name, pool)
        })
    }

    pub fn urge(&self) -> &Urge {
        self.urge.get().expect("it is followed")
    }

    /// Lets it take one step, and waits for its end.
    pub async fn let_step(&self) {
        self.gate.as_ref().expect("a gate").add_permits(1);
        self.stepped.notified().await;
    }

    pub fn open_gate(&self) {
        self.gate.as_ref().expect("a gate").close();
    }

    /// Whose steps there were.
    pub fn steps(&self) -> Vec<Uuid> {
        self.steps.lock().unwrap().clone()
    }

    async fn read(&self, workspace: Uuid) -> Result<Progress, ConsumerError> {
        let mut tx = self.pool.begin().await?;
        let create = "insert into cursors values ($1, $2, 0) on conflict do nothing";
        sqlx::query(create)
            .bind(self.name)
            .bind(workspace)
            .execute(&mut *tx)
            .await?;
        let lock = "select position from cursors where reader = $1 and workspace_id = $2 for update";
        let lock = sqlx::query_scalar(lock).bind(self.name).bind(workspace);
        let from: i64 = lock.fetch_one(&mut *tx).await?;
        let events = log::read_in_tx(&mut tx, workspace, from, BATCH).await?;
        let positions: Vec<i64> = events.iter().map(|event| event.position).collect();
        let position = positions.last().copied().unwrap_or(from);
        let note = "insert into seen (reader, workspace_id, position) select $1, $2, unnest($3::bigint[])";
        sqlx::query(note)
            .bind(self.name)
            .bind(workspace)
            .bind(&positions)
            .execute(&mut *tx)
            .await?;
        let go_on = "update cursors set position = $3 where reader = $1 and workspace_id = $2";
        sqlx::query(go_on)
            .bind(self.name)
            .bind(workspace)
            .bind(position)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(Progress {
            position,
            more: position - from == BATCH,
        })
    }
}

#[async_trait]
impl Consumer for Reader {
    fn name(&self) -> &'static str {
        self.name
    }

    fn leased(&self) -> bool {
        self.leased
    }

    async fn advance(&self, workspace: Uuid) -> Result<Progress, ConsumerError> {
        if self.weak_spot == Some(workspace) && self.broken.load(Ordering::Relaxed) {
            return Err("broken on purpose".into());
        }
        if let Some(gate) = &self.gate {
            gate.acquire().await.into_iter().for_each(|permit| permit.forget());
        }
        let read = self.read(workspace).await;
        self.steps.lock().unwrap().push(workspace);
        self.stepped.notify_one();
        read
    }

    fn attach(&self, urge: Urge) {
        self.urge.set(urge).ok();
    }
}

/// So many events in a stream of their own.
pub async fn append(log: &Log, workspace: Uuid, events: usize) {
    let event = || NewEvent {
        id: Uuid::now_v7(),
        event_type: "thing.happened".into(),
        schema: 1,
        data: "{}".into(),
        number: None,
    };
    let stream = StreamAppend {
        stream: Stream {
            category: "thing",
            id: Uuid::now_v7(),
        },
        expected: Some(0),
        events: std::iter::repeat_with(event).take(events).collect(),
    };
    let append = Append {
        streams: vec![stream],
        ..append_to(workspace)
    };
    log.append(append).await.unwrap();
}

/// Whether a reader has seen as much as there is.
pub async fn caught_up(pool: &PgPool, reader: &str) -> Option<()> {
    let missing = "select count(*) from log.events e where not exists (select from seen s \
        where s.reader = $1 and (s.workspace_id, s.position) = (e.workspace_id, e.position))";
    let missing: i64 = sqlx::query_scalar(missing).bind(reader).fetch_one(pool).await.unwrap();
    (missing == 0).then_some(())
}

/// Once is the primary key's; in order, and all there is.
pub async fn demand_once_in_order(pool: &PgPool, reader: &str) {
    let disorder = "select count(*), count(*) filter (where expected <> position) from \
        (select position, row_number() over (partition by workspace_id order by nth) as expected from seen where reader = $1) s";
    let (seen, disordered): (i64, i64) = sqlx::query_as(disorder).bind(reader).fetch_one(pool).await.unwrap();
    let written: i64 = sqlx::query_scalar("select count(*) from log.events")
        .fetch_one(pool)
        .await
        .unwrap();
    assert_eq!((seen, disordered), (written, 0), "{reader}");
}
