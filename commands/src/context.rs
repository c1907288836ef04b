//! Who asks, where, when and on which condition: everything about a command that is not the command.

use chrono::{DateTime, Utc};
use domain::{
    Belongs, Permission, Standing,
    id::{ApiKeyId, UserId, WorkspaceId},
};
use log::CommandId;
use std::{fmt, ops::Deref, sync::Arc};
use trace::TraceParent;
use uuid::Uuid;

#[derive(Debug, Clone)]
pub struct Context {
    pub workspace: WorkspaceId,
    pub actor: Actor,
    pub now: DateTime<Utc>,
    /// From `Idempotency-Key`, or a saga's step: a repeat is answered and not executed.
    pub command: Option<CommandId>,
    /// From `If-Match`: versions that will do, each of which the caller saw. None of them: nothing will.
    pub expected_version: Option<Versions>,
    /// What the chain of events is about.
    pub correlation: Option<Uuid>,
    /// The event that it follows from.
    pub causation: Option<Uuid>,
    /// The trace that it is part of.
    pub trace: Option<TraceParent>,
    pub client_address: Option<String>,
}

impl Context {
    /// One that nothing else is known of: no request, no repeat, nothing that it follows from.
    pub fn new(workspace: WorkspaceId, actor: Actor, now: DateTime<Utc>) -> Self {
        Self {
            workspace,
            actor,
            now,
            command: None,
            expected_version: None,
            correlation: None,
            causation: None,
            trace: None,
            client_address: None,
        }
    }

    /// Whether the caller would have the command carried out on that version.
    pub fn allows(&self, version: i64) -> bool {
        self.expected_version
            .as_ref()
            .is_none_or(|expected| expected.contains(&version))
    }
}

/// Some versions of one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versions(Vec<i64>);

impl Versions {
    /// The only one, if it is one: how refusals tell it.
    pub fn single(&self) -> Option<i64> {
        match self.0[..] {
            [version] => Some(version),
            _ => None,
        }
    }
}

/// As a refusal tells it: one, or a list.
impl From<&Versions> for serde_json::Value {
    fn from(versions: &Versions) -> Self {
        versions.single().map_or_else(|| versions.to_vec().into(), Self::from)
    }
}

impl From<Vec<i64>> for Versions {
    fn from(versions: Vec<i64>) -> Self {
        Self(versions)
    }
}

impl From<i64> for Versions {
    fn from(version: i64) -> Self {
        Self(vec![version])
    }
}

impl Deref for Versions {
    type Target = [i64];

    fn deref(&self) -> &[i64] {
        &self.0
    }
}

#[derive(Debug, Clone)]
pub enum Actor {
    User(Arc<Standing>),
    /// Somebody about what is their own: their password, their sessions. No role is asked for.
    Person(UserId),
    /// A machine, in the name of whoever made its key: what it was given of their rights.
    Key {
        id: ApiKeyId,
        standing: Arc<Standing>,
    },
    /// A process the system runs by itself.
    Saga(&'static str),
    /// Somebody at the command line, who has the database itself; by name.
    Operator(String),
    /// The platform, before there is a user: registration.
    System,
}

impl Actor {
    pub fn may(&self, permission: Permission) -> bool {
        match self {
            Self::User(standing) | Self::Key { standing, .. } => standing.may(permission),
            Self::Person(_) | Self::Saga(_) | Self::Operator(_) | Self::System => true,
        }
    }

    /// Whether the permission reaches to that record.
    pub fn may_on(&self, permission: Permission, record: Belongs) -> bool {
        match self {
            Self::User(standing) | Self::Key { standing, .. } => standing.may_on(permission, record),
            Self::Person(_) | Self::Saga(_) | Self::Operator(_) | Self::System => true,
        }
    }

    /// Who gives rights, or takes them; the system itself is nobody.
    pub fn user(&self) -> Option<UserId> {
        match self {
            Self::User(standing) | Self::Key { standing, .. } => Some(standing.user),
            Self::Person(id) => Some(*id),
            Self::Saga(_) | Self::Operator(_) | Self::System => None,
        }
    }
}

/// As recorded with every event.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(standing) => write!(f, "user:{}", standing.user),
            Self::Person(id) => write!(f, "user:{id}"),
            Self::Key { id, .. } => write!(f, "key:{id}"),
            Self::Saga(name) => write!(f, "saga:{name}"),
            Self::Operator(name) => write!(f, "operator:{name}"),
            Self::System => f.write_str("system"),
        }
    }
}
