//! Every outcome of every command of an invoice, in order of precedence.

use super::*;
use crate::testing::{given, sample};

/// Over 22 500 000, sent.
fn bill() -> Box<Created> {
    match sample("invoice.created.v1") {
        InvoiceEvent::Created(bill) => bill,
        other => panic!("{other:?}"),
    }
}

fn billed(bill: &Created) -> InvoiceEvent {
    InvoiceEvent::Created(Box::new(bill.clone()))
}

fn payment(amount: i32) -> Payment {
    Payment {
        id: PaymentId::default(),
        invoice_id: InvoiceId::default(),
        amount: Money::whole(amount),
        method: "cash".into(),
        reference: Some("1".into()),
        date: NaiveDate::from_ymd_opt(2026, 11, 22).unwrap(),
        allow_credit: false,
    }
}

fn credited(amount: i32) -> Payment {
    Payment {
        allow_credit: true,
        ..payment(amount)
    }
}

fn invoice(payments: &[Payment]) -> Invoice {
    let mut invoice = Invoice::default().evolve(&billed(&bill()));
    for payment in payments {
        for event in invoice.decide(&InvoiceCommand::Pay(payment.clone())).unwrap() {
            invoice = invoice.evolve(&event);
        }
    }
    invoice
}

/// How much of a payment is applied, how much becomes credit, and whether that settles the invoice.
fn pays(before: &[Payment], payment: Payment) -> Result<(Money, Money, bool), InvoiceRejection> {
    let events = invoice(before).decide(&InvoiceCommand::Pay(payment))?;
    match events.as_slice() {
        [
            InvoiceEvent::PaymentReceived {
                amount,
                applied,
                credit,
                ..
            },
            rest @ ..,
        ] => {
            assert_eq!(applied.plus(*credit), *amount, "nothing of a payment is lost");
            let settled = matches!(rest, [InvoiceEvent::Paid { .. }]);
            assert!(settled || rest.is_empty(), "{rest:?}");
            Ok((*applied, *credit, settled))
        }
        other => panic!("{other:?}"),
    }
}

fn invalid(field: &str, rule: Rule) -> InvoiceRejection {
    Violations::one(field, rule).into()
}

#[test]
fn create() {
    let create = |bill: &Created| InvoiceCommand::Create(Box::new(bill.clone()));
    let empty = Created {
        items: vec![],
        ..*bill()
    };
    let more = Created {
        amount: Money::whole(22_500_001),
        ..*bill()
    };
    given::<Invoice>([billed(&bill())]).when(create(&empty)).then([]);
    given::<Invoice>([])
        .when(create(&empty))
        .then_rejected(InvoiceRejection::Empty);
    given::<Invoice>([])
        .when(create(&more))
        .then_rejected(invalid("amount", Rule::NotAllowed));
    let gift = Created {
        items: Line::adjustment("Adjustment", Money::whole(1))
            .into_iter()
            .chain(Line::adjustment("Adjustment", Money::whole(-1)))
            .collect(),
        amount: Money::ZERO,
        ..*bill()
    };
    given::<Invoice>([])
        .when(create(&gift))
        .then_rejected(InvoiceRejection::NothingToPay);
    given::<Invoice>([]).when(create(&bill())).then([billed(&bill())]);
}

#[test]
fn what_a_payment_pays() {
    let m = Money::whole;
    for (before, next, expected) in [
        (vec![], payment(1), (m(1), m(0), false)),
        (vec![], payment(22_499_999), (m(22_499_999), m(0), false)),
        (vec![], payment(22_500_000), (m(22_500_000), m(0), true)),
        (vec![], credited(22_500_001), (m(22_500_000), m(1), true)),
        (vec![], credited(5), (m(5), m(0), false)),
        (vec![payment(22_000_000)], payment(500_000), (m(500_000), m(0), true)),
        (vec![payment(22_000_000)], payment(400_000), (m(400_000), m(0), false)),
        (
            vec![payment(22_000_000)],
            credited(600_000),
            (m(500_000), m(100_000), true),
        ),
        // What is paid already stays paid: no second `invoice.paid`.
        (vec![payment(22_500_000)], credited(7), (m(0), m(7), false)),
    ] {
        assert_eq!(pays(&before, next.clone()), Ok(expected), "{before:?}, {next:?}");
    }
}

#[test]
fn what_a_payment_tells() {
    let bill = bill();
    let paid = payment(22_500_000);
    let decided = invoice(&[]).decide(&InvoiceCommand::Pay(paid.clone())).unwrap();
    let [received, settled] = decided.as_slice() else {
        panic!("{decided:?}")
    };
    let told = serde_json::to_value(received).unwrap()["data"].clone();
    let known = serde_json::to_value(&bill).unwrap();
    for field in ["customerId", "orderId", "currency", "invoiceNumber"] {
        assert_eq!(told[field], known[field], "{field}");
    }
    let said = [
        ("method", "cash"),
        ("reference", "1"),
        ("date", "2026-11-22"),
        ("paymentNumber", ""),
    ];
    for (field, value) in said {
        assert_eq!(told[field], value, "{field}");
    }
    let expected = InvoiceEvent::Paid {
        customer_id: bill.customer_id,
        order_id: bill.order_id,
        deal_id: bill.deal_id,
        amount: bill.amount,
    };
    assert_eq!(settled, &expected);
    assert_eq!(invoice(std::slice::from_ref(&paid)).evolve(settled), invoice(&[paid]));
}

#[test]
fn what_keeps_a_payment_from_being_taken_in_this_order() {
    let draft = Created {
        status: Status::Draft,
        ..*bill()
    };
    let above = |amount| Payment {
        method: " ".into(),
        ..payment(amount)
    };
    let pay = InvoiceCommand::Pay;
    given::<Invoice>([])
        .when(pay(above(0)))
        .then_rejected(InvoiceRejection::Missing);
    given::<Invoice>([billed(&draft)])
        .when(pay(above(22_500_001)))
        .then_rejected(invalid("method", Rule::Required));
    given::<Invoice>([billed(&draft)])
        .when(pay(payment(22_500_001)))
        .then_rejected(InvoiceRejection::NotSent);
    for status in [Status::Draft, Status::Paid] {
        let note = Created {
            kind: InvoiceKind::Credit,
            status,
            ..*bill()
        };
        given::<Invoice>([billed(&note)])
            .when(pay(above(1)))
            .then_rejected(invalid("method", Rule::Required));
        for asked in [payment(1), payment(22_500_001), credited(22_500_001)] {
            given::<Invoice>([billed(&note)])
                .when(pay(asked))
                .then_rejected(InvoiceRejection::Closed);
        }
    }
    let open = Money::whole(500_000);
    let part = [payment(22_000_000)];
    assert_eq!(pays(&part, payment(500_001)), Err(InvoiceRejection::AboveOpen { open }));
    for (bad, field, rule) in [
        (payment(0), "amount", Rule::NotPositive),
        (credited(-1), "amount", Rule::NotPositive),
        (
            Payment {
                method: "я".repeat(51),
                ..payment(1)
            },
            "method",
            Rule::TooLong { max: 50 },
        ),
        (
            Payment {
                reference: Some("я".repeat(101)),
                ..payment(1)
            },
            "reference",
            Rule::TooLong { max: 100 },
        ),
        (
            Payment {
                date: NaiveDate::from_ymd_opt(1066, 1, 1).unwrap(),
                ..payment(1)
            },
            "date",
            Rule::YearOutOfRange { min: 1900, max: 9999 },
        ),
    ] {
        assert_eq!(pays(&[], bad), Err(invalid(field, rule)));
    }
}

fn revocation(refund: i32) -> InvoiceCommand {
    InvoiceCommand::Revoke(Revocation {
        order_id: OrderId::default(),
        deal_id: None,
        refund: Money::whole(refund),
        credit_note_id: InvoiceId::default(),
    })
}

/// One that nobody paid is cancelled, a paid one is credited, each once; and one that is not written yet never will be.
#[test]
fn revoke() {
    let cancelled = |events: &[InvoiceEvent]| matches!(events, [InvoiceEvent::Cancelled(_)]);
    let state = |events: &[InvoiceEvent]| events.iter().fold(Invoice::default(), Invoice::evolve);
    let never = Invoice::default().decide(&revocation(0)).unwrap();
    assert!(cancelled(&never), "{never:?}");
    assert_eq!(state(&never).decide(&revocation(0)), Ok(vec![]));
    assert_eq!(state(&never).decide(&InvoiceCommand::Create(bill())), Ok(vec![]));
    assert_eq!(
        state(&never).decide(&InvoiceCommand::Pay(payment(1))),
        Err(InvoiceRejection::Missing)
    );

    let open = [billed(&bill())];
    let unpaid = state(&open).decide(&revocation(7)).unwrap();
    let [InvoiceEvent::Cancelled(gone)] = &unpaid[..] else {
        panic!("{unpaid:?}")
    };
    assert_eq!(
        (gone.amount, gone.customer_id),
        (bill().amount, Some(bill().customer_id))
    );
    let closed = state(&open).evolve(&unpaid[0]);
    assert_eq!(closed.decide(&revocation(7)), Ok(vec![]));
    assert_eq!(
        closed.decide(&InvoiceCommand::Pay(payment(1))),
        Err(InvoiceRejection::Closed)
    );

    let paid = state(&open).decide(&InvoiceCommand::Pay(payment(10_000_000))).unwrap();
    let part = paid.iter().fold(state(&open), Invoice::evolve);
    for (asked, refunded, kept) in [
        (4, 4, 9_999_996),
        (10_000_000, 10_000_000, 0),
        (10_000_001, 10_000_000, 0),
        (-1, 0, 10_000_000),
    ] {
        let events = part.decide(&revocation(asked)).unwrap();
        let [InvoiceEvent::Credited(credited)] = &events[..] else {
            panic!("{events:?}")
        };
        assert_eq!(
            (credited.refunded, credited.kept, credited.amount),
            (Money::whole(refunded), Money::whole(kept), bill().amount)
        );
        let after = part.clone().evolve(&events[0]);
        assert_eq!(after.decide(&revocation(asked)), Ok(vec![]));
        assert!(after.known().is_some_and(Known::is_closed));
    }
}
