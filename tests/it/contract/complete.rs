//! The document leaves nothing out.

use prometric_tests::{Server, document::Document};
use serde_json::Value;
use std::collections::BTreeSet;

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_says_what_it_does_takes_and_answers() {
    let server = Server::start_with(&[]).await;
    let document = Document::of(&server).await;
    let mut complaints = Vec::new();
    for (name, operation) in document.operations() {
        let mut complain = |what: &str| complaints.push(format!("{name}: {what}"));
        if operation["summary"].as_str().is_none_or(str::is_empty) {
            complain("no summary");
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let parameter = document.resolve(parameter);
            if parameter["description"].as_str().is_none_or(str::is_empty) || !is_telling(&parameter["schema"]) {
                complain(&format!("the parameter {} is not described", parameter["name"]));
            }
        }
        let responses = operation["responses"].as_object().expect("responses");
        let done = responses.iter().find(|(status, _)| status.starts_with('2'));
        let Some((status, response)) = done else {
            complain("no success");
            continue;
        };
        let schema = document.resolve(&response["content"]["application/json"]["schema"]);
        let kinds = response["content"].as_object();
        let is_stream = kinds.is_some_and(|kinds| kinds.keys().any(|kind| kind != "application/json"));
        // Document 4 answers some without `data`.
        let is_bare = name.contains(" /api/users/") && !schema["properties"].is_null();
        if schema["properties"]["data"].is_null() && !is_stream && !is_bare {
            complain(&format!("{status} has no schema"));
        }
        let writes = !name.starts_with("GET ");
        for status in ["400", "401", "404", "405", "429", "500", "503"] {
            if !responses.contains_key(status) {
                complain(&format!("no {status}"));
            }
        }
        if writes && !responses.contains_key("409") {
            complain("no 409");
        }
        empty_parts(&document, schema, &mut BTreeSet::new(), &mut |at| {
            complain(&format!("{status} says nothing of {at}"))
        });
        let headers = &response["headers"];
        if headers["X-RateLimit-Remaining"].is_null() || headers["X-Request-Id"].is_null() {
            complain("headers are missing");
        }
    }
    assert!(
        complaints.is_empty(),
        "{} complaints:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}

/// Fields of which nothing is said, but for those that may be anything.
fn empty_parts(document: &Document, schema: &Value, known: &mut BTreeSet<String>, complain: &mut impl FnMut(&str)) {
    // A tree is made of trees.
    if let Some(reference) = schema["$ref"].as_str()
        && !known.insert(reference.to_owned())
    {
        return;
    }
    let schema = document.resolve(schema);
    for (name, part) in schema["properties"].as_object().into_iter().flatten() {
        if !is_telling(document.resolve(part)) {
            complain(name);
        }
        empty_parts(document, part, known, complain);
    }
    if !schema["items"].is_null() {
        empty_parts(document, &schema["items"], known, complain);
    }
}

fn is_telling(schema: &Value) -> bool {
    let told = ["type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref"];
    told.iter().any(|key| !schema[*key].is_null())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_leads_to_what_can_be_done_with_it() {
    let server = Server::start_with(&[]).await;
    let document = Document::of(&server).await;
    // What comes to be by itself is found in its list only.
    let by_itself = [
        "/production/orders/",
        "/notifications/",
        "/stock/lots/",
        "/admin/sagas/",
        "/auth/sessions/",
        "/members/",
    ];
    let by_id = document
        .operations()
        .filter(|(name, _)| name.contains("/{id}") || name.contains("/{productId}"));
    let linked: Vec<&str> = document
        .operations()
        .flat_map(|(_, operation)| operation["responses"].as_object().into_iter().flatten())
        .flat_map(|(_, response)| response["links"].as_object().into_iter().flatten())
        .filter_map(|(_, link)| link["operationId"].as_str())
        .collect();
    let lost: Vec<String> = by_id
        .filter(|(name, _)| !by_itself.iter().any(|path| name.contains(path)))
        .filter(|(_, operation)| !linked.contains(&operation["operationId"].as_str().unwrap_or_default()))
        .map(|(name, _)| name)
        .collect();
    assert!(lost.is_empty(), "nothing leads to {lost:?}");
}
