//! What leaves for a customer and what is released, a row per outcome, in order of precedence.

use super::*;
use crate::{
    Rule, Violations,
    testing::{given, sample},
};

fn product() -> ProductId {
    ProductId::new(Uuid::from_u128(9))
}

fn demand(n: u128) -> Demand {
    match sample("stock.reserved.v1") {
        StockEvent::Reserved { demand, .. } => Demand {
            id: Uuid::from_u128(n),
            ..demand
        },
        other => panic!("{other:?}"),
    }
}

fn receive(quantity: i32) -> StockCommand {
    StockCommand::Receive {
        product_id: product(),
        quantity: Quantity::whole(quantity),
        unit_cost: None,
        reference: None,
    }
}

fn arrived(quantity: i32) -> StockEvent {
    StockEvent::Received {
        product_id: product(),
        quantity: Quantity::whole(quantity),
        unit_cost: None,
        reference: None,
    }
}

fn reserve(n: u128, quantity: i32) -> StockCommand {
    StockCommand::Reserve {
        product_id: product(),
        demand: demand(n),
        quantity: Quantity::whole(quantity),
    }
}

fn reserved(n: u128, quantity: i32) -> StockEvent {
    StockEvent::Reserved {
        product_id: product(),
        demand: demand(n),
        quantity: Quantity::whole(quantity),
    }
}

fn short(n: u128, missing: i32) -> StockEvent {
    StockEvent::Short {
        product_id: product(),
        demand: demand(n),
        missing: Quantity::whole(missing),
    }
}

fn ship(id: u128, n: u128, demanded: i32, quantity: i32) -> StockCommand {
    StockCommand::Ship(Box::new(Issue {
        id: Uuid::from_u128(id),
        product_id: product(),
        demand: demand(n),
        demanded: Quantity::whole(demanded),
        quantity: Quantity::whole(quantity),
    }))
}

fn shipped(id: u128, n: u128, quantity: i32) -> StockEvent {
    StockEvent::Shipped {
        id: Uuid::from_u128(id),
        product_id: product(),
        demand: demand(n),
        quantity: Quantity::whole(quantity),
    }
}

fn release(n: u128) -> StockCommand {
    StockCommand::Release {
        product_id: product(),
        demand: demand(n),
    }
}

fn released(n: u128, quantity: i32) -> StockEvent {
    StockEvent::Released {
        product_id: product(),
        demand: demand(n),
        quantity: Quantity::whole(quantity),
    }
}

fn missing(quantity: i32) -> StockRejection {
    StockRejection::Unavailable {
        missing: Quantity::whole(quantity),
    }
}

/// Only what is held for the demand leaves, each shipment once; what nobody has asked for yet is held first.
#[test]
fn what_leaves() {
    let held = [arrived(9), reserved(1, 5)];
    let when = |command| given::<Stock>(held.clone()).when(command);
    when(ship(7, 1, 5, 0)).then_rejected(Violations::one("quantity", Rule::NotPositive).into());
    when(ship(7, 1, 5, 6)).then_rejected(missing(1));
    when(ship(7, 1, 5, 5)).then([shipped(7, 1, 5)]);
    when(ship(7, 2, 4, 3)).then([reserved(2, 4), shipped(7, 2, 3)]);
    when(ship(7, 2, 6, 4)).then([reserved(2, 4), short(2, 2), shipped(7, 2, 4)]);
    when(ship(7, 2, 6, 5)).then_rejected(missing(1));
    given::<Stock>([]).when(ship(7, 1, 5, 5)).then_rejected(missing(5));
    let part = || held.iter().cloned().chain([shipped(7, 1, 2)]);
    given::<Stock>(part()).when(ship(7, 1, 5, 2)).then([]);
    given::<Stock>(part()).when(ship(8, 1, 5, 4)).then_rejected(missing(1));
    given::<Stock>(part()).when(ship(8, 1, 5, 3)).then([shipped(8, 1, 3)]);
    let left = part().fold(Stock::default(), |stock, event| stock.evolve(&event));
    assert_eq!(
        (left.available(), left.held(demand(1).id)),
        (Quantity::whole(4), Quantity::whole(3))
    );
}

/// What becomes free goes to who waits; a demand that is no more is not made again, nor one that never was.
#[test]
fn what_is_released() {
    let held = [arrived(5), reserved(1, 5), short(2, 3), short(3, 4)];
    let when = |command| given::<Stock>(held.clone()).when(command);
    when(release(1)).then([released(1, 5), reserved(2, 3), reserved(3, 2)]);
    when(release(2)).then([released(2, 0)]);
    when(release(9)).then([released(9, 0)]);
    let gone = || held.iter().cloned().chain([released(2, 0), released(9, 0)]);
    given::<Stock>(gone()).when(release(2)).then([]);
    given::<Stock>(gone()).when(release(9)).then([]);
    given::<Stock>(gone()).when(reserve(9, 1)).then([]);
    given::<Stock>(gone())
        .when(receive(4))
        .then([arrived(4), reserved(3, 4)]);
    given::<Stock>([arrived(5), reserved(1, 5), shipped(7, 1, 5)])
        .when(release(1))
        .then([]);
}

/// Sagas and shipments mean the same demand.
#[test]
fn a_line_s_demand_is_always_the_same() {
    let order = OrderId::new(Uuid::from_u128(100));
    let made = Demand::of_line(order, &"ORD-2026-0001".into(), 1, product());
    assert_eq!(made.id, derive(order, &format!("reserve {} for line 1", product())));
    assert_eq!((made.line, made.reference.as_str()), (1, "ORD-2026-0001"));
}
