//! A client as somebody would write it from the documents: a token, JSON in, JSON out.

use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};
use std::net::IpAddr;

#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    pub token: Option<String>,
    pub workspace: String,
    pub user: String,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
    what: String,
}

impl Answer {
    /// Demands a status and hands out `data`.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.what, self.body);
        self.body["data"].clone()
    }

    /// Demands a refusal with that status and code, and hands out its details.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!(
            (self.status, self.body["error"]["code"].as_str()),
            (status, Some(code)),
            "{}: {}",
            self.what,
            self.body
        );
        assert_eq!(self.body["success"], json!(false));
        self.body["error"]["details"].clone()
    }

    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_else(|| panic!("{} without {name}: {} {}", self.what, self.status, self.body))
    }
}

impl Client {
    pub fn new(url: &str) -> Self {
        Self {
            http: reqwest::Client::new(),
            base: format!("{url}/api/v1"),
            token: None,
            workspace: String::new(),
            user: String::new(),
        }
    }

    /// The same caller at another node.
    pub fn at(&self, url: &str) -> Self {
        Self {
            base: format!("{url}/api/v1"),
            ..self.clone()
        }
    }

    /// The same caller in their workspace, wherever their token enters by default.
    pub fn inside(&self) -> Self {
        Self {
            base: format!("{}/workspaces/{}", self.base, self.workspace),
            ..self.clone()
        }
    }

    /// The same caller from another of this machine's addresses.
    pub fn from_address(&self, address: IpAddr) -> Self {
        let http = reqwest::Client::builder().local_address(address).build();
        Self {
            http: http.expect("a client at that address"),
            ..self.clone()
        }
    }

    /// The same caller with another token, or none.
    pub fn with_token(&self, token: Option<&str>) -> Self {
        Self {
            token: token.map(str::to_owned),
            ..self.clone()
        }
    }

    pub async fn sign_in(&mut self, email: &str, password: &str) {
        let data = self
            .post("/auth/login", json!({"email": email, "password": password}))
            .await
            .expect(200);
        self.token = data["accessToken"].as_str().map(str::to_owned);
        self.workspace = data["user"]["workspaceId"].as_str().unwrap_or_default().to_owned();
        self.user = data["user"]["id"].as_str().unwrap_or_default().to_owned();
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, &[]).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body.to_string()), &[]).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Some(body.to_string()), &[]).await
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<String>, headers: &[(&str, &str)]) -> Answer {
        let what = format!("{method} {path}");
        self.try_send(method, path, body, headers)
            .await
            .unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    /// With a body that need not be text.
    pub async fn send_bytes(&self, method: Method, path: &str, body: Vec<u8>) -> Result<Answer, reqwest::Error> {
        self.dispatch(method, path, Some(body.into()), &[]).await
    }

    /// The same for a server that may be dead.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        headers: &[(&str, &str)],
    ) -> Result<Answer, reqwest::Error> {
        self.dispatch(method, path, body.map(Into::into), headers).await
    }

    /// Sends a file whose rows are to become things, with what is said beside it, as a form.
    pub async fn upload(&self, file: &[u8], beside: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
        self.upload_to("/imports", ("file", file), beside, headers).await
    }

    /// The same to that path, with the file's name.
    pub async fn upload_to(
        &self,
        path: &str,
        (name, file): (&str, &[u8]),
        beside: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        const BOUNDARY: &str = "a-line-that-no-file-has";
        let part = |name: &str| format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"");
        let mut form = Vec::new();
        for (field, value) in beside {
            form.extend(format!("{}\r\n\r\n{value}\r\n", part(field)).bytes());
        }
        let head = format!("; filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n");
        form.extend([part("file").as_bytes(), head.as_bytes(), file].concat());
        form.extend(format!("\r\n--{BOUNDARY}--\r\n").bytes());
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .copied()
            .chain([("Content-Type", kind.as_str())])
            .collect();
        let sent = self.dispatch(Method::POST, path, Some(form.into()), &headers).await;
        sent.expect("an answer")
    }

    /// What need not be text: status, headers and bytes. The path is below the server's own address.
    pub async fn download(&self, path: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap, Vec<u8>) {
        let mut request = self
            .http
            .get(format!("{}{path}", self.base.trim_end_matches("/api/v1")));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        (status, headers, response.bytes().await.expect("its bytes").to_vec())
    }

    async fn dispatch(
        &self,
        method: Method,
        path: &str,
        body: Option<reqwest::Body>,
        headers: &[(&str, &str)],
    ) -> Result<Answer, reqwest::Error> {
        let what = format!("{method} {path}");
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            if !headers.iter().any(|(name, _)| *name == "Content-Type") {
                request = request.header("Content-Type", "application/json");
            }
            request = request.body(body);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        Ok(Answer {
            status,
            headers,
            body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
            what,
        })
    }

    /// Where the read models of the client's workspace are, with all that was answered until now.
    pub async fn schema(&self) -> String {
        self.get("/customers?limit=1").await.expect(200);
        let workspace = self.get(&format!("/workspaces/{}", self.workspace)).await.expect(200);
        let slug = workspace["slug"].as_str().expect("a slug");
        format!("tenant_{}", slug.replace('-', "_"))
    }

    /// The items of a list.
    pub async fn items(&self, path: &str) -> Vec<Value> {
        let data = self.get(path).await.expect(200);
        // The departments are a tree without pages.
        let items = data.as_array().or_else(|| data["items"].as_array());
        items.cloned().unwrap_or_default()
    }
}
