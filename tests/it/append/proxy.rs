//! A wire between the committers and PostgreSQL that can be cut: on the way there the request is lost, on the way back
//! the answer to a commit that has happened.

use log::Log;
use prometric_tests::Database;
use sqlx::postgres::PgConnectOptions;
use std::sync::{Arc, Mutex};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    select,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    There,
    Back,
}

impl Way {
    /// How a call's message begins: bind, or that it was bound. Statements made ready and pings begin otherwise.
    fn call(self) -> u8 {
        match self {
            Self::There => b'B',
            Self::Back => b'2',
        }
    }
}

/// Which way the next call is lost, and its connection with it.
#[derive(Clone, Default)]
pub struct Wire(Arc<Mutex<Option<Way>>>);

impl Wire {
    /// A node whose committers are behind such a wire.
    pub async fn node(database: &Database) -> (Log, Self) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let options: PgConnectOptions = database.url.parse().unwrap();
        let (wire, server) = (Self::default(), (options.get_host().to_owned(), options.get_port()));
        tokio::spawn({
            let wire = wire.clone();
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    let server = TcpStream::connect(server.clone()).await.unwrap();
                    tokio::spawn(wire.clone().carry(client, server));
                }
            }
        });
        let log = Log::open(options.host("127.0.0.1").port(port), database.pool().await).await;
        (log.unwrap(), wire)
    }

    /// Loses the next call, or its answer.
    pub fn cut(&self, way: Way) {
        *self.0.lock().unwrap() = Some(way);
    }

    /// Whether the loss is still to come.
    pub fn is_armed(&self) -> bool {
        self.0.lock().unwrap().is_some()
    }

    /// Both ends hear the connection close when this ends.
    async fn carry(self, mut client: TcpStream, mut server: TcpStream) {
        let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
        loop {
            let (way, read) = select! {
                read = client.read(&mut asked) => (Way::There, read),
                read = server.read(&mut answered) => (Way::Back, read),
            };
            let Ok(length @ 1..) = read else {
                return;
            };
            let piece = if way == Way::There {
                &asked[..length]
            } else {
                &answered[..length]
            };
            let lost = self
                .0
                .lock()
                .unwrap()
                .take_if(|lost| *lost == way && piece[0] == way.call());
            let lost = lost.is_some();
            let to = if way == Way::There { &mut server } else { &mut client };
            if lost || to.write_all(piece).await.is_err() {
                return;
            }
        }
    }
}
