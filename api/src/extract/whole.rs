//! Reads every request's body to its end before anything answers. A server that answers early and closes leaves its
//! client with a broken pipe instead of the refusal, and breaks the next request on the same connection. But not for ever,
//! and nothing that is too long is kept: a body has a time and a size, and all bodies together have room for so many.

use crate::{
    edge::turns::Held,
    problem::{Code, Problem},
    state::App,
};
use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use bytes::BytesMut;
use futures::StreamExt;
use std::{panic::resume_unwind, sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tracing::Instrument;

/// The most bytes a body may have.
const BODY_MAX: usize = 1 << 20;
/// The same for signing in, and for whoever shows no token: nothing they have to say is longer.
const STRANGERS_BODY_MAX: usize = 16 << 10;
/// The same for a file: whose rows are to become things, or a picture.
const FILE_MAX: usize = 12 << 20;
/// In KB, what is kept of all bodies that are longer than a stranger's may be.
pub const BODIES_MAX: usize = 64 << 10;
/// Beyond this the connection is given up instead: nobody's mistake is that long.
const DRAIN_MAX: usize = 16 << 20;

/// Marks a request whose body was too long to keep; told by whoever wants the body, after rights were checked.
#[derive(Debug, Clone, Copy)]
pub struct TooLong;

pub async fn whole(State(app): State<App>, request: Request, next: Next) -> Response {
    let max = longest(&request);
    let (mut parts, body) = request.into_parts();
    let read = timeout(app.config.edge.body_timeout, Read::of(body, max, &app.bodies)).await;
    let read = match read.unwrap_or_else(|_| Err(Problem::new(Code::RequestTimeout))) {
        Ok(read) => read,
        Err(problem) => return given_up(problem),
    };
    let Read { kept, room, end } = read;
    match end {
        End::Kept => {}
        End::TooLong => _ = parts.extensions.insert(TooLong),
        End::NoRoom => {
            return Problem::new(Code::ServiceUnavailable)
                .because("store.busy")
                .into_response();
        }
    }
    let held = Held::default();
    parts.extensions.insert(held.clone());
    // In a task of its own: a client that goes away must not cancel a handler in the middle of a transaction, nor end its
    // workspace's turn while the database is still at work for it.
    let request = Request::from_parts(parts, Body::from(kept.freeze()));
    let handled = async move {
        let response = next.run(request).await;
        drop((room, held));
        response
    };
    match tokio::spawn(handled.in_current_span()).await {
        Ok(response) => response,
        Err(stopped) => match stopped.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_) => Problem::new(Code::ServiceUnavailable).into_response(),
        },
    }
}

/// Reads the body of a request that is refused already, and keeps nothing of it.
pub async fn drain(request: Request, patience: Duration) {
    let nowhere = Arc::new(Semaphore::new(0));
    timeout(patience, Read::of(request.into_body(), 0, &nowhere)).await.ok();
}

fn longest(request: &Request) -> usize {
    let path = request.uri().path();
    if path.contains("/auth/") || !request.headers().contains_key(header::AUTHORIZATION) {
        STRANGERS_BODY_MAX
    } else if request.method() == Method::POST && takes_file(path.trim_end_matches('/')) {
        FILE_MAX
    } else {
        BODY_MAX
    }
}

fn takes_file(path: &str) -> bool {
    path.ends_with("/imports") || path.contains("/products/") && path.ends_with("/images")
}

/// A body that has been read.
struct Read {
    kept: BytesMut,
    /// Of all bodies' room, what this one takes.
    room: Option<OwnedSemaphorePermit>,
    end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Kept,
    TooLong,
    NoRoom,
}

impl Read {
    async fn of(body: Body, max: usize, bodies: &Arc<Semaphore>) -> Result<Self, Problem> {
        let (mut stream, mut size) = (body.into_data_stream(), 0_usize);
        let mut read = Self {
            kept: BytesMut::new(),
            room: None,
            end: End::Kept,
        };
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|_| Problem::new(Code::ValidationFailed).because("body.unreadable"))?;
            size = size.saturating_add(chunk.len());
            if size > DRAIN_MAX {
                return Err(Problem::new(Code::PayloadTooLarge));
            }
            if size > max {
                read.keep_nothing(End::TooLong);
            } else if read.end == End::Kept && !read.make_room(size, bodies) {
                read.keep_nothing(End::NoRoom);
            }
            if read.end == End::Kept {
                read.kept.extend_from_slice(&chunk);
            }
        }
        Ok(read)
    }

    /// Whether there is room for so many bytes. Nobody waits for it: two who wait for each other would do so for ever.
    fn make_room(&mut self, size: usize, bodies: &Arc<Semaphore>) -> bool {
        let had = self.room.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let wanted = size.saturating_sub(STRANGERS_BODY_MAX).div_ceil(1 << 10);
        let more = u32::try_from(wanted.saturating_sub(had)).unwrap_or(u32::MAX);
        let Ok(more) = bodies.clone().try_acquire_many_owned(more) else {
            return false;
        };
        match &mut self.room {
            Some(room) => room.merge(more),
            None => self.room = Some(more),
        }
        true
    }

    fn keep_nothing(&mut self, end: End) {
        (self.kept, self.room, self.end) = (BytesMut::new(), None, end);
    }
}

fn given_up(problem: Problem) -> Response {
    let mut response = problem.into_response();
    response
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(pieces: &[usize], max: usize, bodies: &Arc<Semaphore>) -> Read {
        let pieces: Vec<Result<Vec<u8>, std::io::Error>> = pieces.iter().map(|size| Ok(vec![b' '; *size])).collect();
        let body = Body::from_stream(futures::stream::iter(pieces));
        Read::of(body, max, bodies).await.unwrap()
    }

    #[tokio::test]
    async fn large_bodies_share_room_and_small_ones_need_none() {
        let bodies = Arc::new(Semaphore::new(100));
        let large = read(&[16 << 10, 60 << 10, 20 << 10], BODY_MAX, &bodies).await;
        assert_eq!(
            (large.end, large.kept.len(), bodies.available_permits()),
            (End::Kept, 96 << 10, 20)
        );
        let second = read(&[16 << 10, 60 << 10, 1], BODY_MAX, &bodies).await;
        assert_eq!(
            (second.end, second.kept.len(), bodies.available_permits()),
            (End::NoRoom, 0, 20)
        );
        let small = read(&[8 << 10, 8 << 10], BODY_MAX, &bodies).await;
        assert_eq!(
            (small.end, small.kept.len(), bodies.available_permits()),
            (End::Kept, 16 << 10, 20)
        );
        drop(large);
        assert_eq!(bodies.available_permits(), 100);
    }

    #[tokio::test]
    async fn what_is_too_long_is_read_and_not_kept() {
        let bodies = Arc::new(Semaphore::new(100));
        let long = read(&[10, 10, 10], 29, &bodies).await;
        assert_eq!((long.end, long.kept.len()), (End::TooLong, 0));
    }
}
