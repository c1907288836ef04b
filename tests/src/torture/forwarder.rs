//! The address that nodes know, and another that the standby knows: a forwarder to whichever server is the primary
//! now, or to nobody. It can cut connections, all of them, or a committer's just before an answer gets through: then a
//! commit has happened, and nobody was told.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU16, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

/// What a committer's connection is called in its first message.
const COMMITTER: &[u8] = b"prometric-committer";

pub struct Forwarder {
    pub port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    target: AtomicU16,
    /// Answers to committers that still get through; below zero, all do.
    answers_left: AtomicI64,
    /// Replaced at each cut; its connections wait for their sender to go.
    life: Mutex<watch::Sender<()>>,
}

impl Forwarder {
    /// Listens on a port of its own.
    pub async fn start(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("a port").port();
        let shared = Arc::new(Shared {
            target: target.into(),
            answers_left: (-1).into(),
            life: Mutex::new(watch::Sender::new(())),
        });
        tokio::spawn(accept(listener, Arc::downgrade(&shared)));
        Self { port, shared }
    }

    /// From now on to that server; connections to the one before are cut.
    pub fn point_to(&self, port: u16) {
        self.shared.target.store(port, Ordering::SeqCst);
        self.cut();
    }

    /// Connections are cut, and new ones refused.
    pub fn point_nowhere(&self) {
        self.point_to(0); // where nobody can listen
    }

    pub fn cut(&self) {
        *lock(&self.shared.life) = watch::Sender::new(());
    }

    /// After so many more answers to committers, the next one is lost, and its connection with it.
    pub fn lose_answer(&self, after: i64) {
        self.shared.answers_left.store(after, Ordering::SeqCst);
    }

    pub fn lost_answer(&self) -> bool {
        self.shared.answers_left.load(Ordering::SeqCst) < 0
    }
}

async fn accept(listener: TcpListener, shared: std::sync::Weak<Shared>) {
    while let (Ok((client, _)), Some(shared)) = (listener.accept().await, shared.upgrade()) {
        tokio::spawn(async move { carry(client, shared).await.ok() });
    }
}

async fn carry(client: TcpStream, shared: Arc<Shared>) -> std::io::Result<()> {
    let mut alive = lock(&shared.life).subscribe();
    let target = SocketAddr::from(([127, 0, 0, 1], shared.target.load(Ordering::SeqCst)));
    let server = TcpStream::connect(target).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    let mut first = vec![0; 4096];
    let length = from_client.read(&mut first).await?;
    to_server.write_all(&first[..length]).await?;
    let committer = first[..length].windows(COMMITTER.len()).any(|name| name == COMMITTER);
    tokio::select! {
        up = tokio::io::copy(&mut from_client, &mut to_server) => up.map(drop),
        down = answer(from_server, to_client, committer, &shared) => down,
        _ = alive.changed() => Ok(()), // its sender is gone
    }
}

async fn answer(
    mut from_server: OwnedReadHalf,
    mut to_client: OwnedWriteHalf,
    committer: bool,
    shared: &Shared,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = from_server.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        if committer && shared.answers_left.load(Ordering::SeqCst) >= 0 {
            let left = shared.answers_left.fetch_sub(1, Ordering::SeqCst);
            if left == 0 {
                return Ok(());
            }
        }
        to_client.write_all(&buffer[..length]).await?;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
