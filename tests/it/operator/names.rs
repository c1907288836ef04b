//! Commands are short where nothing is in doubt: a thing's id tells its workspace, and one workspace is all there are.

use super::{Business, said};
use prometric_tests::story::id;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_is_named_only_where_it_is_in_doubt() {
    let business = Business::open().await;
    let Business {
        server, owner, shop, ..
    } = &business;
    let named = json!({"name": "Тулпар", "type": "COMPANY"});
    let made = owner.post("/customers", named).await;
    let position = made.header("x-event-position").to_owned();
    let customer = id(&made.expect(201));
    let renamed = json!({"name": "Тулпар Плюс"});
    owner.put(&format!("/customers/{customer}"), renamed).await.expect(200);
    let proof = business.file("proof.json");
    let asks = |words: &[&str]| {
        let output = tokio::task::block_in_place(|| server.tool(words));
        assert!(output.status.success(), "{words:?}: {}", said(&output));
        said(&output)
    };
    for name in ["customer", "customers"] {
        let then = asks(&["show", name, &customer, "--as-of", &position]);
        let then: Value = serde_json::from_str(&then).unwrap();
        assert_eq!(then["name"], "Тулпар");
        let told = asks(&["audit", "trail", name, &customer]);
        assert!(told.lines().count() >= 2 && told.contains("Тулпар Плюс"), "{told}");
        let path = format!("/audit/{name}/{customer}");
        assert_eq!(owner.items(&path).await.len(), 2, "{path}");
    }
    let bill = asks(&["show", "bom", &shop.cabinet]);
    assert!(bill.contains(&shop.cabinet), "{bill}");
    let shown: Value = serde_json::from_str(&asks(&["log", "show", &position])).unwrap();
    assert_eq!(shown["type"], "customer.created");
    asks(&["audit", "prove", &position, "--out", &proof]);
    asks(&["replay", "--verify"]);

    let another = json!({"name": "Второе дело"});
    let another = id(&owner.post("/workspaces", another).await.expect(201));
    let path = format!("/workspaces/{another}/customers");
    owner.post(&path, json!({"name": "Кто-то"})).await.expect(201);
    let doubt = tokio::task::block_in_place(|| server.tool(&["log", "show", &position]));
    assert_eq!(doubt.status.code(), Some(1));
    assert!(said(&doubt).contains("there are 2 workspaces"), "{}", said(&doubt));
    asks(&["show", "customer", &customer]);
    std::fs::remove_file(proof).unwrap();
}
