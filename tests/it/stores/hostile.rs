//! What is wrong is refused by name, and what is another's is not there.

use super::{PASSWORD, Till, cashier, owner, registration, server};
use prometric_tests::routes_below;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_is_refused_for_all_that_is_wrong_with_it() {
    let server = server().await;
    let (till, _) = owner(&server, "owner1").await;
    let stranger = Till::at(&server);
    let refused = async |change: Value, status: u16, rules: Value| {
        let mut body = registration("owner2");
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let (_, details) = stranger.post("/auth/register/", body).await.refused(status);
        assert_eq!(details["rules"], rules, "{change}");
    };
    for bad in ["ab", "a b c", "кассир", "a/b/c"] {
        refused(json!({"username": bad}), 400, json!({"username": "not_allowed"})).await;
    }
    refused(
        json!({"username": "x".repeat(51)}),
        400,
        json!({"username": "too_long"}),
    )
    .await;
    refused(json!({"username": "OWNER1"}), 409, json!({"username": "not_unique"})).await;
    refused(
        json!({"store_slug": "moy-magazin-owner1"}),
        409,
        json!({"store_slug": "not_unique"}),
    )
    .await;
    refused(json!({"store_slug": "Мой"}), 400, json!({"store_slug": "not_allowed"})).await;
    refused(
        json!({"password_confirm": "other"}),
        400,
        json!({"password_confirm": "not_allowed"}),
    )
    .await;
    refused(json!({"tenant": 1}), 400, json!({"tenant": "unknown"})).await;
    refused(
        json!({"first_name": " ", "store_name": "", "email": "nonsense", "owner_phone": "1".repeat(31)}),
        400,
        json!({"first_name": "required", "store_name": "required", "email": "not_an_email", "owner_phone": "too_long"}),
    )
    .await;
    // Nothing of all that has come to be.
    stranger.login("owner2", PASSWORD).await.refused(401);
    stranger
        .post("/auth/register/", registration("owner2"))
        .await
        .expect(201);
    till.post("/employees/", cashier("owner2")).await.refused(409);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_only_a_contact_takes_nothing_from_its_owner() {
    let server = server().await;
    let mut impostor = registration("impostor");
    impostor["email"] = json!("owner@company.kz");
    Till::at(&server).post("/auth/register/", impostor).await.expect(201);
    let mut named_so = registration("owner@company.kz");
    named_so["store_slug"] = Value::Null;
    named_so["password"] = json!("ImpostorPass1");
    named_so["password_confirm"] = json!("ImpostorPass1");
    Till::at(&server).post("/auth/register/", named_so).await.expect(201);
    let real = server.anonymous();
    let asked = json!({
        "email": "owner@company.kz", "password": "TheirOwnPass1", "firstName": "Имя", "lastName": "Фамилия",
        "organizationName": "ТОО", "organizationBin": "123456789012",
    });
    real.post("/auth/register", asked).await.expect(201);
    let code = server.code_for("owner@company.kz").await;
    let proof = json!({"email": "owner@company.kz", "code": code});
    real.post("/auth/verify-email", proof).await.expect(200);
    let till = Till::at(&server);
    till.login("owner@company.kz", "TheirOwnPass1").await.expect(200);
    till.login("owner@company.kz", "ImpostorPass1").await.refused(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_of_nothing_and_of_others_find_nothing() {
    let server = server().await;
    let (till, data) = owner(&server, "owner1").await;
    let (other, theirs) = owner(&server, "owner2").await;
    let made = other.post("/employees/", cashier("cashier1")).await.expect(201)["data"]["employee"].clone();
    let nothing = Uuid::now_v7().to_string();
    for id in [
        "999999999",
        &nothing,
        &theirs["store"]["id"].to_string(),
        &theirs["user"]["id"].to_string(),
    ] {
        let path = format!("/stores/{id}/");
        till.get(&path).await.refused(404);
        till.patch(&path, json!({"name": "a"})).await.refused(404);
        till.delete(&path).await.refused(404);
    }
    for id in ["999999999", nothing.as_str()] {
        let path = format!("/employees/{id}/");
        till.get(&path).await.refused(404);
        till.patch(&path, json!({"position": "a"})).await.refused(404);
        till.delete(&path).await.refused(404);
        let new = json!({"new_password": "NewSecurePass123"});
        till.post(&format!("{path}reset-password/"), new).await.refused(404);
    }
    for id in ["0", "-1", "abc", "1.5"] {
        for path in [format!("/stores/{id}/"), format!("/employees/{id}/")] {
            let (_, details) = till.get(&path).await.refused(400);
            assert!(details["rules"]["id"].is_string(), "{path}: {details}");
        }
    }
    // Another store's key, and another store's employee under one's own.
    till.in_store(&theirs["store"]["tenant_key"])
        .get("/employees/")
        .await
        .refused(404);
    let own = till.get("/employees/").await.expect(200)["data"]["employees"][0]["id"].clone();
    if made["id"] != own {
        till.get(&format!("/employees/{}/", made["id"])).await.refused(404);
    }
    till.get(&format!("/stores/{}/", data["store"]["id"])).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_makes_more_of_others_than_they_are() {
    let server = server().await;
    let (till, data) = owner(&server, "owner1").await;
    let of = |username: &str, role: &str| {
        let mut body = cashier(username);
        body["role"] = json!(role);
        body
    };
    till.post("/employees/", of("admin1", "admin")).await.expect(201);
    till.post("/employees/", of("manager1", "manager")).await.expect(201);
    let owner2 = till.post("/employees/", of("owner2", "owner")).await.expect(201)["data"]["employee"].clone();
    let key = &data["store"]["tenant_key"];
    let admin = till.login("admin1", PASSWORD).await.expect(200);
    let admin = till.with(&admin["access"], key);
    let (_, details) = admin.post("/employees/", of("owner3", "owner")).await.refused(403);
    assert_eq!(details["reason"], "workspace.not_theirs_to_give");
    till.login("owner3", PASSWORD).await.refused(401);
    admin.post("/employees/", of("owner3", "cashier")).await.expect(201);
    let path = format!("/employees/{}/reset-password/", owner2["id"]);
    let (_, details) = admin
        .post(&path, json!({"new_password": "Stolen12345"}))
        .await
        .refused(403);
    assert_eq!(details["permission"], "OWNERS_UPDATE");
    let manager = till.login("manager1", PASSWORD).await.expect(200);
    let manager = till.with(&manager["access"], key);
    manager.get("/employees/").await.expect(200);
    manager.post("/employees/", cashier("cashier9")).await.refused(403);
    manager
        .post(&path, json!({"new_password": "Stolen12345"}))
        .await
        .refused(403);
    // Who works elsewhere as well is not one store's to take over.
    let second = till.login("owner2", PASSWORD).await.expect(200);
    let second = till.with(&second["access"], key);
    second.post("/stores/", json!({"name": "Свой"})).await.expect(201);
    let (_, details) = till
        .post(&path, json!({"new_password": "Stolen12345"}))
        .await
        .refused(403);
    assert_eq!(details["reason"], "user.password_not_yours");
}

/// Every route there is: without a token it asks for one, and a field that it does not know it refuses.
#[tokio::test(flavor = "multi_thread")]
async fn every_route_asks_who_calls_and_knows_its_fields() {
    let server = server().await;
    let (till, _) = owner(&server, "owner1").await;
    let made = till.post("/employees/", cashier("cashier1")).await.expect(201)["data"]["employee"].clone();
    let stores = till.get("/stores/").await.expect(200)["data"]["stores"].clone();
    let routes = routes_below(&server, "/api/users").await;
    let routes: Vec<_> = routes
        .into_iter()
        .filter(|route| !route.path.starts_with("/v1"))
        .collect();
    assert_eq!(routes.len(), 19, "{routes:#?}");
    for route in routes {
        let id = match route.path.starts_with("/stores") {
            true => stores[0]["id"].to_string(),
            false => made["id"].to_string(),
        };
        let path = format!("{}/", route.path_of("", &id));
        let body = matches!(route.method, Method::POST | Method::PUT | Method::PATCH).then(|| json!({"nonsense": 1}));
        let anonymous = Till::at(&server)
            .ask(route.method.clone(), &path, body.clone(), &[])
            .await;
        match route.public {
            true => assert_eq!(anonymous.status, 400, "{}: {}", anonymous.what, anonymous.body),
            false => assert_eq!(anonymous.status, 401, "{}: {}", anonymous.what, anonymous.body),
        }
        if let Some(body) = body {
            let (_, details) = till.ask(route.method, &path, Some(body), &[]).await.refused(400);
            assert_eq!(details["rules"]["nonsense"], "unknown", "{path}: {details}");
        }
    }
}
