//! What an order owes after which facts. The sample has a product from the shelf on line 0, something made on line 1,
//! an adjustment on line 2.

use super::*;
use crate::{
    Saga, Standing,
    testing::{after, at_once, refusal, sample, seen, seen_at, steps},
};
use std::sync::Arc;

pub(super) const ORDER: Uuid = Uuid::from_u128(100);

pub(super) fn ordered() -> Seen {
    seen(ORDER, sample("order.created.v1"))
}

/// The production order of a line, for that order.
fn produced(id: ProductionOrderId, line: u32) -> Seen {
    match sample("production.order.created.v1") {
        Fact::ProductionOrder(ProductionOrderEvent::Created(mut created)) => {
            (created.order_id, created.line) = (OrderId::new(ORDER), line);
            seen(id, Fact::ProductionOrder(ProductionOrderEvent::Created(created)))
        }
        other => panic!("{other:?}"),
    }
}

pub(super) fn ours() -> Seen {
    produced(production_order_id(ORDER, 1), 1)
}

fn scheduled(id: ProductionOrderId) -> Seen {
    match sample("production.order.scheduled.v1") {
        Fact::ProductionOrder(ProductionOrderEvent::Scheduled { start, finish, .. }) => {
            let order_id = OrderId::new(ORDER);
            let scheduled = ProductionOrderEvent::Scheduled {
                order_id,
                start,
                finish,
            };
            seen(id, Fact::ProductionOrder(scheduled))
        }
        other => panic!("{other:?}"),
    }
}

/// What stock answers: so much is held, and so much is missing.
pub(super) fn answered(saga: &OrderFulfillment, step: usize, held: i32, missing: i32) -> Vec<Seen> {
    let Act::Reserve(product_id, demand, _) = saga.owed(ORDER).remove(step).act else {
        panic!("nothing is to be reserved")
    };
    let reserved = StockEvent::Reserved {
        product_id,
        demand: demand.clone(),
        quantity: Quantity::whole(held),
    };
    let short = StockEvent::Short {
        product_id,
        demand,
        missing: Quantity::whole(missing),
    };
    let held = (held > 0).then_some(reserved);
    let answers = held.into_iter().chain((missing > 0).then_some(short));
    answers
        .map(|event| seen(Uuid::from_u128(5), Fact::Stock(event)))
        .collect()
}

pub(super) fn told(step: &str) -> Seen {
    match sample("notification.created.v1") {
        Fact::Notification(NotificationEvent::Created(mut created)) => {
            created.about = ORDER;
            seen(
                derive(ORDER, step),
                Fact::Notification(NotificationEvent::Created(created)),
            )
        }
        other => panic!("{other:?}"),
    }
}

pub(super) fn fold(saga: OrderFulfillment, facts: &[Seen]) -> OrderFulfillment {
    facts.iter().fold(saga, |saga, seen| saga.evolve(seen))
}

/// Line 0 has all it needs: what is left is line 1.
pub(super) fn with_goods() -> OrderFulfillment {
    let begun: OrderFulfillment = after(&[ordered()]);
    let held = answered(&begun, 0, 50, 0);
    fold(begun, &held)
}

fn waiting(reason: &str) -> Standing {
    Standing::Waiting {
        reason: reason.to_owned(),
    }
}

#[test]
fn which_order_a_fact_concerns() {
    let begun: OrderFulfillment = after(&[ordered()]);
    let mut facts = vec![
        ordered(),
        ours(),
        scheduled(production_order_id(ORDER, 1)),
        told("tell parked"),
        refusal(OrderFulfillment::NAME, ORDER, "produce line 1", "x"),
    ];
    facts.extend(answered(&begun, 0, 1, 1));
    for seen in facts {
        assert_eq!(OrderFulfillment::instance(&seen), Some(ORDER), "{seen:?}");
    }
    for seen in [
        refusal("another", ORDER, "produce line 1", "x"),
        seen(ORDER, sample("stock.received.v1")),
        seen(ORDER, sample("deal.won.v1")),
    ] {
        assert_eq!(OrderFulfillment::instance(&seen), None, "{seen:?}");
    }
}

#[test]
fn goods_are_reserved_and_what_is_made_is_produced() {
    assert_eq!(steps(&OrderFulfillment::default(), ORDER), Vec::<String>::new());
    assert_eq!(OrderFulfillment::default().standing(), Standing::Idle);
    assert_eq!(OrderFulfillment::default().evolve(&ours()), OrderFulfillment::Idle);
    let begun: OrderFulfillment = after(&[ordered()]);
    assert_eq!(begun.standing(), Standing::Running);
    let owed = at_once(&begun, ORDER);
    let [reserve, produce] = owed.as_slice() else {
        panic!("{owed:?}")
    };
    let Act::Reserve(product, demand, quantity) = &reserve.act else {
        panic!("{reserve:?}")
    };
    assert_eq!(reserve.step, format!("reserve {product} for line 0"));
    assert_eq!(
        (demand.id, *quantity),
        (derive(ORDER, &reserve.step), Quantity::whole(50))
    );
    assert_eq!((demand.line, demand.order_id), (0, OrderId::new(ORDER)));
    assert_eq!(
        (demand.production_order_id, demand.reference.as_str()),
        (None, "ORD-2026-0001")
    );
    let Act::Produce(id, request) = &produce.act else {
        panic!("{produce:?}")
    };
    assert_eq!(
        (produce.step.as_str(), *id),
        ("produce line 1", production_order_id(ORDER, 1))
    );
    assert_ne!(production_order_id(ORDER, 1), production_order_id(ORDER, 2));
    assert_eq!((request.line, request.quantity), (1, Quantity::whole(2)));
    assert_eq!(
        (request.order_id, request.product_name.as_str()),
        (OrderId::new(ORDER), "Cabinet")
    );
}

#[test]
fn a_line_waits_for_goods_and_people_are_told_what_is_missing() {
    let begun: OrderFulfillment = after(&[ordered()]);
    let short = fold(begun.clone(), &answered(&begun, 0, 30, 20));
    assert_eq!(steps(&short, ORDER), ["tell shortage of line 0", "produce line 1"]);
    assert_eq!(short.standing(), waiting("line 0: 20 of ERP missing"));
    let Act::Notify(_, created) = short.owed(ORDER).remove(0).act else {
        panic!("nobody is told")
    };
    assert_eq!(
        (created.topic, &created.data["missing"]),
        (Topic::ProductionShortage, &json!(20))
    );
    let short = short.evolve(&told("tell shortage of line 0"));
    assert_eq!(steps(&short, ORDER), ["produce line 1"]);
    let part = fold(short, &answered(&begun, 0, 15, 0));
    assert_eq!(part.standing(), waiting("line 0: 5 of ERP missing"));
    let all = fold(part, &answered(&begun, 0, 5, 0));
    assert_eq!(
        (steps(&all, ORDER), all.standing()),
        (vec!["produce line 1".to_owned()], Standing::Running)
    );
}

#[test]
fn what_is_not_of_this_order_changes_nothing() {
    let goods = with_goods();
    assert_eq!(steps(&goods, ORDER), ["produce line 1"]);
    let other = produced(ProductionOrderId::new(Uuid::from_u128(6)), 1);
    let no_line = produced(production_order_id(ORDER, 7), 7);
    assert_eq!(fold(goods.clone(), &[other, no_line]), goods);
    let begun: OrderFulfillment = after(&[ordered()]);
    let strange = answered(&begun, 0, 50, 0).into_iter().flat_map(|seen| {
        let Fact::Stock(StockEvent::Reserved {
            product_id,
            demand,
            quantity,
        }) = Arc::unwrap_or_clone(seen.fact)
        else {
            panic!("another fact")
        };
        let of_line = |line| Demand { line, ..demand.clone() };
        [
            (ProductId::default(), of_line(0)),
            (product_id, of_line(1)),
            (product_id, of_line(9)),
        ]
        .map(|(product_id, demand)| StockEvent::Reserved {
            product_id,
            demand,
            quantity,
        })
    });
    let strange: Vec<Seen> = strange.map(|event| seen(ORDER, Fact::Stock(event))).collect();
    assert_eq!(fold(begun.clone(), &strange), begun);
}

#[test]
fn materials_are_reserved_and_then_it_is_planned_from_that_instant() {
    let made = with_goods().evolve(&ours());
    let owed = at_once(&made, ORDER);
    let demands: Vec<_> = owed
        .iter()
        .map(|owed| match &owed.act {
            Act::Reserve(_, demand, quantity) => (demand.clone(), *quantity),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        demands.iter().map(|(_, much)| *much).sum::<Quantity>(),
        Quantity::whole(12)
    );
    for (demand, _) in &demands {
        assert_eq!(demand.production_order_id, Some(production_order_id(ORDER, 1)));
        assert_eq!((demand.line, demand.reference.as_str()), (1, "PRD-2026-0001"));
    }
    // Told again, it does not begin anew.
    let first = answered(&made, 0, demands[0].1.units() as i32 / 1_000, 0);
    let half = fold(made.clone(), &first);
    assert_eq!(half.clone().evolve(&ours()), half);
    assert_eq!(steps(&half, ORDER), [owed[1].step.clone()]);
    let mut second = answered(&made, 1, demands[1].1.units() as i32 / 1_000, 0);
    second[0].at = "2026-12-01T09:00:00Z".parse().unwrap();
    let ready = fold(half, &second);
    let planned = at_once(&ready, ORDER);
    let expected = Act::Schedule(production_order_id(ORDER, 1), second[0].at);
    assert_eq!(planned, [Owed::new("schedule line 1", expected)]);
    let again = seen_at("2026-12-02T09:00:00Z", second[0].id, Fact::clone(&second[0].fact));
    assert_eq!(
        at_once(&ready.clone().evolve(&again), ORDER),
        planned,
        "the first instant counts"
    );
    let other = scheduled(ProductionOrderId::new(Uuid::from_u128(6)));
    assert_eq!(ready.clone().evolve(&other), ready);
    let done = ready.evolve(&scheduled(production_order_id(ORDER, 1)));
    assert_eq!(
        (done.clone(), done.standing()),
        (OrderFulfillment::Done, Standing::Done)
    );
    assert_eq!(steps(&done, ORDER), Vec::<String>::new());
    assert_eq!(done.clone().evolve(&ordered()), done);
}

#[test]
fn nobody_is_told_of_a_shortage_before_stock_has_answered_for_everything() {
    let made = with_goods().evolve(&ours());
    let one_short = fold(made.clone(), &answered(&made, 0, 0, 1));
    assert_eq!(steps(&one_short, ORDER).len(), 1, "the other material is asked for");
    assert!(steps(&one_short, ORDER)[0].starts_with("reserve"));
    let both = fold(one_short, &answered(&made, 1, 1, 1));
    assert_eq!(steps(&both, ORDER), ["tell shortage of line 1"]);
}

#[test]
fn a_refused_step_parks_it_and_somebody_is_told() {
    let refused = |step: &str, code: &str| refusal(OrderFulfillment::NAME, ORDER, step, code);
    let parked = with_goods().evolve(&refused("produce line 1", "test.refused"));
    let reason = "produce line 1: test.refused".to_owned();
    assert_eq!(parked.standing(), Standing::Parked { reason });
    assert_eq!(steps(&parked, ORDER), ["tell parked"]);
    let Act::Notify(_, created) = parked.owed(ORDER).remove(0).act else {
        panic!("nobody is told")
    };
    assert_eq!(
        (created.topic, &created.data["reason"]),
        (Topic::ProcessParked, &json!("test.refused"))
    );
    let told = parked.evolve(&told("tell parked"));
    assert_eq!(steps(&told, ORDER), Vec::<String>::new());
    let quiet = with_goods().evolve(&refused("tell parked", "x"));
    assert_eq!(steps(&quiet, ORDER), ["produce line 1"]);
    // All lines settled, and still not done: a person has to decide.
    let goods = answered(&after(&[ordered()]), 0, 50, 0);
    let begun: OrderFulfillment = after(&[ordered(), refused("produce line 1", "x")]);
    assert!(matches!(fold(begun, &goods).standing(), Standing::Parked { .. }));
}

#[test]
fn a_line_without_a_bill_waits_for_one_and_asks_once() {
    let no_bill = refusal(
        OrderFulfillment::NAME,
        ORDER,
        "produce line 1",
        ProductionOrderRejection::NoBill.code(),
    );
    let bill = |event: fn(ProductId, OrderId) -> BomEvent| {
        let event = event(ProductId::new(Uuid::from_u128(7)), OrderId::new(ORDER));
        seen(Uuid::from_u128(8), Fact::Bom(event))
    };
    let awaited = bill(|product_id, order_id| BomEvent::Awaited {
        product_id,
        order_id,
        line: 1,
    });
    let provided = bill(|product_id, order_id| BomEvent::Provided {
        product_id,
        order_id,
        line: 1,
    });
    let unbilled = with_goods().evolve(&no_bill);
    assert_eq!(unbilled.standing(), waiting("line 1: no bill of materials"));
    assert_eq!(
        steps(&unbilled, ORDER),
        ["await the bill of line 1", "tell missing bill of line 1"]
    );
    let asked = fold(unbilled, &[awaited, told("tell missing bill of line 1")]);
    assert_eq!(steps(&asked, ORDER), Vec::<String>::new());
    let refused_again = asked.evolve(&no_bill);
    assert_eq!(steps(&refused_again, ORDER), Vec::<String>::new());
    let billed = refused_again.evolve(&provided);
    assert_eq!(steps(&billed, ORDER), ["produce line 1 by its bill"]);
}

/// The sample's order as a draft.
fn drafted() -> Seen {
    match sample("order.created.v1") {
        Fact::Order(OrderEvent::Created(mut order)) => {
            order.status = order::Status::Draft;
            seen(ORDER, Fact::Order(OrderEvent::Created(order)))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_follows_from_a_draft_before_it_is_placed() {
    let draft: OrderFulfillment = after(&[drafted()]);
    assert_eq!(draft, OrderFulfillment::Idle);
    let placed = seen(ORDER, sample("order.placed.v1"));
    assert_eq!(OrderFulfillment::instance(&placed), Some(ORDER));
    let begun: OrderFulfillment = after(&[drafted(), placed]);
    assert_eq!(
        steps(&begun, ORDER),
        steps(&after::<OrderFulfillment>(&[ordered()]), ORDER)
    );
}

#[test]
fn nothing_follows_from_an_order_that_was_cancelled() {
    let cancelled = || seen(ORDER, sample("order.cancelled.v1"));
    assert_eq!(OrderFulfillment::instance(&cancelled()), Some(ORDER));
    let done = fold(with_goods(), &[cancelled()]);
    assert_eq!(done, OrderFulfillment::Done);
    let early: OrderFulfillment = after(&[drafted(), cancelled()]);
    assert_eq!(early, OrderFulfillment::Idle);
}

/// The sample's change ends lines 0 and 1; it begins line 3, of the shelf, and line 4, which is made.
#[test]
fn a_change_ends_lines_and_begins_others() {
    let Fact::Order(OrderEvent::Changed(changed)) = sample("order.changed.v1") else {
        panic!("another event")
    };
    let wanted = [reserve(changed.items[0].product_id.unwrap(), 3), make(4)];
    let changed = || seen(ORDER, sample("order.changed.v1"));
    assert_eq!(OrderFulfillment::instance(&changed()), Some(ORDER));
    let refused = refusal(OrderFulfillment::NAME, ORDER, "produce line 1", "x");
    for before in [
        OrderFulfillment::Idle,
        OrderFulfillment::Done,
        after(&[ordered()]),
        after(&[ordered(), refused]),
    ] {
        let saga = before.evolve(&changed());
        assert_eq!(steps(&saga, ORDER), wanted);
        assert_eq!(saga.standing(), Standing::Running);
    }
    let abandoned = OrderFulfillment::Abandoned;
    assert_eq!(abandoned.clone().evolve(&changed()), abandoned);
}
