//! One request followed through all that it leads to, by the name that W3C Trace Context gives it. Every event keeps the
//! `traceparent` of what it came from, whether anybody collects spans or not. Spans themselves go to a collector where the
//! feature `otlp` is built and `OTEL_EXPORTER_OTLP_ENDPOINT` names one; elsewhere all this costs nothing.

#[cfg(feature = "otlp")]
mod otlp;
mod parent;
#[cfg(not(feature = "otlp"))]
mod silent;

#[cfg(feature = "otlp")]
use otlp as ours;
pub use parent::{NotOne, TraceParent};
#[cfg(not(feature = "otlp"))]
use silent as ours;
use tracing::Span;
use tracing_subscriber::{Layer, registry::LookupSpan};

/// Spans of this target are for the collector, and are not made for anybody else.
pub const TARGET: &str = "trace";

/// Why no spans can be sent.
#[derive(Debug, thiserror::Error)]
#[error("spans cannot be sent: {0}")]
pub struct CannotSend(pub(crate) String);

/// What sends spans, to stand beside what writes the log; `None` when nobody asked for it.
pub fn layer<S>() -> Result<Option<impl Layer<S>>, CannotSend>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    ours::layer()
}

/// Sends what has not been sent; to be called last.
pub fn end() {
    ours::end();
}

/// Makes the span, which has only just been made, part of that trace, and answers the name under which the trace goes on
/// from there.
pub fn continued(span: &Span, from: Option<&TraceParent>) -> Option<TraceParent> {
    ours::continued(span, from)
}

/// Whether anybody sees spans.
pub fn is_seen() -> bool {
    ours::is_seen()
}
