//! Rights on rows: one's own, one's department's, all. The same rows in lists, totals, searches, details, histories and what is
//! nested in others; and for writes.

use super::employ;
use prometric_tests::{
    Client, Server, eventually,
    story::{Shop, id},
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Deals by whose they are.
struct Business {
    server: Server,
    owner: Client,
    customer: String,
    deals: BTreeMap<&'static str, String>,
    departments: BTreeMap<&'static str, String>,
}

impl Business {
    /// A seller, a colleague below them, somebody elsewhere; each with a deal, and one that is nobody's.
    async fn open() -> (Self, Client, String) {
        let server = Server::start_with(&[]).await;
        let owner = server.owner().await;
        let found = async |body: Value| id(&owner.post("/departments", body).await.expect(201));
        let sales = found(json!({"name": "Sales"})).await;
        let retail = found(json!({"name": "Retail", "parentId": sales})).await;
        let stock = found(json!({"name": "Stock"})).await;
        let (seller, employee) = employ(&server, &owner, "me@company.kz", json!({"departmentId": sales})).await;
        let (colleague, _) = employ(&server, &owner, "colleague@company.kz", json!({"departmentId": retail})).await;
        let (other, _) = employ(&server, &owner, "other@company.kz", json!({"departmentId": stock})).await;
        let customer = id(&owner.post("/customers", json!({"name": "ТОО"})).await.expect(201));
        let mut deals = BTreeMap::new();
        for (whose, user) in [
            ("own", Some(&seller.user)),
            ("department", Some(&colleague.user)),
            ("other", Some(&other.user)),
            ("nobody", None),
        ] {
            let deal = json!({"title": format!("Deal {whose}"), "customerId": customer, "assignedTo": user});
            deals.insert(whose, id(&owner.post("/deals", deal).await.expect(201)));
        }
        let departments = BTreeMap::from([("sales", sales), ("retail", retail), ("stock", stock)]);
        let business = Self {
            server,
            owner,
            customer,
            deals,
            departments,
        };
        (business, seller, employee)
    }

    /// Gives the employee these rights and no others.
    async fn give(&self, employee: &str, name: &str, permissions: Value) {
        let role = json!({"name": name, "permissions": permissions});
        let role = id(&self.owner.post("/roles", role).await.expect(201));
        let path = format!("/employees/{employee}");
        self.owner.put(&path, json!({"roleId": role})).await.expect(200);
    }

    fn names(&self, items: &[Value]) -> BTreeSet<&'static str> {
        let found =
            |(name, deal): (&&'static str, &String)| items.iter().any(|item| item["id"] == *deal).then_some(*name);
        self.deals.iter().filter_map(found).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_seen_is_not_found_by_what_names_it() {
    let (business, seller, employee) = Business::open().await;
    let rights = json!(["DEALS_VIEW", "CUSTOMERS_VIEW:own"]);
    business.give(&employee, "deals of all", rights).await;
    let found = async |query: &str| seller.items(&format!("/deals?{query}")).await.len();
    for query in [
        "customer.status=LEAD",
        "customer.status[ne]=ACTIVE",
        "customer.type[ne]=COMPANY",
    ] {
        let of_nobody_s = found(query).await;
        let expected = if query.contains("[ne]") { ALL.len() } else { 0 };
        assert_eq!(
            of_nobody_s, expected,
            "{query}: whatever the customer is, it tells nothing"
        );
    }
    let customer = format!("/customers/{}", business.customer);
    let body = json!({"assignedTo": seller.user});
    business.owner.put(&customer, body).await.expect(200);
    assert_eq!(found("customer.status=LEAD").await, ALL.len());
    assert_eq!(found("customer.status=ACTIVE").await, 0);
}

const ALL: [&str; 4] = ["own", "department", "other", "nobody"];

#[tokio::test(flavor = "multi_thread")]
async fn a_right_shows_and_changes_the_rows_that_it_reaches_to() {
    let (business, seller, employee) = Business::open().await;
    let cases: [(&str, &[&str], &str, &[&str]); 6] = [
        ("DEALS_VIEW:own", &["own"], "DEALS_UPDATE:own", &["own"]),
        (
            "DEALS_VIEW:department",
            &["own", "department"],
            "DEALS_UPDATE:own",
            &["own"],
        ),
        (
            "DEALS_VIEW:department",
            &["own", "department"],
            "DEALS_UPDATE:department",
            &["own", "department"],
        ),
        ("DEALS_VIEW", &ALL, "DEALS_UPDATE:own", &["own"]),
        ("DEALS_VIEW", &ALL, "DEALS_UPDATE", &ALL),
        // What is not seen is not changed.
        ("DEALS_VIEW:own", &["own"], "DEALS_UPDATE", &["own"]),
    ];
    for (view, seen, update, changed) in cases {
        let name = format!("{view} {update}");
        let rights = json!([view, update, "CUSTOMERS_VIEW", "DEALS_CREATE"]);
        business.give(&employee, &name, rights).await;
        let (seen, changed): (BTreeSet<&str>, BTreeSet<&str>) =
            (seen.iter().copied().collect(), changed.iter().copied().collect());
        for query in [
            "",
            "?search=Deal",
            "?stage=LEAD",
            "?sort=-value",
            "?sort=title&limit=100",
            "?customer.status=LEAD",
        ] {
            let data = seller.get(&format!("/deals{query}")).await.expect(200);
            assert_eq!(
                business.names(data["items"].as_array().unwrap()),
                seen,
                "{name} {query}"
            );
            assert_eq!(
                data["total"],
                json!(seen.len()),
                "{name} {query}: the total tells no more"
            );
        }
        let mut paged = vec![];
        let mut next = Some("/deals?limit=1".to_owned());
        while let Some(page) = next {
            let data = seller.get(&page).await.expect(200);
            paged.extend(data["items"].as_array().unwrap().clone());
            let cursor = data["pagination"]["nextCursor"].as_str();
            next = cursor.map(|cursor| format!("/deals?limit=1&cursor={cursor}"));
        }
        assert_eq!(
            (business.names(&paged), paged.len()),
            (seen.clone(), seen.len()),
            "{name} page by page"
        );
        let nested = seller
            .get(&format!("/customers/{}", business.customer))
            .await
            .expect(200);
        assert_eq!(
            business.names(nested["deals"].as_array().unwrap()),
            seen,
            "{name} nested"
        );
        for (whose, deal) in &business.deals {
            let path = format!("/deals/{deal}");
            let (shown, told) = (seller.get(&path).await, seller.get(&format!("{path}/history")).await);
            let written = seller.put(&path, json!({"nextStep": name})).await;
            let moved = seller
                .post(&format!("{path}/stage"), json!({"stage": "QUALIFIED"}))
                .await;
            if !seen.contains(whose) {
                for answer in [shown, told, written, moved] {
                    assert_eq!(
                        answer.refused(404, "NOT_FOUND")["reason"],
                        json!("deal.missing"),
                        "{name} {whose}"
                    );
                }
                continue;
            }
            shown.expect(200);
            told.expect(200);
            for answer in [written, moved] {
                match changed.contains(whose) {
                    true => _ = answer.expect(200),
                    false => assert_eq!(
                        answer.refused(403, "AUTH_FORBIDDEN")["permission"],
                        json!("DEALS_UPDATE"),
                        "{name} {whose}"
                    ),
                }
            }
        }
        for deal in business.deals.values() {
            business
                .owner
                .post(&format!("/deals/{deal}/stage"), json!({"stage": "LEAD"}))
                .await
                .expect(200);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_right_reaches_to_moves_with_the_assignee_and_the_department() {
    let (business, seller, employee) = Business::open().await;
    let second = business.server.another().await;
    let elsewhere = seller.at(&second.url);
    business
        .give(
            &employee,
            "department",
            json!(["DEALS_VIEW:department", "DEALS_CREATE", "EMPLOYEES_VIEW:department"]),
        )
        .await;
    let seen = async |client: &Client| business.names(&client.items("/deals").await);
    assert_eq!(seen(&seller).await, BTreeSet::from(["own", "department"]));
    let deal = format!("/deals/{}", business.deals["own"]);
    let written = business.owner.put(&deal, json!({"nextStep": "a"})).await;
    let past = format!("/deals?asOf={}", written.header("x-event-position"));
    let then = eventually("the past", || async {
        Some(seller.get(&past).await).filter(|answer| answer.status == 200)
    });
    let then = then.await.expect(200);
    assert_eq!(
        business.names(then["items"].as_array().unwrap()),
        BTreeSet::from(["own", "department"])
    );
    let emails = |items: Vec<Value>| -> BTreeSet<String> {
        items
            .iter()
            .map(|item| item["email"].as_str().unwrap().to_owned())
            .collect()
    };
    let both = ["me@company.kz", "colleague@company.kz"].map(str::to_owned);
    assert_eq!(emails(seller.items("/employees").await), both.into());

    let path = format!("/employees/{employee}");
    business
        .owner
        .put(&path, json!({"departmentId": business.departments["stock"]}))
        .await
        .expect(200);
    assert_eq!(seen(&seller).await, BTreeSet::from(["own", "other"]));
    // Whoever heads a department sees what is its own, wherever they work.
    let sales = format!("/departments/{}", business.departments["retail"]);
    business
        .owner
        .put(&sales, json!({"headId": employee}))
        .await
        .expect(200);
    assert_eq!(seen(&seller).await, BTreeSet::from(["department", "other", "own"]));
    let deal = format!("/deals/{}", business.deals["nobody"]);
    business
        .owner
        .put(&deal, json!({"assignedTo": seller.user}))
        .await
        .expect(200);
    eventually("the other node shows it too", || async {
        (seen(&elsewhere).await.len() == 4).then_some(())
    })
    .await;

    // What somebody makes who sees only their own is theirs.
    business
        .give(&employee, "own", json!(["DEALS_VIEW:own", "DEALS_CREATE"]))
        .await;
    let made = seller.post("/deals", json!({"title": "Mine"})).await.expect(201);
    let shown = seller.get(&format!("/deals/{}", id(&made))).await.expect(200);
    assert_eq!(shown["assignedTo"], json!(seller.user));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_seen_by_whom_its_deal_was_assigned_to() {
    let (business, seller, employee) = Business::open().await;
    business
        .give(
            &employee,
            "orders",
            json!(["ORDERS_VIEW:own", "CUSTOMERS_VIEW", "DEALS_VIEW"]),
        )
        .await;
    let shop = Shop::open(&business.owner, 100, 20).await;
    let mut orders = vec![];
    for user in [json!(seller.user), Value::Null] {
        let mut sale = shop.deal(1);
        sale["assignedTo"] = user;
        let deal = id(&business.owner.post("/deals", sale).await.expect(201));
        let won = business
            .owner
            .post(&format!("/deals/{deal}/win"), json!({}))
            .await
            .expect(200);
        orders.push((deal, won["orderId"].as_str().unwrap().to_owned()));
    }
    for (_, order) in &orders {
        eventually("the order", || async {
            (business.owner.get(&format!("/orders/{order}")).await.status == 200).then_some(())
        })
        .await;
    }
    let [(own_deal, own), (other_deal, other)] = &orders[..] else {
        panic!("two orders")
    };
    let items = seller.items("/orders").await;
    assert_eq!((items.len(), &items[0]["id"]), (1, &json!(own)));
    seller.get(&format!("/orders/{own}")).await.expect(200);
    seller.get(&format!("/orders/{other}")).await.refused(404, "NOT_FOUND");
    for (deal, seen) in [(own_deal, 1), (other_deal, 0)] {
        let shown = seller.get(&format!("/deals/{deal}")).await.expect(200);
        assert_eq!(shown["orders"].as_array().unwrap().len(), seen);
    }
}
