//! Activities and documents of deals, and how likely a deal is won.

use super::{call, deal, delete, shown};
use domain::Role;
use prometric_tests::{Server, story::id};
use reqwest::Method;
use serde_json::{Value, json};

/// Document 2, "POST /deals/:id/activities", as printed.
#[tokio::test(flavor = "multi_thread")]
async fn an_activity_is_added_as_printed_and_shown_with_the_deal() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let customer = id(&owner.post("/customers", json!({"name": "ТОО"})).await.expect(201));
    let deal = deal(&owner, json!({"title": "ERP", "customerId": customer})).await;
    let path = format!("/deals/{deal}/activities");
    let added = owner.post(&path, call()).await.expect(201);
    assert_eq!(added["message"], "Activity added to deal");
    let meeting = json!({
        "type": "meeting", "subject": "Requirements gathering", "date": "2025-01-10T05:00:00Z", "duration": 120,
        "notes": "Discussed implementation timeline", "participants": [owner.user],
        "nextStep": "Send the offer", "nextStepDate": "2025-01-20",
    });
    owner.post(&path, meeting).await.expect(201);
    let seen = shown(&owner, &deal).await;
    let told = &seen["activities"][0];
    for (field, value) in [
        ("type", json!("meeting")),
        ("subject", json!("Requirements gathering")),
        ("date", json!("2025-01-10")),
        ("duration", json!(120)),
        ("notes", json!("Discussed implementation timeline")),
        ("participants", json!([owner.user])),
        ("nextStep", json!("Send the offer")),
        ("nextStepDate", json!("2025-01-20")),
        ("authorId", json!(owner.user)),
        ("outcome", Value::Null),
    ] {
        assert_eq!(told[field], value, "{field}");
    }
    assert_eq!(seen["activities"][1]["id"], added["id"], "the newest first");
    let metrics = &seen["metrics"];
    assert_eq!(
        (&metrics["activitiesCount"], &metrics["lastActivityDate"]),
        (&json!(2), &json!("2025-01-15"))
    );
    let listed = owner.get(&format!("{path}?type=call")).await.expect(200);
    assert_eq!(
        (&listed["total"], &listed["items"][0]["outcome"]),
        (&json!(1), &json!("positive"))
    );
    assert_eq!(owner.get(&path).await.expect(200)["total"], json!(2));
    let found = owner.items(&format!("/activities?participants={}", owner.user)).await;
    assert_eq!(found.len(), 1);
    assert!(owner.items(&format!("{path}?search=pricing")).await.len() == 1);
    // What is to come is none of what has been done last.
    let later = json!({"type": "task", "subject": "Call again", "date": "2999-01-01T00:00:00Z"});
    owner.post(&path, later).await.expect(201);
    let metrics = shown(&owner, &deal).await["metrics"].clone();
    assert_eq!(
        (&metrics["activitiesCount"], &metrics["lastActivityDate"]),
        (&json!(3), &json!("2025-01-15"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_activity_is_changed_and_taken_back_and_its_history_stays() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let deal = deal(&owner, json!({"title": "ERP"})).await;
    let before = shown(&owner, &deal).await["version"].clone();
    let activity = id(&owner
        .post(&format!("/deals/{deal}/activities"), call())
        .await
        .expect(201));
    let path = format!("/activities/{activity}");
    let held = owner.get(&path).await;
    assert_eq!(held.header("etag"), "\"1\"");
    owner
        .put(&path, json!({"outcome": "signed", "notes": null}))
        .await
        .expect(200);
    let seen = owner.get(&path).await.expect(200);
    assert_eq!(
        (&seen["outcome"], &seen["notes"], &seen["version"]),
        (&json!("signed"), &Value::Null, &json!(2))
    );
    let stale = [("If-Match", "\"1\"")];
    owner
        .send(Method::PUT, &path, Some(json!({"outcome": "none"}).to_string()), &stale)
        .await
        .refused(412, "VERSION_CONFLICT");
    owner
        .put(&path, json!({"participants": ["0190c2a5-0000-7000-8000-000000000000"]}))
        .await
        .refused(404, "NOT_FOUND");
    let history = owner.items(&format!("{path}/history")).await;
    assert_eq!(history.len(), 2);
    delete(&owner, &path).await.expect(200);
    owner.get(&path).await.refused(404, "NOT_FOUND");
    owner
        .put(&path, json!({"outcome": "none"}))
        .await
        .refused(404, "NOT_FOUND");
    delete(&owner, &path).await.expect(200);
    let history = owner.items(&format!("{path}/history")).await;
    assert_eq!(history.last().unwrap()["type"], "activity.removed", "its history stays");
    let audit = owner.items(&format!("/audit/activities/{activity}")).await;
    assert_eq!(audit.last().unwrap()["type"], "activity.removed");
    let seen = shown(&owner, &deal).await;
    assert_eq!(seen["metrics"]["activitiesCount"], json!(0));
    assert_eq!(
        seen["version"], before,
        "a deal is not changed by what is done about it"
    );
}

/// Only the newest are shown with the deal, and where the rest is.
#[tokio::test(flavor = "multi_thread")]
async fn a_deal_shows_the_newest_twenty() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let deal = deal(&owner, json!({"title": "ERP"})).await;
    for n in 0..21 {
        let note = json!({"subject": format!("Note {n}")});
        owner.post(&format!("/deals/{deal}/activities"), note).await.expect(201);
    }
    let seen = shown(&owner, &deal).await;
    let newest = seen["activities"].as_array().unwrap();
    assert_eq!(
        (newest.len(), &newest[0]["subject"], &newest[0]["type"]),
        (20, &json!("Note 20"), &json!("note"))
    );
    let rest = seen["more"]["activities"].as_str().unwrap();
    assert_eq!(owner.get(rest).await.expect(200)["total"], json!(21));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_change_a_deal_adds_nothing_to_it() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let deal = deal(&owner, json!({"title": "ERP"})).await;
    let path = format!("/deals/{deal}/activities");
    let activity = id(&owner.post(&path, call()).await.expect(201));
    let employee = server.member(&owner, Role::Employee).await.inside();
    assert_eq!(employee.items(&path).await.len(), 1, "an employee sees deals");
    for refused in [
        employee.post(&path, call()).await,
        employee
            .put(&format!("/activities/{activity}"), json!({"outcome": "a"}))
            .await,
        delete(&employee, &format!("/activities/{activity}")).await,
    ] {
        assert_eq!(refused.refused(403, "AUTH_FORBIDDEN")["permission"], "DEALS_UPDATE");
    }
    let stockkeeper = server.member(&owner, Role::Stockkeeper).await.inside();
    let unseen = stockkeeper.get(&path).await.refused(403, "AUTH_FORBIDDEN");
    assert_eq!(unseen["permission"], "DEALS_VIEW");
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_added_by_reference_and_shown_as_printed() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let deal = deal(&owner, json!({"title": "ERP"})).await;
    let path = format!("/deals/{deal}/documents");
    let proposal = json!({"name": "Proposal_v2.pdf", "type": "proposal", "url": "https://storage.prometric.kz/deals/proposal.pdf"});
    let added = owner.post(&path, proposal.clone()).await.expect(201);
    let documents = shown(&owner, &deal).await["documents"].clone();
    for field in ["name", "type", "url"] {
        assert_eq!(documents[0][field], proposal[field]);
    }
    assert_eq!(documents[0]["id"], added["id"]);
    assert_eq!(documents[0]["uploadedAt"].as_str().unwrap().len(), "2025-01-12".len());
    let wrong = json!({"name": "a", "url": "javascript:alert(1)"});
    let refused = owner.post(&path, wrong).await.refused(400, "VALIDATION_FAILED");
    assert_eq!(refused["rules"]["url"], "not_allowed");
    let one = format!("{path}/{}", id(&added));
    delete(&owner, &one).await.expect(200);
    let again = delete(&owner, &one).await.refused(404, "NOT_FOUND");
    assert_eq!(again["reason"], "deal.no_such_document");
    assert_eq!(shown(&owner, &deal).await["documents"], json!([]));
}

/// The one that is named holds, else the stage's; what is over is certain.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_probable_follows_the_stage_until_it_is_named() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let deal = deal(
        &owner,
        json!({"title": "ERP", "value": 1_000_000, "stage": "NEGOTIATION"}),
    )
    .await;
    let path = format!("/deals/{deal}");
    let told = async || {
        let seen = shown(&owner, &deal).await;
        (
            seen["effectiveProbability"].clone(),
            seen["metrics"]["weightedValue"].clone(),
        )
    };
    assert_eq!(told().await, (json!(75), json!(750_000)));
    owner.put(&path, json!({"stage": "PROPOSAL"})).await.expect(200);
    assert_eq!(told().await, (json!(50), json!(500_000)));
    owner.put(&path, json!({"probability": 62.5})).await.expect(200);
    assert_eq!(told().await, (json!(62.5), json!(625_000)));
    owner
        .post(&format!("{path}/lose"), json!({"lostReason": "price"}))
        .await
        .expect(200);
    assert_eq!(told().await, (json!(0), json!(0)));
    owner
        .post(&format!("{path}/stage"), json!({"stage": "CLOSING"}))
        .await
        .expect(200);
    assert_eq!(told().await, (json!(62.5), json!(625_000)));
    owner.put(&path, json!({"probability": null})).await.expect(200);
    assert_eq!(told().await, (json!(90), json!(900_000)));
    let likely = owner.get("/deals?effectiveProbability[gte]=90").await.expect(200);
    assert_eq!(likely["total"], json!(1));
}
