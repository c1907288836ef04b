//! Every outcome of every command of a stock, in order of precedence.

use super::*;
use crate::{
    Rule,
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

fn receive(quantity: Quantity, unit_cost: Option<i32>, reference: Option<&str>) -> StockCommand {
    StockCommand::Receive {
        product_id: product(),
        quantity,
        unit_cost: unit_cost.map(Money::whole),
        reference: reference.map(str::to_owned),
    }
}

fn received(quantity: Quantity, unit_cost: Option<i32>, reference: Option<&str>) -> StockEvent {
    StockEvent::Received {
        product_id: product(),
        quantity,
        unit_cost: unit_cost.map(Money::whole),
        reference: reference.map(str::to_owned),
    }
}

fn arrived(quantity: i32) -> StockEvent {
    received(Quantity::whole(quantity), None, None)
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

fn invalid(field: &str, rule: Rule) -> StockRejection {
    Violations::one(field, rule).into()
}

#[test]
fn what_is_refused() {
    let most = Quantity::from_units(999_999_999_999).unwrap();
    let when = |command| given::<Stock>([arrived(1)]).when(command);
    when(receive(Quantity::ZERO, None, None)).then_rejected(invalid("quantity", Rule::NotPositive));
    when(receive(most, Some(-1), None)).then_rejected(invalid("unitCost", Rule::Negative));
    when(receive(most, None, Some(&"я".repeat(101)))).then_rejected(invalid("reference", Rule::TooLong { max: 100 }));
    when(receive(most, None, None)).then_rejected(StockRejection::TooMuch);
    when(reserve(1, 0)).then_rejected(invalid("quantity", Rule::NotPositive));
    given::<Stock>([])
        .when(receive(most, Some(0), Some("ПН-1")))
        .then([received(most, Some(0), Some("ПН-1"))]);
}

#[test]
fn what_is_held_is_not_free_for_others() {
    given::<Stock>([arrived(5)]).when(reserve(1, 5)).then([reserved(1, 5)]);
    given::<Stock>([arrived(5)]).when(reserve(1, 4)).then([reserved(1, 4)]);
    given::<Stock>([arrived(5), reserved(1, 4)])
        .when(reserve(2, 4))
        .then([reserved(2, 1), short(2, 3)]);
    given::<Stock>([arrived(5), reserved(1, 5)])
        .when(reserve(2, 4))
        .then([short(2, 4)]);
    given::<Stock>([short(1, 4)]).when(reserve(1, 9)).then([]);
}

/// Who waits is served in the order they came, each once, and what is left lies free.
#[test]
fn the_line() {
    let waiting = [arrived(1), reserved(1, 1), short(1, 4), short(2, 3)];
    given::<Stock>(waiting.clone())
        .when(receive(Quantity::whole(3), None, None))
        .then([arrived(3), reserved(1, 3)]);
    given::<Stock>(waiting.clone())
        .when(receive(Quantity::whole(4), None, None))
        .then([arrived(4), reserved(1, 4)]);
    let part = waiting.iter().cloned().chain([arrived(3), reserved(1, 3)]);
    given::<Stock>(part)
        .when(receive(Quantity::whole(9), None, None))
        .then([arrived(9), reserved(1, 1), reserved(2, 3)]);
    let served = [arrived(9), reserved(1, 4), reserved(2, 3)];
    let all = waiting.into_iter().chain(served);
    given::<Stock>(all.clone())
        .when(receive(Quantity::whole(1), None, None))
        .then([arrived(1)]);
    let stock = all.fold(Stock::default(), |stock, event| stock.evolve(&event));
    assert_eq!(stock.available(), Quantity::whole(2));
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
    when(ship(7, 1, 5, 0)).then_rejected(invalid("quantity", Rule::NotPositive));
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
        (left.on_hand, left.reserved, left.available(), left.held(demand(1).id)),
        (
            Quantity::whole(7),
            Quantity::whole(3),
            Quantity::whole(4),
            Quantity::whole(3)
        )
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
        .when(receive(Quantity::whole(4), None, None))
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
