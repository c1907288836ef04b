//! How a caller wants something written (`Idempotency-Key`, `If-Match`, `Prefer`), and the answer after it was:
//! when its events are durable and, unless the caller does not want to wait, when the read models show them.

use super::{BodyHash, Caller, Tags, no_query};
use crate::{
    disk,
    edge::{self, address::ClientAddress},
    envelope::{self, Envelope},
    problem::Problem,
    reply::{Changed, Created, Reply},
    state::App,
};
use axum::{
    Json,
    extract::{FromRequestParts, OriginalUri},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use chrono::Utc;
use commands::{Actor, Context, Done, Versions};
use domain::{
    Rule,
    id::{UserId, WorkspaceId},
};
use log::CommandId;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::convert::Infallible;
use trace::TraceParent;
use uuid::Uuid;

const KEY_MAX: usize = 200;
const EVENT_POSITION: HeaderName = HeaderName::from_static("x-event-position");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// Everything about a write that is neither caller nor body.
#[derive(Debug, Clone)]
pub struct Write {
    key: Option<String>,
    expected_version: Option<Versions>,
    respond_async: bool,
    correlation: Option<Uuid>,
    trace: Option<TraceParent>,
    client_address: Option<String>,
    /// As the client calls itself.
    device: Option<String>,
    /// Method and path, the same for both forms of the path, and keyed: bodies may hold passwords, and a bare hash of
    /// one could be guessed.
    request: Sha256,
}

impl FromRequestParts<App> for Write {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let OriginalUri(uri) = OriginalUri::from_request_parts(parts, app)
            .await
            .unwrap_or_else(|never: Infallible| match never {});
        let mut request = Sha256::new();
        for piece in [
            app.pepper.bytes(),
            parts.method.as_str().as_bytes(),
            canonical(uri.path()).as_bytes(),
            uri.query().unwrap_or_default().as_bytes(),
        ] {
            request.update((piece.len() as u64).to_be_bytes());
            request.update(piece);
        }
        no_query(&parts.uri)?;
        let client = parts.extensions.get::<ClientAddress>();
        Ok(Self {
            key: idempotency_key(&parts.headers)?,
            expected_version: expected(&parts.headers)?,
            respond_async: wants_async(&parts.headers),
            correlation: correlation(&parts.headers),
            trace: edge::trace_of(&parts.headers),
            client_address: client.map(|ClientAddress(address)| address.to_string()),
            device: device(&parts.headers),
            request,
        })
    }
}

impl Write {
    /// For a command in the caller's workspace.
    pub fn context(&self, caller: &Caller, body: BodyHash) -> Context {
        self.context_in(caller.workspace_id(), caller, body)
    }

    /// For a command in another log, e.g. the platform's.
    pub fn context_in(&self, workspace: WorkspaceId, caller: &Caller, body: BodyHash) -> Context {
        self.built(workspace, caller.actor(), &caller.name(), body)
    }

    /// For a command in the platform's log about what is the caller's own.
    pub fn own_context(&self, person: UserId, body: BodyHash) -> Context {
        let actor = Actor::Person(person);
        self.built(WorkspaceId::PLATFORM, actor, &person.to_string(), body)
    }

    fn built(&self, workspace: WorkspaceId, actor: Actor, who: &str, body: BodyHash) -> Context {
        let command = self.command_in(workspace, who, body);
        Context {
            workspace,
            actor,
            now: Utc::now(),
            command,
            expected_version: self.expected_version.clone(),
            correlation: self.correlation,
            causation: None,
            trace: self.trace.clone(),
            client_address: self.client_address.clone(),
        }
    }

    fn command_in(&self, workspace: WorkspaceId, who: &str, BodyHash(body): BodyHash) -> Option<CommandId> {
        self.key.as_ref().map(|key| CommandId {
            id: Uuid::new_v5(&workspace.uuid(), format!("{who}:{key}").as_bytes()),
            request_hash: self.request.clone().chain_update(body).finalize().into(),
        })
    }

    /// The key and what it makes of this request, for what is not written to a log.
    pub fn command(&self, who: &str, body: BodyHash) -> Option<(&str, CommandId)> {
        let key = self.key.as_deref()?;
        Some((key, self.command_in(WorkspaceId::PLATFORM, who, body)?))
    }

    /// Where the caller is, as far as it is known.
    pub fn client(&self) -> &str {
        self.client_address.as_deref().unwrap_or_default()
    }

    /// What the client calls itself, `User-Agent`.
    pub fn device(&self) -> &str {
        self.device.as_deref().unwrap_or_default()
    }

    /// For the platform itself, in the name of somebody who is not signed in; it is repeated without a key.
    pub fn platform(&self) -> Context {
        self.unkeyed(Actor::System)
    }

    /// The same for what people do with what is their own, whatever their roles are.
    pub fn own(&self, person: UserId) -> Context {
        self.unkeyed(Actor::Person(person))
    }

    fn unkeyed(&self, actor: Actor) -> Context {
        Context {
            workspace: WorkspaceId::PLATFORM,
            actor,
            now: Utc::now(),
            command: None,
            expected_version: None,
            correlation: self.correlation,
            causation: None,
            trace: self.trace.clone(),
            client_address: self.client_address.clone(),
        }
    }

    /// After a command: whoever reads from now on sees it, unless the caller does not want to wait for that.
    pub async fn settle<E>(&self, app: &App, workspace: WorkspaceId, done: &Done<E>) -> Written {
        self.settle_at(app, workspace, done.position, Some(done.version)).await
    }

    /// The answer to a command that made something: what one of its events says of it, with its id and version.
    pub async fn made<E, T: Serialize>(
        &self,
        app: &App,
        workspace: WorkspaceId,
        done: Done<E>,
        mut said: impl FnMut(Uuid, i64, E) -> Option<T>,
    ) -> Result<Created<T>, Problem> {
        let written = self.settle(app, workspace, &done).await;
        let mut events = done.events.into_iter();
        let made = events.find_map(|event| said(done.id, done.version, event));
        Ok(written.created(made.ok_or_else(Problem::internal)?))
    }

    /// The answer to a command of which there is no more to tell.
    pub async fn changed<E, A>(
        &self,
        app: &App,
        workspace: WorkspaceId,
        done: &Done<E>,
        message: &'static str,
    ) -> Reply<Changed<A>> {
        let written = self.settle(app, workspace, done).await;
        written.ok(Changed::new(done.id, message, done.version))
    }

    /// As `settle`, after an append of several aggregates; `version` is that of the one the answer shows.
    pub async fn settle_at(&self, app: &App, workspace: WorkspaceId, position: i64, version: Option<i64>) -> Written {
        if !self.respond_async && !app.projections.show(workspace, position).await {
            late(workspace, position);
        }
        Written {
            position,
            version,
            respond_async: self.respond_async,
        }
    }
}

/// It is durable: refusing now would be a lie. The consumer's failure is shown elsewhere.
fn late(workspace: WorkspaceId, position: i64) {
    tracing::warn!(%workspace, position, "the read models have not reached a write in time");
}

/// A write that is durable; becomes the answer.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct Written {
    position: i64,
    version: Option<i64>,
    respond_async: bool,
}

impl Written {
    /// Of an answer that shows what the read models have: they are waited for, whatever is preferred.
    pub async fn shown(app: &App, workspace: WorkspaceId, position: i64, version: Option<i64>) -> Self {
        if !app.projections.wait_for(workspace, position).await {
            late(workspace, position);
        }
        Self {
            position,
            version,
            respond_async: false,
        }
    }

    pub fn ok<T: Serialize>(self, data: T) -> Reply<T> {
        Reply::of(self.answer(StatusCode::OK, &Envelope::of(data)))
    }

    pub fn created<T: Serialize>(self, data: T) -> Created<T> {
        Reply::of(self.answer(StatusCode::CREATED, &Envelope::of(data)))
    }

    /// With a body of a document's own shape.
    pub fn answer<T: Serialize>(self, status: StatusCode, body: &T) -> Response {
        disk::could_write();
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(EVENT_POSITION, self.position.into());
        if let Some(version) = self.version {
            headers.insert(header::ETAG, envelope::etag(version));
        }
        if self.respond_async {
            headers.insert(PREFERENCE_APPLIED, HeaderValue::from_static("respond-async"));
        }
        response
    }
}

/// Somebody who is not signed in. The mail address, in its stored form, keeps apart those who happen to choose the same
/// key; quoted, so that it ends where it ends.
pub fn anonymous(email: &str) -> String {
    format!("anonymous:{email:?}")
}

/// The path without version and workspace, so that a repeat in the other form of the path is a repeat.
fn canonical(path: &str) -> &str {
    let path = path.strip_prefix("/api/v1").unwrap_or(path).trim_end_matches('/');
    let in_workspace = path
        .strip_prefix("/workspaces/")
        .and_then(|rest| rest.find('/').map(|at| &rest[at..]));
    in_workspace.unwrap_or(path)
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    const NAME: &str = "Idempotency-Key";
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let key = value
        .to_str()
        .map_err(|_| Problem::invalid_field(NAME, Rule::NotAllowed))?
        .trim();
    if key.len() > KEY_MAX {
        return Err(Problem::invalid_field(NAME, Rule::TooLong { max: KEY_MAX }));
    }
    Ok((!key.is_empty()).then(|| key.to_owned()))
}

/// The versions that the thing may have; `*` asks only that it exists, which every command does. `If-None-Match: *` asks
/// that it does not; tags there ask nothing that anybody needs of a write.
fn expected(headers: &HeaderMap) -> Result<Option<Versions>, Problem> {
    const NONE: &str = "If-None-Match";
    let unborn = Tags::read(headers, &header::IF_NONE_MATCH, NONE)?;
    let seen = Tags::read(headers, &header::IF_MATCH, "If-Match")?;
    match (unborn, seen) {
        (None, seen) => Ok(seen.and_then(|tags| tags.versions()).map(Versions::from)),
        (Some(Tags::Any), None) => Ok(Some(Versions::from(vec![0]))),
        _ => Err(Problem::invalid_field(NONE, Rule::NotAllowed)),
    }
}

fn device(headers: &HeaderMap) -> Option<String> {
    let agent = headers.get(header::USER_AGENT)?.to_str().ok()?;
    Some(agent.to_owned())
}

fn wants_async(headers: &HeaderMap) -> bool {
    let preferences = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    preferences
        .flat_map(|value| value.split([',', ';']))
        .any(|preference| preference.trim().eq_ignore_ascii_case("respond-async"))
}

fn correlation(headers: &HeaderMap) -> Option<Uuid> {
    let given = ["x-correlation-id", "x-request-id"]
        .into_iter()
        .filter_map(|name| headers.get(name)?.to_str().ok());
    given.filter_map(|text| Uuid::parse_str(text.trim()).ok()).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        headers
    }

    #[test]
    fn both_forms_of_a_path_are_one_request() {
        let plain = canonical("/api/v1/deals/7/win");
        assert_eq!(plain, "/deals/7/win");
        assert_eq!(canonical("/api/v1/workspaces/0190/deals/7/win/"), plain);
        assert_eq!(canonical("/api/v1/workspaces/0190"), "/workspaces/0190");
        assert_eq!(canonical("/api/agents"), "/api/agents");
        assert_eq!(canonical("/api/users/stores/7/"), "/api/users/stores/7");
    }

    #[test]
    fn strangers_may_choose_the_same_key() {
        let command = |key: &str, email: &str| {
            let write = Write {
                key: Some(key.to_owned()),
                expected_version: None,
                respond_async: false,
                correlation: None,
                trace: None,
                client_address: None,
                device: None,
                request: Sha256::new(),
            };
            let (_, command) = write.command(&anonymous(email), BodyHash::default()).unwrap();
            command.id
        };
        assert_eq!(command("1", "a@company.kz"), command("1", "a@company.kz"));
        assert_ne!(command("1", "a@company.kz"), command("1", "b@company.kz"));
        assert_ne!(command("1", "a\":"), command("\":1", "a"));
    }

    #[test]
    fn a_write_may_name_the_versions_it_expects_or_that_there_is_none() {
        let versions = |name, text| expected(&with(name, text)).map(|versions| versions.map(|of| of.to_vec()));
        for (text, of) in [
            ("\"7\", W/\"8\", \"9\"", Some(vec![7, 9])),
            ("7", Some(vec![7])),
            ("W/\"7\"", Some(vec![])),
            ("*", None),
        ] {
            assert_eq!(versions("if-match", text).unwrap(), of, "{text}");
        }
        assert_eq!(versions("if-none-match", "*").unwrap(), Some(vec![0]));
        for (name, text) in [
            ("if-match", "seven"),
            ("if-none-match", "\"7\""),
            ("if-none-match", "7, 8"),
        ] {
            assert!(versions(name, text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_key_has_its_limits() {
        assert_eq!(
            idempotency_key(&with("idempotency-key", " a ")).unwrap(),
            Some("a".to_owned())
        );
        assert_eq!(idempotency_key(&with("idempotency-key", "")).unwrap(), None);
        assert!(idempotency_key(&with("idempotency-key", &"k".repeat(201))).is_err());
    }

    #[test]
    fn preferences_may_be_several() {
        assert!(wants_async(&with("prefer", "return=minimal, respond-async")));
        assert!(wants_async(&with("prefer", "Respond-Async; wait=10")));
        assert!(!wants_async(&with("prefer", "wait=10")));
    }
}
