//! Lists: pages, order, and the cursor that sees every row once; the same in both forms of the path.

mod kept;
mod plans;
mod query;
mod seen;
mod untouched;
mod words;

use prometric_tests::{Client, Server, Yard, story::id};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};

const LISTS: [&str; 8] = [
    "/customers",
    "/products",
    "/deals",
    "/orders",
    "/finance/invoices",
    "/finance/payments",
    "/production/orders",
    "/notifications",
];

fn names(items: &[Value], field: &str) -> Vec<String> {
    items
        .iter()
        .map(|item| item[field].as_str().unwrap_or("-").to_owned())
        .collect()
}

async fn found(owner: &Client, path: &str, field: &str) -> Vec<String> {
    names(&owner.items(path).await, field)
}

/// A list's rows, changed behind the server's back so that what depends on the clock does not depend on ours.
async fn set(pool: &PgPool, owner: &Client, change: &str) {
    sqlx::query(AssertSqlSafe(change.replace("{s}", &owner.schema().await)))
        .execute(pool)
        .await
        .unwrap();
}

#[tokio::test]
async fn forty_five_customers_make_three_pages() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    for n in 1..=45 {
        owner
            .post("/customers", json!({"name": format!("Клиент {n:02}")}))
            .await
            .expect(201);
    }
    let page = async |query: &str| owner.get(&format!("/customers{query}")).await.expect(200);
    let figures = |data: &Value| {
        let flat = ["total", "page", "limit", "totalPages"].map(|name| data[name].as_i64().unwrap());
        let nested = ["total", "page", "limit", "totalPages"].map(|name| data["pagination"][name].as_i64().unwrap());
        assert_eq!(flat, nested, "{data}");
        let has = (
            data["pagination"]["hasNext"].as_bool().unwrap(),
            data["pagination"]["hasPrev"].as_bool().unwrap(),
        );
        (data["items"].as_array().unwrap().len(), flat, has)
    };
    let first = page("").await;
    assert_eq!(figures(&first), (20, [45, 1, 20, 3], (true, false)));
    assert_eq!(first["items"][0]["name"], json!("Клиент 45"), "the newest first");
    assert_eq!(figures(&page("?page=2").await), (20, [45, 2, 20, 3], (true, true)));
    assert_eq!(figures(&page("?page=3").await), (5, [45, 3, 20, 3], (false, true)));
    assert_eq!(figures(&page("?page=4").await), (0, [45, 4, 20, 3], (false, true)));
    assert_eq!(
        figures(&page("?limit=100").await),
        (45, [45, 1, 100, 1], (false, false))
    );
    assert_eq!(figures(&page("?limit=45").await), (45, [45, 1, 45, 1], (false, false)));
    assert_eq!(
        figures(&page("?page=2&limit=44").await),
        (1, [45, 2, 44, 2], (false, true))
    );
    assert_eq!(figures(&page("?limit=1").await), (1, [45, 1, 1, 45], (true, false)));
    assert_eq!(
        figures(&page("?search=nobody").await),
        (0, [0, 1, 20, 0], (false, false))
    );
    let told = owner
        .get("/customers?limit=101")
        .await
        .refused(400, "VALIDATION_FAILED");
    assert_eq!(told["rules"], json!({"limit": "out_of_range"}));

    let mut pages = Vec::new();
    for number in 1..=3 {
        pages.extend(found(&owner, &format!("/customers?page={number}&sort=name"), "name").await);
    }
    assert_eq!(pages, (1..=45).map(|n| format!("Клиент {n:02}")).collect::<Vec<_>>());
    for descending in [
        "/customers?sort=-name&limit=100",
        "/customers?sort=name&order=desc&limit=100",
        "/customers?order=desc&sort=name&limit=100",
    ] {
        let mut turned = found(&owner, descending, "name").await;
        turned.reverse();
        assert_eq!(turned, pages, "{descending}");
    }
    assert_eq!(
        found(&owner, "/customers?sort=name&order=asc&limit=100", "name").await,
        pages
    );

    for form in [
        "/customers?page=2&sort=name",
        "/customers?search=1&limit=3",
        "/customers",
    ] {
        let other = format!("/workspaces/{}{form}", owner.workspace);
        assert_eq!(
            owner.get(&other).await.expect(200),
            page(form.trim_start_matches("/customers")).await,
            "{form}"
        );
    }
    for slash in [
        "/customers/?limit=1",
        &format!("/workspaces/{}/customers/?limit=1", owner.workspace),
    ] {
        assert_eq!(
            owner.get(slash).await.expect(200)["total"],
            json!(45),
            "a trailing slash or none"
        );
    }
}

#[tokio::test]
async fn a_cursor_walks_every_row_once_through_ties_and_nulls() {
    let server = Server::start_with(&[]).await;
    let (owner, pool) = (server.owner().await, server.pool().await);
    for n in 0..45 {
        let mut deal = json!({"title": format!("Сделка {n:02}"), "source": format!("{}", n % 3)});
        if n % 4 != 0 {
            deal["value"] = json!(n % 5);
        }
        if n % 3 != 0 {
            deal["expectedCloseDate"] = json!(format!("2026-0{}-01", 1 + n % 2));
        }
        owner.post("/deals", deal).await.expect(201);
    }
    let all = found(&owner, "/deals?limit=100", "id").await;
    let mut complaints = walk(&owner, "/deals?limit=20", &all).await;
    set(
        &pool,
        &owner,
        "update {s}.deals set created_at = date_trunc('day', created_at)",
    )
    .await;
    let sorts = [
        "",
        "&sort=createdAt",
        "&sort=-createdAt",
        "&sort=title",
        "&sort=-title",
        "&sort=value",
        "&sort=-value",
        "&sort=expectedCloseDate",
        "&sort=-expectedCloseDate",
        "&sort=expectedCloseDate,-value",
        "&sort=-expectedCloseDate,value,-source",
        "&sort=source&order=desc",
        "&sort=wonAt",
        "&sort=-wonAt,-expectedCloseDate",
        "&sort=id",
        "&sort=-id",
    ];
    for filter in ["", "&source=0,1", "&source[ne]=2&value[gte]=1"] {
        for sort in sorts {
            let query = format!("/deals?limit=100{filter}{sort}");
            let all = found(&owner, &query, "id").await;
            for limit in [1_usize, 7, 15, 44, 45, 46] {
                if limit == 1 && !sort.contains("expected") {
                    continue; // as many requests as rows: where it matters is enough
                }
                complaints.extend(walk(&owner, &format!("/deals?limit={limit}{filter}{sort}"), &all).await);
            }
        }
    }
    assert!(
        complaints.is_empty(),
        "{} complaints:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
    // Rows that come to be meanwhile neither repeat nor hide the others.
    let before = found(&owner, "/deals?limit=100&sort=title", "id").await;
    let page = owner.get("/deals?limit=20&sort=title").await.expect(200);
    let earliest = json!({"title": "А это раньше всех"});
    owner.post("/deals", earliest).await.expect(201);
    let next = page["pagination"]["nextCursor"].as_str().unwrap();
    let mut seen = names(page["items"].as_array().unwrap(), "id");
    seen.extend(found(&owner, &format!("/deals?limit=100&sort=title&cursor={next}"), "id").await);
    assert_eq!(seen, before);
}

/// From page to page by cursor; complaints if that does not show exactly these rows in this order.
async fn walk(owner: &Client, query: &str, all: &[String]) -> Vec<String> {
    let (mut ids, mut cursor, mut complaints) = (Vec::new(), String::new(), Vec::new());
    for _ in 0..all.len() + 2 {
        let answer = owner.get(&format!("{query}{cursor}")).await;
        if answer.status != 200 {
            complaints.push(format!("{query}{cursor}: {} {}", answer.status, answer.body));
            return complaints;
        }
        let page = &answer.body["data"];
        ids.extend(names(page["items"].as_array().unwrap(), "id"));
        let next = page["pagination"]["nextCursor"].as_str();
        if page["pagination"]["hasNext"] != json!(next.is_some()) {
            complaints.push(format!("{query}{cursor}: {}", page["pagination"]));
        }
        match next {
            Some(next) => cursor = format!("&cursor={next}"),
            None => {
                complaints.extend((ids != all).then(|| format!("{query}: {ids:?} instead of {all:?}")));
                return complaints;
            }
        }
    }
    complaints.push(format!("{query} does not end"));
    complaints
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_answers_alike_in_both_forms_and_shows_what_details_show() {
    let server = Server::start_with(&[]).await;
    let yard = Yard::open(&server).await;
    let owner = &yard.owner;
    let invoice = id(&owner.items("/finance/invoices").await[0]);
    owner
        .post("/finance/payments", json!({"invoiceId": invoice, "amount": 5}))
        .await
        .expect(201);
    for list in LISTS {
        let data = owner.get(list).await.expect(200);
        assert!(data["total"].as_i64() > Some(0), "{list}");
        for query in [
            "",
            "?limit=1",
            "?sort=-createdAt,id",
            "?sort=createdAt&order=asc&page=1",
        ] {
            let (plain, in_path) = (
                owner.get(&format!("{list}{query}")).await,
                owner
                    .get(&format!("/workspaces/{}{list}{query}", owner.workspace))
                    .await,
            );
            assert_eq!(plain.expect(200), in_path.expect(200), "{list}{query}");
        }
        if list == "/notifications" {
            continue; // one of them has no address of its own
        }
        let item = &data["items"][0];
        let one = owner.get(&format!("{list}/{}", id(item))).await.expect(200);
        for (field, value) in item.as_object().unwrap() {
            if (list, field.as_str()) == ("/deals", "products") {
                continue; // each with more of its product
            }
            let mut told = one[field].clone();
            // The details may tell more of it.
            if let (Some(told), Some(item)) = (told.as_object_mut(), value.as_object()) {
                told.retain(|name, _| item.contains_key(name));
            }
            assert_eq!(told, *value, "{list}: {field} of the item is in the details");
        }
    }
    for (query, field) in [
        ("colour=red", "colour"),
        ("limit=0", "limit"),
        ("sort=colour", "sort"),
        ("name[like]=a", "name[like]"),
    ] {
        let told = owner
            .get(&format!("/workspaces?{query}"))
            .await
            .refused(400, "VALIDATION_FAILED");
        assert!(told["fields"][field].is_string(), "every list: {told}");
    }
    owner.post("/workspaces", json!({"name": "Филиал"})).await.expect(201);
    let workspaces = owner.get("/workspaces?limit=1&sort=-name").await.expect(200);
    assert_eq!(
        (
            &workspaces["total"],
            &workspaces["items"][0]["name"],
            workspaces["items"].as_array().unwrap().len()
        ),
        (&json!(2), &json!("Филиал"), 1)
    );
}
