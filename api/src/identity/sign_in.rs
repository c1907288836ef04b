//! Signing in and out. The answer fits document 1 (flat) and document 2 (in `data`) at once.

use super::{code, normal_email, password, registration::require, session};
use crate::{
    envelope::{self, Envelope, Meta},
    extract::{Body, SignedIn},
    problem::{Code, Problem},
    state::App,
};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use domain::Role;
use projections::platform::{self, User, Workspace};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(login))
        .routes(routes!(login_email))
        .routes(routes!(refresh))
        .routes(routes!(logout))
        .routes(routes!(me))
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
struct Credentials {
    #[schema(example = "user@company.kz")]
    email: String,
    #[schema(example = "Password123")]
    password: String,
}

/// Both documents' shapes in one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SignedInAnswer {
    success: bool,
    access_token: String,
    refresh_token: String,
    user_id: Uuid,
    workspace_id: Option<Uuid>,
    organization_id: Option<Uuid>,
    #[schema(value_type = Option<String>, example = "owner")]
    organization_role: Option<Role>,
    data: SignedInData,
    meta: Meta,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SignedInData {
    access_token: String,
    refresh_token: String,
    user: Profile,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Profile {
    id: Uuid,
    email: String,
    first_name: String,
    last_name: String,
    phone: Option<String>,
    #[schema(value_type = Option<String>, example = "owner")]
    organization_role: Option<Role>,
    organization_id: Option<Uuid>,
    workspace_id: Option<Uuid>,
    #[schema(example = "active")]
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

/// Sign in
#[utoipa::path(post, path = "/auth/login", tag = "identity", security(()), request_body = Credentials, responses((status = 200, body = SignedInAnswer)))]
async fn login(State(app): State<App>, Body { value, .. }: Body<Credentials>) -> Result<Response, Problem> {
    sign_in(&app, value).await
}

/// Sign in (document 3)
#[utoipa::path(post, path = "/auth/login-email", tag = "identity", security(()), request_body = Credentials, responses((status = 200, body = SignedInAnswer)))]
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

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
struct Refresh {
    refresh_token: String,
}

/// Exchange a refresh token for new tokens
#[utoipa::path(post, path = "/auth/refresh", tag = "identity", security(()), request_body = Refresh, responses((status = 200, body = SignedInAnswer)))]
async fn refresh(State(app): State<App>, Body { value, .. }: Body<Refresh>) -> Result<Response, Problem> {
    require(&[("refreshToken", &value.refresh_token)])?;
    let (user_id, refresh_token) =
        session::refresh(&app.pool, &value.refresh_token, app.config.refresh_expiration).await?;
    let user = platform::user(&app.pool, user_id)
        .await?
        .ok_or_else(Problem::unauthorized)?;
    answer(&app, user, refresh_token).await
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
struct Logout {
    /// Ends this session; without it all of the caller's.
    refresh_token: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Message {
    message: &'static str,
}

/// Sign out
#[utoipa::path(post, path = "/auth/logout", tag = "identity", request_body = Logout, responses((status = 200, body = Envelope<Message>)))]
async fn logout(
    State(app): State<App>,
    person: SignedIn,
    Body { value, .. }: Body<Logout>,
) -> Result<Response, Problem> {
    session::end(&app.pool, person.user_id.uuid(), value.refresh_token.as_deref()).await?;
    Ok(envelope::ok(Message { message: "Logged out" }))
}

/// Who is signed in
#[utoipa::path(get, path = "/auth/me", tag = "identity", responses((status = 200, body = Envelope<Profile>)))]
async fn me(State(app): State<App>, person: SignedIn) -> Result<Response, Problem> {
    let user = platform::user(&app.pool, person.user_id.uuid())
        .await?
        .ok_or_else(Problem::unauthorized)?;
    let memberships = platform::memberships(&app.pool, user.id).await?;
    Ok(envelope::ok(Profile::new(user, &memberships)))
}
