//! Filters and search; and odd queries, which are refused by name.

use super::{LISTS, found, set};
use prometric_tests::{Client, Server, Yard, story::id};
use serde_json::{Value, json};

async fn sorted(owner: &Client, path: &str, field: &str) -> Vec<String> {
    let mut names = found(owner, path, field).await;
    names.sort();
    names
}

#[tokio::test]
async fn filters_find_what_document_two_says() {
    let server = Server::start_with(&[]).await;
    let (owner, pool) = (server.owner().await, server.pool().await);
    let customer = async |name: &str, kind: &str, segment: Value| {
        id(&owner
            .post("/customers", json!({"name": name, "type": kind, "segment": segment}))
            .await
            .expect(201))
    };
    let (company, person) = (
        customer("ТОО", "COMPANY", json!("VIP")).await,
        customer("Иван", "INDIVIDUAL", Value::Null).await,
    );
    let assignee = owner.user.clone();
    let deals = [
        (
            "a",
            json!({"value": 500_000, "stage": "NEGOTIATION", "customerId": company, "assignedTo": assignee, "expectedCloseDate": "2026-01-31"}),
        ),
        (
            "b",
            json!({"value": 1_000_000, "stage": "CLOSING", "customerId": company, "expectedCloseDate": "2026-02-01"}),
        ),
        (
            "c",
            json!({"value": 10_000_000, "stage": "NEGOTIATION", "customerId": person, "assignedTo": assignee, "expectedCloseDate": "2026-02-28"}),
        ),
        (
            "d",
            json!({"value": 10_000_000.01, "stage": "LEAD", "customerId": company}),
        ),
        ("e", json!({"value": 99_999_999})),
    ];
    for (title, mut deal) in deals {
        deal["title"] = json!(title);
        owner.post("/deals", deal).await.expect(201);
    }
    for (title, at) in [
        ("a", "2025-01-14T18:59:59.999999Z"),
        ("b", "2025-01-14T19:00:00Z"),
        ("c", "2025-01-15T18:59:59.999999Z"),
        ("d", "2025-01-15T19:00:00Z"),
        ("e", "2025-01-16T10:00:00Z"),
    ] {
        set(
            &pool,
            &owner,
            &format!("update {{s}}.deals set created_at = '{at}' where title = '{title}'"),
        )
        .await;
    }
    let finds = [
        ("value[gte]=1000000", "bcde"),
        ("value[gt]=1000000", "cde"),
        ("value[lte]=1000000", "ab"),
        ("value[lt]=1000000", "a"),
        ("value=10000000.01", "d"),
        ("value=10000000.010", "d"),
        ("value[gte]=1000000&value[lte]=10000000", "bc"),
        ("value=500000,1000000", "ab"),
        ("minValue=1000000&maxValue=10000000", "bc"),
        ("stage=NEGOTIATION,CLOSING", "abc"),
        ("stage=NEGOTIATION", "ac"),
        ("stage[ne]=NEGOTIATION", "bde"),
        ("stage[ne]=NEGOTIATION,CLOSING", "de"),
        ("stage=WON", ""),
        ("customer.type=COMPANY", "abd"),
        ("customer.type=INDIVIDUAL,COMPANY", "abcd"),
        ("customer.segment=VIP", "abd"),
        ("stage=NEGOTIATION&customer.type=COMPANY", "a"),
        ("expectedCloseDate=2026-02-01", "b"),
        ("expectedCloseDate[gte]=2026-02-01", "bc"),
        ("expectedCloseDate[lt]=2026-02-01", "a"),
        ("expectedCloseDate[lte]=2026-02-28", "abc"),
        ("createdAt=2025-01-15", "bc"),
        ("createdAt[gte]=2025-01-15", "bcde"),
        ("createdAt[gt]=2025-01-15", "de"),
        ("createdAt[lte]=2025-01-15", "abc"),
        ("createdAt[lt]=2025-01-15", "a"),
        ("dateFrom=2025-01-15&dateTo=2025-01-15", "bc"),
        ("createdAt[gte]=2025-01-14T19:00:00Z", "bcde"),
        ("createdAt[gt]=2025-01-14T19:00:00Z", "cde"),
        ("createdAt[gte]=2025-01-15T00:00:00%2B05:00", "bcde"),
        ("createdAt=2025-01-15,2025-01-16", "bcde"),
        ("createdAt[ne]=2025-01-15", "ade"),
        ("title=a,b,c", "abc"),
        ("title=a&title=b", ""),
    ];
    for (query, titles) in finds {
        let wanted: Vec<String> = titles.chars().map(String::from).collect();
        assert_eq!(
            sorted(&owner, &format!("/deals?{query}"), "title").await,
            wanted,
            "{query}"
        );
    }
    assert_eq!(
        sorted(&owner, &format!("/deals?assignedTo={assignee}"), "title").await,
        ["a", "c"]
    );
    assert_eq!(
        sorted(&owner, &format!("/deals?customerId={company},{person}"), "title").await,
        ["a", "b", "c", "d"]
    );
    let documents = format!(
        "/deals?stage=NEGOTIATION,CLOSING&value[gte]=100000&value[lte]=10000000&customer.type=COMPANY&assignedTo={assignee}&createdAt[gte]=2025-01-01&sort=-value,createdAt"
    );
    assert_eq!(
        found(&owner, &documents, "title").await,
        ["a"],
        "document 2's own example"
    );
    assert_eq!(
        found(&owner, "/deals?sort=-value,createdAt&value[gte]=0", "title").await,
        ["e", "d", "c", "b", "a"]
    );
    assert_eq!(
        found(&owner, "/deals?sort=stage,-createdAt", "title").await,
        ["b", "e", "d", "c", "a"]
    );
}

#[tokio::test]
async fn search_takes_letters_of_any_case_and_signs_for_what_they_are() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    for (n, name) in [
        "Ноутбук Dell XPS",
        "Сервер Ұлы Дала",
        "Скидка 50% летом",
        "Скидка 500 тенге",
        "snake_case",
        "snakeXcase",
        "back\\slash",
        "O'Reilly \"цитата\"",
        "ёлка",
    ]
    .into_iter()
    .enumerate()
    {
        owner
            .post("/products", json!({"code": format!("CODE-{n}"), "name": name}))
            .await
            .expect(201);
    }
    let finds = [
        ("ноутбук", "Ноутбук Dell XPS"),
        ("НОУТБУК", "Ноутбук Dell XPS"),
        ("dell%20xps", "Ноутбук Dell XPS"),
        ("ұлы%20дала", "Сервер Ұлы Дала"),
        ("ҰЛЫ", "Сервер Ұлы Дала"),
        ("50%25", "Скидка 50% летом"),
        ("snake_", "snake_case"),
        ("back%5Cs", "back\\slash"),
        ("O%27Reilly%20%22", "O'Reilly \"цитата\""),
        ("code-3", "Скидка 500 тенге"),
        ("ЁЛКА", "ёлка"),
        ("%20%20ёлка%20", "ёлка"),
    ];
    for (search, name) in finds {
        assert_eq!(
            found(&owner, &format!("/products?search={search}"), "name").await,
            [name],
            "{search}"
        );
    }
    assert_eq!(
        owner.get("/products?search=%25").await.expect(200)["total"],
        json!(1),
        "a per cent sign is a per cent sign"
    );
    assert_eq!(
        owner.get("/products?search=скидка&limit=1").await.expect(200)["total"],
        json!(2)
    );
    assert_eq!(owner.get("/products?search=").await.expect(200)["total"], json!(9));
}

#[tokio::test]
async fn odd_queries_are_refused_by_name_or_find_nothing() {
    let server = Server::start_with(&[]).await;
    let yard = Yard::open(&server).await;
    let dates = [
        "2025-13-45",
        "2025-02-30",
        "yesterday",
        "",
        "99999-01-01",
        "%2B99999-01-01",
        "0000-01-01",
        "-0001-01-01",
        "-262143-01-01",
        "%2B262142-12-31",
        "0000-01-01T00:00:00Z",
    ];
    // The parameter as refusals name it, and the query.
    let mut refused: Vec<(String, String)> = [
        ("colour", "colour=red"),
        ("name;drop", "name;drop=1"),
        ("id[like]", "id[like]=a"),
        ("id[", "id[=a"),
        ("[gte]", "[gte]=1"),
        ("id[gte]x", "id[gte]x=1"),
        ("limit", "limit=0"),
        ("limit", "limit=-1"),
        ("limit", "limit=101"),
        ("limit", "limit=abc"),
        ("limit", "limit=99999999999999999999"),
        ("limit", "limit=1.5"),
        ("limit", "limit="),
        ("page", "page=501"),
        ("page", "page=101&limit=100"),
        ("page", "page=0"),
        ("page", "page=-1"),
        ("page", "page=99999999999999999999"),
        ("page", "page=NaN"),
        ("sort", "sort=colour"),
        ("sort", "sort=-"),
        ("sort", "sort=id;drop%20table"),
        ("sort", "sort=metadata"),
        ("order", "sort=id&order=up"),
        ("search", "search=a%00b"),
        ("cursor", "cursor=garbage"),
        ("cursor", "cursor=%F0%9F%92%A9"),
        ("cursor", "cursor=W10"),
        ("cursor", "cursor=W251bGwsbnVsbF0"),
        ("cursor", "cursor=WyJhIiwiYiJd"),
        ("cursor", "cursor=bnVsbA"),
        ("asOf", "asOf=7000000"),
        ("asOf", "asOf=2199-01-01T00:00:00Z&limit=1"),
        ("asOf", "asOf=0&asOf=0"),
        ("asOf", "asOf=-1"),
        ("search", "search=a%0Ab"),
        ("id", "id=7"),
        ("id", "id=%27%20or%201=1%20--"),
        ("version[gte]", "version[gte]=1e400"),
        ("version[gte]", "version[gte]=many"),
        ("version", "version=NaN"),
        ("createdAt[gte]", "createdAt[gte]=2025-01-01T25:00:00Z"),
    ]
    .map(|(field, query)| (field.to_owned(), query.to_owned()))
    .into();
    refused.extend(
        [
            "createdAt",
            "createdAt[gte]",
            "createdAt[lte]",
            "createdAt[gt]",
            "createdAt[lt]",
            "createdAt[ne]",
        ]
        .iter()
        .flat_map(|field| {
            dates
                .iter()
                .filter(|date| !date.is_empty() || field.contains("t[") && !field.contains("ne"))
                .map(move |date| ((*field).to_owned(), format!("{field}={date}")))
        }),
    );
    refused.push(("search".to_owned(), format!("search={}", "a".repeat(10_000))));
    refused.push((
        "id".to_owned(),
        format!("id={}", "0190c2a5-0000-7000-8000-000000000000,".repeat(500)),
    ));
    let accepted = [
        "search=%25",
        "search=_",
        "search=%27",
        "search=%22",
        "search=%5C",
        "search=%5C%25",
        "search=%FF%FE",
        "search=%ZZ",
        "search=%F0%9F%92%A9",
        "search=",
        "id=",
        "page=500",
        "page=100&limit=100",
        "id[ne]=",
        "limit=1&limit=2",
        "&&&",
        "sort=",
        "sort=id,id,id",
        "version[gte]=79228162514264337593543950335",
        "version=-0",
        "createdAt[gte]=1900-01-01",
        "createdAt[lte]=9999-12-31",
        "createdAt=2025-01-01T00:00:00%2B05:00",
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
                complaints.push(format!(
                    "GET {list}?{}: {} {}",
                    shortened(query),
                    answer.status,
                    shortened(&answer.body.to_string())
                ));
            }
        }
        for query in &accepted {
            let answer = yard.owner.get(&format!("{list}?{query}")).await;
            if answer.status != 200 {
                complaints.push(format!(
                    "GET {list}?{}: {} {}",
                    shortened(query),
                    answer.status,
                    shortened(&answer.body.to_string())
                ));
            }
        }
    }
    assert!(
        complaints.is_empty(),
        "{} complaints:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
    yard.lives().await;
}

fn shortened(text: &str) -> String {
    text.chars().take(250).collect()
}
