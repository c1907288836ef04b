//! `GET /`: what this is, and where to go from here; a page for a browser, JSON for a program.

use crate::envelope;
use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{Html, IntoResponse, Response},
};
use serde::Serialize;

const PAGE: &str = include_str!("landing.html");
/// The page brings its own style and needs nothing else.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

#[derive(Debug, Serialize)]
struct Here {
    name: &'static str,
    version: &'static str,
    docs: &'static str,
    openapi: &'static str,
    api: &'static str,
    health: &'static str,
}

pub async fn landing(headers: HeaderMap) -> Response {
    let accepted = headers.get_all(header::ACCEPT).iter();
    let page = accepted
        .filter_map(|kinds| kinds.to_str().ok())
        .any(|kinds| kinds.contains("text/html"));
    let mut response = if page {
        let mut response = Html(PAGE.replace("{version}", envelope::VERSION)).into_response();
        let policy = HeaderName::from_static("content-security-policy");
        response.headers_mut().insert(policy, HeaderValue::from_static(POLICY));
        response
    } else {
        envelope::ok(Here {
            name: "Prometric",
            version: envelope::VERSION,
            docs: "/docs/",
            openapi: "/openapi.json",
            api: "/api/v1",
            health: "/api/v1/health",
        })
    };
    response
        .headers_mut()
        .insert(header::VARY, HeaderValue::from_static("accept"));
    response
}
