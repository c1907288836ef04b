//! Further costs by figures worked out by hand: who bears how much, what it raises, and what is spent.

use super::*;
use crate::{
    Aggregate, Money, Rule, Violations,
    catalog::stock::{Movement, StockCommand, Valuation, Valued},
    testing::given,
};

fn tiyn(units: i64) -> Total {
    Total::from_units(units).unwrap()
}

fn received(quantity: i32, unit_cost: i32) -> StockEvent {
    StockEvent::Received {
        product_id: ProductId::default(),
        lots: vec![],
        quantity: Quantity::whole(quantity),
        unit_cost: Some(Money::whole(unit_cost)),
        cost: Some(Money::whole(quantity * unit_cost).into()),
        reference: None,
        reason: None,
        warehouse_id: None,
        effective_date: None,
    }
}

fn gone(quantity: i32, cost: i64) -> StockEvent {
    StockEvent::Issued {
        product_id: ProductId::default(),
        lots: vec![],
        quantity: Quantity::whole(quantity),
        unit_cost: tiyn(cost).each(Quantity::whole(quantity)),
        cost: tiyn(cost),
        reference: None,
        reason: None,
        warehouse_id: None,
        effective_date: None,
    }
}

fn fifo() -> StockEvent {
    StockEvent::Valued(Valued {
        product_id: ProductId::default(),
        valuation: Valuation::Fifo,
    })
}

/// Freight of a receipt of so many, after which so many came.
fn landing(received: i32, came_since: i32, amount: i64) -> Landing {
    Landing {
        id: Uuid::from_u128(1),
        product_id: ProductId::default(),
        receipt_id: Uuid::from_u128(2),
        received: Quantity::whole(received),
        came_since: Quantity::whole(came_since),
        kind: LandedKind::Freight,
        note: Some("CMR 7".into()),
        currency: Currency::kzt(),
        amount: tiyn(amount),
    }
}

fn landed(landing: Landing, remaining: i32, raised: i64) -> StockEvent {
    StockEvent::Landed(Landed {
        id: landing.id,
        product_id: landing.product_id,
        receipt_id: landing.receipt_id,
        kind: landing.kind,
        note: landing.note,
        currency: landing.currency,
        amount: landing.amount,
        remaining: Quantity::whole(remaining),
        came_since: landing.came_since,
        raised: tiyn(raised),
        spent: landing.amount.minus(tiyn(raised)),
    })
}

/// Ten came, seven went, five came: three of the first ten are there.
#[test]
fn land() {
    let before = || [received(10, 100), gone(7, 70_000), received(5, 100)];
    let when = |landing| given::<Stock>(before()).when(StockCommand::Land(Box::new(landing)));
    let long = Landing {
        note: Some("я".repeat(201)),
        ..landing(10, 5, 1)
    };
    when(long).then_rejected(Violations::one("note", Rule::TooLong { max: 200 }).into());
    when(landing(10, 5, 10_000)).then([landed(landing(10, 5, 10_000), 3, 3_000)]);
    when(landing(10, 5, 1)).then([landed(landing(10, 5, 1), 3, 0)]);
    when(landing(5, 0, 10_000)).then([landed(landing(5, 0, 10_000), 5, 10_000)]);
    // All of what came before the eight is gone.
    when(landing(4, 8, 10_000)).then([landed(landing(4, 8, 10_000), 0, 0)]);
    when(landing(4, 20, 10_000)).then([landed(landing(4, 20, 10_000), 0, 0)]);
}

/// What goes next bears it: at the average all that is there, first in, first out the receipt's own goods.
#[test]
fn what_goes_after_it() {
    let goes = |quantity: i32| {
        let movement = Movement {
            quantity: Quantity::whole(quantity),
            ..Movement::default()
        };
        StockCommand::Issue(movement, None)
    };
    let freight = || landed(landing(10, 5, 2_000), 10, 2_000);
    // Ten at 100 and five at 130 are 1650, and 20 are paid for the freight of the ten.
    given::<Stock>([received(10, 100), received(5, 130), freight()])
        .when(goes(3))
        .then([gone_of(3, 11_133, 33_400)]);
    let layers = || vec![fifo(), received(10, 100), received(5, 130), freight()];
    given::<Stock>(layers())
        .when(goes(3))
        .then([gone_of(3, 10_200, 30_600)]);
    given::<Stock>(layers())
        .when(goes(12))
        .then([gone_of(12, 10_667, 128_000)]);
    given::<Stock>(layers())
        .when(goes(15))
        .then([gone_of(15, 11_133, 167_000)]);
    // Those of the five fall on the five.
    let second = [
        fifo(),
        received(10, 100),
        received(5, 130),
        landed(landing(5, 0, 500), 5, 500),
    ];
    given::<Stock>(second)
        .when(goes(12))
        .then([gone_of(12, 10_517, 126_200)]);
}

/// At the average of that moment.
fn gone_of(quantity: i32, unit_cost: i64, cost: i64) -> StockEvent {
    let StockEvent::Issued {
        product_id,
        quantity,
        cost,
        reference,
        reason,
        warehouse_id,
        effective_date,
        ..
    } = gone(quantity, cost)
    else {
        panic!("another event")
    };
    StockEvent::Issued {
        product_id,
        lots: vec![],
        quantity,
        unit_cost: Money::from_units(unit_cost),
        cost,
        reference,
        reason,
        warehouse_id,
        effective_date,
    }
}

#[test]
fn the_worth_of_the_stock_grows() {
    let events = [received(10, 100), landed(landing(10, 0, 333), 10, 333)];
    let stock = events.iter().fold(Stock::default(), Stock::evolve);
    assert_eq!(stock.holding.value, tiyn(100_333));
    assert_eq!(stock.on_hand(), Quantity::whole(10));
}

/// An amount and weights → shares.
#[test]
fn spreading() {
    for (amount, weights, shares) in [
        (10_000, &[1, 1, 1][..], Some(vec![3_333, 3_333, 3_334])),
        (10_000, &[10_000, 30_000][..], Some(vec![2_500, 7_500])),
        (1, &[1; 3][..], Some(vec![0, 0, 1])),
        (5, &[7][..], Some(vec![5])),
        (7, &[0, 2, 0][..], Some(vec![0, 7, 0])),
        (7, &[0, 0][..], None),
        (7, &[][..], None),
    ] {
        let shares: Option<Vec<Total>> = shares.map(|shares| shares.into_iter().map(tiyn).collect());
        assert_eq!(spread(tiyn(amount), weights), shares);
    }
}
