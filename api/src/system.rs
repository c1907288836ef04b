//! The server about itself: health, and what clients should know about its configuration.

use crate::openapi::{answering, told_to_all};
use crate::{
    disk,
    edge::landing::landing,
    envelope::{self, Envelope},
    measure,
    state::App,
};
use aide::axum::{ApiRouter, routing::get_with};
use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse, response::Response, routing::get};
use chrono::Utc;
use domain::{Percent, finance::vat, time};
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;

const DATABASE_WAIT: Duration = Duration::from_secs(2);

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/health",
            get_with(
                health,
                answering::<Envelope<Health>, 503>(answering::<Envelope<Health>, 200>(told_to_all("Health check"))),
            ),
        )
        .api_route(
            "/config",
            get_with(
                config,
                answering::<Envelope<SystemConfig>, 200>(told_to_all("System configuration")),
            ),
        )
}

/// What stands outside `/api/v1`.
pub fn probes() -> Router<App> {
    Router::new()
        .route("/", get(landing))
        .route("/health", get(health))
        .route("/api/health", get(health))
        .route("/api/health/ready", get(health))
        .route("/metrics", get(measure::show))
}

#[derive(Debug, Serialize, JsonSchema)]
struct Health {
    status: &'static str,
    version: &'static str,
    /// Seconds.
    uptime: u64,
    services: Services,
}

/// What document 2 lists; of these, what this server does without says so.
#[derive(Debug, Serialize, JsonSchema)]
struct Services {
    database: &'static str,
    nats: &'static str,
    /// Without mail nobody can register.
    mail: &'static str,
    redis: &'static str,
    elasticsearch: &'static str,
    ai: &'static str,
}

const NOT_USED: &str = "not used";

async fn health(State(app): State<App>) -> Response {
    let writable = sqlx::query_scalar("select current_setting('transaction_read_only') = 'off'").fetch_one(&app.pool);
    let database = match tokio::time::timeout(DATABASE_WAIT, writable).await {
        Ok(Ok(true)) if disk::is_writable(&app.pool).await => "connected",
        Ok(Ok(true)) => "refusing writes", // its disk is full
        Ok(Ok(false)) => "read-only",      // a standby
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
        services: Services {
            database,
            nats,
            mail: app.mail.state(),
            redis: NOT_USED,
            elasticsearch: NOT_USED,
            ai: NOT_USED,
        },
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

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct SystemConfig {
    features: Features,
    locales: [&'static str; 3],
    currency: domain::finance::Currency,
    /// Today's general rate, in percent.
    vat_rate: Percent,
    date_format: &'static str,
    time_zone: &'static str,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Features {
    ai: bool,
    elasticsearch: bool,
    multi_language: bool,
    /// Events go to NATS JetStream.
    streams: bool,
}

async fn config(State(app): State<App>) -> Response {
    envelope::ok(SystemConfig {
        features: Features {
            ai: false,
            elasticsearch: false,
            multi_language: true,
            streams: app.nats.is_some(),
        },
        locales: ["kk-KZ", "ru-RU", "en-US"],
        currency: domain::finance::Currency::default(),
        vat_rate: vat::general_rate(time::local_date(Utc::now())),
        date_format: "DD.MM.YYYY",
        time_zone: "Asia/Almaty",
    })
}
