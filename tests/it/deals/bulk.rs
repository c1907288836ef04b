//! One step for many deals: each succeeds or fails alone, and a repeat does nothing twice.

use super::{deal, shown};
use domain::Role;
use prometric_tests::{Client, Server};
use reqwest::Method;
use serde_json::{Value, json};

async fn deals(owner: &Client, number: usize) -> Vec<String> {
    let mut deals = Vec::new();
    for nth in 0..number {
        deals.push(deal(owner, json!({"title": format!("ERP {nth}")})).await);
    }
    deals
}

fn counts(told: &Value) -> (&Value, &Value) {
    (&told["succeeded"], &told["failed"])
}

#[tokio::test(flavor = "multi_thread")]
async fn each_deal_moves_or_is_refused_alone() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let stranger = server.owner().await;
    let theirs = deal(&stranger, json!({"title": "Theirs"})).await;
    let ours = deals(&owner, 3).await;
    owner
        .post(&format!("/deals/{}/lose", ours[2]), json!({"lostReason": "price"}))
        .await
        .expect(200);
    let body = json!({"ids": [ours[0], theirs, ours[1], ours[2]], "stage": "CLOSING"});
    let told = owner.post("/deals/bulk/stage", body).await.expect(200);
    assert_eq!(counts(&told), (&json!(3), &json!(1)), "{told}");
    let refused = &told["results"][1];
    assert_eq!((&refused["id"], &refused["success"]), (&json!(theirs), &json!(false)));
    assert_eq!(
        (&refused["error"]["code"], &refused["error"]["reason"]),
        (&json!("NOT_FOUND"), &json!("deal.missing"))
    );
    assert!(
        refused["error"]["message"]
            .as_str()
            .is_some_and(|text| !text.is_empty())
    );
    for deal in &ours {
        assert_eq!(shown(&owner, deal).await["stage"], "CLOSING");
    }
    assert_eq!(shown(&stranger, &theirs).await["stage"], "LEAD");
    // Nothing can be sold of them: the rules are the same.
    let won = json!({"ids": ours, "stage": "WON"});
    let told = owner.post("/deals/bulk/stage", won).await.expect(200);
    assert_eq!(counts(&told), (&json!(0), &json!(3)));
    assert_eq!(told["results"][0]["error"]["reason"], "deal.no_customer");
    let lost = json!({"ids": ours, "stage": "LOST", "lostReason": "timing"});
    owner.post("/deals/bulk/stage", lost).await.expect(200);
    assert_eq!(
        owner.get("/deals?lostCategory=timing").await.expect(200)["total"],
        json!(3)
    );
    for (wrong, field) in [
        (json!({"ids": [], "stage": "LEAD"}), "ids"),
        (json!({"ids": vec![&ours[0]; 101], "stage": "LEAD"}), "ids"),
        (json!({"ids": ours, "stage": "LOST"}), "lostReason"),
        (
            json!({"ids": ours, "stage": "LEAD", "lostReason": "price"}),
            "lostReason",
        ),
    ] {
        let refused = owner.post("/deals/bulk/stage", wrong).await;
        assert_eq!(refused.status, 400, "{}", refused.body);
        assert!(
            refused.body["error"]["details"]["fields"][field].is_string(),
            "{}",
            refused.body
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_under_one_key_does_nothing_twice() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let ours = deals(&owner, 100).await;
    let key = [("Idempotency-Key", "all of them")];
    let send = async |body: Value| {
        owner
            .send(Method::POST, "/deals/bulk/stage", Some(body.to_string()), &key)
            .await
    };
    let first = send(json!({"ids": ours, "stage": "PROPOSAL"})).await;
    let position = first.header("x-event-position").to_owned();
    let first = first.expect(200);
    assert_eq!(counts(&first), (&json!(100), &json!(0)));
    // Meanwhile one went on: it is not brought back.
    owner
        .post(&format!("/deals/{}/stage", ours[7]), json!({"stage": "CLOSING"}))
        .await
        .expect(200);
    let again = send(json!({"ids": ours, "stage": "PROPOSAL"})).await;
    assert_eq!(again.header("x-event-position"), position);
    assert_eq!(again.expect(200), first);
    assert_eq!(shown(&owner, &ours[7]).await["stage"], "CLOSING");
    send(json!({"ids": ours, "stage": "LEAD"}))
        .await
        .refused(422, "IDEMPOTENCY_KEY_REUSED");
}

#[tokio::test(flavor = "multi_thread")]
async fn deals_are_assigned_as_far_as_rights_reach() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let manager = server.member(&owner, Role::Manager).await.inside();
    let ours = deals(&owner, 2).await;
    let body = json!({"ids": ours, "assignedTo": manager.user});
    let told = owner.post("/deals/bulk/assign", body).await.expect(200);
    assert_eq!(counts(&told), (&json!(2), &json!(0)));
    let mine = format!("/deals?assignedTo={}", manager.user);
    assert_eq!(owner.get(&mine).await.expect(200)["total"], json!(2));
    let nobody = json!({"ids": [ours[0]], "assignedTo": null});
    manager.post("/deals/bulk/assign", nobody).await.expect(200);
    assert_eq!(shown(&owner, &ours[0]).await["assignedTo"], Value::Null);
    let unknown = json!({"ids": ours, "assignedTo": "0190c2a5-0000-7000-8000-000000000000"});
    let told = owner.post("/deals/bulk/assign", unknown).await.expect(200);
    assert_eq!(told["results"][0]["error"]["rules"]["assignedTo"], "unknown");
    owner
        .post("/deals/bulk/assign", json!({"ids": ours}))
        .await
        .refused(400, "REQUIRED_FIELD");
    let employee = server.member(&owner, Role::Employee).await.inside();
    let refused = employee
        .post("/deals/bulk/assign", json!({"ids": ours, "assignedTo": null}))
        .await
        .refused(403, "AUTH_FORBIDDEN");
    assert_eq!(refused["permission"], "DEALS_UPDATE");
}
