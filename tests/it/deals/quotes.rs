//! Quotes: what is offered, by a link to whoever has it, and what comes of accepting it.

use super::{deal, shown};
use prometric_tests::{
    Client, Server, eventually,
    story::{Shop, id},
};
use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};

/// Makes a version of the deal's offer and sends it; the version and its token.
async fn sent(owner: &Client, deal: &str, offer: Value) -> (String, String) {
    let path = format!("/deals/{deal}/quotes");
    let quote = id(&owner.post(&path, offer).await.expect(201));
    let told = owner.post(&format!("{path}/{quote}/send"), json!({})).await.expect(200);
    (quote, told["token"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quote_that_is_accepted_by_its_link_wins_the_deal() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 100, 20).await;
    let deal = deal(&owner, shop.deal(1)).await;
    let offer = json!({"validUntil": "2999-12-31", "notes": "С доставкой"});
    let (quote, token) = sent(&owner, &deal, offer).await;
    // Whatever becomes of the lines: the offer stands.
    owner
        .put(&format!("/deals/{deal}"), json!({"products": [], "value": 1}))
        .await
        .expect(200);
    let anybody = server.anonymous();
    let open = anybody.post("/quotes/open", json!({"token": token})).await.expect(200);
    assert_eq!((&open["number"], &open["status"]), (&json!(1), &json!("sent")));
    assert_eq!(
        (&open["amount"], &open["items"][0]["totalPrice"]),
        (&json!(20_496_000), &json!(20_160_000))
    );
    assert_eq!(
        (&open["customerName"], &open["notes"]),
        (&json!("ТОО Tech Solutions"), &json!("С доставкой"))
    );
    let accept = json!({"token": token, "name": "Айгерим"});
    for _ in 0..2 {
        anybody.post("/quotes/accept", accept.clone()).await.expect(200);
    }
    let seen = shown(&owner, &deal).await;
    assert_eq!(
        (&seen["stage"], &seen["finalAmount"]),
        (&json!("WON"), &json!(20_496_000))
    );
    assert_eq!(
        (&seen["quotes"][0]["id"], &seen["quotes"][0]["status"]),
        (&json!(quote), &json!("accepted"))
    );
    let told = owner.get(&format!("/quotes/{quote}")).await.expect(200);
    assert_eq!(
        (&told["acceptedBy"], &told["dealId"]),
        (&json!("Айгерим"), &json!(deal))
    );
    let order = eventually("the order", || async {
        owner.items("/orders").await.into_iter().next()
    })
    .await;
    assert_eq!(order["totalAmount"], json!(20_496_000));
    assert_eq!(
        owner.items("/orders").await.len(),
        1,
        "accepting twice is accepting once"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_newest_version_that_was_sent_and_is_good_is_accepted() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let customer = owner.post("/customers", json!({"name": "ТОО"})).await.expect(201)["id"].clone();
    let body = json!({"title": "ERP", "customerId": customer, "value": 1_000});
    let deal = deal(&owner, body).await;
    let anybody = server.anonymous();
    let (_, first) = sent(&owner, &deal, json!({})).await;
    let (second, late) = sent(&owner, &deal, json!({"validUntil": "2020-01-01"})).await;
    let refused = anybody
        .post("/quotes/accept", json!({"token": first}))
        .await
        .refused(409, "CONFLICT");
    assert_eq!(refused["reason"], "deal.quote_replaced");
    anybody
        .post("/quotes/open", json!({"token": first}))
        .await
        .refused(404, "NOT_FOUND");
    let refused = anybody
        .post("/quotes/accept", json!({"token": late}))
        .await
        .refused(409, "CONFLICT");
    assert_eq!(refused["reason"], "deal.quote_expired");
    let mut forged = late.clone();
    forged.replace_range(0..1, if late.starts_with('A') { "B" } else { "A" });
    for token in [forged.as_str(), "YQ", &late[1..]] {
        anybody
            .post("/quotes/accept", json!({"token": token}))
            .await
            .refused(404, "NOT_FOUND");
    }
    let decline = json!({"token": late, "reason": "too expensive"});
    anybody.post("/quotes/decline", decline).await.expect(200);
    let told = owner.get(&format!("/quotes/{second}")).await.expect(200);
    assert_eq!(
        (&told["status"], &told["reason"]),
        (&json!("declined"), &json!("too expensive"))
    );
    let listed = owner.get(&format!("/deals/{deal}/quotes")).await.expect(200);
    assert_eq!(
        (&listed["total"], &listed["items"][1]["status"]),
        (&json!(2), &json!("replaced"))
    );
    assert_eq!(shown(&owner, &deal).await["stage"], "LEAD");
    // One that nobody was sent.
    let draft = id(&owner
        .post(&format!("/deals/{deal}/quotes"), json!({}))
        .await
        .expect(201));
    let told = owner.get(&format!("/quotes/{draft}")).await.expect(200);
    assert_eq!(
        (&told["number"], &told["status"], &told["amount"]),
        (&json!(3), &json!("draft"), &json!(1_000))
    );
    let refused = owner
        .post(&format!("/deals/{deal}/quotes/{second}/send"), json!({}))
        .await
        .refused(409, "CONFLICT");
    assert_eq!(refused["reason"], "deal.quote_replaced");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_is_a_pdf_in_three_languages_for_those_who_may_see_it() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 100, 20).await;
    let first = deal(&owner, shop.deal(1)).await;
    let other = deal(&owner, shop.deal(1)).await;
    let (quote, token) = sent(&owner, &first, json!({"notes": "Ұсыныс"})).await;
    let path = format!("/deals/{first}/quotes/{quote}/pdf");
    let mut printed = Vec::new();
    for (language, name) in [
        ("kk", "%D2%B1%D1%81%D1%8B%D0%BD%D1%8B%D1%81%20%E2%84%96%201.pdf"),
        (
            "ru",
            "%D0%BF%D1%80%D0%B5%D0%B4%D0%BB%D0%BE%D0%B6%D0%B5%D0%BD%D0%B8%D0%B5%20%E2%84%96%201.pdf",
        ),
        ("en", "UTF-8''Quote%20%E2%84%96%201.pdf"),
    ] {
        let asked = format!("{path}?lang={language}");
        let (headers, pdf) = file(&server, &owner, Method::GET, &asked, None).await;
        assert_eq!(headers["content-type"], "application/pdf");
        let disposition = headers["content-disposition"].to_str().unwrap();
        assert!(disposition.contains("filename=\"quote-1.pdf\""), "{disposition}");
        assert!(disposition.ends_with(name), "{disposition}");
        let again = file(&server, &owner, Method::GET, &asked, None).await;
        assert!(pdf.starts_with(b"%PDF-") && again.1 == pdf);
        printed.push(pdf);
    }
    assert!(printed[0] != printed[1] && printed[1] != printed[2]);
    let body = json!({"token": token});
    let anybody = server.anonymous();
    let (_, opened) = file(&server, &anybody, Method::POST, "/quotes/pdf", Some(body)).await;
    assert!(opened.starts_with(b"%PDF-"));
    owner
        .get(&format!("{path}?lang=de"))
        .await
        .refused(400, "VALIDATION_FAILED");
    owner
        .get(&format!("/deals/{other}/quotes/{quote}/pdf"))
        .await
        .refused(404, "NOT_FOUND");
    anybody.get(&path).await.refused(401, "AUTH_UNAUTHORIZED");
    anybody
        .post("/quotes/pdf", json!({"token": "YQ"}))
        .await
        .refused(404, "NOT_FOUND");
}

/// What is answered as a file.
pub(super) async fn file(
    server: &Server,
    client: &Client,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> (HeaderMap, Vec<u8>) {
    let asked = reqwest::Client::new().request(method, format!("{}/api/v1{path}", server.url));
    let asked = match &client.token {
        Some(token) => asked.bearer_auth(token),
        None => asked,
    };
    let asked = match body {
        Some(body) => asked.json(&body),
        None => asked,
    };
    let answer = asked.send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    (answer.headers().clone(), answer.bytes().await.unwrap().to_vec())
}
