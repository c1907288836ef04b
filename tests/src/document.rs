//! The API's description, and whether an answer is as it says.

use crate::{Answer, Server};
use boon::{Compiler, Draft, Schemas};
use reqwest::Method;
use serde_json::Value;

/// `/openapi.json`.
pub struct Document(Value);

impl Document {
    pub async fn of(server: &Server) -> Self {
        let answer = reqwest::get(format!("{}/openapi.json", server.url))
            .await
            .expect("the document");
        Self(answer.json().await.expect("JSON"))
    }

    /// Every operation: its name, `GET /api/v1/deals`, and what is said of it.
    pub fn operations(&self) -> impl Iterator<Item = (String, &Value)> {
        let paths = self.0["paths"].as_object().expect("paths");
        paths.iter().flat_map(|(path, item)| {
            let operations = item.as_object().expect("operations");
            operations
                .iter()
                .map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation))
        })
    }

    /// What a reference leads to, or the value itself.
    pub fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => self
                .0
                .pointer(reference.trim_start_matches('#'))
                .expect("a reference that leads somewhere"),
            None => value,
        }
    }

    /// What is wrong with an answer of the route, whose path is as the document has it.
    pub fn complaint(&self, method: &Method, route: &str, answer: &Answer) -> Option<String> {
        let status = answer.status.to_string();
        let method = method.as_str().to_lowercase();
        let place = ["paths", route, &method, "responses", &status].map(escaped).join("/");
        let Some(response) = self.0.pointer(&format!("/{place}")) else {
            return Some(format!("{method} {route}: {status} is not in the document"));
        };
        let told = |why: String| format!("{method} {route} {status}: {why}\n{}", answer.body);
        let content = response["content"].as_object();
        if content.is_some_and(|content| !content.contains_key("application/json")) {
            return (!answer.body.is_string()).then(|| told("a file is described".to_owned()));
        }
        let place = match response["$ref"].as_str() {
            Some(reference) => reference.trim_start_matches("#/").to_owned(),
            None => place,
        };
        let schema = format!("https://prometric.kz/openapi.json#/{place}/content/application~1json/schema");
        let (mut compiler, mut schemas) = (Compiler::new(), Schemas::new());
        compiler.set_default_draft(Draft::V2020_12);
        compiler.enable_format_assertions();
        compiler
            .add_resource("https://prometric.kz/openapi.json", self.0.clone())
            .expect("a resource");
        match compiler.compile(&schema, &mut schemas) {
            Err(error) => Some(told(format!("{error:#}"))),
            Ok(index) => schemas
                .validate(&answer.body, index)
                .err()
                .map(|error| told(format!("{error:#}"))),
        }
    }
}

/// A part of a JSON pointer in a URL.
fn escaped(part: &str) -> String {
    part.replace('~', "~0").replace('/', "~1")
}
