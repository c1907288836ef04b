//! What is known of a customer: as document 2 prints it, with contacts that keep their ids, and changed by two people at once.

use super::{delete, documented};
use futures::future::join;
use prometric_tests::{Client, Server, story::id};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn ids(customer: &Value) -> Vec<String> {
    customer["contacts"].as_array().unwrap().iter().map(id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_as_document_2_prints_it() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let created = owner.post("/customers", documented()).await.expect(201);
    assert_eq!(
        (&created["name"], &created["status"]),
        (&json!("ИП Жумабаев А.С."), &json!("LEAD"))
    );
    assert!(created["customerNumber"].as_str().unwrap().starts_with("CUS-"));
    let path = format!("/customers/{}", id(&created));

    let listed = owner.items("/customers").await.remove(0);
    for (name, value) in documented().as_object().unwrap() {
        if name != "contacts" {
            assert_eq!(&listed[name], value, "{name}");
        }
    }
    for (name, value) in documented()["contacts"][0].as_object().unwrap() {
        assert_eq!(&listed["contacts"][0][name], value, "contacts {name}");
    }
    let metrics = json!({
        "totalOrders": 0, "totalRevenue": 0, "averageOrderValue": null, "lastOrderDate": null, "paymentBehavior": null,
    });
    assert_eq!(listed["metrics"], metrics);
    assert_eq!((&listed["balance"], &listed["lifetimeValue"]), (&json!(0), &json!(0)));

    let shown = owner.get(&path).await.expect(200);
    assert_eq!(shown["fullDetails"], json!(true));
    for list in ["deals", "orders", "invoices", "activities"] {
        assert_eq!(shown[list], json!([]), "{list}");
    }

    let asked = json!({"status": "ACTIVE", "segment": "Enterprise", "creditLimit": 10_000_000, "rating": 5});
    let changed = owner.put(&path, asked).await.expect(200);
    assert_eq!(
        (&changed["id"], &changed["message"]),
        (&created["id"], &json!("Customer updated successfully"))
    );
    let shown = owner.get(&path).await.expect(200);
    assert_eq!(
        (
            &shown["status"],
            &shown["segment"],
            &shown["creditLimit"],
            &shown["rating"]
        ),
        (&json!("ACTIVE"), &json!("Enterprise"), &json!(10_000_000), &json!(5))
    );
    assert_eq!(shown["iin"], json!("901231234567"), "what is not named stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_is_converted_goes_and_comes_back_and_is_archived_with_its_history() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let created = owner.post("/customers", documented()).await.expect(201);
    let path = format!("/customers/{}", id(&created));
    for _ in 0..2 {
        let converted = owner.post(&format!("{path}/convert"), json!({})).await.expect(200);
        assert_eq!(
            (&converted["id"], &converted["status"], &converted["message"]),
            (
                &created["id"],
                &json!("ACTIVE"),
                &json!("Lead converted to active customer")
            )
        );
    }
    for status in ["INACTIVE", "ACTIVE", "INACTIVE", "CHURNED"] {
        owner.put(&path, json!({"status": status})).await.expect(200);
    }
    for status in ["LEAD", "PROSPECT", "ACTIVE", "INACTIVE"] {
        let refused = owner.put(&path, json!({"status": status})).await;
        assert_eq!(refused.refused(409, "INVALID_TRANSITION")["from"], json!("CHURNED"));
    }
    let refused = owner.post(&format!("{path}/convert"), json!({})).await;
    assert_eq!(
        refused.refused(409, "INVALID_TRANSITION")["reason"],
        json!("customer.no_such_step")
    );
    delete(&owner, &path).await.expect(200);
    owner.get(&path).await.refused(404, "NOT_FOUND");
    assert!(owner.items("/customers").await.is_empty());
    let trail = owner
        .items(&format!("/audit/customers/{}", id(&created)))
        .await
        .into_iter()
        .map(|entry| entry["type"].as_str().unwrap().to_owned());
    let trail: Vec<String> = trail.collect();
    assert_eq!(trail.first().map(String::as_str), Some("customer.created"));
    assert_eq!(trail.last().map(String::as_str), Some("customer.archived"));
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_keep_their_ids() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let person = |name: &str| json!({"firstName": name});
    let body = json!({"name": "ТОО", "contacts": [person("Арман"), person("Әсел")]});
    let path = format!("/customers/{}", id(&owner.post("/customers", body).await.expect(201)));
    let shown = async || owner.get(&path).await.expect(200);
    let first = shown().await;
    let [arman, asel] = &ids(&first)[..] else {
        panic!("{first}")
    };

    // The same people once more change nothing.
    let version = first["version"].clone();
    let again = json!({"contacts": [person("Арман"), person("Әсел")]});
    owner.put(&path, again).await.expect(200);
    let unchanged = shown().await;
    assert_eq!((ids(&unchanged), &unchanged["version"]), (ids(&first), &version));

    // In another order, with somebody new.
    let moved = json!({"contacts": [person("Әсел"), person("Иван"), person("Арман")]});
    owner.put(&path, moved).await.expect(200);
    let now = ids(&shown().await);
    assert_eq!((&now[0], &now[2]), (asel, arman));
    assert!(![arman, asel].contains(&&now[1]));

    // By the id, somebody is renamed; nobody is there twice.
    let renamed = json!({"contacts": [{"id": asel, "firstName": "Асель"}]});
    owner.put(&path, renamed).await.expect(200);
    let now = shown().await;
    assert_eq!(
        (&now["contacts"][0]["firstName"], ids(&now)),
        (&json!("Асель"), vec![asel.clone()])
    );
    let twice = json!({"contacts": [{"id": asel, "firstName": "a"}, {"id": asel, "firstName": "b"}]});
    let refused = owner.put(&path, twice).await.refused(400, "VALIDATION_FAILED");
    assert_eq!(refused["rules"], json!({"contacts[1].id": "not_unique"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_who_change_different_fields_both_succeed() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let path = format!(
        "/customers/{}",
        id(&owner.post("/customers", json!({"name": "ТОО"})).await.expect(201))
    );
    let change = async |client: &Client, field: &str, n: usize| {
        let value = json!({field: format!("{field} {n}")});
        client.put(&path, value).await.expect(200);
    };
    let other = owner.clone();
    for n in 0..10 {
        join(change(&owner, "segment", n), change(&other, "source", n)).await;
        let shown = owner.get(&path).await.expect(200);
        assert_eq!(
            (&shown["segment"], &shown["source"]),
            (&json!(format!("segment {n}")), &json!(format!("source {n}")))
        );
    }
    let told = owner.get(&format!("{path}/history?limit=100")).await.expect(200);
    let changes = told["items"].as_array().unwrap().iter();
    let changes = changes.filter(|entry| entry["type"] == "customer.updated");
    assert_eq!(changes.count(), 20, "one event for each, with what it named");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_assigned_to_a_member() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let path = format!(
        "/customers/{}",
        id(&owner
            .post("/customers", json!({"name": "ТОО", "assignedTo": owner.user}))
            .await
            .expect(201))
    );
    let shown = owner.get(&path).await.expect(200);
    assert_eq!(shown["assignedTo"], json!(owner.user));
    assert!(shown["assignedToName"].as_str().is_some_and(|name| !name.is_empty()));
    let stranger = json!({"assignedTo": "01a1fe4c-7ea2-70b5-ac4b-e8b7ec5e169b"});
    let refused = owner.put(&path, stranger).await.refused(404, "NOT_FOUND");
    assert_eq!(refused["rules"], json!({"assignedTo": "unknown"}));
    owner.put(&path, json!({"assignedTo": null})).await.expect(200);
    let shown = owner.get(&path).await.expect(200);
    assert_eq!(
        (&shown["assignedTo"], &shown["assignedToName"]),
        (&Value::Null, &Value::Null)
    );
    let names: BTreeSet<String> = owner
        .items(&format!("/customers?assignedTo={}", owner.user))
        .await
        .iter()
        .map(id)
        .collect();
    assert!(names.is_empty());
}
