//! No input, however odd, gets a 500, and none that is refused leaves a trace: every field of every write with every
//! wrong value, bodies that are none, ids of nothing, dates of no calendar. And what is accepted can be carried through.

use prometric_tests::{
    Answer, Client, Server, Yard, eventually, routes,
    shape::Field,
    story::{Shop, id},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};

/// Writes without a body.
const BODILESS: [&str; 3] = ["POST /customers/{id}/convert", "DELETE /customers/{id}", "PUT /notifications/{id}/read"];

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_value_of_every_field_is_refused_by_name_and_leaves_no_trace() {
    let server = Server::start_with(&[]).await;
    let yard = Yard::open(&server).await;
    let known: BTreeSet<String> = yard.shapes.iter().map(|shape| format!("{} {}", shape.method, shape.route)).collect();
    let writes = routes(&server).await.into_iter().filter(|route| route.method != Method::GET).map(|route| route.name());
    let unknown: Vec<String> = writes.filter(|name| !known.contains(name) && !BODILESS.contains(&name.as_str())).collect();
    assert!(unknown.is_empty(), "what do their bodies look like? {unknown:?}");

    let mut complaints = Vec::new();
    for shape in &yard.shapes {
        for field in &shape.fields {
            for wrong in field.wrong() {
                complaints.extend(yard.refusal(shape, field, Some(&wrong.json), wrong.code, wrong.rule).await);
            }
            if let Some(json) = shape.as_list(field) {
                complaints.extend(yard.refusal(shape, field, Some(&json), "VALIDATION_FAILED", None).await);
            }
            if field.required && !field.at.ends_with(']') {
                complaints.extend(yard.refusal(shape, field, None, "REQUIRED_FIELD", Some("required")).await);
            }
        }
    }
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
    yard.lives().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_none_is_refused_by_every_write() {
    let server = Server::start_with(&[]).await;
    let yard = Yard::open(&server).await;
    // What is wrong deep down may be told as precisely.
    let malformed = ["VALIDATION_FAILED", "INVALID_UUID"];
    let none: [(&str, Vec<u8>); 11] = [
        ("an open brace", b"{".into()),
        ("not JSON", b"nonsense".into()),
        ("a list", b"[]".into()),
        ("a list of one", b"[{\"name\":\"a\"}]".into()),
        ("a number", b"7".into()),
        ("null", b"null".into()),
        ("a text", b"\"a\"".into()),
        ("a form", b"name=a&code=b".into()),
        ("a zero byte", b"{\"name\":\"a\x00\"}".into()),
        ("two marks of order", b"\xff\xfe{}".into()),
        ("an unclosed depth", vec![b'{'; 500_000]),
    ];
    let mut complaints = Vec::new();
    let before = yard.written().await;
    for shape in &yard.shapes {
        let empty: Vec<&Field> = shape.fields.iter().filter(|field| field.required && !field.at.contains(['[', '.'])).collect();
        for body in ["", " \n", "{}"].iter().filter(|_| !empty.is_empty()) {
            let answer = yard.owner.send(shape.method.clone(), &shape.path, Some((*body).to_owned()), &[]).await;
            let details = &answer.body["error"]["details"];
            let code = answer.body["error"]["code"].as_str();
            let named = empty.iter().any(|field| details["rules"][&field.at] == "required");
            if (answer.status, code, named) != (400, Some("REQUIRED_FIELD"), true) {
                complaints.push(format!("{} {}: empty {body:?}: {} {}", shape.method, shape.route, answer.status, answer.body));
            }
        }
        let (good, first) = (shape.good.to_string(), &shape.fields[0].at);
        let own = [
            ("two bodies", format!("{good}{{}}").into_bytes()),
            ("half a body", good[..good.len() - 1].into()),
            ("bytes that are no text", [b"{\"comment\":\"\xff\",", &good.as_bytes()[1..]].concat()),
            ("a deep list", shape.with(first, Some(&format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)))).into_bytes()),
            ("a deep object", shape.with(first, Some(&format!("{}1{}", "{\"a\":".repeat(50_000), "}".repeat(50_000)))).into_bytes()),
        ];
        for (what, body) in none.iter().chain(&own) {
            match yard.owner.send_bytes(shape.method.clone(), &shape.path, body.clone()).await {
                Ok(answer) if answer.status == 400 && malformed.iter().any(|code| answer.body["error"]["code"] == *code) => {}
                answer => complaints.push(format!("{} {}: {what}: {:?}", shape.method, shape.route, answer.map(|answer| (answer.status, answer.body)))),
            }
        }
    }
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
    assert_eq!(yard.written().await, before, "nothing was written");
    yard.lives().await;
}

/// The client keeps its connection, as clients do: an answer that cuts it off would make the next request fail.
#[tokio::test]
async fn two_megabytes_are_refused_and_the_connection_lives() {
    let server = Server::start_with(&[]).await;
    let yard = Yard::open(&server).await;
    let before = yard.written().await;
    let large = format!("{{\"name\":\"{}\"}}", "a".repeat(2_000_000)).into_bytes();
    let mut complaints = Vec::new();
    for shape in &yard.shapes {
        for round in 0..4 {
            match yard.owner.send_bytes(shape.method.clone(), &shape.path, large.clone()).await {
                Ok(answer) if (answer.status, answer.body["error"]["code"].as_str()) == (413, Some("PAYLOAD_TOO_LARGE")) => {}
                answer => complaints.push(format!("{} {} {round}: {answer:?}", shape.method, shape.route)),
            }
            if let Err(error) = yard.owner.send_bytes(Method::POST, "/auth/check-email", b"{\"email\":\"z@company.kz\"}".into()).await {
                complaints.push(format!("the request after {} {} {round}: {error:?}", shape.method, shape.route));
            }
        }
    }
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
    assert_eq!(yard.written().await, before, "nothing was written");
}

#[tokio::test]
async fn ids_of_nothing_and_too_many_of_a_thing_are_refused() {
    let server = Server::start_with(&[]).await;
    let yard = Yard::open(&server).await;
    let before = yard.written().await;
    let malformed = ["7", "undefined", "%20", "%00", "%FF%FE", "'", "0190c2a5-0000-7000-8000-00000000000g", "0190c2a5-0000-7000-8000-0000000000000"];
    let mut complaints = Vec::new();
    let mut expect = |what: &str, answer: Answer, status: u16, code: &str, field: Option<&str>| {
        let named = field.is_none_or(|field| answer.body["error"]["details"]["fields"][field].is_string());
        if (answer.status, answer.body["error"]["code"].as_str()) != (status, Some(code)) || !named {
            complaints.push(format!("{what}: {} {}, wanted {status} {code} {field:?}", answer.status, answer.body));
        }
    };
    for route in routes(&server).await.iter().filter(|route| route.path.contains("Id}") || route.path.contains("{id}")) {
        let body = yard.shapes.iter().find(|shape| route.name() == format!("{} {}", shape.method, shape.route)).map(|shape| shape.good.to_string());
        let send = async |path: String| yard.owner.send(route.method.clone(), &path, body.clone(), &[]).await;
        for wrong in malformed {
            let field = if route.is_in_workspace() { "wsId" } else if route.path.contains("productId") { "productId" } else { "id" };
            let path = route.path_of(wrong, if route.is_in_workspace() { &yard.owner.workspace } else { wrong });
            expect(&format!("{} {path}", route.method), send(path).await, 400, "INVALID_UUID", Some(field));
        }
        if !route.is_in_workspace() {
            let path = route.path_of("", "0190c2a5-0000-7000-8000-000000000000");
            expect(&format!("{} {path}", route.method), send(path).await, 404, "NOT_FOUND", None);
        }
    }
    for (shape, at) in yard.shapes.iter().flat_map(|shape| shape.lists().map(move |at| (shape, at))).filter(|(_, at)| *at != "ids") {
        let answer = yard.owner.send(shape.method.clone(), &shape.path, Some(shape.with_items(at, 501)), &[]).await;
        expect(&format!("{} {} with 501 {at}", shape.method, shape.route), answer, 400, "VALIDATION_FAILED", Some(at));
    }
    for (method, path) in [(Method::GET, "/nonsense"), (Method::GET, "/customers/a/b/c"), (Method::POST, "/health/x"), (Method::GET, "/")] {
        expect(path, yard.owner.send(method, path, None, &[]).await, 404, "NOT_FOUND", None);
    }
    for (name, value) in [("If-Match", "seven"), ("If-Match", "\"99999999999999999999\"")] {
        let update = yard.owner.send(Method::PUT, &yard.shapes[1].path, Some("{}".to_owned()), &[(name, value)]).await;
        expect(value, update, 400, "VALIDATION_FAILED", Some(name));
    }
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
    assert_eq!(yard.written().await, before, "nothing was written");
    yard.lives().await;
}

/// A date that the read models cannot hold would stop the whole workspace: it must not get that far.
#[tokio::test]
async fn dates_of_no_calendar_are_refused() {
    let server = Server::start_with(&[]).await;
    let yard = Yard::open(&server).await;
    let odd = [
        "2025-13-45", "2025-02-30", "2025-00-10", "tomorrow", "", "20250101", "01.02.2025", "99999-01-01", "+99999-01-01", "-0001-01-01", "0000-01-01",
        "+262142-12-31", "-262143-01-01", "2025-01-01\\u0000",
    ];
    let odd = odd.map(|date| format!("\"{date}\"")).into_iter().chain(["20250101", "true", "[]", "{}", "[2025,1,1]", "1e400"].map(str::to_owned));
    let odd: Vec<String> = odd.collect();
    let mut complaints = Vec::new();
    for (name, at) in [("POST /deals", "expectedCloseDate"), ("PUT /deals/{id}", "expectedCloseDate"), ("POST /deals/{id}/win", "actualCloseDate"), ("POST /finance/payments", "date")] {
        let shape = yard.shapes.iter().find(|shape| format!("{} {}", shape.method, shape.route) == name).unwrap();
        for json in &odd {
            let before = yard.written().await;
            // Not waiting for the read models, which one that is accepted may have stopped.
            let answer = yard.owner.send(shape.method.clone(), &shape.path, Some(shape.with(at, Some(json))), &[("Prefer", "respond-async")]).await;
            let named = answer.body["error"]["details"]["fields"][at].is_string();
            if (answer.status, answer.body["error"]["code"].as_str(), named) != (400, Some("VALIDATION_FAILED"), true) || yard.written().await != before {
                complaints.push(format!("{name} {at} = {json}: {} {}", answer.status, answer.body));
            }
        }
    }
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
    read_models_follow(&server, &yard.owner).await;
}

/// What is written is still read: nothing that was accepted has stopped those who follow the log.
async fn read_models_follow(server: &Server, owner: &Client) {
    let async_too = [("Prefer", "respond-async")];
    let created = owner.send(Method::POST, "/customers", Some(json!({"name": "После"}).to_string()), &async_too).await.expect(201);
    let shown = async {
        while owner.get(&format!("/customers/{}", id(&created))).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let shown = tokio::time::timeout(Duration::from_secs(10), shown).await;
    shown.unwrap_or_else(|_| panic!("the workspace's read models have stopped: {:?}", server.said().lines().last()));
}

// The other way round: the largest, longest and strangest that is accepted can be carried through.

#[tokio::test]
async fn the_strangest_that_is_accepted_is_shown_as_it_is() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let (most, dearest, long) = (999_999_999.999, 9_999_999_999_999.99, "Ә\u{1F4A9}\u{1}\u{FFFF}\u{202E}\"'\\ ".repeat(20));
    let nested = (0..100).fold(json!(-1e-300), |inner, _| json!([inner]));
    let specifications = json!({"": 1e308, "a'\"\\$1{s}{0}": nested, "\u{1}\u{7f}\u{2028}": "%s", "null": null});
    let product = json!({"code": "'; --", "name": "a", "price": dearest, "cost": dearest, "minStock": most, "maxStock": most, "specifications": specifications});
    let product = id(&owner.post("/products", product).await.expect(201));
    let contact = json!({"firstName": long.chars().take(100).collect::<String>(), "position": "x".repeat(800_000)});
    let customer = json!({"name": long, "tags": vec!["a"; 500], "creditLimit": dearest, "contacts": [contact]});
    let customer = id(&owner.post("/customers", customer).await.expect(201));
    read_models_follow(&server, &owner).await;
    let seen = owner.get(&format!("/products/{product}")).await.expect(200);
    assert_eq!((seen["price"].as_f64(), seen["maxStock"].as_f64()), (Some(dearest), Some(most)));
    assert_eq!(seen["specifications"]["a'\"\\$1{s}{0}"], nested);
    assert_eq!((seen["specifications"][""].as_f64(), &seen["specifications"]["\u{1}\u{7f}\u{2028}"]), (Some(1e308), &json!("%s")));
    let seen = owner.get(&format!("/customers/{customer}")).await.expect(200);
    assert_eq!(seen["name"], json!(long));
    for field in ["firstName", "position"] {
        assert_eq!(seen["contacts"][0][field], contact[field]);
    }

    owner.post("/stock/receipts", json!({"productId": product, "quantity": most, "unitCost": dearest})).await.expect(201);
    let told = owner.post("/stock/receipts", json!({"productId": product, "quantity": 0.001})).await.refused(400, "VALIDATION_FAILED");
    assert_eq!(told["reason"], json!("stock.too_much"));
    read_models_follow(&server, &owner).await;
    assert_eq!(owner.get(&format!("/products/{product}")).await.expect(200)["inventory"]["available"].as_f64(), Some(most));
}

#[tokio::test]
async fn an_endless_production_stops_nobody() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 100, 20).await;
    let endless = json!([{"name": "a", "duration": 4_294_967_295_u32}, {"name": "b", "duration": 4_294_967_295_u32}]);
    let bill = json!({"components": [{"materialId": shop.lock, "quantity": 1, "cost": 0}], "operations": endless});
    owner.put(&format!("/production/bom/{}", shop.cabinet), bill).await.expect(200);
    let sell = async |quantity: f64| {
        let lines = json!([{"productId": shop.cabinet, "quantity": quantity, "unitPrice": 0.01, "tax": 0}]);
        let deal = owner.post("/deals", json!({"title": "a", "customerId": shop.customer, "expectedCloseDate": "9999-12-31", "products": lines})).await;
        let won = format!("/deals/{}/win", id(&deal.expect(201)));
        owner.send(Method::POST, &won, Some(json!({"actualCloseDate": "9999-12-31"}).to_string()), &[("Prefer", "respond-async")]).await.expect(200);
    };
    for quantity in [1.0, 19.0] {
        sell(quantity).await;
    }
    let reserved = async || (owner.get("/production/orders?materialState=reserved").await.expect(200)["total"] == 2).then_some(());
    let reserved = tokio::time::timeout(Duration::from_secs(10), eventually("both production orders have their materials", reserved)).await;
    reserved.unwrap_or_else(|_| panic!("the chain has stopped: {:?}", server.said().lines().last()));
    sell(999_999_999.999).await;
    read_models_follow(&server, &owner).await;
    eventually("an order each", || async { (owner.get("/orders").await.expect(200)["total"] == 3).then_some(()) }).await;
    eventually("an invoice each", || async { (owner.get("/finance/invoices").await.expect(200)["total"] == 3).then_some(()) }).await;
    read_models_follow(&server, &owner).await;
}

#[tokio::test]
async fn a_customer_may_buy_more_than_one_amount_can_tell() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let customer = id(&owner.post("/customers", json!({"name": "a"})).await.expect(201));
    let dearest = 9_999_999_999_999.99;
    for _ in 0..3 {
        let deal = id(&owner.post("/deals", json!({"title": "a", "customerId": customer, "value": dearest})).await.expect(201));
        owner.send(Method::POST, &format!("/deals/{deal}/win"), Some("{}".to_owned()), &[("Prefer", "respond-async")]).await.expect(200);
    }
    read_models_follow(&server, &owner).await;
    let all = async || (owner.get("/finance/invoices").await.expect(200)["total"] == 3).then_some(());
    let all = tokio::time::timeout(Duration::from_secs(10), eventually("all three invoices", all)).await;
    all.unwrap_or_else(|_| panic!("the chain has stopped: {:?}", server.said().lines().last()));
    read_models_follow(&server, &owner).await;
    let seen = owner.get(&format!("/customers/{customer}")).await.expect(200);
    for sum in ["totalRevenue", "balance"] {
        assert_eq!(seen[sum].as_f64(), Some(29_999_999_999_999.97), "{sum} is the sum of all three");
    }
}

#[tokio::test]
async fn refusals_speak_the_callers_language() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let ask = async |language: &str, path: &str, body: &str| {
        let headers = [("Accept-Language", language)];
        let answer = owner.send(Method::POST, path, Some(body.to_owned()), if language.is_empty() { &[] } else { &headers }).await;
        let error = &answer.body["error"];
        let fields = error["details"]["fields"].as_object().map(|fields| fields.values().map(Value::to_string).collect::<String>());
        (error["code"].to_string(), format!("{} {fields:?}", error["message"]))
    };
    for (path, body) in [("/customers", "{}"), ("/customers", "{"), ("/customers", r#"{"name":"a","bin":"1"}"#), ("/deals/0190c2a5-0000-7000-8000-000000000000/win", "{}"), ("/auth/refresh", r#"{"refreshToken":"a"}"#), ("/nonsense", "")] {
        let (code, russian) = ask("ru-RU", path, body).await;
        let (same, kazakh) = ask("kk-KZ", path, body).await;
        let (also, english) = ask("en-US", path, body).await;
        assert!(code == same && code == also, "the code is the same in every language");
        assert_eq!(BTreeSet::from([&russian, &kazakh, &english]).len(), 3, "{russian} {kazakh} {english}");
        for default in ["", "ru", "de-DE", "*", "xx;q=,,,;;", "en;q=0", "de, ru;q=0.5, en;q=0.1"] {
            assert_eq!(ask(default, path, body).await.1, russian, "{default:?}");
        }
        for english_too in ["en", "en-GB,ru;q=0.5", "ru;q=0.4, en;q=0.9"] {
            assert_eq!(ask(english_too, path, body).await.1, english, "{english_too:?}");
        }
        assert_eq!(ask("kk", path, body).await.1, kazakh);
    }
}

