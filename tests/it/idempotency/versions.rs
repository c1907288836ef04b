//! A stale version is refused, the current one passes; and what was written is read, at once or soon, as asked.

use super::{commanded, invoice};
use futures::future::join_all;
use prometric_tests::{
    Server, eventually,
    story::{Shop, id},
};
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_version_is_refused_and_the_current_one_passes() {
    let server = Server::start_with(&[]).await;
    let second = server.another().await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 100, 20).await;
    let pool = server.pool().await;
    let invoice = invoice(&owner, &shop).await;
    owner
        .post("/finance/payments", json!({"invoiceId": invoice, "amount": 5}))
        .await
        .expect(201);
    let mut deal = Vec::new();
    for _ in 0..2 {
        deal.push(format!(
            "/deals/{}",
            id(&owner.post("/deals", shop.deal(1)).await.expect(201))
        ));
    }
    let planned = async || {
        owner
            .items("/production/orders")
            .await
            .into_iter()
            .find(|order| order["status"] == "scheduled")
    };
    eventually("everything is planned", planned).await;
    for list in [
        "/customers",
        "/products",
        "/deals",
        "/orders",
        "/finance/invoices",
        "/finance/payments",
        "/production/orders",
    ] {
        let one = format!("{list}/{}", id(&owner.items(list).await[0]));
        let seen = owner.get(&one).await;
        let tag = seen.header("etag").to_owned();
        assert_eq!(tag, format!("\"{}\"", seen.expect(200)["version"]), "{one}");
    }

    let (customer, product, bom) = (
        format!("/customers/{}", shop.customer),
        format!("/products/{}", shop.steel),
        format!("/production/bom/{}", shop.cabinet),
    );
    let (workspace, gone) = (
        format!("/workspaces/{}", owner.workspace),
        format!(
            "/customers/{}",
            id(&owner.post("/customers", json!({"name": "a"})).await.expect(201))
        ),
    );
    let bill = json!({"components": [{"materialId": shop.steel, "quantity": 6}]});
    let writes = [
        (Method::PUT, &customer, "", json!({"segment": "VIP"})),
        (Method::POST, &customer, "/convert", json!({})),
        (Method::DELETE, &gone, "", json!({})),
        (Method::PUT, &product, "", json!({"price": 7})),
        (Method::PUT, &bom, "", bill),
        (Method::PUT, &deal[0], "", json!({"title": "Иначе"})),
        (Method::POST, &deal[0], "/stage", json!({"stage": "CLOSING"})),
        (Method::POST, &deal[0], "/win", json!({})),
        (Method::POST, &deal[1], "/lose", json!({"lostReason": "price"})),
        (Method::PUT, &workspace, "", json!({"name": "Имя"})),
    ];
    for (method, one, act, body) in writes {
        let tag = owner.get(one).await.header("etag").to_owned();
        let version: i64 = tag.trim_matches('"').parse().unwrap();
        let path = format!("{one}{act}");
        let send = async |tag: &str, key: &str| {
            let headers = [("If-Match", tag), ("Idempotency-Key", key)];
            owner
                .send(method.clone(), &path, Some(body.to_string()), &headers)
                .await
        };
        let before = commanded(&pool).await;
        for stale in [version - 1, version + 1, 0] {
            let details = send(&format!("\"{stale}\""), &Uuid::now_v7().to_string())
                .await
                .refused(412, "VERSION_CONFLICT");
            assert_eq!(details["actualVersion"], json!(version), "{path}");
        }
        assert_eq!(commanded(&pool).await, before, "{path}: nothing was written");
        let key = Uuid::now_v7().to_string();
        let done = send(&tag, &key).await;
        assert_eq!(done.header("etag"), format!("\"{}\"", version + 1), "{path}");
        let (status, data) = (done.status, done.expect(200));
        let again = send(&tag, &key).await;
        assert_eq!(
            (again.status, &again.body["data"]),
            (status, &data),
            "{path}: a repeat is a repeat, though its version is old by now"
        );
        send(&tag, &Uuid::now_v7().to_string())
            .await
            .refused(412, "VERSION_CONFLICT");
    }
    for wrong in ["seven", "\"", "1, 2"] {
        owner
            .send(Method::PUT, &product, Some("{}".into()), &[("If-Match", wrong)])
            .await
            .refused(400, "VALIDATION_FAILED");
    }

    let tag = owner.get(&product).await.header("etag").to_owned();
    let nodes = [owner.clone(), owner.at(&second.url)];
    let race = (0..6_usize).map(|n| {
        let (body, client, headers) = (
            json!({"price": 100 + n}).to_string(),
            &nodes[n % 2],
            [("If-Match", tag.as_str())],
        );
        let product = product.clone();
        async move { client.send(Method::PUT, &product, Some(body), &headers).await.status }
    });
    let mut statuses = join_all(race).await;
    statuses.sort_unstable();
    assert_eq!(
        statuses,
        [200, 412, 412, 412, 412, 412],
        "one of those who saw the same version"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_is_readable_at_once_or_soon_as_asked() {
    let server = Server::start_with(&[]).await;
    let second = server.another().await;
    let owner = server.owner().await;
    let elsewhere = owner.at(&second.url);
    let pool = server.pool().await;
    for round in 1..=15_i64 {
        let (writer, reader) = if round % 2 == 0 {
            (&owner, &elsewhere)
        } else {
            (&elsewhere, &owner)
        };
        let written = writer
            .post("/customers", json!({"name": format!("Клиент {round}")}))
            .await;
        let position: i64 = written.header("x-event-position").parse().unwrap();
        let path = format!("/customers/{}", id(&written.expect(201)));
        assert_eq!(
            reader.get("/customers?limit=1").await.expect(200)["total"],
            json!(round),
            "the next read sees it, on any node"
        );
        for client in [reader, writer] {
            assert_eq!(
                client.get(&path).await.expect(200)["name"],
                json!(format!("Клиент {round}"))
            );
        }
        let stream: Uuid =
            sqlx::query_scalar("select stream_id from log.events where workspace_id = $1::uuid and position = $2")
                .bind(&owner.workspace)
                .bind(position)
                .fetch_one(&pool)
                .await
                .unwrap();
        assert!(path.ends_with(&stream.to_string()), "X-Event-Position is the event's");
        writer
            .put(&path, json!({"segment": round.to_string()}))
            .await
            .expect(200);
        assert_eq!(reader.get(&path).await.expect(200)["segment"], json!(round.to_string()));
    }
    let body = json!({"name": "Без ожидания"}).to_string();
    let quick = owner
        .send(Method::POST, "/customers", Some(body), &[("Prefer", "respond-async")])
        .await;
    assert_eq!(quick.header("preference-applied"), "respond-async");
    assert!(quick.header("x-event-position").parse::<i64>().unwrap() > 30);
    let path = format!("/customers/{}", id(&quick.expect(201)));
    eventually("the read shows it", || async {
        (owner.get(&path).await.status == 200).then_some(())
    })
    .await;
    let patient = owner.post("/customers", json!({"name": "С ожиданием"})).await;
    assert!(patient.headers.get("preference-applied").is_none());
}
