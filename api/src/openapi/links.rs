//! Which operations an answer leads to: what was made can be read, changed and acted on by its id. For people it is a map; for tools that test by the document it is the way to what only exists by its id.

use serde_json::{Map, Value, json};

/// Ids that a path does not name: a bill of materials is its product's, a process is about a deal.
const ELSEWHERE: [(&str, &str); 2] = [("/production/bom", "/products"), ("/audit/correlations", "/deals")];

/// Answers that name something else's id: what a won deal becomes, what a payment pays, what stands beside a deal.
const NAMED: [(&str, &str, &str, &str); 4] = [
    ("/deals/{id}/win", "200", "orderId", "/orders"),
    ("/finance/payments", "201", "invoiceId", "/finance/invoices"),
    ("/deals/{id}/activities", "201", "id", "/activities"),
    ("/deals/{id}/quotes", "201", "id", "/quotes"),
];

/// Where document 4's answers have the id.
const OF_DOCUMENT_4: [(&str, &str); 2] = [
    ("/api/users/stores", "store/id"),
    ("/api/users/employees", "employee/id"),
];

/// Nouns whose answers lead to what is told of things of any kind.
const AUDITED: [&str; 3] = ["customers", "deals", "products"];

/// Adds to each answer that has an id links to the operations that take it.
pub(super) fn add(paths: &mut Map<String, Value>) {
    let leads: Vec<(String, String, String)> = paths.iter().flat_map(|(path, item)| led_to(path, item)).collect();
    for (path, item) in paths {
        let id = OF_DOCUMENT_4.iter().find(|(noun, _)| noun == path);
        link(item, "201", id.map_or("id", |(_, id)| id), path, path, &leads);
        for (suffix, status, field, noun) in NAMED {
            if let Some(before) = path.strip_suffix(suffix) {
                link(item, status, field, path, &format!("{before}{noun}"), &leads);
            }
        }
    }
}

/// From what `POST` answers to everything at `noun` that takes the id in that field.
fn link(item: &mut Value, status: &str, field: &str, path: &str, noun: &str, leads: &[(String, String, String)]) {
    let own = leads.iter().filter(|(from, ..)| from == noun);
    let links = own.map(|(_, parameter, operation)| {
        let mut parameters = json!({ (parameter): format!("$response.body#/data/{field}") });
        if path.contains("{wsId}") {
            parameters["wsId"] = "$request.path.wsId".into();
        }
        if noun.contains("{id}") {
            parameters["id"] = "$request.path.id".into();
        }
        if operation.contains("_resource_") {
            parameters["resource"] = noun.rsplit('/').next().into();
        }
        (
            operation.clone(),
            json!({ "operationId": operation, "parameters": parameters }),
        )
    });
    let links: Map<String, Value> = links.collect();
    let response = item.pointer_mut(&format!("/post/responses/{status}"));
    if let Some(response) = response {
        let known = response.get_mut("links").and_then(Value::as_object_mut);
        let known = known.map(std::mem::take).unwrap_or_default();
        let links: Map<String, Value> = known.into_iter().chain(links).collect();
        if !links.is_empty() {
            response["links"] = links.into();
        }
    }
}

/// The operations of a path with an id, each with the path whose answers name such ids.
fn led_to(path: &str, item: &Value) -> Vec<(String, String, String)> {
    let named = |parameter: &'static str| {
        let before = path.split_once(&format!("/{{{parameter}}}"));
        before.map(|(before, _)| (before, parameter))
    };
    // What stands within another is led to by what made it there.
    let Some((before, parameter)) = ["interactionId", "imageId", "id", "productId"]
        .into_iter()
        .find_map(named)
    else {
        return Vec::new();
    };
    let operations = || {
        let operations = item.as_object().into_iter().flatten();
        operations.filter_map(|(_, operation)| operation["operationId"].as_str())
    };
    if let Some(root) = before.strip_suffix("/audit/{resource}") {
        let from = AUDITED.iter().map(|noun| format!("{root}/{noun}"));
        let lead =
            |from: String| operations().map(move |operation| (from.clone(), "id".to_owned(), operation.to_owned()));
        return from.flat_map(lead).collect();
    }
    let elsewhere = ELSEWHERE.iter().find(|(suffix, _)| before.ends_with(suffix));
    let from = match elsewhere {
        Some((suffix, noun)) => format!("{}{noun}", before.trim_end_matches(suffix)),
        None => before.to_owned(),
    };
    operations()
        .map(|operation| (from.clone(), parameter.to_owned(), operation.to_owned()))
        .collect()
}
