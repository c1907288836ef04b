//! Signing in and out. The answer fits document 1 (flat) and document 2 (in `data`) at once.

use super::{code, normal_email, password, registration::require, session};
use crate::openapi::{told, told_to_all};
use crate::{
    envelope::{self, Meta},
    extract::{Body, NoQuery, SignedIn},
    problem::{Code, Problem},
    state::App,
};
use aide::axum::{
    ApiRouter,
    routing::{get_with, post_with},
};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use domain::Role;
use projections::platform::{self, User, Workspace};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route("/auth/login", post_with(login, told_to_all("Sign in")))
        .api_route(
            "/auth/login-email",
            post_with(login_email, told_to_all("Sign in (document 3)")),
        )
        .api_route(
            "/auth/refresh",
            post_with(refresh, told_to_all("Exchange a refresh token for new tokens")),
        )
        .api_route("/auth/logout", post_with(logout, told("Sign out")))
        .api_route("/auth/me", get_with(me, told("Who is signed in")))
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
struct Credentials {
    email: String,
    password: String,
}

/// Both documents' shapes in one.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct SignedInAnswer {
    success: bool,
    access_token: String,
    refresh_token: String,
    user_id: Uuid,
    workspace_id: Option<Uuid>,
    organization_id: Option<Uuid>,
    organization_role: Option<Role>,
    data: SignedInData,
    meta: Meta,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct SignedInData {
    access_token: String,
    refresh_token: String,
    user: Profile,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Profile {
    id: Uuid,
    email: String,
    first_name: String,
    last_name: String,
    phone: Option<String>,
    organization_role: Option<Role>,
    organization_id: Option<Uuid>,
    workspace_id: Option<Uuid>,
    status: &'static str,
}

impl Profile {
    /// The first workspace is where a person enters by default.
    fn new(user: User, memberships: &[(Workspace, Role)]) -> Self {
        let entrance = memberships.first();
        Self {
            id: user.id,
            email: user.email,
            first_name: user.first_name,
            last_name: user.last_name,
            phone: user.phone,
            organization_role: entrance.map(|(_, role)| *role),
            organization_id: user
                .organization_id
                .or_else(|| entrance.and_then(|(workspace, _)| workspace.organization_id)),
            workspace_id: entrance.map(|(workspace, _)| workspace.id),
            status: if user.verified { "active" } else { "pending" },
        }
    }
}

async fn login(State(app): State<App>, Body { value, .. }: Body<Credentials>) -> Result<Response, Problem> {
    sign_in(&app, value).await
}

async fn login_email(State(app): State<App>, Body { value, .. }: Body<Credentials>) -> Result<Response, Problem> {
    sign_in(&app, value).await
}

async fn sign_in(app: &App, Credentials { email, password }: Credentials) -> Result<Response, Problem> {
    require(&[("email", &email), ("password", &password)])?;
    let user = platform::user_by_email(&app.pool, &normal_email(&email)).await?;
    let stored = match &user {
        Some(user) => password::load(&app.pool, user.id).await?,
        None => None,
    };
    let right = app.passwords.verify(password, stored).await?;
    let user = user
        .filter(|_| right)
        .ok_or_else(|| Problem::new(Code::AuthInvalidCredentials))?;
    if !user.verified {
        // Strangers can use up a code, and a day can pass: the owner of the password is never locked out for good.
        code::renew(&app.pool, user.id).await?;
        return Err(Problem::new(Code::AuthForbidden).because("user.email_not_verified"));
    }
    let refresh_token = session::begin(&app.pool, user.id, app.config.refresh_expiration).await?;
    answer(app, user, refresh_token).await
}

async fn answer(app: &App, user: User, refresh_token: String) -> Result<Response, Problem> {
    let memberships = platform::memberships(&app.pool, user.id).await?;
    let profile = Profile::new(user, &memberships);
    let access_token = app.tokens.issue(profile.id, profile.workspace_id)?;
    let answer = SignedInAnswer {
        success: true,
        access_token: access_token.clone(),
        refresh_token: refresh_token.clone(),
        user_id: profile.id,
        workspace_id: profile.workspace_id,
        organization_id: profile.organization_id,
        organization_role: profile.organization_role,
        data: SignedInData {
            access_token,
            refresh_token,
            user: profile,
        },
        meta: Meta::now(),
    };
    Ok(Json(answer).into_response())
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
struct Refresh {
    refresh_token: String,
}

async fn refresh(State(app): State<App>, Body { value, .. }: Body<Refresh>) -> Result<Response, Problem> {
    require(&[("refreshToken", &value.refresh_token)])?;
    let (user_id, refresh_token) =
        session::refresh(&app.pool, &value.refresh_token, app.config.refresh_expiration).await?;
    let user = platform::user(&app.pool, user_id)
        .await?
        .ok_or_else(Problem::unauthorized)?;
    answer(&app, user, refresh_token).await
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
struct Logout {
    /// Ends this session; without it all of the caller's.
    refresh_token: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Message {
    message: &'static str,
}

async fn logout(
    State(app): State<App>,
    person: SignedIn,
    Body { value, .. }: Body<Logout>,
) -> Result<Response, Problem> {
    session::end(&app.pool, person.user_id.uuid(), value.refresh_token.as_deref()).await?;
    Ok(envelope::ok(Message { message: "Logged out" }))
}

async fn me(State(app): State<App>, person: SignedIn, _: NoQuery) -> Result<Response, Problem> {
    let user = platform::user(&app.pool, person.user_id.uuid())
        .await?
        .ok_or_else(Problem::unauthorized)?;
    let memberships = platform::memberships(&app.pool, user.id).await?;
    Ok(envelope::ok(Profile::new(user, &memberships)))
}
