//! Lists: pages, order, filters, search, and the cursor that sees every row once; the same in both forms of the path.

use prometric_tests::{Client, Server, Yard, story::id};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};

const LISTS: [&str; 8] = ["/customers", "/products", "/deals", "/orders", "/finance/invoices", "/finance/payments", "/production/orders", "/notifications"];

fn names(items: &[Value], field: &str) -> Vec<String> {
    items.iter().map(|item| item[field].as_str().unwrap_or("-").to_owned()).collect()
}

async fn found(owner: &Client, path: &str, field: &str) -> Vec<String> {
    names(&owner.items(path).await, field)
}

async fn sorted(owner: &Client, path: &str, field: &str) -> Vec<String> {
    let mut names = found(owner, path, field).await;
    names.sort();
    names
}

/// A list's rows, changed behind the server's back so that what depends on the clock does not depend on ours.
async fn set(pool: &PgPool, owner: &Client, change: &str) {
    let workspace = owner.get(&format!("/workspaces/{}", owner.workspace)).await.expect(200);
    let schema = format!("tenant_{}", workspace["slug"].as_str().unwrap().replace('-', "_"));
    sqlx::query(AssertSqlSafe(change.replace("{s}", &schema))).execute(pool).await.unwrap();
}

#[tokio::test]
async fn forty_five_customers_make_three_pages() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    for n in 1..=45 {
        owner.post("/customers", json!({"name": format!("Клиент {n:02}")})).await.expect(201);
    }
    let page = async |query: &str| owner.get(&format!("/customers{query}")).await.expect(200);
    let figures = |data: &Value| {
        let flat = ["total", "page", "limit", "totalPages"].map(|name| data[name].as_i64().unwrap());
        let nested = ["total", "page", "limit", "totalPages"].map(|name| data["pagination"][name].as_i64().unwrap());
        assert_eq!(flat, nested, "{data}");
        let has = (data["pagination"]["hasNext"].as_bool().unwrap(), data["pagination"]["hasPrev"].as_bool().unwrap());
        (data["items"].as_array().unwrap().len(), flat, has)
    };
    let first = page("").await;
    assert_eq!(figures(&first), (20, [45, 1, 20, 3], (true, false)));
    assert_eq!(first["items"][0]["name"], json!("Клиент 45"), "the newest first");
    assert_eq!(figures(&page("?page=2").await), (20, [45, 2, 20, 3], (true, true)));
    assert_eq!(figures(&page("?page=3").await), (5, [45, 3, 20, 3], (false, true)));
    assert_eq!(figures(&page("?page=4").await), (0, [45, 4, 20, 3], (false, true)));
    assert_eq!(figures(&page("?limit=100").await), (45, [45, 1, 100, 1], (false, false)));
    assert_eq!(figures(&page("?limit=45").await), (45, [45, 1, 45, 1], (false, false)));
    assert_eq!(figures(&page("?page=2&limit=44").await), (1, [45, 2, 44, 2], (false, true)));
    assert_eq!(figures(&page("?limit=1").await), (1, [45, 1, 1, 45], (true, false)));
    assert_eq!(figures(&page("?search=nobody").await), (0, [0, 1, 20, 0], (false, false)));
    let told = owner.get("/customers?limit=101").await.refused(400, "VALIDATION_FAILED");
    assert_eq!(told["rules"], json!({"limit": "out_of_range"}));

    let mut pages = Vec::new();
    for number in 1..=3 {
        pages.extend(found(&owner, &format!("/customers?page={number}&sort=name"), "name").await);
    }
    assert_eq!(pages, (1..=45).map(|n| format!("Клиент {n:02}")).collect::<Vec<_>>());
    for descending in ["/customers?sort=-name&limit=100", "/customers?sort=name&order=desc&limit=100", "/customers?order=desc&sort=name&limit=100"] {
        let mut turned = found(&owner, descending, "name").await;
        turned.reverse();
        assert_eq!(turned, pages, "{descending}");
    }
    assert_eq!(found(&owner, "/customers?sort=name&order=asc&limit=100", "name").await, pages);

    for form in ["/customers?page=2&sort=name", "/customers?search=1&limit=3", "/customers"] {
        let other = format!("/workspaces/{}{form}", owner.workspace);
        assert_eq!(owner.get(&other).await.expect(200), page(form.trim_start_matches("/customers")).await, "{form}");
    }
    for slash in ["/customers/?limit=1", &format!("/workspaces/{}/customers/?limit=1", owner.workspace)] {
        assert_eq!(owner.get(slash).await.expect(200)["total"], json!(45), "a trailing slash or none");
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
    set(&pool, &owner, "update {s}.deals set created_at = date_trunc('day', created_at)").await;
    let sorts = [
        "", "&sort=createdAt", "&sort=-createdAt", "&sort=title", "&sort=-title", "&sort=value", "&sort=-value", "&sort=expectedCloseDate", "&sort=-expectedCloseDate",
        "&sort=expectedCloseDate,-value", "&sort=-expectedCloseDate,value,-source", "&sort=source&order=desc", "&sort=wonAt", "&sort=-wonAt,-expectedCloseDate", "&sort=id", "&sort=-id",
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
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
    // Rows that come to be meanwhile neither repeat nor hide the others.
    let before = found(&owner, "/deals?limit=100&sort=title", "id").await;
    let page = owner.get("/deals?limit=20&sort=title").await.expect(200);
    owner.post("/deals", json!({"title": "А это раньше всех"})).await.expect(201);
    let next = page["pagination"]["nextCursor"].as_str().unwrap();
    let next = found(&owner, &format!("/deals?limit=100&sort=title&cursor={next}"), "id").await;
    assert_eq!([found(&owner, "/deals?limit=20&page=1&sort=title", "id").await[1..20].to_vec(), next].concat()[..], before[..before.len()][..]);
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

#[tokio::test]
async fn filters_find_what_document_two_says() {
    let server = Server::start_with(&[]).await;
    let (owner, pool) = (server.owner().await, server.pool().await);
    let customer = async |name: &str, kind: &str, segment: Value| id(&owner.post("/customers", json!({"name": name, "type": kind, "segment": segment})).await.expect(201));
    let (company, person) = (customer("ТОО", "COMPANY", json!("VIP")).await, customer("Иван", "INDIVIDUAL", Value::Null).await);
    let assignee = owner.user.clone();
    let deals = [
        ("a", json!({"value": 500_000, "stage": "NEGOTIATION", "customerId": company, "assignedTo": assignee, "expectedCloseDate": "2026-01-31"})),
        ("b", json!({"value": 1_000_000, "stage": "CLOSING", "customerId": company, "expectedCloseDate": "2026-02-01"})),
        ("c", json!({"value": 10_000_000, "stage": "NEGOTIATION", "customerId": person, "assignedTo": assignee, "expectedCloseDate": "2026-02-28"})),
        ("d", json!({"value": 10_000_000.01, "stage": "LEAD", "customerId": company})),
        ("e", json!({"value": 99_999_999})),
    ];
    for (title, mut deal) in deals {
        deal["title"] = json!(title);
        owner.post("/deals", deal).await.expect(201);
    }
    for (title, at) in [("a", "2025-01-14T18:59:59.999999Z"), ("b", "2025-01-14T19:00:00Z"), ("c", "2025-01-15T18:59:59.999999Z"), ("d", "2025-01-15T19:00:00Z"), ("e", "2025-01-16T10:00:00Z")] {
        set(&pool, &owner, &format!("update {{s}}.deals set created_at = '{at}' where title = '{title}'")).await;
    }
    let finds = [
        ("value[gte]=1000000", "bcde"), ("value[gt]=1000000", "cde"), ("value[lte]=1000000", "ab"), ("value[lt]=1000000", "a"), ("value=10000000.01", "d"),
        ("value=10000000.010", "d"), ("value[gte]=1000000&value[lte]=10000000", "bc"), ("value=500000,1000000", "ab"), ("minValue=1000000&maxValue=10000000", "bc"),
        ("stage=NEGOTIATION,CLOSING", "abc"), ("stage=NEGOTIATION", "ac"), ("stage[ne]=NEGOTIATION", "bde"), ("stage[ne]=NEGOTIATION,CLOSING", "de"), ("stage=WON", ""),
        ("customer.type=COMPANY", "abd"), ("customer.type=INDIVIDUAL,COMPANY", "abcd"), ("customer.segment=VIP", "abd"), ("stage=NEGOTIATION&customer.type=COMPANY", "a"),
        ("expectedCloseDate=2026-02-01", "b"), ("expectedCloseDate[gte]=2026-02-01", "bc"), ("expectedCloseDate[lt]=2026-02-01", "a"), ("expectedCloseDate[lte]=2026-02-28", "abc"),
        ("createdAt=2025-01-15", "bc"), ("createdAt[gte]=2025-01-15", "bcde"), ("createdAt[gt]=2025-01-15", "de"), ("createdAt[lte]=2025-01-15", "abc"), ("createdAt[lt]=2025-01-15", "a"),
        ("dateFrom=2025-01-15&dateTo=2025-01-15", "bc"), ("createdAt[gte]=2025-01-14T19:00:00Z", "bcde"), ("createdAt[gt]=2025-01-14T19:00:00Z", "cde"),
        ("createdAt[gte]=2025-01-15T00:00:00%2B05:00", "bcde"), ("createdAt=2025-01-15,2025-01-16", "bcde"), ("createdAt[ne]=2025-01-15", "ade"), ("title=a,b,c", "abc"), ("title=a&title=b", ""),
    ];
    for (query, titles) in finds {
        let wanted: Vec<String> = titles.chars().map(String::from).collect();
        assert_eq!(sorted(&owner, &format!("/deals?{query}"), "title").await, wanted, "{query}");
    }
    assert_eq!(sorted(&owner, &format!("/deals?assignedTo={assignee}"), "title").await, ["a", "c"]);
    assert_eq!(sorted(&owner, &format!("/deals?customerId={company},{person}"), "title").await, ["a", "b", "c", "d"]);
    let documents = format!("/deals?stage=NEGOTIATION,CLOSING&value[gte]=100000&value[lte]=10000000&customer.type=COMPANY&assignedTo={assignee}&createdAt[gte]=2025-01-01&sort=-value,createdAt");
    assert_eq!(found(&owner, &documents, "title").await, ["a"], "document 2's own example");
    assert_eq!(found(&owner, "/deals?sort=-value,createdAt&value[gte]=0", "title").await, ["e", "d", "c", "b", "a"]);
    assert_eq!(found(&owner, "/deals?sort=stage,-createdAt", "title").await, ["b", "e", "d", "c", "a"]);
}

#[tokio::test]
async fn search_takes_letters_of_any_case_and_signs_for_what_they_are() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    for (n, name) in ["Ноутбук Dell XPS", "Сервер Ұлы Дала", "Скидка 50% летом", "Скидка 500 тенге", "snake_case", "snakeXcase", "back\\slash", "O'Reilly \"цитата\"", "ёлка"].into_iter().enumerate() {
        owner.post("/products", json!({"code": format!("CODE-{n}"), "name": name})).await.expect(201);
    }
    let finds = [
        ("ноутбук", "Ноутбук Dell XPS"), ("НОУТБУК", "Ноутбук Dell XPS"), ("dell%20xps", "Ноутбук Dell XPS"), ("ұлы%20дала", "Сервер Ұлы Дала"), ("ҰЛЫ", "Сервер Ұлы Дала"),
        ("50%25", "Скидка 50% летом"), ("snake_", "snake_case"), ("back%5Cs", "back\\slash"), ("O%27Reilly%20%22", "O'Reilly \"цитата\""), ("code-3", "Скидка 500 тенге"), ("ЁЛКА", "ёлка"),
        ("%20%20ёлка%20", "ёлка"),
    ];
    for (search, name) in finds {
        assert_eq!(found(&owner, &format!("/products?search={search}"), "name").await, [name], "{search}");
    }
    assert_eq!(owner.get("/products?search=%25").await.expect(200)["total"], json!(1), "a per cent sign is a per cent sign");
    assert_eq!(owner.get("/products?search=скидка&limit=1").await.expect(200)["total"], json!(2));
    assert_eq!(owner.get("/products?search=").await.expect(200)["total"], json!(9));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_answers_alike_in_both_forms_and_shows_what_details_show() {
    let server = Server::start_with(&[]).await;
    let yard = Yard::open(&server).await;
    let owner = &yard.owner;
    let invoice = id(&owner.items("/finance/invoices").await[0]);
    owner.post("/finance/payments", json!({"invoiceId": invoice, "amount": 5})).await.expect(201);
    for list in LISTS {
        let data = owner.get(list).await.expect(200);
        assert!(data["total"].as_i64() > Some(0), "{list}");
        for query in ["", "?limit=1", "?sort=-createdAt,id", "?sort=createdAt&order=asc&page=1"] {
            let (plain, in_path) = (owner.get(&format!("{list}{query}")).await, owner.get(&format!("/workspaces/{}{list}{query}", owner.workspace)).await);
            assert_eq!(plain.expect(200), in_path.expect(200), "{list}{query}");
        }
        if list == "/notifications" {
            continue; // one of them has no address of its own
        }
        let item = &data["items"][0];
        let one = owner.get(&format!("{list}/{}", id(item))).await.expect(200);
        for (field, value) in item.as_object().unwrap() {
            assert_eq!(one[field], *value, "{list}: {field} of the item is in the details");
        }
    }
    for (query, field) in [("colour=red", "colour"), ("limit=0", "limit"), ("sort=colour", "sort"), ("name[like]=a", "name[like]")] {
        let told = owner.get(&format!("/workspaces?{query}")).await.refused(400, "VALIDATION_FAILED");
        assert!(told["fields"][field].is_string(), "every list: {told}");
    }
    owner.post("/workspaces", json!({"name": "Филиал"})).await.expect(201);
    let workspaces = owner.get("/workspaces?limit=1&sort=-name").await.expect(200);
    assert_eq!((&workspaces["total"], &workspaces["items"][0]["name"], workspaces["items"].as_array().unwrap().len()), (&json!(2), &json!("Филиал"), 1));
}

#[tokio::test]
async fn odd_queries_are_refused_by_name_or_find_nothing() {
    let server = Server::start_with(&[]).await;
    let yard = Yard::open(&server).await;
    let dates = ["2025-13-45", "2025-02-30", "yesterday", "", "99999-01-01", "%2B99999-01-01", "0000-01-01", "-0001-01-01", "-262143-01-01", "%2B262142-12-31", "0000-01-01T00:00:00Z"];
    // The parameter as refusals name it, and the query.
    let mut refused: Vec<(String, String)> = [
        ("colour", "colour=red"), ("name;drop", "name;drop=1"), ("id[like]", "id[like]=a"), ("id[", "id[=a"), ("[gte]", "[gte]=1"), ("id[gte]x", "id[gte]x=1"),
        ("limit", "limit=0"), ("limit", "limit=-1"), ("limit", "limit=101"), ("limit", "limit=abc"), ("limit", "limit=99999999999999999999"), ("limit", "limit=1.5"),
        ("limit", "limit="), ("page", "page=0"), ("page", "page=-1"), ("page", "page=99999999999999999999"), ("page", "page=NaN"), ("sort", "sort=colour"),
        ("sort", "sort=-"), ("sort", "sort=id;drop%20table"), ("sort", "sort=metadata"), ("order", "sort=id&order=up"), ("search", "search=a%00b"),
        ("cursor", "cursor=garbage"), ("cursor", "cursor=%F0%9F%92%A9"), ("cursor", "cursor=W10"), ("cursor", "cursor=W251bGwsbnVsbF0"), ("cursor", "cursor=WyJhIiwiYiJd"),
        ("cursor", "cursor=bnVsbA"), ("id", "id=7"), ("id", "id=%27%20or%201=1%20--"), ("version[gte]", "version[gte]=1e400"), ("version[gte]", "version[gte]=many"),
        ("version", "version=NaN"), ("createdAt[gte]", "createdAt[gte]=2025-01-01T25:00:00Z"),
    ].map(|(field, query)| (field.to_owned(), query.to_owned())).into();
    refused.extend(["createdAt", "createdAt[gte]", "createdAt[lte]", "createdAt[gt]", "createdAt[lt]", "createdAt[ne]"].iter().flat_map(|field| {
        dates.iter().filter(|date| !date.is_empty() || field.contains("t[") && !field.contains("ne")).map(move |date| ((*field).to_owned(), format!("{field}={date}")))
    }));
    refused.push(("search".to_owned(), format!("search={}", "a".repeat(10_000))));
    refused.push(("id".to_owned(), format!("id={}", "0190c2a5-0000-7000-8000-000000000000,".repeat(500))));
    let accepted = [
        "search=%25", "search=_", "search=%27", "search=%22", "search=%5C", "search=%5C%25", "search=%FF%FE", "search=%ZZ", "search=%F0%9F%92%A9", "search=", "id=",
        "page=1000000", "page=1000000&limit=100", "id[ne]=", "limit=1&limit=2", "&&&", "sort=", "sort=id,id,id", "version[gte]=79228162514264337593543950335",
        "version=-0", "createdAt[gte]=1900-01-01", "createdAt[lte]=9999-12-31", "createdAt=2025-01-01T00:00:00%2B05:00",
    ];
    let mut accepted: Vec<String> = accepted.map(str::to_owned).into();
    accepted.push(format!("sort={}", "id,createdAt,".repeat(2_000)));
    let mut complaints = Vec::new();
    for list in LISTS {
        for (field, query) in &refused {
            let answer = yard.owner.get(&format!("{list}?{query}")).await;
            let named = answer.body["error"]["details"]["fields"][field].is_string();
            let code = answer.body["error"]["code"].as_str();
            let fits = code == Some("VALIDATION_FAILED") || code == Some("INVALID_UUID") && field == "id";
            if (answer.status, fits, named) != (400, true, true) {
                complaints.push(format!("GET {list}?{}: {} {}", shortened(query), answer.status, shortened(&answer.body.to_string())));
            }
        }
        for query in &accepted {
            let answer = yard.owner.get(&format!("{list}?{query}")).await;
            if answer.status != 200 {
                complaints.push(format!("GET {list}?{}: {} {}", shortened(query), answer.status, shortened(&answer.body.to_string())));
            }
        }
    }
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
    yard.lives().await;
}

fn shortened(text: &str) -> String {
    text.chars().take(250).collect()
}

