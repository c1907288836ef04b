//! Bodies of the routes about products, their categories and their stock.

use crate::{
    Client,
    shape::{self, Field, Shape, fields},
    story::{Shop, id},
};
use domain::catalog::{category, price_list, product, warehouse};
use reqwest::Method;
use serde_json::{Value, json};

fn shape(method: Method, route: &'static str, id: &str, good: &Value, fields: Vec<Field>) -> Shape {
    Shape {
        method,
        route,
        path: route.replace("{id}", id),
        good: good.clone(),
        fields,
    }
}

pub async fn shapes(owner: &Client, shop: &Shop) -> Vec<Shape> {
    let filed = json!({"name": "a", "sortOrder": 1});
    let category = id(&owner.post("/categories", filed.clone()).await.expect(201));
    let priced = json!({"name": "a", "priority": 1});
    let list = id(&owner.post("/price-lists", priced.clone()).await.expect(201));
    let product = json!({"code": "a", "name": "a", "type": "PRODUCT", "unit": "шт", "price": 1, "specifications": {"cpu": "i7"},
        "barcodes": ["a"], "units": [{"unit": "кор", "factor": 12}], "images": [{"url": "a", "isPrimary": true}],
        "suppliers": [{"supplierName": "a", "leadTime": 7, "minOrderQuantity": 5}], "translations": [{"language": "kk", "name": "a"}]});
    let post = |route: &'static str, good: Value, text: &str| shape(Method::POST, route, "", &good, fields(text));
    let of_category = shape::noun::<category::Details>;
    let stored = json!({"name": "a"});
    let place = id(&owner.post("/warehouses", stored.clone()).await.expect(201));
    let unmoved = id(&owner
        .post("/products", json!({"code": "unmoved", "name": "a"}))
        .await
        .expect(201));
    let of_lots = json!({"code": "of lots", "name": "a", "tracking": "lot"});
    let of_lots = id(&owner.post("/products", of_lots).await.expect(201));
    let lots = json!({"productId": of_lots, "quantity": 1, "lots": [{"number": "L-1", "quantity": 1}]});
    owner.post("/stock/receipts", lots).await.expect(201);
    let receipts = owner
        .items(&format!("/stock/movements?productId={}&type=IN", shop.product))
        .await;
    let receipt = json!({"productId": shop.product, "movementId": receipts[0]["id"]});
    let of_warehouse = shape::noun::<warehouse::Details>;
    let of_list = shape::noun::<price_list::Details>;
    // Only a BUNDLE has parts: tests/it/orders/bundles.rs, and a table in the domain.
    let of_product = |all: bool, within: &str| {
        let mut fields = shape::noun::<product::Details>(all, within);
        fields.retain(|field| !field.at.starts_with("parts"));
        fields
    };
    vec![
        shape(Method::POST, "/categories", "", &filed, of_category(true, "")),
        shape(
            Method::PUT,
            "/categories/{id}",
            &category,
            &filed,
            of_category(false, ""),
        ),
        shape(Method::POST, "/products", "", &product, of_product(true, "")),
        shape(
            Method::PUT,
            "/products/{id}",
            &shop.product,
            &product,
            of_product(false, ""),
        ),
        shape(Method::POST, "/price-lists", "", &priced, of_list(true, "")),
        shape(Method::PUT, "/price-lists/{id}", &list, &priced, of_list(false, "")),
        post(
            "/prices",
            json!({"priceListId": list, "productId": shop.product, "tiers": [{"minQuantity": 1, "price": 1}]}),
            "priceListId:uuid! productId:uuid! tiers:list! tiers[0]:item tiers[0].minQuantity:level tiers[0].price:amount!",
        ),
        post(
            "/products/batch",
            json!({"products": [{"code": "a", "name": "a"}]}),
            "products:list!",
        ),
        shape(Method::POST, "/warehouses", "", &stored, of_warehouse(true, "")),
        shape(
            Method::PUT,
            "/warehouses/{id}",
            &place,
            &stored,
            of_warehouse(false, ""),
        ),
        post(
            "/stock/transfers",
            json!({"productId": shop.product, "quantity": 1, "toWarehouseId": place}),
            "productId:uuid! quantity:quantity! toWarehouseId:uuid inTransit:flag reference:text100 reason:text200",
        ),
        post(
            "/stock/transfers/arrivals",
            json!({"productId": shop.product, "transferId": place}),
            "productId:uuid! transferId:uuid!",
        ),
        post(
            "/stock/receipts",
            json!({"productId": shop.steel, "quantity": 1}),
            "productId:uuid! quantity:quantity! unitCost:amount reference:text100 reason:text200",
        ),
        post(
            "/stock/issues",
            json!({"productId": shop.product, "quantity": 1}),
            "productId:uuid! quantity:quantity! reference:text100 reason:text200",
        ),
        post(
            "/stock/adjustments",
            json!({"productId": shop.product, "quantity": 1, "reason": "a"}),
            "productId:uuid! unitCost:amount reference:text100 reason:text200!",
        ),
        post(
            "/stock/landed-costs",
            json!({"receipts": [receipt], "amount": 1, "kind": "freight"}),
            "receipts:list! receipts[0]:item receipts[0].productId:uuid! receipts[0].movementId:uuid! amount:positive_amount! \
             currency:choice kind:choice! by:choice note:text200",
        ),
        post(
            "/stock/valuations",
            json!({"productId": unmoved, "valuation": "FIFO"}),
            "productId:uuid! valuation:choice!",
        ),
        shape(
            Method::PUT,
            "/stock/policy",
            "",
            &json!({"closedThrough": "2025-12-31"}),
            fields("valuation:choice"),
        ),
        post(
            "/stock/counts",
            json!({"productId": shop.product, "quantity": 1_000}),
            "productId:uuid! quantity:level! unitCost:amount reference:text100 reason:text200",
        ),
    ]
}
