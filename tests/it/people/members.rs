//! Members: what they may do is changed by those who may do it themselves, and counts at once on every node.

use super::{delete, employ};
use prometric_tests::{Client, Server, eventually, story::id};
use serde_json::{Value, json};

async fn member_of(owner: &Client, user: &str) -> Value {
    let members = owner.items("/members").await;
    members
        .into_iter()
        .find(|member| member["userId"] == user)
        .expect("a member")
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gives_more_than_they_have_and_there_is_always_an_owner() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let (admin, _) = employ(
        &server,
        &owner,
        "admin@company.kz",
        json!({"organizationRole": "admin"}),
    )
    .await;
    let (clerk, _) = employ(&server, &owner, "clerk@company.kz", json!({})).await;
    let path = |member: &Value| format!("/members/{}", id(member));
    let (of_owner, of_admin, of_clerk) = (
        path(&member_of(&owner, &owner.user).await),
        path(&member_of(&owner, &admin.user).await),
        path(&member_of(&owner, &clerk.user).await),
    );
    let not_theirs = async |client: &Client, path: &str, body: Value, permission: &str| {
        let told = client.put(path, body).await.refused(403, "AUTH_FORBIDDEN");
        assert_eq!(
            (&told["reason"], &told["permission"]),
            (&json!("workspace.not_theirs_to_give"), &json!(permission))
        );
    };
    not_theirs(&admin, &of_clerk, json!({"role": "owner"}), "OWNERS_UPDATE").await;
    not_theirs(
        &admin,
        &of_admin,
        json!({"permissions": ["OWNERS_UPDATE"]}),
        "OWNERS_UPDATE",
    )
    .await;
    not_theirs(&admin, &of_owner, json!({"role": "employee"}), "OWNERS_UPDATE").await;
    let told = delete(&admin, &of_owner).await.refused(403, "AUTH_FORBIDDEN");
    assert_eq!(told["permission"], json!("OWNERS_UPDATE"));
    let told = clerk
        .put(&of_clerk, json!({"role": "manager"}))
        .await
        .refused(403, "AUTH_FORBIDDEN");
    assert_eq!(told["permission"], json!("MEMBERS_UPDATE"));
    for answer in [
        owner.put(&of_owner, json!({"role": "admin"})).await,
        delete(&owner, &of_owner).await,
    ] {
        assert_eq!(answer.refused(409, "CONFLICT")["reason"], json!("workspace.last_owner"));
    }

    clerk
        .post("/customers", json!({"name": "a"}))
        .await
        .refused(403, "AUTH_FORBIDDEN");
    let granted = json!({"permissions": ["CUSTOMERS_CREATE"]});
    let changed = admin.put(&of_clerk, granted).await.expect(200);
    assert_eq!(changed["role"], json!("employee"));
    clerk.post("/customers", json!({"name": "a"})).await.expect(201);
    let seen = owner.get(&of_clerk).await.expect(200);
    assert_eq!(
        (&seen["email"], &seen["role"], &seen["permissions"]),
        (
            &json!("clerk@company.kz"),
            &json!("employee"),
            &json!(["CUSTOMERS_CREATE"])
        )
    );
    let found = owner.items("/members?search=CLERK&role=employee").await;
    assert_eq!((found.len(), &found[0]["id"]), (1, &seen["id"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_removed_is_out_at_once_here_and_elsewhere() {
    let server = Server::start_with(&[]).await;
    let second = server.another().await;
    let owner = server.owner().await;
    let (clerk, _) = employ(&server, &owner, "clerk@company.kz", json!({})).await;
    let elsewhere = clerk.at(&second.url);
    let deals = format!("/workspaces/{}/deals", owner.workspace);
    for client in [&clerk, &elsewhere] {
        client.get(&deals).await.expect(200);
    }
    let member = format!("/members/{}", id(&member_of(&owner, &clerk.user).await));
    delete(&owner, &member).await.expect(200);
    clerk.get(&deals).await.refused(404, "NOT_FOUND");
    eventually("the other node has heard", || async {
        (elsewhere.get(&deals).await.status == 404).then_some(())
    })
    .await;
    for answer in [owner.get(&member).await, delete(&owner, &member).await] {
        assert_eq!(
            answer.refused(404, "NOT_FOUND")["reason"],
            json!("workspace.no_such_member")
        );
    }
    // They may come back.
    let told = owner.items("/employees").await;
    let employee = format!("/employees/{}", id(&told[0]));
    owner.put(&employee, json!({"status": "inactive"})).await.expect(200);
    owner
        .put(&employee, json!({"status": "active", "organizationRole": "cashier"}))
        .await
        .expect(200);
    clerk.get(&deals).await.refused(403, "AUTH_FORBIDDEN");
    clerk
        .get(&format!("/workspaces/{}/products", owner.workspace))
        .await
        .expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_of_the_workspace_s_own_counts_in_place_of_the_seven() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let sellers = json!({"name": "Сатушы", "permissions": ["DEALS_VIEW", "DEALS_CREATE", "CUSTOMERS_VIEW"]});
    let role = owner.post("/roles", sellers.clone()).await.expect(201);
    assert_eq!(
        role["permissions"],
        json!(["CUSTOMERS_VIEW", "DEALS_VIEW", "DEALS_CREATE"])
    );
    let path = format!("/roles/{}", id(&role));
    let (seller, _) = employ(&server, &owner, "seller@company.kz", json!({"roleId": role["id"]})).await;
    seller.post("/deals", json!({"title": "a"})).await.expect(201);
    let told = seller.get("/products").await.refused(403, "AUTH_FORBIDDEN");
    assert_eq!(
        told["permission"],
        json!("PRODUCTS_VIEW"),
        "which an employee has, and a seller not"
    );

    let changed = owner
        .put(&path, json!({"permissions": ["DEALS_VIEW", "PRODUCTS_VIEW"]}))
        .await
        .expect(200);
    assert_eq!(changed["name"], json!("Сатушы"));
    seller.get("/products").await.expect(200);
    seller
        .post("/deals", json!({"title": "a"}))
        .await
        .refused(403, "AUTH_FORBIDDEN");

    let taken = owner.post("/roles", sellers).await.refused(409, "ALREADY_EXISTS");
    assert_eq!(taken["reason"], json!("workspace.role_name_taken"));
    let used = delete(&owner, &path).await.refused(409, "CONFLICT");
    assert_eq!(used["reason"], json!("workspace.role_in_use"));
    let member = format!("/members/{}", id(&member_of(&owner, &seller.user).await));
    owner.put(&member, json!({"roleId": null})).await.expect(200);
    delete(&owner, &path).await.expect(200);
    owner.get(&path).await.refused(404, "NOT_FOUND");
    assert_eq!(
        owner.get("/roles").await.expect(200)["builtIn"]
            .as_array()
            .unwrap()
            .len(),
        7
    );
    for wrong in ["FINANCE_VIEW:own", "NONSENSE", "DEALS_VIEW:mine"] {
        let told = owner.post("/roles", json!({"name": "b", "permissions": [wrong]})).await;
        let told = told.refused(400, "VALIDATION_FAILED");
        assert_eq!(told["rules"], json!({"permissions[0]": "not_allowed"}), "{wrong}");
    }
}
