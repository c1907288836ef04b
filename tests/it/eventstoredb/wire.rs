//! The protocol by hand, so that what no client would send can be sent.

use super::PATIENCE;
use h2::{
    Reason, RecvStream, SendStream,
    client::{self, ResponseFuture, SendRequest},
};
use hyper::{HeaderMap, Request, body::Bytes};
use tokio::{net::TcpStream, time::timeout};

/// A connection, and the machine that speaks on it.
pub struct Wire {
    requests: SendRequest<Bytes>,
    key: String,
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
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let (requests, connection) = client::handshake(stream).await.unwrap();
        tokio::spawn(async move { connection.await.ok() });
        Self {
            requests,
            key: key.to_owned(),
        }
    }

    /// Begins a call of a method of `event_store.client`, `streams.Streams/Read`, and sends so much of it.
    pub async fn begin(&self, method: &str, bytes: Vec<u8>) -> Call {
        let request = Request::post(format!("http://localhost/event_store.client.{method}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("authorization", format!("Bearer {}", self.key))
            .body(())
            .unwrap();
        let mut requests = self.requests.clone().ready().await.unwrap();
        let (answer, mut sending) = requests.send_request(request, false).unwrap();
        sending.send_data(bytes.into(), false).unwrap();
        Call { answer, sending }
    }

    /// The whole of it; how it ended.
    pub async fn call(&self, method: &str, bytes: Vec<u8>) -> Ended {
        let mut call = self.begin(method, bytes).await;
        call.sending.send_data(Bytes::new(), true).ok(); // it may have been refused already
        call.ended().await
    }
}

impl Call {
    /// How it ends, whatever it answers before.
    pub async fn ended(self) -> Ended {
        let read = async {
            let (head, mut body) = self.answer.await.unwrap().into_parts();
            while taken(&mut body).await.is_some() {}
            let trailers = body.trailers().await.ok().flatten().unwrap_or_default();
            status(&head.headers).or_else(|| status(&trailers))
        };
        let ended = timeout(PATIENCE, read).await.expect("an end");
        ended.expect("a code")
    }

    /// The first message of the answer; then nobody listens any more.
    pub async fn glimpsed(self) -> Bytes {
        let first = async {
            let mut body = self.answer.await.unwrap().into_body();
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
    body.flow_control().release_capacity(bytes.len()).unwrap();
    Some(bytes)
}

fn status(headers: &HeaderMap) -> Option<Ended> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let code = text("grpc-status")?.parse().ok()?;
    Some((code, text("grpc-message").unwrap_or_default().to_owned()))
}

/// A message as it travels.
pub fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap();
    [&[0][..], &length.to_be_bytes(), message].concat()
}

/// A field of a message that holds bytes: text, or a message.
pub fn field(number: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![(number << 3) | 2];
    let mut left = value.len();
    while left > 127 {
        bytes.push((left as u8 & 127) | 128);
        left >>= 7;
    }
    bytes.push(left as u8);
    bytes.extend(value);
    bytes
}

/// A field that holds a small number.
pub fn number(number: u8, value: u8) -> Vec<u8> {
    vec![number << 3, value]
}
