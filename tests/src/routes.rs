//! Every route there is, as `/openapi.json` tells it: so that a test of all of them cannot forget a new one.

use crate::Server;
use reqwest::Method;
use serde_json::{Value, json};

/// One operation.
#[derive(Debug, Clone)]
pub struct Route {
    pub method: Method,
    /// Below `/api/v1`: `/deals/{id}/win`.
    pub path: String,
    /// Answers without a token.
    pub public: bool,
}

impl Route {
    /// `POST /deals/{id}/win`, the same for both forms of the path.
    pub fn name(&self) -> String {
        let path = self.path.strip_prefix("/workspaces/{wsId}").unwrap_or(&self.path);
        format!("{} {path}", self.method)
    }

    pub fn is_in_workspace(&self) -> bool {
        self.path.starts_with("/workspaces/{wsId}")
    }

    /// The path with its parameters filled in.
    pub fn path_of(&self, workspace: &str, id: &str) -> String {
        self.path
            .replace("{wsId}", workspace)
            .replace("{resource}", "deals")
            .replace("{id}", id)
            .replace("{orgId}", id)
            .replace("{empId}", id)
            .replace("{productId}", id)
    }
}

pub async fn routes(server: &Server) -> Vec<Route> {
    let answer = reqwest::get(format!("{}/openapi.json", server.url))
        .await
        .expect("the document");
    let document: Value = answer.json().await.expect("JSON");
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let Ok(method) = method.to_uppercase().parse::<Method>() else {
                continue;
            };
            let path = path
                .strip_prefix("/api/v1")
                .expect("every documented route stands below /api/v1");
            let public = operation["security"] == json!([{}]);
            routes.push(Route {
                method,
                path: path.to_owned(),
                public,
            });
        }
    }
    assert!(routes.len() > 40, "the document has lost its routes");
    routes
}
