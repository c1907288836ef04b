//! Who may import, and what.

use super::{reached, send};
use domain::Role;
use prometric_tests::{Server, story::id};
use serde_json::{Value, json};
use uuid::Uuid;

#[tokio::test]
async fn an_import_is_its_senders_and_asks_for_the_rights_of_what_it_makes() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let sent = send(&owner, "code,name\na,a\n", true).await.expect(201);
    reached(&owner, &sent, "ready").await;
    let path = format!("/imports/{}", id(&sent));
    for role in [Role::Manager, Role::Employee] {
        let member = server.member(&owner, role).await.inside();
        for path in [path.clone(), format!("{path}/rows"), format!("{path}/errors")] {
            let told = member.get(&path).await.refused(404, "NOT_FOUND");
            assert_eq!(told["reason"], "import.missing");
        }
        for step in ["start", "cancel"] {
            member
                .post(&format!("{path}/{step}"), json!({}))
                .await
                .refused(404, "NOT_FOUND");
        }
        assert_eq!(member.items("/imports").await, Vec::<Value>::new());
    }
    let employee = server.member(&owner, Role::Employee).await.inside();
    for (resource, right) in [
        ("products", "PRODUCTS_CREATE"),
        ("customers", "CUSTOMERS_CREATE"),
        ("deals", "DEALS_CREATE"),
        ("orders", "ORDERS_CREATE"),
    ] {
        let sent = employee.upload(b"name\na\n", &[("resource", resource)], &[]).await;
        assert_eq!(sent.refused(403, "AUTH_FORBIDDEN")["permission"], right);
    }
    // What somebody may not do any more is not done.
    let manager = server.member(&owner, Role::Manager).await.inside();
    let sent = send(&manager, "code,name\nb,b\n", true).await.expect(201);
    reached(&manager, &sent, "ready").await;
    let members = owner.items("/members").await;
    let member = members.iter().find(|member| member["userId"] == manager.user.as_str());
    let member = format!("/members/{}", id(member.expect("a member")));
    owner.put(&member, json!({"role": "employee"})).await.expect(200);
    let told = manager.post(&format!("/imports/{}/start", id(&sent)), json!({})).await;
    assert_eq!(told.refused(403, "AUTH_FORBIDDEN")["permission"], "PRODUCTS_CREATE");
}

#[tokio::test]
async fn what_is_no_table_is_refused_by_name() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let wide = vec!["a"; 300].join(",");
    for (file, field, reason) in [
        (&b"\xff\xfea\0"[..], "file", json!("import.encoding")),
        (b"\x89PNG\r\n\x1a\n\0\0", "file", json!("import.no_table")),
        (b"PK\x03\x04nonsense", "file", json!("import.no_table")),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "file", json!("import.no_table")),
        (b"code,name\n", "file", json!("import.no_rows")),
        (wide.as_bytes(), "file", json!("import.too_many_columns")),
        (b"a,b\n1,2\n", "mapping", Value::Null),
        (b"code,Code\n1,2\n", "mapping.Code", Value::Null),
    ] {
        let told = owner.upload(file, &[("resource", "products")], &[]).await;
        assert_eq!(told.status, 400, "{}", told.body);
        let details = &told.body["error"]["details"];
        assert!(
            details["fields"][field].is_string() && details["reason"] == reason,
            "{details}"
        );
    }
    let table = b"code,name\na,a\n";
    for (beside, field) in [
        (&[("resource", "ledgers")][..], "resource"),
        (&[], "resource"),
        (&[("resource", "products"), ("dryRun", "perhaps")], "dryRun"),
        (&[("resource", "products"), ("mapping", "[]")], "mapping"),
        (
            &[("resource", "products"), ("mapping", "{\"x\":\"name\"}")],
            "mapping.x",
        ),
        (
            &[("resource", "products"), ("mapping", "{\"code\":\"salary\"}")],
            "mapping.code",
        ),
        (&[("resource", "products"), ("nonsense", "1")], "nonsense"),
    ] {
        let told = owner.upload(table, beside, &[]).await;
        let details = &told.body["error"]["details"];
        assert!(
            told.status == 400 && details["fields"][field].is_string(),
            "{beside:?}: {}",
            told.body
        );
    }
    let told = owner
        .post("/imports", json!({}))
        .await
        .refused(400, "VALIDATION_FAILED");
    assert_eq!(told["reason"], "body.not_a_form");
    let long = vec![b'a'; 13 << 20];
    owner
        .upload(&long, &[("resource", "products")], &[])
        .await
        .refused(413, "PAYLOAD_TOO_LARGE");
    owner
        .get(&format!("/imports/{}", Uuid::now_v7()))
        .await
        .refused(404, "NOT_FOUND");
    assert_eq!(owner.items("/imports").await, Vec::<Value>::new());
}
