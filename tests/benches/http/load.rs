//! Asks the same thing over and over, over so many connections that are kept: with as little of our own CPU as can be, for
//! it is taken from those who are measured.

use http_body_util::{BodyExt, Full};
use hyper::{
    Request,
    body::Bytes,
    client::conn::http1,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use prometric_tests::process::cpu;
use serde_json::Value;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

const WARM: Duration = Duration::from_secs(1);
const MEASURED: Duration = Duration::from_secs(4);

pub struct Load {
    address: String,
    method: &'static str,
    path: String,
    token: Option<String>,
    body: Bytes,
}

/// What one run came to.
pub struct Measured {
    pub per_second: f64,
    /// In milliseconds.
    pub p50: f64,
    /// Of the server's process, in milliseconds a request; not a number where the system does not tell.
    pub cpu: f64,
}

impl Load {
    pub fn new(url: &str, method: &'static str, path: &str, token: Option<&str>) -> Self {
        Self {
            address: url.trim_start_matches("http://").to_owned(),
            method,
            path: path.to_owned(),
            token: token.map(|token| format!("Bearer {token}")),
            body: Bytes::new(),
        }
    }

    pub fn with(self, body: &Value) -> Self {
        let body = body.to_string().into();
        Self { body, ..self }
    }

    pub async fn run(&self, connections: usize, pid: u32) -> Measured {
        self.ask(connections, WARM).await;
        let (began, before) = (Instant::now(), cpu(pid));
        let mut taken = self.ask(connections, MEASURED).await;
        let (seconds, cpu) = (began.elapsed().as_secs_f64(), cpu(pid) - before);
        taken.sort_by(f64::total_cmp);
        let requests = taken.len() as f64;
        Measured {
            per_second: requests / seconds,
            p50: taken[taken.len() / 2],
            cpu: cpu * 1_000.0 / requests,
        }
    }

    /// How long each request took, in milliseconds.
    async fn ask(&self, connections: usize, time: Duration) -> Vec<f64> {
        let until = Instant::now() + time;
        let asking = (0..connections).map(|_| self.ask_on_one(until));
        futures::future::join_all(asking).await.concat()
    }

    async fn ask_on_one(&self, until: Instant) -> Vec<f64> {
        let stream = TcpStream::connect(&self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut taken = vec![];
        while Instant::now() < until {
            sender.ready().await.unwrap();
            let began = Instant::now();
            let answer = sender.send_request(self.request()).await.unwrap();
            let status = answer.status();
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            taken.push(began.elapsed().as_secs_f64() * 1_000.0);
            assert!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&body));
        }
        taken
    }

    fn request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::builder()
            .method(self.method)
            .uri(&self.path)
            .header(HOST, &self.address)
            .header(CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token);
        }
        request.body(Full::new(self.body.clone())).unwrap()
    }
}
