//! Connections to a witness through TLS. They begin beside each other: who says nothing holds up nobody else.

use axum::serve::Listener;
use rustls::ServerConfig;
use std::{future::pending, io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// How long a connection may take to begin.
const BEGIN_WITHIN: Duration = Duration::from_secs(10);
/// Beginning at once; further ones wait.
const BEGINNING_MAX: usize = 256;

type Begun = (TlsStream<TcpStream>, SocketAddr);

pub struct Door {
    address: SocketAddr,
    begun: mpsc::Receiver<Begun>,
    letting_in: JoinHandle<()>,
}

impl Door {
    pub fn open(listener: TcpListener, shown: ServerConfig) -> io::Result<Self> {
        let (tell, begun) = mpsc::channel(1);
        Ok(Self {
            address: listener.local_addr()?,
            begun,
            letting_in: tokio::spawn(let_in(listener, TlsAcceptor::from(Arc::new(shown)), tell)),
        })
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.letting_in.abort();
    }
}

impl Listener for Door {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> Begun {
        match self.begun.recv().await {
            Some(begun) => begun,
            None => pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

async fn let_in(mut listener: TcpListener, acceptor: TlsAcceptor, tell: mpsc::Sender<Begun>) {
    let room = Arc::new(Semaphore::new(BEGINNING_MAX));
    while let Ok(place) = room.clone().acquire_owned().await {
        let (stream, from) = Listener::accept(&mut listener).await;
        let (beginning, tell) = (acceptor.accept(stream), tell.clone());
        tokio::spawn(async move {
            match timeout(BEGIN_WITHIN, beginning).await {
                Ok(Ok(stream)) => tell.send((stream, from)).await.unwrap_or_default(),
                Ok(Err(error)) => tracing::debug!(%from, %error, "a connection did not begin"),
                Err(_) => tracing::debug!(%from, "a connection did not begin in time"),
            }
            drop(place);
        });
    }
}
