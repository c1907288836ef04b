//! Who asks, where, when and on which condition: everything about a command that is not the command.

use chrono::{DateTime, Utc};
use domain::{
    Permission, Role,
    id::{UserId, WorkspaceId},
};
use log::CommandId;
use std::{collections::BTreeSet, fmt};
use uuid::Uuid;

#[derive(Debug, Clone)]
pub struct Context {
    pub workspace: WorkspaceId,
    pub actor: Actor,
    pub now: DateTime<Utc>,
    /// From `Idempotency-Key`, or a saga's step: a repeat is answered and not executed.
    pub command: Option<CommandId>,
    /// From `If-Match`: the version the caller saw.
    pub expected_version: Option<i64>,
    /// What the chain of events is about.
    pub correlation: Option<Uuid>,
    pub client_address: Option<String>,
}

#[derive(Debug, Clone)]
pub enum Actor {
    User {
        id: UserId,
        role: Role,
        /// Beyond the role.
        granted: BTreeSet<Permission>,
    },
    /// A process the system runs by itself.
    Saga(&'static str),
    /// The platform, before there is a user: registration.
    System,
}

impl Actor {
    pub fn may(&self, permission: Permission) -> bool {
        match self {
            Self::User { role, granted, .. } => role.allows(permission) || granted.contains(&permission),
            Self::Saga(_) | Self::System => true,
        }
    }
}

/// As recorded with every event.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User { id, .. } => write!(f, "user:{id}"),
            Self::Saga(name) => write!(f, "saga:{name}"),
            Self::System => f.write_str("system"),
        }
    }
}
