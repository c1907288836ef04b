//! Registrations that nobody came back to lapse by themselves, by the clock that everything else is due by. They are not in
//! the log (decision 15), so no command does it: one statement does, on whichever node looks first.

use super::pending;
use sqlx::PgPool;
use std::time::Duration;

/// How late it may be; it costs one look into an index.
const LOOK: Duration = Duration::from_secs(5);

/// Goes on until the server ends.
pub async fn keep(pool: PgPool) {
    loop {
        tokio::time::sleep(LOOK).await;
        match pending::lapse(&pool).await {
            Ok(0) => {}
            Ok(lapsed) => tracing::info!(lapsed, "registrations have lapsed"),
            Err(error) => tracing::warn!(%error, "registrations could not lapse; they will"),
        }
    }
}
