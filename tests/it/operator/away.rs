//! A workspace whose beginning was put away goes on as if nothing had happened, where the server knows the folder.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_whose_beginning_is_away_works_as_before() {
    let folder = std::env::temp_dir().join(format!("away_{}", uuid::Uuid::now_v7().simple()));
    fs::create_dir_all(&folder).unwrap();
    let folder = folder.to_str().unwrap().to_owned();
    let env = [("ARCHIVE_DIR", folder.as_str())];
    let mut business = Business::open_with(&env).await;
    let deal = id(&business.owner.post("/deals", business.shop.deal(1)).await.expect(201));
    let lists = [
        "/deals",
        "/customers",
        "/products",
        "/production/orders",
        "/finance/invoices",
    ];
    let mut shown = Vec::new();
    for list in lists {
        shown.push(business.owner.items(list).await);
    }
    let history = business.owner.items(&format!("/deals/{deal}/history")).await;
    // Nobody is answered with what goes away: repeats of what was asked before are no longer known.
    business.execute("delete from log.commands".to_owned()).await;
    let head: i64 = sqlx::query_scalar("select position from log.heads where workspace_id = $1::uuid")
        .bind(&business.owner.workspace)
        .fetch_one(&business.pool)
        .await
        .unwrap();
    let (workspace, head) = (business.owner.workspace.clone(), head.to_string());
    let archived = business.server.tool(&[
        "workspace",
        "archive",
        &workspace,
        "--through",
        &head,
        "--archive-dir",
        &folder,
    ]);
    assert!(archived.status.success(), "{}", said(&archived));

    // A node that knows no such folder goes on from the states that were written down.
    let blind = business
        .server
        .another_with(&[("ARCHIVE_DIR", &format!("{folder}/elsewhere"))])
        .await;
    let there = business.owner.at(&blind.url);
    let change = json!({"title": "Where nobody knows of the archive"});
    there.put(&format!("/deals/{deal}"), change).await.expect(200);
    let untold = there.get(&format!("/deals/{deal}/history")).await;
    let untold = untold.refused(503, "SERVICE_UNAVAILABLE");
    assert_eq!(untold["reason"], "history.archived");
    drop(blind);

    // With nothing remembered, too.
    business.server.kill();
    business.server.spawn().await;
    let change = json!({"title": "Behind the archive"});
    business.owner.put(&format!("/deals/{deal}"), change).await.expect(200);
    let won = business
        .owner
        .post(&format!("/deals/{deal}/win"), json!({}))
        .await
        .expect(200);
    let order = won["orderId"].as_str().unwrap().to_owned();
    eventually("its production is planned", || async {
        let path = format!("/production/orders?orderId={order}&status=scheduled");
        business.owner.items(&path).await.pop()
    })
    .await;
    let told = business.owner.items(&format!("/deals/{deal}/history")).await;
    assert_eq!(told[..history.len()], history[..]);
    for (list, before) in lists.iter().zip(&shown) {
        let now = business.owner.items(list).await;
        let ids = |items: &[Value]| items.iter().map(id).collect::<std::collections::BTreeSet<_>>();
        assert!(ids(&now).is_superset(&ids(before)), "{list}");
    }

    let remade = business.server.tool(&[
        "replay",
        "--workspace",
        &workspace,
        "--verify",
        "--archive-dir",
        &folder,
    ]);
    assert!(remade.status.success(), "{}", said(&remade));
    let blind = business.server.tool(&["replay", "--workspace", &workspace, "--verify"]);
    assert_eq!(blind.status.code(), Some(1), "{}", said(&blind));
    fs::remove_dir_all(folder).unwrap();
}
