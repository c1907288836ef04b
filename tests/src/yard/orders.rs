//! The bodies of what is written of orders. The order that is changed is a draft, so that all of it may be.

use crate::{
    shape::{Shape, fields},
    story::Shop,
};
use reqwest::Method;
use serde_json::json;

const ORDER: &str = "type:choice dealId:uuid currency:choice assignedTo:uuid shippingAddress:object shippingAddress.addressLine1:text300! \
    shippingAddress.city:text100 shippingAddress.postalCode:text20 shippingAddress.country:text100 paymentTerms:text50 notes:text5000 status:choice \
    items:list items[0]:item items[0].productId:uuid! items[0].quantity:quantity! items[0].unitPrice:amount items[0].vatIncluded:flag \
    items[0].discount:percent items[0].tax:percent";

pub fn shapes(shop: &Shop, draft: &str) -> Vec<Shape> {
    let order = json!({
        "type": "SALES", "customerId": shop.customer,
        "items": [{"productId": shop.product, "quantity": 1, "unitPrice": 10, "discount": 0, "tax": 12}],
        "shippingAddress": {"addressLine1": "a", "city": "a", "postalCode": "1", "country": "KZ"},
        "paymentTerms": "NET_30", "notes": "a",
    });
    let parcel = json!({"items": [{"productId": shop.product, "quantity": 1}]});
    let shape = |method: Method, route: &'static str, good: &serde_json::Value, text: String| Shape {
        method,
        route,
        path: route.replace("{id}", draft),
        good: good.clone(),
        fields: fields(&text),
    };
    vec![
        shape(Method::POST, "/orders", &order, format!("customerId:uuid! {ORDER}")),
        shape(Method::PUT, "/orders/{id}", &order, format!("customerId:uuid {ORDER}")),
        shape(
            Method::POST,
            "/orders/{id}/status",
            &json!({"status": "draft"}),
            "status:choice! note:text5000".to_owned(),
        ),
        shape(
            Method::POST,
            "/orders/{id}/ship",
            &parcel,
            "trackingNumber:text100 carrier:text100 warehouseId:uuid items:list items[0]:item items[0].productId:uuid! items[0].quantity:quantity!"
                .to_owned(),
        ),
        shape(
            Method::POST,
            "/orders/{id}/returns",
            &parcel,
            "reason:text5000 warehouseId:uuid items:list! items[0]:item items[0].productId:uuid! items[0].quantity:quantity! items[0].condition:choice"
                .to_owned(),
        ),
        shape(
            Method::POST,
            "/orders/{id}/change",
            &json!({"items": [{"productId": shop.product, "quantity": 1, "unitPrice": 10, "discount": 0, "tax": 12}], "reason": "a", "dryRun": true}),
            "reason:text5000 dryRun:flag items:list! items[0]:item items[0].productId:uuid! items[0].quantity:quantity! items[0].unitPrice:amount \
             items[0].vatIncluded:flag items[0].discount:percent items[0].tax:percent"
                .to_owned(),
        ),
        shape(
            Method::POST,
            "/orders/{id}/cancel",
            &json!({"reason": "a"}),
            "reason:text5000 refundAmount:amount".to_owned(),
        ),
    ]
}
