//! Registering a store's owner: a user with a user name, their first store, and a session, at once, for there is no address to
//! prove. A store stays in the log for ever, so that nobody registers many in a row: it counts like a wrong
//! password from where it comes.

use super::{
    founding::{self, Founding},
    person::{Person, add_confirmed, given, given_email, normal_username, refuse},
    role::RoleShown,
    shown::{StoreShown, Success, Tokens, UserShown},
};
use crate::{
    extract::{Body, BodyHash, Write, anonymous},
    i18n::Language,
    identity::{
        normal,
        once::{Kept, Once},
        password::{self, Who},
        provision,
        sign_in::granting::begin_with,
    },
    openapi::{answering, told_to_all},
    problem::{Code, Problem},
    state::App,
};
use aide::axum::{ApiRouter, routing::post_with};
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use commands::Error;
use domain::{
    Aggregate, Patch, Role,
    field::{FILLED_LINE, LINE},
    id::{UserId, WorkspaceId, derive},
    identity::{
        user::{User, UserCommand, UserRejection},
        workspace::Change,
    },
};
use projections::platform;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new().api_route(
        "/auth/register",
        post_with(
            register,
            answering::<Success<Registered>, 201>(told_to_all("Register a store's owner, with the store (document 4)")),
        ),
    )
}

/// Letters, digits and what stands in addresses.
pub const USERNAME: &str = r"^[^\S\x00-\x1f\x7f-\x9f]*[A-Za-z0-9._@+-]{3,50}[^\S\x00-\x1f\x7f-\x9f]*$";
const SLUG: &str = r"^[^\S\x00-\x1f\x7f-\x9f]*[a-z0-9-]{0,48}[^\S\x00-\x1f\x7f-\x9f]*$";

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["username", "password", "password_confirm", "first_name", "store_name"]))]
struct Registration {
    #[schemars(regex(pattern = USERNAME))]
    username: String,
    #[schemars(length(min = 8, max = 1_000), regex(pattern = LINE))]
    password: String,
    /// The same once more.
    #[schemars(length(min = 8, max = 1_000), regex(pattern = LINE))]
    password_confirm: String,
    #[schemars(length(max = 100), regex(pattern = FILLED_LINE))]
    first_name: String,
    #[schemars(length(max = 100), regex(pattern = LINE))]
    last_name: Option<String>,
    /// How they are reached; it signs nobody in.
    #[schemars(email, length(max = 254))]
    email: Option<String>,
    #[schemars(length(max = 30), regex(pattern = LINE))]
    owner_phone: Option<String>,
    #[schemars(length(max = 200), regex(pattern = FILLED_LINE))]
    store_name: String,
    /// Made from the name when it is absent.
    #[schemars(regex(pattern = SLUG))]
    store_slug: Option<String>,
    #[schemars(length(max = 1_000))]
    store_description: Option<String>,
    #[schemars(length(max = 300), regex(pattern = LINE))]
    store_address: Option<String>,
    #[schemars(length(max = 30), regex(pattern = LINE))]
    store_phone: Option<String>,
    #[schemars(email, length(max = 254))]
    store_email: Option<String>,
}

/// What is registered, in its stored form.
struct Asked {
    person: Person,
    founding: Founding,
    password: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Registered {
    user: UserShown,
    store: StoreShown,
    employee: RoleShown,
    tokens: Tokens,
}

impl Registration {
    fn into_asked(self) -> Result<Asked, Problem> {
        let person = Person {
            username: normal_username(&self.username),
            first_name: normal(&self.first_name),
            last_name: given(self.last_name).unwrap_or_default(),
            email: given_email(self.email),
            phone: given(self.owner_phone),
            position: None,
        };
        let founding = Founding {
            name: normal(&self.store_name),
            slug: given(self.store_slug),
            profile: Change {
                description: said(given(self.store_description)),
                address: said(given(self.store_address)),
                phone: said(given(self.store_phone)),
                email: said(given_email(self.store_email)),
            },
        };
        let mut found = person.violations(&self.password);
        add_confirmed(&mut found, &self.password, &self.password_confirm);
        founding.violations("store_", &mut found);
        // The owner's phone is called so.
        for violation in found.iter_mut().filter(|violation| violation.field == "phone") {
            violation.field = "owner_phone".to_owned();
        }
        refuse(&found, "user.invalid")?;
        Ok(Asked {
            person,
            founding,
            password: self.password,
        })
    }
}

/// Of a new store nothing has to be emptied.
pub fn said(value: Option<String>) -> Patch<Option<String>> {
    match value {
        Some(value) => Patch::Set(Some(value)),
        None => Patch::Keep,
    }
}

async fn register(
    State(app): State<App>,
    write: Write,
    language: Language,
    Body { value, .. }: Body<Registration>,
) -> Result<Response, Problem> {
    let asked = value.into_asked()?;
    let who = anonymous(&asked.person.username);
    // Without the password: it is compared as one, below.
    let body = serde_json::to_vec(&(&asked.person, &asked.founding)).map_err(|_| Problem::internal())?;
    let body = BodyHash::of(&body);
    let once = Once::new(&app.pepper, &write, &who, body);
    // Of a repeat it is the same, so that what was begun is ended.
    let id = write
        .command(&who, body)
        .map_or_else(Uuid::now_v7, |(_, command)| derive(command.id, "user"));
    let id = UserId::new(id);
    if let Some(first) = once.first(&app.pool).await? {
        same_password(&app, id, asked.password).await?;
        return Ok(first.into_response());
    }
    let store = provision::workspace_of(id.uuid());
    let position = enter(&app, id, store, &asked, &write).await?;
    let store_row = founding::shown(&app, store.into(), position).await?;
    founding::enter_owner(&app, store, id, &asked.person, &write).await?;
    let user = platform::user(&app.pool, id.uuid()).await?;
    let user = user.ok_or_else(|| Problem::unavailable("store.busy"))?;
    let user = UserShown::of(&app, &user, Some(&store_row)).await?;
    let shown = StoreShown::of(&app, &store_row).await?;
    begin_with(&app, &write, &once, (id.uuid(), false), |granted| {
        let access = app.tokens.issue(id.uuid(), Some(store.uuid()), Some(granted.family))?;
        let data = Registered {
            user,
            store: shown,
            employee: RoleShown::new(Role::Owner, language),
            tokens: Tokens {
                refresh: granted.refresh_token,
                access,
            },
        };
        let answer = Success::new(language, "stores-registered", data);
        Ok(Kept::new(StatusCode::CREATED, &answer)?.at(position))
    })
    .await
}

/// A repeat with another password is another request.
async fn same_password(app: &App, id: UserId, password: String) -> Result<(), Problem> {
    let stored = password::load(&app.pool, id.uuid()).await?;
    match app.passwords.verify(Who::Stranger, password, stored).await? {
        true => Ok(()),
        false => Err(Problem::new(Code::IdempotencyKeyReused)),
    }
}

/// Registers them and founds their store, unless that was done before an answer was lost; answers a position at which both are
/// there.
async fn enter(app: &App, id: UserId, store: WorkspaceId, asked: &Asked, write: &Write) -> Result<i64, Problem> {
    let known = app
        .executor
        .load::<User, UserRejection>(WorkspaceId::PLATFORM, id)
        .await?;
    if *known.state != User::Unknown {
        same_password(app, id, asked.password.clone()).await?;
        return Ok(app.log.head(WorkspaceId::PLATFORM.uuid()).await?);
    }
    let client = app.pepper.tag("registration", &[write.client().as_bytes()]);
    let entrance = app
        .door
        .enter(client, write.client())
        .map_err(|wait| Problem::slowed("sign_in.slowed", wait))?;
    let username = &asked.person.username;
    if platform::user_by_username(&app.pool, username).await?.is_some() {
        return Err(Problem::taken("user.username"));
    }
    let command = UserCommand::Register(asked.person.registered());
    let events = User::default().decide(&command).map_err(Error::Rejected)?;
    // The password is stored first: without the append it opens nothing.
    let hash = app.passwords.hash(asked.password.clone()).await?;
    password::store(&app.pool, id.uuid(), &hash).await?;
    let context = write.platform();
    match founding::append(app, store, &asked.founding, (id, events.as_slice()), &context).await {
        Ok(position) => {
            entrance.wrong();
            Ok(position)
        }
        Err(problem) => {
            if platform::user(&app.pool, id.uuid()).await?.is_none() {
                password::forget(&app.pool, id.uuid()).await?;
            }
            Err(problem.rename_field("slug", "store_slug"))
        }
    }
}
