//! What pages of other sites may do with the API. Tokens travel in `Authorization`, never in cookies, so any site may be
//! let in without lending its visitors' rights to it.

use super::{rate, settings::Edge};
use crate::problem::Problem;
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::{convert::Infallible, time::Duration};
use tower::ServiceExt;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser may remember what it was allowed; none remembers longer.
const REMEMBERED: Duration = Duration::from_secs(2 * 60 * 60);

pub fn layer(settings: &Edge) -> CorsLayer {
    let origins = &settings.cors_origins.0;
    let origin = if origins.iter().any(|origin| origin.0 == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(
            origins
                .iter()
                .filter_map(|origin| HeaderValue::from_str(&origin.0).ok()),
        )
    };
    let methods = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
    ];
    let name = HeaderName::from_static;
    CorsLayer::new()
        .allow_origin(origin)
        .allow_methods(methods)
        .allow_headers([
            header::ACCEPT,
            header::ACCEPT_LANGUAGE,
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            name("api-version"),
            name("idempotency-key"),
            name("last-event-id"),
            name("prefer"),
            name("x-correlation-id"),
            name("x-organization-id"),
            name("x-request-id"),
            name("x-tenant-key"),
            name("x-workspace-id"),
        ])
        .expose_headers([
            header::ALLOW,
            header::CONTENT_DISPOSITION,
            header::CONTENT_LANGUAGE,
            header::ETAG,
            header::LOCATION,
            header::RETRY_AFTER,
            header::WWW_AUTHENTICATE,
            name("api-version"),
            name("preference-applied"),
            name("x-event-position"),
            name("x-request-id"),
            rate::LIMIT,
            rate::REMAINING,
            rate::RESET,
        ])
        .max_age(REMEMBERED)
}

/// Middleware: `OPTIONS` is answered where a route is, with its methods, and nowhere else.
pub async fn options(State(routes): State<Router>, request: Request, next: Next) -> Response {
    if request.method() != Method::OPTIONS {
        return next.run(request).await;
    }
    let mut probe = Request::new(Body::empty());
    (*probe.method_mut(), *probe.uri_mut()) = (Method::OPTIONS, request.uri().clone());
    let probed = routes.oneshot(probe).await;
    let mut probed = probed.unwrap_or_else(|never: Infallible| match never {});
    if probed.status() == StatusCode::NOT_FOUND {
        return Problem::missing("route.missing").into_response();
    }
    let mut response = next.run(request).await;
    if let Some(allow) = probed.headers_mut().remove(header::ALLOW) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}
