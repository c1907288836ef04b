//! The edge over HTTP: what every route has in common, whatever it is about.

mod headers;
mod keys;
mod limits;
mod places;
mod slow;

use prometric_tests::Server;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;

/// To any path of a server, not only below `/api/v1`.
fn ask(server: &Server, method: &str, path: &str) -> RequestBuilder {
    let method: Method = method.parse().unwrap();
    reqwest::Client::new().request(method, format!("{}{path}", server.url))
}

/// A refusal's status and code; it must be in the envelope.
async fn refusal(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let body: Value = response.json().await.expect("an envelope");
    assert_eq!(body["success"], false, "{body}");
    assert!(
        body["error"]["message"].is_string() && body["error"]["timestamp"].is_string(),
        "{body}"
    );
    (status, body["error"]["code"].as_str().unwrap().to_owned())
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    let value = response.headers().get(name);
    value.map_or("", |value| value.to_str().unwrap())
}
