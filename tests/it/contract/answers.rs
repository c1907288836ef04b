//! Every answer of a workspace with one of everything is as the document says: lists, details, writes and refusals.

use prometric_tests::{Server, Yard, document::Document, routes, story::id};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn every_list_and_all_details_are_as_described() {
    let server = Server::start_with(&[]).await;
    let yard = Yard::open(&server).await;
    let (owner, document) = (&yard.owner, Document::of(&server).await);
    let invoice = id(&owner.items("/finance/invoices").await[0]);
    owner
        .post("/finance/payments", json!({"invoiceId": invoice, "amount": 10}))
        .await
        .expect(201);
    let mut complaints = Vec::new();
    let mut shown = 0;
    for route in routes(&server).await {
        if route.method != Method::GET || route.is_in_workspace() {
            continue;
        }
        let described = format!("/api/v1{}", route.path);
        let Some((list, _)) = route.path.split_once("/{") else {
            let answer = owner.get(&route.path).await;
            complaints.extend(document.complaint(&route.method, &described, &answer));
            continue;
        };
        let list = match list {
            "/production/bom" => "/products",
            "/audit" | "/audit/correlations" => "/deals",
            list => list,
        };
        let items = owner.items(list).await;
        assert!(!items.is_empty(), "nothing in {list} to be looked at");
        for item in items {
            let answer = owner.get(&route.path_of(&owner.workspace, &id(&item))).await;
            shown += usize::from(answer.status == 200);
            complaints.extend(document.complaint(&route.method, &described, &answer));
        }
    }
    assert!(
        complaints.is_empty(),
        "{} complaints:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
    assert!(shown > 10, "only {shown} details were looked at");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_write_and_every_refusal_is_as_described() {
    let server = Server::start_with(&[]).await;
    let yard = Yard::open(&server).await;
    let document = Document::of(&server).await;
    let mut complaints = Vec::new();
    for shape in &yard.shapes {
        let route = format!("/api/v1{}", shape.route);
        for body in [&shape.good, &json!({"nonsense": true}), &Value::Null] {
            let sent = yard
                .owner
                .send(shape.method.clone(), &shape.path, Some(body.to_string()), &[]);
            complaints.extend(document.complaint(&shape.method, &route, &sent.await));
        }
        let stranger = yard.owner.with_token(None);
        let sent = stranger.send(shape.method.clone(), &shape.path, Some(shape.good.to_string()), &[]);
        complaints.extend(document.complaint(&shape.method, &route, &sent.await));
    }
    assert!(
        complaints.is_empty(),
        "{} complaints:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}
