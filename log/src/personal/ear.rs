//! Hears of erasures on other nodes. Listens from the first key that is looked up, so that a node without personal
//! data holds no connection for it. Whenever the connection is lost all keys are forgotten, and none is kept until it
//! is back.

use super::{cache::Cache, cipher::Owner};
use sqlx::{PgPool, postgres::PgListener};
use std::{
    sync::{Arc, Weak},
    time::Duration,
};

pub(super) const CHANNEL: &str = "prometric_erased";
const PAUSE: Duration = Duration::from_secs(1);

/// As the notification carries it.
pub(super) fn payload(Owner { workspace, person }: Owner) -> String {
    format!("{workspace}:{person}")
}

/// Until the cache, or the pool, is gone.
pub(super) async fn listen(cache: Weak<Cache>, pool: PgPool) {
    while let Some(cache) = cache.upgrade().filter(|_| !pool.is_closed()) {
        let heard = listen_once(&cache, &pool).await;
        cache.forget_all(false);
        if let Err(error) = heard {
            tracing::warn!(%error, "cannot hear of erasures; keys of people are read anew each time");
        }
        drop(cache);
        tokio::time::sleep(PAUSE).await;
    }
}

async fn listen_once(cache: &Arc<Cache>, pool: &PgPool) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.eager_reconnect(false); // a loss must be known at once
    listener.listen(CHANNEL).await?;
    cache.forget_all(true);
    while let Some(notification) = listener.try_recv().await? {
        match parse(notification.payload()) {
            Some(owner) => cache.forget(owner),
            None => cache.forget_all(true),
        }
    }
    Ok(())
}

fn parse(payload: &str) -> Option<Owner> {
    let (workspace, person) = payload.split_once(':')?;
    Some(Owner {
        workspace: workspace.parse().ok()?,
        person: person.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_payload_comes_back() {
        let owner = Owner {
            workspace: Uuid::from_u128(1),
            person: Uuid::from_u128(2),
        };
        assert_eq!(parse(&payload(owner)), Some(owner));
        assert_eq!(parse("anything"), None);
    }
}
