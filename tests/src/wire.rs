//! The protocol of EventStoreDB by hand: what no client would send can be sent, and what is measured is the server alone.

use crate::PATIENCE;
use bytes::{Bytes, BytesMut};
use h2::{
    Reason, RecvStream, SendStream,
    client::{Builder, ResponseFuture, SendRequest},
};
use hyper::{HeaderMap, Request};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};

/// What the server may send before it is taken: of one answer, and of all.
const WINDOW: u32 = 1 << 20;
const WINDOWS: u32 = 4 << 20;

/// A connection, and the machine that speaks on it.
pub struct Wire {
    requests: SendRequest<Bytes>,
    key: Option<String>,
}

/// A call under way.
pub struct Call {
    answer: ResponseFuture,
    pub sending: SendStream<Bytes>,
}

/// How a call ended: a code of gRPC and what is said with it.
pub type Ended = (i32, String);

impl Wire {
    pub async fn open(port: u16, key: &str) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("the port");
        stream.set_nodelay(true).ok();
        Self::over(stream, Some(key)).await
    }

    /// Over any connection; without a key nothing is said of who calls.
    pub async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, key: Option<&str>) -> Self {
        let mut connection = Builder::new();
        connection
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOWS);
        let (requests, connection) = connection.handshake(stream).await.expect("HTTP/2");
        tokio::spawn(async move { connection.await.ok() });
        Self {
            requests,
            key: key.map(str::to_owned),
        }
    }

    /// Begins a call of a method of `event_store.client`, `streams.Streams/Read`, and sends so much of it.
    pub async fn begin(&self, method: &str, bytes: Vec<u8>) -> Call {
        let mut request = Request::post(format!("http://localhost/event_store.client.{method}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let request = request.body(()).expect("a request");
        let mut requests = self.requests.clone().ready().await.expect("a connection");
        let (answer, mut sending) = requests.send_request(request, false).expect("a stream");
        sending.send_data(bytes.into(), false).ok(); // who is no guest is refused before
        Call { answer, sending }
    }

    /// The whole of it; how it ended.
    pub async fn call(&self, method: &str, bytes: Vec<u8>) -> Ended {
        let mut call = self.begin(method, bytes).await;
        call.sending.send_data(Bytes::new(), true).ok(); // it may have been refused already
        call.ended().await
    }

    /// The whole of it; what it answers.
    pub async fn ask(&self, method: &str, bytes: Vec<u8>) -> Messages {
        let mut call = self.begin(method, bytes).await;
        call.sending.send_data(Bytes::new(), true).expect("a stream");
        Messages {
            body: call.answer.await.expect("an answer").into_body(),
            come: BytesMut::new(),
        }
    }
}

/// An answer of any length.
pub struct Messages {
    body: RecvStream,
    come: BytesMut,
}

impl Messages {
    /// The next one; nothing, at the end.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            let length = self
                .come
                .get(1..5)
                .map(|length| length.iter().fold(0, |sum, byte| (sum << 8) | usize::from(*byte)));
            match length {
                Some(length) if self.come.len() >= 5 + length => {
                    return Some(self.come.split_to(5 + length).freeze().slice(5..));
                }
                _ => self.come.extend_from_slice(&taken(&mut self.body).await?),
            }
        }
    }
}

impl Call {
    /// How it ends, whatever it answers before.
    pub async fn ended(self) -> Ended {
        let read = async {
            let (head, mut body) = self.answer.await.expect("an answer").into_parts();
            while taken(&mut body).await.is_some() {}
            let trailers = body.trailers().await.ok().flatten().unwrap_or_default();
            status(&head.headers).or_else(|| status(&trailers))
        };
        let ended = timeout(PATIENCE, read).await.expect("an end");
        ended.expect("a code")
    }

    /// The first message of the answer; then nobody listens any more.
    pub async fn glimpsed(mut self) -> Bytes {
        self.sending.send_data(Bytes::new(), true).ok(); // it may have been refused already
        let first = async {
            let mut body = self.answer.await.expect("an answer").into_body();
            taken(&mut body).await.expect("a message")
        };
        timeout(PATIENCE, first).await.expect("an answer")
    }

    /// Breaks off as a client does that waits no longer.
    pub fn cancel(mut self) {
        self.sending.send_reset(Reason::CANCEL);
    }
}

async fn taken(body: &mut RecvStream) -> Option<Bytes> {
    let bytes = body.data().await?.ok()?;
    body.flow_control().release_capacity(bytes.len()).ok();
    Some(bytes)
}

fn status(headers: &HeaderMap) -> Option<Ended> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let code = text("grpc-status")?.parse().ok()?;
    Some((code, text("grpc-message").unwrap_or_default().to_owned()))
}

/// A message as it travels.
pub fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a message of 4 GB at most");
    [&[0][..], &length.to_be_bytes(), message].concat()
}

/// A field of a message that holds bytes: text, or a message.
pub fn field(number: u8, value: &[u8]) -> Vec<u8> {
    let (tag, length) = ([(number << 3) | 2], varint(value.len() as u64));
    [&tag[..], &length, value].concat()
}

/// A field that holds a number.
pub fn number(number: u8, value: u64) -> Vec<u8> {
    let (tag, value) = ([number << 3], varint(value));
    [&tag[..], &value].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 127 {
        bytes.push((value as u8 & 127) | 128);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}
