//! Roles: the seven of every workspace, and the workspace's own, each a named set of rights.

use crate::{
    envelope::{self, Listed},
    extract::{
        Body, BodyHash, Caller, Id, List, May, Write,
        rights::{RolesCreate, RolesDelete, RolesUpdate, RolesView},
    },
    openapi::told,
    problem::Problem,
    reply::{Changed, Created, Item, Named, One, Reply},
    state::App,
};
use aide::axum::{ApiRouter, routing::get_with};
use axum::extract::State;
use commands::Done;
use domain::{
    Choice, Patch, Rights, Role,
    field::FILLED_LINE,
    id::{RoleId, WorkspaceId},
    identity::workspace::{OwnRole, Workspace, WorkspaceCommand, WorkspaceEvent, WorkspaceRejection},
};
use projections::platform;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/roles",
            get_with(
                list,
                told("The workspace's own roles, newest first, and the seven that every workspace has"),
            )
            .post_with(
                define,
                told("A role of the workspace's own, with rights that the caller has"),
            ),
        )
        .api_route(
            "/roles/{id}",
            get_with(details, told("One of the workspace's own roles"))
                .put_with(
                    change,
                    told("Changes what a role is called or may do, at once for all who have it"),
                )
                .delete_with(remove, told("Removes a role that nobody has")),
        )
}

/// The workspace's own roles, and the seven.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Roles")]
pub struct Roles<T> {
    #[serde(flatten)]
    listed: Listed<T>,
    built_in: Vec<BuiltIn>,
}

/// One of the seven.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BuiltIn {
    role: Role,
    permissions: Rights,
}

/// What a role is to be.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct NewRole {
    #[schemars(
        length(max = 100),
        regex(pattern = FILLED_LINE)
    )]
    name: String,
    #[serde(default)]
    permissions: Rights,
}

/// What is absent stays.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RoleChange {
    #[schemars(
        length(max = 100),
        regex(pattern = FILLED_LINE)
    )]
    name: Patch<String>,
    permissions: Patch<Rights>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct RoleDefined {
    id: Uuid,
    name: String,
    permissions: Rights,
    /// The workspace's.
    version: i64,
}

impl Named for OwnRole {
    const ANSWER: &'static str = "RoleRemoved";
}

async fn list(
    State(app): State<App>,
    caller: May<RolesView>,
    List { pairs, .. }: List<platform::OwnRole>,
) -> Result<Reply<Roles<Vec<Item<platform::OwnRole>>>>, Problem> {
    let workspace = caller.workspace_id().uuid();
    let page = platform::page_within::<platform::OwnRole>(&app.reads, workspace, &pairs).await?;
    let built_in = Role::ALL.iter().map(|role| BuiltIn {
        role: *role,
        permissions: Rights::of(*role),
    });
    let roles: Roles<Box<RawValue>> = Roles {
        listed: page.into(),
        built_in: built_in.collect(),
    };
    Ok(Reply::of(envelope::ok(roles)))
}

async fn details(
    State(app): State<App>,
    caller: May<RolesView>,
    Id(id): Id<Uuid>,
) -> Result<One<platform::OwnRole>, Problem> {
    let workspace = caller.workspace_id().uuid();
    let found = platform::one_within::<platform::OwnRole>(&app.reads, workspace, id).await?;
    found.map(envelope::one).map(One::of).ok_or_else(missing)
}

async fn define(
    State(app): State<App>,
    caller: May<RolesCreate>,
    write: Write,
    Body { value, hash }: Body<NewRole>,
) -> Result<Created<RoleDefined>, Problem> {
    let role = OwnRole {
        name: value.name.trim().to_owned(),
        permissions: value.permissions,
    };
    let role_id = RoleId::new(Uuid::now_v7());
    let by = Some(caller.user_id);
    let command = WorkspaceCommand::DefineRole {
        role_id,
        role: role.clone(),
        by,
    };
    let done = execute(&app, &caller, &write, hash, &command).await?;
    let written = write.settle(&app, WorkspaceId::PLATFORM, &done).await;
    // A repeat's is the first one's.
    let role_id = done.events.iter().find_map(|event| match event {
        WorkspaceEvent::RoleDefined { role_id, .. } => Some(*role_id),
        _ => None,
    });
    Ok(written.created(told_of(role_id.ok_or_else(Problem::internal)?, role, done.version)))
}

async fn change(
    State(app): State<App>,
    caller: May<RolesUpdate>,
    Id(role_id): Id<RoleId>,
    write: Write,
    Body { value, hash }: Body<RoleChange>,
) -> Result<Reply<RoleDefined>, Problem> {
    let loaded = app
        .executor
        .load::<Workspace, WorkspaceRejection>(WorkspaceId::PLATFORM, caller.workspace_id())
        .await?;
    let mut role = loaded.state.role(role_id).cloned().ok_or_else(missing)?;
    if let Patch::Set(name) = value.name {
        name.trim().clone_into(&mut role.name);
    }
    value.permissions.apply(&mut role.permissions);
    let by = Some(caller.user_id);
    let command = WorkspaceCommand::ChangeRole {
        role_id,
        role: role.clone(),
        by,
    };
    let done = execute(&app, &caller, &write, hash, &command).await?;
    let written = write.settle(&app, WorkspaceId::PLATFORM, &done).await;
    Ok(written.ok(told_of(role_id, role, done.version)))
}

async fn remove(
    State(app): State<App>,
    caller: May<RolesDelete>,
    Id(role_id): Id<RoleId>,
    write: Write,
) -> Result<Reply<Changed<OwnRole>>, Problem> {
    let by = Some(caller.user_id);
    let command = WorkspaceCommand::RemoveRole { role_id, by };
    let done = execute(&app, &caller, &write, BodyHash::default(), &command).await?;
    let written = write.settle(&app, WorkspaceId::PLATFORM, &done).await;
    Ok(written.ok(Changed::new(role_id.into(), "Role removed", done.version)))
}

async fn execute(
    app: &App,
    caller: &Caller,
    write: &Write,
    hash: BodyHash,
    command: &WorkspaceCommand,
) -> Result<Done<WorkspaceEvent>, Problem> {
    let context = write.context_in(WorkspaceId::PLATFORM, caller, hash);
    Ok(app
        .executor
        .execute::<Workspace>(caller.workspace_id(), command, &context)
        .await?)
}

fn told_of(role_id: RoleId, OwnRole { name, permissions }: OwnRole, version: i64) -> RoleDefined {
    RoleDefined {
        id: role_id.into(),
        name,
        permissions,
        version,
    }
}

fn missing() -> Problem {
    Problem::missing("workspace.no_such_role")
}
