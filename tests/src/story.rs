//! The business of the story: a customer, document 2's server cabinet with its materials, a plain product, and deals.

use crate::{Client, eventually};
use reqwest::Method;
use serde_json::{Value, json};

/// Ids of what the story sells.
#[derive(Debug, Clone)]
pub struct Shop {
    pub customer: String,
    pub steel: String,
    pub lock: String,
    pub cabinet: String,
    pub product: String,
}

#[track_caller]
pub fn id(data: &Value) -> String {
    data["id"].as_str().expect("an id").to_owned()
}

impl Shop {
    /// Opens the shop with this much steel and these locks on stock.
    pub async fn open(owner: &Client, steel: i32, locks: i32) -> Self {
        let customer = owner
            .post(
                "/customers",
                json!({"name": "ТОО Tech Solutions", "type": "COMPANY", "bin": "123456789012"}),
            )
            .await
            .expect(201);
        let product = async |code: &str, name: &str, kind: &str, price: i32| {
            let body = json!({"code": code, "name": name, "type": kind, "price": price, "unit": "шт"});
            id(&owner.post("/products", body).await.expect(201))
        };
        let shop = Self {
            customer: id(&customer),
            steel: product("STEEL", "Steel Sheet 2mm", "MATERIAL", 15_000).await,
            lock: product("LOCK", "Door Lock", "MATERIAL", 25_000).await,
            cabinet: product("CABINET", "Server Cabinet", "MANUFACTURED", 300_000).await,
            product: product("ERP-001", "ERP License", "PRODUCT", 400_000).await,
        };
        for (product, quantity, cost) in [
            (&shop.steel, steel, 15_000),
            (&shop.lock, locks, 25_000),
            (&shop.product, 100_000, 300_000),
        ] {
            if quantity > 0 {
                let receipt =
                    json!({"productId": product, "quantity": quantity, "unitCost": cost, "reference": "PO-001"});
                owner.post("/stock/receipts", receipt).await.expect(201);
            }
        }
        let bill = json!({
            "components": [
                {"materialId": shop.steel, "quantity": 5, "unit": "м²", "cost": 15_000},
                {"materialId": shop.lock, "quantity": 1, "unit": "шт", "cost": 25_000},
            ],
            "operations": [
                {"name": "Cutting", "duration": 120, "requiredSkills": ["metal-cutting"], "equipment": ["laser-cutter"]},
                {"name": "Welding", "duration": 180, "requiredSkills": ["welding"], "equipment": ["welding-machine"]},
            ],
        });
        owner
            .put(&format!("/production/bom/{}", shop.cabinet), bill)
            .await
            .expect(200);
        shop
    }

    /// 50 licences at 400000 less 10 %, tax 12 % (20160000), and so many cabinets.
    pub fn deal(&self, cabinets: i32) -> Value {
        json!({
            "title": "ERP System Implementation",
            "customerId": self.customer,
            "products": [
                {"productId": self.product, "quantity": 50, "unitPrice": 400_000, "discount": 10, "tax": 12},
                {"productId": self.cabinet, "quantity": cabinets, "unitPrice": 300_000, "discount": 0, "tax": 12},
            ],
        })
    }
}

/// What stands beside an open deal, each by the path below which it stands: something done about it, an offer, a pipeline, a
/// field of the workspace's own.
pub async fn beside(owner: &Client, deal: &str) -> [(&'static str, String); 4] {
    let made = async |path: String, body: Value| id(&owner.post(&path, body).await.expect(201));
    let call = json!({"type": "call", "subject": "a"});
    let field = json!({"key": "size", "label": "a"});
    let stages = json!({"name": "Опт", "stages": [{"name": "a", "stage": "LEAD"}]});
    [
        ("/activities", made(format!("/deals/{deal}/activities"), call).await),
        ("/quotes", made(format!("/deals/{deal}/quotes"), json!({})).await),
        ("/pipelines", made("/pipelines".to_owned(), stages).await),
        ("/custom-fields", made("/custom-fields".to_owned(), field).await),
    ]
}

/// Wins a deal as part of that trace, and waits for what follows.
pub async fn win(owner: &Client, traceparent: &str) -> String {
    let shop = Shop::open(owner, 1_000, 1_000).await;
    let deal = id(&owner.post("/deals", shop.deal(1)).await.expect(201));
    let headers = [("traceparent", traceparent)];
    let path = format!("/deals/{deal}/win");
    owner
        .send(Method::POST, &path, Some("{}".to_owned()), &headers)
        .await
        .expect(200);
    eventually("its production is planned", || async {
        owner.items("/production/orders?status=scheduled").await.pop()
    })
    .await;
    deal
}
