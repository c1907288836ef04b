//! The same of workspaces, which always have an owner.

use super::{Promises, any_commands};
use crate::{
    Access, Patch, Rights, Role,
    id::{RoleId, UserId},
    identity::workspace::{Change, OwnRole, Workspace, WorkspaceCommand as W, WorkspaceEvent},
    testing::sample,
};
use uuid::Uuid;

#[test]
fn workspace() {
    let WorkspaceEvent::Created(created) = sample("workspace.created.v1") else {
        panic!("another event")
    };
    let user = |user: u128| UserId::new(Uuid::from_u128(user));
    let owner = created.owner_id;
    let add = |id: u128, role: Role| W::AddMember {
        user_id: user(id),
        access: role.into(),
        by: None,
    };
    let role_id = RoleId::default();
    let role = |name: &str| OwnRole {
        name: name.into(),
        permissions: Rights::of(Role::Cashier),
    };
    let with_role = W::ChangeMember {
        user_id: user(2),
        access: Access {
            role_id: Some(role_id),
            ..Role::Employee.into()
        },
        by: Some(user(1)),
    };
    let by = Some(owner);
    let rename = |name: &str| W::Rename { name: name.into() };
    let commands = [
        W::Create(created),
        add(1, Role::Admin),
        add(1, Role::Cashier),
        add(2, Role::Admin),
        with_role,
        W::RemoveMember { user_id: user(2), by },
        W::RemoveMember { user_id: owner, by },
        W::DefineRole {
            role_id,
            role: role("Till"),
            by,
        },
        W::ChangeRole {
            role_id,
            role: role("Shop"),
            by,
        },
        W::RemoveRole { role_id, by },
        rename("ТОО"),
        rename(""),
        W::Update {
            name: Some("ИП".into()),
            change: Box::new(Change {
                phone: Patch::Set(Some("+77272000000".into())),
                ..Change::default()
            }),
        },
        W::Archive,
    ];
    let names_its_effect = |command: &W| {
        matches!(
            command,
            W::Rename { .. }
                | W::Update { .. }
                | W::Archive
                | W::AddMember { .. }
                | W::ChangeMember { .. }
                | W::DefineRole { .. }
                | W::ChangeRole { .. }
        )
    };
    any_commands::<Workspace>(
        &commands,
        &Promises {
            names_its_effect,
            invariant: has_an_owner,
        },
    );
}

/// From its first event on.
fn has_an_owner(workspace: &Workspace) -> bool {
    let WorkspaceEvent::Created(created) = sample("workspace.created.v1") else {
        return false;
    };
    let owner = workspace.access(created.owner_id);
    matches!(workspace, Workspace::Unknown | Workspace::Archived)
        || owner.is_some_and(|access| access.role == Role::Owner)
}
