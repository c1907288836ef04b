//! Conditions, methods, other sites, versions: the headers' contract.

use super::{ask, header, refusal};
use prometric_tests::{Client, Server, routes, story::id};
use reqwest::Method;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

async fn customer(owner: &Client) -> String {
    format!(
        "/customers/{}",
        id(&owner.post("/customers", json!({"name": "Один"})).await.expect(201))
    )
}

#[tokio::test]
async fn if_match_is_a_list_of_which_one_has_to_match() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let path = customer(&owner).await;
    let mut version = 1_i64;
    let current = "{current}";
    let cases: [(&[&str], u16); 11] = [
        (&["\"999\", {current}"], 200),
        (&["\"999\"", "{current}"], 200),
        (&["{current},\"999\" , \"abc\""], 200),
        (&["W/\"999\", {current}"], 200),
        (&["*"], 200),
        (&["\"999\""], 412),
        (&["\"999\", \"998\""], 412),
        (&["W/{current}"], 412),
        (&["\"abc\""], 412),
        (&["999, 998"], 400),
        (&["\"999\", {current"], 400),
    ];
    for (n, (lines, status)) in cases.into_iter().enumerate() {
        let lines: Vec<String> = lines
            .iter()
            .map(|line| line.replace(current, &format!("\"{version}\"")))
            .collect();
        let headers: Vec<(&str, &str)> = lines.iter().map(|line| ("If-Match", line.as_str())).collect();
        let body = json!({"segment": n.to_string()}).to_string();
        let answer = owner.send(Method::PUT, &path, Some(body), &headers).await;
        match status {
            200 => {
                version += 1;
                assert_eq!(
                    (answer.status, answer.header("etag")),
                    (200, &*format!("\"{version}\"")),
                    "{lines:?}"
                );
            }
            412 => assert_eq!(
                answer.refused(412, "VERSION_CONFLICT")["actualVersion"],
                json!(version),
                "{lines:?}"
            ),
            _ => assert!(
                answer.refused(400, "VALIDATION_FAILED")["fields"]["If-Match"].is_string(),
                "{lines:?}"
            ),
        }
    }
}

#[tokio::test]
async fn of_those_who_saw_either_of_two_versions_one_is_served() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let path = customer(&owner).await;
    let race = (0..6_u32).map(|n| {
        let (owner, path) = (owner.clone(), path.clone());
        async move {
            let body = json!({"segment": format!("нов{n}")}).to_string();
            let seen = [("If-Match", "\"1\", \"2\", \"3\"")];
            owner.send(Method::PUT, &path, Some(body), &seen).await.status
        }
    });
    let mut statuses = futures::future::join_all(race).await;
    statuses.sort_unstable();
    assert_eq!(
        statuses,
        [200, 200, 200, 412, 412, 412],
        "one after the other, until none of them is left"
    );
}

#[tokio::test]
async fn who_has_seen_the_newest_gets_nothing_again() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let path = customer(&owner).await;
    let look = async |tag: &str| owner.send(Method::GET, &path, None, &[("If-None-Match", tag)]).await;
    let seen = owner.get(&path).await;
    let tag = seen.header("etag").to_owned();
    for same in [
        tag.clone(),
        format!("W/{tag}"),
        format!("\"999\", {tag}"),
        "*".to_owned(),
    ] {
        let answer = look(&same).await;
        assert_eq!((answer.status, answer.header("etag")), (304, &*tag), "{same}");
        assert_eq!(answer.body, "", "{same}");
    }
    assert_eq!(look("\"999\"").await.status, 200);
    look("\"1").await.refused(400, "VALIDATION_FAILED");

    owner.put(&path, json!({"name": "Два"})).await.expect(200);
    let newer = look(&tag).await;
    assert_eq!((newer.status, newer.header("etag")), (200, "\"2\""));
    let seen = owner.get(&path).await.header("etag").to_owned();
    assert_eq!(look(&seen).await.status, 304);
    let deal = json!({"title": "Сделка", "customerId": path.trim_start_matches("/customers/")});
    owner.post("/deals", deal).await.expect(201);
    let with_deal = look(&seen).await;
    assert_eq!(with_deal.header("etag"), seen, "the customer is what it was");
    assert_eq!(
        with_deal.expect(200)["deals"][0]["title"],
        "Сделка",
        "and what is shown beside it is not"
    );

    let workspace = format!("/workspaces/{}", owner.workspace);
    let tag = owner.get(&workspace).await.header("etag").to_owned();
    let again = owner
        .send(Method::GET, &workspace, None, &[("If-None-Match", &tag)])
        .await;
    assert_eq!(again.status, 304);
    let lists = owner
        .send(Method::GET, "/customers", None, &[("If-None-Match", "*")])
        .await;
    assert_eq!(lists.status, 200, "a list has no tag");
}

#[tokio::test]
async fn if_none_match_asks_of_a_write_that_the_thing_is_not_there() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let path = customer(&owner).await;
    let body = || Some(json!({"segment": "VIP"}).to_string());
    let none = [("If-None-Match", "*")];
    owner
        .send(Method::PUT, &path, body(), &none)
        .await
        .refused(412, "VERSION_CONFLICT");
    let create = Some(json!({"name": "Два"}).to_string());
    owner.send(Method::POST, "/customers", create, &none).await.expect(201);
    let told = owner
        .send(Method::PUT, &path, body(), &[("If-None-Match", "\"7\"")])
        .await;
    assert!(told.refused(400, "VALIDATION_FAILED")["fields"]["If-None-Match"].is_string());
}

#[tokio::test]
async fn a_method_that_is_not_there_has_a_code_of_its_own_and_names_those_that_are() {
    let server = Server::start_with(&[]).await;
    let mut methods: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let some = Uuid::now_v7().to_string();
    for route in routes(&server).await {
        let path = format!("/api/v1{}", route.path_of(&some, &some));
        methods.entry(path).or_default().insert(route.method.to_string());
    }
    for own in ["/openapi.json", "/docs/", "/metrics", "/health", "/api/health", "/"] {
        methods.insert(own.to_owned(), BTreeSet::from(["GET".to_owned()]));
    }
    for (path, there) in &methods {
        let allowed: BTreeSet<String> = match there.contains("GET") {
            true => there.iter().cloned().chain(["HEAD".to_owned()]).collect(),
            false => there.clone(),
        };
        for wrong in ["GET", "POST", "PUT", "PATCH", "DELETE", "BREW"]
            .iter()
            .filter(|method| !there.contains(**method))
        {
            let answer = ask(&server, wrong, path).send().await.unwrap();
            let told: BTreeSet<String> = header(&answer, "allow")
                .split(',')
                .map(|name| name.trim().to_owned())
                .collect();
            assert_eq!(told, allowed, "{wrong} {path}");
            assert_eq!(
                refusal(answer).await,
                (405, "METHOD_NOT_ALLOWED".to_owned()),
                "{wrong} {path}"
            );
        }
        let options = ask(&server, "OPTIONS", path).send().await.unwrap();
        let told: BTreeSet<String> = header(&options, "allow")
            .split(',')
            .map(|name| name.trim().to_owned())
            .collect();
        assert_eq!((options.status().as_u16(), told), (200, allowed), "OPTIONS {path}");
    }
    for nowhere in ["/api/v1/nowhere", "/nowhere", "/api/v2/deals", "/api"] {
        for method in ["OPTIONS", "GET", "POST"] {
            let answer = ask(&server, method, nowhere).send().await.unwrap();
            assert_eq!(
                refusal(answer).await,
                (404, "NOT_FOUND".to_owned()),
                "{method} {nowhere}"
            );
        }
    }
    let owner = server.owner().await;
    for path in ["/customers", &customer(&owner).await, "/health"] {
        let (head, get) = (owner.send(Method::HEAD, path, None, &[]).await, owner.get(path).await);
        assert_eq!((head.status, head.body, get.status), (200, "".into(), 200), "{path}");
        assert_eq!(
            head.headers.get("content-length"),
            get.headers.get("content-length"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn pages_of_other_sites_may_ask_with_a_token_and_read_our_headers() {
    let server = Server::start_with(&[]).await;
    let site = "https://app.company.kz";
    let preflight = async |server: &Server, origin: &str| {
        let ask = ask(server, "OPTIONS", "/api/v1/deals").header("Origin", origin);
        let ask = ask.header("Access-Control-Request-Method", "POST");
        let ask = ask.header(
            "Access-Control-Request-Headers",
            "authorization,content-type,idempotency-key,x-workspace-id",
        );
        ask.send().await.unwrap()
    };
    let words = |text: &str| -> BTreeSet<String> { text.split(',').map(|word| word.trim().to_lowercase()).collect() };
    let answer = preflight(&server, site).await;
    assert_eq!(header(&answer, "access-control-allow-origin"), "*");
    assert!(answer.headers().get("access-control-allow-credentials").is_none());
    assert!(header(&answer, "access-control-max-age").parse::<u32>().unwrap() >= 600);
    let allowed = words(header(&answer, "access-control-allow-headers"));
    for name in [
        "authorization",
        "content-type",
        "accept-language",
        "idempotency-key",
        "if-match",
        "if-none-match",
        "prefer",
        "x-workspace-id",
        "x-tenant-key",
        "x-organization-id",
        "x-correlation-id",
        "x-request-id",
        "api-version",
    ] {
        assert!(allowed.contains(name), "{name} in {allowed:?}");
    }
    let methods = words(header(&answer, "access-control-allow-methods"));
    assert!(
        ["get", "post", "put", "patch", "delete"]
            .iter()
            .all(|method| methods.contains(*method)),
        "{methods:?}"
    );

    // A refusal is as readable as an answer.
    for path in ["/api/v1/config", "/api/v1/deals", "/api/v1/nowhere"] {
        let answer = ask(&server, "GET", path).header("Origin", site).send().await.unwrap();
        assert_eq!(header(&answer, "access-control-allow-origin"), "*", "{path}");
        let exposed = words(header(&answer, "access-control-expose-headers"));
        for name in [
            "etag",
            "x-event-position",
            "x-ratelimit-limit",
            "x-ratelimit-remaining",
            "x-ratelimit-reset",
            "retry-after",
            "preference-applied",
            "x-request-id",
            "content-language",
            "allow",
        ] {
            assert!(exposed.contains(name), "{name} in {exposed:?}");
        }
    }

    let choosy = server
        .another_with(&[("CORS_ORIGINS", "https://app.company.kz, http://localhost:3000")])
        .await;
    for (origin, let_in) in [
        (site, true),
        ("http://localhost:3000", true),
        ("https://evil.kz", false),
    ] {
        let answer = preflight(&choosy, origin).await;
        assert_eq!(
            header(&answer, "access-control-allow-origin"),
            if let_in { origin } else { "" },
            "{origin}"
        );
        assert!(words(header(&answer, "vary")).contains("origin"));
    }
}

#[tokio::test]
async fn there_is_one_version_in_the_path_or_in_a_header() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let get = async |path: &str, version: Option<&str>| {
        let ask = ask(&server, "GET", path).bearer_auth(owner.token.as_ref().unwrap());
        let ask = version
            .into_iter()
            .fold(ask, |ask, version| ask.header("API-Version", version));
        ask.send().await.unwrap()
    };
    for (path, version) in [
        ("/api/v1/products", None),
        ("/api/v1/products", Some("1.0")),
        ("/api/products?limit=1", Some("1.0")),
        ("/api/products/", Some("1")),
    ] {
        let answer = get(path, version).await;
        assert_eq!(
            (answer.status().as_u16(), header(&answer, "api-version")),
            (200, "1.0"),
            "{path} {version:?}"
        );
    }
    for (path, version) in [
        ("/api/v2/products", None),
        ("/api/v2/products", Some("1.0")),
        ("/api/v2", None),
        ("/api/products", None),
    ] {
        assert_eq!(
            refusal(get(path, version).await).await,
            (404, "NOT_FOUND".to_owned()),
            "{path} {version:?}"
        );
    }
    let told: serde_json::Value = get("/api/v2/products", None).await.json().await.unwrap();
    assert_eq!(told["error"]["details"]["reason"], "version.missing");
    for (path, version) in [
        ("/api/products", "2.0"),
        ("/api/v1/products", "2.0"),
        ("/api/v1/products", "one"),
    ] {
        let answer = get(path, Some(version)).await;
        assert_eq!(
            refusal(answer).await,
            (400, "VALIDATION_FAILED".to_owned()),
            "{path} {version}"
        );
    }
    let key = [("Idempotency-Key", "version"), ("API-Version", "1.0")];
    let write = async |path: &str| {
        let ask = ask(&server, "POST", path).bearer_auth(owner.token.as_ref().unwrap());
        let ask = key.iter().fold(ask, |ask, (name, value)| ask.header(*name, *value));
        let answer = ask.body(json!({"name": "Один"}).to_string()).send().await.unwrap();
        let body: serde_json::Value = answer.json().await.unwrap();
        body["data"]["id"].clone()
    };
    assert_eq!(
        write("/api/customers").await,
        write("/api/v1/customers").await,
        "a repeat in the other form is a repeat"
    );
}

#[tokio::test]
async fn an_organization_that_is_named_must_be_the_workspaces() {
    let server = Server::start_with(&[]).await;
    let (owner, stranger) = (server.owner().await, server.owner().await);
    let of = async |client: &Client| {
        let workspace = client
            .get(&format!("/workspaces/{}", client.workspace))
            .await
            .expect(200);
        workspace["organizationId"].as_str().unwrap().to_owned()
    };
    let (ours, theirs) = (of(&owner).await, of(&stranger).await);
    let get = async |organization: &str| {
        let headers = [("X-Organization-Id", organization)];
        owner.send(Method::GET, "/customers", None, &headers).await
    };
    get(&ours).await.expect(200);
    for other in [theirs, Uuid::now_v7().to_string()] {
        let told = get(&other).await.refused(400, "VALIDATION_FAILED");
        assert_eq!(
            told["reason"], "organization.contradiction",
            "whether it exists is not told"
        );
    }
    assert!(get("ours").await.refused(400, "INVALID_UUID")["fields"]["X-Organization-Id"].is_string());
}

#[tokio::test]
async fn what_a_query_asks_of_a_route_that_takes_none_is_refused_by_name() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let some = Uuid::now_v7().to_string();
    for route in routes(&server)
        .await
        .iter()
        .filter(|route| !["GET /health", "GET /config"].contains(&&*route.name()) && !route.name().ends_with("/export"))
    {
        let path = route.path_of(&owner.workspace, &some);
        let body = (route.method != Method::GET).then(|| "{}".to_owned());
        let answer = owner
            .send(route.method.clone(), &format!("{path}?asOf=7"), body, &[])
            .await;
        let told = answer.refused(400, "VALIDATION_FAILED");
        assert!(told["fields"]["asOf"].is_string(), "{}: {told}", route.name());
    }
}
