//! A database of a test's own in the test cluster, and the log in it without a server around.

use crate::{
    engine::{self, Engine},
    server::served_once,
};
use log::Log;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool, postgres::PgPoolOptions};
use std::sync::{Arc, Weak};
use tokio::sync::Mutex;
use uuid::Uuid;

/// Goes when it is dropped.
pub struct Database {
    pub name: String,
    pub url: String,
    /// What it is a copy of, which goes with the last of its copies.
    _original: Option<Arc<Database>>,
}

/// The test cluster's superuser, from `./dev test`.
pub fn database_url() -> String {
    std::env::var("DATABASE_URL").expect("DATABASE_URL: run the tests with ./dev test")
}

impl Database {
    /// With nothing in it.
    pub async fn create() -> Self {
        Self::copy_of(None).await
    }

    /// As a server leaves it that nobody has written to: its tables are copied in a tenth of the time that they take to make.
    pub async fn served() -> Self {
        if Engine::named("").is_some() {
            return Self::create().await; // another database's streams are others
        }
        static ORIGINAL: Mutex<Weak<Database>> = Mutex::const_new(Weak::new());
        let mut known = ORIGINAL.lock().await;
        let original = match known.upgrade() {
            Some(original) => original,
            None => {
                let original = Arc::new(Self::create().await);
                served_once(&original).await;
                *known = Arc::downgrade(&original);
                original
            }
        };
        drop(known);
        Self::copy_of(Some(original)).await
    }

    async fn copy_of(original: Option<Arc<Self>>) -> Self {
        let name = format!("it_{}", Uuid::now_v7().simple());
        let template = original.as_ref().map_or("template1", |original| &original.name);
        let mut admin = PgConnection::connect(&database_url()).await.expect("the test cluster");
        admin
            .execute(AssertSqlSafe(format!("create database {name} template {template}")))
            .await
            .expect("a database");
        let (base, _) = database_url()
            .rsplit_once('/')
            .map(|(base, name)| (base.to_owned(), name.to_owned()))
            .expect("a database's URL");
        let url = format!("{base}/{name}");
        Self {
            name,
            url,
            _original: original,
        }
    }

    /// Straight to the database, as its superuser.
    pub async fn pool(&self) -> PgPool {
        let pool = PgPoolOptions::new().max_connections(4);
        pool.connect(&self.url).await.expect("the test's database")
    }

    /// One more node's handle to the log.
    pub async fn log(&self) -> Log {
        self.log_over(self.pool().await).await
    }

    /// The same over these connections.
    pub async fn log_over(&self, pool: PgPool) -> Log {
        let options = self.url.parse().expect("a database's URL");
        let log = engine::open(options, pool, Engine::of(&self.url).as_ref()).await;
        log.expect("the log")
    }

    /// Drops it, whoever is connected, and makes it anew with nothing in it.
    pub async fn lose(&self) {
        let mut admin = PgConnection::connect(&database_url()).await.expect("the test cluster");
        for statement in ["drop database {name} with (force)", "create database {name}"] {
            let statement = AssertSqlSafe(statement.replace("{name}", &self.name));
            admin.execute(statement).await.expect("another database");
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let drop_database = format!("drop database if exists {} with (force)", self.name);
        // Drop is not async: another thread with a runtime of its own does it.
        let gone = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .ok()?;
            runtime.block_on(async {
                let mut admin = PgConnection::connect(&database_url()).await.ok()?;
                admin.execute(AssertSqlSafe(drop_database)).await.ok()
            })
        });
        gone.join().ok();
    }
}
