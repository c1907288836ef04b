//! Products as documents 1 and 2 describe them: requests as printed are accepted, every field of the printed answers is
//! there with its type, in the reader's language; many at once, each for itself; archived, and not gone.

mod batch;
mod bucket;
mod categories;
mod images;
mod prices;

use prometric_tests::{Answer, Client, Server, story::id};
use reqwest::Method;
use serde_json::{Value, json};

/// Document 2's product as it is listed, its inventory aside.
fn laptop() -> Value {
    json!({
        "code": "PRD-001", "name": "Laptop Dell XPS 15", "type": "PRODUCT", "category": "Electronics",
        "description": "High-performance laptop", "unit": "шт", "status": "ACTIVE", "price": 650_000, "cost": 500_000,
        "currency": "KZT", "vatRate": 12, "vatIncluded": true, "barcode": "1234567890123", "minStock": 5, "maxStock": 50,
        "images": [{"url": "https://storage.prometric.kz/products/xps15-1.jpg", "isPrimary": true}],
        "specifications": {"processor": "Intel Core i7", "ram": "16GB", "storage": "512GB SSD"},
    })
}

async fn create(owner: &Client, body: Value) -> String {
    id(&owner.post("/products", body).await.expect(201))
}

async fn gone(owner: &Client, path: &str) -> Answer {
    owner.send(Method::DELETE, path, None, &[]).await
}

/// In a language.
async fn read(client: &Client, path: &str, language: &str) -> Value {
    let headers = [("accept-language", language)];
    client.send(Method::GET, path, None, &headers).await.expect(200)
}

/// That each field of the printed answer is there, of the same type.
#[track_caller]
fn has_all_of(found: &Value, printed: &Value) {
    match (found, printed) {
        (Value::Object(found), Value::Object(printed)) => {
            for (name, value) in printed {
                let field = found
                    .get(name)
                    .unwrap_or_else(|| panic!("{name} is missing in {found:?}"));
                has_all_of(field, value);
            }
        }
        (Value::Array(found), Value::Array(printed)) => {
            for item in found {
                has_all_of(item, &printed[0]);
            }
            assert!(!found.is_empty(), "nothing like {printed:?}");
        }
        _ => assert_eq!(
            std::mem::discriminant(found),
            std::mem::discriminant(printed),
            "{found} is not of the kind of {printed}"
        ),
    }
}

#[tokio::test]
async fn document_2_s_product_is_taken_and_shown_as_it_is_printed() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let mouse = json!({
        "code": "PRD-002", "name": "Wireless Mouse Logitech", "type": "PRODUCT", "category": "Accessories",
        "description": "Ergonomic wireless mouse", "unit": "шт", "price": 15_000, "cost": 10_000, "vatRate": 12,
        "vatIncluded": true, "barcode": "9876543210987", "minStock": 10, "maxStock": 100,
        "specifications": {"connectivity": "Bluetooth 5.0", "battery": "AA x2", "range": "10m"},
    });
    let made = owner.post("/products", mouse).await.expect(201);
    let printed = json!({"id": "uuid", "code": "PRD-002", "name": "Wireless Mouse Logitech", "status": "ACTIVE"});
    has_all_of(&made, &printed);
    let laptop_id = create(&owner, laptop()).await;
    let receipt = json!({"productId": laptop_id, "quantity": 15, "unitCost": 500_000, "reference": "PO-001"});
    owner.post("/stock/receipts", receipt).await.expect(201);
    let listed = owner
        .items("/products?search=xps&category=Electronics&minPrice=600000")
        .await;
    let [listed] = &listed[..] else { panic!("{listed:?}") };
    let mut printed = laptop();
    printed["inventory"] = json!({"inStock": 15, "reserved": 3, "available": 12, "minStock": 5, "maxStock": 50});
    for name in ["id", "createdAt", "updatedAt"] {
        printed[name] = json!("text");
    }
    has_all_of(listed, &printed);
    assert_eq!(listed["inventory"]["available"], json!(15));
    let change = json!({
        "price": 700_000, "status": "ACTIVE", "minStock": 8,
        "specifications": {"processor": "Intel Core i9", "ram": "32GB", "storage": "1TB SSD"},
        "suppliers": [{
            "supplierId": "0190c2a5-0000-7000-8000-000000000000", "supplierName": "Tech Supplies KZ", "leadTime": 7, "minOrderQuantity": 5,
        }],
    });
    let changed = owner.put(&format!("/products/{laptop_id}"), change).await.expect(200);
    has_all_of(
        &changed,
        &json!({"id": "uuid", "message": "Product updated successfully"}),
    );
    let details = owner.get(&format!("/products/{laptop_id}")).await.expect(200);
    let printed = json!({
        "id": "uuid", "code": "PRD-001", "name": "Laptop Dell XPS 15", "type": "PRODUCT", "fullDetails": true, "bom": [],
        "suppliers": [{"supplierId": "uuid", "supplierName": "Tech Supplies KZ", "leadTime": 7, "minOrderQuantity": 5}],
        "priceHistory": [{"date": "2025-01-01", "price": 650_000, "cost": 500_000}],
        "stockMovements": [{"date": "2025-01-15", "type": "IN", "quantity": 10, "reference": "PO-001"}],
    });
    let bom = details["bom"].as_array().map(Vec::len);
    assert_eq!(bom, Some(0));
    let mut told = details.clone();
    told["bom"] = json!([1]); // it has none: that it is a list was seen
    has_all_of(&told, &{
        let mut printed = printed;
        printed["bom"] = json!([1]);
        printed
    });
    let prices: Vec<&Value> = details["priceHistory"]
        .as_array()
        .unwrap()
        .iter()
        .map(|point| &point["price"])
        .collect();
    assert_eq!(prices, [&json!(650_000), &json!(700_000)]);
}

#[tokio::test]
async fn a_product_is_read_in_the_reader_s_language() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let mut body = laptop();
    body["translations"] = json!([{
        "language": "kk", "name": "Ноутбук Dell XPS 15 (қаз)", "description": "Жоғары өнімді ноутбук", "category": "Электроника",
    }]);
    let product = create(&owner, body).await;
    let path = format!("/products/{product}");
    let texts = |shown: &Value| ["name", "description", "category"].map(|name| shown[name].clone());
    let own = [
        json!("Laptop Dell XPS 15"),
        json!("High-performance laptop"),
        json!("Electronics"),
    ];
    let kazakh = [
        json!("Ноутбук Dell XPS 15 (қаз)"),
        json!("Жоғары өнімді ноутбук"),
        json!("Электроника"),
    ];
    assert_eq!(texts(&read(&owner, &path, "kk-KZ").await), kazakh);
    assert_eq!(texts(&read(&owner, "/products", "kk-KZ").await["items"][0]), kazakh);
    for language in ["ru-RU", "en-US"] {
        assert_eq!(texts(&read(&owner, &path, language).await), own, "{language}");
    }
    let found = owner.items("/products?search=қаз").await;
    assert_eq!(found.len(), 1, "it is found by the name it has in another language");
}

#[tokio::test]
async fn an_archived_product_is_seen_no_more_and_its_codes_are_free() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let mut body = laptop();
    body["barcodes"] = json!(["1", "2"]);
    let product = create(&owner, body.clone()).await;
    for taken in ["1", "1234567890123"] {
        let other = json!({"code": "other", "name": "a", "barcodes": [taken]});
        let refused = owner.post("/products", other).await;
        refused.refused(409, "ALREADY_EXISTS");
    }
    let path = format!("/products/{product}");
    gone(&owner, &path).await.expect(200);
    owner.get(&path).await.refused(404, "NOT_FOUND");
    gone(&owner, &path).await.refused(404, "NOT_FOUND");
    assert_eq!(owner.items("/products").await, Vec::<Value>::new());
    let receipt = json!({"productId": product, "quantity": 1});
    owner.post("/stock/receipts", receipt).await.refused(404, "NOT_FOUND");
    create(&owner, body).await;
    let trail = owner.get(&format!("/audit/products/{product}")).await.expect(200);
    let types: Vec<&Value> = trail["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["type"])
        .collect();
    assert_eq!(types.last(), Some(&&json!("product.archived")), "{trail}");
}
