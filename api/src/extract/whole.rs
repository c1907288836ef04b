//! Reads every request's body to its end before anything answers. A server that answers early and closes leaves its
//! client with a broken pipe instead of the refusal, and breaks the next request on the same connection.

use super::body::BODY_MAX;
use crate::problem::{Code, Problem};
use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use bytes::BytesMut;
use futures::StreamExt;
use std::panic::resume_unwind;
use tracing::Instrument;

/// Beyond this the connection is given up instead: nobody's mistake is that long.
const DRAIN_MAX: usize = 16 << 20;

/// Marks a request whose body was too long to keep; told by whoever wants the body, after rights were checked.
#[derive(Debug, Clone, Copy)]
pub struct TooLong;

pub async fn whole(request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let mut stream = body.into_data_stream();
    let (mut kept, mut size) = (BytesMut::new(), 0_usize);
    while let Some(chunk) = stream.next().await {
        let Ok(chunk) = chunk else {
            return given_up(Problem::new(Code::ValidationFailed).because("body.unreadable"));
        };
        size = size.saturating_add(chunk.len());
        if size > DRAIN_MAX {
            return given_up(Problem::new(Code::PayloadTooLarge));
        }
        if size <= BODY_MAX {
            kept.extend_from_slice(&chunk);
        }
    }
    if size > BODY_MAX {
        kept.clear();
        parts.extensions.insert(TooLong);
    }
    // In a task of its own: a client that goes away must not cancel a handler in the middle of a transaction.
    let request = Request::from_parts(parts, Body::from(kept.freeze()));
    match tokio::spawn(next.run(request).in_current_span()).await {
        Ok(response) => response,
        Err(stopped) => match stopped.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_) => Problem::new(Code::ServiceUnavailable).into_response(),
        },
    }
}

fn given_up(problem: Problem) -> Response {
    let mut response = problem.into_response();
    response
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
