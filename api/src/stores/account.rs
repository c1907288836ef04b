//! Signing in, going on and who one is, as document 4 has it: one account, any number of stores, and `X-Tenant-Key` to tell which.
//! Passwords, second factors, pauses and sessions are those of `/auth/login`. Who typed an address is looked for by it first:
//! an address that is proved is its owner's, though somebody else call themselves so.

use super::{
    entrance::InStore,
    person::normal_username,
    role::{RoleShown, permissions},
    shown::{Available, Entered, StoreShown, Stores, Success, Tokens, Told, UserShown},
};
use crate::{
    extract::{Body, NoQuery, SignedIn, Write},
    i18n::Language,
    identity::{
        normal_email,
        once::Kept,
        recovery::change_own,
        require,
        sign_in::granting::{self, Proved, begin_with, exchange, prove},
    },
    openapi::{answering, told, told_to_all},
    problem::Problem,
    state::App,
};
use aide::axum::{
    ApiRouter,
    routing::{get_with, post_with},
};
use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::{
    Role,
    field::{FILLED_LINE, LINE},
};
use projections::platform::{self, User};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/auth/login",
            post_with(
                login,
                answering::<SignedInAnswer, 200>(told_to_all("Sign in (document 4)")),
            ),
        )
        .api_route(
            "/auth/token/refresh",
            post_with(
                refresh,
                answering::<Tokens, 200>(told_to_all("Exchange a refresh token for new tokens (document 4)")),
            ),
        )
        .api_route(
            "/auth/me",
            get_with(
                me,
                answering::<Success<Here>, 200>(told("Who is signed in, in which store, and what they may do there")),
            ),
        )
        .api_route(
            "/auth/my-stores",
            get_with(
                my_stores,
                answering::<Success<Stores>, 200>(told("The stores that the caller may enter")),
            ),
        )
        .api_route(
            "/auth/change-password",
            post_with(
                change_password,
                answering::<Told, 200>(told("Change the caller's own password (document 4)")),
            ),
        )
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["username", "password"]))]
struct Credentials {
    /// Or the address of who signs in by one.
    #[schemars(regex(pattern = FILLED_LINE))]
    username: String,
    #[schemars(regex(pattern = FILLED_LINE))]
    password: String,
    /// Of whoever signs in with a second factor: what their app shows, or a recovery code.
    #[schemars(regex(pattern = LINE))]
    code: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct SignedInAnswer {
    refresh: String,
    access: String,
    user: UserShown,
    available_stores: Vec<Available>,
    /// The first of them.
    default_store: Option<DefaultStore>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct DefaultStore {
    tenant_key: String,
    name: String,
    role: Role,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["refresh"]))]
struct Refresh {
    #[schemars(regex(pattern = FILLED_LINE))]
    refresh: String,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["old_password", "new_password"]))]
struct Passwords {
    #[schemars(regex(pattern = FILLED_LINE))]
    old_password: String,
    #[schemars(length(min = 8, max = 1_000), regex(pattern = LINE))]
    new_password: String,
}

/// Somebody in a store.
#[derive(Debug, Serialize, JsonSchema)]
struct Here {
    user: UserShown,
    store: StoreShown,
    employee: RoleShown,
    /// The same once more: document 4 has them at both places.
    role: Role,
    permissions: Vec<&'static str>,
}

/// Whom that names, and what it is in its stored form.
async fn named(app: &App, typed: &str) -> Result<(String, Option<User>), sqlx::Error> {
    let (email, username) = (normal_email(typed), normal_username(typed));
    if email.contains('@')
        && let Some(user) = platform::user_by_email(&app.pool, &email).await?
    {
        return Ok((email, Some(user)));
    }
    match platform::user_by_username(&app.pool, &username).await? {
        Some(user) => Ok((username, Some(user))),
        // Perhaps one who waits for the code in the mail.
        None => Ok((email, None)),
    }
}

async fn login(
    State(app): State<App>,
    write: Write,
    language: Language,
    Body { value, .. }: Body<Credentials>,
) -> Result<Response, Problem> {
    require(&[("username", &value.username), ("password", &value.password)])?;
    let (account, user) = named(&app, &value.username).await?;
    let Proved { user, second_factor } = prove(&app, &write, &account, user, value.password, value.code).await?;
    let entered = Entered::by(&app, user.id).await?;
    let available_stores = entered.shown(&app, language).await?;
    let default = entered.stores.first();
    let shown = UserShown::of(&app, &user, default.map(|(store, _)| store)).await?;
    let default_store = default.map(|(store, role)| DefaultStore {
        tenant_key: store.tenant_key.clone(),
        name: store.name.clone(),
        role: *role,
    });
    let once = granting::once(&app, &write, &user);
    // What document 4 asks for next is a store: that is where the token enters by itself.
    let enters = default.map(|(store, _)| store.id).or(entered.first);
    begin_with(&app, &write, &once, (user.id, second_factor), |granted| {
        let access = app.tokens.issue(user.id, enters, Some(granted.family))?;
        let answer = SignedInAnswer {
            refresh: granted.refresh_token,
            access,
            user: shown,
            available_stores,
            default_store,
        };
        Kept::new(StatusCode::OK, &answer)
    })
    .await
}

async fn refresh(
    State(app): State<App>,
    write: Write,
    Body { value, hash }: Body<Refresh>,
) -> Result<Response, Problem> {
    require(&[("refresh", &value.refresh)])?;
    let (held, user) = granting::held(&app, &value.refresh).await?;
    let entered = Entered::by(&app, user.id).await?;
    let enters = entered.stores.first().map(|(store, _)| store.id).or(entered.first);
    exchange(&app, &write, &held, (value.refresh.as_str(), hash), |next| {
        let tokens = Tokens {
            access: app.tokens.issue(user.id, enters, Some(next.family))?,
            refresh: next.refresh_token,
        };
        Kept::new(StatusCode::OK, &tokens)
    })
    .await
}

async fn me(
    State(app): State<App>,
    person: SignedIn,
    InStore(caller): InStore,
    language: Language,
    _: NoQuery,
) -> Result<Response, Problem> {
    let user = platform::user(&app.pool, person.user_id.uuid()).await?;
    let user = user.ok_or_else(Problem::unauthorized)?;
    let here = Here {
        user: UserShown::of(&app, &user, Some(&*caller.workspace)).await?,
        store: StoreShown::of(&app, &caller.workspace).await?,
        employee: RoleShown::new(caller.role, language),
        role: caller.role,
        permissions: permissions(caller.role).to_vec(),
    };
    Ok(Json(Success::new(language, "stores-me", here)).into_response())
}

async fn my_stores(
    State(app): State<App>,
    person: SignedIn,
    language: Language,
    _: NoQuery,
) -> Result<Response, Problem> {
    let entered = Entered::by(&app, person.user_id.uuid()).await?;
    let stores = entered.shown(&app, language).await?;
    Ok(Json(Success::new(language, "stores-list", Stores { stores })).into_response())
}

async fn change_password(
    State(app): State<App>,
    person: SignedIn,
    write: Write,
    language: Language,
    Body { value, .. }: Body<Passwords>,
) -> Result<Response, Problem> {
    let answer = Kept::new(StatusCode::OK, &Told::new(language, "stores-password-changed"))?;
    let passwords = (value.old_password, value.new_password);
    let changed = change_own(&app, person, &write, passwords, answer).await;
    changed.map_err(|problem| {
        problem
            .rename_field("currentPassword", "old_password")
            .rename_field("newPassword", "new_password")
    })
}
