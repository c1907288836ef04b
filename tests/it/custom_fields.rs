//! Fields of a workspace's own: what is set in them is checked, shown, found and told in the history; one that is archived
//! takes nothing with it.

use domain::Role;
use prometric_tests::{Answer, Client, Server, eventually, story::id};
use reqwest::Method;
use serde_json::{Value, json};

async fn define(owner: &Client, resource: &str, key: &str, more: Value) -> String {
    let mut field = json!({"resource": resource, "key": key, "label": key});
    field.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    id(&owner.post("/custom-fields", field).await.expect(201))
}

async fn put(owner: &Client, path: &str, custom: Value) -> Answer {
    owner.put(path, json!({ "custom": custom })).await
}

async fn names(owner: &Client, query: &str) -> Vec<Value> {
    let found = owner.items(query).await;
    found.into_iter().map(|item| item["name"].clone()).collect()
}

/// By what the values are, one page of one after the other; without a value comes last either way.
async fn sorted(owner: &Client) {
    let (number, text) = (json!({"type": "number"}), json!({}));
    for (key, more) in [("weight", number), ("shade", text), ("due", json!({"type": "date"}))] {
        define(owner, "products", key, more).await;
    }
    for (name, custom) in [
        ("А", json!({"weight": 10, "shade": "қара", "due": "2026-12-01"})),
        ("Б", json!({"weight": 9.5, "shade": "Кара", "due": "2027-01-01"})),
        ("В", json!({"weight": -1, "shade": "ылғал", "due": "2026-02-01"})),
        ("Г", json!({})),
    ] {
        let product = json!({"code": name, "name": name, "type": "SERVICE", "custom": custom});
        owner.post("/products", product).await.expect(201);
    }
    for (sort, order) in [
        ("custom.weight", ["В", "Б", "А", "Г"]),
        ("-custom.weight", ["А", "Б", "В", "Г"]),
        ("custom.shade", ["Б", "А", "В", "Г"]),
        ("-custom.due", ["Б", "А", "В", "Г"]),
        ("custom.unheard,name", ["А", "Б", "В", "Г"]),
    ] {
        let (mut found, mut cursor) = (vec![], String::new());
        for _ in 0..4 {
            let query = format!("/products?type=SERVICE&limit=1&sort={sort}{cursor}");
            let page = owner.get(&query).await.expect(200);
            found.extend(
                page["items"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|item| item["name"].clone()),
            );
            cursor = format!(
                "&cursor={}",
                page["pagination"]["nextCursor"].as_str().unwrap_or_default()
            );
        }
        assert_eq!(found, order, "{sort}");
    }
    let file = "/products/export?format=csv&sort=custom.weight";
    owner.get(file).await.expect(400);
}

/// Of new things, and of those whose own fields are changed; what is there stays as it is.
async fn required(owner: &Client, deal: &str) {
    let field = define(owner, "deals", "origin", json!({"required": true})).await;
    let refused = owner.post("/deals", json!({"title": "CRM"})).await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.body["error"]["details"]["rules"]["custom.origin"], "required");
    let named = json!({"title": "CRM", "custom": {"origin": "сайт"}});
    let named = format!("/deals/{}", id(&owner.post("/deals", named).await.expect(201)));
    put(owner, &named, json!({"origin": null})).await.expect(400);
    put(owner, &named, json!({"channel": "звонок"})).await.expect(200);
    let path = format!("/deals/{deal}");
    owner.put(&path, json!({"title": "ERP и CRM"})).await.expect(200);
    put(owner, &path, json!({"channel": "звонок"})).await.expect(400);
    put(owner, &path, json!({"channel": "звонок", "origin": "сайт"}))
        .await
        .expect(200);
    let definition = format!("/custom-fields/{field}");
    for (method, body) in [(Method::PATCH, Some(r#"{"required": false}"#)), (Method::DELETE, None)] {
        let again = json!({"required": true}).to_string();
        owner
            .send(Method::PATCH, &definition, Some(again), &[])
            .await
            .expect(200);
        let body = body.map(str::to_owned);
        owner.send(method, &definition, body, &[]).await.expect(200);
        owner.post("/deals", json!({"title": "HRM"})).await.expect(201);
    }
}

/// Each has a column, in a file that is had and in one that is sent.
async fn filed(owner: &Client) {
    let file = owner.get("/products/export?format=csv&type=SERVICE&sort=name").await;
    let lines: Vec<Vec<&str>> = file
        .body
        .as_str()
        .expect("a file")
        .lines()
        .map(|line| line.split(',').collect())
        .collect();
    for (name, cells) in [
        ("custom.weight", ["10", "9.5", "-1", ""]),
        ("custom.shade", ["қара", "Кара", "ылғал", ""]),
    ] {
        let column = lines[0].iter().position(|head| *head == name).expect("the column");
        let found: Vec<&str> = lines[1..].iter().map(|line| line[column]).collect();
        assert_eq!(found, cells, "{name}");
    }
    let file = "code;name;custom.weight;SHADE\r\nА;А;12,25;\r\nД;Д;;ақ\r\nЕ;Е;много;\r\n";
    let beside = [("resource", "products"), ("dryRun", "false")];
    let sent = owner.upload(file.as_bytes(), &beside, &[]).await.expect(201);
    let path = format!("/imports/{}", id(&sent));
    let done = eventually("done", || async {
        let shown = owner.get(&path).await.expect(200);
        (shown["state"] == "done").then_some(shown)
    })
    .await;
    assert_eq!(
        (&done["created"], &done["updated"], &done["failed"]),
        (&json!(1), &json!(1), &json!(1))
    );
    assert!(done["errors"][0].to_string().contains("custom.weight"), "{done}");
    for (query, found) in [
        ("/products?custom.weight=12.25", vec!["А"]),
        ("/products?custom.shade=ақ", vec!["Д"]),
        ("/products?custom.shade=қара", vec![]),
    ] {
        assert_eq!(names(owner, query).await, found, "{query}");
    }
}

/// The order of a won deal has what the deal has in fields that orders have of the same type.
async fn inherited(owner: &Client, customer: &str) {
    define(owner, "deals", "gate", json!({"type": "number"})).await;
    define(owner, "orders", "channel", json!({"type": "number"})).await;
    let custom = json!({"gate": 4.5, "channel": "выставка"});
    let deal = json!({"title": "Склад", "customerId": customer, "value": 1000, "custom": custom});
    let deal = id(&owner.post("/deals", deal).await.expect(201));
    owner.post(&format!("/deals/{deal}/win"), json!({})).await.expect(200);
    let order = eventually("the order", || async {
        owner.items(&format!("/orders?dealId={deal}")).await.into_iter().next()
    })
    .await;
    assert_eq!(order["custom"], json!({"gate": 4.5}));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_workspace_wants_to_know_beside_is_asked_shown_and_found() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let size = define(&owner, "customers", "size", json!({"type": "number"})).await;
    let class =
        json!({"type": "choice", "choices": ["A", "B"], "translations": [{"language": "kk", "label": "Санаты"}]});
    define(&owner, "customers", "class", class).await;
    define(&owner, "customers", "since", json!({"type": "date"})).await;
    let refers = json!({"type": "reference", "refersTo": "products"});
    define(&owner, "customers", "buys", refers).await;
    define(&owner, "products", "shelf", json!({})).await;
    define(&owner, "deals", "channel", json!({})).await;

    let deal = json!({"title": "ERP", "custom": {"channel": "выставка"}});
    let deal = id(&owner.post("/deals", deal).await.expect(201));
    let found = owner.items("/deals?custom.channel=выставка").await;
    assert_eq!((found.len(), id(&found[0])), (1, deal.clone()));
    required(&owner, &deal).await;
    let shelved = json!({"code": "a", "name": "Стол", "custom": {"shelf": "B-12"}});
    let product = id(&owner.post("/products", shelved).await.expect(201));
    let custom = json!({"size": 120, "class": "A", "since": "2026-11-28", "buys": product});
    let customer = json!({"name": "ТОО Север", "custom": custom});
    let customer = id(&owner.post("/customers", customer).await.expect(201));
    owner.post("/customers", json!({"name": "ТОО Юг"})).await.expect(201);
    define(&owner, "orders", "gate", json!({"type": "number"})).await;
    let order = json!({"customerId": customer, "status": "draft", "custom": {"gate": 3}});
    let order = id(&owner.post("/orders", order).await.expect(201));
    let found = owner.items("/orders?custom.gate=3").await;
    assert_eq!((found.len(), id(&found[0])), (1, order));
    let path = format!("/customers/{customer}");
    assert_eq!(owner.get(&path).await.expect(200)["custom"], custom);

    let shown = owner.get(&path).await.expect(200);
    assert_eq!(shown["customNames"], json!({"buys": "Стол"}));

    // What is not named stays, null takes away.
    put(&owner, &path, json!({"size": 130.5, "since": null}))
        .await
        .expect(200);
    let now = json!({"size": 130.5, "class": "A", "buys": product});
    assert_eq!(owner.get(&path).await.expect(200)["custom"], now);

    for (custom, field, rule) in [
        (json!({"size": "120"}), "custom.size", "wrong_type"),
        (json!({"size": true}), "custom.size", "wrong_type"),
        (json!({"size": 9_007_199_254_740_993_i64}), "custom.size", "too_large"),
        (json!({"size": 0.123_456_789_012_345_6}), "custom.size", "too_precise"),
        (json!({"class": "C"}), "custom.class", "not_allowed"),
        (json!({"since": "28.11.2026"}), "custom.since", "wrong_type"),
        (json!({"buys": customer}), "custom.buys", "unknown"),
        (json!({"shelf": "B-12"}), "custom.shelf", "unknown"),
    ] {
        let refused = put(&owner, &path, custom).await;
        assert_eq!(refused.status, 400, "{field}");
        assert_eq!(refused.body["error"]["details"]["rules"][field], rule, "{field}");
    }

    for (query, found) in [
        ("/customers?custom.size=130.5", vec!["ТОО Север"]),
        ("/customers?custom.size=120", vec![]),
        ("/customers?custom.class=A,B", vec!["ТОО Север"]),
        ("/customers?custom.class[ne]=A", vec!["ТОО Юг"]),
        ("/products?custom.shelf=B-12", vec!["Стол"]),
    ] {
        assert_eq!(names(&owner, query).await, found, "{query}");
    }

    inherited(&owner, &customer).await;
    sorted(&owner).await;
    filed(&owner).await;

    let history = owner.items(&format!("{path}/history")).await;
    let changes = history.iter().flat_map(|entry| entry["changes"].as_array().unwrap());
    let resized = changes
        .clone()
        .find(|change| change["field"] == "custom.size" && change["before"] == 120);
    let resized = resized.expect("a change");
    assert_eq!((&resized["label"], &resized["after"]), (&json!("size"), &json!(130.5)));
    let mut classed = changes.filter(|change| change["field"] == "custom.class");
    assert_eq!(classed.next().expect("a change")["after"], "A");

    // Archived, it is neither shown nor set; defined again, what was set is there.
    owner
        .send(Method::DELETE, &format!("/custom-fields/{size}"), None, &[])
        .await
        .expect(200);
    assert_eq!(
        owner.get(&path).await.expect(200)["custom"],
        json!({"class": "A", "buys": product})
    );
    put(&owner, &path, json!({"size": 1})).await.expect(400);
    define(&owner, "customers", "size", json!({"type": "number"})).await;
    assert_eq!(owner.get(&path).await.expect(200)["custom"]["size"], 130.5);
    let twice = json!({"resource": "customers", "key": "size", "label": "a"});
    owner.post("/custom-fields", twice).await.expect(409);

    let seller = server.member(&owner, Role::Manager).await.inside();
    let field = json!({"key": "colour", "label": "Цвет"});
    seller.post("/custom-fields", field).await.expect(403);
}
