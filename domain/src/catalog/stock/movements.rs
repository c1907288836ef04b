//! Issues, adjustments and counts, each outcome in order of precedence; what they cost, and when little is left.

use super::*;
use crate::{
    Rule,
    testing::{given, sample},
};

const SINCE: &str = "2026-11-20T10:00:00Z";

fn arrived(quantity: i32, unit_cost: i32) -> StockEvent {
    StockEvent::Received {
        product_id: ProductId::default(),
        lots: vec![],
        quantity: Quantity::whole(quantity),
        unit_cost: Some(Money::whole(unit_cost)),
        cost: None,
        reference: None,
        reason: None,
        warehouse_id: None,
        effective_date: None,
    }
}

fn demand() -> Demand {
    match sample("stock.reserved.v1") {
        StockEvent::Reserved { demand, .. } => demand,
        other => panic!("{other:?}"),
    }
}

fn reserved(quantity: i32) -> StockEvent {
    StockEvent::Reserved {
        product_id: ProductId::default(),
        demand: demand(),
        quantity: Quantity::whole(quantity),
    }
}

fn movement(quantity: i32) -> Movement {
    Movement {
        quantity: Quantity::whole(quantity),
        reference: Some("A-1".into()),
        reason: Some("broken".into()),
        ..Movement::default()
    }
}

fn moment(moved_since: i32) -> Moment {
    Moment {
        at: SINCE.parse().unwrap(),
        moved_since: Quantity::whole(moved_since),
        ..Moment::default()
    }
}

fn total(money: i32) -> Total {
    Total::from(Money::whole(money))
}

fn issued(quantity: i32, unit_cost: i32, cost: i32) -> StockEvent {
    StockEvent::Issued {
        product_id: ProductId::default(),
        lots: vec![],
        quantity: Quantity::whole(quantity),
        unit_cost: Some(Money::whole(unit_cost)),
        cost: total(cost),
        reference: Some("A-1".into()),
        reason: Some("broken".into()),
        warehouse_id: None,
        effective_date: None,
    }
}

fn adjusted(difference: i32, unit_cost: i32, cost: i32) -> StockEvent {
    StockEvent::Adjusted {
        product_id: ProductId::default(),
        lots: vec![],
        difference: Quantity::whole(difference),
        unit_cost: Some(Money::whole(unit_cost)),
        cost: total(cost),
        reference: Some("A-1".into()),
        reason: Some("broken".into()),
        warehouse_id: None,
        effective_date: None,
    }
}

fn counted(counted: i32, expected: i32, cost: i32) -> StockEvent {
    StockEvent::Counted {
        product_id: ProductId::default(),
        lots: vec![],
        counted: Quantity::whole(counted),
        expected: Quantity::whole(expected),
        difference: Quantity::whole(counted - expected),
        at: SINCE.parse().unwrap(),
        unit_cost: Some(Money::whole(100)),
        cost: total(cost),
        reference: Some("A-1".into()),
        reason: Some("broken".into()),
        warehouse_id: None,
    }
}

fn invalid(field: &str, rule: Rule) -> StockRejection {
    Violations::one(field, rule).into()
}

fn not_enough(available: i32) -> StockRejection {
    StockRejection::NotEnough {
        available: Quantity::whole(available),
    }
}

fn before() -> [StockEvent; 2] {
    [arrived(10, 100), reserved(4)]
}

#[test]
fn issue() {
    let when = |movement| given::<Stock>(before()).when(StockCommand::Issue(movement, None));
    when(movement(0)).then_rejected(invalid("quantity", Rule::NotPositive));
    let long = Movement {
        reason: Some("я".repeat(201)),
        ..movement(1)
    };
    when(long).then_rejected(invalid("reason", Rule::TooLong { max: 200 }));
    when(movement(7)).then_rejected(not_enough(6));
    when(movement(6)).then([issued(6, 100, 600)]);
}

#[test]
fn adjust() {
    let when = |movement| given::<Stock>(before()).when(StockCommand::Adjust(movement, None));
    when(movement(0)).then_rejected(invalid("quantity", Rule::NotAllowed));
    let priced = |quantity, price| Movement {
        unit_cost: Some(Money::whole(price)),
        ..movement(quantity)
    };
    when(priced(1, -1)).then_rejected(invalid("unitCost", Rule::Negative));
    let silent = Movement {
        reason: None,
        ..movement(1)
    };
    when(silent).then_rejected(invalid("reason", Rule::Required));
    when(movement(-7)).then_rejected(not_enough(6));
    let most = Movement {
        quantity: Quantity::from_units(999_999_999_999).unwrap(),
        ..movement(1)
    };
    when(most).then_rejected(StockRejection::TooMuch);
    when(movement(-6)).then([adjusted(-6, 100, -600)]);
    when(movement(5)).then([adjusted(5, 100, 500)]);
    when(priced(5, 200)).then([adjusted(5, 200, 1_000)]);
    when(priced(-5, 200)).then([adjusted(-5, 100, -500)]);
}

/// Ten are there; what was counted and what has moved since then → what is written down.
#[test]
fn count() {
    let when = |quantity, since| {
        let command = StockCommand::Count(movement(quantity), moment(since), None);
        given::<Stock>(before()).when(command)
    };
    when(-1, 0).then_rejected(invalid("quantity", Rule::Negative));
    when(3, 0).then_rejected(not_enough(6));
    when(4, 0).then([counted(4, 10, -600)]);
    when(10, 0).then([counted(10, 10, 0)]);
    when(12, 0).then([counted(12, 10, 200)]);
    // Three came after the count: seven were expected, and they stand.
    when(7, 3).then([counted(7, 7, 0)]);
    when(6, 3).then([counted(6, 7, -100)]);
    when(0, 3).then_rejected(not_enough(6));
    when(1, 3).then([counted(1, 7, -600)]);
    // Two went after it.
    when(12, -2).then([counted(12, 12, 0)]);
}

#[test]
fn what_is_found_serves_who_waits() {
    let short = StockEvent::Short {
        product_id: ProductId::default(),
        demand: demand(),
        missing: Quantity::whole(3),
    };
    for (command, event) in [
        (StockCommand::Adjust(movement(5), None), adjusted(5, 100, 500)),
        (StockCommand::Count(movement(15), moment(0), None), counted(15, 10, 500)),
    ] {
        given::<Stock>([arrived(10, 100), reserved(10), short.clone()])
            .when(command)
            .then([event, reserved(3)]);
    }
}

#[test]
fn that_little_is_left_is_told_when_it_falls() {
    let least = || {
        Some(Least {
            min: Quantity::whole(5),
            code: "PRD-001".into(),
            name: "Сталь".into(),
            unit: "шт".into(),
        })
    };
    let low = |available: i32| StockEvent::Low {
        product_id: ProductId::default(),
        product_code: "PRD-001".into(),
        product_name: "Сталь".into(),
        unit: "шт".into(),
        available: Quantity::whole(available),
        min: Quantity::whole(5),
    };
    let when = |command| given::<Stock>(before()).when(command);
    when(StockCommand::Issue(movement(1), least())).then([issued(1, 100, 100)]);
    when(StockCommand::Issue(movement(2), least())).then([issued(2, 100, 200), low(4)]);
    when(StockCommand::Adjust(movement(-2), least())).then([adjusted(-2, 100, -200), low(4)]);
    when(StockCommand::Count(movement(8), moment(0), least())).then([counted(8, 10, -200), low(4)]);
    when(StockCommand::Issue(movement(2), None)).then([issued(2, 100, 200)]);
    let reserve = |quantity: i32| StockCommand::Reserve {
        product_id: ProductId::default(),
        demand: Demand {
            id: Uuid::from_u128(7),
            ..demand()
        },
        quantity: Quantity::whole(quantity),
        least: least(),
    };
    let held = |quantity: i32| StockEvent::Reserved {
        product_id: ProductId::default(),
        demand: Demand {
            id: Uuid::from_u128(7),
            ..demand()
        },
        quantity: Quantity::whole(quantity),
    };
    when(reserve(1)).then([held(1)]);
    when(reserve(2)).then([held(2), low(4)]);
    // It was below already: nobody is told again.
    given::<Stock>([arrived(4, 100)])
        .when(StockCommand::Issue(movement(1), least()))
        .then([issued(1, 100, 100)]);
}
