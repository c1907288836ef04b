//! `Idempotency-Key` on every write there is.

use crate::idempotency::commanded;
use prometric_tests::{Server, Yard, routes};
use reqwest::Method;
use serde_json::json;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Sign-in keeps to rules of its own, what only asks writes nothing, and what takes a form is tried by its noun.
fn stands_apart(name: &str) -> bool {
    name.contains(" /auth/")
        || name.contains(" /imports")
        || name.contains("/images")
        || name == "POST /customers/duplicates"
}

#[tokio::test(flavor = "multi_thread")]
async fn every_write_answers_a_repeat_as_the_first_and_refuses_another_request_under_its_key() {
    let server = Server::start_with(&[]).await;
    let yard = Yard::open(&server).await;
    let (owner, told) = (&yard.owner, |path: &str| path.to_owned());
    let gone = yard
        .owner
        .post("/customers", json!({"name": "На время"}))
        .await
        .expect(201);
    let gone = format!("/customers/{}", gone["id"].as_str().unwrap());
    let said = format!("{gone}/interactions");
    let said = yard.owner.post(&said, json!({"subject": "На время"})).await.expect(201)["id"].clone();
    let open = yard
        .owner
        .post("/deals", json!({"title": "Открытая"}))
        .await
        .expect(201);
    let open = format!("/deals/{}", open["id"].as_str().unwrap());
    let note = yard.owner.items("/notifications").await[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut writes: Vec<(Method, String, String, String)> = yard
        .shapes
        .iter()
        .map(|shape| {
            (
                shape.method.clone(),
                told(shape.route),
                shape.path.clone(),
                shape.good.to_string(),
            )
        })
        .collect();
    let revoked = json!({"name": "a", "permissions": ["DEALS_VIEW"]});
    let revoked = yard.owner.post("/api-keys", revoked).await.expect(201);
    let revoked = format!("/api-keys/{}", revoked["id"].as_str().unwrap());
    let employee = async |email: &str| {
        let asked = json!({"email": email, "firstName": "a", "lastName": "a"});
        let made = owner.post("/employees", asked).await.expect(201);
        made["id"].as_str().unwrap().to_owned()
    };
    let let_in =
        json!({"email": "member@company.kz", "firstName": "a", "lastName": "a", "password": "SecurePassword123"});
    let let_in = owner.post("/employees", let_in).await.expect(201);
    let path = format!("/employees/{}/approve", let_in["id"].as_str().unwrap());
    owner.post(&path, json!({})).await.expect(200);
    let members = owner.items("/members").await;
    let member = members.iter().find(|member| member["role"] != "owner").unwrap()["id"].clone();
    let role = owner.post("/roles", json!({"name": "На время"})).await.expect(201)["id"].clone();
    let invited = json!({"email": "invited@company.kz", "organizationRole": "employee"});
    let invited = owner.post("/invitations", invited).await.expect(201)["id"].clone();
    let organization =
        owner.get(&format!("/workspaces/{}", owner.workspace)).await.expect(200)["organizationId"].clone();
    let note_of_deal = json!({"type": "note", "subject": "a"});
    let activity = owner
        .post(&format!("{open}/activities"), note_of_deal)
        .await
        .expect(201)["id"]
        .clone();
    let document = json!({"name": "a", "url": "https://storage.prometric.kz/a.pdf"});
    let document = owner.post(&format!("{open}/documents"), document).await.expect(201)["id"].clone();
    let pipeline = json!({"name": "На время", "stages": [{"name": "a", "stage": "LEAD"}]});
    let pipeline = owner.post("/pipelines", pipeline).await.expect(201)["id"].clone();
    let quotes = async || {
        let valued = json!({"title": "Предложение", "value": 100});
        let valued = owner.post("/deals", valued).await.expect(201)["id"].clone();
        format!("/deals/{}/quotes", valued.as_str().unwrap())
    };
    let (offered, unoffered) = (quotes().await, quotes().await);
    let quote = owner.post(&offered, json!({})).await.expect(201)["id"].clone();
    let of = |path: &str, id: &serde_json::Value| format!("{path}/{}", id.as_str().unwrap());
    let made = async |path: &str, body: serde_json::Value| of(path, &owner.post(path, body).await.expect(201)["id"]);
    let bodiless = [
        (
            Method::DELETE,
            "/categories/{id}",
            made("/categories", json!({"name": "На время"})).await,
        ),
        (
            Method::DELETE,
            "/price-lists/{id}",
            made("/price-lists", json!({"name": "На время"})).await,
        ),
        (
            Method::DELETE,
            "/products/{id}",
            made("/products", json!({"code": "gone", "name": "На время"})).await,
        ),
        (
            Method::DELETE,
            "/warehouses/{id}",
            made("/warehouses", json!({"name": "На время"})).await,
        ),
        (Method::DELETE, "/api-keys/{id}", revoked),
        (
            Method::POST,
            "/employees/{id}/approve",
            format!("/employees/{}/approve", employee("one@company.kz").await),
        ),
        (
            Method::POST,
            "/organizations/{orgId}/employees/{empId}/approve",
            of("/organizations", &organization) + &format!("/employees/{}/approve", employee("two@company.kz").await),
        ),
        (Method::DELETE, "/pipelines/{id}", of("/pipelines", &pipeline)),
        (
            Method::DELETE,
            "/custom-fields/{id}",
            made("/custom-fields", json!({"key": "gone", "label": "На время"})).await,
        ),
        (Method::DELETE, "/activities/{id}", of("/activities", &activity)),
        (
            Method::DELETE,
            "/deals/{id}/documents/{documentId}",
            of(&format!("{open}/documents"), &document),
        ),
        (Method::DELETE, "/members/{id}", of("/members", &member)),
        (Method::DELETE, "/roles/{id}", of("/roles", &role)),
        (Method::DELETE, "/invitations/{id}", of("/invitations", &invited)),
        (
            Method::PUT,
            "/notifications/{id}/read",
            format!("/notifications/{note}/read"),
        ),
        (
            Method::DELETE,
            "/customers/{id}/interactions/{interactionId}",
            of(&format!("{gone}/interactions"), &said),
        ),
        (Method::POST, "/customers/{id}/convert", format!("{gone}/convert")),
        (Method::DELETE, "/customers/{id}", gone),
    ];
    writes.extend(bodiless.map(|(method, route, path)| (method, told(route), path, String::new())));

    let there = routes(&server)
        .await
        .into_iter()
        .filter(|route| route.method != Method::GET)
        .map(|route| route.name());
    let there: BTreeSet<String> = there.filter(|name| !stands_apart(name)).collect();
    let tried: BTreeSet<String> = writes
        .iter()
        .map(|(method, route, ..)| format!("{method} {route}"))
        .collect();
    let missing: Vec<&String> = there.difference(&tried).collect();
    assert!(missing.is_empty(), "how are these written to? {missing:?}");

    // Whoever is erased last is missed by nobody.
    writes.sort_by_key(|(_, route, ..)| route.ends_with("/privacy/erase"));

    let mut complaints = Vec::new();
    for (method, route, path, body) in writes {
        let name = format!("{method} {route}");
        if stands_apart(&name) {
            continue;
        }
        let path = match &*name {
            "POST /deals/{id}/lose" => format!("{open}/lose"),
            "POST /deals/{id}/quotes" => unoffered.clone(),
            "POST /deals/{id}/quotes/{quoteId}/send" => of(&offered, &quote) + "/send",
            _ => path,
        };
        // The same sample has made a product with this code already, and a role of this name.
        let body = match &*name {
            "PUT /products/{id}" => {
                let mut body: serde_json::Value = serde_json::from_str(&body).unwrap();
                body["code"] = json!("b");
                body["barcode"] = json!(null);
                body["barcodes"] = json!(["b"]);
                body.to_string()
            }
            "PUT /roles/{id}" => body.replace("\"name\":\"a\"", "\"name\":\"b\""),
            _ => body,
        };
        // A sample that only looks is no write.
        let body = body.replace("\"dryRun\":true", "\"dryRun\":false");
        let key = Uuid::now_v7().to_string();
        let headers = [("Idempotency-Key", key.as_str())];
        let send = async |path: &str, body: &str| {
            let body = (!body.is_empty()).then(|| body.to_owned());
            owner.send(method.clone(), path, body, &headers).await
        };
        let first = send(&path, &body).await;
        if first.status >= 400 {
            // What is refused leaves nothing to repeat; yet all samples are good ones, but for a code that nobody was sent, and
            // where no step was refused that could be decided on.
            if ![
                "/verify-email",
                "/invitations/accept",
                "/retry",
                "/skip",
                "/quotes/open",
                "/quotes/pdf",
                "/quotes/accept",
                "/quotes/decline",
                // Nothing is under way, and a draft is not sent.
                "/transfers/arrivals",
                "/ship",
                "/returns",
                "/change",
            ]
            .iter()
            .any(|end| route.ends_with(end))
            {
                complaints.push(format!("{name}: {} {}", first.status, first.body));
            }
            continue;
        }
        let written = commanded(&yard.pool).await;
        let again = send(&path, &body).await;
        let shown = |answer: &prometric_tests::Answer| {
            let headers = ["etag", "x-event-position"].map(|name| answer.headers.get(name).cloned());
            (answer.status, answer.body["data"].clone(), headers)
        };
        if shown(&again) != shown(&first) {
            complaints.push(format!("{name}: {:?}, then {:?}", shown(&first), shown(&again)));
        }
        if commanded(&yard.pool).await != written {
            complaints.push(format!("{name}: a repeat wrote something"));
        }
        let (other, body) = match route.split('/').nth(1) {
            // Its answer is kept beside the log.
            _ if route.ends_with("/batch") => (
                "/products/batch",
                json!({"products": [{"code": "another", "name": "Другой"}]}),
            ),
            Some("invitations") => ("/invitations", json!({"email": "another@company.kz"})),
            // What is written to the platform's log, and so are its keys.
            Some("workspaces" | "organizations" | "members" | "roles" | "api-keys" | "auth")
                if !route.contains("/employees/") =>
            {
                ("/workspaces", json!({"name": "Другое"}))
            }
            _ => ("/customers", json!({"name": "Другое"})),
        };
        let other = owner.send(Method::POST, other, Some(body.to_string()), &headers).await;
        // Somebody who is not signed in shares no key with anybody.
        if !route.starts_with("/users") && other.body["error"]["code"] != "IDEMPOTENCY_KEY_REUSED" {
            complaints.push(format!("{name}: another request under its key got {}", other.body));
        }
    }
    assert!(
        complaints.is_empty(),
        "{} complaints:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}
