//! Who works here: members and their rights, employees and departments, and whose records a right reaches to.

mod employees;
mod invitations;
mod members;
mod named;
mod reach;
mod rows;

use prometric_tests::{Answer, Client, Server};
use reqwest::Method;
use serde_json::{Value, json};

const PASSWORD: &str = "TempPassword123!";

/// Document 2's body.
fn newcomer(email: &str, role: &str) -> Value {
    json!({
        "email": email, "password": PASSWORD, "firstName": "Айгерим", "lastName": "Сатпаева", "position": "Sales Manager",
        "organizationRole": role, "phone": "+77001234568", "iin": "901231234567", "salary": 350_000, "hireDate": "2025-01-15",
    })
}

/// Somebody who works in the owner's workspace, signed in; and the employee they are.
pub(crate) async fn employ(server: &Server, owner: &Client, email: &str, more: Value) -> (Client, String) {
    let mut body = newcomer(email, "employee");
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let id = prometric_tests::story::id(&owner.post("/employees", body).await.expect(201));
    let approved = owner
        .post(&format!("/employees/{id}/approve"), json!({}))
        .await
        .expect(200);
    assert_eq!(approved["status"], json!("active"));
    let mut client = server.anonymous();
    client.sign_in(email, PASSWORD).await;
    assert_eq!(
        client.workspace, owner.workspace,
        "a member of that workspace and no other"
    );
    (client, id)
}

async fn delete(client: &Client, path: &str) -> Answer {
    client.send(Method::DELETE, path, None, &[]).await
}
