//! What the events' data look like, for whoever reads the streams: the JSON Schemas under `domain/schemas`, of all versions that
//! were ever stored. Each event on NATS names its own in `ce-dataschema`.

use crate::{problem::Problem, state::App};
use axum::{Router, extract::Path, http::header::CONTENT_TYPE, response::IntoResponse, routing::get};
use include_dir::{Dir, include_dir};
use log::Recorded;

static SCHEMAS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../domain/schemas");

pub fn router() -> Router<App> {
    Router::new().route("/schemas/{name}", get(show))
}

/// Below the server's address; `None` for events that others brought along, of which only they know.
pub fn path_of(event: &Recorded) -> Option<String> {
    let name = format!("{}.v{}.json", event.event_type, event.schema);
    SCHEMAS.get_file(&name).map(|_| format!("/schemas/{name}"))
}

async fn show(Path(name): Path<String>) -> Result<impl IntoResponse, Problem> {
    let file = SCHEMAS.get_file(&name);
    let file = file.ok_or_else(|| Problem::missing("route.missing"))?;
    Ok(([(CONTENT_TYPE, "application/schema+json")], file.contents()))
}
