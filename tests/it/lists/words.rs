//! Words as people here write them: the alphabet, the two forms of one letter, and the words of a closed list.

use super::{LISTS, found, set};
use prometric_tests::{Server, Yard};
use serde_json::{Value, json};

/// In the order of the Kazakh alphabet, which holds the Russian one; case decides nothing between different words.
const NAMES: [&str; 24] = [
    "абай",
    "Абайтас",
    "Әбіш",
    "Бек",
    "Гүл",
    "Ғабит",
    "ель",
    "Ерлан",
    "Ёлка",
    "Қазақ",
    "Қала",
    "наурыз",
    "Ңа",
    "Орал",
    "өнер",
    "Өрік",
    "Төле",
    "ұлт",
    "Үй",
    "Хан",
    "һәм",
    "Ыбырай",
    "Іле",
    "Яблоко",
];

#[tokio::test]
async fn names_sort_by_the_alphabet_whatever_their_case() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    for n in 0..NAMES.len() {
        let name = NAMES[n * 7 % NAMES.len()]; // in no order
        owner.post("/customers", json!({"name": name})).await.expect(201);
        let product = json!({"name": name, "code": format!("{n}")});
        owner.post("/products", product).await.expect(201);
    }
    for list in ["/customers", "/products"] {
        let sorted = found(&owner, &format!("{list}?sort=name&limit=100"), "name").await;
        assert_eq!(sorted, NAMES, "{list}");
        let (mut walked, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = owner
                .get(&format!("{list}?sort=-name&limit=5{cursor}"))
                .await
                .expect(200);
            walked.extend(super::names(page["items"].as_array().unwrap(), "name"));
            match page["pagination"]["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        walked.reverse();
        assert_eq!(walked, NAMES, "{list} by cursor");
        let exact = found(&owner, &format!("{list}?name=Абай"), "name").await;
        assert!(exact.is_empty(), "a filter is exact: {exact:?}");
    }
}

#[tokio::test]
async fn search_finds_every_letter_in_either_case_and_either_composition() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let letters = "аәбвгғдеёжзийкқлмнңоөпрстуұүфхһцчшщъыіьэюя";
    for letter in letters.chars() {
        let name = format!("Слово {}{letter}{letter}", letter.to_uppercase());
        owner.post("/customers", json!({"name": name})).await.expect(201);
    }
    for letter in letters.chars() {
        let upper: String = letter.to_uppercase().collect();
        let wanted = [format!("Слово {upper}{letter}{letter}")];
        let term = format!("{letter}{upper}{letter}");
        for term in [
            term.clone(),
            term.to_lowercase(),
            term.to_uppercase(),
            decomposed(&term),
        ] {
            assert_eq!(
                found(&owner, &format!("/customers?search={term}"), "name").await,
                wanted,
                "{term}"
            );
        }
    }
    let by_name = found(&owner, &format!("/customers?name={}", decomposed("Слово Ййй")), "name").await;
    assert_eq!(by_name, ["Слово Ййй"]);
}

/// The letters that have a form of two signs, in it.
fn decomposed(text: &str) -> String {
    let apart = |c| match c {
        'й' => "и\u{306}".to_owned(),
        'Й' => "И\u{306}".to_owned(),
        'ё' => "е\u{308}".to_owned(),
        'Ё' => "Е\u{308}".to_owned(),
        other => other.to_string(),
    };
    text.chars().map(apart).collect()
}

#[tokio::test]
async fn a_word_that_is_none_is_refused_with_those_there_are() {
    let server = Server::start_with(&[]).await;
    let yard = Yard::open(&server).await;
    let choices = [
        ("/customers", "type", "INDIVIDUAL"),
        ("/customers", "status", "CHURNED"),
        ("/products", "type", "MANUFACTURED"),
        ("/products", "status", "DISCONTINUED"),
        ("/deals", "stage", "NEGOTIATION"),
        ("/deals", "customer.type", "COMPANY"),
        ("/deals", "customer.status", "LEAD"),
        ("/orders", "status", "processing"),
        ("/orders", "paymentStatus", "partial"),
        ("/orders", "customer.type", "COMPANY"),
        ("/finance/invoices", "status", "overdue"),
        ("/finance/invoices", "kind", "proforma"),
        ("/production/orders", "status", "in_progress"),
        ("/production/orders", "priority", "urgent"),
        ("/production/orders", "materialState", "shortage"),
        ("/notifications", "type", "deal_won"),
    ];
    for (list, field, word) in choices {
        yard.owner.get(&format!("{list}?{field}={word}")).await.expect(200);
        for query in [
            format!("{field}=NIRVANA"),
            format!("{field}={word},NIRVANA"),
            format!("{field}[ne]=nirvana"),
        ] {
            let told = yard
                .owner
                .get(&format!("{list}?{query}"))
                .await
                .refused(400, "VALIDATION_FAILED");
            let named = query.split('=').next().unwrap();
            assert_eq!(told["rules"], json!({named: "not_allowed"}), "{list}?{query}");
            assert!(
                told["known"][named].as_array().unwrap().contains(&json!(word)),
                "{list}?{query}: {told}"
            );
        }
    }
    for list in LISTS {
        let told = yard
            .owner
            .get(&format!("{list}?colour=red"))
            .await
            .refused(400, "VALIDATION_FAILED");
        let known = told["known"]["colour"].as_array().unwrap();
        for name in ["id", "createdAt", "search", "sort", "cursor"] {
            assert!(known.contains(&json!(name)), "{list}: {told}");
        }
        let told = yard
            .owner
            .get(&format!("{list}?sort=colour"))
            .await
            .refused(400, "VALIDATION_FAILED");
        assert!(
            told["known"]["sort"].as_array().unwrap().contains(&json!("createdAt")),
            "{list}: {told}"
        );
    }
    let many = yard
        .owner
        .get("/deals?sort=id,title,stage,value,source")
        .await
        .refused(400, "VALIDATION_FAILED");
    assert_eq!(many["rules"], json!({"sort": "too_many"}));
    let filters = vec!["title=a"; 21].join("&");
    let many = yard
        .owner
        .get(&format!("/deals?{filters}"))
        .await
        .refused(400, "VALIDATION_FAILED");
    assert_eq!(many["rules"], json!({"title": "too_many"}));
}

#[tokio::test]
async fn tags_are_found_by_what_they_hold() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    for (title, tags) in [
        ("a", json!(["vip", "новый"])),
        ("b", json!(["vip"])),
        ("c", json!([])),
        ("d", json!(["vipp"])),
    ] {
        let deal = json!({"title": title, "tags": tags});
        owner.post("/deals", deal).await.expect(201);
    }
    for (query, titles) in [
        ("tags=vip", vec!["b", "a"]),
        ("tags=новый", vec!["a"]),
        ("tags=новый,vipp", vec!["d", "a"]),
        ("tags[ne]=vip", vec!["d", "c"]),
        ("tags=%22", vec![]),
    ] {
        assert_eq!(
            found(&owner, &format!("/deals?{query}"), "title").await,
            titles,
            "{query}"
        );
    }
    owner.get("/deals?sort=tags").await.refused(400, "VALIDATION_FAILED");
}

#[tokio::test]
async fn days_are_those_of_almaty_as_they_were() {
    let server = Server::start_with(&[]).await;
    let (owner, pool) = (server.owner().await, server.pool().await);
    // Until the end of February 2024 the day began at 18:00 UTC, since then at 19:00.
    let deals = [
        ("a", "2023-06-14T17:59:59Z", "2023-06-14T18:00:00Z", 1),
        ("b", "2023-06-14T18:00:00Z", "2023-06-15T17:59:59Z", 0),
        ("c", "2024-02-29T17:30:00Z", "2024-02-29T18:30:00Z", 0),
        ("d", "2024-02-29T18:59:59Z", "2024-02-29T19:00:00Z", 1),
        ("e", "2025-01-14T19:00:00Z", "2025-01-16T18:59:59Z", 1),
    ];
    for (title, created, lost, _) in deals {
        owner.post("/deals", json!({"title": title})).await.expect(201);
        let change =
            format!("update {{s}}.deals set created_at = '{created}', lost_at = '{lost}' where title = '{title}'");
        set(&pool, &owner, &change).await;
    }
    for (query, titles) in [
        ("createdAt=2023-06-14", "a"),
        ("createdAt=2023-06-15", "b"),
        ("createdAt=2024-02-29", "dc"),
        ("createdAt[gt]=2024-02-29", "e"),
        ("createdAt[lte]=2023-06-14", "a"),
        ("dateFrom=2023-06-15&dateTo=2024-02-29", "dcb"),
        ("createdAt=2025-01-15", "e"),
    ] {
        let wanted: Vec<String> = titles.chars().map(String::from).collect();
        assert_eq!(
            found(&owner, &format!("/deals?{query}"), "title").await,
            wanted,
            "{query}"
        );
    }
    for item in owner.items("/deals").await {
        let days = deals.iter().find(|(title, ..)| item["title"] == *title).unwrap().3;
        assert_eq!(item["metrics"]["daysInPipeline"], json!(days), "{}", item["title"]);
        assert_ne!(item["createdAt"], Value::Null);
    }
}
