//! One workspace never learns of another: not over HTTP, in whatever way it is named, and not in the database.

mod addressed;
mod database;
mod named;

use prometric_tests::{
    Answer, Client, Route, Server, eventually, routes,
    story::{Shop, beside, id},
};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Routes that concern the person, or name the workspace themselves.
const PERSONAL: [&str; 19] = [
    "GET /auth/me",
    "GET /auth/second-factor",
    "GET /auth/sessions",
    "DELETE /auth/sessions/{id}",
    "POST /auth/change-password",
    "POST /auth/logout",
    "POST /auth/eds/link",
    "POST /auth/logout-all",
    "POST /auth/second-factor",
    "POST /auth/second-factor/confirm",
    "POST /auth/second-factor/disable",
    "POST /auth/second-factor/recovery-codes",
    "GET /organizations",
    "POST /organizations",
    "GET /organizations/{id}",
    "PUT /organizations/{id}",
    "GET /workspaces",
    "GET /workspaces/{id}",
    "PUT /workspaces/{id}",
];

/// A workspace in which everything there is exists once, by the path below which it stands.
struct Tenant {
    owner: Client,
    shop: Shop,
    ids: BTreeMap<&'static str, String>,
}

impl Tenant {
    async fn open(server: &Server) -> Self {
        let owner = server.owner().await;
        let shop = Shop::open(&owner, 100, 20).await;
        let deal = id(&owner.post("/deals", shop.deal(1)).await.expect(201));
        let beside = beside(&owner, &deal).await;
        owner.post(&format!("/deals/{deal}/win"), json!({})).await.expect(200);
        let made = async |path: &str| id(&owner.post(path, json!({"name": "a"})).await.expect(201));
        let mut ids = BTreeMap::from([
            ("/customers", shop.customer.clone()),
            ("/products", shop.cabinet.clone()),
            ("/categories", made("/categories").await),
            ("/price-lists", made("/price-lists").await),
            ("/warehouses", made("/warehouses").await),
            ("/deals", deal.clone()),
            ("/audit", deal.clone()),
            ("/audit/correlations", deal.clone()),
            ("/admin/sagas", deal),
            ("/production/bom", shop.cabinet.clone()),
        ]);
        ids.extend(beside);
        for list in ["/orders", "/finance/invoices", "/production/orders", "/notifications"] {
            ids.insert(
                list,
                id(&eventually(list, || async { owner.items(list).await.into_iter().next() }).await),
            );
        }
        let payment = json!({"invoiceId": ids["/finance/invoices"], "amount": 5});
        ids.insert(
            "/finance/payments",
            id(&owner.post("/finance/payments", payment).await.expect(201)),
        );
        let department = json!({"name": "Продажи"});
        let employee = json!({"email": "employee@company.kz", "firstName": "a", "lastName": "a"});
        let role = json!({"name": "Продавец", "permissions": ["DEALS_VIEW:own"]});
        let invitation = json!({"email": "invited@company.kz"});
        for (list, body) in [
            ("/departments", department),
            ("/employees", employee),
            ("/roles", role),
            ("/invitations", invitation),
        ] {
            ids.insert(list, id(&owner.post(list, body).await.expect(201)));
        }
        ids.insert("/members", id(&owner.items("/members").await[0]));
        ids.insert("/organizations", Uuid::now_v7().to_string());
        ids.insert("/workspaces", owner.workspace.clone());
        for list in ["/auth/sessions", "/organizations"] {
            ids.insert(list, id(&owner.items(list).await[0]));
        }
        let tracked = json!({"code": "LOTS", "name": "a", "type": "PRODUCT", "tracking": "lot"});
        let tracked = id(&owner.post("/products", tracked).await.expect(201));
        let lot = json!({"productId": tracked, "quantity": 1, "lots": [{"number": "L-1", "quantity": 1}]});
        owner.post("/stock/receipts", lot).await.expect(201);
        ids.insert("/stock/lots", id(&owner.items("/stock/lots").await[0]));
        let key = json!({"name": "a", "permissions": ["DEALS_VIEW"]});
        ids.insert("/api-keys", id(&owner.post("/api-keys", key).await.expect(201)));
        let beside = [("resource", "products"), ("dryRun", "true")];
        let import = owner.upload(b"code,name\na1,a\n", &beside, &[]).await.expect(201);
        ids.insert("/imports", id(&import));
        eventually("everything is planned", || async {
            owner
                .items("/production/orders")
                .await
                .into_iter()
                .find(|order| order["status"] == "scheduled")
        })
        .await;
        Self { owner, shop, ids }
    }

    /// The id of what stands at that path, if the path has a parameter besides the workspace.
    fn id_for(&self, route: &Route) -> Option<&str> {
        let name = route.name();
        let path = name.split_once(' ').unwrap().1;
        let (list, _) = path.split_once("/{")?;
        Some(
            self.ids
                .get(list)
                .unwrap_or_else(|| panic!("{name}: which thing is meant? Say it in Tenant::open")),
        )
    }
}

/// What the route takes, so that nothing but the strangeness of the ids can be the reason of a refusal.
pub(crate) fn body_for(route: &Route, shop: &Shop) -> Value {
    match route.name().as_str() {
        "POST /customers" | "POST /workspaces" | "PUT /workspaces/{id}" | "PUT /organizations/{id}" => {
            json!({"name": "a"})
        }
        "POST /api-keys" => json!({"name": "a", "permissions": ["DEALS_VIEW"]}),
        "POST /departments" | "POST /categories" | "POST /price-lists" | "POST /roles" | "POST /warehouses" => {
            json!({"name": "a"})
        }
        "POST /invitations" => json!({"email": "a@company.kz"}),
        "POST /employees" => json!({"email": "a@company.kz", "firstName": "a", "lastName": "a"}),
        "POST /products" => json!({"code": "a", "name": "a"}),
        "POST /products/batch" => json!({"products": [{"code": "a", "name": "a"}]}),
        "POST /deals" => json!({"title": "a"}),
        "POST /customers/{id}/merge" | "POST /customers/{id}/unmerge" => json!({"with": shop.customer}),
        "POST /deals/{id}/stage" => json!({"stage": "CLOSING"}),
        "POST /pipelines" => json!({"name": "a", "stages": [{"name": "a", "stage": "LEAD"}]}),
        "POST /custom-fields" => json!({"key": "a", "label": "a"}),
        "POST /deals/{id}/activities" => json!({"type": "call", "subject": "a"}),
        "POST /deals/{id}/documents" => json!({"name": "a", "url": "https://storage.prometric.kz/a.pdf"}),
        "POST /deals/{id}/lose" => json!({"lostReason": "a"}),
        "POST /orders" => json!({"customerId": shop.customer, "status": "draft"}),
        "POST /orders/{id}/returns" => json!({"items": [{"productId": shop.product, "quantity": 1}]}),
        "POST /orders/{id}/change" => json!({"items": [{"productId": shop.product, "quantity": 1}]}),
        "POST /orders/{id}/status" => json!({"status": "confirmed"}),
        "POST /stock/landed-costs" => {
            let receipt = json!({"productId": shop.steel, "movementId": Uuid::now_v7()});
            json!({"receipts": [receipt], "amount": 1, "kind": "freight"})
        }
        "POST /stock/valuations" => json!({"productId": shop.steel, "valuation": "FIFO"}),
        path if path.starts_with("POST /stock/") => json!({"productId": shop.steel, "quantity": 1, "reason": "a"}),
        "POST /prices" => json!({"priceListId": Uuid::now_v7(), "productId": shop.steel, "tiers": []}),
        "PUT /production/bom/{productId}" => json!({"components": [{"materialId": shop.steel, "quantity": 1}]}),
        "POST /finance/payments" => json!({"invoiceId": Uuid::now_v7(), "amount": 1}),
        path if path.starts_with("POST /admin/sagas/") => json!({"why": "a"}),
        _ => json!({}),
    }
}

pub(crate) async fn written(pool: &PgPool) -> i64 {
    sqlx::query_scalar("select sum(position)::bigint from log.heads")
        .fetch_one(pool)
        .await
        .unwrap()
}

/// Demands that it is not there, and hands out what was told, so that two refusals can be compared.
#[track_caller]
pub(crate) fn not_there(answer: Answer) -> Value {
    let mut error = answer.body["error"].clone();
    answer.refused(404, "NOT_FOUND");
    error["timestamp"].take();
    error
}

pub(crate) async fn send(client: &Client, route: &Route, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
    let body = (route.method != Method::GET && route.method != Method::DELETE).then(|| body.to_string());
    client.send(route.method.clone(), path, body, headers).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_another_workspace_is_not_there() {
    let server = Server::start_with(&[]).await;
    let (mine, theirs) = (Tenant::open(&server).await, Tenant::open(&server).await);
    let pool = server.pool().await;
    let before = written(&pool).await;
    let me = &mine.owner;
    let nobodys = Uuid::now_v7().to_string();
    let their_key = their_key(&theirs.owner).await;
    let mut asked = 0;
    for route in routes(&server).await.iter().filter(|route| !route.public) {
        let body = body_for(route, &mine.shop);
        let workspace = if route.is_in_workspace() {
            me.workspace.as_str()
        } else {
            ""
        };
        // By its id, where the workspace is mine.
        if let Some(id) = theirs.id_for(route) {
            let told = not_there(send(me, route, &route.path_of(workspace, id), &body, &[]).await);
            let unknown = not_there(send(me, route, &route.path_of(workspace, &nobodys), &body, &[]).await);
            assert_eq!(told, unknown, "{} tells that it is there", route.name());
            asked += 1;
        }
        if PERSONAL.contains(&route.name().as_str()) {
            continue;
        }
        // By the workspace: in the path, or by header.
        let id = theirs.id_for(route).unwrap_or_default();
        if route.is_in_workspace() {
            let told = not_there(send(me, route, &route.path_of(&theirs.owner.workspace, id), &body, &[]).await);
            assert_eq!(
                told,
                not_there(send(me, route, &route.path_of(&nobodys, id), &body, &[]).await),
                "{}",
                route.name()
            );
        } else {
            let told = not_there(
                send(
                    me,
                    route,
                    &route.path_of("", id),
                    &body,
                    &[("X-Workspace-Id", &theirs.owner.workspace)],
                )
                .await,
            );
            assert_eq!(
                told,
                not_there(
                    send(
                        me,
                        route,
                        &route.path_of("", id),
                        &body,
                        &[("X-Workspace-Id", &nobodys)]
                    )
                    .await
                )
            );
            assert_eq!(
                told,
                not_there(
                    send(
                        me,
                        route,
                        &route.path_of("", id),
                        &body,
                        &[("X-Tenant-Key", &their_key)]
                    )
                    .await
                )
            );
            assert_eq!(
                told,
                not_there(
                    send(
                        me,
                        route,
                        &route.path_of("", id),
                        &body,
                        &[("X-Tenant-Key", "nobody_00000000")]
                    )
                    .await
                )
            );
        }
        asked += 1;
    }
    assert!(asked > 60, "{asked}");
    not_there(
        me.post(
            "/notifications/mark-read",
            json!({"ids": [theirs.ids["/notifications"]]}),
        )
        .await,
    );
    assert_eq!(written(&pool).await, before, "nothing was written");
    for list in [
        "/customers",
        "/products",
        "/deals",
        "/orders",
        "/finance/invoices",
        "/finance/payments",
        "/production/orders",
        "/notifications",
        "/categories",
        "/price-lists",
        "/prices",
        "/stock",
        "/stock/places",
        "/stock/movements",
        "/stock/lots",
        "/departments",
        "/employees",
        "/invitations",
        "/members",
        "/roles",
        "/workspaces",
        "/organizations",
        "/api-keys",
        "/imports",
        "/auth/sessions",
    ] {
        let mine = me.get(list).await.expect(200).to_string();
        assert!(
            theirs.ids.values().all(|id| !mine.contains(id.as_str())),
            "{list}: {mine}"
        );
    }
}

async fn their_key(owner: &Client) -> String {
    owner.get(&format!("/workspaces/{}", owner.workspace)).await.expect(200)["tenantKey"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_of_another_workspace_in_a_body_is_unknown() {
    let server = Server::start_with(&[]).await;
    let (mine, theirs) = (Tenant::open(&server).await, Tenant::open(&server).await);
    let pool = server.pool().await;
    let before = written(&pool).await;
    let deal = id(&mine.owner.post("/deals", mine.shop.deal(1)).await.expect(201));
    let line =
        |product: &str| json!([{"productId": mine.shop.product, "quantity": 1}, {"productId": product, "quantity": 1}]);
    let component = |product: &str| json!({"components": [{"materialId": mine.shop.steel, "quantity": 1}, {"materialId": product, "quantity": 1}]});
    let (post, put) = (Method::POST, Method::PUT);
    for (their_customer, their_product, their_invoice) in [
        (
            theirs.shop.customer.clone(),
            theirs.shop.steel.clone(),
            theirs.ids["/finance/invoices"].clone(),
        ),
        (
            Uuid::now_v7().to_string(),
            Uuid::now_v7().to_string(),
            Uuid::now_v7().to_string(),
        ),
        (
            mine.shop.steel.clone(),
            mine.shop.customer.clone(),
            mine.shop.customer.clone(),
        ),
    ] {
        let requests = [
            (
                &post,
                "/deals".to_owned(),
                json!({"title": "a", "customerId": their_customer}),
                "customerId",
            ),
            (
                &post,
                "/deals".to_owned(),
                json!({"title": "a", "products": line(&their_product)}),
                "products[1].productId",
            ),
            (
                &put,
                format!("/deals/{deal}"),
                json!({"customerId": their_customer}),
                "customerId",
            ),
            (
                &put,
                format!("/deals/{deal}"),
                json!({"products": line(&their_product)}),
                "products[1].productId",
            ),
            (
                &post,
                "/stock/receipts".to_owned(),
                json!({"productId": their_product, "quantity": 1}),
                "productId",
            ),
            (
                &put,
                format!("/production/bom/{}", mine.shop.cabinet),
                component(&their_product),
                "components[1].materialId",
            ),
            (
                &post,
                "/finance/payments".to_owned(),
                json!({"invoiceId": their_invoice, "amount": 1}),
                "invoiceId",
            ),
        ];
        for (method, path, body, field) in requests {
            let told = mine
                .owner
                .send(method.clone(), &path, Some(body.to_string()), &[])
                .await
                .refused(404, "NOT_FOUND");
            assert!(
                told["fields"][field].is_string(),
                "{method} {path} {body}: {told} does not name {field}"
            );
        }
    }
    assert_eq!(written(&pool).await, before + 1, "nothing was written but the deal");
}
