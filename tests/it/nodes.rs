//! Two nodes on one database: what one remembers, the other changes. What counts is what was done last, wherever.

use domain::Role;
use prometric_tests::{Server, eventually, story::id};
use reqwest::Method;
use serde_json::json;
use std::time::{Duration, Instant};

/// Who is told hears within a second where processors are free; who is not looks every thirty, so that of two changes one after the
/// other the second would be seen half a minute after the first. A test runs among others: the quickest tells.
const TOLD_WITHIN: Duration = Duration::from_secs(15);

/// How long the quickest took of all but the first, which may have been made just before somebody looked.
fn quickest(took: &[Duration]) -> Duration {
    took.iter().skip(1).min().copied().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_changed_is_told_to_every_node() {
    let server = Server::start_with(&[]).await;
    let second = server.another().await;
    let owner = server.owner().await;
    let member = server.member(&owner, Role::Stockkeeper).await;
    let elsewhere = member.at(&second.url);
    let may = async |on: &prometric_tests::Client| {
        let asked = Some(json!({"name": "ТОО Роль"}).to_string());
        let path = format!("/workspaces/{}/customers", owner.workspace);
        on.send(Method::POST, &path, asked, &[]).await.status == 201
    };
    assert!(
        !may(&member).await && !may(&elsewhere).await,
        "a stockkeeper keeps no customers"
    );
    let mut took = vec![];
    for (role, allowed) in [(Role::Manager, true), (Role::Stockkeeper, false), (Role::Owner, true)] {
        server.enroll(&member, role).await;
        let began = Instant::now();
        eventually("it counts", || async {
            (may(&member).await == allowed && may(&elsewhere).await == allowed).then_some(())
        })
        .await;
        took.push(began.elapsed());
    }
    assert!(quickest(&took) < TOLD_WITHIN, "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_node_changed_is_what_a_deal_is_made_of() {
    let server = Server::start_with(&[]).await;
    let second = server.another().await;
    let owner = server.owner().await;
    let elsewhere = owner.at(&second.url);
    let product = json!({"code": "A", "name": "A", "type": "SERVICE", "price": 100});
    let product = id(&owner.post("/products", product).await.expect(201));
    let customer = id(&owner
        .post("/customers", json!({"name": "Первое имя"}))
        .await
        .expect(201));
    let sold = async |on: &prometric_tests::Client| {
        let deal = json!({"title": "a", "customerId": customer, "products": [{"productId": product, "quantity": 1}]});
        let deal = id(&on.post("/deals", deal).await.expect(201));
        let shown = on.get(&format!("/deals/{deal}")).await.expect(200);
        (shown["products"][0]["unitPrice"].clone(), shown["customerName"].clone())
    };
    assert_eq!(sold(&elsewhere).await, (json!(100), json!("Первое имя")));
    let mut took = vec![];
    for (price, name) in [(200, "Второе имя"), (300, "Третье имя"), (400, "Четвёртое имя")]
    {
        let change = json!({"price": price});
        owner.put(&format!("/products/{product}"), change).await.expect(200);
        owner
            .put(&format!("/customers/{customer}"), json!({"name": name}))
            .await
            .expect(200);
        assert_eq!(sold(&owner).await, (json!(price), json!(name)), "here at once");
        let began = Instant::now();
        eventually("there soon", || async {
            (sold(&elsewhere).await == (json!(price), json!(name))).then_some(())
        })
        .await;
        took.push(began.elapsed());
    }
    assert!(quickest(&took) < TOLD_WITHIN, "{took:?}");
}
