//! Keys for machines: what they may do, from where and until when; shown once, replaced, revoked on every node; and named as who
//! did what they did.

use super::{count, text};
use domain::Role;
use prometric_tests::{Client, Server, eventually, story::id};
use reqwest::Method;
use serde_json::{Value, json};

async fn make(owner: &Client, body: Value) -> Value {
    owner.post("/api-keys", body).await.expect(201)
}

fn machine(owner: &Client, made: &Value) -> Client {
    owner.with_token(Some(&text(&made["key"])))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_may_do_what_it_was_given_in_its_workspace_and_is_named_in_what_it_does() {
    let server = Server::start_with(&[]).await;
    let (owner, pool) = (server.owner().await, server.pool().await);
    let branch = id(&owner.post("/workspaces", json!({"name": "Филиал"})).await.expect(201));
    let wanted = json!({"name": " Касса в зале ", "permissions": ["CUSTOMERS_VIEW", "CUSTOMERS_CREATE", "WORKSPACES_VIEW", "API_KEYS_UPDATE"]});
    let made = make(&owner, wanted).await;
    assert!(text(&made["key"]).starts_with("pk_"), "{made}");
    assert_eq!(made["name"], json!("Касса в зале"));
    let till = machine(&owner, &made);
    let customer = till.post("/customers", json!({"name": "ТОО"})).await.expect(201);
    till.get(&format!("/workspaces/{}/customers", owner.workspace))
        .await
        .expect(200);
    let told = till.get("/deals").await.refused(403, "AUTH_FORBIDDEN");
    assert_eq!(told["permission"], json!("DEALS_VIEW"));
    for (named, value) in [("X-Workspace-Id", branch.as_str())] {
        till.send(Method::GET, "/customers", None, &[(named, value)])
            .await
            .refused(404, "NOT_FOUND");
    }
    till.get(&format!("/workspaces/{branch}/customers"))
        .await
        .refused(404, "NOT_FOUND");
    // What is a person's is not a key's, whatever it may do; nor do keys make keys.
    for path in ["/auth/me", "/auth/sessions", "/workspaces", "/organizations"] {
        let told = till.get(path).await.refused(403, "AUTH_FORBIDDEN");
        assert_eq!(told["reason"], json!("api_key.not_a_person"), "{path}");
    }
    let more = json!({"name": "a", "permissions": ["CUSTOMERS_VIEW"]});
    let told = till.post("/api-keys", more).await.refused(403, "AUTH_FORBIDDEN");
    assert_eq!(told["reason"], json!("api_key.not_a_person"));

    let history = owner
        .get(&format!("/customers/{}/history", id(&customer)))
        .await
        .expect(200);
    let who = &history["items"][0]["who"];
    assert_eq!(
        (&who["kind"], &who["id"], &who["name"]),
        (&json!("key"), &made["id"], &json!("Касса в зале"))
    );
    let actor = format!(
        "select count(*) from log.events where metadata::text like '%\"key:{}\"%'",
        text(&made["id"])
    );
    assert_eq!(count(&pool, &actor).await, 1);

    let listed = owner.items("/api-keys").await;
    assert_eq!((listed.len(), &listed[0]["key"]), (1, &json!(null)), "shown once");
    let used = || async {
        owner.items("/api-keys").await[0]["lastUsedAt"]
            .as_str()
            .map(str::to_owned)
    };
    eventually("its use is noted", used).await;
    let shown = owner.get(&format!("/api-keys/{}", text(&made["id"]))).await.expect(200);
    assert_eq!(shown["lastUsedFrom"], json!("127.0.0.1"));
    let secret = text(&made["key"]);
    let tables = "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in ('log', 'platform')";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&pool).await.unwrap();
    for table in tables {
        let kept = format!("select count(*) from {table} t where t::text like '%{secret}%'");
        assert_eq!(count(&pool, &kept).await, 0, "{table}");
    }
}

#[tokio::test]
async fn nobody_gives_a_key_more_than_they_have_and_a_key_has_no_more_than_its_maker_keeps() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let admin = server.member(&owner, Role::Admin).await;
    let keys = format!("/workspaces/{}/api-keys", owner.workspace);
    let wanted = json!({"name": "a", "permissions": ["CUSTOMERS_VIEW", "FINANCE_VIEW"]});
    let made = admin.post(&keys, wanted.clone()).await.expect(201);
    let robot = machine(&owner, &made);
    robot.get("/finance/invoices").await.expect(200);
    server.enroll(&admin, Role::Employee).await;
    let told = robot.get("/finance/invoices").await.refused(403, "AUTH_FORBIDDEN");
    assert_eq!(told["permission"], json!("FINANCE_VIEW"));
    robot.get("/customers").await.expect(200);
    let told = admin.post(&keys, wanted).await.refused(403, "AUTH_FORBIDDEN");
    assert_eq!(told["permission"], json!("API_KEYS_UPDATE"));
    admin.get(&keys).await.refused(403, "AUTH_FORBIDDEN");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_replaced_stays_good_for_a_while_and_one_that_is_revoked_does_not_on_any_node() {
    let server = Server::start_with(&[]).await;
    let second = server.another().await;
    let (owner, stranger) = (server.owner().await, server.owner().await);
    let made = make(&owner, json!({"name": "a", "permissions": ["CUSTOMERS_VIEW"]})).await;
    let one = format!("/api-keys/{}", text(&made["id"]));
    let (first, rotate) = (machine(&owner, &made), format!("{one}/rotate"));
    let elsewhere = first.at(&second.url);
    for node in [&first, &elsewhere] {
        node.get("/customers").await.expect(200);
    }
    stranger.post(&rotate, json!({})).await.refused(404, "NOT_FOUND");
    stranger
        .send(Method::DELETE, &one, None, &[])
        .await
        .refused(404, "NOT_FOUND");
    let rotated = owner.post(&rotate, json!({})).await.expect(200);
    assert!(
        rotated["previousGoodUntil"].is_string() && rotated["key"] != made["key"],
        "{rotated}"
    );
    let next = machine(&owner, &rotated);
    for node in [&first, &elsewhere, &next, &next.at(&second.url)] {
        node.get("/customers").await.expect(200);
    }
    // Without a while, the ones before are over.
    let last = owner.post(&rotate, json!({"graceHours": 0})).await.expect(200);
    let last = machine(&owner, &last);
    for node in [&first, &elsewhere, &next, &next.at(&second.url)] {
        let over = || async { Some(node.get("/customers").await).filter(|answer| answer.status == 401) };
        let told = eventually("it is over", over).await;
        assert_eq!(
            told.refused(401, "AUTH_TOKEN_EXPIRED")["reason"],
            json!("api_key.expired")
        );
    }
    let told = owner
        .post(&rotate, json!({"graceHours": 169}))
        .await
        .refused(400, "VALIDATION_FAILED");
    assert_eq!(told["rules"], json!({"graceHours": "out_of_range"}));
    for node in [&last, &last.at(&second.url)] {
        node.get("/customers").await.expect(200);
    }
    owner.send(Method::DELETE, &one, None, &[]).await.expect(200);
    last.get("/customers").await.refused(401, "AUTH_UNAUTHORIZED");
    let revoked = || async { (last.at(&second.url).get("/customers").await.status == 401).then_some(()) };
    eventually("the other node knows", revoked).await;
    owner.post(&rotate, json!({})).await.refused(409, "INVALID_TRANSITION");
    assert!(owner.get(&one).await.expect(200)["revokedAt"].is_string());
}

#[tokio::test]
async fn a_key_is_good_until_its_day_and_from_its_networks_only() {
    let server = Server::start_with(&[]).await;
    let (owner, pool) = (server.owner().await, server.pool().await);
    let wanted = |addresses: Value| json!({"name": "a", "permissions": ["CUSTOMERS_VIEW"], "addresses": addresses});
    let bound = make(&owner, wanted(json!(["127.0.0.2", "10.1.2.3/8"]))).await;
    assert_eq!(bound["addresses"], json!(["127.0.0.2/32", "10.0.0.0/8"]));
    let robot = machine(&owner, &bound);
    let told = robot.get("/customers").await.refused(403, "AUTH_FORBIDDEN");
    assert_eq!(told["reason"], json!("api_key.address"));
    let there = robot.from_address("127.0.0.2".parse().unwrap());
    there.get("/customers").await.expect(200);
    let told = owner
        .post("/api-keys", wanted(json!(["10.0.0.0/8", "10.0.0.0/99"])))
        .await;
    assert_eq!(
        told.refused(400, "VALIDATION_FAILED")["rules"],
        json!({"addresses[1]": "not_allowed"})
    );
    let mut past = wanted(json!([]));
    past["expiresAt"] = json!("2020-01-01T00:00:00Z");
    let told = owner.post("/api-keys", past).await.refused(400, "VALIDATION_FAILED");
    assert_eq!(told["rules"], json!({"expiresAt": "not_allowed"}));
    let mut unknown = wanted(json!([]));
    unknown["permissions"] = json!(["PALACES_VIEW"]);
    let told = owner.post("/api-keys", unknown).await.refused(400, "VALIDATION_FAILED");
    assert_eq!(told["rules"], json!({"permissions[0]": "not_allowed"}));

    let soon = chrono::Utc::now() + chrono::TimeDelta::seconds(3);
    let mut short = wanted(json!([]));
    short["expiresAt"] = json!(soon);
    let short = machine(&owner, &make(&owner, short).await);
    short.get("/customers").await.expect(200);
    let expired = || async { Some(short.get("/customers").await).filter(|answer| answer.status == 401) };
    let told = eventually("it expires", expired).await;
    assert_eq!(
        told.refused(401, "AUTH_TOKEN_EXPIRED")["reason"],
        json!("api_key.expired")
    );
    assert_eq!(count(&pool, "select count(*) from platform.api_keys").await, 2);
}

#[tokio::test]
async fn a_guess_at_a_key_is_refused_without_a_look_and_a_known_one_costs_none() {
    let server = Server::start_with(&[]).await;
    let (owner, pool) = (server.owner().await, server.pool().await);
    let made = make(&owner, json!({"name": "a", "permissions": ["CUSTOMERS_VIEW"]})).await;
    let looks = "select coalesce(sum(seq_scan + coalesce(idx_scan, 0)), 0)::bigint from pg_stat_user_tables where relname = 'api_key_secrets'";
    let settled = async || {
        sqlx::query("select pg_stat_force_next_flush()")
            .execute(&pool)
            .await
            .ok();
        count(&pool, looks).await
    };
    let key = text(&made["key"]);
    for garbage in ["pk_", "pk_a", "pk_null", &key[..key.len() - 1], &key.to_lowercase()] {
        let guess = owner.with_token(Some(garbage));
        guess.get("/customers").await.refused(401, "AUTH_UNAUTHORIZED");
    }
    let robot = machine(&owner, &made);
    robot.get("/customers").await.expect(200);
    // Counted by each session of the server with some delay: what the loop costs would show in hundreds.
    let before = settled().await;
    for _ in 0..300 {
        robot.get("/customers").await.expect(200);
    }
    tokio::task::yield_now().await;
    assert!(settled().await - before < 50, "a look at most now and then");
}

#[tokio::test]
async fn a_repeat_makes_one_key_and_tells_it_again() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let keyed = async |name: &str| {
        let body = json!({"name": name, "permissions": ["CUSTOMERS_VIEW"]}).to_string();
        let key = [("Idempotency-Key", "make")];
        owner.send(Method::POST, "/api-keys", Some(body), &key).await
    };
    let first = keyed("a").await.expect(201);
    assert_eq!(keyed("a").await.expect(201), first);
    keyed("b").await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(owner.items("/api-keys").await.len(), 1);
    machine(&owner, &first).get("/customers").await.expect(200);
}
