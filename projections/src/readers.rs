//! Connections that read for requests, each in the role of the workspace, and at the moment, that it read for last: a page
//! asked for where somebody has just read costs one round trip, and the database itself refuses another workspace's rows all the same.
//! Which role a connection has is known here and nowhere else, so none leaves these hands but in that of its session.

use crate::schema::PLATFORM;
use chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Error, PgConnection, postgres::PgConnectOptions};
use std::{
    ops::{Deref, DerefMut},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// Statements that a connection keeps prepared.
const STATEMENTS_MAX: usize = 64;
/// How long an unused connection is taken to be alive.
const TRUSTED: Duration = Duration::from_secs(1);
/// What one session may write to temporary files, where it may say so.
const TEMP_FILES_MAX: &str = "256MB";

/// Cheap to clone.
#[derive(Clone)]
pub struct Readers(Arc<Pool>);

struct Pool {
    options: PgConnectOptions,
    most: usize,
    room: Arc<Semaphore>,
    wait: Duration,
    /// Last used, last in line.
    idle: Mutex<Vec<Idle>>,
    open: AtomicUsize,
}

struct Idle {
    seat: Seat,
    connection: PgConnection,
    since: Instant,
}

/// What a connection is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seat {
    role: String,
    /// Nothing: now.
    moment: Option<DateTime<Utc>>,
}

impl Seat {
    fn settings(&self) -> String {
        let role = match self.role.as_str() {
            PLATFORM => "reset role".to_owned(),
            role => format!("set role {role}"),
        };
        let moment = self.moment.map(|moment| moment.to_rfc3339()).unwrap_or_default();
        format!("{role}; set prometric.moment = '{moment}'")
    }
}

/// A connection in a workspace's role. Dropped before it was left, its connection is closed, for nobody knows what it is
/// in the middle of.
pub(crate) struct Session {
    pool: Arc<Pool>,
    seat: Seat,
    connection: PgConnection,
    _room: Use,
}

/// Counts a connection in use.
struct Use(Arc<Pool>, #[expect(dead_code, reason = "held")] OwnedSemaphorePermit);

impl Drop for Use {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Readers {
    /// At most so many connections; whoever finds none free waits so long.
    pub fn new(options: PgConnectOptions, most: u32, wait: Duration) -> Self {
        let options = options.statement_cache_capacity(STATEMENTS_MAX).options([
            ("default_transaction_read_only", "on"),
            // A query that took several cores would take them from other workspaces.
            ("max_parallel_workers_per_gather", "0"),
            ("jit", "off"), // it takes longer than any page
        ]);
        let most = usize::try_from(most).unwrap_or(1).max(1);
        Self(Arc::new(Pool {
            options,
            most,
            room: Arc::new(Semaphore::new(most)),
            wait,
            idle: Mutex::default(),
            open: AtomicUsize::new(0),
        }))
    }

    /// Whether the connection was to blame, which may have died unnoticed: then it is worth asking once more.
    pub fn lost(&self, error: &Error) -> bool {
        let lost = is_broken(error);
        if lost {
            self.0.idle().clear(); // they are of the same age
        }
        lost
    }

    /// A session that sees this workspace's rows and no other's, as they are now.
    pub(crate) async fn enter(&self, role: &str) -> Result<Session, Error> {
        self.enter_at(role, None).await
    }

    /// The same, at a moment.
    pub(crate) async fn enter_at(&self, role: &str, moment: Option<DateTime<Utc>>) -> Result<Session, Error> {
        let seat = Seat {
            role: role.to_owned(),
            moment,
        };
        let room = timeout(self.0.wait, self.0.room.clone().acquire_owned()).await;
        let room = room.map_err(|_| Error::PoolTimedOut)?.map_err(|_| Error::PoolClosed)?;
        let (before, mut connection) = match self.take(&seat).await {
            Some((before, connection)) => (Some(before), connection),
            None => (None, self.connect().await?),
        };
        self.0.open.fetch_add(1, Ordering::Relaxed);
        let room = Use(self.0.clone(), room);
        if before.as_ref() != Some(&seat) {
            let settings = seat.settings();
            sqlx::raw_sql(AssertSqlSafe(settings)).execute(&mut connection).await?;
        }
        Ok(Session {
            pool: self.0.clone(),
            seat,
            connection,
            _room: room,
        })
    }

    /// How many connections are open.
    pub fn size(&self) -> u32 {
        let open = self.0.open.load(Ordering::Relaxed) + self.0.idle().len();
        u32::try_from(open).unwrap_or(u32::MAX)
    }

    /// Nobody reads any more.
    pub async fn close(&self) {
        self.0.room.close();
        let idle = std::mem::take(&mut *self.0.idle());
        for one in idle {
            one.connection.close().await.ok();
        }
    }

    /// The connection that was used last so; else the one that nobody has used for longest.
    async fn take(&self, wanted: &Seat) -> Option<(Seat, PgConnection)> {
        loop {
            let Idle {
                seat,
                mut connection,
                since,
            } = {
                let mut idle = self.0.idle();
                let same = idle.iter().rposition(|one| one.seat == *wanted);
                let full = self.0.open.load(Ordering::Relaxed) + idle.len() >= self.0.most;
                match same {
                    Some(same) => idle.remove(same),
                    None if full && !idle.is_empty() => idle.remove(0),
                    None => return None,
                }
            };
            let alive = since.elapsed() < TRUSTED || matches!(timeout(TRUSTED, connection.ping()).await, Ok(Ok(())));
            if alive {
                return Some((seat, connection));
            }
        }
    }

    async fn connect(&self) -> Result<PgConnection, Error> {
        let connected = timeout(self.0.wait, self.0.options.connect()).await;
        let mut connection = connected.map_err(|_| Error::PoolTimedOut)??;
        // Only who was granted it may set it; without it the time alone limits what a query writes down.
        let limit =
            "select set_config('temp_file_limit', $1, false) where has_parameter_privilege('temp_file_limit', 'set')";
        sqlx::query(limit).bind(TEMP_FILES_MAX).execute(&mut connection).await?;
        Ok(connection)
    }
}

impl Pool {
    /// A poisoned lock guards connections that no panic leaves half-used.
    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// All that was asked has been answered: the connection is good for the next one.
    pub fn leave(self) {
        let Self {
            pool, seat, connection, ..
        } = self;
        pool.idle().push(Idle {
            seat,
            connection,
            since: Instant::now(),
        });
    }
}

impl Deref for Session {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

fn is_broken(error: &Error) -> bool {
    match error {
        Error::Database(told) => told.code().is_some_and(|code| code.starts_with("57P")), // it was told to end
        error => log::is_outage(error),
    }
}
