//! The workspaces a person may enter, and new ones.

use super::provision::{slugs, tenant_key};
use crate::openapi::{answering, told};
use crate::{
    envelope::{self, Envelope, Listed},
    extract::{Body, Caller, Changeable, Id, List, May, MayChange, SignedIn, Write, rights::WorkspacesCreate},
    identity::members::Named,
    problem::Problem,
    state::App,
};
use aide::axum::{ApiRouter, routing::get_with};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use commands::{Context, Done, Error};
use domain::{
    Permission, Role,
    field::FILLED_LINE,
    id::WorkspaceId,
    identity::workspace::{Created, Workspace, WorkspaceCommand, WorkspaceEvent, WorkspaceKind},
};
use projections::platform;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};
use uuid::Uuid;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/workspaces",
            get_with(
                list,
                answering::<Envelope<Listed<Vec<WorkspaceView>>>, 200>(told("The workspaces the caller may enter")),
            )
            .post_with(
                create,
                answering::<Envelope<WorkspaceView>, 201>(told("Create a workspace")),
            ),
        )
        .api_route(
            "/workspaces/{id}",
            get_with(show, answering::<Envelope<WorkspaceView>, 200>(told("One workspace"))).put_with(
                rename,
                answering::<Envelope<WorkspaceView>, 200>(told("Rename a workspace")),
            ),
        )
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct WorkspaceView {
    id: Uuid,
    version: i64,
    name: String,
    #[serde(rename = "type")]
    kind: WorkspaceKind,
    slug: String,
    /// `{slug}_{8 hex}`.
    tenant_key: String,
    organization_id: Option<Uuid>,
    owner_id: Uuid,
    /// The caller's.
    role: Role,
    /// Told when the read models show it.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<DateTime<Utc>>,
}

impl WorkspaceView {
    fn new(workspace: platform::Workspace, role: Role) -> Self {
        let platform::Workspace {
            id,
            version,
            name,
            kind,
            slug,
            tenant_key,
            organization_id,
            owner_id,
            created_at,
            ..
        } = workspace;
        Self {
            id,
            version,
            name,
            kind,
            slug,
            tenant_key,
            organization_id,
            owner_id,
            role,
            created_at: Some(created_at),
        }
    }
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["name"]))]
struct NamedWorkspace {
    #[schemars(
        length(max = 200),
        regex(pattern = FILLED_LINE)
    )]
    name: String,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["name"]))]
struct NewWorkspace {
    #[schemars(
        length(max = 200),
        regex(pattern = FILLED_LINE)
    )]
    name: String,
    /// `corporate` when it is absent.
    #[serde(rename = "type")]
    kind: Option<WorkspaceKind>,
}

async fn list(
    State(app): State<App>,
    person: SignedIn,
    List { pairs, .. }: List<platform::Workspace>,
) -> Result<Response, Problem> {
    let user = person.user_id.uuid();
    let page = platform::entered_by(&app.reads, user, &pairs).await?;
    let roles: BTreeMap<Uuid, Role> = platform::memberships(&app.pool, user)
        .await?
        .into_iter()
        .map(|(workspace, role)| (workspace.id, role))
        .collect();
    let entered: Vec<platform::Workspace> = serde_json::from_str(page.items.get()).map_err(|_| Problem::internal())?;
    let with_role = |workspace: platform::Workspace| {
        roles
            .get(&workspace.id)
            .map(|role| WorkspaceView::new(workspace, *role))
    };
    let views: Vec<WorkspaceView> = entered.into_iter().filter_map(with_role).collect();
    Ok(envelope::ok(Listed::of(views, page)))
}

async fn create(
    State(app): State<App>,
    caller: May<WorkspacesCreate>,
    write: Write,
    body: Body<NewWorkspace>,
) -> Result<Response, Problem> {
    let context = write.context_in(WorkspaceId::PLATFORM, &caller, body.hash);
    let NewWorkspace { name, kind } = body.value;
    let kind = kind.unwrap_or(WorkspaceKind::Corporate);
    let done = execute_create(&app, &caller, name.trim(), kind, &context).await?;
    let written = write.settle(&app, WorkspaceId::PLATFORM, &done).await;
    let view = done.events.iter().find_map(|event| match event {
        WorkspaceEvent::Created(created) => Some(created.clone()),
        _ => None,
    });
    let Created {
        name,
        kind,
        slug,
        tenant_key,
        organization_id,
        owner_id,
    } = view.ok_or_else(Problem::internal)?;
    let (organization_id, owner_id) = (organization_id.map(Into::into), owner_id.into());
    let view = WorkspaceView {
        id: done.id,
        version: done.version,
        name,
        kind,
        slug,
        tenant_key,
        organization_id,
        owner_id,
        role: Role::Owner,
        created_at: done.at,
    };
    Ok(written.created(view).into_response())
}

/// Tries other slugs while one is taken.
async fn execute_create(
    app: &App,
    caller: &Caller,
    name: &str,
    kind: WorkspaceKind,
    context: &Context,
) -> Result<Done<WorkspaceEvent>, Problem> {
    // A personal one is nobody's but its owner's.
    let organization = caller.workspace.organization_id;
    let organization = organization.filter(|_| kind != WorkspaceKind::Personal);
    for slug in slugs(name) {
        let created = Created {
            name: name.to_owned(),
            kind,
            tenant_key: tenant_key(&slug),
            slug,
            organization_id: organization.map(Into::into),
            owner_id: caller.user_id,
        };
        let id = WorkspaceId::new(Uuid::now_v7());
        match app
            .executor
            .execute::<Workspace>(id, &WorkspaceCommand::Create(created), context)
            .await
        {
            Err(Error::Taken {
                kind: "workspace.slug", ..
            }) => {}
            done => return Ok(done?),
        }
    }
    Err(Error::<domain::identity::workspace::WorkspaceRejection>::Busy.into())
}

async fn show(State(app): State<App>, person: SignedIn, Id(id): Id<Uuid>) -> Result<Response, Problem> {
    let Caller { workspace, role, .. } = Caller::enter(&app, &person, &Named::Id(id)).await?;
    let version = workspace.version;
    Ok(envelope::versioned(
        WorkspaceView::new(Arc::unwrap_or_clone(workspace), role),
        version,
    ))
}

/// A member of the workspace who may rename it.
impl Changeable for Caller {
    async fn by(app: &App, person: SignedIn, id: Uuid) -> Result<Self, Problem> {
        let caller = Self::enter(app, &person, &Named::Id(id)).await?;
        caller.require(Permission::WorkspacesUpdate)?;
        Ok(caller)
    }
}

async fn rename(
    State(app): State<App>,
    MayChange(caller): MayChange<Caller>,
    write: Write,
    body: Body<NamedWorkspace>,
) -> Result<Response, Problem> {
    let id = caller.workspace_id();
    let context = write.context_in(WorkspaceId::PLATFORM, &caller, body.hash);
    let name = body.value.name.trim().to_owned();
    let done = app
        .executor
        .execute::<Workspace>(id, &WorkspaceCommand::Rename { name: name.clone() }, &context)
        .await?;
    let written = write.settle(&app, WorkspaceId::PLATFORM, &done).await;
    let Caller { workspace, role, .. } = caller;
    let mut workspace = Arc::unwrap_or_clone(workspace);
    (workspace.name, workspace.version) = (name, done.version);
    Ok(written.ok(WorkspaceView::new(workspace, role)).into_response())
}
