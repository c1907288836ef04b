//! Customers that are somebody's: a right may reach to one's own only, in lists, details, what is said, and writes.

use super::delete;
use crate::people::employ;
use prometric_tests::{Server, story::id};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_right_reaches_to_one_s_own_customers() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let (seller, employee) = employ(&server, &owner, "me@company.kz", json!({})).await;
    let rights = json!(["CUSTOMERS_VIEW:own", "CUSTOMERS_CREATE", "CUSTOMERS_UPDATE:own"]);
    let role = json!({"name": "Продавец", "permissions": rights});
    let role = id(&owner.post("/roles", role).await.expect(201));
    owner
        .put(&format!("/employees/{employee}"), json!({"roleId": role}))
        .await
        .expect(200);
    let enter = async |name: &str, user: Option<&str>| {
        let body = json!({"name": name, "assignedTo": user});
        format!("/customers/{}", id(&owner.post("/customers", body).await.expect(201)))
    };
    let mine = enter("Мой", Some(&seller.user)).await;
    let other = enter("Чужой", Some(&owner.user)).await;
    let nobody_s = enter("Ничей", None).await;

    let listed = seller.get("/customers").await.expect(200);
    assert_eq!(
        (&listed["total"], &listed["items"][0]["name"]),
        (&json!(1), &json!("Мой"))
    );
    seller.get(&mine).await.expect(200);
    seller.put(&mine, json!({"segment": "SMB"})).await.expect(200);
    let said = json!({"subject": "Звонок"});
    seller
        .post(&format!("{mine}/interactions"), said.clone())
        .await
        .expect(201);
    for hidden in [&other, &nobody_s] {
        let told = owner
            .post(&format!("{hidden}/interactions"), said.clone())
            .await
            .expect(201);
        let one = format!("{hidden}/interactions/{}", id(&told));
        for path in [
            hidden.clone(),
            format!("{hidden}/history"),
            format!("{hidden}/interactions"),
            one.clone(),
            format!("{one}/history"),
        ] {
            let refused = seller.get(&path).await.refused(404, "NOT_FOUND");
            assert_eq!(refused["reason"], json!("customer.missing"), "{path}");
        }
        seller
            .put(hidden, json!({"segment": "SMB"}))
            .await
            .refused(404, "NOT_FOUND");
        seller
            .post(&format!("{hidden}/interactions"), said.clone())
            .await
            .refused(404, "NOT_FOUND");
        seller
            .put(&one, json!({"outcome": "a"}))
            .await
            .refused(404, "NOT_FOUND");
        delete(&seller, &one).await.refused(403, "AUTH_FORBIDDEN");
        // Not by way of their own either.
        let elsewhere = one.replace(hidden.as_str(), &mine);
        seller.get(&elsewhere).await.refused(404, "NOT_FOUND");
        seller
            .put(&elsewhere, json!({"outcome": "a"}))
            .await
            .refused(404, "NOT_FOUND");
    }
    // What they enter themselves is theirs.
    let entered = seller.post("/customers", json!({"name": "Новый"})).await.expect(201);
    let shown = seller.get(&format!("/customers/{}", id(&entered))).await.expect(200);
    assert_eq!(shown["assignedTo"], json!(seller.user));
}
