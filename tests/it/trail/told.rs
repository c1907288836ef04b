//! What is told of events, and to whom.

use super::{Business, CORRELATION, change, each};
use domain::Role;
use prometric_tests::story::id;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[tokio::test(flavor = "multi_thread")]
async fn a_history_tells_who_what_when_from_where_and_before_and_after() {
    let business = Business::open().await;
    let (owner, path) = (&business.owner, format!("/deals/{}/history", business.deal));
    let entries = business.pages(&path, 50).await;
    assert_eq!(each(&entries, "type"), ["deal.created", "deal.updated", "deal.won"]);
    assert_eq!(each(&entries, "version"), [1, 2, 3]);
    for entry in &entries {
        assert_eq!(entry["who"]["actor"], format!("user:{}", owner.user));
        assert_eq!(entry["who"]["id"], owner.user.as_str());
        assert!(!entry["who"]["name"].as_str().unwrap().trim().is_empty(), "{entry}");
        assert_eq!(entry["from"], "127.0.0.1");
        assert!(entry["at"].is_string() && entry["causedBy"].is_null());
    }
    let updated = &entries[1];
    assert_eq!(updated["request"]["correlationId"], CORRELATION);
    let title = change(updated, "title");
    assert_eq!(
        (&title["before"], &title["after"]),
        (&json!("ERP System Implementation"), &json!("ERP"))
    );
    let value = change(updated, "value");
    assert_eq!(
        (&value["after"], &value["currency"]),
        (&json!(1_234_567.89), &json!("KZT"))
    );
    assert_eq!(updated["changes"].as_array().unwrap().len(), 2, "{updated}");
    let won = &entries[2];
    assert_eq!(change(won, "stage")["after"], "WON");
    assert_eq!(change(won, "finalAmount")["before"], Value::Null);
    let one_by_one = business.pages(&path, 1).await;
    assert_eq!(one_by_one, entries, "a page folds what is before it");
    for (filter, expected) in [
        ("type=deal.won", 1),
        ("type=deal", 3),
        ("type=dea", 0),
        ("actor=system", 0),
        (&format!("actor={}", owner.user), 3),
        ("from=2199-01-01T00:00:00Z", 0),
        ("to=2199-01-01T00:00:00Z", 3),
        (&format!("from={}", entries[1]["at"].as_str().unwrap()), 2),
        (&format!("to={}", entries[1]["at"].as_str().unwrap()), 1),
    ] {
        assert_eq!(
            business.pages(&format!("{path}?{filter}"), 50).await.len(),
            expected,
            "{filter}"
        );
    }
    for (wrong, field) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("cursor=x", "cursor"),
        ("from=soon", "from"),
        ("from=-262143-01-01T00:00:00Z", "from"),
        ("to=%2B262142-01-01T00:00:00Z", "to"),
        ("cursor=-1", "cursor"),
        ("page=1", "page"),
        ("resource=deals", "resource"),
    ] {
        let told = owner.get(&format!("{path}?{wrong}")).await;
        let details = told.refused(400, "VALIDATION_FAILED");
        assert!(details["fields"][field].is_string(), "{wrong}: {details}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_told_in_words_of_three_languages() {
    let business = Business::open().await;
    let path = format!("/deals/{}/history?type=deal.won", business.deal);
    let mut told = BTreeSet::new();
    for (language, word, label) in [
        ("kk", "жеңіп алынды", "Кезең"),
        ("ru", "выиграна", "Стадия"),
        ("en", "was won", "Stage"),
    ] {
        let answer = business
            .owner
            .send(Method::GET, &path, None, &[("Accept-Language", language)])
            .await
            .expect(200);
        let won = &answer["items"][0];
        let sentence = won["sentence"].as_str().unwrap();
        assert!(
            sentence.contains(word) && sentence.contains("DL-") && sentence.contains("KZT"),
            "{sentence}"
        );
        assert_eq!(change(won, "stage")["label"], label);
        told.insert(sentence.to_owned());
    }
    assert_eq!(told.len(), 3);
    // Whatever has happened: no sentence lacks a value, and no word is missing.
    for language in ["kk", "ru", "en"] {
        let page = business
            .owner
            .send(Method::GET, "/audit?limit=200", None, &[("Accept-Language", language)])
            .await
            .expect(200);
        for entry in page["items"].as_array().unwrap() {
            let sentence = entry["sentence"].as_str().unwrap();
            assert!(!sentence.contains('{') && *sentence != entry["type"], "{sentence}");
            for change in entry["changes"].as_array().unwrap() {
                assert_ne!(change["label"].as_str().unwrap(), "", "{change}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_is_named_with_the_event_that_its_step_follows() {
    let business = Business::open().await;
    let won = business
        .pages(&format!("/deals/{}/history?type=deal.won", business.deal), 50)
        .await
        .remove(0);
    let order = id(&business.owner.items("/orders").await[0]);
    let created = business.pages(&format!("/orders/{order}/history"), 50).await.remove(0);
    assert_eq!(created["who"]["actor"], "saga:deal_won_orchestrator");
    assert_eq!(
        (&created["who"]["kind"], &created["from"]),
        (&json!("saga"), &Value::Null)
    );
    assert!(created["who"]["name"].as_str().unwrap().contains("Выигранная сделка"));
    let cause = &created["causedBy"];
    assert_eq!(
        (&cause["saga"], &cause["instance"]),
        (&json!("deal_won_orchestrator"), &json!(business.deal))
    );
    assert_eq!(cause["position"], won["position"], "it is a child of the won deal");
    let production = id(&business.owner.items("/production/orders").await[0]);
    let planned = business
        .pages(&format!("/production/orders/{production}/history"), 50)
        .await;
    assert_eq!(
        planned[0]["causedBy"]["position"], created["position"],
        "and that one's is the order"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_noun_has_a_history_and_the_audit_tells_the_same_of_it() {
    let business = Business::open().await;
    let owner = &business.owner;
    let first = async |list: &str| id(&owner.items(list).await[0]);
    let bill = business.shop.cabinet.clone();
    for (path, resource, id) in [
        ("/customers", "customers", business.shop.customer.clone()),
        ("/deals", "deals", business.deal.clone()),
        ("/products", "products", business.shop.product.clone()),
        ("/orders", "orders", first("/orders").await),
        ("/finance/invoices", "invoices", first("/finance/invoices").await),
        (
            "/production/orders",
            "production-orders",
            first("/production/orders").await,
        ),
        ("/production/bom", "boms", bill),
        ("/notifications", "notifications", first("/notifications").await),
    ] {
        let history = business.pages(&format!("{path}/{id}/history"), 50).await;
        assert!(!history.is_empty() && history[0]["version"] == 1, "{path}");
        assert!(
            !history[0]["changes"].as_array().unwrap().is_empty(),
            "{path}: {history:?}"
        );
        assert_eq!(
            business.pages(&format!("/audit/{resource}/{id}"), 1).await,
            history,
            "{path}"
        );
        owner
            .get(&format!("{path}/{}/history", uuid::Uuid::now_v7()))
            .await
            .refused(404, "NOT_FOUND");
    }
    let stock = business
        .pages(&format!("/audit/stock/{}", business.shop.steel), 50)
        .await;
    assert_eq!(each(&stock, "type"), ["stock.received", "stock.reserved"]);
    assert_eq!(change(&stock[0], "quantity")["after"], 1_000);
    owner
        .get(&format!("/audit/spaceships/{}", business.deal))
        .await
        .refused(404, "NOT_FOUND");
    owner
        .get(&format!("/audit/orders/{}", business.deal))
        .await
        .refused(404, "NOT_FOUND");
    // What is gone for its readers is not for the audit.
    let customer = id(&owner.post("/customers", json!({"name": "Aldar"})).await.expect(201));
    owner
        .send(Method::DELETE, &format!("/customers/{customer}"), None, &[])
        .await
        .expect(200);
    owner
        .get(&format!("/customers/{customer}/history"))
        .await
        .refused(404, "NOT_FOUND");
    let gone = business.pages(&format!("/audit/customers/{customer}"), 50).await;
    assert_eq!(each(&gone, "type"), ["customer.created", "customer.archived"]);
    assert_eq!(change(&gone[1], "archived")["after"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_may_not_see_is_not_in_the_history_either() {
    let business = Business::open().await;
    let product = business.shop.product.clone();
    business
        .owner
        .put(&format!("/products/{product}"), json!({"cost": 12, "price": 34}))
        .await
        .expect(200);
    let path = format!("/products/{product}/history?type=product.updated");
    let fields = |entry: &Value| {
        each(entry["changes"].as_array().unwrap(), "field")
            .into_iter()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(fields(&business.pages(&path, 50).await[0]), ["price", "cost"]);
    business.server.member(&business.owner, Role::Owner).await; // there is always one
    business.server.enroll(&business.owner, Role::Employee).await;
    assert_eq!(fields(&business.pages(&path, 50).await[0]), ["price"]);
    business.owner.get("/audit").await.refused(403, "AUTH_FORBIDDEN");
    let mine = business.owner.items("/notifications").await;
    assert!(mine.is_empty(), "an employee is told of nothing here");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_workspace_is_told_by_position_and_filtered() {
    let business = Business::open().await;
    let all = business.pages("/audit", 200).await;
    let positions: Vec<i64> = all.iter().map(|entry| entry["position"].as_i64().unwrap()).collect();
    assert_eq!(positions, (1..=all.len() as i64).collect::<Vec<_>>());
    assert_eq!(business.pages("/audit", 7).await, all);
    for (filter, field, expected) in [
        ("resource=deals", "resource", "deals"),
        ("type=stock.received", "type", "stock.received"),
        ("resource=invoices&type=invoice", "type", "invoice.created"),
    ] {
        let some = business.pages(&format!("/audit?{filter}"), 3).await;
        assert!(
            !some.is_empty() && some.iter().all(|entry| entry[field] == expected),
            "{filter}"
        );
        assert!(
            some.iter().all(|entry| all.contains(entry)),
            "{filter}: told as without the filter"
        );
    }
    let by_saga = business.pages("/audit?actor=saga:deal_won_orchestrator", 50).await;
    assert!(by_saga.iter().all(|entry| entry["who"]["kind"] == "saga") && by_saga.len() >= 2);
    let middle = all[all.len() / 2]["at"].as_str().unwrap();
    let (before, behind) = (
        business.pages(&format!("/audit?to={middle}"), 50).await,
        business.pages(&format!("/audit?from={middle}"), 50).await,
    );
    assert_eq!([before, behind].concat(), all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_told_with_all_that_it_led_to() {
    let business = Business::open().await;
    let owner = &business.owner;
    let deal = id(&owner.post("/deals", business.shop.deal(1)).await.expect(201));
    let correlation = "0190c2a5-0000-7000-8000-0000000000a1";
    let path = format!("/deals/{deal}/win");
    let header = [("X-Correlation-Id", correlation)];
    let won = owner.send(Method::POST, &path, Some("{}".to_owned()), &header).await;
    won.expect(200);
    prometric_tests::eventually("both productions are planned", || async {
        (owner.items("/production/orders?status=scheduled").await.len() == 2).then_some(())
    })
    .await;
    let tree = owner
        .get(&format!("/audit/correlations/{correlation}"))
        .await
        .expect(200);
    assert_eq!(tree["isWhole"], true);
    let items = tree["items"].as_array().unwrap();
    let of = |kind: &str| {
        let found = items.iter().find(|item| item["type"] == kind);
        found.unwrap_or_else(|| panic!("no {kind}: {:?}", each(items, "type")))
    };
    assert_eq!(
        (&items[0]["type"], &items[0]["depth"], &items[0]["parent"]),
        (&json!("deal.won"), &json!(0), &Value::Null)
    );
    let (order, production) = (of("order.created"), of("production.order.created"));
    assert_eq!((&order["parent"], &order["depth"]), (&items[0]["position"], &json!(1)));
    assert_eq!(
        (&production["parent"], &production["depth"]),
        (&order["position"], &json!(2))
    );
    assert_eq!(of("invoice.created")["parent"], items[0]["position"]);
    let wins = items.iter().filter(|item| item["type"] == "deal.won").count();
    assert_eq!(wins, 1, "the other deal is another tree");
    let positions: BTreeSet<_> = each(items, "position").into_iter().map(Value::to_string).collect();
    assert_eq!(positions.len(), items.len(), "each once");
    for item in items {
        assert!(
            item["depth"] == 0 || positions.contains(&item["parent"].to_string()),
            "{item}"
        );
    }
    let about_the_deal = owner.get(&format!("/audit/correlations/{deal}")).await.expect(200);
    assert_eq!(about_the_deal["items"], tree["items"], "the process is about the deal");
    owner
        .get(&format!("/audit/correlations/{}", uuid::Uuid::now_v7()))
        .await
        .refused(404, "NOT_FOUND");
}

/// As events of a busy year would be there.
async fn rename_often(business: &Business, times: usize) {
    let options = business.server.database_url.parse().unwrap();
    let log = log::Log::open(options, business.server.pool().await).await.unwrap();
    let event = |n: usize| log::NewEvent {
        id: uuid::Uuid::now_v7(),
        event_type: "deal.updated".to_owned(),
        schema: 2,
        data: json!({"title": format!("title {n}")}).to_string(),
        number: None,
    };
    let stream = log::Stream {
        category: "deal",
        id: business.deal.parse().unwrap(),
    };
    for from in (0..times).step_by(500) {
        let stream = log::StreamAppend {
            stream,
            expected: None,
            events: (from..times.min(from + 500)).map(event).collect(),
        };
        let append = log::Append {
            streams: vec![stream],
            ..prometric_tests::append_to(business.owner.workspace.parse().unwrap())
        };
        log.append(append).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_far_into_a_long_history_tells_what_was_before_it() {
    let business = Business::open().await;
    rename_often(&business, 10_000).await;
    for (after, before, title) in [
        (9_000, "title 8996", "title 8997"),
        (10_002, "title 9998", "title 9999"),
    ] {
        let began = std::time::Instant::now();
        let path = format!("/deals/{}/history?limit=10&cursor={after}", business.deal);
        let page = business.owner.get(&path).await.expect(200);
        println!("a page behind {after} events took {:?}", began.elapsed());
        let first = &page["items"][0];
        assert_eq!(first["version"], after + 1);
        let change = change(first, "title");
        assert_eq!((&change["before"], &change["after"]), (&json!(before), &json!(title)));
    }
    let page = business
        .owner
        .get(&format!("/deals/{}/history?cursor=10003", business.deal))
        .await
        .expect(200);
    assert_eq!((&page["items"], &page["nextCursor"]), (&json!([]), &Value::Null));
}
