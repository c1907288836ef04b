//! Signing in and out. The answer fits document 1 (flat) and document 2 (in `data`) at once.

pub(crate) mod granting;

use self::granting::{begin_with, exchange, held, once, prove};
use super::{
    certificate::{self, Proof},
    normal_email,
    once::{Kept, Once},
    registration::require,
    session::{self, Granted, Which},
};
use crate::{
    envelope::{self, Envelope, Meta},
    extract::{Body, Leaving, NoQuery, SignedIn, Write},
    openapi::{answering, told, told_to_all},
    problem::Problem,
    state::App,
};
use aide::axum::{
    ApiRouter,
    routing::{get_with, post_with},
};
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::{
    Role,
    field::{FILLED_LINE, LINE},
    identity::user::SessionEnd,
};
use projections::platform::{self, User, Workspace};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/auth/login",
            post_with(login, answering::<SignedInAnswer, 200>(told_to_all("Sign in"))),
        )
        .api_route(
            "/auth/login-email",
            post_with(
                login_email,
                answering::<SignedInAnswer, 200>(told_to_all("Sign in (document 3)")),
            ),
        )
        .api_route(
            "/auth/refresh",
            post_with(refresh, answering::<SignedInAnswer, 200>(told_to_all(
                    "Exchange a refresh token for new tokens; each is good once, but for a repeat with the same `Idempotency-Key`",
                ))),
        )
        .api_route("/auth/logout", post_with(logout, answering::<Envelope<Message>, 200>(told("Sign out"))))
        .api_route("/auth/me", get_with(me, answering::<Envelope<Profile>, 200>(told("Who is signed in"))))
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["email", "password"]))]
struct Credentials {
    #[schemars(regex(pattern = FILLED_LINE))]
    email: String,
    #[schemars(regex(pattern = FILLED_LINE))]
    password: String,
    /// Of whoever signs in with a second factor: what their app shows, or a recovery code.
    #[schemars(regex(pattern = LINE))]
    code: Option<String>,
}

/// What signs in is decided by the body: e-mail and password, or the signature over a nonce.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("anyOf" = [{ "required": ["email", "password"] }, { "required": ["nonce", "signature"] }]))]
struct Login {
    #[schemars(regex(pattern = FILLED_LINE))]
    email: String,
    #[schemars(regex(pattern = FILLED_LINE))]
    password: String,
    /// Of whoever signs in with a second factor: what their app shows, or a recovery code.
    #[schemars(regex(pattern = LINE))]
    code: Option<String>,
    /// As `/auth/eds/nonce` gave it.
    nonce: Option<String>,
    /// The CMS message over its text, in base64.
    signature: Option<String>,
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
    /// Nobody's who signs in by a user name.
    email: Option<String>,
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

async fn login(State(app): State<App>, write: Write, Body { value, .. }: Body<Login>) -> Result<Response, Problem> {
    let Login {
        email,
        password,
        code,
        nonce,
        signature,
    } = value;
    match signature {
        None => sign_in(&app, &write, Credentials { email, password, code }).await,
        Some(signature) => {
            let nonce = nonce.unwrap_or_default();
            certificate::sign_in(&app, &write, Proof { nonce, signature }).await
        }
    }
}

async fn login_email(
    State(app): State<App>,
    write: Write,
    Body { value, .. }: Body<Credentials>,
) -> Result<Response, Problem> {
    sign_in(&app, &write, value).await
}

async fn sign_in(app: &App, write: &Write, credentials: Credentials) -> Result<Response, Problem> {
    require(&[("email", &credentials.email), ("password", &credentials.password)])?;
    let email = normal_email(&credentials.email);
    let user = platform::user_by_email(&app.pool, &email).await?;
    let proved = prove(app, write, &email, user, credentials.password, credentials.code).await?;
    begin(app, write, proved.user, proved.second_factor).await
}

/// The password was right, whatever the key: so that the key is not bound to a hash of it. `second_factor`: whether more than
/// that was asked for.
pub(super) async fn begin(app: &App, write: &Write, user: User, second_factor: bool) -> Result<Response, Problem> {
    let once = once(app, write, &user);
    let profile = profile(app, user).await?;
    let id = profile.id;
    begin_with(app, write, &once, (id, second_factor), |granted| {
        answer(app, profile, granted)
    })
    .await
}

async fn profile(app: &App, user: User) -> Result<Profile, Problem> {
    let memberships = platform::memberships(&app.pool, user.id).await?;
    Ok(Profile::new(user, &memberships))
}

fn answer(app: &App, profile: Profile, granted: Granted) -> Result<Kept, Problem> {
    let Granted { family, refresh_token } = granted;
    let access_token = app.tokens.issue(profile.id, profile.workspace_id, Some(family))?;
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
    Kept::new(StatusCode::OK, &answer)
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["refreshToken"]))]
struct Refresh {
    #[schemars(regex(pattern = FILLED_LINE))]
    refresh_token: String,
}

async fn refresh(
    State(app): State<App>,
    write: Write,
    Body { value, hash }: Body<Refresh>,
) -> Result<Response, Problem> {
    require(&[("refreshToken", &value.refresh_token)])?;
    let (held, user) = held(&app, &value.refresh_token).await?;
    let profile = profile(&app, user).await?;
    let asked = (value.refresh_token.as_str(), hash);
    exchange(&app, &write, &held, asked, |next| answer(&app, profile, next)).await
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
    Leaving { person, has_left }: Leaving,
    write: Write,
    Body { value, hash }: Body<Logout>,
) -> Result<Response, Problem> {
    let user = person.user_id.uuid();
    let once = Once::new(&app.pepper, &write, &user.to_string(), hash);
    if has_left {
        return once.left(&app.pool).await;
    }
    let mut tx = app.pool.begin().await?;
    if let Some(first) = once.enter(&mut tx).await? {
        return Ok(first.into_response());
    }
    let which = value
        .refresh_token
        .as_deref()
        .map_or(Which::AllBut(None), Which::OfToken);
    let ended = session::end(&mut tx, user, which).await?;
    let answer = Kept::new(StatusCode::OK, &Envelope::of(Message { message: "Logged out" }))?;
    once.keep(&mut tx, &answer).await?;
    tx.commit().await?;
    session::tell(&app, user, ended, SessionEnd::SignedOut, &write).await;
    Ok(answer.into_response())
}

async fn me(State(app): State<App>, person: SignedIn, _: NoQuery) -> Result<Response, Problem> {
    let user = platform::user(&app.pool, person.user_id.uuid())
        .await?
        .ok_or_else(Problem::unauthorized)?;
    Ok(envelope::ok(profile(&app, user).await?))
}
