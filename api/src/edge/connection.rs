//! Accepting connections, so many at once and from one address, and ending those that keep us waiting: with a
//! request's head, in silence between requests, or by taking nothing of an answer. Bodies have a time of their own
//! (`extract::whole`), because there an answer can still be given.

use super::{
    address::{canonical, is_trusted},
    settings::Edge,
};
use crate::state::App;
use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{Instant, Sleep, sleep},
};
use tower::ServiceExt;

/// A request's head, and what is read of a connection at a time.
const HEAD_MAX: usize = 64 << 10;
/// When the system has no descriptor left, an attempt at once would fail again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Serves until told to end; then open requests are finished and no connection is kept.
pub async fn serve(listener: TcpListener, app: App, router: Router, ending: impl Future<Output = ()>) {
    let settings = &app.config.edge;
    let (room, doors) = (
        Arc::new(Semaphore::new(settings.connections_max as usize)),
        Arc::new(Doors::default()),
    );
    let (graceful, mut ending) = (GracefulShutdown::new(), pin!(ending));
    loop {
        let accepted = async {
            // Those for whom there is no room wait in the system's queue.
            let place = room.clone().acquire_owned().await.ok();
            (place, accept(&listener).await)
        };
        let (place, (stream, peer)) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut ending => break,
        };
        let Some(seat) = doors.enter(settings, peer.ip()) else {
            continue; // closed
        };
        stream.set_nodelay(true).ok();
        let phase = Arc::new(Phase::default());
        let (router, busy) = (router.clone(), phase.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            busy.set(Phase::BUSY);
            let (router, busy) = (router.clone(), busy.clone());
            async move {
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(ConnectInfo(peer));
                let answered = router.oneshot(request).await;
                busy.set(Phase::IDLE);
                answered
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(settings.idle_timeout)
            .max_buf_size(HEAD_MAX)
            .serve_connection(TokioIo::new(Patient::new(stream, phase, settings)), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended");
            }
            drop((place, seat));
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_the_peers(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn is_the_peers(error: &io::Error) -> bool {
    use io::ErrorKind as K;
    matches!(
        error.kind(),
        K::ConnectionRefused | K::ConnectionAborted | K::ConnectionReset
    )
}

/// How many connections each address has.
#[derive(Default)]
struct Doors(Mutex<HashMap<IpAddr, u32>>);

/// One connection of an address; free when dropped.
struct Seat(Arc<Doors>, Option<IpAddr>);

impl Doors {
    fn enter(self: &Arc<Self>, settings: &Edge, address: IpAddr) -> Option<Seat> {
        if is_trusted(settings, address) {
            return Some(Seat(self.clone(), None));
        }
        let address = canonical(address);
        let mut doors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let inside = doors.entry(address).or_default();
        if *inside >= settings.connections_per_address {
            return None;
        }
        *inside += 1;
        Some(Seat(self.clone(), Some(address)))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some(address) = self.1 else { return };
        let mut doors = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(inside) = doors.get_mut(&address) {
            *inside -= 1;
            if *inside == 0 {
                doors.remove(&address);
            }
        }
    }
}

/// What a connection is at.
#[derive(Default)]
struct Phase(AtomicU8);

impl Phase {
    /// The head of a request is awaited, from the first byte or the accept on.
    const HEAD: u8 = 0;
    /// A request is read, handled or answered.
    const BUSY: u8 = 1;
    /// Between two requests.
    const IDLE: u8 = 2;

    fn set(&self, phase: u8) {
        self.0.store(phase, Ordering::Relaxed);
    }

    fn is(&self, phase: u8) -> bool {
        self.0.load(Ordering::Relaxed) == phase
    }
}

/// A stream that fails when its peer keeps us waiting.
struct Patient {
    stream: TcpStream,
    phase: Arc<Phase>,
    header_timeout: Duration,
    stall_timeout: Duration,
    head_until: Pin<Box<Sleep>>,
    /// Set while nothing more can be sent.
    stalled_until: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    fn new(stream: TcpStream, phase: Arc<Phase>, settings: &Edge) -> Self {
        Self {
            stream,
            phase,
            header_timeout: settings.header_timeout,
            stall_timeout: settings.idle_timeout,
            head_until: Box::pin(sleep(settings.header_timeout)),
            stalled_until: None,
        }
    }

    /// What came of a write, unless it has been waiting for too long.
    fn unless_stalled<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled_until = None;
            return written;
        }
        let timeout = self.stall_timeout;
        let until = self.stalled_until.get_or_insert_with(|| Box::pin(sleep(timeout)));
        until.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Patient {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let filled = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if self.phase.is(Phase::IDLE) && buffer.filled().len() > filled {
            self.phase.set(Phase::HEAD);
            let until = Instant::now() + self.header_timeout;
            self.head_until.as_mut().reset(until);
        }
        if self.phase.is(Phase::HEAD) && self.head_until.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl AsyncWrite for Patient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.unless_stalled(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.unless_stalled(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
