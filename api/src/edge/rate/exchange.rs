//! What each node has counted is told to the others once a second, through an unlogged table: one row in, those of the
//! others out. Only while there are others, and only by nodes that are asked something; a request never waits for it.
//! When it fails, each node counts alone.

use super::{Subject, now};
use crate::{identity::secrets, state::App};
use log::migrate::Migration;
use sqlx::PgPool;
use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use uuid::Uuid;

const TICK: Duration = Duration::from_secs(1);
/// Ticks between two cleanings.
const SWEEP_EVERY: u32 = 60;
/// The most a node tells at once, 1 MB or so; what is more counts on this node only.
const TOLD_MAX: usize = 20_000;
/// A row may become visible this much later than it says.
const LATE: Duration = Duration::from_secs(3);
const MINUTE: Duration = Duration::from_secs(60);

const TABLE: &[Migration] = &[Migration::new(
    "0004_request_counts",
    include_str!("../../../../migrations/platform/0004_request_counts.sql"),
)];

/// What was let through here in the last minute and not told yet, by second; also while there is nobody to tell, for a
/// node that comes is to know it.
#[derive(Default)]
pub struct Spent(Mutex<HashMap<(Subject, u64), u32>>);

impl Spent {
    pub(super) fn note(&self, subject: Subject, second: u64) {
        let mut untold = self.untold();
        if untold.len() < TOLD_MAX || untold.contains_key(&(subject, second)) {
            *untold.entry((subject, second)).or_default() += 1;
        }
    }

    fn take(&self) -> HashMap<(Subject, u64), u32> {
        std::mem::take(&mut *self.untold())
    }

    fn forget(&self, before: u64) {
        self.untold().retain(|(_, second), _| *second >= before);
    }

    fn untold(&self) -> MutexGuard<'_, HashMap<(Subject, u64), u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub async fn migrate(pool: &PgPool) -> Result<(), sqlx::Error> {
    secrets::apply(pool, TABLE).await
}

/// Goes on until the server ends.
pub async fn keep(app: App) {
    let (mut here, mut ticks) = (Here::default(), 0_u32);
    loop {
        tokio::time::sleep(TICK).await;
        let Some(rates) = &app.rates else { return };
        if app.log.others() == 0 {
            rates.spent.forget(now().saturating_sub(MINUTE.as_secs()));
            continue;
        }
        let untold = rates.spent.take();
        if untold.is_empty() {
            continue;
        }
        ticks += 1;
        let told = async {
            here.tell(&app.pool, &untold).await?;
            let heard = here.hear(&app.pool).await?;
            if ticks.is_multiple_of(SWEEP_EVERY) {
                sweep(&app.pool).await?;
            }
            Ok::<_, sqlx::Error>(heard)
        };
        match told.await {
            Ok(heard) => {
                let now = now();
                for (subject, second, count) in heard {
                    rates.add(subject, second, count, now);
                }
            }
            Err(error) => tracing::warn!(%error, "request counts could not be exchanged"),
        }
    }
}

/// This node among those that tell each other.
struct Here {
    node: Uuid,
    heard_at: Option<Instant>,
    /// Rows taken already, with when.
    seen: HashMap<i64, Instant>,
}

impl Default for Here {
    fn default() -> Self {
        Self {
            node: Uuid::now_v7(),
            heard_at: None,
            seen: HashMap::new(),
        }
    }
}

impl Here {
    async fn tell(&self, pool: &PgPool, untold: &HashMap<(Subject, u64), u32>) -> Result<(), sqlx::Error> {
        let subjects: Vec<String> = untold.keys().map(|(subject, _)| subject.to_string()).collect();
        let seconds: Vec<i64> = untold.keys().map(|(_, second)| second.cast_signed()).collect();
        let counts: Vec<i32> = untold.values().map(|count| count.cast_signed()).collect();
        let tell = "insert into platform.request_counts (node, subjects, seconds, counts) values ($1, $2, $3, $4)";
        let tell = sqlx::query(tell)
            .bind(self.node)
            .bind(subjects)
            .bind(seconds)
            .bind(counts);
        tell.execute(pool).await?;
        Ok(())
    }

    /// What others have told since the last time, each row once.
    async fn hear(&mut self, pool: &PgPool) -> Result<Vec<(Subject, u64, u32)>, sqlx::Error> {
        let asked = Instant::now();
        let since = self.heard_at.map_or(MINUTE, |heard| heard.elapsed() + LATE).min(MINUTE);
        let hear = "select id, subjects, seconds, counts from platform.request_counts \
            where node <> $1 and recorded_at > now() - $2";
        type Row = (i64, Vec<String>, Vec<i64>, Vec<i32>);
        let rows: Vec<Row> = sqlx::query_as(hear).bind(self.node).bind(since).fetch_all(pool).await?;
        self.heard_at = Some(asked);
        self.seen.retain(|_, seen| seen.elapsed() < MINUTE + LATE);
        let known: HashSet<i64> = self.seen.keys().copied().collect();
        let mut heard = Vec::new();
        for (id, subjects, seconds, counts) in rows.into_iter().filter(|(id, ..)| !known.contains(id)) {
            self.seen.insert(id, asked);
            for ((subject, second), count) in subjects.iter().zip(seconds).zip(counts) {
                if let Ok(subject) = subject.parse() {
                    heard.push((subject, second.cast_unsigned(), count.cast_unsigned()));
                }
            }
        }
        Ok(heard)
    }
}

async fn sweep(pool: &PgPool) -> Result<(), sqlx::Error> {
    let sweep = "delete from platform.request_counts where recorded_at < now() - interval '2 minutes'";
    sqlx::query(sweep).execute(pool).await?;
    Ok(())
}
