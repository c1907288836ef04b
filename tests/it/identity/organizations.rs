//! Companies and workspaces: a person without a company, a company more, what is known of it, and who may change that.

use super::{PASSWORD, login, text};
use crate::imports::reached;
use domain::Role;
use prometric_tests::{Server, eventually, story::id};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn who_comes_without_a_company_has_a_workspace_of_their_own() {
    let server = Server::start_with(&[]).await;
    let anybody = server.anonymous();
    for (email, names) in [
        ("person@mail.kz", json!({"firstName": "Имя", "lastName": "Фамилия"})),
        ("nameless@mail.kz", json!({})),
    ] {
        let mut body = json!({"email": email, "password": PASSWORD});
        body.as_object_mut().unwrap().extend(names.as_object().unwrap().clone());
        let registered = anybody.post("/auth/register", body).await.expect(201);
        assert!(registered["organizationId"].is_null(), "{registered}");
        let code = server.code_for(email).await;
        let proof = json!({"email": email, "code": code});
        anybody.post("/auth/verify-email", proof).await.expect(200);
        let mut person = server.anonymous();
        person.sign_in(email, PASSWORD).await;
        assert_eq!(json!(person.workspace), registered["workspaceId"]);
        let mine = person.items("/workspaces").await;
        assert_eq!(
            (
                mine.len(),
                &mine[0]["type"],
                &mine[0]["organizationId"],
                &mine[0]["role"]
            ),
            (1, &json!("personal"), &json!(null), &json!("owner"))
        );
        let called = if email == "person@mail.kz" {
            "Имя Фамилия"
        } else {
            "nameless"
        };
        assert_eq!(mine[0]["name"], json!(called));
        person.post("/customers", json!({"name": "a"})).await.expect(201);
        assert_eq!(person.items("/organizations").await.len(), 0);
        assert!(person.get("/auth/me").await.expect(200)["organizationId"].is_null());
    }
    let half = json!({"email": "half@mail.kz", "password": PASSWORD, "firstName": "a", "lastName": "a", "organizationName": "a"});
    let told = anybody
        .post("/auth/register", half)
        .await
        .refused(400, "REQUIRED_FIELD");
    assert_eq!(told["rules"], json!({"organizationBin": "required"}));
    let owner = json!({"email": "half@mail.kz", "password": PASSWORD, "firstName": "a", "lastName": "a"});
    let told = anybody
        .post("/users/register-owner", owner)
        .await
        .refused(400, "REQUIRED_FIELD");
    assert_eq!(
        told["rules"],
        json!({"bin": "required", "companyName": "required"}),
        "document 1 asks for a company"
    );
}

#[tokio::test]
async fn an_organization_is_founded_shown_and_changed_by_those_who_may() {
    let server = Server::start_with(&[]).await;
    let (owner, stranger) = (server.owner().await, server.owner().await);
    let mine = owner.items("/organizations").await;
    assert_eq!(
        (mine.len(), &mine[0]["role"], &mine[0]["premium"]),
        (1, &json!("owner"), &json!(false))
    );
    let one = format!("/organizations/{}", id(&mine[0]));
    let seen = owner.get(&one).await;
    assert_eq!(seen.header("etag"), "\"1\"");
    assert_eq!(seen.expect(200)["bin"], mine[0]["bin"]);
    stranger.get(&one).await.refused(404, "NOT_FOUND");
    stranger
        .put(&one, json!({"name": "Чужая"}))
        .await
        .refused(404, "NOT_FOUND");

    let accountant = server.member(&owner, Role::Accountant).await;
    assert_eq!(accountant.get(&one).await.expect(200)["role"], json!("accountant"));
    let told = accountant
        .put(&one, json!({"name": "a"}))
        .await
        .refused(403, "AUTH_FORBIDDEN");
    assert_eq!(told["permission"], json!("ORGANIZATIONS_UPDATE"));

    let change = json!({"name": "ТОО Новое", "address": "Алматы", "phone": "+7 727", "email": "info@company.kz"});
    let changed = owner.put(&one, change).await.expect(200);
    assert_eq!(
        [&changed["name"], &changed["address"], &changed["version"]],
        [&json!("ТОО Новое"), &json!("Алматы"), &json!(2)]
    );
    let emptied = owner.put(&one, json!({"address": null})).await.expect(200);
    assert_eq!(
        (&emptied["address"], &emptied["phone"]),
        (&json!(null), &json!("+7 727"))
    );
    assert_eq!(owner.get(&one).await.expect(200), emptied);
    let stale = [("If-Match", "\"2\"")];
    let body = Some(json!({"name": "a"}).to_string());
    owner
        .send(Method::PUT, &one, body, &stale)
        .await
        .refused(412, "VERSION_CONFLICT");
    let told = owner
        .put(&one, json!({"bin": "123456789012"}))
        .await
        .refused(400, "VALIDATION_FAILED");
    assert_eq!(told["rules"], json!({"bin": "unknown"}), "a BIN stays what it is");

    let founded = owner
        .post("/organizations", json!({"name": "ТОО Второе", "bin": "151000000000"}))
        .await
        .expect(201);
    assert_eq!(owner.items("/organizations").await.len(), 2);
    let inside = format!("/workspaces/{}/customers", text(&founded["workspaceId"]));
    owner.post(&inside, json!({"name": "a"})).await.expect(201);
    stranger.get(&inside).await.refused(404, "NOT_FOUND");
    let taken = stranger
        .post("/organizations", json!({"name": "a", "bin": "151000000000"}))
        .await
        .refused(409, "ALREADY_EXISTS");
    assert_eq!(taken["rules"], json!({"bin": "not_unique"}));
    let wrong = stranger
        .post("/organizations", json!({"name": "a", "bin": "15"}))
        .await
        .refused(400, "VALIDATION_FAILED");
    assert_eq!(wrong["rules"], json!({"bin": "not_twelve_digits"}));
    // The workspace named by the organization it belongs to, or not.
    let there = [
        ("X-Workspace-Id", founded["workspaceId"].as_str().unwrap()),
        ("X-Organization-Id", founded["id"].as_str().unwrap()),
    ];
    owner.send(Method::GET, "/customers", None, &there).await.expect(200);
    let elsewhere = [("X-Organization-Id", founded["id"].as_str().unwrap())];
    owner
        .send(Method::GET, "/customers", None, &elsewhere)
        .await
        .refused(400, "VALIDATION_FAILED");
}

#[tokio::test]
async fn numbers_whose_check_digit_does_not_hold_are_refused_where_that_is_asked_for() {
    const WRONG: &str = "123456789012";
    const RIGHT: &str = "123456789013";
    let server = Server::start_with(&[("CHECK_DIGITS", "refuse")]).await;
    let anybody = server.anonymous();
    let told = anybody.post("/auth/check-bin", json!({"bin": WRONG})).await.expect(200);
    assert_eq!(
        (&told["available"], &told["checkDigitHolds"]),
        (&json!(true), &json!(false))
    );
    let company = json!({"email": "owner@company.kz", "password": PASSWORD, "firstName": "a", "lastName": "a", "organizationName": "ТОО", "organizationBin": WRONG});
    let refused = anybody
        .post("/auth/register", company)
        .await
        .refused(400, "VALIDATION_FAILED");
    assert_eq!(refused["rules"], json!({"organizationBin": "check_digit"}));
    anybody
        .post(
            "/auth/register",
            json!({"email": "person@mail.kz", "password": PASSWORD}),
        )
        .await
        .expect(201);
    let proof = json!({"email": "person@mail.kz", "code": server.code_for("person@mail.kz").await});
    anybody.post("/auth/verify-email", proof).await.expect(200);
    let mut person = server.anonymous();
    person.sign_in("person@mail.kz", PASSWORD).await;
    let employee = json!({"email": "e@company.kz", "firstName": "a", "lastName": "a"});
    for (path, mut body, field) in [
        ("/organizations", json!({"name": "ТОО"}), "bin"),
        ("/customers", json!({"name": "ТОО"}), "bin"),
        ("/customers", json!({"name": "Имя", "type": "INDIVIDUAL"}), "iin"),
        ("/employees", employee, "iin"),
    ] {
        body[field] = json!(WRONG);
        let refused = person.post(path, body.clone()).await.refused(400, "VALIDATION_FAILED");
        assert_eq!(refused["rules"], json!({field: "check_digit"}), "{path}");
        body[field] = json!(RIGHT);
        person.post(path, body).await.expect(201);
    }
    let file = format!("name,bin,allowDuplicate\na,{WRONG},yes\nb,{RIGHT},yes\n");
    let sent = person
        .upload(file.as_bytes(), &[("resource", "customers"), ("dryRun", "true")], &[])
        .await
        .expect(201);
    let shown = reached(&person, &sent, "ready").await;
    assert_eq!((&shown["created"], &shown["failed"]), (&json!(1), &json!(1)), "{shown}");
    let wrong = &shown["errors"][0]["error"];
    assert_eq!(wrong["details"]["rules"], json!({"bin": "check_digit"}), "{shown}");
}

#[tokio::test]
async fn workspaces_are_of_three_kinds() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let organization = owner.get("/auth/me").await.expect(200)["organizationId"].clone();
    for (kind, of) in [
        ("corporate", &organization),
        ("store", &organization),
        ("personal", &json!(null)),
    ] {
        let made = owner
            .post("/workspaces", json!({"name": kind, "type": kind}))
            .await
            .expect(201);
        assert_eq!((&made["type"], &made["organizationId"]), (&json!(kind), of));
        let listed = owner.items(&format!("/workspaces?kind={kind}")).await;
        assert!(
            listed.iter().any(|workspace| workspace["id"] == made["id"]),
            "{listed:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_makes_an_organization_premium_and_every_node_knows() {
    let server = Server::start_with(&[
        ("PROMETRIC_RATE_LIMITS", "on"),
        ("RATE_LIMIT_ANONYMOUS", "100"),
        ("RATE_LIMIT_USER", "300"),
        ("RATE_LIMIT_PREMIUM", "900"),
    ])
    .await;
    let second = server.another().await;
    let (owner, other) = (server.owner().await, server.owner().await);
    let organization = text(&owner.get("/auth/me").await.expect(200)["organizationId"]);
    let limit =
        async |client: &prometric_tests::Client| client.get("/customers").await.header("x-ratelimit-limit").to_owned();
    for (switch, expected) in [("on", "900"), ("off", "300")] {
        let set = server.tool(&["organization", "premium", &organization, switch, "--as", "Айгерим"]);
        assert!(set.status.success(), "{set:?}");
        for node in [&server, &second] {
            let client = owner.at(&node.url);
            let known = || async { (limit(&client).await == expected).then_some(()) };
            eventually("the node knows", known).await;
            assert_eq!(limit(&other.at(&node.url)).await, "300");
        }
    }
    let listed = server.tool(&["organization", "list"]);
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains(&organization), "{listed}");
    let nobody = "00000000-0000-0000-0000-000000000001";
    let set = server.tool(&["organization", "premium", nobody, "on", "--as", "Айгерим"]);
    assert!(!set.status.success());
    let by = "select metadata::text from log.events where type = 'organization.premium.set' limit 1";
    let by: String = sqlx::query_scalar(by).fetch_one(&server.pool().await).await.unwrap();
    assert!(by.contains("operator:Айгерим"), "{by}");
    login(&owner, "nobody@company.kz", PASSWORD)
        .await
        .refused(401, "AUTH_INVALID_CREDENTIALS");
}
