//! A workspace: the tenant. It owns one log and one schema of read models; its members may enter it, with the rights of one
//! of the seven roles or of one of its own. Who gives rights, or takes them, has them: what a member and a role may do
//! stands in one state, so that it is decided at one moment.

mod giving;
mod profile;

pub use giving::ROLES_MAX;
pub use profile::{Change, Profile};

use crate::{
    Access, Aggregate, Changes, Check, Claim, Event, Fields, Permission, Rejection, Rights, Role, Rule, Violations,
    id::{OrganizationId, RoleId, UserId, WorkspaceId},
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
    Rename {
        name: String,
    },
    /// What it is called, if that is said, and the fields of its profile that are named.
    Update {
        name: Option<String>,
        change: Box<Change>,
    },
    /// Nobody enters any more. Its log stays whole.
    Archive,
    /// Somebody may enter from now on; who already may, with these rights.
    AddMember {
        user_id: UserId,
        access: Access,
        by: Giver,
    },
    ChangeMember {
        user_id: UserId,
        access: Access,
        by: Giver,
    },
    RemoveMember {
        user_id: UserId,
        by: Giver,
    },
    /// A role of the workspace's own, or what it is from now on.
    DefineRole {
        role_id: RoleId,
        role: OwnRole,
        by: Giver,
    },
    ChangeRole {
        role_id: RoleId,
        role: OwnRole,
        by: Giver,
    },
    RemoveRole {
        role_id: RoleId,
        by: Giver,
    },
}

/// Who gives rights and takes them: a member, or the platform itself.
pub type Giver = Option<UserId>;

/// A named set of rights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnRole {
    pub name: String,
    pub permissions: Rights,
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
    #[serde(rename = "workspace.updated")]
    Updated(Box<Change>),
    /// It names whom it shuts out, so that whoever keeps members knows.
    #[serde(rename = "workspace.archived")]
    Archived { members: Vec<UserId> },
    #[serde(rename = "workspace.member.added")]
    MemberAdded {
        user_id: UserId,
        #[serde(flatten)]
        access: Access,
    },
    #[serde(rename = "workspace.member.changed")]
    MemberChanged {
        user_id: UserId,
        #[serde(flatten)]
        access: Access,
    },
    #[serde(rename = "workspace.member.removed")]
    MemberRemoved { user_id: UserId },
    #[serde(rename = "workspace.role.defined")]
    RoleDefined {
        role_id: RoleId,
        #[serde(flatten)]
        role: OwnRole,
    },
    #[serde(rename = "workspace.role.removed")]
    RoleRemoved { role_id: RoleId },
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
    #[error("no such member")]
    #[rejection(Missing, "workspace.no_such_member")]
    NoSuchMember,
    #[error("no such role")]
    #[rejection(Missing, "workspace.no_such_role")]
    NoSuchRole,
    #[error("there is always an owner")]
    #[rejection(Conflict, "workspace.last_owner")]
    LastOwner,
    #[error("members have this role")]
    #[rejection(Conflict, "workspace.role_in_use")]
    RoleInUse,
    #[error("another role is called so")]
    #[rejection(Exists, "workspace.role_name_taken")]
    RoleNameTaken,
    /// Nobody gives, or takes, what they do not have.
    #[error("{permission} is not theirs to give or take")]
    #[rejection(Forbidden, "workspace.not_theirs_to_give")]
    NotTheirsToGive { permission: Permission },
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
        use WorkspaceCommand as C;
        match command {
            C::Create(_) => Permission::WorkspacesCreate,
            C::Rename { .. } | C::Update { .. } => Permission::WorkspacesUpdate,
            // Only owners have it.
            C::Archive => Permission::OwnersUpdate,
            C::AddMember { .. } => Permission::MembersCreate,
            C::ChangeMember { .. } => Permission::MembersUpdate,
            C::RemoveMember { .. } => Permission::MembersDelete,
            C::DefineRole { .. } => Permission::RolesCreate,
            C::ChangeRole { .. } => Permission::RolesUpdate,
            C::RemoveRole { .. } => Permission::RolesDelete,
        }
    }

    fn decide(&self, command: &WorkspaceCommand) -> Result<Vec<WorkspaceEvent>, WorkspaceRejection> {
        use WorkspaceCommand as C;
        match (self, command) {
            (Self::Unknown, C::Create(created)) => {
                created.check()?;
                let owner = WorkspaceEvent::MemberAdded {
                    user_id: created.owner_id,
                    access: Role::Owner.into(),
                };
                Ok(vec![WorkspaceEvent::Created(created.clone()), owner])
            }
            (Self::Archived, C::Archive) => Ok(vec![]),
            (Self::Open(_) | Self::Archived, C::Create(_)) => Err(WorkspaceRejection::AlreadyCreated),
            (Self::Unknown | Self::Archived, _) => Err(WorkspaceRejection::Missing),
            (Self::Open(open), C::Rename { name }) => Ok(open.rename(name)?.into_iter().collect()),
            (Self::Open(open), C::Update { name, change }) => open.update(name.as_deref(), change),
            (Self::Open(open), C::Archive) => Ok(vec![WorkspaceEvent::Archived {
                members: open.members.keys().copied().collect(),
            }]),
            (Self::Open(open), C::AddMember { user_id, access, by }) => open.add(*user_id, access, *by),
            (Self::Open(open), C::ChangeMember { user_id, access, by }) => open.change(*user_id, access, *by),
            (Self::Open(open), C::RemoveMember { user_id, by }) => open.remove(*user_id, *by),
            (Self::Open(open), C::DefineRole { role_id, role, by }) => open.define(*role_id, role, *by),
            (Self::Open(open), C::ChangeRole { role_id, role, by }) => {
                open.roles.get(role_id).ok_or(WorkspaceRejection::NoSuchRole)?;
                open.define(*role_id, role, *by)
            }
            (Self::Open(open), C::RemoveRole { role_id, by }) => open.undefine(*role_id, *by),
        }
    }

    fn evolve(self, event: &WorkspaceEvent) -> Self {
        let mut open = match self {
            Self::Unknown => Box::default(),
            Self::Open(open) => open,
            Self::Archived => return Self::Archived,
        };
        match event {
            WorkspaceEvent::Created(created) => open.name.clone_from(&created.name),
            WorkspaceEvent::Renamed { name: new } => open.name.clone_from(new),
            WorkspaceEvent::Updated(change) => open.profile.apply(change),
            WorkspaceEvent::Archived { .. } => return Self::Archived,
            WorkspaceEvent::MemberAdded { user_id, access } | WorkspaceEvent::MemberChanged { user_id, access } => {
                open.members.insert(*user_id, access.clone());
            }
            WorkspaceEvent::MemberRemoved { user_id } => _ = open.members.remove(user_id),
            WorkspaceEvent::RoleDefined { role_id, role } => _ = open.roles.insert(*role_id, role.clone()),
            WorkspaceEvent::RoleRemoved { role_id } => _ = open.roles.remove(role_id),
        }
        Self::Open(open)
    }

    fn claims(&self, event: &WorkspaceEvent) -> Vec<Claim> {
        match event {
            WorkspaceEvent::Created(created) => vec![Claim::take("workspace.slug", &created.slug)],
            WorkspaceEvent::Renamed { .. }
            | WorkspaceEvent::Updated(_)
            | WorkspaceEvent::Archived { .. }
            | WorkspaceEvent::MemberAdded { .. }
            | WorkspaceEvent::MemberChanged { .. }
            | WorkspaceEvent::MemberRemoved { .. }
            | WorkspaceEvent::RoleDefined { .. }
            | WorkspaceEvent::RoleRemoved { .. } => vec![],
        }
    }
}

fn check_name(name: &str) -> Result<(), Violations> {
    let mut check = Check::default();
    check.text("name", name, 200);
    check.done()
}

impl Open {
    fn rename(&self, name: &str) -> Result<Option<WorkspaceEvent>, Violations> {
        if self.name == name {
            return Ok(None);
        }
        check_name(name)?;
        Ok(Some(WorkspaceEvent::Renamed { name: name.to_owned() }))
    }

    fn update(&self, name: Option<&str>, change: &Change) -> Result<Vec<WorkspaceEvent>, WorkspaceRejection> {
        let renamed = name.map_or(Ok(None), |name| self.rename(name))?;
        let mut after = self.profile.clone();
        after.apply(change);
        after.checked()?;
        let updated = (after != self.profile).then(|| WorkspaceEvent::Updated(Box::new(change.clone())));
        Ok(renamed.into_iter().chain(updated).collect())
    }
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
    Open(Box<Open>),
    Archived,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Open {
    name: String,
    #[serde(default)]
    profile: Profile,
    members: BTreeMap<UserId, Access>,
    roles: BTreeMap<RoleId, OwnRole>,
}

impl Workspace {
    pub fn has_member(&self, user: UserId) -> bool {
        self.access(user).is_some()
    }

    pub fn role(&self, id: RoleId) -> Option<&OwnRole> {
        match self {
            Self::Open(open) => open.roles.get(&id),
            Self::Unknown | Self::Archived => None,
        }
    }

    /// Whether somebody has all the rights of a member, as they must to act on what is that member's.
    pub fn outranks(&self, by: UserId, member: UserId) -> Result<(), WorkspaceRejection> {
        match self {
            Self::Open(open) => open.outranks(by, member),
            Self::Unknown | Self::Archived => Err(WorkspaceRejection::Missing),
        }
    }

    fn open(&self) -> Option<&Open> {
        match self {
            Self::Open(open) => Some(open),
            Self::Unknown | Self::Archived => None,
        }
    }

    /// What it is called; `None` of one that nobody enters.
    pub fn name(&self) -> Option<&str> {
        self.open().map(|open| open.name.as_str())
    }

    pub fn profile(&self) -> Option<&Profile> {
        self.open().map(|open| &open.profile)
    }

    /// Who may enter, and what they are here.
    pub fn members(&self) -> impl Iterator<Item = (UserId, &Access)> {
        let members = self.open().into_iter().flat_map(|open| &open.members);
        members.map(|(user, access)| (*user, access))
    }

    /// Its own roles.
    pub fn roles(&self) -> impl Iterator<Item = (RoleId, &OwnRole)> {
        let roles = self.open().into_iter().flat_map(|open| &open.roles);
        roles.map(|(id, role)| (*id, role))
    }

    /// What somebody is here.
    pub fn access(&self, user: UserId) -> Option<&Access> {
        match self {
            Self::Open(open) => open.members.get(&user),
            Self::Unknown | Self::Archived => None,
        }
    }
}

#[cfg(test)]
mod tests;
