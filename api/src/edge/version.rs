//! The API's version, in the path (`/api/v1/products`) or in a header (`/api/products` with `API-Version: 1.0`). There is
//! one; others are refused by name and not taken for it.

use crate::problem::Problem;
use axum::{
    extract::{OriginalUri, Request},
    http::{HeaderName, HeaderValue, Uri},
    middleware::Next,
    response::{IntoResponse, Response},
};
use domain::Rule;

const HEADER: HeaderName = HeaderName::from_static("api-version");
const OURS: HeaderValue = HeaderValue::from_static("1.0");

/// Middleware.
pub async fn agree(mut request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with("/api/") {
        return next.run(request).await;
    }
    let mut response = match placed(&request) {
        Ok(None) => next.run(request).await,
        Ok(Some(uri)) => {
            request.extensions_mut().insert(OriginalUri(uri.clone()));
            *request.uri_mut() = uri;
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    };
    response.headers_mut().insert(HEADER, OURS);
    response
}

/// Those paths have no version; the other ones below `/api/users/` do.
fn is_of_document_4(path: &str) -> bool {
    let below = path.strip_prefix("/api/users/").unwrap_or_default();
    let first = below.split('/').next().unwrap_or_default();
    matches!(first, "auth" | "stores" | "employees")
}

/// Where the request belongs, if not where it says.
fn placed(request: &Request) -> Result<Option<Uri>, Problem> {
    let path = request.uri().path();
    let first = path.trim_start_matches("/api/").split('/').next().unwrap_or_default();
    let in_path = first
        .strip_prefix('v')
        .filter(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()));
    if in_path.is_some_and(|version| version != "1") {
        return Err(Problem::missing("version.missing"));
    }
    let Some(asked) = request.headers().get(HEADER) else {
        return Ok(None);
    };
    if !matches!(asked.as_bytes(), b"1" | b"1.0" | b"1.0.0" | b"v1") {
        return Err(Problem::invalid_field("API-Version", Rule::NotAllowed));
    }
    if in_path.is_some() || first == "health" || is_of_document_4(path) {
        return Ok(None);
    }
    let query = request
        .uri()
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    let path = path.trim_start_matches("/api");
    Ok(format!("/api/v1{path}{query}").parse().ok())
}
