//! Document 4, as a till would use it: registering, one account in several stores, employees and their passwords, and all of it
//! over the same log as the rest.

mod every;
mod flow;
mod hostile;
mod kept;

use prometric_tests::Server;
use reqwest::Method;
use serde_json::{Value, json};

const PASSWORD: &str = "SecurePass123!";

/// Somebody at a till.
#[derive(Clone)]
struct Till {
    url: String,
    token: Option<String>,
    key: Option<String>,
}

/// What came back.
struct Told {
    status: u16,
    body: Value,
    what: String,
}

impl Told {
    #[track_caller]
    fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.what, self.body);
        self.body
    }

    /// The code of a refusal, and its details.
    #[track_caller]
    fn refused(self, status: u16) -> (String, Value) {
        let Self { body, .. } = self.refused_whole(status);
        let code = body["error"]["code"].as_str().unwrap_or_default().to_owned();
        (code, body["error"]["details"].clone())
    }

    #[track_caller]
    fn refused_whole(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {}", self.what, self.body);
        assert_eq!(self.body["success"], json!(false), "{}", self.body);
        self
    }
}

impl Till {
    fn at(server: &Server) -> Self {
        Self {
            url: server.url.clone(),
            token: None,
            key: None,
        }
    }

    fn with(&self, token: &Value, key: &Value) -> Self {
        Self {
            token: token.as_str().map(str::to_owned),
            key: key.as_str().map(str::to_owned),
            ..self.clone()
        }
    }

    fn in_store(&self, key: &Value) -> Self {
        Self {
            key: key.as_str().map(str::to_owned),
            ..self.clone()
        }
    }

    /// `GET /stores/`
    async fn ask(&self, method: Method, path: &str, body: Option<Value>, headers: &[(&str, &str)]) -> Told {
        let what = format!("{method} {path}");
        let mut request = reqwest::Client::new().request(method, format!("{}/api/users{path}", self.url));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(key) = &self.key {
            request = request.header("X-Tenant-Key", key);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request
                .header("Content-Type", "application/json")
                .body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.json().await.unwrap_or_default();
        Told { status, body, what }
    }

    async fn get(&self, path: &str) -> Told {
        self.ask(Method::GET, path, None, &[]).await
    }

    async fn post(&self, path: &str, body: Value) -> Told {
        self.ask(Method::POST, path, Some(body), &[]).await
    }

    async fn patch(&self, path: &str, body: Value) -> Told {
        self.ask(Method::PATCH, path, Some(body), &[]).await
    }

    async fn delete(&self, path: &str) -> Told {
        self.ask(Method::DELETE, path, None, &[]).await
    }

    async fn login(&self, username: &str, password: &str) -> Told {
        self.post("/auth/login/", json!({"username": username, "password": password}))
            .await
    }
}

async fn server() -> Server {
    Server::start_with(&[("PROMETRIC_RATE_LIMITS", "off")]).await
}

/// Document 4's whole request.
fn registration(username: &str) -> Value {
    json!({
        "username": username, "password": PASSWORD, "password_confirm": PASSWORD, "first_name": "Иван", "last_name": "Иванов",
        "email": "ivan@example.com", "owner_phone": "+998901234567", "store_name": "Мой Магазин",
        "store_slug": format!("moy-magazin-{}", username.to_lowercase()), "store_description": "Магазин одежды",
        "store_address": "г. Ташкент", "store_phone": "+998901234567", "store_email": "info@mystore.uz",
    })
}

/// An owner at their store's till.
async fn owner(server: &Server, username: &str) -> (Till, Value) {
    let till = Till::at(server);
    let data = till.post("/auth/register/", registration(username)).await.expect(201)["data"].clone();
    (till.with(&data["tokens"]["access"], &data["store"]["tenant_key"]), data)
}

fn cashier(username: &str) -> Value {
    json!({
        "username": username, "password": PASSWORD, "first_name": "Петр", "last_name": "Петров",
        "role": "cashier", "phone": "+998901234567", "position": "Кассир",
    })
}
