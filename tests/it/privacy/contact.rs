//! One of a customer's contacts is forgotten alone: the customer and their colleagues stay, and nobody finds the one any more. Lists of
//! before contacts had keys of their own stay readable, and the plan says so.

use super::{erase, found};
use domain::Role;
use prometric_tests::{Client, Server, story::id};
use serde_json::{Value, json};
use uuid::Uuid;

const WORDS: [&str; 3] = ["Забытая", "forgotten@contact.kz", "+7702forgotten"];

fn contacts() -> Value {
    json!([
        {"firstName": WORDS[0], "email": WORDS[1], "phone": WORDS[2], "isPrimary": true},
        {"firstName": "Оставшийся", "email": "stays@contact.kz"},
    ])
}

async fn names(owner: &Client, customer: &str) -> Vec<Value> {
    let shown = owner.get(customer).await.expect(200);
    let contacts = shown["contacts"].as_array().unwrap();
    contacts.iter().map(|contact| contact["firstName"].clone()).collect()
}

#[tokio::test]
async fn a_contact_is_erased_alone_and_all_go_with_the_customer() {
    let server = Server::start_with(&[]).await;
    let (owner, pool) = (server.owner().await, server.pool().await);
    let company = json!({"name": "ТОО Компания", "contacts": contacts()});
    let company = id(&owner.post("/customers", company).await.expect(201));
    let path = format!("/customers/{company}");
    // Said once more, in an event that tells of contacts alone.
    let mut again = owner.get(&path).await.expect(200)["contacts"].clone();
    again[1]["position"] = json!("Директор");
    owner.put(&path, json!({"contacts": again})).await.expect(200);
    let (forgotten, stays) = (id(&again[0]), id(&again[1]));
    let stored = found(&pool, &WORDS).await;
    assert!(
        stored.iter().any(|table| table.ends_with(".customers"))
            && !stored.iter().any(|table| table.starts_with("log.")),
        "sealed from the start: {stored:?}"
    );
    let manager = server.member(&owner, Role::Manager).await.inside();
    let asked = json!({"personId": forgotten});
    let refused = manager
        .post("/privacy/erase", asked)
        .await
        .refused(403, "AUTH_FORBIDDEN");
    assert_eq!(refused["permission"], "PRIVACY_ERASE");

    let exported = owner
        .get(&format!("/privacy/export?personId={forgotten}"))
        .await
        .expect(200);
    let said = exported["said"].as_array().unwrap();
    assert_eq!(said.len(), 2, "{exported}");
    assert_eq!(said[0]["values"]["contacts.0"]["email"], WORDS[1], "{exported}");
    assert!(!exported.to_string().contains("stays@contact.kz"), "{exported}");
    let planned = json!({"personId": forgotten, "dryRun": true});
    let planned = owner.post("/privacy/erase", planned).await.expect(200);
    let here = &planned["plan"]["workspaces"][0];
    assert_eq!(
        (&here["events"], &here["withTheirCustomer"], &here["contacts"]),
        (&json!(2), &json!(0), &json!([]))
    );
    assert_eq!(found(&pool, &WORDS).await, stored, "a plan does nothing");

    erase(&owner, &forgotten).await;
    assert_eq!(found(&pool, &WORDS).await, Vec::<String>::new());
    assert_eq!(names(&owner, &path).await, ["Оставшийся"]);
    assert_eq!(owner.get(&path).await.expect(200)["name"], "ТОО Компания");
    let trail = owner.get(&format!("{path}/history")).await.expect(200).to_string();
    assert!(!WORDS.iter().any(|word| trail.contains(word)), "{trail}");
    // Nobody is told of anew; everybody else is.
    let refused = owner
        .put(&path, json!({"contacts": again}))
        .await
        .refused(409, "CONFLICT");
    assert_eq!(refused["reason"], "person.erased");
    let rest = json!([{"id": stays, "firstName": "Оставшийся"}, {"firstName": "Новый"}]);
    owner.put(&path, json!({"contacts": rest})).await.expect(200);
    assert_eq!(names(&owner, &path).await, ["Оставшийся", "Новый"]);
    let verified = server.tool(&["audit", "verify"]);
    assert!(
        verified.status.success(),
        "{}",
        String::from_utf8_lossy(&verified.stderr)
    );

    erase(&owner, &company).await;
    assert_eq!(
        found(&pool, &["Оставшийся", "stays@contact.kz"]).await,
        Vec::<String>::new()
    );
    let destroyed = "select count(*) from log.person_keys where wrapped is null and person_id = any($1)";
    let all: Vec<Uuid> = [company, forgotten, stays]
        .iter()
        .map(|id| id.parse().unwrap())
        .collect();
    let destroyed: i64 = sqlx::query_scalar(destroyed).bind(all).fetch_one(&pool).await.unwrap();
    assert_eq!(destroyed, 3);
    let unknown = json!({"personId": Uuid::now_v7()});
    owner.post("/privacy/erase", unknown).await.refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn who_came_with_a_merged_customer_goes_with_that_one() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let company = async |name: &str, contact: &str| {
        let company = json!({"name": name, "contacts": [{"firstName": contact}]});
        let company = id(&owner.post("/customers", company).await.expect(201));
        let shown = owner.get(&format!("/customers/{company}")).await.expect(200);
        let contact = id(&shown["contacts"][0]);
        (company, contact)
    };
    let (stays, own) = company("ТОО Остаётся", "Свой").await;
    let (other, given) = company("ТОО Вливается", "Данный").await;
    let planned = async |customer: &str| {
        let asked = json!({"personId": customer, "dryRun": true});
        let planned = owner.post("/privacy/erase", asked).await.expect(200);
        planned["plan"]["workspaces"][0]["contacts"].clone()
    };
    let path = format!("/customers/{stays}");
    let with = json!({"with": other});
    owner.post(&format!("{path}/merge"), with.clone()).await.expect(200);
    // In an event of the one that stays, of its own list.
    let mut both = owner.get(&path).await.expect(200)["contacts"].clone();
    both[0]["position"] = json!("Директор");
    owner.put(&path, json!({"contacts": both})).await.expect(200);
    let mut all = [own.clone(), given.clone()];
    all.sort();
    assert_eq!(planned(&stays).await, json!(all), "while they are one");
    owner.post(&format!("{path}/unmerge"), with).await.expect(200);
    assert_eq!(planned(&stays).await, json!([own]));
    assert_eq!(planned(&other).await, json!([given]));

    // Alone, wherever it was said.
    erase(&owner, &given).await;
    assert_eq!(names(&owner, &path).await, ["Свой"]);
    assert_eq!(names(&owner, &format!("/customers/{other}")).await, Vec::<Value>::new());
    let trail = owner.get(&format!("{path}/history")).await.expect(200).to_string();
    assert!(!trail.contains("Данный"), "{trail}");
}
