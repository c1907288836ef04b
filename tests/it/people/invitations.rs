//! Invitations by mail: who accepts becomes a user, a member and an employee; who invited is told when that cannot be.

use super::{PASSWORD, delete, employ};
use prometric_tests::{Server, eventually, story::id};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn who_accepts_an_invitation_becomes_a_user_a_member_and_an_employee() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let anybody = server.anonymous();
    let department = id(&owner.post("/departments", json!({"name": "Продажи"})).await.expect(201));
    let email = "invited@company.kz";
    let body = json!({"email": email, "organizationRole": "manager", "permissions": ["FINANCE_VIEW"], "position": "Менеджер",
        "departmentId": department});
    let key = [("Idempotency-Key", "1")];
    let mut ids = vec![];
    for _ in 0..2 {
        let invited = owner
            .send(Method::POST, "/invitations", Some(body.to_string()), &key)
            .await
            .expect(201);
        assert_eq!(
            (&invited["status"], &invited["organizationRole"]),
            (&json!("pending"), &json!("manager"))
        );
        ids.push(id(&invited));
    }
    assert_eq!(ids[0], ids[1], "a repeat is the same invitation");
    assert!(
        owner.items("/employees").await.is_empty(),
        "nothing of them is in a log yet"
    );
    let code = server.code_for(email).await;
    let accept = async |more: Value| {
        let mut body = json!({"email": email, "code": code});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        anybody.post("/invitations/accept", body).await
    };
    let wrong = accept(json!({"code": "000000x"}))
        .await
        .refused(400, "VALIDATION_FAILED");
    assert_eq!(
        (&wrong["reason"], &wrong["rules"]),
        (&json!("invitation.code_wrong"), &json!({"code": "not_allowed"}))
    );
    let missing = accept(json!({})).await.refused(400, "REQUIRED_FIELD");
    assert_eq!(
        missing["rules"],
        json!({"password": "required", "firstName": "required", "lastName": "required"})
    );
    let newcomer = json!({"password": PASSWORD, "firstName": "Асхат", "lastName": "Жумабаев"});
    let accepted = accept(newcomer.clone()).await.expect(200);
    assert_eq!(accepted["workspaceId"], json!(owner.workspace));
    assert_eq!(
        accept(newcomer).await.expect(200),
        accepted,
        "asking again is no mistake"
    );

    let mut client = server.anonymous();
    client.sign_in(email, PASSWORD).await;
    assert_eq!(client.workspace, owner.workspace);
    client.get("/finance/invoices").await.expect(200);
    let employees = owner.items("/employees?status=active").await;
    assert_eq!(employees.len(), 1);
    for (field, value) in [
        ("id", accepted["employeeId"].clone()),
        ("userId", accepted["userId"].clone()),
        ("email", json!(email)),
        ("position", json!("Менеджер")),
        ("departmentName", json!("Продажи")),
        ("organizationRole", json!("manager")),
        ("permissions", json!(["FINANCE_VIEW"])),
    ] {
        assert_eq!(employees[0][field], value, "{field}");
    }
    assert_eq!(owner.items("/invitations").await[0]["status"], json!("accepted"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_somewhere_already_keeps_their_account_and_their_password() {
    let server = Server::start_with(&[]).await;
    let (owner, guest) = (server.owner().await, server.owner().await);
    let email: String = sqlx::query_scalar("select email from platform.users where id = $1::uuid")
        .bind(&guest.user)
        .fetch_one(&server.pool().await)
        .await
        .unwrap();
    let record = json!({"email": email, "firstName": "Асхат", "lastName": "Жумабаев", "position": "Бухгалтер"});
    let employee = id(&owner.post("/employees", record).await.expect(201));
    let invitation = json!({"email": email, "organizationRole": "accountant", "employeeId": employee});
    owner.post("/invitations", invitation).await.expect(201);
    let code = eventually("the second code", || async { server.codes_for(&email).get(1).cloned() }).await;
    let accept = json!({"email": email, "code": code});
    let accepted = server.anonymous().post("/invitations/accept", accept).await.expect(200);
    assert_eq!(
        (&accepted["userId"], &accepted["employeeId"]),
        (&json!(guest.user), &json!(employee))
    );
    guest
        .get(&format!("/workspaces/{}/finance/invoices", owner.workspace))
        .await
        .expect(200);
    let shown = owner.get(&format!("/employees/{employee}")).await.expect(200);
    assert_eq!(
        (&shown["status"], &shown["userId"]),
        (&json!("active"), &json!(guest.user))
    );
    assert_eq!(guest.items("/workspaces").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_invited_to_more_than_their_host_has() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let (host, employee) = employ(&server, &owner, "host@company.kz", json!({"organizationRole": "admin"})).await;
    let told = host
        .post(
            "/invitations",
            json!({"email": "a@company.kz", "organizationRole": "owner"}),
        )
        .await;
    assert_eq!(
        told.refused(403, "AUTH_FORBIDDEN")["permission"],
        json!("OWNERS_UPDATE")
    );
    host.post(
        "/invitations",
        json!({"email": "a@company.kz", "organizationRole": "admin"}),
    )
    .await
    .expect(201);
    let code = server.code_for("a@company.kz").await;
    owner
        .put(
            &format!("/employees/{employee}"),
            json!({"organizationRole": "employee"}),
        )
        .await
        .expect(200);
    let accept =
        json!({"email": "a@company.kz", "code": code, "password": PASSWORD, "firstName": "a", "lastName": "a"});
    let told = server
        .anonymous()
        .post("/invitations/accept", accept)
        .await
        .refused(403, "AUTH_FORBIDDEN");
    assert_eq!(
        told["reason"],
        json!("workspace.not_theirs_to_give"),
        "they have it no longer"
    );
    let orphans = "select count(*) from platform.credentials where user_id not in (select id from platform.users)";
    let orphans: i64 = sqlx::query_scalar(orphans)
        .fetch_one(&server.pool().await)
        .await
        .unwrap();
    assert_eq!(orphans, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_guessed_at_a_few_times_withdrawn_and_ends() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let (anybody, pool) = (server.anonymous(), server.pool().await);
    let invite = async |email: &str| {
        let invited = owner.post("/invitations", json!({"email": email})).await.expect(201);
        (id(&invited), server.code_for(email).await)
    };
    let accept = async |email: &str, code: &str| {
        let body = json!({"email": email, "code": code, "password": PASSWORD, "firstName": "a", "lastName": "a"});
        anybody.post("/invitations/accept", body).await
    };
    let (guessed, code) = invite("guessed@company.kz").await;
    for _ in 0..5 {
        accept("guessed@company.kz", "x")
            .await
            .refused(400, "VALIDATION_FAILED");
    }
    accept("guessed@company.kz", &code)
        .await
        .refused(400, "VALIDATION_FAILED");
    let told = eventually("whoever invited is told", || async {
        let told = owner.items("/notifications?type=invitation_failed").await;
        told.into_iter().next()
    })
    .await;
    assert_eq!(told["about"], json!(guessed));
    let (withdrawn, code) = invite("withdrawn@company.kz").await;
    delete(&owner, &format!("/invitations/{withdrawn}")).await.expect(200);
    delete(&owner, &format!("/invitations/{withdrawn}"))
        .await
        .refused(404, "NOT_FOUND");
    accept("withdrawn@company.kz", &code)
        .await
        .refused(400, "VALIDATION_FAILED");
    let (_, code) = invite("late@company.kz").await;
    sqlx::query(
        "update platform.invitations set valid_until = now() - interval '1 second' where email = 'late@company.kz'",
    )
    .execute(&pool)
    .await
    .unwrap();
    accept("late@company.kz", &code).await.refused(400, "VALIDATION_FAILED");
    let standing: Vec<String> = owner
        .items("/invitations")
        .await
        .iter()
        .map(|invitation| {
            format!(
                "{} {}",
                invitation["email"].as_str().unwrap(),
                invitation["status"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(standing, ["late@company.kz expired", "guessed@company.kz failed"]);
    assert!(owner.items("/employees").await.is_empty());
}
