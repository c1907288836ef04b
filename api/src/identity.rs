//! Who signs in: registration, sign-in, workspaces, and the secrets behind them.

pub mod api_key;
pub mod certificate;
pub(crate) mod code;
pub mod current;
pub mod door;
mod eddsa;
mod employment;
pub mod lapsing;
pub mod member;
pub mod members;
pub(crate) mod once;
mod organization;
pub mod password;
mod pause;
pub(crate) mod pending;
pub mod policy;
pub(crate) mod provision;
pub(crate) mod recovery;
mod registration;
mod reset;
pub mod role;
pub(crate) mod second_factor;
pub mod secrets;
pub mod session;
pub(crate) mod sign_in;
pub mod token;
mod workspace;

pub(crate) use registration::require;

use crate::{mail::address, state::App};
use aide::axum::ApiRouter;
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderValue, header},
    middleware::map_response,
    response::Response,
    routing::get,
};
use unicode_normalization::UnicodeNormalization;

pub fn router() -> ApiRouter<App> {
    registration::router()
        .merge(sign_in::router())
        .merge(session::routes::router())
        .merge(recovery::router())
        .merge(second_factor::router())
        .merge(employment::router())
        .merge(certificate::router())
        .layer(map_response(no_store))
        .merge(workspace::router())
        .merge(organization::router())
}

/// What others verify access tokens with, at the place where they look for it (RFC 8615). They look again when they meet a
/// key that they do not know.
pub fn well_known() -> Router<App> {
    let keys = async |State(app): State<App>| {
        (
            [(header::CACHE_CONTROL, "public, max-age=300")],
            Json(app.tokens.published()),
        )
    };
    Router::new().route("/.well-known/jwks.json", get(keys))
}

/// Tokens, and who is registered, are no cache's business.
pub(crate) async fn no_store(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// How addresses are kept and looked up.
pub(crate) fn normal_email(text: &str) -> String {
    address::normal(text)
}

/// One spelling for what looks the same, without blanks around.
pub(crate) fn normal(text: &str) -> String {
    text.trim().nfc().collect()
}
