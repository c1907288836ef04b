//! First in, first out, by figures worked out by hand; and when the choice may be made.

use super::*;
use crate::{
    Aggregate, Rule, Violations,
    catalog::stock::{Moment, Movement, StockCommand},
    testing::given,
};
use chrono::DateTime;

fn valued(valuation: Valuation) -> Valued {
    Valued {
        product_id: ProductId::default(),
        valuation,
    }
}

fn fifo() -> StockEvent {
    StockEvent::Valued(valued(Valuation::Fifo))
}

fn tiyn(units: i64) -> Total {
    Total::from_units(units).unwrap()
}

/// So many, for so many tiyn in all.
fn received(quantity: i32, cost: i64) -> StockEvent {
    StockEvent::Received {
        product_id: ProductId::default(),
        lots: vec![],
        quantity: Quantity::whole(quantity),
        unit_cost: tiyn(cost).each(Quantity::whole(quantity)),
        cost: Some(tiyn(cost)),
        reference: None,
        reason: None,
        warehouse_id: None,
        effective_date: None,
    }
}

fn movement(quantity: i32) -> Movement {
    Movement {
        quantity: Quantity::whole(quantity),
        reason: Some("a".into()),
        ..Movement::default()
    }
}

fn issued(quantity: i32, unit_cost: i64, cost: i64) -> StockEvent {
    StockEvent::Issued {
        product_id: ProductId::default(),
        lots: vec![],
        quantity: Quantity::whole(quantity),
        unit_cost: Money::from_units(unit_cost),
        cost: tiyn(cost),
        reference: None,
        reason: Some("a".into()),
        warehouse_id: None,
        effective_date: None,
    }
}

/// Ten at 100.00, five at 130.00, and three that cost 100.00 together.
fn before() -> Vec<StockEvent> {
    vec![fifo(), received(10, 100_000), received(5, 65_000), received(3, 10_000)]
}

fn layers(events: impl IntoIterator<Item = StockEvent>) -> Vec<(Quantity, Total)> {
    let stock = events
        .into_iter()
        .fold(Stock::default(), |stock, event| stock.evolve(&event));
    let layers = stock.layers.layers();
    layers.map(|layer| (layer.quantity, layer.value)).collect()
}

#[test]
fn value() {
    use Valuation::{Average, Fifo};
    let choose = |valuation| StockCommand::Value(valued(valuation));
    let not_empty = |there| StockRejection::NotEmpty {
        there: Quantity::whole(there),
    };
    given::<Stock>([]).when(choose(Fifo)).then([fifo()]);
    given::<Stock>([fifo()]).when(choose(Fifo)).then([]);
    given::<Stock>(before()).when(choose(Fifo)).then([]);
    given::<Stock>(before())
        .when(choose(Average))
        .then_rejected(not_empty(18));
    given::<Stock>([received(2, 100)])
        .when(choose(Fifo))
        .then_rejected(not_empty(2));
    // It is valued so already, and may be said to be.
    given::<Stock>([received(2, 100)])
        .when(choose(Average))
        .then([StockEvent::Valued(valued(Average))]);
    given::<Stock>([fifo(), received(2, 100), issued(2, 50, 100)])
        .when(choose(Average))
        .then([StockEvent::Valued(valued(Average))]);
}

/// How many go → what one and all of them cost, and the layers that are left.
#[test]
fn the_oldest_go_first() {
    for (quantity, unit_cost, cost, left) in [
        (4, 10_000, 40_000, vec![(6, 60_000), (5, 65_000), (3, 10_000)]),
        (10, 10_000, 100_000, vec![(5, 65_000), (3, 10_000)]),
        (12, 10_500, 126_000, vec![(3, 39_000), (3, 10_000)]),
        (16, 10_521, 168_333, vec![(2, 6_667)]),
        (17, 10_098, 171_667, vec![(1, 3_333)]),
        (18, 9_722, 175_000, vec![]),
    ] {
        let goes = issued(quantity, unit_cost, cost);
        given::<Stock>(before())
            .when(StockCommand::Issue(movement(quantity), None))
            .then([goes.clone()]);
        let left: Vec<_> = left
            .into_iter()
            .map(|(quantity, value)| (Quantity::whole(quantity), tiyn(value)))
            .collect();
        assert_eq!(layers(before().into_iter().chain([goes])), left);
    }
}

/// A hundred for three: nobody gets the third of a tiyn, and nothing is left.
#[test]
fn the_last_piece_takes_the_rest() {
    let mut events = vec![fifo(), received(3, 10_000)];
    for cost in [3_333, 3_334, 3_333] {
        let goes = issued(1, cost, cost);
        given::<Stock>(events.clone())
            .when(StockCommand::Issue(movement(1), None))
            .then([goes.clone()]);
        events.push(goes);
    }
    assert!(layers(events).is_empty());
}

/// What is less, by a correction or a count, is of the oldest; what is more is a layer of its own, at its price or the average.
#[test]
fn corrections_and_counts() {
    let adjusted = |difference: i32, unit_cost: i64, cost: i64| StockEvent::Adjusted {
        product_id: ProductId::default(),
        lots: vec![],
        difference: Quantity::whole(difference),
        unit_cost: Money::from_units(unit_cost),
        cost: tiyn(cost),
        reference: None,
        reason: Some("a".into()),
        warehouse_id: None,
        effective_date: None,
    };
    let when = |command| given::<Stock>(before()).when(command);
    when(StockCommand::Adjust(movement(-12), None)).then([adjusted(-12, 10_500, -126_000)]);
    when(StockCommand::Adjust(movement(2), None)).then([adjusted(2, 9_722, 19_444)]);
    when(StockCommand::Count(movement(17), Moment::default(), None)).then([StockEvent::Counted {
        product_id: ProductId::default(),
        lots: vec![],
        counted: Quantity::whole(17),
        expected: Quantity::whole(18),
        difference: Quantity::whole(-1),
        at: DateTime::UNIX_EPOCH,
        unit_cost: Money::from_units(10_000),
        cost: tiyn(-10_000),
        reference: None,
        reason: Some("a".into()),
        warehouse_id: None,
    }]);
    let more = before().into_iter().chain([adjusted(2, 9_722, 19_444)]);
    assert_eq!(
        layers(more).last(),
        Some(&(Quantity::whole(2), tiyn(19_444))),
        "what was found is the newest"
    );
}

#[test]
fn put_back() {
    let when = |quantity, cost| given::<Stock>([fifo()]).when(StockCommand::PutBack(movement(quantity), tiyn(cost)));
    let invalid = |field: &str, rule| StockRejection::from(Violations::one(field, rule));
    when(0, 1).then_rejected(invalid("quantity", Rule::NotPositive));
    when(1, -1).then_rejected(invalid("cost", Rule::Negative));
    // One of them cost 33.33, all three a tiyn more than three times that.
    when(3, 10_000).then([StockEvent::Received {
        product_id: ProductId::default(),
        lots: vec![],
        quantity: Quantity::whole(3),
        unit_cost: Money::from_units(3_333),
        cost: Some(tiyn(10_000)),
        reference: None,
        reason: Some("a".into()),
        warehouse_id: None,
        effective_date: None,
    }]);
}
