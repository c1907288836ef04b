//! Registrations and codes that nobody came back to lapse by themselves, by the clock that everything else is due by. They are not in
//! the log (decision 15), so no command does it: one statement does, on whichever node looks first.

use super::{pending, reset};
use sqlx::PgPool;
use std::time::Duration;

/// How late it may be; it costs one look into an index.
const LOOK: Duration = Duration::from_secs(5);

/// Goes on until the server ends.
pub async fn keep(pool: PgPool) {
    loop {
        tokio::time::sleep(LOOK).await;
        let lapsed = async { Ok::<u64, sqlx::Error>(pending::lapse(&pool).await? + reset::lapse(&pool).await?) };
        match lapsed.await {
            Ok(0) => {}
            Ok(lapsed) => tracing::info!(lapsed, "registrations and codes have lapsed"),
            Err(error) => tracing::warn!(%error, "registrations and codes could not lapse; they will"),
        }
    }
}
