//! What a right does not reach to cannot be named either: whoever knows an id learns nothing by it, in whatever field. What stands in a
//! record already may be sent back with it.

use super::{employ, reach::rights};
use crate::imports::reached;
use prometric_tests::{Answer, Client, Server, story::id};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

/// A customer, a deal and an order of somebody's.
struct Things {
    customer: String,
    deal: String,
    order: String,
    employee: String,
}

impl Things {
    async fn of(owner: &Client, user: &str, employee: &str) -> Self {
        let made = async |path: &str, body: Value| id(&owner.post(path, body).await.expect(201));
        let customer = json!({"name": "Чужое имя", "assignedTo": user});
        let customer = made("/customers", customer).await;
        let deal = json!({"title": "Чужая сделка", "customerId": customer, "assignedTo": user});
        let order = json!({"customerId": customer, "status": "draft", "assignedTo": user});
        Self {
            deal: made("/deals", deal).await,
            order: made("/orders", order).await,
            employee: employee.to_owned(),
            customer,
        }
    }

    fn unknown() -> Self {
        let [customer, deal, order, employee] = [(); 4].map(|()| Uuid::now_v7().to_string());
        Self {
            customer,
            deal,
            order,
            employee,
        }
    }
}

/// Every request that names something, at what is one's own.
fn requests(mine: &Things, named: &Things) -> Vec<(Method, String, Value, &'static str)> {
    let (deal, order) = (format!("/deals/{}", mine.deal), format!("/orders/{}", mine.order));
    let Things {
        customer,
        deal: other,
        order: theirs,
        employee,
    } = named;
    let draft = |customer: &str, deal: &str| json!({"customerId": customer, "dealId": deal, "status": "draft"});
    vec![
        (
            Method::POST,
            "/deals".to_owned(),
            json!({"title": "a", "customerId": customer}),
            "customerId",
        ),
        (Method::PUT, deal.clone(), json!({"customerId": customer}), "customerId"),
        (
            Method::POST,
            "/orders".to_owned(),
            draft(customer, &mine.deal),
            "customerId",
        ),
        (
            Method::POST,
            "/orders".to_owned(),
            draft(&mine.customer, other),
            "dealId",
        ),
        (
            Method::PUT,
            order.clone(),
            json!({"customerId": customer}),
            "customerId",
        ),
        (Method::PUT, order, json!({"dealId": other}), "dealId"),
        (
            Method::POST,
            "/price-lists".to_owned(),
            json!({"name": "a", "customerId": customer}),
            "customerId",
        ),
        (
            Method::POST,
            "/departments".to_owned(),
            json!({"name": "a", "headId": employee}),
            "headId",
        ),
        (
            Method::PUT,
            deal.clone(),
            json!({"custom": {"customers": customer}}),
            "custom.customers",
        ),
        (
            Method::PUT,
            deal.clone(),
            json!({"custom": {"deals": other}}),
            "custom.deals",
        ),
        (
            Method::PUT,
            deal,
            json!({"custom": {"orders": theirs}}),
            "custom.orders",
        ),
    ]
}

fn told(answer: Answer, field: &str) -> (u16, Value) {
    let mut error = answer.body["error"].clone();
    error["timestamp"].take();
    assert!(
        error["details"]["fields"][field].is_string(),
        "{field}: {}",
        answer.body
    );
    (answer.status, error)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_right_does_not_reach_to_cannot_be_named() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let (me, employee) = employ(&server, &owner, "me@company.kz", json!({})).await;
    let (colleague, their_employee) = employ(&server, &owner, "colleague@company.kz", json!({})).await;
    let mine = Things::of(&owner, &me.user, &employee).await;
    let theirs = Things::of(&owner, &colleague.user, &their_employee).await;
    for resource in ["customers", "deals", "orders"] {
        let refers =
            json!({"resource": "deals", "key": resource, "label": resource, "type": "reference", "refersTo": resource});
        owner.post("/custom-fields", refers).await.expect(201);
    }
    let role = json!({"name": "own", "permissions": rights("own")});
    let role = id(&owner.post("/roles", role).await.expect(201));
    owner
        .put(&format!("/employees/{employee}"), json!({"roleId": role}))
        .await
        .expect(200);

    let send = async |(method, path, body, field): (Method, String, Value, &'static str)| {
        let answer = me.send(method, &path, Some(body.to_string()), &[]).await;
        (answer, field, format!("{path} {field}"))
    };
    let unknown = requests(&mine, &Things::unknown());
    for (hidden, unknown) in requests(&mine, &theirs).into_iter().zip(unknown) {
        let ((hidden, field, what), (unknown, ..)) = (send(hidden).await, send(unknown).await);
        assert!(!hidden.body.to_string().contains("Чуж"), "{what}: {}", hidden.body);
        assert_eq!(
            told(hidden, field),
            told(unknown, field),
            "{what} tells that it is there"
        );
    }
    for own in requests(&mine, &mine) {
        let (answer, _, what) = send(own).await;
        assert!([200, 201].contains(&answer.status), "{what}: {}", answer.body);
    }

    // One that was merged counts as the one that it is found as.
    let merge = async |stays: &str, title: &str| {
        let other = json!({"name": title, "assignedTo": me.user});
        let other = id(&owner.post("/customers", other).await.expect(201));
        let into = format!("/customers/{stays}/merge");
        owner.post(&into, json!({"with": other})).await.expect(200);
        json!({"title": title, "customerId": other})
    };
    let hidden = merge(&theirs.customer, "Влитый к чужому").await;
    let refused = me.post("/deals", hidden).await;
    assert_eq!(refused.status, 404, "{}", refused.body);
    let found = merge(&mine.customer, "Влитый к своему").await;
    let led = format!("/deals/{}", id(&me.post("/deals", found).await.expect(201)));
    assert_eq!(me.get(&led).await.expect(200)["customerId"], json!(mine.customer));

    // A deal of theirs for another's customer: whoever sends it back says nothing new.
    let given =
        json!({"title": "a", "customerId": theirs.customer, "custom": {"deals": theirs.deal}, "assignedTo": me.user});
    let given = format!("/deals/{}", id(&owner.post("/deals", given).await.expect(201)));
    let back = json!({"nextStep": "Позвонить", "customerId": theirs.customer, "custom": {"deals": theirs.deal}});
    me.put(&given, back).await.expect(200);
    let shown = me.get(&given).await.expect(200);
    assert_eq!(
        (&shown["customerId"], &shown["customerName"], &shown["nextStep"]),
        (&json!(theirs.customer), &json!("Чужое имя"), &json!("Позвонить"))
    );

    // The same in rows of a file, by whichever column.
    let nobody = Things::unknown();
    for (heads, hidden, unknown) in [
        ("title,customerId", &theirs.customer, &nobody.customer),
        ("title,id", &theirs.deal, &nobody.deal),
    ] {
        let file = format!("{heads}\na,{hidden}\na,{unknown}\n");
        let beside = [("resource", "deals"), ("dryRun", "true")];
        let sent = me.upload(file.as_bytes(), &beside, &[]).await.expect(201);
        let shown = reached(&me, &sent, "ready").await;
        let errors = shown["errors"].as_array().unwrap();
        assert_eq!(errors.len(), 2, "{shown}");
        assert_eq!(errors[0]["error"], errors[1]["error"], "{heads}");
    }
}
