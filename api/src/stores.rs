//! Document 4: stores with a till. A store is a workspace of kind `store`; its paths, names and shapes are that document's own
//! (`snake_case`, numbers for ids), and what they do are the same commands, over the same read models, as everywhere else.

mod account;
mod employee;
mod entrance;
mod founding;
mod number;
pub(crate) mod person;
mod registration;
mod reset;
mod role;
mod shown;
mod store;

use crate::{identity::no_store, state::App};
use aide::axum::ApiRouter;
use axum::middleware::map_response;

/// Below `/api/users`.
pub fn router() -> ApiRouter<App> {
    registration::router()
        .merge(account::router())
        .merge(store::router())
        .merge(employee::router())
        .merge(reset::router())
        .layer(map_response(no_store))
}
