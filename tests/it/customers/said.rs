//! What is said with customers: recorded, corrected, taken out, and shown with the customer.

use super::{delete, documented};
use prometric_tests::{Server, story::id};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn calls_mails_and_notes_are_a_history_of_the_customer() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let customer = format!(
        "/customers/{}",
        id(&owner.post("/customers", documented()).await.expect(201))
    );
    let path = format!("{customer}/interactions");
    let version = owner.get(&customer).await.expect(200)["version"].clone();
    let mail = json!({
        "type": "email", "direction": "outbound", "subject": "Contract renewal discussion", "notes": "Условия продления",
        "date": "2025-01-14T09:00:00Z", "duration": 30, "outcome": "positive",
    });
    let told = owner.post(&path, mail.clone()).await.expect(201);
    assert_eq!(told["message"], json!("Interaction recorded"));
    let one = format!("{path}/{}", id(&told));

    let shown = owner.get(&one).await;
    assert_eq!(shown.header("etag"), "\"1\"");
    let shown = shown.expect(200);
    for (name, value) in mail.as_object().unwrap() {
        match name.as_str() {
            "date" => assert_eq!(shown["date"], json!("2025-01-14T09:00:00.000000Z")),
            _ => assert_eq!(&shown[name], value, "{name}"),
        }
    }
    assert_eq!(shown["userId"], json!(owner.user));

    let full = owner.get(&customer).await.expect(200);
    let activity = &full["activities"][0];
    for (name, value) in [
        ("type", json!("email")),
        ("subject", json!("Contract renewal discussion")),
        ("date", json!("2025-01-14")),
        ("userId", json!(owner.user)),
    ] {
        assert_eq!(activity[name], value, "{name}");
    }
    assert_eq!(full["version"], version, "the customer itself did not change");

    owner.put(&one, json!({"outcome": "negative"})).await.expect(200);
    let shown = owner.get(&one).await.expect(200);
    assert_eq!(
        (&shown["outcome"], &shown["subject"], &shown["version"]),
        (&json!("negative"), &mail["subject"], &json!(2))
    );
    let before = owner.get(&format!("{one}/history")).await.expect(200);
    assert_eq!(before["items"].as_array().unwrap().len(), 2);

    // The newest twenty in the details, all of them in their list.
    for n in 1..=21 {
        let note = json!({"subject": format!("Заметка {n:02}")});
        owner.post(&path, note).await.expect(201);
    }
    let full = owner.get(&customer).await.expect(200);
    let activities = full["activities"].as_array().unwrap();
    assert_eq!(
        (activities.len(), &activities[0]["subject"], &activities[0]["type"]),
        (20, &json!("Заметка 21"), &json!("note"))
    );
    let listed = owner.get(&path).await.expect(200);
    assert_eq!(
        (&listed["total"], listed["items"].as_array().unwrap().len()),
        (&json!(22), 20)
    );
    let subjects = async |query: &str| {
        let items = owner.items(&format!("{path}?{query}")).await;
        items
            .iter()
            .map(|item| item["subject"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(subjects("type=email").await, ["Contract renewal discussion"]);
    assert_eq!(
        subjects("sort=date&limit=1").await,
        ["Contract renewal discussion"],
        "by when it took place"
    );
    assert_eq!(
        subjects("dateTo=2025-01-31T00:00:00Z").await,
        ["Contract renewal discussion"]
    );
    assert_eq!(subjects("search=продления").await, ["Contract renewal discussion"]);

    delete(&owner, &one).await.expect(200);
    delete(&owner, &one).await.expect(200);
    let missing = owner.get(&one).await.refused(404, "NOT_FOUND");
    assert_eq!(missing["reason"], json!("interaction.missing"));
    assert_eq!(owner.get(&path).await.expect(200)["total"], json!(21));
    let trail = owner
        .items(&format!("/audit/interactions/{}", id(&told)))
        .await
        .into_iter()
        .map(|entry| entry["type"].clone());
    assert_eq!(
        trail.collect::<Vec<_>>(),
        ["interaction.recorded", "interaction.corrected", "interaction.removed"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_is_refused_by_name_and_sealed_with_the_customer() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let entered = owner.post("/customers", documented()).await.expect(201);
    let path = format!("/customers/{}/interactions", id(&entered));
    for (body, field, rule) in [
        (json!({}), "subject", "required"),
        (json!({"subject": "a", "type": "fax"}), "type", "not_allowed"),
        (
            json!({"subject": "a", "direction": "sideways"}),
            "direction",
            "not_allowed",
        ),
        (json!({"subject": "a", "duration": -1}), "duration", "negative"),
        (json!({"subject": "a", "date": "yesterday"}), "date", "wrong_type"),
        (json!({"subject": "a", "userId": owner.user}), "userId", "unknown"),
    ] {
        let refused = owner.post(&path, body).await;
        assert_eq!(refused.status, 400, "{field}");
        assert_eq!(refused.body["error"]["details"]["rules"][field], json!(rule), "{field}");
    }
    let nobody = "/customers/01a1fe4c-7fd5-7541-bd40-aaab1b2482bc/interactions";
    let refused = owner.post(nobody, json!({"subject": "a"})).await;
    assert_eq!(refused.refused(404, "NOT_FOUND")["reason"], json!("customer.missing"));

    let said = json!({"subject": "Маркер-Тема", "notes": "Маркер-Слова", "outcome": "Маркер-Итог"});
    let told = owner.post(&path, said).await.expect(201);
    let stored: String = sqlx::query_scalar("select data::text from log.events where stream_id = $1::uuid")
        .bind(id(&told))
        .fetch_one(&server.pool().await)
        .await
        .unwrap();
    assert!(stored.contains("$sealed") && !stored.contains("Маркер"), "{stored}");

    let person = json!({"personId": id(&entered)});
    owner.post("/privacy/erase", person).await.expect(200);
    let shown = owner.get(&format!("{path}/{}", id(&told))).await.expect(200);
    assert_eq!(
        (&shown["subject"], &shown["notes"], &shown["outcome"]),
        (&json!("***"), &Value::Null, &Value::Null)
    );
}
