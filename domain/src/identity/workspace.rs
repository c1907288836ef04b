//! A workspace: the tenant. It owns one log and one schema of read models; its members may enter it.

use crate::{
    Aggregate, Check, Claim, Event, Permission, Rejection, Role, Rule, Violations, id::OrganizationId, id::UserId,
    id::WorkspaceId,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Keeps `tenant_{slug}` within PostgreSQL's 63 bytes.
pub const SLUG_MAX: usize = 48;

// Vocabulary

#[derive(Debug, Clone)]
pub enum WorkspaceCommand {
    Create(Created),
    Rename { name: String },
    AddMember { user_id: UserId, role: Role },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WorkspaceKind {
    Corporate,
    Personal,
    Store,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Created {
    pub name: String,
    pub kind: WorkspaceKind,
    /// `[a-z0-9-]`, unique on the platform; the schema is `tenant_` and it with `_` for `-`.
    pub slug: String,
    /// `{slug}_{8 hex}`.
    pub tenant_key: String,
    pub organization_id: Option<OrganizationId>,
    pub owner_id: UserId,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum WorkspaceEvent {
    #[serde(rename = "workspace.created")]
    Created(Created),
    #[serde(rename = "workspace.renamed")]
    Renamed { name: String },
    #[serde(rename = "workspace.member.added")]
    MemberAdded { user_id: UserId, role: Role },
}

impl Event for WorkspaceEvent {}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Rejection)]
pub enum WorkspaceRejection {
    #[error("no such workspace")]
    #[rejection(Missing, "workspace.missing")]
    Missing,
    #[error("already created")]
    #[rejection(Exists, "workspace.already_created")]
    AlreadyCreated,
    #[error(transparent)]
    #[rejection(Invalid, "workspace.invalid")]
    Invalid(#[from] Violations),
}

// Rules

impl Aggregate for Workspace {
    const NAME: &'static str = "workspace";
    type Id = WorkspaceId;
    type Command = WorkspaceCommand;
    type Event = WorkspaceEvent;
    type Rejection = WorkspaceRejection;
    const CLAIMS: &'static [&'static str] = &["workspace.slug"];

    fn permission(command: &WorkspaceCommand) -> Permission {
        match command {
            WorkspaceCommand::Create(_) => Permission::WorkspacesCreate,
            WorkspaceCommand::Rename { .. } | WorkspaceCommand::AddMember { .. } => Permission::WorkspacesUpdate,
        }
    }

    fn decide(&self, command: &WorkspaceCommand) -> Result<Vec<WorkspaceEvent>, WorkspaceRejection> {
        use WorkspaceCommand as C;
        match (self, command) {
            (Self::Unknown, C::Create(created)) => {
                created.check()?;
                let owner = WorkspaceEvent::MemberAdded {
                    user_id: created.owner_id,
                    role: Role::Owner,
                };
                Ok(vec![WorkspaceEvent::Created(created.clone()), owner])
            }
            (Self::Unknown, _) => Err(WorkspaceRejection::Missing),
            (Self::Open { .. }, C::Create(_)) => Err(WorkspaceRejection::AlreadyCreated),
            (Self::Open { name: current, .. }, C::Rename { name }) if current == name => Ok(vec![]),
            (Self::Open { .. }, C::Rename { name }) => {
                check_name(name)?;
                Ok(vec![WorkspaceEvent::Renamed { name: name.clone() }])
            }
            (Self::Open { members, .. }, C::AddMember { user_id, role }) if members.get(user_id) == Some(role) => {
                Ok(vec![])
            }
            (Self::Open { .. }, C::AddMember { user_id, role }) => Ok(vec![WorkspaceEvent::MemberAdded {
                user_id: *user_id,
                role: *role,
            }]),
        }
    }

    fn evolve(self, event: &WorkspaceEvent) -> Self {
        let (mut name, mut members) = match self {
            Self::Unknown => Default::default(),
            Self::Open { name, members } => (name, members),
        };
        match event {
            WorkspaceEvent::Created(created) => name.clone_from(&created.name),
            WorkspaceEvent::Renamed { name: new } => name.clone_from(new),
            WorkspaceEvent::MemberAdded { user_id, role } => {
                members.insert(*user_id, *role);
            }
        }
        Self::Open { name, members }
    }

    fn claims(&self, event: &WorkspaceEvent) -> Vec<Claim> {
        match event {
            WorkspaceEvent::Created(created) => vec![Claim::take("workspace.slug", &created.slug)],
            WorkspaceEvent::Renamed { .. } | WorkspaceEvent::MemberAdded { .. } => vec![],
        }
    }
}

fn check_name(name: &str) -> Result<(), Violations> {
    let mut check = Check::default();
    check.text("name", name, 200);
    check.done()
}

impl Created {
    fn check(&self) -> Result<(), Violations> {
        check_name(&self.name)?;
        let well_formed = !self.slug.is_empty()
            && self.slug.len() <= SLUG_MAX
            && self
                .slug
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if well_formed {
            Ok(())
        } else {
            Err(Violations::one("slug", Rule::NotAllowed))
        }
    }
}

// Memory

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Workspace {
    #[default]
    Unknown,
    Open {
        name: String,
        members: BTreeMap<UserId, Role>,
    },
}

impl Workspace {
    pub fn has_member(&self, user: UserId) -> bool {
        match self {
            Self::Open { members, .. } => members.contains_key(&user),
            Self::Unknown => false,
        }
    }
}

#[cfg(test)]
mod tests;
