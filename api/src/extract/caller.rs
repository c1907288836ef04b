//! Who asks, and in which workspace: the one in the path, else `X-Workspace-Id`, else `X-Tenant-Key`, else the token's
//! default. Naming two different ones is 400. What membership is remembered is current (identity/members.rs), so that losing
//! it takes effect at once; a workspace the caller is no member of does not exist for them.

use super::id::path_text;
use crate::{
    edge::turns::Held,
    identity::{
        members::{Member, Members, Named},
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
    id::{UserId, WorkspaceId},
};
use projections::{people::employee, platform::Workspace};
use std::sync::Arc;
use uuid::Uuid;

/// A member of a workspace.
#[derive(Debug, Clone)]
pub struct Caller {
    pub user_id: UserId,
    pub workspace: Arc<Workspace>,
    pub role: Role,
    pub standing: Arc<Standing>,
}

/// Somebody who is signed in, wherever they may enter.
#[derive(Debug, Clone, Copy)]
pub struct SignedIn {
    pub user_id: UserId,
    /// Where the token's holder enters by default.
    pub default_workspace: Option<Uuid>,
}

impl Caller {
    pub fn workspace_id(&self) -> WorkspaceId {
        self.workspace.id.into()
    }

    /// The schema of the workspace's read models.
    pub fn schema(&self) -> String {
        self.workspace.schema()
    }

    pub fn actor(&self) -> Actor {
        Actor::User(self.standing.clone())
    }

    pub fn require(&self, permission: Permission) -> Result<(), Problem> {
        if self.standing.may(permission) {
            Ok(())
        } else {
            Err(Problem::forbidden(permission))
        }
    }

    /// As a member of that workspace; a workspace they may not enter is not told from one that is not there.
    pub async fn enter(members: &Members, user_id: UserId, workspace: &Named) -> Result<Self, Problem> {
        let found = members.find(user_id, workspace).await?;
        let found = found.ok_or_else(|| Problem::missing("workspace.missing"))?;
        Ok(Self::of(user_id, found))
    }

    fn of(user_id: UserId, member: Member) -> Self {
        Self {
            user_id,
            workspace: member.workspace,
            role: member.role,
            standing: member.standing,
        }
    }

    /// With their department and who is in it, where that decides which records they may see.
    async fn in_circle(mut self, app: &App) -> Result<Self, Problem> {
        if self.standing.rights.concern_a_department() {
            let circle = employee::circle(&app.reads, &self.schema(), self.user_id).await?;
            let standing = self.standing.as_ref().clone();
            self.standing = Arc::new(Standing { circle, ..standing });
        }
        Ok(self)
    }
}

/// What came as a token, read once a request.
#[derive(Debug, Clone)]
pub struct Presented {
    claims: Result<Claims, Problem>,
    holder: Option<Claims>,
}

impl Presented {
    /// Whose token it is, though it may just have expired.
    pub fn holder(&self) -> Option<&Claims> {
        self.claims.as_ref().ok().or(self.holder.as_ref())
    }
}

/// Middleware: reads the token, if there is one. Whether one is needed is the handlers' business.
pub async fn present(State(app): State<App>, mut request: Request, next: Next) -> Response {
    if let Ok(token) = bearer(request.headers()) {
        let claims = app.tokens.read(token).await;
        let holder = claims.as_ref().err().and_then(|_| app.tokens.holder(token));
        request.extensions_mut().insert(Presented { claims, holder });
    }
    next.run(request).await
}

fn signed_in(parts: &Parts) -> Result<SignedIn, Problem> {
    let presented = parts.extensions.get::<Presented>().ok_or_else(Problem::unauthorized)?;
    let Claims { sub, wid, .. } = presented.claims.clone()?;
    Ok(SignedIn {
        user_id: sub.into(),
        default_workspace: wid,
    })
}

impl FromRequestParts<App> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        signed_in(parts)
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let person = signed_in(parts)?;
        let in_path = path_text(parts, app, "wsId").await?;
        let mut names = named(in_path.as_deref(), &parts.headers)?;
        if names.is_empty() {
            names.extend(person.default_workspace.map(Named::Id));
        }
        let mut entered = Vec::with_capacity(names.len());
        for name in &names {
            entered.push(app.members.find(person.user_id, name).await?);
        }
        let member = agree(entered)?;
        of_organization(&member.workspace, &parts.headers)?;
        if !app.projections.serves(member.workspace.id.into()).await? {
            return Err(Problem::unavailable("read_models.changing"));
        }
        take_turn(parts, app, member.workspace.id).await?;
        Self::of(person.user_id, member).in_circle(app).await
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
