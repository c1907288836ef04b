//! The tree of categories, and the products that are in it.

use super::gone;
use prometric_tests::{Client, Server, story::id};
use serde_json::{Value, json};

async fn category(owner: &Client, name: &str, parent: Option<&str>, order: i32) -> String {
    let body = json!({"name": name, "parentId": parent, "sortOrder": order});
    id(&owner.post("/categories", body).await.expect(201))
}

async fn product(owner: &Client, code: &str, category: &str) -> String {
    let body = json!({"code": code, "name": code, "categoryId": category});
    id(&owner.post("/products", body).await.expect(201))
}

async fn codes(owner: &Client, query: &str) -> Vec<String> {
    let items = owner.items(&format!("/products?sort=code&{query}")).await;
    let codes = items.iter().map(|item| item["code"].as_str().unwrap().to_owned());
    codes.collect()
}

fn names(branches: &Value) -> Vec<&str> {
    let branches = branches.as_array().unwrap().iter();
    branches.map(|branch| branch["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_list_of_products_takes_a_category_with_all_below_it() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let electronics = category(&owner, "Electronics", None, 1).await;
    let laptops = category(&owner, "Laptops", Some(&electronics), 2).await;
    let phones = category(&owner, "Phones", Some(&electronics), 1).await;
    let furniture = category(&owner, "Furniture", None, 0).await;
    product(&owner, "A", &electronics).await;
    product(&owner, "B", &laptops).await;
    product(&owner, "C", &furniture).await;
    for (query, found) in [
        (format!("categoryId={electronics}"), vec!["A", "B"]),
        (format!("categoryId={laptops}"), vec!["B"]),
        (format!("categoryId={phones}"), vec![]),
        (format!("categoryId={laptops},{furniture}"), vec!["B", "C"]),
        ("category=Laptops".to_owned(), vec!["B"]),
        ("category=Electronics".to_owned(), vec!["A"]),
    ] {
        assert_eq!(codes(&owner, &query).await, found, "{query}");
    }
    let wrong = owner.get("/products?categoryId=7").await;
    assert_eq!(wrong.status, 400, "{}", wrong.body);
    let tree = owner.get("/categories/tree").await.expect(200);
    assert_eq!(names(&tree), ["Furniture", "Electronics"]);
    assert_eq!(names(&tree[1]["children"]), ["Phones", "Laptops"]);
    assert_eq!(tree[1]["productCount"], json!(1));
    // Moved, everything below it moves along.
    let up = json!({"parentId": furniture});
    owner.put(&format!("/categories/{electronics}"), up).await.expect(200);
    let all = codes(&owner, &format!("categoryId={furniture}")).await;
    assert_eq!(all, ["A", "B", "C"]);
}

#[tokio::test]
async fn a_product_is_called_by_its_category_s_name() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let laptops = category(&owner, "Laptops", None, 0).await;
    let laptop = product(&owner, "B", &laptops).await;
    let shown = async || {
        let shown = owner.get(&format!("/products/{laptop}")).await.expect(200);
        (shown["category"].clone(), shown["categoryId"].clone())
    };
    assert_eq!(shown().await, (json!("Laptops"), json!(laptops)));
    let name = json!({"name": "Notebooks"});
    owner.put(&format!("/categories/{laptops}"), name).await.expect(200);
    assert_eq!(shown().await, (json!("Notebooks"), json!(laptops)));
    assert_eq!(codes(&owner, "category=Notebooks").await, ["B"]);
    assert_eq!(codes(&owner, "category=Laptops").await, Vec::<String>::new());
    // Archived, it is no place for products; those in it stay called so.
    let path = format!("/categories/{laptops}");
    gone(&owner, &path).await.expect(200);
    owner.get(&path).await.refused(404, "NOT_FOUND");
    let late = json!({"code": "D", "name": "d", "categoryId": laptops});
    owner.post("/products", late).await.refused(404, "NOT_FOUND");
    assert_eq!(shown().await.0, json!("Notebooks"));
    // A name alone takes it out of the tree.
    let plain = json!({"category": "Laptops"});
    owner.put(&format!("/products/{laptop}"), plain).await.expect(200);
    assert_eq!(shown().await, (json!("Laptops"), Value::Null));
}

#[tokio::test]
async fn no_category_is_below_itself_and_levels_have_an_end() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let top = category(&owner, "1", None, 0).await;
    let mut parent = top.clone();
    let mut second = None;
    for level in 2..=10 {
        parent = category(&owner, &level.to_string(), Some(&parent), 0).await;
        second.get_or_insert_with(|| parent.clone());
    }
    let body = json!({"name": "11", "parentId": parent});
    let refused = owner.post("/categories", body).await;
    assert_eq!(refused.body["error"]["details"]["reason"], json!("category.too_deep"));
    refused.refused(409, "CONFLICT");
    for below in [&top, &parent] {
        let circle = json!({"parentId": below});
        let refused = owner.put(&format!("/categories/{top}"), circle).await;
        assert_eq!(refused.body["error"]["details"]["reason"], json!("category.cyclic"));
        refused.refused(409, "CONFLICT");
    }
    // What hangs below it comes along: nine levels are one too many, eight are not.
    let elsewhere = json!({"parentId": category(&owner, "elsewhere", None, 0).await});
    let refused = owner.put(&format!("/categories/{top}"), elsewhere.clone()).await;
    assert_eq!(refused.body["error"]["details"]["reason"], json!("category.too_deep"));
    refused.refused(409, "CONFLICT");
    let second = format!("/categories/{}", second.unwrap());
    owner.put(&second, elsewhere).await.expect(200);
    assert_eq!(
        names(&owner.get("/categories/tree").await.expect(200)[0]["children"]),
        Vec::<&str>::new()
    );
}

#[tokio::test]
async fn two_moves_at_once_make_no_circle() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    for n in 0..8 {
        let one = category(&owner, &format!("a{n}"), None, 0).await;
        let other = category(&owner, &format!("b{n}"), None, 0).await;
        let below = async |own: &str, parent: &str| {
            let body = json!({"parentId": parent});
            owner.put(&format!("/categories/{own}"), body).await.status
        };
        let (first, second) = tokio::join!(below(&one, &other), below(&other, &one));
        let mut told = [first, second];
        told.sort_unstable();
        assert_eq!(told, [200, 409]);
    }
}
