//! What a cancelled order owes. The sample undoes goods of line 0, a production order with a material of line 1, and an
//! invoice.

use super::*;
use crate::{
    Saga, Standing,
    testing::{after, decided, due, given_up, refusal, sample, seen, steps},
};
use domain::finance::invoice::InvoiceKind;

const ORDER: Uuid = Uuid::from_u128(100);

fn plan() -> Box<Cancelled> {
    match sample("order.cancelled.v1") {
        Fact::Order(OrderEvent::Cancelled(cancelled)) => cancelled,
        other => panic!("{other:?}"),
    }
}

fn cancelled() -> Seen {
    seen(ORDER, Fact::Order(OrderEvent::Cancelled(plan())))
}

fn stopped() -> Seen {
    let order_id = OrderId::new(ORDER);
    let id = plan().production[0].production_order_id;
    seen(id, Fact::ProductionOrder(ProductionOrderEvent::Cancelled { order_id }))
}

/// What stock answers to what is owed to it.
fn released(nth: usize) -> Seen {
    let begun: OrderCancellation = after(&[cancelled()]);
    let owed = begun.owed(ORDER).into_iter().filter_map(|owed| match owed.act {
        Act::Release(product_id, demand) => Some(StockEvent::Released {
            product_id,
            demand,
            quantity: domain::Quantity::ZERO,
        }),
        _ => None,
    });
    seen(Uuid::from_u128(5), Fact::Stock(owed.collect::<Vec<_>>().remove(nth)))
}

fn invoice() -> InvoiceId {
    plan().invoices[0].invoice_id
}

fn of_order(event: InvoiceEvent) -> Fact {
    let order_id = Some(OrderId::new(ORDER));
    Fact::Invoice(match event {
        InvoiceEvent::Cancelled(mut invoice) => {
            invoice.order_id = order_id;
            InvoiceEvent::Cancelled(invoice)
        }
        InvoiceEvent::Credited(mut credited) => {
            credited.order_id = order_id;
            InvoiceEvent::Credited(credited)
        }
        InvoiceEvent::Created(mut note) => {
            (note.order_id, note.kind) = (order_id, InvoiceKind::Credit);
            InvoiceEvent::Created(note)
        }
        other => panic!("{other:?}"),
    })
}

fn of_invoice(id: InvoiceId, versioned: &str) -> Seen {
    match sample(versioned) {
        Fact::Invoice(event) => seen(id, of_order(event)),
        other => panic!("{other:?}"),
    }
}

fn note() -> InvoiceId {
    match sample("invoice.credited.v1") {
        Fact::Invoice(InvoiceEvent::Credited(credited)) => credited.credit_note_id,
        other => panic!("{other:?}"),
    }
}

#[test]
fn which_order_a_fact_concerns() {
    for seen in [
        cancelled(),
        stopped(),
        released(0),
        of_invoice(invoice(), "invoice.cancelled.v1"),
        of_invoice(invoice(), "invoice.credited.v1"),
        of_invoice(note(), "invoice.created.v1"),
        refusal(OrderCancellation::NAME, ORDER, "x", "x"),
    ] {
        assert_eq!(OrderCancellation::instance(&seen), Some(ORDER), "{seen:?}");
    }
    for seen in [
        seen(ORDER, sample("order.created.v1")),
        seen(ORDER, sample("invoice.created.v1")),
        refusal("another", ORDER, "x", "x"),
    ] {
        assert_eq!(OrderCancellation::instance(&seen), None, "{seen:?}");
    }
}

#[test]
fn everything_is_undone_and_then_it_is_done() {
    let begun: OrderCancellation = after(&[cancelled()]);
    let owed = steps(&begun, ORDER);
    assert_eq!(owed.len(), 4, "{owed:?}");
    let Act::Revoke(_, _, deal, refund) = begun.owed(ORDER).remove(2).act else {
        panic!("{owed:?}")
    };
    assert_eq!((deal, refund), (plan().deal_id, plan().refund_amount));
    let facts = [
        cancelled(),
        stopped(),
        released(0),
        released(1),
        of_invoice(invoice(), "invoice.cancelled.v1"),
    ];
    for end in 1..facts.len() {
        let saga: OrderCancellation = after(&facts[..end]);
        assert_eq!(steps(&saga, ORDER).len(), 5 - end);
        assert_eq!(saga.standing(), Standing::Running);
    }
    let done: OrderCancellation = after(&facts);
    assert_eq!(done, OrderCancellation::Done);
    assert_eq!(steps(&done, ORDER), Vec::<String>::new());
    assert_eq!(done.clone().evolve(&cancelled()), done);
}

#[test]
fn what_was_credited_gets_its_note() {
    let facts = [
        cancelled(),
        stopped(),
        released(0),
        released(1),
        of_invoice(invoice(), "invoice.credited.v1"),
    ];
    let credited: OrderCancellation = after(&facts);
    assert_eq!(steps(&credited, ORDER), [credit(note())]);
    let written = of_invoice(note(), "invoice.created.v1");
    assert_eq!(credited.evolve(&written), OrderCancellation::Done);
}

#[test]
fn a_refused_step_waits_for_a_person_who_is_told() {
    let step = revoke(invoice());
    let refused = || refusal(OrderCancellation::NAME, ORDER, &step, "x");
    let parked: OrderCancellation = after(&[cancelled(), refused()]);
    assert!(matches!(parked.standing(), Standing::Parked { .. }));
    assert_eq!(parked.refused(), std::slice::from_ref(&step));
    let owed = steps(&parked, ORDER);
    assert!(!owed.contains(&step) && owed.contains(&"tell parked cancellation".to_owned()));
    assert_eq!(due(&parked, ORDER)[0].0, "tell still parked cancellation");
    let again = decided(ProcessEvent::StepRetried, OrderCancellation::NAME, ORDER, &step);
    assert!(steps(&after::<OrderCancellation>(&[cancelled(), refused(), again]), ORDER).contains(&step));
    let skipped = decided(ProcessEvent::StepSkipped, OrderCancellation::NAME, ORDER, &step);
    let rest = [stopped(), released(0), released(1)];
    let facts: Vec<Seen> = [cancelled(), refused(), skipped].into_iter().chain(rest).collect();
    assert_eq!(after::<OrderCancellation>(&facts), OrderCancellation::Done);
    let abandoned = given_up(OrderCancellation::NAME, ORDER);
    assert_eq!(
        after::<OrderCancellation>(&[cancelled(), abandoned]),
        OrderCancellation::Abandoned
    );
    let late = due(&after::<OrderCancellation>(&[cancelled()]), ORDER);
    assert_eq!(late[0].0, "tell late cancellation");
}
