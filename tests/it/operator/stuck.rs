//! A step that the rules refuse: an operator sees it, mends what stood in its way, and has it asked for again; or has it
//! skipped; or gives the process up. The refusal is real: of what the bill of materials asks for there is more than can be
//! counted.

use super::*;

impl Business {
    /// A product nobody can make so much of, and one deal each that sells it beside goods from the shelf: their orders.
    async fn impossible(&self, count: usize) -> (String, Vec<String>) {
        let made = json!({"code": "BIG", "name": "Big", "type": "MANUFACTURED", "price": 1});
        let made = id(&self.owner.post("/products", made).await.expect(201));
        self.needs(&made, 900_000_000).await;
        let mut orders = vec![];
        for _ in 0..count {
            let deal = json!({"title": "Big", "customerId": self.shop.customer, "products": [
                {"productId": self.shop.product, "quantity": 1, "unitPrice": 1},
                {"productId": made, "quantity": 100, "unitPrice": 1},
            ]});
            let deal = id(&self.owner.post("/deals", deal).await.expect(201));
            self.owner
                .post(&format!("/deals/{deal}/win"), json!({}))
                .await
                .expect(200);
            let order = eventually("it is ordered", || async {
                self.owner.items(&format!("/orders?dealId={deal}")).await.pop()
            })
            .await;
            orders.push(id(&order));
        }
        (made, orders)
    }

    /// So much steel for one of it.
    async fn needs(&self, product: &str, steel: u32) {
        let bill = json!({"components": [{"materialId": self.shop.steel, "quantity": steel}]});
        let bom = format!("/production/bom/{product}");
        self.owner.put(&bom, bill).await.expect(200);
    }

    fn shown(&self, order: &str) -> Value {
        let shown = tokio::task::block_in_place(|| self.ask(&["sagas", "show", order]));
        let shown: Value = serde_json::from_str(&shown).unwrap();
        shown[0].clone()
    }

    async fn stands(&self, order: &str, status: &str) -> Value {
        let words = ["sagas", "show", order, "--workspace", &self.owner.workspace];
        eventually(&format!("{order} is {status}"), || async {
            // Its process may not have begun.
            let told = tokio::task::block_in_place(|| self.server.tool(&words));
            let shown: Value = serde_json::from_slice(&told.stdout).ok()?;
            Some(shown[0].clone()).filter(|shown| shown["status"] == status)
        })
        .await
    }

    /// What happened to it: type, actor, why.
    fn story(&self, order: &str) -> Vec<(String, String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let shown = self.shown(order);
        let story = shown["story"].as_array().unwrap().iter();
        story
            .map(|told| (text(&told["type"]), text(&told["actor"]), text(&told["data"]["why"])))
            .collect()
    }
}

const SAGA: &str = "saga:order_fulfillment_orchestrator";

fn told(kind: &str, actor: &str, why: &str) -> (String, String, String) {
    (kind.to_owned(), actor.to_owned(), why.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_is_mended_and_asked_for_again_beside_a_server_and_without_one() {
    let mut business = Business::open().await;
    let (made, orders) = business.impossible(2).await;
    let order = &orders[0];
    business.stands(order, "parked").await;
    let list = business.ask(&["sagas", "list", "--status", "parked"]);
    let line = list.lines().find(|line| line.contains(order.as_str())).unwrap();
    let [reason, next] = [
        "parked 0 min, produce line 1: production_order.cannot_explode;",
        "next: retry, skip or abandon: produce line 1",
    ];
    assert!(line.contains(reason) && line.ends_with(next), "{line}");

    let why = ["--why", "it may be better now", "--as", "Айгуль"];
    let wrong = business.complain(&[&["sagas", "retry", order, "--step", "produce line 7"][..], &why].concat());
    assert!(wrong.contains("“produce line 7” was not refused"), "{wrong}");
    let nothing = business.owner.workspace.as_str();
    let unknown = business.complain(&[&["sagas", "retry", nothing][..], &why].concat());
    assert!(unknown.contains("no process is about"), "{unknown}");

    // Nothing is mended: it is refused once more, and may be asked for once more.
    business.ask(&[&["sagas", "retry", order][..], &why].concat());
    eventually("it is refused again", || async {
        (business.story(order).len() == 3).then_some(())
    })
    .await;
    business.stands(order, "parked").await;
    business.needs(&made, 1).await;
    let said = business.ask(&[
        "sagas",
        "retry",
        order,
        "--why",
        "the bill is corrected",
        "--as",
        "Ерлан",
    ]);
    assert!(said.contains("“produce line 1” is asked for again"), "{said}");
    business.stands(order, "done").await;
    let refused = told("process.step.refused", SAGA, "");
    assert_eq!(
        business.story(order),
        [
            refused.clone(),
            told("process.step.retried", "operator:Айгуль", "it may be better now"),
            refused,
            told("process.step.retried", "operator:Ерлан", "the bill is corrected"),
        ]
    );
    let planned = format!("/production/orders?orderId={order}&status=scheduled");
    assert_eq!(business.owner.items(&planned).await.len(), 1);
    let ended = business.complain(&[&["sagas", "retry", order][..], &why].concat());
    assert!(ended.contains("it has come to its end"), "{ended}");

    // The other one's turn comes when the server does.
    let other = &orders[1];
    business.stands(other, "parked").await;
    business.server.kill();
    business.ask(&[&["sagas", "retry", other][..], &why].concat());
    let twice = business.complain(&[&["sagas", "retry", other][..], &why].concat());
    assert!(twice.contains("was not refused, or has been decided on"), "{twice}");
    business.server.spawn().await;
    business.stands(other, "done").await;
    let planned = format!("/production/orders?orderId={other}&status=scheduled");
    assert_eq!(business.owner.items(&planned).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_is_skipped_or_given_up() {
    let business = Business::open().await;
    let (made, orders) = business.impossible(2).await;
    let [skipped, abandoned] = &orders[..] else {
        panic!("two orders")
    };
    business.stands(skipped, "parked").await;
    let by = ["--why", "bought in", "--as", "Ерлан"];
    business.ask(&[&["sagas", "skip", skipped][..], &by].concat());
    business.stands(skipped, "done").await;
    assert_eq!(
        business.story(skipped)[1],
        told("process.step.skipped", "operator:Ерлан", "bought in")
    );

    business.stands(abandoned, "parked").await;
    let nameless = business.server.tool(&["sagas", "abandon", abandoned, "--as", "x"]);
    assert_eq!(nameless.status.code(), Some(2), "{}", said(&nameless));
    let blank = business.complain(&["sagas", "abandon", abandoned, "--why", " ", "--as", "x"]);
    assert!(blank.contains("why: required"), "{blank}");
    business.ask(&[&["sagas", "abandon", abandoned][..], &by].concat());
    let ended = business.stands(abandoned, "abandoned").await;
    assert_eq!((&ended["owes"], &ended["dueAt"]), (&json!(false), &Value::Null));
    assert_eq!(
        business.story(abandoned)[1],
        told("process.abandoned", "operator:Ерлан", "bought in")
    );
    for verdict in ["retry", "skip", "abandon"] {
        let late = business.complain(&[&["sagas", verdict, abandoned][..], &by].concat());
        assert!(late.contains("it has come to its end"), "{late}");
    }
    let list = business.ask(&["sagas", "list"]);
    assert!(
        !list.contains(abandoned.as_str()) && !list.contains(skipped.as_str()),
        "{list}"
    );

    // Neither of them is made, and both have what comes from the shelf.
    business.needs(&made, 1).await;
    for order in &orders {
        let production = format!("/production/orders?orderId={order}");
        assert_eq!(business.owner.items(&production).await, Vec::<Value>::new());
    }
    // What waits is not stuck.
    let unbilled = json!({"code": "NEW", "name": "New", "type": "MANUFACTURED", "price": 1});
    let unbilled = id(&business.owner.post("/products", unbilled).await.expect(201));
    let deal = json!({"title": "New", "customerId": business.shop.customer, "products": [{"productId": unbilled, "quantity": 1, "unitPrice": 1}]});
    let deal = id(&business.owner.post("/deals", deal).await.expect(201));
    business
        .owner
        .post(&format!("/deals/{deal}/win"), json!({}))
        .await
        .expect(200);
    let order = eventually("it is ordered", || async {
        business.owner.items(&format!("/orders?dealId={deal}")).await.pop()
    })
    .await;
    let order = id(&order);
    business.stands(&order, "waiting").await;
    let waits = business.complain(&[&["sagas", "skip", &order][..], &by].concat());
    assert!(waits.contains("no step of it was refused"), "{waits}");
    business.ask(&[&["sagas", "abandon", &order][..], &by].concat());
    business.stands(&order, "abandoned").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_administers_a_workspace_sees_and_decides_the_same_over_http() {
    let business = Business::open().await;
    let owner = &business.owner;
    // The newest workspace is told of at once, although nobody who follows has told of it yet.
    let newest = business.server.owner().await;
    let customer = json!({"name": "ТОО First", "type": "COMPANY"});
    newest.post("/customers", customer).await.expect(201);
    let status = newest.get("/admin/status").await.expect(200);
    let consumers = status["items"].as_array().unwrap().iter();
    let consumers: Vec<&str> = consumers.filter_map(|one| one["consumer"].as_str()).collect();
    assert!(
        consumers.iter().any(|name| name.starts_with("projections.")) && consumers.contains(&"sagas"),
        "{status}"
    );

    let (made, orders) = business.impossible(2).await;
    for order in &orders {
        business.stands(order, "parked").await;
    }
    for line in [
        "prometric_sagas_parked 2",
        "prometric_consumer_lag_seconds{consumer=\"sagas\"}",
    ] {
        eventually(line, || async {
            let metrics = reqwest::get(format!("{}/metrics", business.server.url)).await.unwrap();
            metrics.text().await.unwrap().contains(line).then_some(())
        })
        .await;
    }
    let process = format!("/admin/sagas/{}", orders[0]);
    let listed = owner.items("/admin/sagas").await;
    let listed = listed.iter().find(|one| one["id"] == json!(orders[0])).unwrap();
    assert_eq!(
        (&listed["status"], &listed["refused"]),
        (&json!("parked"), &json!(["produce line 1"]))
    );
    assert_eq!(
        newest.items("/admin/sagas").await,
        Vec::<Value>::new(),
        "none of others"
    );
    newest.get(&process).await.refused(404, "NOT_FOUND");
    let why = json!({"why": "the bill is corrected"});
    newest
        .post(&format!("{process}/retry"), why.clone())
        .await
        .refused(404, "NOT_FOUND");

    business.needs(&made, 1).await;
    let retried = owner.post(&format!("{process}/retry"), why.clone()).await.expect(200);
    assert_eq!(retried["steps"], json!(["produce line 1"]));
    business.stands(&orders[0], "done").await;
    let shown = owner.get(&process).await.expect(200);
    let decided = &shown["story"][1];
    assert_eq!(
        (&decided["type"], &decided["actor"], &decided["data"]["why"]),
        (
            &json!("process.step.retried"),
            &json!(format!("user:{}", owner.user)),
            &why["why"]
        )
    );
    let late = owner.post(&format!("{process}/skip"), why.clone()).await;
    let late = late.refused(409, "INVALID_TRANSITION");
    assert_eq!(late["reason"], "process.ended");
    let other = format!("/admin/sagas/{}/abandon", orders[1]);
    owner.post(&other, why).await.expect(200);
    business.stands(&orders[1], "abandoned").await;
}
