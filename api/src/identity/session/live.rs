//! Which sessions go on, remembered on the node: an access token is worth nothing once its session has ended, wherever that
//! happened, and asking costs nothing as long as nothing happens.

use crate::identity::current::{Current, Looked};
use log::Log;
use sqlx::PgPool;
use uuid::Uuid;

pub struct Sessions {
    pool: PgPool,
    known: Current<Uuid, Live>,
}

/// A session that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Live {
    pub family: Uuid,
    pub user: Uuid,
    /// More than a password was asked for.
    pub second_factor: bool,
}

impl Sessions {
    pub fn new(pool: PgPool, log: Log) -> Self {
        Self {
            pool,
            known: Current::new(log),
        }
    }

    /// `None`: it has ended.
    pub async fn find(&self, family: Uuid) -> Result<Option<Live>, sqlx::Error> {
        let look = async {
            let live = "select user_id, bool_or(second_factor) from platform.sessions where family = $1 \
                group by user_id having bool_and(revoked_at is null)";
            let live = sqlx::query_as::<_, (Uuid, bool)>(live).bind(family);
            let live = live.fetch_optional(&self.pool).await?;
            Ok::<_, sqlx::Error>(live.map(|(user, second_factor)| Looked {
                value: Live {
                    family,
                    user,
                    second_factor,
                },
                stream: user,
                stands_at: None,
            }))
        };
        self.known.get(&family, look).await
    }
}
