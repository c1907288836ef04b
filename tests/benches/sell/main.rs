//! `./dev bench sell`: whether a popular product is a hot spot. So many clients place orders by hand, confirm and send them: first each a product of
//! its own, then all of them the same one, in turn. A product's stock is one stream that every such order reserves from and
//! takes out of (decisions 6 and 20), so what is lost in between is what that stream costs. At the end what is
//! left in stock is what was there less what was sold, to the piece, and nothing is reserved.

use futures::future::join_all;
use prometric_tests::{
    Client, Server, eventually, rounds,
    story::{Shop, id},
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const CLIENTS: usize = 32;
const ROUNDS: usize = 3;
/// How long is sold at a time.
const TIME: Duration = Duration::from_secs(8);
/// Of each product, so that it never runs out.
const IN_STOCK: i64 = 1_000_000;
/// What is asked for.
const GOAL: f64 = 0.8;

#[tokio::main]
async fn main() {
    let rounds = rounds(ROUNDS);
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let customer = Shop::open(&owner, 0, 0).await.customer;
    let products = join_all((0..CLIENTS).map(|n| product(&owner, n))).await;
    let mut sold = vec![0; CLIENTS];
    let (mut apart, mut together) = (vec![], vec![]);
    sell(&owner, &customer, &products, &mut sold).await; // warm
    for round in 0..rounds {
        apart.push(sell(&owner, &customer, &products, &mut sold).await);
        let popular = vec![products[0].clone(); CLIENTS];
        let mut of_popular = vec![0; CLIENTS];
        together.push(sell(&owner, &customer, &popular, &mut of_popular).await);
        sold[0] += of_popular.iter().sum::<i64>();
        println!(
            "round {round}: {CLIENTS} products {:.0} sales/s, one product {:.0} sales/s",
            apart[round], together[round]
        );
    }
    for (product, sold) in products.iter().zip(&sold) {
        let left = json!([IN_STOCK - sold, 0]);
        eventually("what is left is what was there less what was sold", || async {
            (stock(&owner, product).await == left).then_some(())
        })
        .await;
    }
    let ratios = together.iter().zip(&apart).map(|(one, many)| one / many).collect();
    println!("ratio {:.2} (goal: at least {GOAL})", median(ratios));
}

async fn product(owner: &Client, n: usize) -> String {
    let body = json!({"code": format!("SELL-{n}"), "name": "Товар", "type": "PRODUCT", "price": 100, "unit": "шт"});
    let product = id(&owner.post("/products", body).await.expect(201));
    let receipt = json!({"productId": product, "quantity": IN_STOCK, "unitCost": 50});
    owner.post("/stock/receipts", receipt).await.expect(201);
    product
}

/// In stock, and promised.
async fn stock(owner: &Client, product: &str) -> Value {
    let product = owner.get(&format!("/products/{product}")).await.expect(200);
    json!([product["inventory"]["inStock"], product["inventory"]["reserved"]])
}

/// Sells for a while, each client its product; sales a second. Adds what each sold.
async fn sell(owner: &Client, customer: &str, products: &[String], sold: &mut [i64]) -> f64 {
    let began = Instant::now();
    let selling = products.iter().map(|product| async {
        let mut sold = 0;
        while began.elapsed() < TIME {
            sale(owner, customer, product).await;
            sold += 1;
        }
        sold
    });
    let counts = join_all(selling).await;
    let seconds = began.elapsed().as_secs_f64();
    for (sold, count) in sold.iter_mut().zip(&counts) {
        *sold += count;
    }
    counts.iter().sum::<i64>() as f64 / seconds
}

/// One piece: ordered, confirmed, sent; who is told that too much changes at once asks again.
async fn sale(owner: &Client, customer: &str, product: &str) {
    let order = json!({
        "type": "SALES",
        "customerId": customer,
        "items": [{"productId": product, "quantity": 1, "unitPrice": 100}],
    });
    let order = format!("/orders/{}", id(&owner.post("/orders", order).await.expect(201)));
    let confirmed = json!({"status": "confirmed"});
    owner.post(&format!("{order}/status"), confirmed).await.expect(200);
    loop {
        let answer = owner.post(&format!("{order}/ship"), json!({})).await;
        if answer.status != 503 {
            answer.expect(200);
            return;
        }
    }
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}
