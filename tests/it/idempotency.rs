//! Asking twice is asking once, whatever happens in between, on whichever node.

mod versions;

use domain::Role;
use futures::future::join_all;
use prometric_tests::{
    Answer, Client, Server, eventually,
    story::{Shop, id},
};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::collections::BTreeSet;
use uuid::Uuid;

const ROUNDS: i64 = 12;

/// Events that people or registrations caused; what sagas do meanwhile is their own business.
pub async fn commanded(pool: &PgPool) -> i64 {
    let count = "select count(*) from log.events where metadata->>'actor' not like 'saga:%'";
    sqlx::query_scalar(count).fetch_one(pool).await.unwrap()
}

async fn keyed(client: &Client, method: Method, path: &str, body: &Value, key: &str) -> Answer {
    client
        .send(method, path, Some(body.to_string()), &[("Idempotency-Key", key)])
        .await
}

/// One request from all of them at once under one key: one effect of so many events, one answer.
async fn once(clients: &[Client], pool: &PgPool, request: (Method, &str, Value), status: u16, events: i64) -> Value {
    let (method, path, body) = request;
    let (key, before) = (Uuid::now_v7().to_string(), commanded(pool).await);
    let ask = |client| keyed(client, method.clone(), path, &body, &key);
    let mut answers = join_all(clients.iter().map(ask)).await;
    answers.push(ask(&clients[0]).await);
    let heads: BTreeSet<String> = answers
        .iter()
        .map(|answer| answer.header("x-event-position").to_owned())
        .collect();
    let answers: Vec<Value> = answers.into_iter().map(|answer| answer.expect(status)).collect();
    for answer in &answers {
        assert_eq!(answer, &answers[0], "{method} {path}");
    }
    assert_eq!(heads.len(), 1, "{method} {path}: at one position, not at {heads:?}");
    assert_eq!(commanded(pool).await - before, events, "{method} {path} did one thing");
    answers[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_at_the_same_instant_on_two_nodes_does_one_thing() {
    let server = Server::start_with(&[]).await;
    let second = server.another().await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 10_000, 10_000).await;
    let pool = server.pool().await;
    let clients = [owner.clone(), owner.clone(), owner.at(&second.url)];
    let post = |path: &'static str, body: Value| (Method::POST, path, body);

    let invoice = invoice(&owner, &shop).await;
    for round in 0..ROUNDS {
        let customer = once(
            &clients,
            &pool,
            post("/customers", json!({"name": format!("Клиент {round}")})),
            201,
            1,
        )
        .await;
        let change = json!({"name": format!("Новое имя {round}"), "status": "ACTIVE"});
        once(
            &clients,
            &pool,
            (Method::PUT, &format!("/customers/{}", id(&customer)), change),
            200,
            2,
        )
        .await;
        let deal = once(&clients, &pool, post("/deals", shop.deal(1)), 201, 1).await;
        let won = once(
            &clients,
            &pool,
            (Method::POST, &format!("/deals/{}/win", id(&deal)), json!({})),
            200,
            1,
        )
        .await;
        assert!(won["wonAt"].is_string(), "{won}");
        let receipt = json!({"productId": shop.product, "quantity": 3, "reference": "PO-777"});
        once(&clients, &pool, post("/stock/receipts", receipt), 201, 1).await;
        let payment = json!({"invoiceId": invoice, "amount": 1_000.5, "method": "cash"});
        once(&clients, &pool, post("/finance/payments", payment), 201, 1).await;
        once(
            &clients,
            &pool,
            post("/workspaces", json!({"name": format!("Филиал {round}")})),
            201,
            2,
        )
        .await;
        let anybody = [server.anonymous(), server.anonymous(), second.anonymous()];
        once(&anybody, &pool, post("/auth/register", newcomer(round)), 201, 0).await;
    }
    let product = owner.get(&format!("/products/{}", shop.product)).await.expect(200);
    assert_eq!(
        product["inventory"]["inStock"].as_f64(),
        Some(100_000.0 + 3.0 * ROUNDS as f64)
    );
    let paid = owner.get(&format!("/finance/invoices/{invoice}")).await.expect(200);
    assert_eq!(paid["paidAmount"].as_f64(), Some(1_000.5 * ROUNDS as f64));
    assert_eq!(owner.get("/customers").await.expect(200)["total"], json!(ROUNDS + 1));
    assert_eq!(owner.get("/deals").await.expect(200)["total"], json!(ROUNDS + 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_write_meanwhile_does_not_show_in_a_repeats_answer() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let path = format!(
        "/customers/{}",
        id(&owner.post("/customers", json!({"name": "Один"})).await.expect(201))
    );
    for round in 0..2 * ROUNDS {
        let key = round.to_string();
        let requests = (0..6).map(|n| {
            let (body, key) = if n % 2 == 0 {
                (json!({"segment": key}), key.clone())
            } else {
                (json!({"source": format!("{round}-{n}")}), format!("{key}-{n}"))
            };
            let (owner, path) = (owner.clone(), path.clone());
            async move { keyed(&owner, Method::PUT, &path, &body, &key).await.expect(200) }
        });
        let answers = join_all(requests).await;
        assert_eq!(
            (&answers[2], &answers[4]),
            (&answers[0], &answers[0]),
            "one key, one answer"
        );
    }
}

fn newcomer(round: i64) -> Value {
    json!({
        "email": format!("newcomer-{round}@company.kz"), "password": "SecurePassword123!", "firstName": "Нұрдәулет", "lastName": "Ахматов",
        "phone": "+77001234567", "organizationName": "Tech Solutions KZ", "organizationBin": format!("{:012}", 777_000_000_000 + round),
    })
}

/// The invoice of a won deal.
async fn invoice(owner: &Client, shop: &Shop) -> String {
    let deal = owner.post("/deals", shop.deal(1)).await.expect(201);
    owner
        .post(&format!("/deals/{}/win", id(&deal)), json!({}))
        .await
        .expect(200);
    id(&eventually("an invoice", || async {
        owner.items("/finance/invoices").await.into_iter().next()
    })
    .await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_answers_the_first_result_and_another_request_is_refused() {
    let mut server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 100, 20).await;
    let pool = server.pool().await;
    let deals = [
        owner.post("/deals", shop.deal(1)).await.expect(201),
        owner.post("/deals", shop.deal(1)).await.expect(201),
    ];
    let invoice = invoice(&owner, &shop).await;
    let customer = format!("/customers/{}", shop.customer);
    let product = format!("/products/{}", shop.product);
    let requests = [
        (
            Method::POST,
            "/customers".to_owned(),
            json!({"name": "Один"}),
            json!({"name": "Другой"}),
        ),
        (
            Method::PUT,
            customer.clone(),
            json!({"segment": "VIP"}),
            json!({"segment": "SMB"}),
        ),
        (Method::POST, format!("{customer}/convert"), json!({}), Value::Null),
        (
            Method::POST,
            "/products".to_owned(),
            json!({"code": "A", "name": "A"}),
            json!({"code": "B", "name": "B"}),
        ),
        (Method::PUT, product, json!({"price": 1}), json!({"price": 2})),
        (
            Method::POST,
            "/stock/receipts".to_owned(),
            json!({"productId": shop.steel, "quantity": 1}),
            json!({"productId": shop.steel, "quantity": 2}),
        ),
        (Method::POST, "/deals".to_owned(), shop.deal(1), shop.deal(2)),
        (
            Method::PUT,
            format!("/deals/{}", id(&deals[0])),
            json!({"probability": 10}),
            json!({"probability": 20}),
        ),
        (
            Method::POST,
            format!("/deals/{}/stage", id(&deals[0])),
            json!({"stage": "PROPOSAL"}),
            json!({"stage": "CLOSING"}),
        ),
        (
            Method::POST,
            format!("/deals/{}/win", id(&deals[0])),
            json!({}),
            json!({"notes": "иначе"}),
        ),
        (
            Method::POST,
            format!("/deals/{}/lose", id(&deals[1])),
            json!({"lostReason": "price"}),
            json!({"lostReason": "time"}),
        ),
        (
            Method::POST,
            "/finance/payments".to_owned(),
            json!({"invoiceId": invoice, "amount": 5}),
            json!({"invoiceId": invoice, "amount": 6}),
        ),
        (
            Method::POST,
            "/workspaces".to_owned(),
            json!({"name": "Алматы"}),
            json!({"name": "Астана"}),
        ),
        (
            Method::PUT,
            format!("/workspaces/{}", owner.workspace),
            json!({"name": "Имя"}),
            json!({"name": "Другое"}),
        ),
    ];
    let mut firsts = Vec::new();
    for (n, (method, path, body, _)) in requests.iter().enumerate() {
        firsts.push(keyed(&owner, method.clone(), path, body, &format!("first-{n}")).await);
    }
    let before = commanded(&pool).await;
    for (n, (method, path, _, other)) in requests
        .iter()
        .enumerate()
        .filter(|(_, request)| request.3 != Value::Null)
    {
        keyed(&owner, method.clone(), path, other, &format!("first-{n}"))
            .await
            .refused(422, "IDEMPOTENCY_KEY_REUSED");
    }
    keyed(
        &owner,
        Method::POST,
        &format!("/deals/{}/win", id(&deals[1])),
        &json!({}),
        "first-9",
    )
    .await
    .refused(422, "IDEMPOTENCY_KEY_REUSED");

    server.kill();
    server.spawn().await;
    let second = server.another().await;
    for (n, (method, path, body, _)) in requests.iter().enumerate() {
        let in_path = if path.starts_with("/workspaces") {
            path.clone()
        } else {
            format!("/workspaces/{}{path}", owner.workspace)
        };
        for (client, path) in [
            (owner.clone(), path),
            (owner.at(&second.url), path),
            (owner.clone(), &in_path),
        ] {
            let again = keyed(&client, method.clone(), path, body, &format!("first-{n}")).await;
            assert_eq!(
                (again.status, &again.body["data"]),
                (firsts[n].status, &firsts[n].body["data"]),
                "{method} {path}"
            );
            assert_eq!(
                again.headers.get("etag"),
                firsts[n].headers.get("etag"),
                "{method} {path}"
            );
            assert_eq!(
                again.header("x-event-position"),
                firsts[n].header("x-event-position"),
                "{method} {path}"
            );
        }
    }
    assert_eq!(commanded(&pool).await, before, "no repeat did anything");
}

#[tokio::test]
async fn a_repeat_of_what_changed_nothing_answers_the_same_after_others_changed_it() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let customer = owner.post("/customers", json!({"name": "Один"})).await.expect(201);
    let path = format!("/customers/{}", id(&customer));
    let same = json!({"name": "Один"});
    let first = keyed(&owner, Method::PUT, &path, &same, "quiet").await.expect(200);
    owner.put(&path, json!({"name": "Два"})).await.expect(200);
    let again = keyed(&owner, Method::PUT, &path, &same, "quiet").await.expect(200);
    assert_eq!(again, first, "the first result, not the state of today");
    assert_eq!(owner.get(&path).await.expect(200)["name"], json!("Два"));
}

#[tokio::test]
async fn marking_notifications_keeps_to_its_key() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 100, 20).await;
    invoice(&owner, &shop).await;
    let told = eventually("a notification", || async {
        owner.items("/notifications").await.into_iter().next()
    })
    .await;
    let read = json!({"ids": [told["id"]]});
    keyed(&owner, Method::POST, "/notifications/mark-read", &read, "seen")
        .await
        .expect(200);
    keyed(&owner, Method::POST, "/notifications/mark-read", &read, "seen")
        .await
        .expect(200);
    keyed(
        &owner,
        Method::POST,
        "/notifications/mark-read",
        &json!({"ids": []}),
        "seen",
    )
    .await
    .refused(422, "IDEMPOTENCY_KEY_REUSED");
}

#[tokio::test]
async fn a_key_is_its_users_in_its_workspace() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let colleague = server.member(&owner, Role::Manager).await;
    let branch = id(&owner.post("/workspaces", json!({"name": "Филиал"})).await.expect(201));
    let stranger = server.owner().await;
    let create = async |client: &Client, workspace: &str, name: &str| {
        let headers = [("Idempotency-Key", "1"), ("X-Workspace-Id", workspace)];
        id(&client
            .send(
                Method::POST,
                "/customers",
                Some(json!({"name": name}).to_string()),
                &headers,
            )
            .await
            .expect(201))
    };
    let ids = [
        create(&owner, &owner.workspace, "Один").await,
        create(&colleague, &owner.workspace, "Один").await,
        create(&owner, &branch, "Один").await,
        create(&stranger, &stranger.workspace, "Другой").await,
    ];
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 4, "{ids:?}");
    assert_eq!(create(&owner, &owner.workspace, "Один").await, ids[0]);
    assert_eq!(create(&colleague, &owner.workspace, "Один").await, ids[1]);
    for key in ["k".repeat(201), "ключ".to_owned()] {
        let refused = owner
            .send(
                Method::POST,
                "/customers",
                Some(json!({"name": "a"}).to_string()),
                &[("Idempotency-Key", &key)],
            )
            .await;
        assert!(refused.refused(400, "VALIDATION_FAILED")["fields"]["Idempotency-Key"].is_string());
    }
}
