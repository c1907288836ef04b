//! No input, however odd, gets a 500, and none that is refused leaves a trace: every field of every write with every
//! wrong value, bodies that are none, ids of nothing, dates of no calendar.

mod anything;
mod edges;

use prometric_tests::{Answer, Server, Yard, routes, shape::Field};
use reqwest::Method;
use serde_json::Value;
use std::collections::BTreeSet;

/// Writes without a JSON body.
const BODILESS: [&str; 25] = [
    "POST /products/{id}/images", // a form, which `products` tries
    "DELETE /products/{id}/images/{imageId}",
    "POST /imports", // a form, which `imports` tries
    "POST /imports/{id}/start",
    "POST /imports/{id}/cancel",
    "DELETE /pipelines/{id}",
    "DELETE /custom-fields/{id}",
    "DELETE /activities/{id}",
    "DELETE /deals/{id}/documents/{documentId}",
    "DELETE /api-keys/{id}",
    "DELETE /auth/sessions/{id}",
    "POST /auth/logout-all",
    "POST /customers/{id}/convert",
    "DELETE /customers/{id}",
    "DELETE /customers/{id}/interactions/{interactionId}",
    "DELETE /products/{id}",
    "DELETE /warehouses/{id}",
    "DELETE /price-lists/{id}",
    "DELETE /categories/{id}",
    "PUT /notifications/{id}/read",
    "POST /employees/{id}/approve",
    "POST /organizations/{orgId}/employees/{empId}/approve",
    "DELETE /invitations/{id}",
    "DELETE /members/{id}",
    "DELETE /roles/{id}",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_value_of_every_field_is_refused_by_name_and_leaves_no_trace() {
    let server = Server::start_with(&[]).await;
    let yard = Yard::open(&server).await;
    let known: BTreeSet<String> = yard
        .shapes
        .iter()
        .map(|shape| format!("{} {}", shape.method, shape.route))
        .collect();
    let writes = routes(&server)
        .await
        .into_iter()
        .filter(|route| route.method != Method::GET)
        .map(|route| route.name());
    let unknown: Vec<String> = writes
        .filter(|name| !known.contains(name) && !BODILESS.contains(&name.as_str()))
        .collect();
    assert!(unknown.is_empty(), "what do their bodies look like? {unknown:?}");

    let mut complaints = Vec::new();
    for shape in &yard.shapes {
        for field in &shape.fields {
            for wrong in field.wrong() {
                complaints.extend(
                    yard.refusal(shape, field, Some(&wrong.json), wrong.code, wrong.rule)
                        .await,
                );
            }
            if let Some(json) = shape.as_list(field) {
                complaints.extend(yard.refusal(shape, field, Some(&json), "VALIDATION_FAILED", None).await);
            }
            if field.required && !field.at.ends_with(']') {
                complaints.extend(
                    yard.refusal(shape, field, None, "REQUIRED_FIELD", Some("required"))
                        .await,
                );
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
        let empty: Vec<&Field> = shape
            .fields
            .iter()
            .filter(|field| field.required && !field.at.contains(['[', '.']))
            .collect();
        for body in ["", " \n", "{}"].iter().filter(|_| !empty.is_empty()) {
            let answer = yard
                .owner
                .send(shape.method.clone(), &shape.path, Some((*body).to_owned()), &[])
                .await;
            let details = &answer.body["error"]["details"];
            let code = answer.body["error"]["code"].as_str();
            let named = empty.iter().any(|field| details["rules"][&field.at] == "required");
            if (answer.status, code, named) != (400, Some("REQUIRED_FIELD"), true) {
                complaints.push(format!(
                    "{} {}: empty {body:?}: {} {}",
                    shape.method, shape.route, answer.status, answer.body
                ));
            }
        }
        let (good, first) = (shape.good.to_string(), &shape.fields[0].at);
        let own = [
            ("two bodies", format!("{good}{{}}").into_bytes()),
            ("half a body", good[..good.len() - 1].into()),
            (
                "bytes that are no text",
                [b"{\"comment\":\"\xff\",", &good.as_bytes()[1..]].concat(),
            ),
            (
                "a deep list",
                shape
                    .with(first, Some(&format!("{}{}", "[".repeat(100_000), "]".repeat(100_000))))
                    .into_bytes(),
            ),
            (
                "a deep object",
                shape
                    .with(
                        first,
                        Some(&format!("{}1{}", "{\"a\":".repeat(50_000), "}".repeat(50_000))),
                    )
                    .into_bytes(),
            ),
        ];
        for (what, body) in none.iter().chain(&own) {
            match yard
                .owner
                .send_bytes(shape.method.clone(), &shape.path, body.clone())
                .await
            {
                Ok(answer) if shape.is_too_long(body.len()) && answer.body["error"]["code"] == "PAYLOAD_TOO_LARGE" => {}
                Ok(answer)
                    if answer.status == 400 && malformed.iter().any(|code| answer.body["error"]["code"] == *code) => {}
                answer => complaints.push(format!(
                    "{} {}: {what}: {:?}",
                    shape.method,
                    shape.route,
                    answer.map(|answer| (answer.status, answer.body))
                )),
            }
        }
    }
    assert!(
        complaints.is_empty(),
        "{} complaints:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
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
            match yard
                .owner
                .send_bytes(shape.method.clone(), &shape.path, large.clone())
                .await
            {
                Ok(answer)
                    if (answer.status, answer.body["error"]["code"].as_str()) == (413, Some("PAYLOAD_TOO_LARGE")) => {}
                answer => complaints.push(format!("{} {} {round}: {answer:?}", shape.method, shape.route)),
            }
            if let Err(error) = yard
                .owner
                .send_bytes(
                    Method::POST,
                    "/auth/check-email",
                    b"{\"email\":\"z@company.kz\"}".into(),
                )
                .await
            {
                complaints.push(format!(
                    "the request after {} {} {round}: {error:?}",
                    shape.method, shape.route
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
    assert_eq!(yard.written().await, before, "nothing was written");
}

#[tokio::test]
async fn ids_of_nothing_and_too_many_of_a_thing_are_refused() {
    let server = Server::start_with(&[]).await;
    let yard = Yard::open(&server).await;
    let before = yard.written().await;
    let malformed = [
        "7",
        "undefined",
        "%20",
        "%00",
        "%FF%FE",
        "'",
        "0190c2a5-0000-7000-8000-00000000000g",
        "0190c2a5-0000-7000-8000-0000000000000",
    ];
    let mut complaints = Vec::new();
    let mut expect = |what: &str, answer: Answer, status: u16, code: &str, field: Option<&str>| {
        let named = field.is_none_or(|field| answer.body["error"]["details"]["fields"][field].is_string());
        if (answer.status, answer.body["error"]["code"].as_str()) != (status, Some(code)) || !named {
            complaints.push(format!(
                "{what}: {} {}, wanted {status} {code} {field:?}",
                answer.status, answer.body
            ));
        }
    };
    for route in routes(&server)
        .await
        .iter()
        .filter(|route| route.path.contains("Id}") || route.path.contains("{id}"))
    {
        let body = yard
            .shapes
            .iter()
            .find(|shape| route.name() == format!("{} {}", shape.method, shape.route))
            .map(|shape| shape.good.to_string());
        let send = async |path: String| yard.owner.send(route.method.clone(), &path, body.clone(), &[]).await;
        for wrong in malformed {
            let field = if route.is_in_workspace() {
                "wsId"
            } else {
                let named = ["productId", "orgId"]
                    .into_iter()
                    .find(|name| route.path.contains(name));
                named.unwrap_or("id")
            };
            let path = route.path_of(
                wrong,
                if route.is_in_workspace() {
                    &yard.owner.workspace
                } else {
                    wrong
                },
            );
            expect(
                &format!("{} {path}", route.method),
                send(path).await,
                400,
                "INVALID_UUID",
                Some(field),
            );
        }
        if !route.is_in_workspace() {
            let path = route.path_of("", "0190c2a5-0000-7000-8000-000000000000");
            expect(
                &format!("{} {path}", route.method),
                send(path).await,
                404,
                "NOT_FOUND",
                None,
            );
        }
    }
    for (shape, at) in yard
        .shapes
        .iter()
        .flat_map(|shape| shape.lists().map(move |at| (shape, at)))
        .filter(|(_, at)| *at != "ids")
    {
        let answer = yard
            .owner
            .send(shape.method.clone(), &shape.path, Some(shape.with_items(at, 501)), &[])
            .await;
        expect(
            &format!("{} {} with 501 {at}", shape.method, shape.route),
            answer,
            400,
            "VALIDATION_FAILED",
            Some(at),
        );
    }
    for (method, path) in [
        (Method::GET, "/nonsense"),
        (Method::GET, "/customers/a/b/c"),
        (Method::POST, "/health/x"),
        (Method::GET, "/"),
    ] {
        expect(
            path,
            yard.owner.send(method, path, None, &[]).await,
            404,
            "NOT_FOUND",
            None,
        );
    }
    for (value, status, code, named) in [
        ("seven", 400, "VALIDATION_FAILED", Some("If-Match")),
        ("\"99999999999999999999\"", 412, "VERSION_CONFLICT", None),
    ] {
        let update = yard
            .owner
            .send(
                Method::PUT,
                &yard.shapes[1].path,
                Some("{}".to_owned()),
                &[("If-Match", value)],
            )
            .await;
        expect(value, update, status, code, named);
    }
    assert!(
        complaints.is_empty(),
        "{} complaints:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
    assert_eq!(yard.written().await, before, "nothing was written");
    yard.lives().await;
}

#[tokio::test]
async fn refusals_speak_the_callers_language() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let ask = async |language: &str, path: &str, body: &str| {
        let headers = [("Accept-Language", language)];
        let answer = owner
            .send(
                Method::POST,
                path,
                Some(body.to_owned()),
                if language.is_empty() { &[] } else { &headers },
            )
            .await;
        let error = &answer.body["error"];
        let fields = error["details"]["fields"]
            .as_object()
            .map(|fields| fields.values().map(Value::to_string).collect::<String>());
        (error["code"].to_string(), format!("{} {fields:?}", error["message"]))
    };
    for (path, body) in [
        ("/customers", "{}"),
        ("/customers", "{"),
        ("/customers", r#"{"name":"a","bin":"1"}"#),
        ("/deals/0190c2a5-0000-7000-8000-000000000000/win", "{}"),
        ("/auth/refresh", r#"{"refreshToken":"a"}"#),
        ("/nonsense", ""),
    ] {
        let (code, russian) = ask("ru-RU", path, body).await;
        let (same, kazakh) = ask("kk-KZ", path, body).await;
        let (also, english) = ask("en-US", path, body).await;
        assert!(code == same && code == also, "the code is the same in every language");
        assert_eq!(
            BTreeSet::from([&russian, &kazakh, &english]).len(),
            3,
            "{russian} {kazakh} {english}"
        );
        for default in ["", "ru", "de-DE", "*", "xx;q=,,,;;", "en;q=0", "de, ru;q=0.5, en;q=0.1"] {
            assert_eq!(ask(default, path, body).await.1, russian, "{default:?}");
        }
        for english_too in ["en", "en-GB,ru;q=0.5", "ru;q=0.4, en;q=0.9"] {
            assert_eq!(ask(english_too, path, body).await.1, english, "{english_too:?}");
        }
        assert_eq!(ask("kk", path, body).await.1, kazakh);
    }
}
