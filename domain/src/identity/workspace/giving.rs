//! Giving rights and taking them. What changes hands has to be the giver's: all that somebody had before and has
//! afterwards, and what a role meant and is to mean. Only an owner has the right to owners, so that nobody else makes or
//! unmakes one; and the last one stays.

use super::{Giver, Open, OwnRole, WorkspaceEvent, WorkspaceRejection as R};
use crate::{
    Access, Check, Rights, Role, Rule, Violations,
    id::{RoleId, UserId},
};

/// Roles of a workspace's own.
pub const ROLES_MAX: usize = 100;
const NAME_MAX: usize = 100;

type Decided = Result<Vec<WorkspaceEvent>, R>;

impl Open {
    pub(super) fn add(&self, user_id: UserId, access: &Access, by: Giver) -> Decided {
        match self.members.get(&user_id) {
            Some(_) => self.change(user_id, access, by),
            None => {
                self.may_pass(by, None, Some(access))?;
                let access = access.clone();
                Ok(vec![WorkspaceEvent::MemberAdded { user_id, access }])
            }
        }
    }

    pub(super) fn change(&self, user_id: UserId, access: &Access, by: Giver) -> Decided {
        let before = self.members.get(&user_id).ok_or(R::NoSuchMember)?;
        if before == access {
            return Ok(vec![]);
        }
        self.may_pass(by, Some(before), Some(access))?;
        self.keeps_an_owner(user_id, Some(access.role))?;
        let access = access.clone();
        Ok(vec![WorkspaceEvent::MemberChanged { user_id, access }])
    }

    pub(super) fn remove(&self, user_id: UserId, by: Giver) -> Decided {
        let before = self.members.get(&user_id).ok_or(R::NoSuchMember)?;
        self.may_pass(by, Some(before), None)?;
        self.keeps_an_owner(user_id, None)?;
        Ok(vec![WorkspaceEvent::MemberRemoved { user_id }])
    }

    pub(super) fn define(&self, role_id: RoleId, role: &OwnRole, by: Giver) -> Decided {
        let before = self.roles.get(&role_id);
        if before == Some(role) {
            return Ok(vec![]);
        }
        let mut check = Check::default();
        check.text("name", &role.name, NAME_MAX);
        check.done()?;
        let others = || self.roles.iter().filter(|(id, _)| **id != role_id);
        if others().any(|(_, other)| other.name.to_lowercase() == role.name.to_lowercase()) {
            return Err(R::RoleNameTaken);
        }
        if others().count() >= ROLES_MAX {
            return Err(Violations::one("roles", Rule::TooMany { max: ROLES_MAX }).into());
        }
        for rights in [before, Some(role)].into_iter().flatten() {
            self.has(by, &rights.permissions)?;
        }
        let role = role.clone();
        Ok(vec![WorkspaceEvent::RoleDefined { role_id, role }])
    }

    pub(super) fn undefine(&self, role_id: RoleId, by: Giver) -> Decided {
        let role = self.roles.get(&role_id).ok_or(R::NoSuchRole)?;
        self.has(by, &role.permissions)?;
        match self.members.values().any(|access| access.role_id == Some(role_id)) {
            true => Err(R::RoleInUse),
            false => Ok(vec![WorkspaceEvent::RoleRemoved { role_id }]),
        }
    }

    pub(super) fn outranks(&self, by: UserId, member: UserId) -> Result<(), R> {
        let access = self.members.get(&member).ok_or(R::NoSuchMember)?;
        self.has(Some(by), &self.rights(access))
    }

    /// What somebody with that access may do.
    fn rights(&self, access: &Access) -> Rights {
        let own = access.role_id.and_then(|id| self.roles.get(&id));
        let rights = own.map_or_else(|| Rights::of(access.role), |own| own.permissions.clone());
        rights.with(&access.permissions)
    }

    fn may_pass(&self, by: Giver, before: Option<&Access>, after: Option<&Access>) -> Result<(), R> {
        if let Some(Access {
            role,
            role_id: Some(role_id),
            ..
        }) = after
        {
            self.roles.get(role_id).ok_or(R::NoSuchRole)?;
            if *role == Role::Owner {
                return Err(Violations::one("roleId", Rule::NotAllowed).into());
            }
        }
        for access in [before, after].into_iter().flatten() {
            self.has(by, &self.rights(access))?;
        }
        Ok(())
    }

    /// Whether all of these are the giver's.
    fn has(&self, by: Giver, rights: &Rights) -> Result<(), R> {
        let Some(by) = by else { return Ok(()) };
        let own = self.members.get(&by).map(|access| self.rights(access));
        match own.unwrap_or_default().lacks(rights) {
            Some(permission) => Err(R::NotTheirsToGive { permission }),
            None => Ok(()),
        }
    }

    /// Once somebody has that role.
    fn keeps_an_owner(&self, user: UserId, role: Option<Role>) -> Result<(), R> {
        let owners = || self.members.iter().filter(|(_, access)| access.role == Role::Owner);
        let was_one = owners().any(|(id, _)| *id == user);
        match was_one && role != Some(Role::Owner) && owners().count() == 1 {
            true => Err(R::LastOwner),
            false => Ok(()),
        }
    }
}
