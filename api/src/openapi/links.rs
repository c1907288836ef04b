//! Which operations an answer leads to: what was made, or stands first in a list, can be read, changed and acted on by
//! its id. For people it is a map; for tools that test by the document it is the way to what only exists by its id.

use serde_json::{Map, Value, json};

/// Ids that a noun's path does not name: a bill of materials is its product's.
const ELSEWHERE: [(&str, &str); 1] = [("/production/bom", "/products")];

/// Adds to each answer with an id, or with items that have one, links to the operations that take it.
pub(super) fn add(paths: &mut Map<String, Value>) {
    let leads: Vec<(String, String, String)> = paths.iter().flat_map(|(path, item)| led_to(path, item)).collect();
    for (path, item) in paths {
        for (method, status, id) in [
            ("post", "201", "$response.body#/data/id"),
            ("get", "200", "$response.body#/data/items/0/id"),
        ] {
            let own = leads.iter().filter(|(from, ..)| from == path);
            let links: Map<String, Value> = own
                .map(|(from, parameter, operation)| {
                    let mut parameters = json!({ (parameter): id });
                    if from.contains("{wsId}") {
                        parameters["wsId"] = "$request.path.wsId".into();
                    }
                    let link = json!({ "operationId": operation, "parameters": parameters });
                    (operation.clone(), link)
                })
                .collect();
            let response = item.pointer_mut(&format!("/{method}/responses/{status}"));
            if let (Some(response), false) = (response, links.is_empty()) {
                response["links"] = links.into();
            }
        }
    }
}

/// The operations of a path with an id, each with the path whose answers name such ids.
fn led_to(path: &str, item: &Value) -> Vec<(String, String, String)> {
    let Some((before, _)) = path.split_once("/{id}").or_else(|| path.split_once("/{productId}")) else {
        return Vec::new();
    };
    let parameter = if path.contains("{productId}") {
        "productId"
    } else {
        "id"
    };
    let elsewhere = ELSEWHERE.iter().find(|(suffix, _)| before.ends_with(suffix));
    let from = match elsewhere {
        Some((suffix, noun)) => format!("{}{noun}", before.trim_end_matches(suffix)),
        None => before.to_owned(),
    };
    let operations = item.as_object().into_iter().flatten();
    operations
        .filter_map(|(_, operation)| operation["operationId"].as_str())
        .map(|operation| (from.clone(), parameter.to_owned(), operation.to_owned()))
        .collect()
}
