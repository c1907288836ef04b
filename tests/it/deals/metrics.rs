//! What deals come to: figures by hand against those that are kept.

use super::{deal, shown};
use prometric_tests::{Client, Server};
use serde_json::{Value, json};

/// Four open ones in two currencies, two won, two lost.
async fn business(owner: &Client) -> Vec<String> {
    let customer = owner.post("/customers", json!({"name": "ТОО"})).await.expect(201)["id"].clone();
    let mut deals = Vec::new();
    for (value, currency, stage, probability) in [
        (1_000_000, "KZT", "LEAD", Value::Null),
        (2_000_000, "KZT", "NEGOTIATION", Value::Null),
        (3_000_000, "KZT", "NEGOTIATION", json!(33.33)),
        (1_000, "USD", "CLOSING", Value::Null),
        (5_000_000, "KZT", "PROPOSAL", Value::Null),
        (6_000_000, "KZT", "CLOSING", Value::Null),
        (7_000_000, "KZT", "LEAD", Value::Null),
        (8_000_000, "KZT", "LEAD", Value::Null),
    ] {
        let body = json!({"title": "ERP", "customerId": customer, "value": value, "currency": currency, "stage": stage,
            "probability": probability, "assignedTo": owner.user});
        deals.push(deal(owner, body).await);
    }
    for (nth, amount) in [(4, json!({})), (5, json!({"finalAmount": 5_500_000}))] {
        owner
            .post(&format!("/deals/{}/win", deals[nth]), amount)
            .await
            .expect(200);
    }
    for (nth, loss) in [
        (6, json!({"lostReason": "price", "competitorWon": "Competitor A"})),
        (7, json!({"lostReason": "Слишком долго"})),
    ] {
        owner
            .post(&format!("/deals/{}/lose", deals[nth]), loss)
            .await
            .expect(200);
    }
    deals
}

fn of<'a>(list: &'a Value, field: &str, value: &str) -> &'a Value {
    let found = list.as_array().unwrap().iter().find(|item| item[field] == value);
    found.unwrap_or_else(|| panic!("no {value} in {list}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_the_sums_of_deals() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let empty = owner.get("/deals/metrics").await.expect(200);
    assert_eq!(
        (&empty["total"], &empty["winRate"], &empty["currencies"]),
        (&json!(0), &Value::Null, &json!([]))
    );
    let deals = business(&owner).await;
    let told = owner.get("/deals/metrics").await.expect(200);
    for (field, value) in [
        ("total", json!(8)),
        ("inPipeline", json!(4)),
        ("won", json!(2)),
        ("lost", json!(2)),
        ("winRate", json!(50)),
        ("averageCycleTime", json!(0)),
    ] {
        assert_eq!(told[field], value, "{field}: {told}");
    }
    let tenge = of(&told["currencies"], "currency", "KZT");
    for (field, value) in [
        ("inPipeline", json!(3)),
        ("pipelineValue", json!(6_000_000)),
        // 10 % of 1 000 000, 75 % of 2 000 000, 33.33 % of 3 000 000.
        ("weightedValue", json!(2_599_900)),
        ("wonValue", json!(10_500_000)),
        ("averageValue", json!(5_250_000)),
        ("lostValue", json!(15_000_000)),
    ] {
        assert_eq!(tenge[field], value, "{field}: {tenge}");
    }
    assert_eq!(of(&told["currencies"], "currency", "USD")["weightedValue"], json!(900));
    let negotiation = of(&told["stages"], "stage", "NEGOTIATION");
    assert_eq!((&negotiation["count"], &negotiation["reached"]), (&json!(2), &json!(2)));
    assert_eq!(negotiation["values"][0]["value"], json!(5_000_000));
    let lead = of(&told["stages"], "stage", "LEAD");
    assert_eq!(
        (&lead["reached"], &lead["lost"], &lead["conversion"]),
        (&json!(3), &json!(2), &json!(0))
    );
    assert_eq!(of(&told["stages"], "stage", "CLOSING")["conversion"], json!(100));
    assert_eq!(told["stages"].as_array().unwrap().len(), 5);
    // What moves is summed up where it is now.
    owner
        .put(&format!("/deals/{}", deals[0]), json!({"stage": "CLOSING", "value": 1}))
        .await
        .expect(200);
    let told = owner.get("/deals/metrics").await.expect(200);
    assert_eq!(of(&told["stages"], "stage", "LEAD")["count"], json!(0));
    let closing = of(&told["stages"], "stage", "CLOSING");
    assert_eq!(
        (&closing["count"], &closing["values"][0]["weightedValue"]),
        (&json!(2), &json!(0.9))
    );
    // Of others, and of other months, there are none.
    let nobodys = "/deals/metrics?assignedTo=0190c2a5-0000-7000-8000-000000000000";
    assert_eq!(owner.get(nobodys).await.expect(200)["total"], json!(0));
    let earlier = owner.get("/deals/metrics?to=2020-12").await.expect(200);
    assert_eq!((&earlier["won"], &earlier["inPipeline"]), (&json!(0), &json!(4)));
    for (wrong, field) in [("from=2026", "from"), ("to=2026-13", "to"), ("stage=WON", "stage")] {
        let refused = owner
            .get(&format!("/deals/metrics?{wrong}"))
            .await
            .refused(400, "VALIDATION_FAILED");
        assert!(refused["fields"][field].is_string(), "{wrong}: {refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn losses_are_summed_up_by_reason_competitor_and_month() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let deals = business(&owner).await;
    let told = owner.get("/deals/lost-reasons").await.expect(200);
    assert_eq!(told["total"], json!(2));
    let price = of(&told["reasons"], "name", "price");
    assert_eq!((&price["count"], &price["share"]), (&json!(1), &json!(50)));
    assert_eq!(
        price["values"],
        json!([{"currency": "KZT", "count": 1, "value": 7_000_000}])
    );
    assert_eq!(
        of(&told["reasons"], "name", "other")["values"][0]["value"],
        json!(8_000_000)
    );
    assert_eq!(told["competitors"].as_array().unwrap().len(), 1);
    assert_eq!(of(&told["competitors"], "name", "Competitor A")["count"], json!(1));
    assert_eq!(
        (told["months"].as_array().unwrap().len(), &told["months"][0]["count"]),
        (1, &json!(2))
    );
    let lost = shown(&owner, &deals[7]).await;
    assert_eq!(
        (&lost["lostReason"], &lost["lostCategory"]),
        (&json!("Слишком долго"), &json!("other"))
    );
    assert_eq!(
        owner.get("/deals?lostCategory=price").await.expect(200)["total"],
        json!(1)
    );
    // One that is opened again was not lost.
    owner
        .post(&format!("/deals/{}/stage", deals[6]), json!({"stage": "PROPOSAL"}))
        .await
        .expect(200);
    let told = owner.get("/deals/lost-reasons").await.expect(200);
    assert_eq!((&told["total"], &told["competitors"]), (&json!(1), &json!([])));
    let reopened = shown(&owner, &deals[6]).await;
    assert_eq!(
        (&reopened["lostReason"], &reopened["lostAt"]),
        (&Value::Null, &Value::Null)
    );
}

/// Whoever sees only their own deals sees sums of no others.
#[tokio::test(flavor = "multi_thread")]
async fn sums_are_of_deals_that_are_seen() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    business(&owner).await;
    let seller = server.member(&owner, domain::Role::Employee).await.inside();
    let body = json!({"title": "ERP", "value": 500, "assignedTo": seller.user});
    deal(&owner, body).await;
    let role = json!({"name": "Продавец", "permissions": ["DEALS_VIEW:own"]});
    let role = owner.post("/roles", role).await.expect(201)["id"].clone();
    let members = owner.items("/members").await;
    let member = members
        .iter()
        .find(|member| member["userId"] == seller.user.as_str())
        .unwrap();
    let path = format!("/members/{}", member["id"].as_str().unwrap());
    owner.put(&path, json!({"roleId": role})).await.expect(200);
    let told = seller.get("/deals/metrics").await.expect(200);
    assert_eq!(
        (&told["total"], &told["currencies"][0]["pipelineValue"]),
        (&json!(1), &json!(500))
    );
    let told = seller.get("/deals/lost-reasons").await.expect(200);
    assert_eq!(told["total"], json!(0));
}
