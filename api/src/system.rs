//! The server about itself: health, and what clients should know about its configuration.

use crate::{
    envelope::{self, Envelope},
    measure,
    state::App,
};
use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse, response::Response, routing::get};
use chrono::Utc;
use domain::{Percent, finance::vat, time};
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

const DATABASE_WAIT: Duration = Duration::from_secs(2);

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(health)).routes(routes!(config))
}

/// What stands outside `/api/v1`.
pub fn probes() -> Router<App> {
    Router::new()
        .route("/health", get(health))
        .route("/api/health", get(health))
        .route("/api/health/ready", get(health))
        .route("/metrics", get(measure::show))
}

#[derive(Debug, Serialize, ToSchema)]
struct Health {
    #[schema(example = "healthy")]
    status: &'static str,
    version: &'static str,
    /// Seconds.
    uptime: u64,
    services: Services,
}

#[derive(Debug, Serialize, ToSchema)]
struct Services {
    #[schema(example = "connected")]
    database: &'static str,
    #[schema(example = "not configured")]
    nats: &'static str,
}

/// Health check
#[utoipa::path(get, path = "/health", tag = "system", security(()), responses((status = 200, body = Envelope<Health>), (status = 503, body = Envelope<Health>)))]
async fn health(State(app): State<App>) -> Response {
    let writable = sqlx::query_scalar("select current_setting('transaction_read_only') = 'off'").fetch_one(&app.pool);
    let database = match tokio::time::timeout(DATABASE_WAIT, writable).await {
        Ok(Ok(true)) => "connected",
        Ok(Ok(false)) => "read-only", // a standby
        _ => "disconnected",
    };
    let healthy = database == "connected";
    let nats = match app.nats.as_ref().map(async_nats::Client::connection_state) {
        Some(async_nats::connection::State::Connected) => "connected",
        Some(_) => "disconnected",
        None => "not configured",
    };
    let health = Health {
        status: if healthy { "healthy" } else { "unhealthy" },
        version: envelope::VERSION,
        uptime: app.started.elapsed().as_secs(),
        services: Services { database, nats },
    };
    let status = if healthy {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let mut envelope = Envelope::of(health);
    envelope.success = healthy;
    (status, Json(envelope)).into_response()
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SystemConfig {
    features: Features,
    locales: [&'static str; 3],
    currency: &'static str,
    /// Today's general rate, in percent.
    #[schema(value_type = f64, example = 16)]
    vat_rate: Percent,
    date_format: &'static str,
    time_zone: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Features {
    ai: bool,
    elasticsearch: bool,
    multi_language: bool,
    /// Events go to NATS JetStream.
    streams: bool,
}

/// System configuration
#[utoipa::path(get, path = "/config", tag = "system", security(()), responses((status = 200, body = Envelope<SystemConfig>)))]
async fn config(State(app): State<App>) -> Response {
    envelope::ok(SystemConfig {
        features: Features {
            ai: false,
            elasticsearch: false,
            multi_language: true,
            streams: app.nats.is_some(),
        },
        locales: ["kk-KZ", "ru-RU", "en-US"],
        currency: domain::finance::CURRENCY_DEFAULT,
        vat_rate: vat::general_rate(time::local_date(Utc::now())),
        date_format: "DD.MM.YYYY",
        time_zone: "Asia/Almaty",
    })
}
