//! Who signs in: registration, sign-in, workspaces, and the secrets behind them.

pub mod certificate;
pub mod door;
mod eddsa;
mod employment;
pub mod lapsing;
pub mod member;
pub mod members;
pub(crate) mod once;
pub mod password;
mod pause;
pub(crate) mod pending;
mod provision;
mod registration;
pub mod role;
pub mod secrets;
mod session;
mod sign_in;
pub mod token;
mod workspace;

pub(crate) use registration::require;

use crate::state::App;
use aide::axum::ApiRouter;
use axum::{
    http::{HeaderValue, header},
    middleware::map_response,
    response::Response,
};
use unicode_normalization::UnicodeNormalization;

pub fn router() -> ApiRouter<App> {
    registration::router()
        .merge(sign_in::router())
        .merge(employment::router())
        .merge(certificate::router())
        .layer(map_response(no_store))
        .merge(workspace::router())
}

/// Tokens, and who is registered, are no cache's business.
async fn no_store(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// How addresses are kept and looked up.
pub(crate) fn normal_email(text: &str) -> String {
    normal(&text.to_lowercase())
}

/// One spelling for what looks the same, without blanks around.
pub(crate) fn normal(text: &str) -> String {
    text.trim().nfc().collect()
}
