//! Stores, by their owners. Deleting one archives it: it is in no list any more and its `X-Tenant-Key` answers 404, on every node
//! as soon as it hears, and nothing of it is destroyed. Its log, its schema and its slug stay; an operator takes its past out
//! with `prometric audit export` and the workspace's id, as that of any other.

use super::{
    founding::{self, Founding},
    number::Name,
    person::{Person, given, given_email, refuse},
    registration::said,
    role::RoleShown,
    shown::{Entered, StoreShown, Stores, Success, Told, contact},
};
use crate::{
    extract::{Body, BodyHash, Caller, NoQuery, SignedIn, Write, Written},
    i18n::Language,
    identity::{members::Named, normal},
    openapi::{answering, told},
    problem::Problem,
    state::App,
};
use aide::axum::{ApiRouter, routing::get_with};
use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::{
    Aggregate, Changes, Patch, Permission, Role, Rule, Violation,
    field::{FILLED_LINE, LINE},
    id::{WorkspaceId, derive},
    identity::{
        user::UserEvent,
        workspace::{Change, Profile, Workspace, WorkspaceCommand, WorkspaceKind},
    },
};
use projections::platform;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/stores",
            get_with(
                list,
                answering::<Success<Stores>, 200>(told("The caller's stores (document 4)")),
            )
            .post_with(
                create,
                answering::<Success<OneStore>, 201>(told("Open another store; the caller owns it")),
            ),
        )
        .api_route(
            "/stores/{id}",
            get_with(show, answering::<Success<OneStore>, 200>(told("One store")))
                .put_with(
                    update,
                    answering::<Success<OneStore>, 200>(told("Change what is named of a store")),
                )
                .patch_with(
                    update,
                    answering::<Success<OneStore>, 200>(told("Change what is named of a store (PATCH)")),
                )
                .delete_with(
                    archive,
                    answering::<Told, 200>(told(
                        "Close a store: nobody enters it any more, and nothing is destroyed",
                    )),
                ),
        )
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["name"]))]
struct NewStore {
    #[schemars(length(max = 200), regex(pattern = FILLED_LINE))]
    name: String,
    /// Made from the name when it is absent.
    #[schemars(regex(pattern = r"^[^\S\x00-\x1f\x7f-\x9f]*[a-z0-9-]{0,48}[^\S\x00-\x1f\x7f-\x9f]*$"))]
    slug: Option<String>,
    #[schemars(length(max = 1_000))]
    description: Option<String>,
    #[schemars(length(max = 300), regex(pattern = LINE))]
    address: Option<String>,
    #[schemars(length(max = 30), regex(pattern = LINE))]
    phone: Option<String>,
    #[schemars(email, length(max = 254))]
    email: Option<String>,
}

/// What is named is changed; null empties it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
struct StoreChange {
    #[schemars(length(max = 200), regex(pattern = FILLED_LINE))]
    name: Patch<String>,
    /// It stays what it is; who sends it back as it is, may.
    slug: Patch<String>,
    #[schemars(length(max = 1_000))]
    description: Patch<Option<String>>,
    #[schemars(length(max = 300), regex(pattern = LINE))]
    address: Patch<Option<String>>,
    #[schemars(length(max = 30), regex(pattern = LINE))]
    phone: Patch<Option<String>>,
    #[schemars(email, length(max = 254))]
    email: Patch<Option<String>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct OneStore {
    store: StoreShown,
    employee: RoleShown,
}

async fn list(State(app): State<App>, person: SignedIn, language: Language, _: NoQuery) -> Result<Response, Problem> {
    let entered = Entered::by(&app, person.user_id.uuid()).await?;
    let stores = entered.shown(&app, language).await?;
    Ok(Json(Success::new(language, "stores-list", Stores { stores })).into_response())
}

async fn create(
    State(app): State<App>,
    person: SignedIn,
    write: Write,
    language: Language,
    Body { value, hash }: Body<NewStore>,
) -> Result<Response, Problem> {
    let founding = Founding {
        name: normal(&value.name),
        slug: given(value.slug),
        profile: Change {
            description: said(given(value.description)),
            address: said(given(value.address)),
            phone: said(given(value.phone)),
            email: said(given_email(value.email)),
        },
    };
    let mut found = vec![];
    founding.violations("", &mut found);
    refuse(&found, "workspace.invalid")?;
    let owner = person.user_id;
    may_open(&app, owner.uuid()).await?;
    let context = write.own_context(owner, hash);
    let id = context
        .command
        .map_or_else(Uuid::now_v7, |command| derive(command.id, "store"));
    let id = WorkspaceId::new(id);
    let nothing_new: &[UserEvent] = &[];
    let position = founding::append(&app, id, &founding, (owner, nothing_new), &context).await?;
    let store = founding::shown(&app, id.uuid(), position).await?;
    let themselves = owner_of(&app, owner.uuid()).await?;
    founding::enter_owner(&app, id, owner, &themselves, &write).await?;
    let written = Written::shown(&app, WorkspaceId::PLATFORM, position, Some(store.version)).await;
    let one = OneStore {
        store: StoreShown::of(&app, &store).await?,
        employee: RoleShown::new(Role::Owner, language),
    };
    Ok(written.answer(
        StatusCode::CREATED,
        &Success::new(language, "stores-store-created", one),
    ))
}

/// Who works for others opens no stores, unless they may open workspaces there.
async fn may_open(app: &App, user: Uuid) -> Result<(), Problem> {
    let memberships = platform::memberships(&app.pool, user).await?;
    let may = |(_, role): &(platform::Workspace, Role)| role.allows(Permission::WorkspacesCreate);
    match memberships.is_empty() || memberships.iter().any(may) {
        true => Ok(()),
        false => Err(Problem::forbidden(Permission::WorkspacesCreate)),
    }
}

/// What is known of somebody already, for the store that they open.
async fn owner_of(app: &App, user: Uuid) -> Result<Person, Problem> {
    let known = platform::user(&app.pool, user).await?;
    let known = known.ok_or_else(Problem::unauthorized)?;
    let first = Entered::by(app, user).await?.stores.into_iter().next();
    let contact = match (&known.email, first) {
        (Some(email), _) => Some(email.clone()),
        (None, Some((store, _))) => contact(app, &store, user).await.unwrap_or_default(),
        (None, None) => None,
    };
    // Who registered by an address need not have said what they are called.
    let name = [&known.first_name, &known.last_name].map(|name| name.trim().to_owned());
    let [first_name, last_name] = match name {
        [first, last] if first.is_empty() && last.is_empty() => {
            let address = known.email.as_deref().and_then(|email| email.split('@').next());
            [address.unwrap_or_default().to_owned(), String::new()]
        }
        [first, last] if first.is_empty() => [last, String::new()],
        name => name,
    };
    Ok(Person {
        username: known.username.unwrap_or_default(),
        first_name,
        last_name,
        email: contact,
        phone: known.phone,
        position: None,
    })
}

/// The store of that name, as a member of it; one that they do not belong to is not told from one that is not there, and
/// neither is what is no store.
async fn enter(app: &App, person: &SignedIn, id: Option<Uuid>) -> Result<Caller, Problem> {
    let missing = || Problem::missing("workspace.missing");
    let caller = Caller::enter(app, person, &Named::Id(id.ok_or_else(missing)?)).await?;
    match caller.workspace.kind {
        WorkspaceKind::Store => Ok(caller),
        WorkspaceKind::Corporate | WorkspaceKind::Personal => Err(missing()),
    }
}

async fn id_of(app: &App, name: Name) -> Result<Option<Uuid>, Problem> {
    name.resolve(app, WorkspaceId::PLATFORM, Workspace::NAME).await
}

async fn show(State(app): State<App>, person: SignedIn, name: Name, language: Language) -> Result<Response, Problem> {
    let caller = enter(&app, &person, id_of(&app, name).await?).await?;
    let one = OneStore {
        store: StoreShown::of(&app, &caller.workspace).await?,
        employee: RoleShown::new(caller.role, language),
    };
    Ok(Json(Success::new(language, "stores-store", one)).into_response())
}

impl StoreChange {
    /// What it is called from now on, if that is said, and the rest.
    fn into_parts(self, slug: &str) -> Result<(Option<String>, Change), Problem> {
        if self.slug.as_set().is_some_and(|asked| asked.trim() != slug) {
            return Err(Problem::invalid_field("slug", Rule::NotAllowed));
        }
        let change = Change {
            description: self.description,
            address: self.address,
            phone: self.phone,
            email: match self.email {
                Patch::Set(email) => Patch::Set(given_email(email)),
                Patch::Keep => Patch::Keep,
            },
        };
        let mut found: Vec<Violation> = vec![];
        let name = self.name.set().map(|name| normal(&name));
        let asked = Founding {
            name: name.clone().unwrap_or_else(|| slug.to_owned()),
            slug: None,
            profile: Profile::tidy_change(change),
        };
        asked.violations("", &mut found);
        refuse(&found, "workspace.invalid")?;
        Ok((name, asked.profile))
    }
}

async fn update(
    State(app): State<App>,
    person: SignedIn,
    name: Name,
    write: Write,
    language: Language,
    Body { value, hash }: Body<StoreChange>,
) -> Result<Response, Problem> {
    let caller = enter(&app, &person, id_of(&app, name).await?).await?;
    caller.require(Permission::WorkspacesUpdate)?;
    let (name, change) = value.into_parts(&caller.workspace.slug)?;
    let command = WorkspaceCommand::Update {
        name,
        change: Box::new(change),
    };
    let context = write.own_context(person.user_id, hash);
    let id = caller.workspace_id();
    let done = app.executor.execute::<Workspace>(id, &command, &context).await?;
    let written = Written::shown(&app, WorkspaceId::PLATFORM, done.position, Some(done.version)).await;
    let store = founding::shown(&app, id.uuid(), done.position).await?;
    let one = OneStore {
        store: StoreShown::of(&app, &store).await?,
        employee: RoleShown::new(caller.role, language),
    };
    Ok(written.answer(StatusCode::OK, &Success::new(language, "stores-store-updated", one)))
}

async fn archive(
    State(app): State<App>,
    person: SignedIn,
    name: Name,
    write: Write,
    language: Language,
) -> Result<Response, Problem> {
    let context = write.own_context(person.user_id, BodyHash::default());
    let id = id_of(&app, name).await?;
    // Whoever repeats it is no member any more.
    let first = match id {
        Some(id) => app.executor.repeated::<Workspace>(id.into(), &context).await?,
        None => None,
    };
    let done = match first {
        Some(done) => done,
        None => {
            let caller = enter(&app, &person, id).await?;
            caller.require(Permission::OwnersUpdate)?;
            let id = caller.workspace_id();
            app.executor
                .execute::<Workspace>(id, &WorkspaceCommand::Archive, &context)
                .await?
        }
    };
    let written = write.settle(&app, WorkspaceId::PLATFORM, &done).await;
    Ok(written.answer(StatusCode::OK, &Told::new(language, "stores-store-archived")))
}
