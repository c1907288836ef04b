//! An order is completed when it was delivered and paid, whatever comes first, in parts or whole.

use super::*;
use crate::testing::{after, decided, given_up, refusal, sample, seen, steps};

const ORDER: Uuid = Uuid::from_u128(100);

fn delivered() -> Seen {
    seen(ORDER, sample("order.status.changed.v1"))
}

/// Of the 22500000 that the sample comes to.
fn paid(amount: i32) -> Seen {
    match sample("payment.received.v1") {
        Fact::Invoice(InvoiceEvent::PaymentReceived {
            payment_id,
            payment_number,
            invoice_id,
            invoice_number,
            customer_id,
            currency,
            method,
            reference,
            date,
            ..
        }) => {
            let received = InvoiceEvent::PaymentReceived {
                payment_id,
                payment_number,
                invoice_id,
                invoice_number,
                customer_id,
                order_id: Some(OrderId::new(ORDER)),
                amount: Money::whole(amount),
                applied: Money::whole(amount),
                credit: Money::ZERO,
                currency,
                method,
                reference,
                date,
                base_amount: None,
            };
            seen(Uuid::from_u128(5), Fact::Invoice(received))
        }
        other => panic!("{other:?}"),
    }
}

fn completed() -> Seen {
    seen(ORDER, sample("order.completed.v1"))
}

fn cancelled() -> Seen {
    seen(ORDER, sample("order.cancelled.v1"))
}

fn standing(facts: &[Seen]) -> Standing {
    after::<OrderCompletion>(facts).standing()
}

fn waits(reason: &str) -> Standing {
    Standing::Waiting {
        reason: reason.to_owned(),
    }
}

#[test]
fn which_order_a_fact_concerns() {
    for seen in [
        delivered(),
        paid(1),
        completed(),
        cancelled(),
        refusal(OrderCompletion::NAME, ORDER, COMPLETE, "x"),
    ] {
        assert_eq!(OrderCompletion::instance(&seen), Some(ORDER), "{seen:?}");
    }
    for seen in [
        seen(ORDER, sample("order.created.v1")),
        refusal("another", ORDER, COMPLETE, "x"),
    ] {
        assert_eq!(OrderCompletion::instance(&seen), None, "{seen:?}");
    }
}

#[test]
fn whichever_comes_last_completes_it() {
    let owed = |facts: &[Seen]| steps(&after::<OrderCompletion>(facts), ORDER);
    let (part, rest) = (paid(10_000_000), paid(12_500_000));
    assert_eq!(standing(&[delivered()]), waits("payment"));
    assert_eq!(standing(std::slice::from_ref(&part)), waits("delivery"));
    assert_eq!(owed(&[delivered(), part.clone()]), Vec::<String>::new());
    for facts in [
        [delivered(), part.clone(), rest.clone()],
        [part.clone(), delivered(), rest.clone()],
        [part.clone(), rest.clone(), delivered()],
    ] {
        assert_eq!(owed(&facts), [COMPLETE]);
        assert_eq!(standing(&facts), Standing::Running);
    }
    let done: OrderCompletion = after(&[part, rest, delivered(), completed()]);
    assert_eq!(done, OrderCompletion::Done);
    assert_eq!(steps(&done, ORDER), Vec::<String>::new());
    assert_eq!(
        done.clone().evolve(&delivered()),
        done,
        "nothing changes what has ended"
    );
}

/// By hand, where nothing was to be sent; also what is cancelled. What is paid on it afterwards changes nothing.
#[test]
fn what_a_person_ends_is_done() {
    for ended in [completed(), cancelled()] {
        for facts in [
            vec![ended.clone()],
            vec![paid(1), ended.clone()],
            vec![ended.clone(), paid(1)],
            vec![ended.clone(), paid(22_500_000), delivered()],
        ] {
            let done: OrderCompletion = after(&facts);
            assert_eq!(done.standing(), Standing::Done, "{facts:?}");
            assert_eq!(steps(&done, ORDER), Vec::<String>::new());
        }
    }
}

#[test]
fn a_refused_step_waits_for_a_person() {
    let due = [delivered(), paid(22_500_000)];
    let with = |more: Vec<Seen>| -> OrderCompletion {
        let facts: Vec<Seen> = due.iter().cloned().chain(more).collect();
        after(&facts)
    };
    let refused = || refusal(OrderCompletion::NAME, ORDER, COMPLETE, "x");
    let parked = with(vec![refused()]);
    assert!(matches!(parked.standing(), Standing::Parked { .. }));
    assert_eq!(parked.refused(), [COMPLETE]);
    assert_eq!(steps(&parked, ORDER), Vec::<String>::new());
    let again = decided(ProcessEvent::StepRetried, OrderCompletion::NAME, ORDER, COMPLETE);
    assert_eq!(steps(&with(vec![refused(), again]), ORDER), [COMPLETE]);
    let skipped = decided(ProcessEvent::StepSkipped, OrderCompletion::NAME, ORDER, COMPLETE);
    assert_eq!(with(vec![refused(), skipped]), OrderCompletion::Done);
    let abandoned = given_up(OrderCompletion::NAME, ORDER);
    assert_eq!(with(vec![abandoned]), OrderCompletion::Abandoned);
}
