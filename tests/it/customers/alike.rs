//! Customers that are likely one: found by what they have in common, and entered twice only on somebody's word.

use super::{delete, documented};
use crate::people::employ;
use prometric_tests::{Client, Server, story::id};
use serde_json::{Value, json};

async fn enter(owner: &Client, body: Value) -> String {
    id(&owner.post("/customers", body).await.expect(201))
}

/// Whom the query is like: their ids, and the signs.
async fn alike(client: &Client, path: &str) -> Vec<(String, Value)> {
    let items = client.items(path).await;
    items.iter().map(|item| (id(item), item["signs"].clone())).collect()
}

/// The same of what is known of somebody.
async fn asked(client: &Client, known: Value) -> Vec<(String, Value)> {
    let answer = client.post("/customers/duplicates", known).await.expect(200);
    let items = answer["items"].as_array().unwrap();
    items.iter().map(|item| (id(item), item["signs"].clone())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_likely_there_is_entered_on_somebody_s_word() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let first = enter(&owner, documented()).await;
    for (body, signs) in [
        (documented(), json!(["iin", "phone", "email", "name"])),
        (
            json!({"name": "Другое", "phone": "8 (700) 987-65-43"}),
            json!(["phone"]),
        ),
        (
            json!({"name": "Другое", "email": "Zhumabaev@Email.kz"}),
            json!(["email"]),
        ),
        (json!({"name": "Другое", "iin": "901231234567"}), json!(["iin"])),
    ] {
        let refused = owner.post("/customers", body.clone()).await.refused(409, "CONFLICT");
        assert_eq!(refused["reason"], json!("customer.likely_duplicate"), "{body}");
        let named = &refused["duplicates"][0];
        assert_eq!(
            (&named["id"], &named["name"], &named["signs"]),
            (&json!(first), &json!("ИП Жумабаев А.С."), &signs),
            "{body}"
        );
    }
    assert_eq!(owner.get("/customers").await.expect(200)["total"], json!(1));

    // With another IIN it is another person, whatever else is the same; so is whom somebody says to be another.
    let mut relative = documented();
    relative["iin"] = json!("901231234568");
    enter(&owner, relative).await;
    let mut again = documented();
    again["allowDuplicate"] = json!(true);
    enter(&owner, again).await;
    // A company's BIN may be its branches', and a name anybody's.
    for _ in 0..2 {
        enter(&owner, json!({"name": "ТОО Tech Solutions", "bin": "123456789012"})).await;
    }
    // What is not valid is told first.
    let mut invalid = documented();
    invalid["name"] = json!(" ");
    owner.post("/customers", invalid).await.refused(400, "REQUIRED_FIELD");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_of_a_creation_is_not_its_own_duplicate() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let once = async || {
        owner
            .send(
                reqwest::Method::POST,
                "/customers",
                Some(documented().to_string()),
                &[("Idempotency-Key", "once")],
            )
            .await
            .expect(201)
    };
    let first = once().await;
    assert_eq!(once().await["id"], first["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn anybody_may_ask_who_is_likely_the_same() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let person = enter(&owner, documented()).await;
    let company = json!({"name": "ТОО «Қазына Сервис»", "bin": "123456789012", "phone": "+7 701 000 11 22"});
    let company = enter(&owner, company).await;
    enter(&owner, json!({"name": "Алтын Дән"})).await;
    for (known, found, signs) in [
        (json!({"iin": "901231234567"}), &person, json!(["iin"])),
        (json!({"bin": "123456789012"}), &company, json!(["bin"])),
        (json!({"phone": "87010001122"}), &company, json!(["phone"])),
        (json!({"email": "ZHUMABAEV@email.kz"}), &person, json!(["email"])),
        (json!({"name": "Казына-сервис"}), &company, json!(["name"])),
        (
            json!({"name": "Казына Сервис ЖШС", "bin": "123456789012"}),
            &company,
            json!(["bin", "name"]),
        ),
    ] {
        assert_eq!(asked(&owner, known.clone()).await, [(found.clone(), signs)], "{known}");
    }
    for known in [
        json!({}),
        json!({"name": "Құрылыс"}),
        json!({"name": "Казына Сервис", "bin": "999999999999"}),
    ] {
        assert!(asked(&owner, known.clone()).await.is_empty(), "{known}");
    }
    for (wrong, field) in [(json!({"bin": "12"}), "bin"), (json!({"colour": "red"}), "colour")] {
        let refused = owner.post("/customers/duplicates", wrong).await;
        let rules = refused.refused(400, "VALIDATION_FAILED")["rules"].clone();
        assert!(rules[field].is_string(), "{rules}");
    }

    // Of one that is there, without itself; it follows what changes, and forgets who is archived.
    let second = enter(&owner, json!({"name": "Алтын Орда"})).await;
    let of = async |customer: &str| alike(&owner, &format!("/customers/{customer}/duplicates")).await;
    assert!(of(&company).await.is_empty());
    let path = format!("/customers/{second}");
    owner
        .put(&path, json!({"name": "Казына Сервис", "phone": "87010001122"}))
        .await
        .expect(200);
    let both = json!(["phone", "name"]);
    assert_eq!(of(&company).await, [(second.clone(), both.clone())]);
    assert_eq!(of(&second).await, [(company.clone(), both)]);
    delete(&owner, &path).await.expect(200);
    assert!(of(&company).await.is_empty());
    owner.get(&format!("{path}/duplicates")).await.refused(404, "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_may_see_a_customer_hears_its_name() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let (seller, employee) = employ(&server, &owner, "me@company.kz", json!({})).await;
    let rights = json!(["CUSTOMERS_VIEW:own", "CUSTOMERS_CREATE", "DEALS_VIEW"]);
    let role = json!({"name": "Продавец", "permissions": rights});
    let role = id(&owner.post("/roles", role).await.expect(201));
    owner
        .put(&format!("/employees/{employee}"), json!({"roleId": role}))
        .await
        .expect(200);
    let first = enter(&owner, documented()).await;
    let refused = seller.post("/customers", documented()).await.refused(409, "CONFLICT");
    assert_eq!(
        (&refused["reason"], &refused["duplicates"]),
        (&json!("customer.likely_duplicate"), &json!([]))
    );
    let known = json!({"iin": "901231234567"});
    assert!(asked(&seller, known.clone()).await.is_empty());
    let theirs = json!({"assignedTo": seller.user});
    owner.put(&format!("/customers/{first}"), theirs).await.expect(200);
    let refused = seller.post("/customers", documented()).await.refused(409, "CONFLICT");
    assert_eq!(refused["duplicates"][0]["id"], json!(first));
    assert_eq!(asked(&seller, known).await, [(first.clone(), json!(["iin"]))]);

    // A deal tells how to reach its customer only to whom that customer is shown.
    let deal = json!({"title": "ERP", "customerId": first});
    let deal = format!("/deals/{}", id(&owner.post("/deals", deal).await.expect(201)));
    let seen = async || seller.get(&deal).await.expect(200)["customer"].clone();
    assert_eq!(seen().await["email"], json!("zhumabaev@email.kz"));
    let nobodys = json!({"assignedTo": null});
    owner.put(&format!("/customers/{first}"), nobodys).await.expect(200);
    let hidden = seen().await;
    assert!(hidden["name"].is_string() && hidden.get("email").is_none(), "{hidden}");

    // However many others are like somebody, one's own is found among them.
    for n in 0..51 {
        let other = json!({"name": format!("Филиал {n}"), "bin": "123456789012"});
        enter(&owner, other).await;
    }
    let own = json!({"name": "Свой", "bin": "123456789012", "assignedTo": seller.user});
    let own = enter(&owner, own).await;
    assert_eq!(
        asked(&seller, json!({"bin": "123456789012"})).await,
        [(own, json!(["bin"]))]
    );
}
