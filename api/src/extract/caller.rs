//! Who asks, and in which workspace: the one in the path, else `X-Workspace-Id`, else `X-Tenant-Key`, else the token's
//! default. Naming two different ones is 400. What membership is remembered is current (identity/members.rs), so that losing
//! it takes effect at once; a workspace the caller is no member of does not exist for them. A machine's key (`Bearer pk_…`)
//! enters its own workspace only, in the name of whoever made it.

use super::id::path_text;
use crate::{
    edge::{address::ClientAddress, turns::Held},
    identity::{
        api_key::{self, known::Key},
        members::{Member, Named},
        session::{self, live::Live},
        token::Claims,
    },
    problem::{Code, Problem},
    state::App,
};
use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, Method, header, request::Parts},
    middleware::Next,
    response::Response,
};
use commands::Actor;
use domain::{
    Permission, Role, Rule, Standing,
    id::{ApiKeyId, UserId, WorkspaceId},
};
use projections::{people::employee, platform::Workspace};
use std::{net::IpAddr, sync::Arc};
use uuid::Uuid;

/// A member of a workspace.
#[derive(Debug, Clone)]
pub struct Caller {
    pub user_id: UserId,
    pub workspace: Arc<Workspace>,
    pub role: Role,
    /// What they may do; of a machine's key what it was given of that.
    pub standing: Arc<Standing>,
    /// Of the machine that asks in their name.
    pub key: Option<Arc<Key>>,
}

/// Somebody who is signed in, wherever they may enter; no machine.
#[derive(Debug, Clone, Copy)]
pub struct SignedIn {
    pub user_id: UserId,
    /// Where the token's holder enters by default.
    pub default_workspace: Option<Uuid>,
    /// Absent of tokens from before sessions were named in them.
    pub session: Option<Uuid>,
    /// More than a password was asked for.
    pub second_factor: bool,
}

impl Caller {
    pub fn workspace_id(&self) -> WorkspaceId {
        self.workspace.id.into()
    }

    pub fn actor(&self) -> Actor {
        let standing = self.standing.clone();
        match &self.key {
            Some(key) => Actor::Key { id: key.id, standing },
            None => Actor::User(standing),
        }
    }

    /// Keeps apart callers that happen to choose the same `Idempotency-Key`.
    pub fn name(&self) -> String {
        match &self.key {
            Some(key) => format!("key:{}", key.id),
            None => self.user_id.to_string(),
        }
    }

    pub fn require(&self, permission: Permission) -> Result<(), Problem> {
        if self.standing.may(permission) {
            Ok(())
        } else {
            Err(Problem::forbidden(permission))
        }
    }

    /// As a member of that workspace; a workspace they may not enter is not told from one that is not there.
    pub async fn enter(app: &App, person: &SignedIn, workspace: &Named) -> Result<Self, Problem> {
        let found = app.members.find(person.user_id, workspace).await?;
        let member = found.ok_or_else(|| Problem::missing("workspace.missing"))?;
        demand_second_factor(app, person, &member).await?;
        Ok(Self::of(person.user_id, member, None))
    }

    /// Whoever holds that token, or machine's key, in the one workspace that it leads to: for those who cannot name one.
    pub async fn of_token(app: &App, token: &str, from: Option<IpAddr>) -> Result<Self, Problem> {
        let presented = Presented::read(app, token, from.map(ClientAddress)).await;
        let key = match presented.who? {
            Who::Person(person) => return Self::at_home(app, &person).await,
            Who::Ended(_) => return Err(session::ended()),
            Who::Machine(key) => key,
        };
        let found = app.members.find(key.user_id, &Named::Id(key.workspace)).await?;
        let member = found.ok_or_else(|| Problem::missing("workspace.missing"))?;
        Ok(Self::of(key.user_id, member, Some(key)))
    }

    /// Somebody where they enter by default.
    pub async fn at_home(app: &App, person: &SignedIn) -> Result<Self, Problem> {
        let home = person
            .default_workspace
            .ok_or_else(|| Problem::missing("workspace.missing"))?;
        Self::enter(app, person, &Named::Id(home)).await
    }

    /// Somebody who left something to be done, with the rights that they have by now; or the machine that did in their name.
    pub async fn returned(app: &App, user_id: UserId, workspace: Uuid, key: Option<ApiKeyId>) -> Result<Self, Problem> {
        let found = app.members.find(user_id, &Named::Id(workspace)).await?;
        let member = found.ok_or_else(|| Problem::missing("workspace.missing"))?;
        let key = match key {
            Some(id) => Some(app.keys.by_id(id).await?.ok_or_else(Problem::unauthorized)?),
            None => None,
        };
        Self::of(user_id, member, key).in_circle(app).await
    }

    fn of(user_id: UserId, member: Member, key: Option<Arc<Key>>) -> Self {
        let standing = match &key {
            Some(key) => Arc::new(key.within(&member.standing)),
            None => member.standing,
        };
        Self {
            user_id,
            workspace: member.workspace,
            role: member.role,
            standing,
            key,
        }
    }

    /// With their department and who is in it, where that decides which records they may see.
    async fn in_circle(mut self, app: &App) -> Result<Self, Problem> {
        if self.standing.rights.concern_a_department() {
            let home = app.projections.home(&self.workspace).await?;
            let circle = employee::circle(&app.reads, &home, self.user_id).await?;
            let standing = self.standing.as_ref().clone();
            self.standing = Arc::new(Standing { circle, ..standing });
        }
        Ok(self)
    }
}

/// What the workspace's organization asks of that role.
async fn demand_second_factor(app: &App, person: &SignedIn, member: &Member) -> Result<(), Problem> {
    let policy = app.policies.of(member.workspace.id).await?;
    if person.second_factor || !policy.second_factor.contains(&member.role) {
        return Ok(());
    }
    Err(Problem::new(Code::AuthForbidden).because("second_factor.demanded"))
}

/// Who a request comes from, read once.
#[derive(Debug, Clone)]
pub struct Presented {
    who: Result<Who, Problem>,
    holder: Option<Holder>,
}

#[derive(Debug, Clone)]
enum Who {
    Person(SignedIn),
    /// With a token that is good, of a session that has ended.
    Ended(SignedIn),
    Machine(Arc<Key>),
}

/// Somebody who signs out, or has just done so: then only a repeat is answered.
#[derive(Debug, Clone, Copy)]
pub struct Leaving {
    pub person: SignedIn,
    pub has_left: bool,
}

/// Whom a request counts for, though their token may just have expired.
#[derive(Debug, Clone, Copy)]
pub struct Holder {
    /// A user, or a machine's key.
    pub subject: Uuid,
    /// Their organization is premium.
    pub premium: bool,
}

impl Presented {
    pub fn holder(&self) -> Option<&Holder> {
        self.holder.as_ref()
    }

    async fn read(app: &App, token: &str, from: Option<ClientAddress>) -> Self {
        if token.starts_with(api_key::PREFIX) {
            let key = app.keys.read(token, from.map(|ClientAddress(address)| address)).await;
            let holder = match &key {
                Ok(key) => Some(Holder::of(app, key.id.uuid(), Some(key.workspace)).await),
                Err(_) => None,
            };
            let who = key.map(Who::Machine);
            return Self { who, holder };
        }
        let claims = app.tokens.read(token).await;
        let held = claims.as_ref().ok().cloned().or_else(|| app.tokens.holder(token));
        let holder = match held {
            Some(Claims { sub, wid, .. }) => Some(Holder::of(app, sub, wid).await),
            None => None,
        };
        let who = match claims {
            Ok(claims) => person(app, &claims).await,
            Err(problem) => Err(problem),
        };
        Self { who, holder }
    }
}

impl Holder {
    /// A limit that cannot be looked up is the lower one.
    async fn of(app: &App, subject: Uuid, workspace: Option<Uuid>) -> Self {
        let premium = match workspace.filter(|_| app.rates.is_some()) {
            Some(workspace) => app.policies.of(workspace).await.is_ok_and(|policy| policy.premium),
            None => false,
        };
        Self { subject, premium }
    }
}

/// A token is worth something as long as its session goes on.
async fn person(app: &App, claims: &Claims) -> Result<Who, Problem> {
    let person = SignedIn {
        user_id: claims.sub.into(),
        default_workspace: claims.wid,
        session: claims.sid,
        second_factor: false,
    };
    let Some(session) = claims.sid else {
        return Ok(Who::Person(person));
    };
    Ok(match app.sessions.find(session).await? {
        Some(Live { second_factor, .. }) => Who::Person(SignedIn {
            second_factor,
            ..person
        }),
        None => Who::Ended(person),
    })
}

/// Middleware: reads the token, if there is one. Whether one is needed is the handlers' business.
pub async fn present(State(app): State<App>, mut request: Request, next: Next) -> Response {
    if let Ok(token) = bearer(request.headers()) {
        let from = request.extensions().get::<ClientAddress>().copied();
        let presented = Presented::read(&app, token, from).await;
        request.extensions_mut().insert(presented);
    }
    next.run(request).await
}

fn who(parts: &Parts) -> Result<Who, Problem> {
    let presented = parts.extensions.get::<Presented>().ok_or_else(Problem::unauthorized)?;
    presented.who.clone()
}

impl FromRequestParts<App> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let Leaving { person, has_left } = leaving(parts)?;
        if has_left { Err(session::ended()) } else { Ok(person) }
    }
}

fn leaving(parts: &Parts) -> Result<Leaving, Problem> {
    match who(parts)? {
        Who::Person(person) => Ok(Leaving {
            person,
            has_left: false,
        }),
        Who::Ended(person) => Ok(Leaving { person, has_left: true }),
        Who::Machine(_) => Err(Problem::new(Code::AuthForbidden).because("api_key.not_a_person")),
    }
}

impl FromRequestParts<App> for Leaving {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        leaving(parts)
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let who = who(parts)?;
        let in_path = path_text(parts, app, "wsId").await?;
        let mut names = named(in_path.as_deref(), &parts.headers)?;
        let (user_id, default, key) = match &who {
            Who::Person(person) => (person.user_id, person.default_workspace, None),
            Who::Ended(_) => return Err(session::ended()),
            Who::Machine(key) => (key.user_id, Some(key.workspace), Some(key.clone())),
        };
        if names.is_empty() {
            names.extend(default.map(Named::Id));
        }
        let mut entered = Vec::with_capacity(names.len());
        for name in &names {
            entered.push(app.members.find(user_id, name).await?);
        }
        let member = agree(entered)?;
        of_organization(&member.workspace, &parts.headers)?;
        match &who {
            Who::Person(person) => demand_second_factor(app, person, &member).await?,
            Who::Machine(key) if key.workspace == member.workspace.id => {}
            // Its maker is a member there; the key knows nothing of that.
            Who::Machine(_) | Who::Ended(_) => return Err(Problem::missing("workspace.missing")),
        }
        if !app.projections.serves(member.workspace.id.into()).await? {
            return Err(Problem::unavailable("read_models.changing"));
        }
        take_turn(parts, app, member.workspace.id).await?;
        Self::of(user_id, member, key).in_circle(app).await
    }
}

/// The workspace's other requests may have to end first. The turn ends with the answer.
async fn take_turn(parts: &Parts, app: &App, workspace: Uuid) -> Result<(), Problem> {
    let Some(held) = parts.extensions.get::<Held>().filter(|held| !held.has(workspace)) else {
        return Ok(());
    };
    let turns = match parts.method {
        Method::GET | Method::HEAD => &app.reading,
        _ => &app.writing,
    };
    held.keep(turns.take(workspace).await?);
    Ok(())
}

/// `X-Organization-Id` chooses nothing, and must not say something else. Of whether another one exists nothing is told.
fn of_organization(workspace: &Workspace, headers: &HeaderMap) -> Result<(), Problem> {
    const NAME: &str = "X-Organization-Id";
    for value in headers.get_all(NAME) {
        let text = value.to_str().unwrap_or("?").trim();
        if text.is_empty() {
            continue;
        }
        let id = Uuid::parse_str(text).map_err(|_| Problem::invalid_field(NAME, Rule::NotAUuid))?;
        if workspace.organization_id != Some(id) {
            return Err(Problem::new(Code::ValidationFailed).because("organization.contradiction"));
        }
    }
    Ok(())
}

/// The one workspace that all names mean.
fn agree(entered: Vec<Option<Member>>) -> Result<Member, Problem> {
    let mut entered = entered.into_iter();
    let Some(first) = entered.next() else {
        return Err(Problem::missing("workspace.missing"));
    };
    let id = |found: &Option<Member>| found.as_ref().map(|member| member.workspace.id);
    if entered.any(|other| id(&other) != id(&first)) {
        return Err(contradiction());
    }
    first.ok_or_else(|| Problem::missing("workspace.missing"))
}

/// Every name the request gives, each once, the strongest first. Two different ids are a contradiction at once.
fn named(in_path: Option<&str>, headers: &HeaderMap) -> Result<Vec<Named>, Problem> {
    let given = |name: &'static str| {
        headers
            .get_all(name)
            .iter()
            .map(|value| value.to_str().unwrap_or("?").trim())
            .filter(|text| !text.is_empty())
    };
    let mut ids: Vec<Uuid> = Vec::new();
    let written = in_path
        .map(|text| ("wsId", text))
        .into_iter()
        .chain(given("x-workspace-id").map(|text| ("X-Workspace-Id", text)));
    for (field, text) in written {
        let id = Uuid::parse_str(text).map_err(|_| Problem::invalid_field(field, Rule::NotAUuid))?;
        match ids.first() {
            Some(first) if *first != id => return Err(contradiction()),
            Some(_) => {}
            None => ids.push(id),
        }
    }
    let mut keys: Vec<&str> = given("x-tenant-key").collect();
    keys.dedup();
    let keys = keys.into_iter().map(|key| Named::TenantKey(key.to_owned()));
    Ok(ids.into_iter().map(Named::Id).chain(keys).collect())
}

fn contradiction() -> Problem {
    Problem::new(Code::ValidationFailed).because("workspace.contradiction")
}

fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let (scheme, token) = value
        .and_then(|value| value.trim().split_once(' '))
        .ok_or_else(Problem::unauthorized)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(token.trim())
    } else {
        Err(Problem::unauthorized())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "0190c2a5-0000-7000-8000-000000000001";
    const TWO: &str = "0190c2a5-0000-7000-8000-000000000002";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn the_path_comes_first_and_must_not_be_contradicted() {
        let one = Named::Id(ONE.parse().unwrap());
        assert_eq!(named(Some(ONE), &headers(&[])).unwrap(), vec![one.clone()]);
        assert_eq!(
            named(Some(ONE), &headers(&[("x-workspace-id", ONE)])).unwrap(),
            vec![one.clone()]
        );
        assert_eq!(
            named(None, &headers(&[("x-workspace-id", ONE), ("x-tenant-key", "a_1")])).unwrap(),
            [one, Named::TenantKey("a_1".into())]
        );
        assert_eq!(
            named(Some(ONE), &headers(&[("x-workspace-id", TWO)]))
                .unwrap_err()
                .reason(),
            Some("workspace.contradiction")
        );
        assert_eq!(
            named(None, &headers(&[("x-workspace-id", ONE), ("x-workspace-id", TWO)]))
                .unwrap_err()
                .reason(),
            Some("workspace.contradiction")
        );
    }

    #[test]
    fn a_malformed_id_is_named() {
        let refused = named(None, &headers(&[("x-workspace-id", "mine")])).unwrap_err();
        assert_eq!(
            (refused.code(), refused.violations()[0].field.as_str()),
            (Code::InvalidUuid, "X-Workspace-Id")
        );
        assert_eq!(named(None, &headers(&[("x-workspace-id", " ")])).unwrap(), []);
    }

    #[test]
    fn the_scheme_is_bearer() {
        assert_eq!(bearer(&headers(&[("authorization", "bearer abc")])).unwrap(), "abc");
        for wrong in ["Basic abc", "abc", ""] {
            assert!(bearer(&headers(&[("authorization", wrong)])).is_err(), "{wrong}");
        }
    }
}
