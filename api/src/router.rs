//! Every route there is. The nouns of a workspace answer in both forms of the path; one line a noun.

use crate::{
    admin, audit, catalog, edge, export, finance, identity, imports, measure, office, openapi, people, privacy,
    problem::Problem, production, sales, schemas, state::App, stores, system,
};
use aide::{axum::ApiRouter, scalar::Scalar};
use axum::{
    Router,
    body::Bytes,
    extract::DefaultBodyLimit,
    http::header::CONTENT_TYPE,
    middleware::from_fn,
    response::{Html, IntoResponse},
    routing::get,
};
use std::sync::LazyLock;
use tokio::task::spawn_blocking;
use tower::Layer;
use tower_http::normalize_path::NormalizePathLayer;

/// The nouns of a workspace: one line each.
fn nouns() -> ApiRouter<App> {
    ApiRouter::new()
        .merge(sales::customer::router())
        .merge(sales::interaction::router())
        .merge(sales::deal::router())
        .merge(sales::activity::router())
        .merge(sales::pipeline::router())
        .merge(office::custom_field::router())
        .merge(sales::quote::router())
        .merge(sales::order::router())
        .merge(catalog::category::router())
        .merge(catalog::price_list::router())
        .merge(catalog::price::router())
        .merge(catalog::product::router())
        .merge(catalog::stock::router())
        .merge(catalog::stock_policy::router())
        .merge(catalog::warehouse::router())
        .merge(production::bom::router())
        .merge(production::production_order::router())
        .merge(finance::invoice::router())
        .merge(finance::payment::router())
        .merge(finance::exchange_rate::router())
        .merge(office::notification::router())
        .merge(people::department::router())
        .merge(people::employee::router())
        .merge(people::invitation::router())
        .merge(identity::member::router())
        .merge(identity::role::router())
        .merge(export::router())
        .merge(imports::router())
        .merge(audit::router())
        .merge(admin::router())
        .merge(privacy::router())
        .merge(identity::api_key::router())
}

fn routes() -> ApiRouter<App> {
    ApiRouter::new()
        .nest(
            "/api/v1",
            identity::router()
                .merge(people::approval::router())
                .merge(people::invitation::open_router())
                .merge(sales::quote::open_router())
                .merge(system::router())
                .merge(nouns()),
        )
        .nest("/api/v1/workspaces/{wsId}", nouns())
        .nest("/api/users", stores::router())
}

pub fn router(app: App) -> Router {
    let routes = openapi::undescribed(routes)
        .route("/openapi.json", get(document))
        .route("/docs", get(scalar))
        .merge(system::probes())
        .merge(schemas::router())
        .merge(identity::well_known())
        .fallback(unknown)
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(measure::track))
        .with_state(app.clone());
    // Trailing slash or none, both answer.
    let routes = Router::new().fallback_service(NormalizePathLayer::trim_trailing_slash().layer(routes));
    edge::around(routes, &app)
}

/// What there is, for programs. Made when it is asked for first.
async fn document() -> Result<impl IntoResponse, Problem> {
    static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(openapi::describe(routes).to_string()));
    let document = spawn_blocking(|| DOCUMENT.clone())
        .await
        .map_err(|_| Problem::internal())?;
    Ok(([(CONTENT_TYPE, "application/json")], document))
}

/// The API to browse.
async fn scalar() -> Html<String> {
    Html(Scalar::new("/openapi.json").with_title("Prometric").html())
}

async fn unknown() -> Problem {
    Problem::missing("route.missing")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Routes that contradict each other make this panic.
    #[test]
    fn every_route_stands_in_the_document_under_an_id_of_its_own() {
        let document = openapi::describe(routes);
        let paths = document["paths"].as_object().unwrap();
        let operations = paths.values().flat_map(|item| item.as_object().unwrap().values());
        let ids: Vec<&str> = operations
            .filter_map(|operation| operation["operationId"].as_str())
            .collect();
        assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len());
        assert!(paths.contains_key("/api/v1/deals") && paths.contains_key("/api/v1/workspaces/{wsId}/deals"));
    }
}
