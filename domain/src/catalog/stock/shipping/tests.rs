//! What leaves for a customer and what is released, a row per outcome, in order of precedence.

use super::*;
use crate::{
    Money, Rule, Violations,
    catalog::stock::StockCommand,
    id::{TransferId, WarehouseId},
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
        lots: Named::default(),
        quantity: Quantity::whole(quantity),
        unit_cost: None,
        reference: None,
        reason: None,
        warehouse: None,
    }
}

fn warehouse(n: u128) -> Place {
    Some(WarehouseId::new(Uuid::from_u128(n)))
}

fn arrived_at(place: Place, quantity: i32, unit_cost: Option<i32>) -> StockEvent {
    StockEvent::Received {
        product_id: product(),
        lots: vec![],
        quantity: Quantity::whole(quantity),
        unit_cost: unit_cost.map(Money::whole),
        cost: Some(Quantity::whole(quantity).worth(unit_cost.map(Money::whole).unwrap_or_default())),
        reference: None,
        reason: None,
        warehouse_id: place,
        effective_date: None,
    }
}

fn arrived(quantity: i32) -> StockEvent {
    arrived_at(None, quantity, None)
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

fn outgoing(id: u128, n: u128, demanded: i32, quantity: i32) -> Outgoing {
    Outgoing {
        id: Uuid::from_u128(id),
        product_id: product(),
        demand: demand(n),
        demanded: Quantity::whole(demanded),
        quantity: Quantity::whole(quantity),
        from: vec![],
        lots: Named::default(),
        least: None,
    }
}

fn ship(id: u128, n: u128, demanded: i32, quantity: i32) -> StockCommand {
    StockCommand::Ship(Box::new(outgoing(id, n, demanded, quantity)))
}

/// Of all that is held for the first.
fn ship_from(from: impl IntoIterator<Item = WarehouseId>, quantity: i32) -> StockCommand {
    StockCommand::Ship(Box::new(Outgoing {
        from: from.into_iter().collect(),
        ..outgoing(7, 1, 10, quantity)
    }))
}

fn shipped_from(place: Place, id: u128, n: u128, (quantity, unit_cost): (i32, i32)) -> StockEvent {
    StockEvent::Shipped {
        id: Uuid::from_u128(id),
        product_id: product(),
        lots: vec![],
        demand: demand(n),
        quantity: Quantity::whole(quantity),
        unit_cost: Some(Money::whole(unit_cost)),
        cost: Quantity::whole(quantity).worth(Money::whole(unit_cost)),
        warehouse_id: place,
    }
}

fn shipped(id: u128, n: u128, quantity: i32) -> StockEvent {
    shipped_from(None, id, n, (quantity, 0))
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

fn exchange(ends: &[u128], begins: &[(u128, i32)]) -> StockCommand {
    StockCommand::Exchange(Box::new(Exchange {
        product_id: product(),
        ends: ends.iter().copied().map(demand).collect(),
        begins: begins
            .iter()
            .map(|(n, quantity)| (demand(*n), Quantity::whole(*quantity)))
            .collect(),
        least: None,
    }))
}

/// What was held for the old is held for the new, before others that wait; they get the rest.
#[test]
fn what_is_exchanged() {
    let when = |before: &[StockEvent], command| given::<Stock>(before.to_vec()).when(command);
    let held = [arrived(9), reserved(1, 5)];
    when(&held, exchange(&[1], &[(2, 0)])).then_rejected(Violations::one("quantity", Rule::NotPositive).into());
    when(&held, exchange(&[1], &[(2, 7)])).then([released(1, 5), reserved(2, 7)]);
    when(&held, exchange(&[1], &[(2, 10)])).then([released(1, 5), reserved(2, 9), short(2, 1)]);
    when(&held, exchange(&[3], &[])).then([released(3, 0)]);
    when(&held, exchange(&[], &[(1, 9)])).then([]);
    let waited = [arrived(5), reserved(1, 5), short(4, 3)];
    when(&waited, exchange(&[1], &[(2, 4)])).then([released(1, 5), reserved(2, 4), reserved(4, 1)]);
    when(&waited, exchange(&[1], &[(2, 6)])).then([released(1, 5), reserved(2, 5), short(2, 1)]);
    when(&waited, exchange(&[4], &[(2, 1)])).then([released(4, 0), short(2, 1)]);
    let gone = [arrived(5), reserved(1, 5), released(1, 5), reserved(2, 5)];
    when(&gone, exchange(&[1], &[(2, 5)])).then([]);
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

/// From the place that is named, or from wherever it lies; what is on its way between two can be held, and not be sent.
#[test]
fn where_it_leaves_from() {
    let held = [
        arrived_at(None, 2, Some(100)),
        arrived_at(warehouse(1), 3, Some(100)),
        arrived_at(warehouse(2), 5, Some(100)),
        reserved(1, 10),
    ];
    let when = |command| given::<Stock>(held.clone()).when(command);
    when(ship_from(warehouse(2), 6)).then_rejected(missing(1));
    when(ship_from(warehouse(9), 1)).then_rejected(missing(1));
    when(ship_from(warehouse(2), 5)).then([shipped_from(warehouse(2), 7, 1, (5, 100))]);
    // From several one after the other, as they are named.
    let both = || warehouse(2).into_iter().chain(warehouse(1));
    when(ship_from(both(), 9)).then_rejected(missing(1));
    when(ship_from(both(), 6)).then([
        shipped_from(warehouse(2), 7, 1, (5, 100)),
        shipped_from(warehouse(1), 7, 1, (1, 100)),
    ]);
    when(ship_from(None, 2)).then([shipped_from(None, 7, 1, (2, 100))]);
    when(ship_from(None, 6)).then([
        shipped_from(None, 7, 1, (2, 100)),
        shipped_from(warehouse(1), 7, 1, (3, 100)),
        shipped_from(warehouse(2), 7, 1, (1, 100)),
    ]);
    let sent = StockEvent::Sent {
        product_id: product(),
        lots: vec![],
        transfer_id: TransferId::new(Uuid::from_u128(1)),
        from: warehouse(1),
        to: None,
        quantity: Quantity::whole(3),
        reference: None,
        reason: None,
    };
    let way = || given::<Stock>(held.iter().cloned().chain([sent.clone()]));
    way().when(ship_from(None, 8)).then_rejected(missing(1));
    way().when(ship_from(warehouse(1), 1)).then_rejected(missing(1));
}

/// What leaves takes its share of the value along.
#[test]
fn what_leaves_costs_the_average() {
    let held = [
        arrived_at(None, 10, Some(100)),
        arrived_at(None, 10, Some(200)),
        reserved(1, 10),
    ];
    let leaves = shipped_from(None, 7, 1, (10, 150));
    given::<Stock>(held.clone())
        .when(ship(7, 1, 10, 10))
        .then([leaves.clone()]);
    let left = held.iter().chain([&leaves]).fold(Stock::default(), Stock::evolve);
    assert_eq!(
        (left.on_hand(), left.holding.average()),
        (Quantity::whole(10), Some(Money::whole(150)))
    );
}

/// Whoever ships what nobody has held takes it from what is there for others.
#[test]
fn little_is_left_after_a_shipment() {
    let least = Least {
        min: Quantity::whole(5),
        code: "A".into(),
        name: "a".into(),
        unit: "шт".into(),
    };
    let low = StockEvent::Low {
        product_id: product(),
        product_code: "A".into(),
        product_name: "a".into(),
        unit: "шт".into(),
        available: Quantity::whole(4),
        min: Quantity::whole(5),
    };
    let ship = |n, quantity| {
        StockCommand::Ship(Box::new(Outgoing {
            least: Some(least.clone()),
            ..outgoing(7, n, quantity, quantity)
        }))
    };
    let when = |command| given::<Stock>([arrived(9), reserved(1, 3)]).when(command);
    when(ship(1, 3)).then([shipped(7, 1, 3)]);
    when(ship(2, 1)).then([reserved(2, 1), shipped(7, 2, 1)]);
    when(ship(2, 2)).then([reserved(2, 2), low, shipped(7, 2, 2)]);
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
