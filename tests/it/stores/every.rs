//! Every route below `/api/users`: who may, and what a repeat under its key is answered.

use super::{PASSWORD, cashier, owner, server};
use domain::{Choice, Permission, Role};
use prometric_tests::{Server, routes_below};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Asked of whoever signs in or is signed in, whatever they may do elsewhere.
const PERSONAL: [&str; 7] = [
    "POST /auth/register",
    "POST /auth/login",
    "POST /auth/token/refresh",
    "GET /auth/me",
    "GET /auth/my-stores",
    "POST /auth/change-password",
    "GET /stores",
];

/// What is asked where something is needed: the operation, its path, a good body, and the permission.
fn asked(store: &Value, employee: &Value, role: Role) -> Vec<(&'static str, String, Option<Value>, Permission)> {
    let store = format!("/stores/{store}/");
    let of = format!("/employees/{employee}/");
    let made = cashier(&format!("made.by.{}", role.code()));
    let new = json!({"new_password": "NewSecurePass123"});
    let none = Some(json!({}));
    vec![
        ("GET /employees", "/employees/".into(), None, Permission::EmployeesView),
        (
            "POST /employees",
            "/employees/".into(),
            Some(made),
            Permission::EmployeesCreate,
        ),
        ("GET /employees/{id}", of.clone(), None, Permission::EmployeesView),
        (
            "PUT /employees/{id}",
            of.clone(),
            none.clone(),
            Permission::EmployeesUpdate,
        ),
        (
            "PATCH /employees/{id}",
            of.clone(),
            none.clone(),
            Permission::EmployeesUpdate,
        ),
        (
            "POST /employees/{id}/reset-password",
            format!("{of}reset-password/"),
            Some(new),
            Permission::EmployeesUpdate,
        ),
        ("DELETE /employees/{id}", of, None, Permission::EmployeesUpdate),
        (
            "POST /stores",
            "/stores/".into(),
            Some(json!({"name": "Свой"})),
            Permission::WorkspacesCreate,
        ),
        ("GET /stores/{id}", store.clone(), None, Permission::WorkspacesView),
        (
            "PUT /stores/{id}",
            store.clone(),
            none.clone(),
            Permission::WorkspacesUpdate,
        ),
        ("PATCH /stores/{id}", store.clone(), none, Permission::WorkspacesUpdate),
        ("DELETE /stores/{id}", store, None, Permission::OwnersUpdate),
    ]
}

/// The operations there are, without those of other documents that happen to begin so.
async fn operations(server: &Server) -> BTreeSet<String> {
    let routes = routes_below(server, "/api/users").await;
    routes.iter().map(prometric_tests::Route::name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_with_every_role() {
    let server = server().await;
    let (till, data) = owner(&server, "owner1").await;
    let key = &data["store"]["tenant_key"];
    let known: BTreeSet<String> = asked(&json!(1), &json!(1), Role::Owner)
        .iter()
        .map(|(name, ..)| (*name).to_owned())
        .chain(PERSONAL.map(str::to_owned))
        .collect();
    assert_eq!(operations(&server).await, known);

    let mut complaints = vec![];
    // The owner last, who closes the store.
    for role in Role::ALL.iter().rev().copied() {
        let employee = till
            .post("/employees/", cashier(&format!("target.of.{}", role.code())))
            .await
            .expect(201)["data"]["employee"]["id"]
            .clone();
        let actor = match role {
            Role::Owner => till.clone(),
            role => {
                let username = format!("actor.{}", role.code());
                let mut body = cashier(&username);
                body["role"] = json!(role.code());
                till.post("/employees/", body).await.expect(201);
                let signed_in = till.login(&username, PASSWORD).await.expect(200);
                till.with(&signed_in["access"], key)
            }
        };
        for (name, path, body, permission) in asked(&data["store"]["id"], &employee, role) {
            let method: Method = name.split(' ').next().unwrap().parse().unwrap();
            let answer = actor.ask(method, &path, body, &[]).await;
            let error = &answer.body["error"];
            let forbidden = answer.status == 403 && error["details"]["permission"] == permission.code();
            let right = match role.allows(permission) {
                true => answer.status < 300,
                false => forbidden,
            };
            if !right {
                complaints.push(format!("{name} as {}: {} {}", role.code(), answer.status, answer.body));
            }
        }
    }
    assert!(
        complaints.is_empty(),
        "{} complaints:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_write_answers_a_repeat_as_the_first_and_refuses_another_request_under_its_key() {
    let server = server().await;
    let (till, data) = owner(&server, "owner1").await;
    let made = till.post("/employees/", cashier("cashier1")).await.expect(201)["data"]["employee"].clone();
    let other = till.post("/stores/", json!({"name": "На время"})).await.expect(201)["data"]["store"].clone();
    let (of, store) = (
        format!("/employees/{}/", made["id"]),
        format!("/stores/{}/", data["store"]["id"]),
    );
    let closed = format!("/stores/{}/", other["id"]);
    let passwords = json!({"old_password": PASSWORD, "new_password": "AnotherPass123"});
    let writes = [
        (
            "POST /stores",
            "/stores/",
            Some(json!({"name": "Ещё"})),
            Some(json!({"name": "Другой"})),
        ),
        (
            "PUT /stores/{id}",
            &store,
            Some(json!({"name": "Первый"})),
            Some(json!({"name": "Иной"})),
        ),
        (
            "PATCH /stores/{id}",
            &store,
            Some(json!({"phone": "1"})),
            Some(json!({"phone": "2"})),
        ),
        ("DELETE /stores/{id}", &closed, None, None),
        (
            "POST /employees",
            "/employees/",
            Some(cashier("cashier2")),
            Some(cashier("cashier3")),
        ),
        (
            "PUT /employees/{id}",
            &of,
            Some(json!({"position": "a"})),
            Some(json!({"position": "b"})),
        ),
        (
            "PATCH /employees/{id}",
            &of,
            Some(json!({"last_name": "a"})),
            Some(json!({"last_name": "b"})),
        ),
        (
            "POST /employees/{id}/reset-password",
            &format!("{of}reset-password/"),
            Some(json!({"new_password": "NewSecurePass123"})),
            Some(json!({"new_password": "OtherSecurePass1"})),
        ),
        ("DELETE /employees/{id}", &of, None, None),
        (
            "POST /auth/change-password",
            "/auth/change-password/",
            Some(passwords),
            None,
        ),
    ];
    let signing_in = ["POST /auth/register", "POST /auth/login", "POST /auth/token/refresh"];
    let there = operations(&server).await.into_iter();
    let there: BTreeSet<String> = there.filter(|name| !name.starts_with("GET ")).collect();
    let tried = writes.iter().map(|(name, ..)| *name).chain(signing_in);
    assert_eq!(there, tried.map(str::to_owned).collect());

    let pool = server.pool().await;
    for (number, (name, path, body, another)) in writes.into_iter().enumerate() {
        let method: Method = name.split(' ').next().unwrap().parse().unwrap();
        let key = format!("key-{number}");
        let headers = [("Idempotency-Key", key.as_str())];
        let send = async |body: Option<Value>| till.ask(method.clone(), path, body, &headers).await;
        let first = send(body.clone()).await;
        assert!(first.status < 300, "{name}: {} {}", first.status, first.body);
        let written = written(&pool).await;
        let again = send(body).await;
        assert_eq!((again.status, &again.body), (first.status, &first.body), "{name}");
        assert_eq!(self::written(&pool).await, written, "{name}: a repeat wrote something");
        if another.is_some() {
            let (code, _) = send(another).await.refused(422);
            assert_eq!(code, "IDEMPOTENCY_KEY_REUSED", "{name}");
        }
    }
}

async fn written(pool: &sqlx::PgPool) -> i64 {
    sqlx::query_scalar("select sum(position)::bigint from log.heads")
        .fetch_one(pool)
        .await
        .unwrap()
}
