//! Where nobody collects spans: a trace goes on under the name it came with.

use crate::{CannotSend, TraceParent};
use tracing::Span;
use tracing_subscriber::{Layer, layer::Identity};

#[expect(clippy::unnecessary_wraps, reason = "as where there is something to send")]
pub fn layer<S: tracing::Subscriber>() -> Result<Option<impl Layer<S>>, CannotSend> {
    Ok(None::<Identity>)
}

pub fn end() {}

pub fn continued(_: &Span, from: Option<&TraceParent>) -> Option<TraceParent> {
    from.cloned()
}

pub fn is_seen() -> bool {
    false
}
