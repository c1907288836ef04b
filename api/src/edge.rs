//! What stands around every route, whatever it is about: who is let in, how much of them, for how long, and the headers
//! that all answers have in common.

pub mod address;
pub mod conditional;
pub mod connection;
pub mod cors;
pub mod landing;
pub mod rate;
pub mod settings;
mod shared;
pub mod turns;
pub mod version;

use crate::{
    extract::{present, whole},
    problem::{self, Problem},
    state::App,
};
use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::{Next, from_fn, from_fn_with_state as with},
    response::{IntoResponse, Response},
};
use shared::Shared;
use std::any::Any;
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::CatchPanicLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    trace::TraceLayer,
};
use trace::TraceParent;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The routes with all that stands around them; a request meets it from the first line to the last.
pub fn around(routes: Router, app: &App) -> Router {
    let known = routes.clone();
    let around = ServiceBuilder::new()
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .layer(TraceLayer::new_for_http().make_span_with(span).on_failure(()))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(Shared::layer())
        .layer(with(app.clone(), address::learn))
        .layer(Shared::layer())
        .layer(with(app.clone(), present))
        .layer(Shared::layer())
        .layer(from_fn(guard))
        .layer(Shared::layer())
        .layer(from_fn(problem::render))
        .layer(Shared::layer())
        .layer(with(known, cors::options))
        .layer(Shared::layer())
        .layer(cors::layer(&app.config.edge))
        .layer(Shared::layer())
        .layer(from_fn(version::agree))
        .layer(Shared::layer())
        .layer(with(app.clone(), rate::limit))
        .layer(Shared::layer())
        .layer(with(app.clone(), conditional::answer))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(Shared::layer())
        .layer(with(app.clone(), whole));
    Router::new().fallback_service(around.service(routes))
}

/// Nothing is taken for what it does not say it is, and nobody between us and the caller keeps a copy.
async fn guard(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("private, no-cache"));
    response
}

/// Method and path only: a query string or a body may hold personal data.
fn span(request: &Request) -> tracing::Span {
    let id = request
        .headers()
        .get(REQUEST_ID)
        .and_then(|id| id.to_str().ok())
        .unwrap_or_default();
    let span = tracing::info_span!(target: trace::TARGET, "request", method = %request.method(), path = request.uri().path(), id);
    trace::continued(&span, parent(request.headers()).as_ref());
    span
}

/// The trace that a request is part of, from here on.
pub fn trace_of(headers: &HeaderMap) -> Option<TraceParent> {
    trace::continued(&tracing::Span::current(), None).or_else(|| parent(headers))
}

/// One that is not well-formed counts as none (W3C Trace Context §3.2).
fn parent(headers: &HeaderMap) -> Option<TraceParent> {
    let mut named = headers.get_all("traceparent").iter();
    let parent = named.next()?.to_str().ok()?.parse().ok();
    parent.filter(|_| named.next().is_none())
}

fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let said = panic
        .downcast_ref::<&str>()
        .copied()
        .or(panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = said.unwrap_or("something"), "a handler panicked");
    Problem::internal().into_response()
}
