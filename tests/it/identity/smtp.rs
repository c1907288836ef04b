//! Mail over SMTP: to addresses as mail servers know them, tried again when a server is busy, and given up when it will never be.

use super::{PASSWORD, login, organization};
use prometric_tests::{Server, eventually, sink::Sink};
use serde_json::json;

#[tokio::test]
async fn a_mail_reaches_an_address_of_any_script_and_is_tried_again() {
    let sink = Sink::open().await;
    let server = Server::start_with(&[("SMTP_URL", &sink.url()), ("MAIL_DIR", "")]).await;
    let anybody = server.anonymous();
    sink.refuse(&["451 later", "421 much later"]);
    let email = "owner@компания.қаз";
    anybody
        .post("/auth/register", organization(email, "161000000000"))
        .await
        .expect(201);
    let mailed = || async { sink.mails_to("owner@xn--80aqeigdi5k.xn--80ao21a").pop() };
    let mail = eventually("the mail at its third try", mailed).await;
    let code = mail
        .text
        .lines()
        .find(|line| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit()));
    let proof = json!({"email": email, "code": code});
    anybody.post("/auth/verify-email", proof).await.expect(200);
    login(&anybody, email, PASSWORD).await.expect(200);
    anybody
        .post("/auth/forgot-password", json!({"email": email}))
        .await
        .expect(200);
    let mailed = || async { sink.mails_to("owner@xn--80aqeigdi5k.xn--80ao21a").get(1).cloned() };
    let mail = eventually("the code for another password", mailed).await;
    assert!(mail.text.contains("multipart/alternative"), "{}", mail.text);
}

#[tokio::test]
async fn a_code_that_nobody_can_get_is_used_up() {
    let sink = Sink::open().await;
    let server = Server::start_with(&[("SMTP_URL", &sink.url()), ("MAIL_DIR", "")]).await;
    let (anybody, pool) = (server.anonymous(), server.pool().await);
    sink.refuse(&["550 nobody of that name"]);
    anybody
        .post("/auth/register", organization("gone@company.kz", "171000000000"))
        .await
        .expect(201);
    let spent = "select count(*) from platform.registrations where failures = 5 and mail_seed is null";
    eventually("it is given up", || async {
        (super::count(&pool, spent).await == 1).then_some(())
    })
    .await;
    assert!(sink.mails_to("gone@company.kz").is_empty());
    login(&anybody, "gone@company.kz", PASSWORD)
        .await
        .refused(403, "AUTH_FORBIDDEN");
    let mailed = || async { sink.mails_to("gone@company.kz").pop() };
    eventually("signing in asks for another", mailed).await;
}
