//! A list as a file: its filters, its order, its rights; every row once, however many there are; and nothing that a spreadsheet would
//! carry out.

use domain::Role;
use prometric_tests::{Client, Server, story::id};
use serde_json::{Value, json};

/// The lines of a file as text; no cell in these tests breaks its line.
async fn lines(client: &Client, path: &str) -> Vec<String> {
    let answer = client.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    let text = answer.body.as_str().expect("text").to_owned();
    let lines = text.strip_suffix("\r\n").expect("whole lines").split("\r\n");
    lines.map(str::to_owned).collect()
}

/// What stands in the column of that name, line by line; cells without commas only.
fn column(lines: &[String], name: &str) -> Vec<String> {
    let place = lines[0].split(',').position(|head| head == name).expect("the column");
    let cell = |line: &String| line.split(',').nth(place).expect("a cell").to_owned();
    lines[1..].iter().map(cell).collect()
}

async fn products(owner: &Client, numbers: std::ops::Range<usize>) {
    let product =
        |n: usize| json!({"code": format!("P-{n:04}"), "name": format!("Товар {n}"), "price": n % 7, "cost": 1});
    let batch: Vec<Value> = numbers.map(product).collect();
    let done = owner
        .post("/products/batch", json!({"products": batch}))
        .await
        .expect(201);
    assert_eq!(done["failed"], 0, "{done}");
}

#[tokio::test]
async fn a_list_is_had_as_a_file() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    products(&owner, 0..500).await;
    products(&owner, 500..620).await;
    let answer = owner.get("/products/export?format=csv").await;
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8; header=present");
    assert_eq!(
        answer.header("content-disposition"),
        "attachment; filename=\"products.csv\""
    );

    let workbook = owner.get("/products/export?format=xlsx").await;
    let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    assert_eq!((workbook.status, workbook.header("content-type")), (200, kind));
    assert!(workbook.body.as_str().is_some_and(|file| file.starts_with("PK")));

    let all = lines(&owner, "/products/export?format=csv&sort=price,code").await;
    let mut wanted: Vec<(usize, String)> = (0..620).map(|n| (n % 7, format!("P-{n:04}"))).collect();
    wanted.sort();
    let wanted: Vec<String> = wanted.into_iter().map(|(_, code)| code).collect();
    assert_eq!(
        column(&all, "code"),
        wanted,
        "in order, over several pages, through ties"
    );
    let some = lines(
        &owner,
        "/products/export?format=csv&price[gte]=6&search=P-01&sort=-code",
    )
    .await;
    let listed = owner
        .items("/products?price[gte]=6&search=P-01&sort=-code&limit=100")
        .await;
    let listed: Vec<&str> = listed.iter().map(|item| item["code"].as_str().unwrap()).collect();
    assert!(listed.len() > 5);
    assert_eq!(column(&some, "code"), listed, "the list's filters and order");
    let form = format!(
        "/workspaces/{}/products/export?format=csv&sort=price,code",
        owner.workspace
    );
    assert_eq!(lines(&owner, &form).await, all);

    rights(&server, &owner).await;
    refusals(&owner).await;
    formulas(&owner).await;
}

async fn rights(server: &Server, owner: &Client) {
    let employee = server.member(owner, Role::Employee).await.inside();
    let theirs = lines(&employee, "/products/export?format=csv&search=P-0001").await;
    assert!(!theirs[0].split(',').any(|head| head == "cost"), "{}", theirs[0]);
    let ours = lines(owner, "/products/export?format=csv&search=P-0001").await;
    let cost: f64 = column(&ours, "cost")[0].parse().unwrap();
    assert_eq!(cost, 1.0);
    let told = employee.get("/finance/invoices/export?format=csv").await;
    assert_eq!(told.refused(403, "AUTH_FORBIDDEN")["permission"], "FINANCE_VIEW");
}

async fn refusals(owner: &Client) {
    for (query, field, rule) in [
        ("", "format", "required"),
        ("format=pdf", "format", "not_allowed"),
        ("format=csv&format=csv", "format", "not_unique"),
        ("format=csv&page=2", "page", "unknown"),
        ("format=csv&cursor=a", "cursor", "unknown"),
        ("format=csv&heads=none", "heads", "not_allowed"),
        ("format=csv&nonsense=1", "nonsense", "unknown"),
    ] {
        let told = owner.get(&format!("/deals/export?{query}")).await;
        let code = if rule == "required" {
            "REQUIRED_FIELD"
        } else {
            "VALIDATION_FAILED"
        };
        assert_eq!(told.refused(400, code)["rules"], json!({ field: rule }), "{query}");
    }
}

async fn formulas(owner: &Client) {
    let customer =
        json!({"name": "=HYPERLINK(1)", "phone": "+77012345678", "tags": ["a", "b c"], "segment": "say \"hi\""});
    let customer = id(&owner.post("/customers", customer).await.expect(201));
    let found = lines(owner, &format!("/customers/export?format=csv&id={customer}")).await;
    for (name, cell) in [
        ("name", "'=HYPERLINK(1)"),
        ("phone", "'+77012345678"),
        ("tags", "a; b c"),
        ("segment", "\"say \"\"hi\"\"\""),
        ("id", &customer),
    ] {
        assert_eq!(column(&found, name), [cell], "{name}");
    }
    let headers = [("Accept-Language", "en-US")];
    let path = format!("/customers/export?format=csv&heads=words&id={customer}");
    let words = owner.send(reqwest::Method::GET, &path, None, &headers).await;
    let words = words.body.as_str().unwrap().lines().next().unwrap().to_owned();
    assert!(words.split(',').any(|head| head == "Name"), "{words}");
}
