//! Spans to a collector over HTTP, as the environment says (`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_PROTOCOL`,
//! `OTEL_TRACES_SAMPLER`, `OTEL_RESOURCE_ATTRIBUTES`, …): <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>.

use crate::{CannotSend, TARGET, TraceParent};
use opentelemetry::{
    Context,
    propagation::TextMapPropagator,
    trace::{TraceContextExt, TracerProvider},
};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use std::{collections::HashMap, env, sync::OnceLock};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};

const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
const NAME: &str = "traceparent";

static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

pub fn layer<S>() -> Result<Option<impl Layer<S>>, CannotSend>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let is_wanted = |name: &str| env::var(name).is_ok_and(|value| !value.is_empty());
    if !ENDPOINTS.iter().any(|name| is_wanted(name)) {
        return Ok(None);
    }
    let exporter = SpanExporter::builder().with_http().build();
    let exporter = exporter.map_err(|error| CannotSend(error.to_string()))?;
    let named = Resource::builder().with_service_name("prometric").build();
    let provider = SdkTracerProvider::builder().with_resource(named);
    let provider = PROVIDER.get_or_init(|| provider.with_batch_exporter(exporter).build());
    let ours = tracing_opentelemetry::layer().with_tracer(provider.tracer(TARGET));
    let ours = ours.with_threads(false).with_location(false).with_target(false);
    Ok(Some(ours.with_filter(filter_fn(|meta| meta.target() == TARGET))))
}

pub fn end() {
    if let Some(Err(error)) = PROVIDER.get().map(SdkTracerProvider::shutdown) {
        tracing::warn!(%error, "the last spans were not sent");
    }
}

pub fn continued(span: &Span, from: Option<&TraceParent>) -> Option<TraceParent> {
    if let Some(from) = from {
        let carrier = HashMap::from([(NAME.to_owned(), from.to_string())]);
        // A span that is not seen has no place in a trace.
        span.set_parent(TraceContextPropagator::new().extract(&carrier)).ok();
    }
    told(&span.context()).or_else(|| from.cloned())
}

pub fn is_seen() -> bool {
    PROVIDER.get().is_some()
}

fn told(context: &Context) -> Option<TraceParent> {
    if !context.span().span_context().is_valid() {
        return None;
    }
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(context, &mut carrier);
    carrier.remove(NAME)?.parse().ok()
}
