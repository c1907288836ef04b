//! Whether the database can write. One whose disk is full answers every question, so only a write tells: the first that is
//! refused for the disk. From then on, and only then, whoever asks for the server's health has it try whether there is room
//! again, at most once a second; any write that goes well says the same.

use sqlx::{Connection, PgPool, error::DatabaseError};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Of this process; `None` while no write was refused. Otherwise when it was tried last.
static REFUSED: Mutex<Option<Instant>> = Mutex::new(None);
/// How often it is tried, at most.
const EVERY: Duration = Duration::from_secs(1);
/// Some 2 MB: where less is left, the next moment's writes may be refused. Of lines too short to be compressed.
const ROOM: &str = "set local temp_tablespaces = ''; create temporary table prometric_room on commit drop as \
    select repeat(md5(n::text), 60) from generate_series(1, 1000) n";

/// Takes notice of a failure for want of room, or of the disk's own.
pub fn could_not_write(error: &sqlx::Error) {
    let code = error.as_database_error().and_then(DatabaseError::code);
    if code.is_some_and(|code| code == "53100" || code.starts_with("58")) {
        refused().get_or_insert_with(Instant::now);
    }
}

pub fn could_write() {
    *refused() = None;
}

/// As far as is known, which costs nothing while all is well.
pub async fn is_writable(pool: &PgPool) -> bool {
    if refused().is_none() {
        return true;
    }
    if is_due() && try_to_write(pool).await.is_ok() {
        could_write();
    }
    refused().is_none()
}

/// Whoever is told so has to try.
fn is_due() -> bool {
    let mut refused = refused();
    let due = refused.as_mut().filter(|tried| tried.elapsed() >= EVERY);
    due.map(|tried| *tried = Instant::now()).is_some()
}

/// Takes new pages on the disk, and a commit: an append that happens to fit into old ones says little.
pub async fn try_to_write(pool: &PgPool) -> Result<(), sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let mut tx = connection.begin().await?;
    sqlx::raw_sql(ROOM).execute(&mut *tx).await?;
    tx.commit().await
}

fn refused() -> MutexGuard<'static, Option<Instant>> {
    REFUSED.lock().unwrap_or_else(PoisonError::into_inner)
}
