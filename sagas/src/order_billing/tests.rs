//! What a placed order owes until its invoice is there.

use super::*;
use crate::testing::{after, decided, due, given_up, refusal, sample, seen, steps};
use domain::Money;

const ORDER: Uuid = Uuid::from_u128(100);

fn order(change: impl Fn(&mut Created)) -> Box<Created> {
    match sample("order.created.v1") {
        Fact::Order(OrderEvent::Created(mut order)) => {
            change(&mut order);
            order
        }
        other => panic!("{other:?}"),
    }
}

fn created(change: impl Fn(&mut Created)) -> Seen {
    seen(ORDER, Fact::Order(OrderEvent::Created(order(change))))
}

fn by_hand() -> Seen {
    created(|_| ())
}

fn placed() -> Seen {
    seen(ORDER, Fact::Order(OrderEvent::Placed(order(|_| ()))))
}

fn cancelled() -> Seen {
    seen(ORDER, sample("order.cancelled.v1"))
}

fn of_order(id: impl Into<Uuid>, versioned: &str) -> Seen {
    let of = Some(OrderId::new(ORDER));
    let fact = match sample(versioned) {
        Fact::Invoice(InvoiceEvent::Created(mut invoice)) => {
            invoice.order_id = of;
            InvoiceEvent::Created(invoice)
        }
        Fact::Invoice(InvoiceEvent::Cancelled(mut invoice)) => {
            invoice.order_id = of;
            InvoiceEvent::Cancelled(invoice)
        }
        other => panic!("{other:?}"),
    };
    seen(id, Fact::Invoice(fact))
}

fn its() -> InvoiceId {
    InvoiceId::of_order(OrderId::new(ORDER))
}

fn standing(facts: &[Seen]) -> Standing {
    after::<OrderBilling>(facts).standing()
}

fn owed(facts: &[Seen]) -> Vec<String> {
    steps(&after::<OrderBilling>(facts), ORDER)
}

#[test]
fn which_order_a_fact_concerns() {
    for seen in [
        by_hand(),
        placed(),
        cancelled(),
        of_order(its(), "invoice.created.v1"),
        of_order(its(), "invoice.cancelled.v1"),
        refusal(OrderBilling::NAME, ORDER, "x", "x"),
    ] {
        assert_eq!(OrderBilling::instance(&seen), Some(ORDER), "{seen:?}");
    }
    for seen in [
        seen(ORDER, sample("order.shipped.v1")),
        seen(ORDER, sample("deal.won.v1")),
        refusal("another", ORDER, "x", "x"),
    ] {
        assert_eq!(OrderBilling::instance(&seen), None, "{seen:?}");
    }
}

#[test]
fn an_order_by_hand_gets_its_invoice() {
    assert_eq!(owed(&[by_hand()]), [INVOICE]);
    assert_eq!(standing(&[by_hand()]), Standing::Running);
    let OrderBilling::Running(run) = after(&[by_hand()]) else {
        panic!("it runs")
    };
    assert_eq!(run.placed_on, local_date(by_hand().at));
    assert_eq!(owed(&[placed()]), [INVOICE]);
    let others = of_order(Uuid::from_u128(9), "invoice.created.v1");
    assert_eq!(
        owed(&[by_hand(), others]),
        [INVOICE],
        "another invoice for it is not this one"
    );
    for end in ["invoice.created.v1", "invoice.cancelled.v1"] {
        assert_eq!(standing(&[by_hand(), of_order(its(), end)]), Standing::Done, "{end}");
    }
}

#[test]
fn where_there_is_none_to_write() {
    let deal = order(|_| ()).deal_id.unwrap();
    for other in [
        created(|order| order.status = Status::Draft),
        created(|order| order.total_amount = Money::ZERO),
        seen(OrderId::of_deal(deal), Fact::Order(OrderEvent::Created(order(|_| ())))),
    ] {
        assert_eq!(OrderBilling::instance(&other), None, "{other:?}");
    }
    assert_eq!(standing(&[by_hand(), cancelled()]), Standing::Done);
    assert_eq!(standing(&[cancelled()]), Standing::Idle, "nothing has begun");
}

#[test]
fn a_refused_invoice_waits_for_a_person_who_is_told() {
    let refused = || refusal(OrderBilling::NAME, ORDER, INVOICE, "x");
    let parked: OrderBilling = after(&[by_hand(), refused()]);
    assert!(matches!(parked.standing(), Standing::Parked { .. }));
    assert_eq!(steps(&parked, ORDER), ["tell parked billing"]);
    assert_eq!(due(&parked, ORDER)[0].0, "tell still parked billing");
    assert_eq!(
        due(&after::<OrderBilling>(&[by_hand()]), ORDER)[0].0,
        "tell late billing"
    );
    let again = decided(ProcessEvent::StepRetried, OrderBilling::NAME, ORDER, INVOICE);
    assert_eq!(owed(&[by_hand(), refused(), again]), [INVOICE]);
    let skipped = decided(ProcessEvent::StepSkipped, OrderBilling::NAME, ORDER, INVOICE);
    assert_eq!(standing(&[by_hand(), refused(), skipped]), Standing::Done);
    let abandoned = given_up(OrderBilling::NAME, ORDER);
    assert_eq!(standing(&[by_hand(), abandoned]), Standing::Abandoned);
}
