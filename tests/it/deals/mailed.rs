//! Offers by mail: the link and the paper reach the customer, and whoever sent one is told when it does not arrive.

use super::{deal, quotes::file, shown};
use base64::{Engine, engine::general_purpose::STANDARD};
use prometric_tests::{Client, Server, eventually, sink::Sink, story::id};
use reqwest::Method;
use serde_json::{Value, json};

/// A deal with a new customer, and the path of what it offers.
async fn offered(owner: &Client, customer: Value) -> (String, String, String) {
    let customer = id(&owner.post("/customers", customer).await.expect(201));
    let body = json!({"title": "ERP", "customerId": customer, "value": 1_000});
    let deal = deal(owner, body).await;
    let quote = id(&owner
        .post(&format!("/deals/{deal}/quotes"), json!({}))
        .await
        .expect(201));
    let sending = format!("/deals/{deal}/quotes/{quote}/send");
    (customer, deal, sending)
}

/// The newest mail to that address.
async fn mailed(sink: &Sink, email: &str) -> String {
    let newest = || async { sink.mails_to(email).pop() };
    eventually("the mail", newest).await.text
}

/// Its words, in lines that are put together again.
fn words(mail: &str) -> String {
    mail.replace("=\r\n", "").replace("=3D", "=")
}

/// What is attached, as it stands in the mail.
fn attached(mail: &str) -> String {
    let (_, part) = mail.split_once("Content-Type: application/pdf").unwrap();
    let (_, body) = part.split_once("\r\n\r\n").unwrap();
    let (body, _) = body.split_once("--").unwrap();
    body.replace("\r\n", "")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_reaches_its_customer_by_mail_and_is_accepted_by_its_link() {
    let (sink, mut first) = (Sink::open().await, Server::start_with(&[]).await);
    let owner = first.owner().await;
    first.end().await;
    let (smtp, page) = (sink.url(), "https://app.company.kz");
    let server = first
        .another_with(&[("SMTP_URL", &smtp), ("FRONTEND_URL", &format!("{page}/"))])
        .await;
    let (owner, anybody) = (owner.at(&server.url), server.anonymous());

    // To a contact, where the customer has no address; once, however often it is sent.
    let contact = json!({"firstName": "a", "email": "buyer@company.kz", "isPrimary": true});
    let (.., sending) = offered(&owner, json!({"name": "ТОО Первый", "contacts": [contact]})).await;
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let told = owner.post(&sending, json!({})).await.expect(200);
        assert_eq!(told["mailed"], true, "{told}");
        tokens.push(told["token"].as_str().unwrap().to_owned());
    }
    let mail = mailed(&sink, "buyer@company.kz").await;
    let said = words(&mail);
    assert!(said.contains(&format!("{page}/quotes#{}", tokens[0])), "{said}");
    assert!(said.contains("lang=\"ru-RU\""), "{said}");
    let body = json!({"token": tokens[0]});
    let (_, paper) = file(&server, &anybody, Method::POST, "/quotes/pdf", Some(body)).await;
    assert!(attached(&mail) == STANDARD.encode(paper), "the same paper");

    // Who sent it hears that it did not arrive; the address is mended, and it goes out anew.
    sink.refuse(&["550 nobody of that name"]);
    let (customer, undelivered, sending) =
        offered(&owner, json!({"name": "ТОО Второй", "email": "gone@company.kz"})).await;
    owner.post(&sending, json!({})).await.expect(200);
    let told = eventually("whoever sent it is told", || async {
        let told = owner.items("/notifications?type=quote_undelivered").await;
        told.into_iter().next()
    })
    .await;
    assert_eq!(told["about"], json!(undelivered));
    let mended = json!({"email": "there@company.kz"});
    owner.put(&format!("/customers/{customer}"), mended).await.expect(200);
    owner.post(&sending, json!({"language": "kk"})).await.expect(200);
    let said = words(&mailed(&sink, "there@company.kz").await);
    assert!(said.contains("lang=\"kk-KZ\""), "{said}");
    let (_, token) = said.split_once("/quotes#").unwrap();
    let token: String = token
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c))
        .collect();
    anybody
        .post("/quotes/accept", json!({"token": token}))
        .await
        .expect(200);
    assert_eq!(shown(&owner, &undelivered).await["stage"], "WON");

    // Nobody is written to who has no address, or where the link goes another way.
    let (.., sending) = offered(&owner, json!({"name": "ТОО Третий"})).await;
    let told = owner.post(&sending, json!({})).await.expect(200);
    assert_eq!(told["mailed"], false);
    let (.., sending) = offered(&owner, json!({"name": "ТОО Четвёртый", "email": "quiet@company.kz"})).await;
    let told = owner.post(&sending, json!({"mail": false})).await.expect(200);
    assert_eq!(told["mailed"], false);
    assert!(sink.mails_to("quiet@company.kz").is_empty());
    assert_eq!(sink.mails_to("buyer@company.kz").len(), 1);
}
