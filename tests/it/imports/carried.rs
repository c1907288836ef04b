//! Rows that become things.

use super::{counts, reached, send};
use prometric_tests::{Client, Server, eventually, story::id};
use serde_json::{Value, json};
use sqlx::PgPool;

const FILE: &str = "\u{feff}Код;name;Цена;status;minStock;note\r\n\
    I-1;Первый;1 234,50;active;5;\r\n\
    I-2;Второй;-1;ACTIVE;;a\r\n\
    ;Третий;10;;;b\r\n\
    I-1;Четвёртый;10;;;c\r\n\
    OLD;Старый;20;;;d\r\n\
    SAME;Тот же;30;;;e\r\n";

/// Enough to be killed in between.
const ROWS: i64 = 2_000;

async fn written(pool: &PgPool, owner: &Client) -> i64 {
    let workspace: uuid::Uuid = owner.workspace.parse().unwrap();
    let head = sqlx::query_scalar("select position from log.heads where workspace_id = $1");
    head.bind(workspace).fetch_optional(pool).await.unwrap().unwrap_or(0)
}

async fn product(owner: &Client, code: &str) -> Value {
    let found = owner.items(&format!("/products?code={code}")).await;
    found.into_iter().next().unwrap_or(Value::Null)
}

#[tokio::test]
async fn what_a_file_would_do_is_shown_and_then_done() {
    let server = Server::start_with(&[]).await;
    let (owner, pool) = (server.owner().await, server.pool().await);
    for (code, name, price) in [("OLD", "Старый", 5), ("SAME", "Тот же", 30)] {
        let body = json!({"code": code, "name": name, "price": price});
        owner.post("/products", body).await.expect(201);
    }
    let before = written(&pool, &owner).await;
    let sent = send(&owner, FILE, true).await.expect(201);
    let columns: Vec<&Value> = sent["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| &column["field"])
        .collect();
    assert_eq!(
        json!(columns),
        json!(["code", "name", "price", "status", "minStock", null])
    );

    // Shown.
    let shown = reached(&owner, &sent, "ready").await;
    assert_eq!(
        (counts(&shown), &shown["rows"], &shown["progress"]),
        ([1, 1, 1, 3], &json!(6), &json!(100))
    );
    let path = format!("/imports/{}", id(&sent));
    let rows = owner.get(&format!("{path}/rows")).await.expect(200);
    let told: Vec<(i64, &str)> = rows["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["row"].as_i64().unwrap(), row["outcome"].as_str().unwrap()))
        .collect();
    let wanted = [
        (2, "create"),
        (3, "error"),
        (4, "error"),
        (5, "error"),
        (6, "update"),
        (7, "unchanged"),
    ];
    assert_eq!(told, wanted);
    let rules: Vec<&Value> = shown["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["error"]["details"]["rules"])
        .collect();
    assert_eq!(
        json!(rules),
        json!([{"price": "negative"}, {"code": "required"}, {"code": "not_unique"}])
    );
    assert_eq!(written(&pool, &owner).await, before, "nothing is written");
    let file = owner.get(&format!("{path}/errors")).await;
    let file = file.body.as_str().unwrap().to_owned();
    assert!(
        file.lines().count() == 4 && file.contains("I-2,Второй,'-1,ACTIVE,,a,3,"),
        "{file}"
    );

    // Done, and done once.
    owner.post(&format!("{path}/start"), json!({})).await.expect(200);
    let done = reached(&owner, &sent, "done").await;
    assert_eq!(counts(&done), [1, 1, 1, 3]);
    let (first, old) = (product(&owner, "I-1").await, product(&owner, "OLD").await);
    assert_eq!(
        (&first["price"], &first["name"], &first["minStock"]),
        (&json!(1234.5), &json!("Первый"), &json!(5))
    );
    assert_eq!(
        (&old["price"], &product(&owner, "I-2").await),
        (&json!(20), &Value::Null)
    );
    assert_eq!(written(&pool, &owner).await, before + 2);
    owner.post(&format!("{path}/start"), json!({})).await.expect(200);
    let refused = owner.post(&format!("{path}/cancel"), json!({})).await;
    assert_eq!(refused.refused(409, "INVALID_TRANSITION")["reason"], "import.over");
    let tree = owner
        .get(&format!("/audit/correlations/{}", id(&sent)))
        .await
        .expect(200);
    assert_eq!(
        tree["items"].as_array().unwrap().len(),
        2,
        "what came of it is found by it: {tree}"
    );
    assert_eq!(
        counts(&reached(&owner, &send(&owner, FILE, false).await.expect(201), "done").await),
        [0, 0, 3, 3]
    );

    // Whoever cancels in time does nothing.
    let waiting = send(&owner, "code,name\nI-9,a\n", true).await.expect(201);
    reached(&owner, &waiting, "ready").await;
    let path = format!("/imports/{}", id(&waiting));
    owner.post(&format!("{path}/cancel"), json!({})).await.expect(200);
    let refused = owner.post(&format!("{path}/start"), json!({})).await;
    assert_eq!(refused.refused(409, "INVALID_TRANSITION")["reason"], "import.not_ready");
    assert_eq!(product(&owner, "I-9").await, Value::Null);
    assert_eq!(owner.items("/imports").await.len(), 3);
}

#[tokio::test]
async fn things_are_known_by_the_ids_that_they_have_elsewhere() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let send = async |resource: &str, file: &str| {
        let sent = owner
            .upload(file.as_bytes(), &[("resource", resource)], &[])
            .await
            .expect(201);
        reached(&owner, &sent, "done").await
    };
    // Customers, twice: the second time they are changed, and one is new.
    let first = send(
        "customers",
        "externalId,name,phone,tags\n7,ТОО Один,+77010000001,a; b\n8,ТОО Два,,\n",
    )
    .await;
    assert_eq!(counts(&first), [2, 0, 0, 0], "{first}");
    let second = send(
        "customers",
        "externalId,name,status\n7,ТОО Один,ACTIVE\n8,ТОО Второе,\n9,ТОО Три,\n",
    )
    .await;
    assert_eq!(counts(&second), [1, 2, 0, 0], "{second}");
    let customers = owner.items("/customers?sort=name").await;
    let told: Vec<(&str, &str)> = customers
        .iter()
        .map(|item| (item["name"].as_str().unwrap(), item["status"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [("ТОО Второе", "LEAD"), ("ТОО Один", "ACTIVE"), ("ТОО Три", "LEAD")]
    );
    assert_eq!(
        (&customers[1]["tags"], &customers[1]["phone"]),
        (&json!(["a", "b"]), &json!("+77010000001"))
    );

    // One who seems to be there is refused until it is said that it is another.
    let again = send("customers", "name,phone\nОдин,+77010000001\n").await;
    assert_eq!(
        again["errors"][0]["error"]["details"]["reason"], "customer.likely_duplicate",
        "{again}"
    );
    let again = send("customers", "name,phone,allowDuplicate\nОдин,+77010000001,да\n").await;
    assert_eq!(counts(&again), [1, 0, 0, 0], "{again}");

    // An exported file is sent back: by its ids nothing is new, and what is no field is passed over.
    let exported = owner.get("/customers/export?format=csv&sort=name").await;
    let back = send("customers", exported.body.as_str().unwrap()).await;
    assert_eq!(counts(&back), [0, 0, 4, 0], "{back}");

    // Deals and orders, with their lines.
    let made = owner
        .post("/products", json!({"code": "P", "name": "Товар", "price": 100}))
        .await
        .expect(201);
    let (product, customer) = (id(&made), id(&customers[1]));
    let line = format!("\"[{{\"\"productId\"\":\"\"{product}\"\",\"\"quantity\"\":2}}]\"");
    let deals = format!(
        "externalId,title,customerId,stage,products,expectedCloseDate\nD-1,Сделка,{customer},proposal,{line},31.12.2026\n"
    );
    assert_eq!(counts(&send("deals", &deals).await), [1, 0, 0, 0]);
    let deal = &owner.items("/deals").await[0];
    assert_eq!(
        (&deal["stage"], &deal["expectedCloseDate"]),
        (&json!("PROPOSAL"), &json!("2026-12-31"))
    );
    let orders =
        format!("externalId,customerId,status,items\nO-1,{customer},draft,{line}\nO-2,{product},draft,{line}\n");
    let done = send("orders", &orders).await;
    assert_eq!(counts(&done), [1, 0, 0, 1], "{done}");
    let order = &owner.items("/orders").await[0];
    assert_eq!(
        (&order["status"], &order["items"][0]["productId"]),
        (&json!("draft"), &json!(product))
    );
}

#[tokio::test]
async fn what_a_crash_breaks_off_goes_on_and_nothing_is_done_twice() {
    let mut server = Server::start_with(&[]).await;
    let (owner, pool) = (server.owner().await, server.pool().await);
    let before = written(&pool, &owner).await;
    let rows = (0..ROWS).map(|n| format!("T-{n:05},Товар {n},{n}.50\n"));
    let file: String = std::iter::once("code,name,price\n".to_owned()).chain(rows).collect();
    let key = [("Idempotency-Key", "many")];
    let send = async || {
        owner
            .upload(file.as_bytes(), &[("resource", "products")], &key)
            .await
            .expect(201)
    };
    let sent = send().await;
    assert_eq!(send().await["id"], sent["id"], "a repeat is the same import");
    eventually("it has begun", || async {
        (written(&pool, &owner).await > before + 100).then_some(())
    })
    .await;
    server.kill();
    server.spawn().await;
    let path = format!("/imports/{}", id(&sent));
    let mut done = Value::Null;
    while done["state"] != "done" {
        done = eventually("it goes on", || async {
            let shown = owner.get(&path).await.expect(200);
            (shown["done"] != done["done"] || shown["state"] == "done").then_some(shown)
        })
        .await;
    }
    assert_eq!(
        (counts(&done), &done["done"]),
        ([ROWS, 0, 0, 0], &json!(ROWS)),
        "{done}"
    );
    assert_eq!(written(&pool, &owner).await, before + ROWS, "each once");
    assert_eq!(owner.get("/products?limit=1").await.expect(200)["total"], json!(ROWS));
}
