//! Who may enter where, remembered on the node. An entry says up to which position of the platform's log it was read; it
//! counts as long as this node has heard of nothing later there. So a member who is removed is out at once on the node that
//! did it, and on others as soon as they hear, and nobody pays for a look as long as nothing happens. That somebody may
//! *not* enter is never remembered.

use domain::{
    Role, Standing,
    id::{UserId, WorkspaceId},
    rights::Circle,
};
use log::Log;
use moka::sync::Cache;
use projections::platform::{self, Workspace};
use sqlx::PgPool;
use std::sync::Arc;
use uuid::Uuid;

/// The most that are remembered.
const MEMBERS_MAX: u64 = 20_000;

/// How a request names its workspace.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Named {
    Id(Uuid),
    TenantKey(String),
}

pub struct Members {
    pool: PgPool,
    log: Log,
    known: Cache<(UserId, Named), Member>,
}

/// A workspace and what somebody is there.
#[derive(Debug, Clone)]
pub struct Member {
    pub workspace: Arc<Workspace>,
    pub role: Role,
    /// Without the circle that rights of theirs may reach to.
    pub standing: Arc<Standing>,
    /// The platform's position that this was true at.
    as_of: i64,
}

impl Members {
    pub fn new(pool: PgPool, log: Log) -> Self {
        Self {
            pool,
            log,
            known: Cache::new(MEMBERS_MAX),
        }
    }

    /// `None`: there is no such workspace, or they are no member of it.
    pub async fn find(&self, user: UserId, workspace: &Named) -> Result<Option<Member>, sqlx::Error> {
        let key = (user, workspace.clone());
        let heard = self.log.heard(WorkspaceId::PLATFORM.into());
        let known = self.known.get(&key);
        if let Some(known) = known.filter(|known| heard.is_some_and(|heard| heard <= known.as_of)) {
            return Ok(Some(known));
        }
        let found = match workspace {
            Named::Id(id) => platform::member_of(&self.pool, user.into(), *id).await?,
            Named::TenantKey(key) => platform::member_by_key(&self.pool, user.into(), key).await?,
        };
        let Some(found) = found else {
            self.known.invalidate(&key);
            return Ok(None);
        };
        let member = Member {
            workspace: Arc::new(found.workspace),
            role: found.role,
            standing: Arc::new(Standing {
                user,
                rights: found.rights,
                circle: Circle::default(),
            }),
            as_of: found.as_of,
        };
        self.known.insert(key, member.clone());
        Ok(Some(member))
    }
}
