//! Two customers that turn out to be one: shown first, merged, found as one in lists, details and sums, and taken back although both
//! went on living.

use prometric_tests::{
    Client, Server, eventually,
    story::{Shop, id},
};
use reqwest::Method;
use serde_json::{Value, json};

async fn made(owner: &Client, body: Value) -> String {
    id(&owner.post("/customers", body).await.expect(201))
}

/// A deal of that customer over one licence.
async fn deal(owner: &Client, customer: &str, product: &str) -> String {
    let line = json!({"productId": product, "quantity": 1, "unitPrice": 400_000, "tax": 12});
    let body = json!({"title": "ERP", "customerId": customer, "products": [line]});
    id(&owner.post("/deals", body).await.expect(201))
}

/// Wins it; answers its order.
async fn won(owner: &Client, deal: &str) -> Value {
    owner.post(&format!("/deals/{deal}/win"), json!({})).await.expect(200);
    eventually("an invoice", || async {
        let invoices = owner.items("/finance/invoices").await;
        invoices.into_iter().find(|invoice| invoice["dealId"] == json!(deal))
    })
    .await;
    let orders = owner.items("/orders").await;
    orders.into_iter().find(|order| order["dealId"] == json!(deal)).unwrap()
}

async fn total(owner: &Client, list: &str, customer: &str) -> Value {
    let list = owner.get(&format!("{list}?customerId={customer}")).await.expect(200);
    assert_eq!(list["total"], json!(list["items"].as_array().unwrap().len()));
    list["total"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_is_shown_carried_out_and_taken_back_though_both_went_on() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 0, 0).await;
    let stays = &shop.customer;
    let other = made(
        &owner,
        json!({"name": "TOO Tech-Solutions", "email": "office@tech.kz", "phone": "+77001112233", "tags": ["dealer"],
            "contacts": [{"firstName": "Арман"}]}),
    )
    .await;
    owner
        .put(
            &format!("/customers/{stays}"),
            json!({"phone": "+77010000000", "tags": ["vip"]}),
        )
        .await
        .expect(200);
    let at = format!("/customers/{stays}");
    let (merge, unmerge) = (format!("{at}/merge"), format!("{at}/unmerge"));
    won(&owner, &deal(&owner, stays, &shop.product).await).await;
    won(&owner, &deal(&owner, &other, &shop.product).await).await;
    let open = deal(&owner, &other, &shop.product).await;
    let said = format!("/customers/{other}/interactions");
    let said = id(&owner.post(&said, json!({"subject": "Звонок"})).await.expect(201));
    let (before, before_other) = (
        owner.get(&at).await.expect(200),
        owner.get(&format!("/customers/{other}")).await.expect(200),
    );

    let preview = owner.get(&format!("{merge}?with={other}")).await.expect(200);
    let shown = |name: &str| {
        let fields = preview["fields"].as_array().unwrap();
        fields.iter().find(|field| field["field"] == name).unwrap().clone()
    };
    for (name, from, conflict, result) in [
        ("name", "survivor", true, json!("ТОО Tech Solutions")),
        ("email", "other", false, json!("office@tech.kz")),
        ("phone", "survivor", true, json!("+77010000000")),
        ("tags", "both", false, json!(["vip", "dealer"])),
    ] {
        let field = shown(name);
        assert_eq!(
            (&field["from"], &field["conflict"], &field["result"]),
            (&json!(from), &json!(conflict), &result),
            "{name}"
        );
    }
    assert_eq!(
        preview["moves"],
        json!({"deals": 2, "orders": 1, "invoices": 1, "interactions": 1, "totalRevenue": 448_000, "balance": 448_000})
    );

    let body = json!({"with": other, "withVersion": preview["withVersion"], "choices": {"phone": "other"}});
    let stale = json!({"with": other, "withVersion": 7});
    owner.post(&merge, stale).await.refused(412, "VERSION_CONFLICT");
    let tag = format!("\"{}\"", preview["version"]);
    let merged = owner
        .send(Method::POST, &merge, Some(body.to_string()), &[("If-Match", &tag)])
        .await;
    merged.expect(200);
    owner.post(&merge, json!({"with": other})).await.expect(200);

    // Everything is found at the one that stays, which the other leads to.
    let full = owner.get(&at).await.expect(200);
    for (name, value) in [
        ("email", json!("office@tech.kz")),
        ("phone", json!("+77001112233")),
        ("tags", json!(["vip", "dealer"])),
        ("totalOrders", json!(2)),
        ("totalRevenue", json!(896_000)),
        ("balance", json!(896_000)),
        ("revenues", json!({"KZT": 896_000})),
    ] {
        assert_eq!(full[name], value, "{name}");
    }
    assert_eq!(full["metrics"]["averageOrderValue"], json!(448_000));
    assert_eq!(full["metrics"]["lifetimeValue"], json!(896_000));
    assert_eq!(full["merged"][0]["id"], json!(other));
    for (name, count) in [("deals", 3), ("orders", 2), ("invoices", 2), ("activities", 1)] {
        assert_eq!(full[name].as_array().unwrap().len(), count, "{name}");
    }
    for (list, count) in [("/deals", 3), ("/orders", 2), ("/finance/invoices", 2)] {
        assert_eq!(total(&owner, list, stays).await, json!(count), "{list}");
    }
    assert_eq!(total(&owner, "/deals", &other).await, json!(2), "those that name it");
    assert_eq!(owner.items(&format!("{at}/interactions")).await.len(), 1);
    let listed = owner.items("/customers").await;
    assert_eq!((listed.len(), &listed[0]["totalRevenue"]), (1, &json!(896_000)));
    assert_eq!(
        owner.get(&format!("/customers/{other}")).await.expect(200)["id"],
        json!(stays)
    );
    let known = owner
        .post(
            "/customers/duplicates",
            json!({"name": "Tech-Solutions", "email": "office@tech.kz"}),
        )
        .await
        .expect(200);
    assert_eq!((&known["total"], &known["items"][0]["id"]), (&json!(1), &json!(stays)));
    let refused = owner
        .put(&format!("/customers/{other}"), json!({"segment": "SMB"}))
        .await;
    let refused = refused.refused(409, "CONFLICT");
    assert_eq!(
        (&refused["reason"], &refused["into"]),
        (&json!("customer.merged"), &json!(stays))
    );

    // Both go on: a new deal for the other is the one's, an old one of the other is won, and the one is changed.
    let new = deal(&owner, &other, &shop.product).await;
    assert_eq!(
        owner.get(&format!("/deals/{new}")).await.expect(200)["customerId"],
        json!(stays)
    );
    let order = won(&owner, &open).await;
    assert_eq!(
        (&order["customerId"], &order["customerName"]),
        (&json!(other), &json!("ТОО Tech Solutions"))
    );
    let one = format!("{at}/interactions/{said}");
    owner.put(&one, json!({"outcome": "positive"})).await.expect(200);
    assert_eq!(owner.items(&format!("{one}/history")).await.len(), 2);
    owner
        .put(&at, json!({"email": "new@tech.kz", "segment": "Enterprise"}))
        .await
        .expect(200);
    assert_eq!(owner.get(&at).await.expect(200)["totalOrders"], json!(3));

    owner.post(&unmerge, json!({"with": other})).await.expect(200);
    owner.post(&unmerge, json!({"with": other})).await.expect(200);
    let after = owner.get(&at).await.expect(200);
    for name in [
        "name",
        "phone",
        "tags",
        "contacts",
        "totalOrders",
        "totalRevenue",
        "balance",
        "revenues",
        "bin",
    ] {
        assert_eq!(after[name], before[name], "{name}");
    }
    assert_eq!(
        (&after["email"], &after["segment"]),
        (&json!("new@tech.kz"), &json!("Enterprise"))
    );
    assert_eq!(total(&owner, "/deals", stays).await, json!(2), "with the new one");
    let back = owner.get(&format!("/customers/{other}")).await.expect(200);
    for name in [
        "id",
        "name",
        "email",
        "phone",
        "tags",
        "contacts",
        "status",
        "customerNumber",
    ] {
        assert_eq!(back[name], before_other[name], "{name}");
    }
    assert_eq!(
        (&back["totalOrders"], &back["deals"].as_array().unwrap().len()),
        (&json!(2), &2)
    );
    assert_eq!(owner.items("/customers").await.len(), 2);
    let trail = owner.items(&format!("/audit/customers/{other}")).await;
    let trail: Vec<&Value> = trail.iter().map(|entry| &entry["type"]).collect();
    assert_eq!(trail, ["customer.created", "customer.merged", "customer.unmerged"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn merged_ones_come_along_and_what_cannot_be_one_is_refused() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let named = async |name: &str| made(&owner, json!({"name": name})).await;
    let (a, b, c) = (named("Алтын").await, named("Береке").await, named("Самрұқ").await);
    let person = made(&owner, json!({"name": "Иван", "type": "INDIVIDUAL"})).await;
    let merge = async |into: &str, body: Value| owner.post(&format!("/customers/{into}/merge"), body).await;
    let nobody = json!({"with": "01a1fe4c-7ff0-7000-8000-000000000001"});
    for (body, status, code, rule) in [
        (json!({"with": a}), 400, "VALIDATION_FAILED", "not_allowed"),
        (nobody, 404, "NOT_FOUND", "unknown"),
    ] {
        let refused = merge(&a, body).await.refused(status, code);
        assert_eq!(refused["rules"]["with"], json!(rule));
    }
    let refused = merge(&a, json!({"with": b, "choices": {"size": "other"}})).await;
    let refused = refused.refused(400, "VALIDATION_FAILED");
    assert_eq!(refused["rules"]["choices.size"], json!("unknown"));
    let refused = merge(&a, json!({"with": person})).await.refused(409, "CONFLICT");
    assert_eq!(refused["reason"], json!("customer.of_another_type"));
    let asked = owner.get(&format!("/customers/{a}/merge")).await;
    asked.refused(400, "REQUIRED_FIELD");

    merge(&b, json!({"with": a})).await.expect(200);
    merge(&c, json!({"with": b})).await.expect(200);
    for (into, with) in [(&b, &person), (&person, &a), (&c, &a)] {
        let refused = merge(into, json!({"with": with})).await.refused(409, "CONFLICT");
        assert_eq!(refused["reason"], json!("customer.merged"));
    }
    let found = async |id: &str| owner.get(&format!("/customers/{id}")).await.expect(200)["id"].clone();
    assert_eq!((found(&a).await, found(&b).await), (json!(c), json!(c)));
    let merged = owner.get(&format!("/customers/{c}")).await.expect(200)["merged"].clone();
    assert_eq!(merged.as_array().unwrap().len(), 2);
    let unmerge = async |from: &str, with: &str| {
        owner
            .post(&format!("/customers/{from}/unmerge"), json!({"with": with}))
            .await
    };
    unmerge(&b, &a).await.refused(409, "CONFLICT");
    // Who is found as another is forgotten as that one.
    let erase = json!({"personId": a, "dryRun": true});
    let refused = owner.post("/privacy/erase", erase).await.refused(409, "CONFLICT");
    assert_eq!(refused["into"], json!(b));
    let erase = json!({"personId": c, "dryRun": true});
    let plan = owner.post("/privacy/erase", erase).await.expect(200);
    let before = plan["plan"]["workspaces"][0]["before"].as_array().unwrap().clone();
    assert!(before.contains(&json!(a)) && before.contains(&json!(b)), "{before:?}");
    unmerge(&c, &b).await.expect(200);
    assert_eq!((found(&a).await, found(&b).await), (json!(b), json!(b)));
    unmerge(&b, &a).await.expect(200);
    assert_eq!((found(&a).await, found(&b).await), (json!(a), json!(b)));
}
