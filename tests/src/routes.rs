//! Every route there is, as `/openapi.json` tells it: so that a test of all of them cannot forget a new one.

use crate::Server;
use reqwest::Method;
use serde_json::{Value, json};

/// One operation.
#[derive(Debug, Clone)]
pub struct Route {
    pub method: Method,
    /// Below `/api/v1`, or wherever they were asked for: `/deals/{id}/win`.
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
            .replace("{interactionId}", id)
            .replace("{documentId}", id)
            .replace("{quoteId}", id)
            .replace("{imageId}", id)
    }
}

pub async fn routes(server: &Server) -> Vec<Route> {
    let routes = routes_below(server, "/api/v1").await;
    assert!(routes.len() > 40, "the document has lost its routes");
    routes
}

/// Documents 4 and 5 have paths of their own; those who try them know them.
const OTHERS: [&str; 1] = ["/api/users"];

/// Those below that path.
pub async fn routes_below(server: &Server, above: &str) -> Vec<Route> {
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
            let is_known = ["/api/v1"].iter().chain(&OTHERS).any(|known| path.starts_with(known));
            assert!(is_known, "{path} stands where no test looks");
            let Some(path) = path.strip_prefix(above) else { continue };
            let public = operation["security"] == json!([{}]);
            routes.push(Route {
                method,
                path: path.to_owned(),
                public,
            });
        }
    }
    routes
}
