//! How long a line may wait for what, and who is told then. Everything happens at ten, but where another hour is named.

use super::{
    super::tests::{ORDER, answered, fold, ordered, ours, told, with_goods},
    *,
};
use crate::{
    Act, Seen, Standing,
    testing::{after, due, refusal, sample, seen, steps},
};
use domain::{Fact, production::bom::BomEvent, sales::order::OrderEvent};

fn waits(saga: &OrderFulfillment) -> Vec<(String, String)> {
    due(saga, ORDER)
}

fn at(step: &str, due: &str) -> (String, String) {
    (step.to_owned(), due.to_owned())
}

fn late_by(hours: i64, seen: Seen) -> Seen {
    Seen {
        at: seen.at + chrono::TimeDelta::hours(hours),
        ..seen
    }
}

fn no_bill() -> Seen {
    refusal(
        OrderFulfillment::NAME,
        ORDER,
        "produce line 1",
        "production_order.no_bill",
    )
}

/// Stock has answered for the materials of line 1: one is missing.
fn short() -> OrderFulfillment {
    let produced = fold(with_goods(), &[ours()]);
    let mut answers = answered(&produced, 0, 0, 4);
    answers.extend(answered(&produced, 1, 2, 0));
    let answers: Vec<Seen> = answers.into_iter().map(|seen| late_by(2, seen)).collect();
    fold(produced, &answers)
}

#[test]
fn what_follows_by_itself_has_an_hour() {
    let begun: OrderFulfillment = after(&[ordered()]);
    let an_hour = "2026-11-21T11:00:00Z";
    assert_eq!(
        waits(&begun),
        [at("tell line 0 late", an_hour), at("tell line 1 late", an_hour)]
    );
    assert_eq!(
        waits(&with_goods()),
        [at("tell line 1 late", an_hour)],
        "line 0 has all it needs"
    );
    let told = with_goods().evolve(&told("tell line 1 late"));
    assert_eq!(waits(&told), []);
    assert_eq!(steps(&told, ORDER), ["produce line 1"], "it goes on");
}

#[test]
fn goods_have_a_week_from_when_they_were_missed() {
    let a_week = at("tell line 1 still short", "2026-11-28T12:00:00Z");
    assert_eq!(waits(&short()), std::slice::from_ref(&a_week));
    let told_first = short().evolve(&late_by(3, told("tell shortage of line 1")));
    assert_eq!(waits(&told_first), [a_week], "since it waits, not since that was told");
    let told_again = told_first.evolve(&told("tell line 1 still short"));
    assert_eq!(waits(&told_again), []);
    assert!(
        matches!(told_again.standing(), Standing::Waiting { .. }),
        "and it goes on waiting"
    );
}

#[test]
fn a_bill_has_two_days_and_its_line_an_hour_after_that() {
    let unbilled = with_goods().evolve(&late_by(1, no_bill()));
    assert_eq!(
        waits(&unbilled),
        [at("tell line 1 still without a bill", "2026-11-23T11:00:00Z")]
    );
    let Fact::Bom(BomEvent::Provided { product_id, .. }) = sample("bom.provided.v1") else {
        panic!("another event")
    };
    let provided = BomEvent::Provided {
        product_id,
        order_id: ORDER.into(),
        line: 1,
    };
    let billed = unbilled.evolve(&late_by(30, seen(ORDER, Fact::Bom(provided))));
    assert_eq!(waits(&billed), [at("tell line 1 late", "2026-11-22T17:00:00Z")]);
}

#[test]
fn a_refusal_has_three_days_and_nothing_is_late_that_cannot_follow() {
    let refused = |hours, step: &str| late_by(hours, refusal(OrderFulfillment::NAME, ORDER, step, "x"));
    let parked = fold(with_goods(), &[refused(5, "produce line 1"), refused(1, "z")]);
    assert_eq!(
        waits(&parked),
        [at("tell still parked", "2026-11-24T11:00:00Z")],
        "of the first"
    );
    assert_eq!(waits(&parked.evolve(&told("tell still parked"))), []);
}

#[test]
fn who_sold_it_is_told_or_the_owners() {
    let audience = |saga: &OrderFulfillment| {
        let owed = saga.owed(ORDER).into_iter().find(|owed| owed.due.is_some()).unwrap();
        match owed.act {
            Act::Notify(_, created) => (created.topic, created.audience, created.data["number"].clone()),
            other => panic!("{other:?}"),
        }
    };
    let Fact::Order(OrderEvent::Created(order)) = sample("order.created.v1") else {
        panic!("another event")
    };
    let number = json!("ORD-2026-0001");
    let seller = order.assigned_to.map(Audience::User).unwrap();
    assert_eq!(audience(&short()), (Topic::ShortageLasts, seller, number.clone()));
    let unbilled = with_goods().evolve(&no_bill());
    assert_eq!(audience(&unbilled), (Topic::BillStillMissing, seller, number.clone()));
    assert_eq!(
        audience(&with_goods()),
        (Topic::ProcessLate, Audience::Role(Role::Owner), number)
    );
}
