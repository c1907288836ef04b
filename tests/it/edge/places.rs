//! What stands beside the API: the first page, health, metrics.

use super::{ask, header, refusal};
use prometric_tests::{Server, routes};
use serde_json::Value;

#[tokio::test]
async fn the_root_says_what_is_here_and_leads_to_the_docs() {
    let server = Server::start_with(&[]).await;
    let page = ask(&server, "GET", "/")
        .header("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
        .send()
        .await
        .unwrap();
    assert!(header(&page, "content-type").starts_with("text/html"));
    assert!(!header(&page, "content-security-policy").is_empty());
    let text = page.text().await.unwrap();
    let link = text
        .split("href=\"")
        .filter_map(|rest| rest.split('"').next())
        .find(|link| link.starts_with("/docs"))
        .unwrap();
    let docs = ask(&server, "GET", link).send().await.unwrap();
    assert_eq!(docs.status(), 200, "{link}");
    let data: Value = ask(&server, "GET", "/")
        .header("Accept", "application/json")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    for named in ["docs", "openapi", "health"] {
        let path = data["data"][named].as_str().unwrap();
        assert_eq!(ask(&server, "GET", path).send().await.unwrap().status(), 200, "{path}");
    }
    // What an event on NATS names.
    let schema = ask(&server, "GET", "/schemas/deal.won.v1.json").send().await.unwrap();
    assert_eq!(header(&schema, "content-type"), "application/schema+json");
    assert_eq!(schema.json::<Value>().await.unwrap()["title"], "deal.won");
    for other in ["deal.won.v0.json", "..%2FCargo.toml"] {
        let path = format!("/schemas/{other}");
        assert_eq!(ask(&server, "GET", &path).send().await.unwrap().status(), 404, "{path}");
    }
}

#[tokio::test]
async fn nothing_is_taken_for_what_it_does_not_say_it_is() {
    let server = Server::start_with(&[]).await;
    let own = ["/", "/docs/", "/openapi.json", "/metrics", "/nowhere", "/api/v2/deals"].map(str::to_owned);
    let documented = routes(&server)
        .await
        .into_iter()
        .map(|route| format!("/api/v1{}", route.path_of("1", "1")));
    for path in own.into_iter().chain(documented) {
        for method in ["GET", "POST", "OPTIONS"] {
            let answer = ask(&server, method, &path).send().await.unwrap();
            assert_eq!(header(&answer, "x-content-type-options"), "nosniff", "{method} {path}");
            assert!(!header(&answer, "x-request-id").is_empty(), "{method} {path}");
            assert!(!header(&answer, "cache-control").is_empty(), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn health_names_every_service_of_the_documents() {
    let server = Server::start_with(&[]).await;
    for path in ["/health", "/api/v1/health", "/api/health"] {
        let told: Value = ask(&server, "GET", path).send().await.unwrap().json().await.unwrap();
        let services = &told["data"]["services"];
        assert_eq!(services["database"], "connected", "{path}");
        for absent in ["redis", "elasticsearch", "ai"] {
            assert_eq!(services[absent], "not used", "{path} {absent}");
        }
    }
}

#[tokio::test]
async fn metrics_are_read_on_the_machine_itself_or_with_a_token() {
    let server = Server::start_with(&[]).await;
    let metrics = async |server: &Server, headers: &[(&str, &str)]| {
        let ask = ask(server, "GET", "/metrics");
        headers
            .iter()
            .fold(ask, |ask, (name, value)| ask.header(*name, *value))
            .send()
            .await
            .unwrap()
    };
    assert_eq!(metrics(&server, &[]).await.status(), 200);
    for proxied in [("X-Forwarded-For", "127.0.0.1"), ("Forwarded", "for=127.0.0.1")] {
        assert_eq!(
            refusal(metrics(&server, &[proxied]).await).await,
            (403, "AUTH_FORBIDDEN".to_owned()),
            "{proxied:?}"
        );
    }
    let guarded = server.another_with(&[("METRICS_TOKEN", "a long one")]).await;
    for wrong in [
        &[][..],
        &[("Authorization", "Bearer a long")],
        &[("Authorization", "a long one")],
    ] {
        assert_eq!(
            refusal(metrics(&guarded, wrong).await).await,
            (401, "AUTH_UNAUTHORIZED".to_owned()),
            "{wrong:?}"
        );
    }
    let read = metrics(
        &guarded,
        &[("Authorization", "Bearer a long one"), ("X-Forwarded-For", "9.9.9.9")],
    )
    .await;
    assert_eq!(read.status(), 200);
    assert!(read.text().await.unwrap().contains("prometric_uptime_seconds"));
}
