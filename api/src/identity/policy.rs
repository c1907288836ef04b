//! What a workspace's organization asks and is owed: who has to sign in with a second factor, and whether it is premium. Asked
//! with every request, hence remembered on the node.

use super::current::{Current, Looked};
use domain::Role;
use log::Log;
use sqlx::{PgPool, types::Json};
use std::{collections::BTreeSet, sync::Arc};
use uuid::Uuid;

/// Nothing is asked where there is no organization.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Whose members may ask more often.
    pub premium: bool,
    /// Whoever has one of these roles signs in with a second factor.
    pub second_factor: BTreeSet<Role>,
}

pub struct Policies {
    pool: PgPool,
    known: Current<Uuid, Arc<Policy>>,
}

impl Policies {
    pub fn new(pool: PgPool, log: Log) -> Self {
        Self {
            pool,
            known: Current::new(log),
        }
    }

    /// Of the organization that the workspace belongs to.
    pub async fn of(&self, workspace: Uuid) -> Result<Arc<Policy>, sqlx::Error> {
        let look = async {
            let policy = "select coalesce(o.id, w.id), coalesce(o.premium, false), coalesce(o.second_factor_roles, '[]'), \
                    (select position from platform.checkpoint) \
                from platform.workspaces w left join platform.organizations o on o.id = w.organization_id where w.id = $1";
            let policy = sqlx::query_as::<_, (Uuid, bool, Json<BTreeSet<Role>>, i64)>(policy).bind(workspace);
            let policy = policy.fetch_optional(&self.pool).await?;
            Ok::<_, sqlx::Error>(policy.map(|(stream, premium, Json(second_factor), stands_at)| Looked {
                value: Arc::new(Policy { premium, second_factor }),
                stream,
                stands_at: Some(stands_at),
            }))
        };
        Ok(self.known.get(&workspace, look).await?.unwrap_or_default())
    }
}
