//! Facts of an earlier day, each outcome in order of precedence; and what goods are valued at that come first.

use super::*;
use crate::{
    Money,
    catalog::stock::{Moment, Movement, Named},
    testing::given,
};

fn day(month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, month, day).unwrap()
}

fn dated(on: NaiveDate, least: Option<i32>) -> Option<Dated> {
    Some(Dated {
        on,
        today: day(11, 28),
        closed_through: Some(day(10, 31)),
        least: least.map(Quantity::whole),
        least_of_lots: BTreeMap::new(),
    })
}

fn under(dated: Option<Dated>, command: StockCommand) -> StockCommand {
    let terms = Terms {
        product_id: ProductId::default(),
        valuation: Valuation::Average,
        dated,
    };
    StockCommand::Under(terms, Box::new(command))
}

fn movement(quantity: i32) -> Movement {
    Movement {
        quantity: Quantity::whole(quantity),
        reason: Some("a".into()),
        ..Movement::default()
    }
}

fn issue(quantity: i32) -> StockCommand {
    StockCommand::Issue(movement(quantity), None)
}

fn receive(quantity: i32, unit_cost: i32) -> StockCommand {
    StockCommand::Receive {
        product_id: ProductId::default(),
        lots: Named::default(),
        quantity: Quantity::whole(quantity),
        unit_cost: Some(Money::whole(unit_cost)),
        reference: None,
        reason: None,
        warehouse: None,
    }
}

fn received(quantity: i32, unit_cost: i32, effective_date: Option<NaiveDate>) -> StockEvent {
    StockEvent::Received {
        product_id: ProductId::default(),
        lots: vec![],
        quantity: Quantity::whole(quantity),
        unit_cost: Some(Money::whole(unit_cost)),
        cost: Some(Money::whole(quantity * unit_cost).into()),
        reference: None,
        reason: None,
        warehouse_id: None,
        effective_date,
    }
}

fn issued(quantity: i32, unit_cost: i32, effective_date: Option<NaiveDate>) -> StockEvent {
    StockEvent::Issued {
        product_id: ProductId::default(),
        lots: vec![],
        quantity: Quantity::whole(quantity),
        unit_cost: Some(Money::whole(unit_cost)),
        cost: Money::whole(quantity * unit_cost).into(),
        reference: None,
        reason: Some("a".into()),
        warehouse_id: None,
        effective_date,
    }
}

#[test]
fn of_an_earlier_day() {
    let when = |dated, command| given::<Stock>([received(10, 100, None)]).when(under(dated, command));
    let invalid = |rule| StockRejection::from(Violations::one("effectiveDate", rule));
    let years = Rule::YearOutOfRange { min: 1900, max: 9999 };
    let closed = StockRejection::Closed { first: day(11, 1) };
    let not_enough = |available| StockRejection::NotEnough {
        available: Quantity::whole(available),
    };
    let long_ago = NaiveDate::from_ymd_opt(1899, 12, 31).unwrap();
    when(dated(long_ago, None), issue(1)).then_rejected(invalid(years));
    when(dated(day(11, 29), None), issue(1)).then_rejected(invalid(Rule::NotYet));
    when(dated(day(10, 31), Some(9)), issue(99)).then_rejected(closed.clone());
    when(dated(day(9, 1), Some(9)), receive(1, 1)).then_rejected(closed);
    when(dated(day(11, 1), Some(3)), issue(11)).then_rejected(not_enough(10));
    when(dated(day(11, 1), Some(3)), issue(4)).then_rejected(not_enough(3));
    when(dated(day(11, 1), Some(3)), issue(3)).then([issued(3, 100, Some(day(11, 1)))]);
    when(dated(day(11, 28), None), issue(10)).then([issued(10, 100, Some(day(11, 28)))]);
    when(dated(day(11, 1), Some(0)), receive(5, 200)).then([received(5, 200, Some(day(11, 1)))]);
    when(dated(day(11, 1), Some(3)), StockCommand::Adjust(movement(-4), None)).then_rejected(not_enough(3));
    when(None, issue(1)).then([issued(1, 100, None)]);
}

/// Ten at 100 came, and five went for 500. What is told of the day before changes nothing of that: it costs and weighs from now on.
#[test]
fn what_went_before_keeps_its_cost() {
    let before = [received(10, 100, None), issued(5, 100, None)];
    let late = received(5, 200, Some(day(11, 1)));
    given::<Stock>(before.clone())
        .when(under(dated(day(11, 1), Some(5)), receive(5, 200)))
        .then([late.clone()]);
    given::<Stock>(before.into_iter().chain([late]))
        .when(issue(4))
        .then([issued(4, 150, None)]);
}

/// The workspace's way is taken when goods come while nothing is there, and stays; a choice that was made is left alone.
#[test]
fn how_the_first_goods_are_valued() {
    let valued = |valuation| {
        StockEvent::Valued(Valued {
            product_id: ProductId::default(),
            valuation,
        })
    };
    let (average, fifo) = (Valuation::Average, Valuation::Fifo);
    let terms = Terms {
        product_id: ProductId::default(),
        valuation: fifo,
        dated: None,
    };
    let comes = || StockCommand::Under(terms.clone(), Box::new(receive(1, 100)));
    let one = || received(1, 100, None);
    given::<Stock>([]).when(comes()).then([valued(fifo), one()]);
    given::<Stock>([one()]).when(comes()).then([one()]);
    given::<Stock>([valued(average)]).when(comes()).then([one()]);
    given::<Stock>([valued(fifo)]).when(comes()).then([one()]);
    given::<Stock>([one(), issued(1, 100, None)])
        .when(comes())
        .then([valued(fifo), one()]);
    // Nothing comes of what is refused, nor of what leaves nothing there.
    let nothing = Movement {
        reason: None,
        ..movement(0)
    };
    let count = StockCommand::Count(nothing, Moment::default(), None);
    let events = Stock::default()
        .decide(&StockCommand::Under(terms, Box::new(count)))
        .unwrap();
    assert!(matches!(events[..], [StockEvent::Counted { .. }]), "{events:?}");
}

/// What an event says, when it was recorded → the day that it counts from, and when it came about.
#[test]
fn days() {
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    for (event, recorded, counts, came_about) in [
        (one(None), "2026-11-27T20:00:00Z", day(11, 28), "2026-11-27T20:00:00Z"),
        (
            one(Some(day(11, 20))),
            "2026-11-28T06:00:00Z",
            day(11, 20),
            "2026-11-19T19:00:00Z",
        ),
        (
            one(Some(day(11, 28))),
            "2026-11-28T06:00:00Z",
            day(11, 28),
            "2026-11-28T06:00:00Z",
        ),
    ] {
        let recorded = at(recorded);
        assert_eq!(
            (event.day(recorded), event.came_about(recorded)),
            (counts, at(came_about))
        );
    }
}

fn one(effective_date: Option<NaiveDate>) -> StockEvent {
    received(1, 100, effective_date)
}
