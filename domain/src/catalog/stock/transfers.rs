//! Where goods lie, and how they are sent from one place to another: each outcome in order of precedence.

use super::*;
use crate::{Rule, testing::given};

fn warehouse(n: u128) -> Place {
    Some(WarehouseId::new(Uuid::from_u128(n)))
}

fn transfer(n: u128) -> TransferId {
    TransferId::new(Uuid::from_u128(n))
}

fn arrived_at(place: Place, quantity: i32) -> StockEvent {
    StockEvent::Received {
        product_id: ProductId::default(),
        lots: vec![],
        quantity: Quantity::whole(quantity),
        unit_cost: Some(Money::whole(100)),
        cost: None,
        reference: None,
        reason: None,
        warehouse_id: place,
        effective_date: None,
    }
}

fn sent(n: u128, from: Place, to: Place, quantity: i32) -> StockEvent {
    StockEvent::Sent {
        product_id: ProductId::default(),
        lots: vec![],
        transfer_id: transfer(n),
        from,
        to,
        quantity: Quantity::whole(quantity),
        reference: None,
        reason: None,
    }
}

fn arrived(n: u128, to: Place, quantity: i32) -> StockEvent {
    StockEvent::Arrived {
        product_id: ProductId::default(),
        lots: vec![],
        transfer_id: transfer(n),
        to,
        quantity: Quantity::whole(quantity),
    }
}

fn movement(from: Place, quantity: i32) -> Movement {
    Movement {
        quantity: Quantity::whole(quantity),
        reason: Some("a".into()),
        warehouse: from,
        ..Movement::default()
    }
}

fn send(from: Place, to: Place, quantity: i32, at_once: bool) -> StockCommand {
    let transfer = Transfer {
        id: transfer(1),
        to,
        at_once,
    };
    let movement = Movement {
        reason: None,
        ..movement(from, quantity)
    };
    StockCommand::Send(movement, transfer)
}

fn not_enough(available: i32) -> StockRejection {
    StockRejection::NotEnough {
        available: Quantity::whole(available),
    }
}

#[test]
fn send_goods() {
    let before = || [arrived_at(None, 3), arrived_at(warehouse(1), 7)];
    let when = |command| given::<Stock>(before()).when(command);
    let invalid = |field: &str, rule| StockRejection::from(Violations::one(field, rule));
    when(send(None, warehouse(1), 0, true)).then_rejected(invalid("quantity", Rule::NotPositive));
    when(send(None, None, 1, true)).then_rejected(invalid("toWarehouseId", Rule::NotAllowed));
    when(send(warehouse(1), warehouse(1), 1, true)).then_rejected(invalid("toWarehouseId", Rule::NotAllowed));
    when(send(None, warehouse(1), 4, true)).then_rejected(not_enough(3));
    when(send(warehouse(1), None, 8, true)).then_rejected(not_enough(7));
    when(send(warehouse(2), None, 1, true)).then_rejected(not_enough(0));
    when(send(None, warehouse(2), 3, false)).then([sent(1, None, warehouse(2), 3)]);
    when(send(warehouse(1), None, 7, true)).then([sent(1, warehouse(1), None, 7), arrived(1, None, 7)]);
    given::<Stock>(before().into_iter().chain([sent(1, None, warehouse(2), 1)]))
        .when(send(None, warehouse(2), 1, false))
        .then([]);
}

#[test]
fn goods_arrive() {
    let arrive = StockCommand::Arrive {
        product_id: ProductId::default(),
        transfer_id: transfer(1),
    };
    let way = [arrived_at(None, 3), sent(1, None, warehouse(1), 2)];
    given::<Stock>([])
        .when(arrive.clone())
        .then_rejected(StockRejection::NotUnderWay);
    given::<Stock>(way.clone())
        .when(arrive.clone())
        .then([arrived(1, warehouse(1), 2)]);
    given::<Stock>(way.into_iter().chain([arrived(1, warehouse(1), 2)]))
        .when(arrive)
        .then_rejected(StockRejection::NotUnderWay);
}

/// What is on the way is on hand and free, and lies nowhere: it can be promised, and not be taken.
#[test]
fn what_is_on_the_way() {
    let way = [arrived_at(None, 3), sent(1, None, warehouse(1), 2)];
    let stock = way.iter().fold(Stock::default(), |stock, event| stock.evolve(event));
    assert_eq!(
        (stock.on_hand(), stock.available()),
        (Quantity::whole(3), Quantity::whole(3))
    );
    assert_eq!(
        (stock.at(None), stock.at(warehouse(1)), stock.places.moving()),
        (Quantity::whole(1), Quantity::ZERO, Quantity::whole(2))
    );
    given::<Stock>(way)
        .when(StockCommand::Issue(movement(None, 2), None))
        .then_rejected(not_enough(1));
}

#[test]
fn goods_are_taken_and_counted_where_they_lie() {
    let before = || [arrived_at(None, 3), arrived_at(warehouse(1), 7)];
    let when = |command| given::<Stock>(before()).when(command);
    when(StockCommand::Issue(movement(warehouse(1), 8), None)).then_rejected(not_enough(7));
    when(StockCommand::Adjust(movement(None, -4), None)).then_rejected(not_enough(3));
    let moment = Moment {
        at: DateTime::UNIX_EPOCH,
        moved_since: Quantity::whole(2),
        ..Moment::default()
    };
    when(StockCommand::Count(movement(warehouse(1), 4), moment, None)).then([StockEvent::Counted {
        product_id: ProductId::default(),
        lots: vec![],
        counted: Quantity::whole(4),
        expected: Quantity::whole(5),
        difference: Quantity::whole(-1),
        at: DateTime::UNIX_EPOCH,
        unit_cost: Some(Money::whole(100)),
        cost: -Total::from(Money::whole(100)),
        reference: None,
        reason: Some("a".into()),
        warehouse_id: warehouse(1),
    }]);
}
