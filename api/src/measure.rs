//! What the server tells Prometheus about itself: requests by route, and how far its consumers are.

use crate::{
    edge::address::ClientAddress,
    problem::{Code, Problem},
    state::App,
};
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use chrono::Utc;
use log::Follower;
use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use sha2::{Digest, Sha256};
use std::{sync::OnceLock, time::Instant};

const SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Installs the recorder; once a process, however many servers run in it.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    if let Some(handle) = HANDLE.get() {
        return Ok(handle.clone());
    }
    let handle = PrometheusBuilder::new().set_buckets(SECONDS)?.install_recorder()?;
    Ok(HANDLE.get_or_init(|| handle).clone())
}

/// Middleware: counts and times a request under its route's template, never its path.
pub async fn track(request: Request, next: Next) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let method = method_label(request.method());
    let began = Instant::now();
    let response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    counter!("prometric_http_requests_total", "method" => method, "route" => route.clone(), "status" => status)
        .increment(1);
    histogram!("prometric_http_request_seconds", "method" => method, "route" => route)
        .record(began.elapsed().as_secs_f64());
    response
}

/// A caller may invent methods; labels must stay few.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Of what this node leads: the sum over the nodes is the whole.
fn show_follower(follower: &Follower) {
    // What stands behind a dot is the build's.
    let consumer = follower.name().split('.').next().unwrap_or_default();
    let lag = follower.lag();
    gauge!("prometric_consumer_failing", "consumer" => consumer).set(follower.failing().len() as f64);
    gauge!("prometric_consumer_lag_events", "consumer" => consumer).set(lag.total as f64);
    gauge!("prometric_consumer_lag_events_max", "consumer" => consumer).set(lag.max as f64);
    gauge!("prometric_consumer_leases", "consumer" => consumer).set(follower.ranges() as f64);
}

/// How batches of appends got into the log (decision 17).
fn show_ways(ways: log::Ways) {
    for (way, batches) in [
        ("assumed", ways.assumed),
        ("looked", ways.looked),
        ("locked", ways.locked),
    ] {
        counter!("prometric_log_batches_total", "way" => way).absolute(batches);
    }
}

/// Of all nodes, as the database has it; what it cannot tell now is told as it was.
async fn show_stuck(app: &App) -> Result<(), sqlx::Error> {
    for (consumer, seconds) in app.log.lags().await? {
        gauge!("prometric_consumer_lag_seconds", "consumer" => consumer).set(seconds);
    }
    let parked = sagas::parked(&app.pool).await?;
    gauge!("prometric_sagas_parked").set(parked.count as f64);
    let waited = parked.since.map(|since| Utc::now().signed_duration_since(since));
    let waited = waited.map_or(0, |waited| waited.num_seconds().max(0));
    gauge!("prometric_sagas_parked_seconds_max").set(waited as f64);
    Ok(())
}

/// Not for everybody: with METRICS_TOKEN for whoever sends it, without it for who asks on this very machine, and not
/// through a proxy on it either.
fn readable(app: &App, request: &Request) -> Result<(), Problem> {
    let headers = request.headers();
    if let Some(token) = &app.config.edge.metrics_token {
        let sent = headers
            .get(header::AUTHORIZATION)
            .map(HeaderValue::as_bytes)
            .unwrap_or_default();
        // Hashed, so that how long it takes tells nothing of the token.
        let same = Sha256::digest(sent) == Sha256::digest(format!("Bearer {token}"));
        return same.then_some(()).ok_or_else(Problem::unauthorized);
    }
    let proxied = ["forwarded", "x-forwarded-for"]
        .iter()
        .any(|name| headers.contains_key(*name));
    let client = request.extensions().get::<ClientAddress>();
    if client.is_some_and(|ClientAddress(address)| address.is_loopback()) && !proxied {
        Ok(())
    } else {
        Err(Problem::new(Code::AuthForbidden).because("metrics.not_public"))
    }
}

/// `GET /metrics`.
pub async fn show(State(app): State<App>, request: Request) -> Result<impl IntoResponse, Problem> {
    readable(&app, &request)?;
    app.consumers.each(show_follower);
    if let Err(error) = show_stuck(&app).await {
        tracing::warn!(%error, "the database does not tell who is stuck");
    }
    gauge!("prometric_database_connections", "state" => "open").set(f64::from(app.pool.size()));
    gauge!("prometric_database_connections", "state" => "reading").set(f64::from(app.reads.size()));
    show_ways(app.log.ways());
    gauge!("prometric_uptime_seconds").set(app.started.elapsed().as_secs_f64());
    app.metrics.run_upkeep();
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Ok((kind, app.metrics.render()))
}
