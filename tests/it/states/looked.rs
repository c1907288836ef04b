//! What a decision takes from elsewhere may be remembered and behind; a "no" never rests on that.

use super::context;
use commands::{Executor, production_order};
use domain::{
    Money, Quantity,
    id::{BomId, OrderId, ProductId, ProductionOrderId, WorkspaceId},
    production::{
        bom::{Below, Bill, Bom, BomCommand, Component},
        production_order::ProductionOrderRejection as Rejection,
    },
};
use prometric_tests::{Database, eventually};
use uuid::Uuid;

#[tokio::test]
async fn nothing_is_refused_for_a_bill_that_has_changed_since() {
    let database = Database::create().await;
    let log = database.log().await;
    // They hear of the same log and remember each for itself.
    let [writer, behind] = [(); 2].map(|()| Executor::new(log.clone()));
    let (workspace, product) = (WorkspaceId::new(Uuid::now_v7()), ProductId::new(Uuid::now_v7()));
    let define = async |product, quantity| {
        let component = Component {
            material_id: ProductId::new(Uuid::now_v7()),
            material_name: "steel".into(),
            quantity,
            unit: "kg".into(),
            cost: Money::ZERO,
        };
        let bill = Bill {
            components: vec![component],
            operations: vec![],
        };
        let define = BomCommand::Define {
            product_id: product,
            bill,
            below: Below::Sound,
        };
        writer
            .execute::<Bom>(BomId::of(product), &define, &context(workspace))
            .await
            .unwrap();
    };
    let refused = async || {
        let request = production_order::Request {
            order_id: OrderId::default(),
            order_number: "ORD-2026-0001".into(),
            line: 0,
            product_id: product,
            product_name: "Cabinet".into(),
            quantity: Quantity::whole(100),
        };
        let id = ProductionOrderId::new(Uuid::now_v7());
        let made = production_order::create(&behind, id, &request, &context(workspace)).await;
        made.err().map(|error| error.to_string())
    };
    define(ProductId::new(Uuid::now_v7()), Quantity::whole(1)).await;
    eventually("it hears of the log", || async { log.heard(workspace.into()) }).await;
    assert_eq!(refused().await, Some(Rejection::NoBill.to_string()));
    define(product, Quantity::whole(900_000_000)).await;
    let too_large = refused().await.unwrap();
    assert!(too_large.contains("cannot be exploded"), "{too_large}");
    define(product, Quantity::whole(1)).await;
    assert_eq!(refused().await, None);
}
