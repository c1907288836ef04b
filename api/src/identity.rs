//! Who signs in: registration, sign-in, workspaces, and the secrets behind them.

pub mod code;
mod eddsa;
pub mod password;
mod registration;
pub mod secrets;
pub mod session;
mod sign_in;
pub mod token;
mod workspace;

use crate::state::App;
use aide::axum::ApiRouter;

pub fn router() -> ApiRouter<App> {
    registration::router()
        .merge(sign_in::router())
        .merge(workspace::router())
}

/// How addresses are kept and looked up.
pub(crate) fn normal_email(text: &str) -> String {
    text.trim().to_lowercase()
}
