//! Companies: those in whose workspaces the caller is a member, and new ones, which begin with a workspace.

use super::{
    provision::{slugs, tenant_key},
    registration::require,
};
use crate::{
    envelope::{self, Envelope, Listed},
    extract::{Body, Changeable, Edit, Id, List, MayChange, SignedIn, With, Write, digit_holds},
    openapi::{answering, told},
    problem::{Code, Problem},
    state::App,
};
use aide::axum::{ApiRouter, routing::get_with};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use commands::{Answer, Context, Error, Unit};
use domain::{
    Aggregate, Patch, Permission, Role,
    field::FILLED_LINE,
    id::{OrganizationId, UserId, WorkspaceId, derive},
    identity::{
        organization::{Created, Organization, OrganizationCommand, OrganizationRejection, Profile},
        workspace::{self, Workspace, WorkspaceCommand, WorkspaceKind, WorkspaceRejection},
    },
};
use log::AppendError;
use projections::platform;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/organizations",
            get_with(
                list,
                answering::<Envelope<Listed<Vec<OrganizationView>>>, 200>(told(
                    "The organizations that the caller belongs to",
                )),
            )
            .post_with(
                create,
                answering::<Envelope<OrganizationCreated>, 201>(told("Create an organization, with a workspace")),
            ),
        )
        .api_route(
            "/organizations/{id}",
            get_with(
                show,
                answering::<Envelope<OrganizationView>, 200>(told("One organization")),
            )
            .put_with(
                update,
                answering::<Envelope<OrganizationView>, 200>(told("Change an organization")),
            ),
        )
}

#[derive(Debug, Serialize, JsonSchema)]
struct OrganizationView {
    #[serde(flatten)]
    organization: platform::Organization,
    /// The caller's highest there.
    role: Role,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct OrganizationCreated {
    id: Uuid,
    version: i64,
    name: String,
    bin: String,
    owner_id: Uuid,
    /// Its first workspace.
    workspace_id: Uuid,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["name", "bin"]))]
struct Founding {
    #[schemars(
        length(max = 200),
        regex(pattern = FILLED_LINE)
    )]
    name: String,
    #[schemars(regex(pattern = r"^[0-9]{12}$"))]
    bin: String,
}

/// What stands beside an organization's own fields.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
struct Beside {
    /// Whoever has one of these roles in a workspace of it signs in with a second factor.
    second_factor_roles: Patch<Vec<Role>>,
}

/// The user's highest role in each organization.
async fn roles(app: &App, user: Uuid) -> Result<BTreeMap<Uuid, Role>, sqlx::Error> {
    let mut roles = BTreeMap::new();
    for (workspace, role) in platform::memberships(&app.pool, user).await? {
        if let Some(organization) = workspace.organization_id {
            let highest = roles.entry(organization).or_insert(role);
            *highest = role.min(*highest);
        }
    }
    Ok(roles)
}

async fn list(
    State(app): State<App>,
    person: SignedIn,
    List { pairs, .. }: List<platform::Organization>,
) -> Result<Response, Problem> {
    let user = person.user_id.uuid();
    let page = platform::organizations_of(&app.reads, user, &pairs).await?;
    let roles = roles(&app, user).await?;
    let found: Vec<platform::Organization> = serde_json::from_str(page.items.get()).map_err(|_| Problem::internal())?;
    let with_role = |organization: platform::Organization| {
        let role = *roles.get(&organization.id)?;
        Some(OrganizationView { organization, role })
    };
    let views: Vec<OrganizationView> = found.into_iter().filter_map(with_role).collect();
    Ok(envelope::ok(Listed::of(views, page)))
}

/// As a member; one that they do not belong to is not told from one that is not there.
async fn of(app: &App, person: &SignedIn, id: Uuid) -> Result<OrganizationView, Problem> {
    let missing = || Problem::missing("organization.missing");
    let role = roles(app, person.user_id.uuid())
        .await?
        .remove(&id)
        .ok_or_else(missing)?;
    let organization = platform::organization(&app.pool, id).await?.ok_or_else(missing)?;
    Ok(OrganizationView { organization, role })
}

async fn show(State(app): State<App>, person: SignedIn, Id(id): Id<Uuid>) -> Result<Response, Problem> {
    let view = of(&app, &person, id).await?;
    let version = view.organization.version;
    Ok(envelope::versioned(view, version))
}

async fn create(
    State(app): State<App>,
    person: SignedIn,
    write: Write,
    body: Body<Founding>,
) -> Result<Response, Problem> {
    require(&[("name", &body.value.name), ("bin", &body.value.bin)])?;
    digit_holds(&app, "bin", &body.value.bin)?;
    let created = Created {
        name: super::normal(&body.value.name),
        bin: super::normal(&body.value.bin),
        owner_id: person.user_id,
    };
    let context = write.own_context(person.user_id, body.hash);
    let id = context
        .command
        .map_or_else(Uuid::now_v7, |command| derive(command.id, "organization"));
    let (position, workspace) = found(&app, OrganizationId::new(id), &created, &context).await?;
    let written = write.settle_at(&app, WorkspaceId::PLATFORM, position, Some(1)).await;
    let view = OrganizationCreated {
        id,
        version: 1,
        name: created.name,
        bin: created.bin,
        owner_id: created.owner_id.into(),
        workspace_id: workspace.into(),
    };
    Ok(written.created(view).into_response())
}

/// The company and its first workspace, in one append; other slugs are tried while one is taken.
async fn found(
    app: &App,
    id: OrganizationId,
    created: &Created,
    context: &Context,
) -> Result<(i64, WorkspaceId), Problem> {
    let workspace_id = WorkspaceId::new(derive(id, "workspace"));
    let answer = Answer {
        id: id.into(),
        version: 1,
    };
    let rejected = |rejection: OrganizationRejection| {
        Problem::from(Error::Rejected(rejection)).rename_field("companyName", "name")
    };
    for slug in slugs(&created.name) {
        let command = OrganizationCommand::Create(created.clone());
        let organization = Organization::default().decide(&command).map_err(rejected)?;
        let workspace = first_workspace(id, created, slug)?;
        let mut unit = Unit::default();
        unit.add(id, &Organization::default(), 0, &organization)
            .and_then(|_| unit.add(workspace_id, &Workspace::default(), 0, &workspace))
            .map_err(Error::<OrganizationRejection>::Unstorable)?;
        match app.executor.commit(unit, context, &answer).await {
            Ok(appended) => return Ok((appended.position, workspace_id)),
            Err(AppendError::Claimed {
                kind: "workspace.slug", ..
            }) => {}
            Err(error) => return Err(Error::<OrganizationRejection>::from(error).into()),
        }
    }
    Err(Error::<OrganizationRejection>::Busy.into())
}

fn first_workspace(
    organization: OrganizationId,
    created: &Created,
    slug: String,
) -> Result<Vec<<Workspace as Aggregate>::Event>, Problem> {
    let created = workspace::Created {
        name: created.name.clone(),
        kind: WorkspaceKind::Corporate,
        tenant_key: tenant_key(&slug),
        slug,
        organization_id: Some(organization),
        owner_id: created.owner_id,
    };
    let decided = Workspace::default().decide(&WorkspaceCommand::Create(created));
    decided.map_err(|rejection: WorkspaceRejection| Error::Rejected(rejection).into())
}

/// A member of the organization who may change it.
#[derive(Debug)]
struct Keeper {
    user: UserId,
    view: OrganizationView,
}

impl Changeable for Keeper {
    async fn by(app: &App, person: SignedIn, id: Uuid) -> Result<Self, Problem> {
        let view = of(app, &person, id).await?;
        if !view.role.allows(Permission::OrganizationsUpdate) {
            return Err(Problem::forbidden(Permission::OrganizationsUpdate));
        }
        // Or a password alone would do to have nothing more asked for.
        if view.organization.second_factor_roles.contains(&view.role) && !person.second_factor {
            return Err(Problem::new(Code::AuthForbidden).because("second_factor.demanded"));
        }
        let user = person.user_id;
        Ok(Self { user, view })
    }
}

async fn update(
    State(app): State<App>,
    MayChange(Keeper { user, view }): MayChange<Keeper>,
    write: Write,
    Body {
        value: With { change, beside },
        hash,
    }: Body<Edit<Profile, Beside>>,
) -> Result<Response, Problem> {
    let OrganizationView { mut organization, role } = view;
    let context = write.own_context(user, hash);
    let roles = beside.second_factor_roles.set();
    let roles = roles.map(|roles| roles.into_iter().collect::<BTreeSet<_>>());
    let command = OrganizationCommand::Update(Box::new(change), roles);
    let id = OrganizationId::new(organization.id);
    let done = app.executor.execute::<Organization>(id, &command, &context).await?;
    let written = write.settle(&app, WorkspaceId::PLATFORM, &done).await;
    done.events.iter().for_each(|event| organization.apply(event));
    organization.version = done.version;
    Ok(written.ok(OrganizationView { organization, role }).into_response())
}
