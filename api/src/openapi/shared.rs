//! A parameter that several operations take stands once, under `components`: most do, for each noun answers under two
//! forms of its path.

use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// Moves what is said more than once, and answers it by its new names.
pub(super) fn parameters(paths: &mut Map<String, Value>) -> Map<String, Value> {
    let mut said: HashMap<String, usize> = HashMap::new();
    for parameter in each(paths) {
        *said.entry(parameter.to_string()).or_default() += 1;
    }
    let mut names: HashMap<String, String> = HashMap::new();
    let mut shared = Map::new();
    for parameter in each(paths) {
        let text = parameter.to_string();
        if said.get(&text).is_none_or(|times| *times < 2) {
            continue;
        }
        let name = names.entry(text).or_insert_with(|| {
            let name = free(&shared, parameter["name"].as_str().unwrap_or_default());
            shared.insert(name.clone(), parameter.clone());
            name
        });
        *parameter = json!({ "$ref": format!("#/components/parameters/{name}") });
    }
    shared
}

fn each(paths: &mut Map<String, Value>) -> impl Iterator<Item = &mut Value> {
    let operations = paths
        .values_mut()
        .filter_map(Value::as_object_mut)
        .flat_map(Map::values_mut);
    let lists = operations.filter_map(|operation| operation.get_mut("parameters")?.as_array_mut());
    lists.flatten()
}

/// The parameter's name, as far as a component may be called so; with a number when another one is.
fn free(taken: &Map<String, Value>, name: &str) -> String {
    let letters = name.chars().map(|c| {
        if c.is_ascii_alphanumeric() || "-._".contains(c) {
            c
        } else {
            '.'
        }
    });
    let name: String = letters.collect();
    let name = name.trim_end_matches('.').to_owned();
    let numbered = (2..).map(|n| format!("{name}.{n}"));
    std::iter::once(name.clone())
        .chain(numbered)
        .find(|name| !taken.contains_key(name))
        .unwrap_or(name)
}
