//! `Problem`: the one shape of every refusal, and the only place that knows which HTTP status a "no" has. It carries
//! no language; the middleware `render`, which knows `Accept-Language`, writes the envelope. The same middleware
//! dresses what the framework refuses by itself (no such route, a body too large, a panic).

use crate::{
    disk, envelope,
    i18n::{self, Language},
};
use aide::OperationOutput;
use axum::{
    Json,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use domain::{Kind, Permission, Rejection, Rule, Violation};
use fluent_bundle::FluentArgs;
use log::{AppendError, PersonalError, ReadError, chain, is_outage};
use serde_json::{Map, Value, json};
use std::{borrow::Cow, time::Duration};
use strum::{IntoStaticStr, VariantArray};

/// The public codes (product, "Envelope").
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    ValidationFailed,
    RequiredField,
    InvalidUuid,
    AuthInvalidCredentials,
    AuthTokenExpired,
    AuthUnauthorized,
    AuthForbidden,
    NotFound,
    MethodNotAllowed,
    RequestTimeout,
    Conflict,
    InvalidTransition,
    AlreadyExists,
    VersionConflict,
    PayloadTooLarge,
    CreditLimitExceeded,
    StockUnavailable,
    InsufficientBalance,
    IdempotencyKeyReused,
    /// Not a failure: what was asked for takes a moment longer.
    Preparing,
    RateLimited,
    InternalError,
    DatabaseError,
    ServiceUnavailable,
}

impl Code {
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    pub const fn status(self) -> StatusCode {
        match self {
            Self::ValidationFailed | Self::RequiredField | Self::InvalidUuid => StatusCode::BAD_REQUEST,
            Self::AuthInvalidCredentials | Self::AuthTokenExpired | Self::AuthUnauthorized => StatusCode::UNAUTHORIZED,
            Self::AuthForbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict | Self::InvalidTransition | Self::AlreadyExists => StatusCode::CONFLICT,
            Self::VersionConflict => StatusCode::PRECONDITION_FAILED,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::CreditLimitExceeded
            | Self::StockUnavailable
            | Self::InsufficientBalance
            | Self::IdempotencyKeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Preparing => StatusCode::ACCEPTED,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::InternalError | Self::DatabaseError => StatusCode::INTERNAL_SERVER_ERROR,
            Self::ServiceUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// Why a request was refused, in no language yet. Boxed: results are moved around a lot and are rarely errors.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem(Box<Parts>);

#[derive(Debug, Clone, PartialEq)]
struct Parts {
    code: Code,
    status: StatusCode,
    /// Finer than the code, stable and documented, e.g. `deal.already_lost`.
    reason: Option<Cow<'static, str>>,
    violations: Vec<Violation>,
    /// What else `details` tells.
    facts: Map<String, Value>,
    /// Values for the reason's message.
    args: Vec<(&'static str, String)>,
    /// When to come again, in seconds.
    retry_after: Option<u64>,
}

impl Problem {
    pub fn new(code: Code) -> Self {
        Self(Box::new(Parts {
            code,
            status: code.status(),
            reason: None,
            violations: Vec::new(),
            facts: Map::new(),
            args: Vec::new(),
            retry_after: None,
        }))
    }

    /// Too often, and when it will be right again.
    pub fn slowed(reason: &'static str, wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let seconds = seconds.max(1);
        let mut problem = Self::new(Code::RateLimited).because(reason).fact("retryAfter", seconds);
        problem.0.retry_after = Some(seconds);
        problem
    }

    /// The finer reason; its message is told when there is one.
    pub fn because(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.0.reason = Some(reason.into());
        self
    }

    pub fn fact(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.facts.insert(name.to_owned(), value.into());
        self
    }

    pub fn field(mut self, field: impl Into<String>, rule: Rule) -> Self {
        self.0.violations.push(Violation {
            field: field.into(),
            rule,
        });
        self
    }

    /// Malformed input. The code is the most telling one that fits all violations.
    pub fn invalid(violations: &[Violation]) -> Self {
        let all = |rule: &Rule| !violations.is_empty() && violations.iter().all(|violation| violation.rule == *rule);
        let code = if all(&Rule::Required) {
            Code::RequiredField
        } else if all(&Rule::NotAUuid) {
            Code::InvalidUuid
        } else {
            Code::ValidationFailed
        };
        let mut problem = Self::new(code);
        problem.0.violations = violations.to_vec();
        problem
    }

    /// One malformed field.
    pub fn invalid_field(field: impl Into<String>, rule: Rule) -> Self {
        Self::invalid(&[Violation {
            field: field.into(),
            rule,
        }])
    }

    /// What the request is about is not there, e.g. `deal.missing`.
    pub fn missing(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::NotFound).because(reason)
    }

    /// A body that is no JSON.
    pub fn malformed() -> Self {
        Self::new(Code::ValidationFailed).because("body.malformed")
    }

    pub fn unauthorized() -> Self {
        Self::new(Code::AuthUnauthorized)
    }

    pub fn forbidden(permission: Permission) -> Self {
        Self::new(Code::AuthForbidden)
            .because("permission.missing")
            .fact("permission", permission.code())
    }

    pub fn internal() -> Self {
        Self::new(Code::InternalError)
    }

    pub fn code(&self) -> Code {
        self.0.code
    }

    pub fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    pub fn violations(&self) -> &[Violation] {
        &self.0.violations
    }

    /// Is being made for whoever comes again.
    pub fn preparing() -> Self {
        Self::new(Code::Preparing)
    }

    pub fn unavailable(reason: &'static str) -> Self {
        Self::new(Code::ServiceUnavailable).because(reason)
    }

    /// Away, or misused by us: the one place that tells them apart to the outside, whatever was asked.
    fn of_store(error: &sqlx::Error) -> Self {
        disk::could_not_write(error);
        if is_outage(error) {
            Self::unavailable("store.unavailable")
        } else {
            Self::new(Code::DatabaseError)
        }
    }

    fn rejected(rejection: &impl Rejection) -> Self {
        let problem = match rejection.kind() {
            Kind::Missing => Self::new(Code::NotFound),
            Kind::Invalid => Self::invalid(rejection.violations()),
            Kind::Conflict => Self::new(Code::Conflict),
            Kind::Transition => Self::new(Code::InvalidTransition),
            Kind::Exists => Self::new(Code::AlreadyExists),
            Kind::Forbidden => Self::new(Code::AuthForbidden),
            Kind::Stock => Self::new(Code::StockUnavailable),
            Kind::Balance => Self::new(Code::InsufficientBalance),
            Kind::Credit => Self::new(Code::CreditLimitExceeded),
        };
        let mut problem = problem.because(rejection.code());
        problem.0.args = rejection.args();
        for (name, value) in rejection.args() {
            problem = problem.fact(name, value);
        }
        problem
    }

    /// A unique key that belongs to another.
    pub fn taken(kind: &'static str) -> Self {
        let field = match kind {
            "user.email" | "employee.email" => "email",
            "user.username" => "username",
            "user.iin" => "iin",
            "organization.bin" => "bin",
            "product.code" | "department.code" | "warehouse.code" => "code",
            "product.barcode" => "barcode",
            "workspace.slug" => "slug",
            other => other.rsplit('.').next().unwrap_or(other),
        };
        Self::new(Code::AlreadyExists)
            .because(format!("{kind}.taken"))
            .field(field, Rule::NotUnique)
    }

    /// Gives a violated field the name under which the caller knows it.
    pub fn rename_field(mut self, from: &str, to: &str) -> Self {
        for violation in self.0.violations.iter_mut().filter(|violation| violation.field == from) {
            violation.field = to.to_owned();
        }
        self
    }

    /// What the framework answered by itself.
    fn of_status(status: StatusCode) -> Self {
        let mut problem = match status {
            StatusCode::NOT_FOUND => Self::missing("route.missing"),
            StatusCode::METHOD_NOT_ALLOWED => Self::new(Code::MethodNotAllowed),
            StatusCode::PAYLOAD_TOO_LARGE => Self::new(Code::PayloadTooLarge),
            StatusCode::UNAUTHORIZED => Self::unauthorized(),
            StatusCode::TOO_MANY_REQUESTS => Self::new(Code::RateLimited),
            StatusCode::SERVICE_UNAVAILABLE => Self::new(Code::ServiceUnavailable),
            status if status.is_server_error() => Self::internal(),
            _ => Self::new(Code::ValidationFailed),
        };
        problem.0.status = status;
        problem
    }

    /// The envelope in a language.
    pub(crate) fn envelope(&self, language: Language) -> Value {
        let Parts {
            code,
            reason,
            violations,
            facts,
            ..
        } = &*self.0;
        let mut details = facts.clone();
        if let Some(reason) = reason {
            details.insert("reason".into(), Value::from(&**reason));
        }
        if !violations.is_empty() {
            let fields = violations
                .iter()
                .map(|violation| (violation.field.clone(), rule_text(language, &violation.rule).into()));
            details.insert("fields".into(), Value::Object(fields.collect()));
            let rules = violations
                .iter()
                .map(|violation| (violation.field.clone(), violation.rule.code().into()));
            details.insert("rules".into(), Value::Object(rules.collect()));
            let known = violations.iter().filter(|violation| !violation.rule.known().is_empty());
            let known: Map<String, Value> = known
                .map(|violation| (violation.field.clone(), violation.rule.known().into()))
                .collect();
            if !known.is_empty() {
                details.insert("known".into(), Value::Object(known));
            }
        }
        let message = self.message(language);
        json!({"success": false, "error": {"code": code.as_str(), "message": message, "details": details, "timestamp": envelope::timestamp()}})
    }

    /// The sentence in a language.
    pub fn message(&self, language: Language) -> String {
        let Parts { code, reason, args, .. } = &*self.0;
        let mut values = FluentArgs::new();
        for (name, value) in args {
            values.set(*name, value.as_str());
        }
        // "A required field is missing" tells more than "the deal is not valid".
        let telling = matches!(code, Code::RequiredField | Code::InvalidUuid);
        let finer = reason
            .as_deref()
            .filter(|_| !telling)
            .and_then(|reason| i18n::rejection(language, reason, &values));
        let message = finer.or_else(|| i18n::text(language, &format!("error-{}", code.as_str()), &values));
        message.unwrap_or_else(|| code.as_str().to_owned())
    }
}

fn rule_text(language: Language, rule: &Rule) -> String {
    let mut values = FluentArgs::new();
    for (name, value) in rule.args() {
        values.set(name, value);
    }
    i18n::text(language, &format!("rule-{}", rule.code()), &values).unwrap_or_else(|| rule.code().to_owned())
}

/// How operations refuse is the same for all of them: `openapi`.
impl OperationOutput for Problem {
    type Inner = Self;
}

/// Leaves the problem for `render`.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Middleware: writes the envelope of every refusal in the caller's language.
pub async fn render(request: Request, next: Next) -> Response {
    let language = Language::of(request.headers());
    let mut response = next.run(request).await;
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        None if is_bare_refusal(&response) => Problem::of_status(response.status()),
        None => return response,
    };
    let mut rendered = (problem.0.status, Json(problem.envelope(language))).into_response();
    // Whatever else was said of the refusal is said still: `Allow`, limits, that the connection ends.
    let mut headers = std::mem::take(response.headers_mut());
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::CONTENT_TYPE);
    rendered.headers_mut().extend(headers);
    let headers = rendered.headers_mut();
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
    match problem.0.status {
        StatusCode::UNAUTHORIZED => _ = headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
        StatusCode::ACCEPTED | StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
            let seconds = problem.0.retry_after.map(HeaderValue::from);
            headers
                .entry(header::RETRY_AFTER)
                .or_insert(seconds.unwrap_or(HeaderValue::from_static("1")));
        }
        _ => {}
    }
    rendered
}

/// Refused, and not in an envelope of a handler's own.
fn is_bare_refusal(response: &Response) -> bool {
    let refused = response.status().is_client_error() || response.status().is_server_error();
    let json = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    refused && !json
}

impl<R: Rejection> From<commands::Error<R>> for Problem {
    fn from(error: commands::Error<R>) -> Self {
        use commands::Error as E;
        match &error {
            E::Rejected(rejection) => Self::rejected(rejection),
            E::NoSuchReference(violations) => {
                let problem = Self::new(Code::NotFound).because("reference.unknown");
                violations.as_slice().iter().fold(problem, |problem, violation| {
                    problem.field(&violation.field, violation.rule.clone())
                })
            }
            E::Forbidden(permission) => Self::forbidden(*permission),
            E::Hidden(noun) => Self::missing(format!("{noun}.missing")),
            E::Stale { expected, actual } => Self::new(Code::VersionConflict)
                .because("version.stale")
                .fact("expectedVersion", expected)
                .fact("actualVersion", *actual),
            E::Taken { kind, .. } => Self::taken(kind),
            E::CommandReused => Self::new(Code::IdempotencyKeyReused),
            E::Limit { what, max } => Self::new(Code::PayloadTooLarge)
                .because("command.too_large")
                .fact("what", *what)
                .fact("max", *max),
            E::Personal(PersonalError::Erased { .. }) => Self::new(Code::Conflict).because("person.erased"),
            E::Personal(PersonalError::Misplaced) => Self::new(Code::ValidationFailed).because("body.reserved_key"),
            E::Closed => Self::unavailable("workspace.moved"),
            E::Busy => Self::unavailable("store.busy"),
            E::Unavailable(cause) => {
                tracing::error!(error = %chain(&error), "a command could not be carried out");
                match cause {
                    AppendError::Unavailable(cause) => Self::of_store(cause),
                    _ => Self::unavailable("store.unavailable"),
                }
            }
            E::OutcomeUnknown => Self::unavailable("store.outcome_unknown"),
            E::Refused(_) => {
                tracing::error!(error = %chain(&error), "a command could not be carried out");
                Self::new(Code::DatabaseError)
            }
            E::Damaged(ReadError::Archived(_) | ReadError::Archive(_)) => {
                tracing::error!(error = %chain(&error), "what was put away cannot be read here");
                Self::unavailable("history.archived")
            }
            E::Unreadable(_) | E::Damaged(_) | E::Unstorable(_) | E::Personal(_) => {
                tracing::error!(error = %chain(&error), "a command could not be carried out");
                Self::internal()
            }
        }
    }
}

impl From<projections::ProjectError> for Problem {
    fn from(error: projections::ProjectError) -> Self {
        use projections::ProjectError as E;
        match error {
            E::Database(error) => error.into(),
            error => {
                tracing::error!(error = %chain(&error), "read models cannot be used");
                Self::internal()
            }
        }
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        tracing::error!(error = %chain(&error), "a query failed");
        Self::of_store(&error)
    }
}

impl From<projections::list::ListError> for Problem {
    fn from(error: projections::list::ListError) -> Self {
        let projections::list::ListError { field, rule, known } = error;
        let problem = Self::invalid_field(&field, rule);
        if known.is_empty() {
            problem
        } else {
            problem.fact("known", json!({ field: known }))
        }
    }
}

impl From<projections::view::ViewError> for Problem {
    fn from(error: projections::view::ViewError) -> Self {
        use projections::view::ViewError as E;
        match error {
            E::List(error) => error.into(),
            E::Database(error) => error.into(),
            E::NotJson(error) => {
                tracing::error!(error = %chain(&error), "a read model answered something that is not JSON");
                Self::internal()
            }
        }
    }
}

#[cfg(test)]
mod tests;
