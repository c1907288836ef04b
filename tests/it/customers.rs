//! Customers over HTTP: their fields in document 2's shapes, their life cycle, whose they are, and what is said with them.

mod alike;
mod fields;
mod figures;
mod merged;
mod reach;
mod said;

use prometric_tests::{Answer, Client};
use reqwest::Method;
use serde_json::{Value, json};

/// Document 2's body, as printed.
fn documented() -> Value {
    json!({
        "name": "ИП Жумабаев А.С.", "type": "INDIVIDUAL", "email": "zhumabaev@email.kz", "phone": "+77009876543",
        "iin": "901231234567", "status": "LEAD", "source": "website", "segment": "SMB", "creditLimit": 1_000_000,
        "paymentTerms": "NET_30",
        "contacts": [{"firstName": "Асхат", "lastName": "Жумабаев", "position": "Owner", "email": "ashat@email.kz",
            "phone": "+77009876543", "isPrimary": true}],
        "addresses": [{"type": "billing", "addressLine1": "пр. Достык 100", "city": "Нур-Султан", "postalCode": "010000",
            "country": "KZ"}],
    })
}

async fn delete(client: &Client, path: &str) -> Answer {
    client.send(Method::DELETE, path, None, &[]).await
}
