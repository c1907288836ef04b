//! The way of the document, from the first store to its end.

use super::{PASSWORD, Till, cashier, owner, registration, server};
use prometric_tests::eventually;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_registers_signs_in_and_finds_their_stores() {
    let server = server().await;
    let till = Till::at(&server);
    let answer = till.post("/auth/register/", registration("Owner1")).await.expect(201);
    assert_eq!(answer["status"], "success");
    let data = &answer["data"];
    assert_eq!(
        (
            &data["user"]["username"],
            &data["user"]["email"],
            &data["user"]["full_name"]
        ),
        (&json!("owner1"), &json!("ivan@example.com"), &json!("Иван Иванов"))
    );
    assert_eq!(data["store"]["slug"], "moy-magazin-owner1");
    let key = data["store"]["tenant_key"].as_str().unwrap();
    let suffix = key.strip_prefix("moy-magazin-owner1_").unwrap();
    assert!(
        suffix.len() == 8 && suffix.chars().all(|c| c.is_ascii_hexdigit()),
        "{key}"
    );
    assert_eq!(data["employee"]["role_display"], "Владелец");
    assert_eq!(data["employee"]["permissions"][4], "manage_employees");

    let signed_in = till.login("OWNER1 ", PASSWORD).await.expect(200);
    assert_eq!(signed_in["user"], data["user"]);
    let store = &signed_in["available_stores"][0];
    assert_eq!(
        (&store["id"], &store["tenant_key"], &store["role"]),
        (&data["store"]["id"], &data["store"]["tenant_key"], &json!("owner"))
    );
    assert_eq!(
        signed_in["default_store"],
        json!({"tenant_key": key, "name": "Мой Магазин", "role": "owner"})
    );

    let next = till
        .post("/auth/token/refresh/", json!({"refresh": signed_in["refresh"]}))
        .await
        .expect(200);
    let person = till.with(&next["access"], &Value::Null);
    assert_eq!(
        person.get("/auth/my-stores/").await.expect(200)["data"]["stores"][0]["id"],
        data["store"]["id"]
    );
    let (code, details) = person.get("/auth/me/").await.refused(400);
    assert_eq!(
        (code.as_str(), &details["rules"]["X-Tenant-Key"]),
        ("REQUIRED_FIELD", &json!("required"))
    );
    let me = person
        .in_store(&data["store"]["tenant_key"])
        .get("/auth/me/")
        .await
        .expect(200);
    assert_eq!(
        (&me["data"]["user"], &me["data"]["store"]["id"], &me["data"]["role"]),
        (&data["user"], &data["store"]["id"], &json!("owner"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn little_is_asked_of_who_registers() {
    let server = server().await;
    let minimal = json!({
        "username": "owner1", "password": PASSWORD, "password_confirm": PASSWORD, "first_name": "Иван",
        "store_name": "Мой Магазин",
    });
    let data = Till::at(&server).post("/auth/register", minimal).await.expect(201)["data"].clone();
    assert_eq!(
        (
            &data["user"]["full_name"],
            &data["user"]["email"],
            &data["store"]["slug"]
        ),
        (&json!("Иван"), &Value::Null, &json!("moi-magazin"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_account_works_in_several_stores() {
    let server = server().await;
    let (till, first) = owner(&server, "owner1").await;
    let second = json!({"name": "Второй", "description": "Обувь", "email": "second@mystore.uz"});
    let second = till.post("/stores/", second).await.expect(201)["data"]["store"].clone();
    assert_eq!(
        (&second["description"], &second["slug"]),
        (&json!("Обувь"), &json!("vtoroi"))
    );
    let stores = till.get("/stores/").await.expect(200)["data"]["stores"].clone();
    assert_eq!(
        (&stores[0]["id"], &stores[1]["id"], stores.as_array().unwrap().len()),
        (&first["store"]["id"], &second["id"], 2)
    );
    let elsewhere = till.in_store(&second["tenant_key"]);
    for till in [&till, &elsewhere] {
        let employees = till.get("/employees/").await.expect(200)["data"].clone();
        assert_eq!(
            (&employees["total"], &employees["employees"][0]["role"]),
            (&json!(1), &json!("owner"))
        );
    }
    let changed = json!({"name": "Второй дом", "slug": "vtoroi", "description": null});
    let path = format!("/stores/{}/", second["id"]);
    let changed = till.patch(&path, changed).await.expect(200)["data"]["store"].clone();
    assert_eq!(
        (&changed["name"], &changed["description"], &changed["email"]),
        (&json!("Второй дом"), &Value::Null, &json!("second@mystore.uz"))
    );
    assert_eq!(till.get(&path).await.expect(200)["data"]["store"], changed);

    // What is the first store's is not the second's.
    let made = till.post("/employees/", cashier("cashier1")).await.expect(201)["data"]["employee"].clone();
    let path = format!("/employees/{}/", made["id"]);
    till.get(&path).await.expect(200);
    elsewhere.get(&path).await.refused(404);
    assert_eq!(elsewhere.get("/employees/").await.expect(200)["data"]["total"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cashier_comes_works_and_goes() {
    let server = server().await;
    let (till, _) = owner(&server, "owner1").await;
    let made = till.post("/employees/", cashier("Cashier1")).await.expect(201)["data"].clone();
    let employee = &made["employee"];
    assert_eq!(
        made["credentials"],
        json!({"username": "cashier1", "password": PASSWORD})
    );
    assert_eq!(
        (
            &employee["role_display"],
            &employee["full_name"],
            &employee["is_active"],
            &employee["email"]
        ),
        (&json!("Кассир"), &json!("Петр Петров"), &json!(true), &Value::Null)
    );
    let path = format!("/employees/{}/", employee["id"]);
    assert_eq!(till.get(&path).await.expect(200)["data"]["employee"], *employee);

    let signed_in = till.login("cashier1", PASSWORD).await.expect(200);
    assert_eq!(signed_in["default_store"]["role"], json!("cashier"), "{signed_in}");
    assert_eq!(
        signed_in["available_stores"][0]["permissions"],
        json!(["view_products", "create_sales", "view_customers", "create_customers"])
    );
    let at_till = till.with(&signed_in["access"], &signed_in["default_store"]["tenant_key"]);
    let (code, details) = at_till.post("/employees/", cashier("cashier2")).await.refused(403);
    assert_eq!(
        (code.as_str(), &details["permission"]),
        ("AUTH_FORBIDDEN", &json!("EMPLOYEES_CREATE"))
    );
    at_till.get("/employees/").await.refused(403);
    at_till.post("/stores/", json!({"name": "Свой"})).await.refused(403);

    let changed = till
        .patch(&path, json!({"role": "stockkeeper", "last_name": "Сидоров"}))
        .await;
    let changed = changed.expect(200)["data"]["employee"].clone();
    assert_eq!(
        (&changed["role"], &changed["full_name"]),
        (&json!("stockkeeper"), &json!("Петр Сидоров"))
    );
    till.delete(&path).await.expect(200);
    at_till.get("/auth/me/").await.refused(404);
    assert_eq!(
        till.get(&path).await.expect(200)["data"]["employee"]["is_active"],
        json!(false)
    );
    till.patch(&path, json!({"is_active": true})).await.expect(200);
    at_till.get("/auth/me/").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_password_ends_what_the_old_one_opened() {
    let server = server().await;
    let (till, data) = owner(&server, "owner1").await;
    let made = till.post("/employees/", cashier("cashier1")).await.expect(201)["data"].clone();
    let signed_in = till.login("cashier1", PASSWORD).await.expect(200);
    let at_till = till.with(&signed_in["access"], &data["store"]["tenant_key"]);
    let path = format!("/employees/{}/reset-password/", made["employee"]["id"]);
    let new = json!({"new_password": "NewSecurePass123"});
    let reset = till
        .ask(Method::POST, &path, Some(new.clone()), &[("Idempotency-Key", "r")])
        .await;
    let reset = reset.expect(200);
    assert_eq!(
        reset["data"],
        json!({"username": "cashier1", "new_password": "NewSecurePass123"})
    );
    let again = till
        .ask(Method::POST, &path, Some(new), &[("Idempotency-Key", "r")])
        .await;
    assert_eq!(again.expect(200), reset);
    let other = Some(json!({"new_password": "AnotherPass123"}));
    till.ask(Method::POST, &path, other, &[("Idempotency-Key", "r")])
        .await
        .refused(422);
    at_till.get("/auth/me/").await.refused(401);
    till.login("cashier1", PASSWORD).await.refused(401);
    let signed_in = till.login("cashier1", "NewSecurePass123").await.expect(200);

    let at_till = till.with(&signed_in["access"], &data["store"]["tenant_key"]);
    let wrong = json!({"old_password": PASSWORD, "new_password": "ThirdPass123"});
    let (_, details) = at_till.post("/auth/change-password/", wrong).await.refused(400);
    assert_eq!(details["rules"], json!({"old_password": "not_allowed"}));
    let right = json!({"old_password": "NewSecurePass123", "new_password": "ThirdPass123"});
    let changed = at_till.post("/auth/change-password/", right).await.expect(200);
    assert_eq!(changed["message"], "Пароль успешно изменён");
    at_till.get("/auth/me/").await.expect(200);
    till.login("cashier1", "ThirdPass123").await.expect(200);

    // One's own is changed by who knows it, and an owner's is nobody's to set.
    let mine = till.get("/employees/").await.expect(200)["data"]["employees"].clone();
    let mine = mine
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["role"] == "owner")
        .unwrap()["id"]
        .clone();
    let path = format!("/employees/{mine}/reset-password/");
    let (_, details) = till
        .post(&path, json!({"new_password": "Stolen12345"}))
        .await
        .refused(403);
    assert_eq!(details["reason"], "user.password_not_yours");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_store_is_nowhere_and_whole() {
    let server = server().await;
    let elsewhere = server.another_with(&[("PROMETRIC_RATE_LIMITS", "off")]).await;
    let (till, first) = owner(&server, "owner1").await;
    let second = till.post("/stores/", json!({"name": "Второй"})).await.expect(201)["data"]["store"].clone();
    let there = till.in_store(&second["tenant_key"]);
    let other_node = Till {
        url: elsewhere.url.clone(),
        ..there.clone()
    };
    other_node.get("/auth/me/").await.expect(200);
    there.post("/employees/", cashier("cashier1")).await.expect(201);
    let cashier = till.login("cashier1", PASSWORD).await.expect(200);
    let path = format!("/stores/{}/", second["id"]);
    let at_till = till.with(&cashier["access"], &second["tenant_key"]);
    at_till.delete(&path).await.refused(403);

    let key = [("Idempotency-Key", "closed")];
    let closed = till.ask(Method::DELETE, &path, None, &key).await.expect(200);
    assert_eq!(till.ask(Method::DELETE, &path, None, &key).await.expect(200), closed);
    for till in [&there, &at_till] {
        till.get("/auth/me/").await.refused(404);
    }
    eventually("the other node has heard", || async {
        (other_node.get("/auth/me/").await.status == 404).then_some(())
    })
    .await;
    till.get(&path).await.refused(404);
    till.delete(&path).await.refused(404);
    let stores = till.get("/auth/my-stores/").await.expect(200)["data"]["stores"].clone();
    assert_eq!(
        (&stores[0]["id"], stores.as_array().unwrap().len()),
        (&first["store"]["id"], 1)
    );
    let (code, details) = till
        .post("/stores/", json!({"name": "Ещё", "slug": "vtoroi"}))
        .await
        .refused(409);
    assert_eq!(
        (code.as_str(), &details["rules"]),
        ("ALREADY_EXISTS", &json!({"slug": "not_unique"}))
    );
    let events: i64 = sqlx::query_scalar(
        "select count(*) from log.events e join platform.workspaces w on w.id = e.workspace_id where w.slug = 'vtoroi'",
    )
    .fetch_one(&server.pool().await)
    .await
    .unwrap();
    assert!(events >= 4, "its owner and its cashier, {events} events");
}

/// Without an address there is no code by mail: an operator who knows them lets them back in.
#[tokio::test(flavor = "multi_thread")]
async fn an_owner_without_an_address_gets_another_password_from_an_operator() {
    let server = server().await;
    let (till, _) = owner(&server, "owner1").await;
    let nobody = server.tool(&["account", "password", "nobody", "--as", "Айгерим"]);
    let said = String::from_utf8_lossy(&nobody.stderr).into_owned();
    assert!(
        !nobody.status.success() && said.contains("there is no account"),
        "{said}"
    );
    let reset = server.tool(&["account", "password", " OWNER1", "--as", "Айгерим"]);
    assert!(reset.status.success(), "{}", String::from_utf8_lossy(&reset.stderr));
    let drawn = String::from_utf8(reset.stdout).unwrap();
    eventually("the old session has ended", || async {
        (till.get("/auth/my-stores/").await.status == 401).then_some(())
    })
    .await;
    till.login("owner1", PASSWORD).await.refused(401);
    till.login("owner1", drawn.trim()).await.expect(200);
    let by = "select metadata from log.events where type = 'user.password.changed' limit 1";
    let by: Value = sqlx::query_scalar(by).fetch_one(&server.pool().await).await.unwrap();
    assert!(by.to_string().contains("operator:Айгерим"), "{by}");
    assert!(!server.said().contains(drawn.trim()));
}
