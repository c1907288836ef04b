//! What is named, what goes first, what is refused, what it costs: a row per outcome, in order of precedence.

use super::*;
use crate::{
    Aggregate, Money, Total,
    catalog::stock::{Dated, Demand, Moment, Movement, Outgoing, StockCommand, Terms, Transfer, Valuation, Valued},
    id::WarehouseId,
    testing::{given, sample},
};
use uuid::Uuid;

mod history;

fn product() -> ProductId {
    ProductId::default()
}

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 12, day).unwrap()
}

fn lot(number: &str, quantity: i32) -> Lot {
    Lot {
        number: number.into(),
        quantity: Quantity::whole(quantity),
        ..Lot::default()
    }
}

/// Good until that day of December.
fn until(number: &str, quantity: i32, last: u32) -> Lot {
    Lot {
        expires_on: Some(day(last)),
        ..lot(number, quantity)
    }
}

fn warehouse() -> Place {
    Some(WarehouseId::new(Uuid::from_u128(1)))
}

fn tracked(tracking: Tracking) -> StockEvent {
    StockEvent::Tracked {
        product_id: product(),
        tracking,
    }
}

fn sum(lots: &[Lot]) -> Quantity {
    lots.iter().map(|lot| lot.quantity).sum()
}

fn came_to(warehouse_id: Place, lots: Vec<Lot>) -> StockEvent {
    StockEvent::Received {
        product_id: product(),
        quantity: sum(&lots),
        lots,
        unit_cost: None,
        cost: Some(Total::ZERO),
        reference: None,
        reason: None,
        warehouse_id,
        effective_date: None,
    }
}

fn came(lots: Vec<Lot>) -> StockEvent {
    came_to(None, lots)
}

fn receive(quantity: i32, lots: Named) -> StockCommand {
    StockCommand::Receive {
        product_id: product(),
        lots,
        quantity: Quantity::whole(quantity),
        unit_cost: None,
        reference: None,
        reason: None,
        warehouse: None,
    }
}

fn named(lots: Vec<Lot>) -> Named {
    Named {
        lots,
        ..Named::default()
    }
}

fn movement(quantity: i32, lots: Named) -> Movement {
    Movement {
        product_id: product(),
        lots,
        quantity: Quantity::whole(quantity),
        reason: Some("a".into()),
        ..Movement::default()
    }
}

fn invalid(field: &str, rule: Rule) -> StockRejection {
    Violations::one(field, rule).into()
}

#[test]
fn track() {
    let track = |tracking| StockCommand::Track {
        product_id: product(),
        tracking,
    };
    given::<Stock>([]).when(track(Tracking::None)).then([]);
    given::<Stock>([])
        .when(track(Tracking::Lot))
        .then([tracked(Tracking::Lot)]);
    let full = [tracked(Tracking::Lot), came(vec![lot("A", 2)])];
    given::<Stock>(full.clone()).when(track(Tracking::Lot)).then([]);
    given::<Stock>(full)
        .when(track(Tracking::Serial))
        .then_rejected(StockRejection::NotEmpty {
            there: Quantity::whole(2),
        });
}

#[test]
fn receive_lots() {
    given::<Stock>([])
        .when(receive(1, named(vec![lot("A", 1)])))
        .then_rejected(invalid("lots", Rule::NotAllowed));
    let before = || [tracked(Tracking::Lot), came(vec![until("A", 2, 10)])];
    let when = |quantity, lots| given::<Stock>(before()).when(receive(quantity, named(lots)));
    when(3, vec![]).then_rejected(invalid("lots", Rule::Required));
    when(3, vec![lot(" ", 3)]).then_rejected(invalid("lots[0].number", Rule::Required));
    when(3, vec![lot("B", 0), lot("C", 3)]).then_rejected(invalid("lots[0].quantity", Rule::NotPositive));
    when(3, vec![lot("B", 1), lot("B", 2)]).then_rejected(invalid("lots[1].number", Rule::NotUnique));
    when(3, vec![lot("B", 1), lot("C", 1)]).then_rejected(invalid("lots", Rule::NotTheSum));
    when(1, vec![until("A", 1, 11)]).then_rejected(invalid("lots[0].expiresOn", Rule::NotAllowed));
    when(1, vec![lot("A", 1)]).then([came(vec![lot("A", 1)])]);
    let both = vec![until("A", 1, 10), until("B", 2, 5)];
    when(3, both.clone()).then([came(both)]);
    // What comes with a paper of its own is called by it.
    let otherwise = Named {
        otherwise: Some("PRD-1".into()),
        ..Named::default()
    };
    given::<Stock>(before())
        .when(receive(3, otherwise.clone()))
        .then([came(vec![lot("PRD-1", 3)])]);
    given::<Stock>([tracked(Tracking::Serial), came(vec![lot("S", 1)])])
        .when(receive(2, otherwise))
        .then([came(vec![lot("PRD-1-2", 1), lot("PRD-1-3", 1)])]);
}

#[test]
fn receive_serials() {
    let before = [tracked(Tracking::Serial), came_to(warehouse(), vec![lot("S-1", 1)])];
    let when = |quantity, lots| given::<Stock>(before.clone()).when(receive(quantity, named(lots)));
    when(2, vec![lot("S-2", 2)]).then_rejected(invalid("lots[0].quantity", Rule::NotAllowed));
    when(1, vec![lot("S-1", 1)]).then_rejected(StockRejection::SerialInStock { number: "S-1".into() });
    when(1, vec![lot("S-2", 1)]).then([came(vec![lot("S-2", 1)])]);
}

/// What leaves, as the event tells it.
fn left(events: Vec<StockEvent>) -> Vec<(Place, String, Quantity)> {
    let parts = events.iter().flat_map(|event| {
        let place = event.moves().and_then(|(place, _)| place);
        event
            .lots()
            .iter()
            .map(move |lot| (place, lot.number.clone(), lot.quantity))
    });
    parts.collect()
}

fn stock(events: &[StockEvent]) -> Stock {
    events.iter().fold(Stock::default(), Stock::evolve)
}

fn mixed() -> Stock {
    stock(&[
        tracked(Tracking::Lot),
        came(vec![lot("old", 2)]),
        came(vec![until("late", 2, 30)]),
        came_to(warehouse(), vec![until("soon", 2, 20)]),
        came(vec![until("over", 2, 1)]),
        came(vec![until("late too", 2, 30)]),
    ])
}

fn ship(quantity: i32, lots: Named) -> StockCommand {
    let StockEvent::Reserved { demand, .. } = sample("stock.reserved.v1") else {
        panic!("another event")
    };
    StockCommand::Ship(Box::new(Outgoing {
        id: Uuid::from_u128(7),
        product_id: product(),
        demand: Demand {
            id: Uuid::from_u128(1),
            ..demand
        },
        demanded: Quantity::whole(quantity),
        quantity: Quantity::whole(quantity),
        from: vec![],
        lots,
        least: None,
    }))
}

/// First expired, first out, wherever it lies; of two the one that came first; what does not expire last. What has expired is
/// passed over, and goes by its name to whoever knows.
#[test]
fn first_expired_first_out() {
    let today = |lots, may_be_expired| Named {
        today: Some(day(2)),
        may_be_expired,
        ..named(lots)
    };
    let leaves = |quantity, lots| {
        let events = mixed().decide(&ship(quantity, lots))?;
        let parts = left(events).into_iter();
        let mut parts: Vec<_> = parts
            .map(|(_, number, quantity)| (number, quantity.units() / 1_000))
            .collect();
        parts.sort();
        Ok::<_, StockRejection>(parts)
    };
    let told = |parts: &[(&str, i64)]| {
        let parts = parts.iter().map(|(number, quantity)| ((*number).to_owned(), *quantity));
        Ok(parts.collect::<Vec<_>>())
    };
    assert_eq!(leaves(1, today(vec![], false)), told(&[("soon", 1)]));
    assert_eq!(leaves(3, today(vec![], false)), told(&[("late", 1), ("soon", 2)]));
    let most = [("late", 2), ("late too", 2), ("old", 2), ("soon", 2)];
    assert_eq!(leaves(8, today(vec![], false)), told(&most));
    let expired = || Err(StockRejection::Expired { number: "over".into() });
    assert_eq!(leaves(9, today(vec![], false)), expired());
    assert_eq!(leaves(1, today(vec![lot("over", 1)], false)), expired());
    assert_eq!(leaves(1, today(vec![lot("over", 1)], true)), told(&[("over", 1)]));
    let on_its_last_day = Named {
        today: Some(day(1)),
        ..Named::default()
    };
    assert_eq!(leaves(1, on_its_last_day), told(&[("over", 1)]));
    assert_eq!(leaves(2, today(vec![lot("old", 2)], false)), told(&[("old", 2)]));
    let short = StockRejection::LotShort {
        number: "old".into(),
        available: Quantity::whole(2),
    };
    assert_eq!(leaves(3, today(vec![lot("old", 3)], false)), Err(short));
}

/// An issue, a transfer and a correction take lots from their place only.
#[test]
fn lots_lie_in_places() {
    let known = mixed();
    let issue = |quantity, lots| known.decide(&StockCommand::Issue(movement(quantity, lots), None));
    let short = |number: &str, available| StockRejection::LotShort {
        number: number.into(),
        available: Quantity::whole(available),
    };
    assert_eq!(issue(1, named(vec![lot("soon", 1)])), Err(short("soon", 0)));
    let adjust = |quantity, lots| known.decide(&StockCommand::Adjust(movement(quantity, named(lots)), None));
    assert_eq!(adjust(-1, vec![]), Err(invalid("lots", Rule::Required)));
    assert_eq!(
        adjust(-1, vec![lot("old", 1)]),
        Err(invalid("lots[0].quantity", Rule::NotAllowed))
    );
    assert_eq!(adjust(-3, vec![lot("old", -3)]), Err(short("old", 2)));
    let less = adjust(-1, vec![lot("old", -1)]).unwrap();
    assert_eq!(less[0].lots(), [lot("old", -1)]);

    let transfer = Transfer {
        id: TransferId::new(Uuid::from_u128(5)),
        to: warehouse(),
        at_once: false,
    };
    let send = StockCommand::Send(movement(3, Named::default()), transfer);
    let sent = known.decide(&send).unwrap();
    assert_eq!(
        sent[0].lots(),
        [until("over", 2, 1), until("late", 1, 30)],
        "it may be sent, expired or not"
    );
    let under_way = sent.iter().fold(known.clone(), Stock::evolve);
    let arrive = StockCommand::Arrive {
        product_id: product(),
        transfer_id: transfer.id,
    };
    let arrived = under_way.decide(&arrive).unwrap();
    let mut on_the_way = sent[0].lots().to_vec();
    on_the_way.sort_by(|one, other| one.number.cmp(&other.number));
    assert_eq!(arrived[0].lots(), on_the_way);
}

/// A count tells of the lots that it names: what was found, what has moved since → the difference of each.
#[test]
fn count_lots() {
    let known = mixed();
    let count = |quantity, lots, since: &[(&str, i32)]| {
        let since = since
            .iter()
            .map(|(number, moved)| ((*number).to_owned(), Quantity::whole(*moved)));
        let moment = Moment {
            lots_since: since.collect(),
            ..Moment::default()
        };
        known.decide(&StockCommand::Count(movement(quantity, named(lots)), moment, None))
    };
    assert_eq!(count(1, vec![], &[]), Err(invalid("lots", Rule::Required)));
    assert_eq!(
        count(-1, vec![lot("old", -1)], &[]),
        Err(invalid("quantity", Rule::Negative))
    );
    for (found, since, differences) in [
        (vec![lot("old", 2)], vec![], vec![]),
        (vec![lot("old", 1)], vec![], vec![lot("old", -1)]),
        (vec![lot("old", 2)], vec![("old", 1)], vec![lot("old", 1)]),
        (
            vec![lot("old", 1), lot("new", 1)],
            vec![],
            vec![lot("old", -1), lot("new", 1)],
        ),
    ] {
        let quantity = i32::try_from(sum(&found).units() / 1_000).unwrap();
        let events = count(quantity, found, &since).unwrap();
        assert_eq!(events[0].lots(), differences);
        assert_eq!(events[0].difference(), sum(&differences));
    }
}

/// Lots have no cost of their own: whichever goes, it costs what goods of the product cost that go next.
#[test]
fn what_lots_cost() {
    let bought = |number: &str, price: i32| {
        let mut event = came(vec![lot(number, 1)]);
        if let StockEvent::Received { cost, .. } = &mut event {
            *cost = Some(Money::whole(price).into());
        }
        event
    };
    for (valuation, costs, left) in [(Valuation::Average, 200, 200), (Valuation::Fifo, 100, 300)] {
        let known = stock(&[
            tracked(Tracking::Lot),
            valued(valuation),
            bought("first", 100),
            bought("second", 300),
        ]);
        let issue = StockCommand::Issue(movement(1, named(vec![lot("second", 1)])), None);
        let events = known.decide(&issue).unwrap();
        assert_eq!(events[0].worth(), -Total::from(Money::whole(costs)), "{valuation:?}");
        let after = events.iter().fold(known, Stock::evolve);
        assert_eq!(after.holding.value, Money::whole(left).into());
        assert_eq!(after.of_lot("first"), Quantity::whole(1));
    }
}

fn valued(valuation: Valuation) -> StockEvent {
    let product_id = product();
    StockEvent::Valued(Valued { product_id, valuation })
}

/// What was there of the lot on that day, and since, was so much.
fn of_an_earlier_day(command: StockCommand, number: &str, least: i32) -> StockCommand {
    let terms = Terms {
        product_id: product(),
        valuation: Valuation::Average,
        dated: Some(Dated {
            on: day(1),
            today: day(2),
            closed_through: None,
            least: None,
            least_of_lots: [(number.to_owned(), Quantity::whole(least))].into(),
        }),
    };
    StockCommand::Under(terms, Box::new(command))
}

/// What is told of an earlier day takes of each lot what was there then: what came later is passed over, and does not go by its
/// name either.
#[test]
fn lots_of_an_earlier_day() {
    let known = mixed();
    let issue = |quantity, lots, number, least| {
        let issue = StockCommand::Issue(movement(quantity, named(lots)), None);
        let issued = known.decide(&of_an_earlier_day(issue, number, least))?;
        Ok::<_, StockRejection>(issued[0].lots().to_vec())
    };
    let over = || until("over", 2, 1);
    assert_eq!(issue(3, vec![], "late", 2), Ok(vec![over(), until("late", 1, 30)]));
    assert_eq!(issue(3, vec![], "late", 0), Ok(vec![over(), until("late too", 1, 30)]));
    let short = StockRejection::LotShort {
        number: "late".into(),
        available: Quantity::whole(1),
    };
    assert_eq!(issue(2, vec![lot("late", 2)], "late", 1), Err(short));
    assert_eq!(
        issue(1, vec![lot("late", 1)], "late", 1),
        Ok(vec![until("late", 1, 30)])
    );
    // A number that is there now is there, whenever it came.
    let serial = stock(&[tracked(Tracking::Serial), came(vec![lot("S-1", 1)])]);
    let again = of_an_earlier_day(receive(1, named(vec![lot("S-1", 1)])), "S-1", 0);
    let there = StockRejection::SerialInStock { number: "S-1".into() };
    assert_eq!(serial.decide(&again), Err(there));
}
