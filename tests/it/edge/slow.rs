//! Clients that keep a server waiting, over a bare socket; and bodies that are too long.

use prometric_tests::{Server, eventually};
use reqwest::Method;
use serde_json::Value;
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

/// Longer than every time set here, and much shorter than those that are set when none is.
const SOON: Duration = Duration::from_secs(8);
const WHOLE: &str = "GET /api/v1/config HTTP/1.1\r\nHost: a\r\n\r\n";

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.url.trim_start_matches("http://"))
        .await
        .unwrap()
}

/// All that comes until the server closes, and how long that took.
async fn until_closed(socket: &mut TcpStream) -> (String, Duration) {
    let (began, mut said) = (Instant::now(), Vec::new());
    let read = timeout(SOON, socket.read_to_end(&mut said)).await;
    // A reset closes as well.
    let _: Result<usize, std::io::Error> = read.expect("the connection is still open");
    (String::from_utf8_lossy(&said).into_owned(), began.elapsed())
}

/// One answer, of a connection that stays open.
async fn answer(socket: &mut TcpStream) -> String {
    let (mut said, mut buffer) = (String::new(), [0; 4_096]);
    while !said.contains("\r\n\r\n") || !said.ends_with('}') {
        let read = timeout(SOON, socket.read(&mut buffer))
            .await
            .expect("an answer")
            .unwrap();
        assert_ne!(read, 0, "closed after {said}");
        said += &String::from_utf8_lossy(&buffer[..read]);
    }
    said
}

#[tokio::test]
async fn a_head_that_never_ends_ends_the_connection() {
    let server = Server::start_with(&[("HEADER_TIMEOUT", "1s")]).await;
    let mut silent = connect(&server).await;
    let mut dripping = connect(&server).await;
    let mut second = connect(&server).await;
    second.write_all(WHOLE.as_bytes()).await.unwrap();
    answer(&mut second).await;
    second.write_all(b"GET /api/v1/config HTTP/1.1\r\nX-A: ").await.unwrap();
    let began = Instant::now();
    dripping
        .write_all(b"GET /api/v1/config HTTP/1.1\r\nX-A: ")
        .await
        .unwrap();
    while dripping.write_all(b"a").await.is_ok() {
        assert!(began.elapsed() < SOON, "it may drip for ever");
        sleep(Duration::from_millis(50)).await;
    }
    for socket in [&mut silent, &mut second] {
        let (said, _) = until_closed(socket).await;
        assert_eq!(said, "");
    }
    assert!(began.elapsed() > Duration::from_millis(800), "it had its time");
}

#[tokio::test]
async fn a_body_that_never_ends_is_refused() {
    let server = Server::start_with(&[("BODY_TIMEOUT", "1s")]).await;
    let mut socket = connect(&server).await;
    let head = "POST /api/v1/customers HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{\"name\":";
    socket.write_all(head.as_bytes()).await.unwrap();
    let (said, took) = until_closed(&mut socket).await;
    assert!(
        said.starts_with("HTTP/1.1 408 ") && said.contains("\"code\":\"REQUEST_TIMEOUT\""),
        "{said}"
    );
    assert!(said.to_lowercase().contains("connection: close"), "{said}");
    assert!(took > Duration::from_millis(800), "{took:?}");
}

#[tokio::test]
async fn a_connection_that_is_silent_is_not_kept_and_one_that_works_is() {
    let server = Server::start_with(&[("IDLE_TIMEOUT", "2s"), ("HEADER_TIMEOUT", "1s")]).await;
    let mut socket = connect(&server).await;
    for _ in 0..4 {
        socket.write_all(WHOLE.as_bytes()).await.unwrap();
        assert!(answer(&mut socket).await.starts_with("HTTP/1.1 200 "));
        sleep(Duration::from_millis(1_300)).await; // silence, longer than a head may take, shorter than it may last
    }
    let (said, _) = until_closed(&mut socket).await;
    assert_eq!(said, "");
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_the_server_so_many_in_all() {
    // Only a limit ends a connection here.
    let long = [("HEADER_TIMEOUT", "1h"), ("IDLE_TIMEOUT", "1h")];
    let server = Server::start_with(&[&long[..], &[("CONNECTIONS_PER_ADDRESS", "3")]].concat()).await;
    let speak = async |socket: &mut TcpStream| {
        socket.write_all(WHOLE.as_bytes()).await.unwrap();
        answer(socket).await
    };
    let mut inside = Vec::new();
    while inside.len() < 3 {
        // The harness's own question whether the server is up may still be there.
        let mut socket = connect(&server).await;
        socket.write_all(WHOLE.as_bytes()).await.ok();
        if socket.read(&mut [0; 4_096]).await.is_ok_and(|read| read > 0) {
            inside.push(socket);
        }
    }
    let (said, _) = until_closed(&mut connect(&server).await).await;
    assert_eq!(said, "");
    inside.pop();
    eventually("there is room again", async || {
        let mut socket = connect(&server).await;
        socket.write_all(WHOLE.as_bytes()).await.ok()?;
        (socket.read(&mut [0; 4_096]).await.ok()? > 0).then_some(())
    })
    .await;

    let server = Server::start_with(&[("CONNECTIONS_MAX", "2"), ("IDLE_TIMEOUT", "3s")]).await;
    let (mut first, mut second) = (connect(&server).await, connect(&server).await);
    speak(&mut first).await;
    let mut third = connect(&server).await;
    third.write_all(WHOLE.as_bytes()).await.unwrap();
    second.write_all(WHOLE.as_bytes()).await.unwrap();
    answer(&mut second).await;
    assert!(
        timeout(Duration::from_millis(300), third.read(&mut [0; 1]))
            .await
            .is_err(),
        "it waits"
    );
    drop(first);
    assert!(answer(&mut third).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_body_is_as_long_as_who_sends_it_may_need() {
    let server = Server::start_with(&[]).await;
    let (owner, stranger) = (server.owner().await, server.anonymous());
    let of = |size: usize| Some(format!("{{\"a\":\"{}\"}}", "a".repeat(size)));
    let post = async |client: &prometric_tests::Client, path: &str, size: usize| {
        client.send(Method::POST, path, of(size), &[]).await
    };
    for path in [
        "/auth/login",
        "/auth/register",
        "/auth/check-email",
        "/users/register-owner",
    ] {
        post(&stranger, path, 17 << 10).await.refused(413, "PAYLOAD_TOO_LARGE");
        assert_eq!(
            post(&stranger, path, 15 << 10).await.status,
            400,
            "{path}: short enough, and wrong"
        );
    }
    post(&owner, "/auth/login", 17 << 10)
        .await
        .refused(413, "PAYLOAD_TOO_LARGE");
    post(&stranger, "/customers", 17 << 10)
        .await
        .refused(401, "AUTH_UNAUTHORIZED");
    assert_eq!(post(&owner, "/customers", 1 << 19).await.status, 400);
    post(&owner, "/customers", 1 << 20)
        .await
        .refused(413, "PAYLOAD_TOO_LARGE");
    let told: Value = owner.get("/customers").await.expect(200);
    assert_eq!(told["total"], 0);
}
