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
        lots: Named::default(),
        quantity,
        unit_cost: unit_cost.map(Money::whole),
        reference: reference.map(str::to_owned),
        reason: None,
        warehouse: None,
    }
}

fn received(quantity: Quantity, unit_cost: Option<i32>, reference: Option<&str>) -> StockEvent {
    StockEvent::Received {
        product_id: product(),
        lots: vec![],
        quantity,
        unit_cost: unit_cost.map(Money::whole),
        cost: Some(quantity.worth(unit_cost.map(Money::whole).unwrap_or_default())),
        reference: reference.map(str::to_owned),
        reason: None,
        warehouse_id: None,
        effective_date: None,
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
        least: None,
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
