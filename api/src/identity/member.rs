//! Who may enter a workspace, and as what. What is changed here counts at once: on this node before it answers, on others as
//! soon as they hear of it (members.rs).

use crate::{
    envelope,
    extract::{
        Body, BodyHash, Caller, Id, List, May, Write,
        rights::{MembersDelete, MembersUpdate, MembersView},
    },
    openapi::told,
    problem::Problem,
    reply::{One, Page, Reply},
    state::App,
};
use aide::axum::{ApiRouter, routing::get_with};
use axum::extract::State;
use commands::Done;
use domain::{
    Access, Patch, Rights, Role,
    id::{RoleId, UserId, WorkspaceId},
    identity::workspace::{Workspace, WorkspaceCommand, WorkspaceEvent, WorkspaceRejection},
};
use projections::platform::{self, Membership};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/members",
            get_with(list, told("Who may enter the workspace, newest first")),
        )
        .api_route(
            "/members/{id}",
            get_with(details, told("A member, with what they may do"))
                .put_with(
                    change,
                    told("Gives a member another role or other rights: none that the caller lacks"),
                )
                .delete_with(remove, told("Shuts somebody out; there is always an owner")),
        )
}

/// What somebody is to be; what is absent stays.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AccessChange {
    pub role: Patch<Role>,
    /// One of the workspace's own roles, whose rights count in place of the role's.
    pub role_id: Patch<Option<RoleId>>,
    /// Beyond the role.
    pub permissions: Patch<Rights>,
}

impl AccessChange {
    pub fn is_empty(&self) -> bool {
        self.role.is_keep() && self.role_id.is_keep() && self.permissions.is_keep()
    }

    /// Another role is taken as it is: one of the workspace's own does not outlive the role it stood beside.
    pub fn on(&self, before: &Access) -> Access {
        let mut after = before.clone();
        if let Patch::Set(role) = self.role
            && role != before.role
        {
            after = Access {
                role,
                role_id: None,
                ..after
            };
        }
        self.role_id.apply(&mut after.role_id);
        self.permissions.apply(&mut after.permissions);
        after
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberChanged {
    id: Uuid,
    user_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    message: &'static str,
    version: i64,
}

async fn list(
    State(app): State<App>,
    caller: May<MembersView>,
    List { pairs, .. }: List<Membership>,
) -> Result<Page<Membership>, Problem> {
    let workspace = caller.workspace_id().uuid();
    let page = platform::page_within::<Membership>(&app.reads, workspace, &pairs).await?;
    Ok(Page::of(envelope::list(page)))
}

async fn details(
    State(app): State<App>,
    caller: May<MembersView>,
    Id(id): Id<Uuid>,
) -> Result<One<Membership>, Problem> {
    let workspace = caller.workspace_id().uuid();
    let found = platform::one_within::<Membership>(&app.reads, workspace, id).await?;
    found.map(envelope::one).map(One::of).ok_or_else(missing)
}

async fn change(
    State(app): State<App>,
    caller: May<MembersUpdate>,
    Id(id): Id<Uuid>,
    write: Write,
    Body { value, hash }: Body<AccessChange>,
) -> Result<Reply<MemberChanged>, Problem> {
    let user_id = user(&app, &caller, id).await?;
    let before = current(&app, caller.workspace_id(), user_id)
        .await?
        .ok_or_else(missing)?;
    let access = value.on(&before);
    let role = Some(access.role);
    let command = WorkspaceCommand::ChangeMember {
        user_id,
        access,
        by: Some(caller.user_id),
    };
    answer(
        &app,
        &caller,
        &write,
        hash,
        command,
        (id, user_id, role, "Member changed"),
    )
    .await
}

async fn remove(
    State(app): State<App>,
    caller: May<MembersDelete>,
    Id(id): Id<Uuid>,
    write: Write,
) -> Result<Reply<MemberChanged>, Problem> {
    let hash = BodyHash::default();
    let context = write.context_in(WorkspaceId::PLATFORM, &caller, hash);
    // Whom a repeat removed is a member no more.
    let first = app
        .executor
        .repeated::<Workspace>(caller.workspace_id(), &context)
        .await?;
    let user_id = match first.as_ref().and_then(removed) {
        Some(user_id) => user_id,
        None => user(&app, &caller, id).await?,
    };
    let command = WorkspaceCommand::RemoveMember {
        user_id,
        by: Some(caller.user_id),
    };
    let told = (id, user_id, None, "Member removed");
    answer(&app, &caller, &write, hash, command, told).await
}

fn removed(done: &Done<WorkspaceEvent>) -> Option<UserId> {
    done.events.iter().find_map(|event| match event {
        WorkspaceEvent::MemberRemoved { user_id } => Some(*user_id),
        _ => None,
    })
}

async fn answer(
    app: &App,
    caller: &Caller,
    write: &Write,
    hash: BodyHash,
    command: WorkspaceCommand,
    (id, user_id, role, message): (Uuid, UserId, Option<Role>, &'static str),
) -> Result<Reply<MemberChanged>, Problem> {
    let context = write.context_in(WorkspaceId::PLATFORM, caller, hash);
    let workspace = caller.workspace_id();
    let done = app.executor.execute::<Workspace>(workspace, &command, &context).await?;
    let written = write.settle(app, WorkspaceId::PLATFORM, &done).await;
    Ok(written.ok(MemberChanged {
        id,
        user_id: user_id.into(),
        role,
        message,
        version: done.version,
    }))
}

/// Whose membership that is; of another workspace's nothing is told.
async fn user(app: &App, caller: &Caller, id: Uuid) -> Result<UserId, Problem> {
    let workspace = caller.workspace_id().uuid();
    let user = platform::member(&app.pool, workspace, id).await?;
    user.map(UserId::new).ok_or_else(missing)
}

/// What somebody is in the workspace, as the log says now.
pub async fn current(app: &App, workspace: WorkspaceId, user: UserId) -> Result<Option<Access>, Problem> {
    let loaded = app
        .executor
        .load::<Workspace, WorkspaceRejection>(WorkspaceId::PLATFORM, workspace)
        .await?;
    Ok(loaded.state.access(user).cloned())
}

fn missing() -> Problem {
    Problem::missing("workspace.no_such_member")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_stays_but_for_the_own_role_beside_another() {
        let role_id = Some(RoleId::new(Uuid::from_u128(1)));
        let before = Access {
            role: Role::Employee,
            role_id,
            permissions: ["DEALS_VIEW".parse().unwrap()].into_iter().collect(),
        };
        assert_eq!(AccessChange::default().on(&before), before);
        let same = AccessChange {
            role: Patch::Set(Role::Employee),
            ..AccessChange::default()
        };
        assert_eq!(same.on(&before), before);
        let manager = AccessChange {
            role: Patch::Set(Role::Manager),
            ..AccessChange::default()
        };
        let after = manager.on(&before);
        assert_eq!((after.role, after.role_id), (Role::Manager, None));
        assert_eq!(after.permissions, before.permissions);
    }
}
