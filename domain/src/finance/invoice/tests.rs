//! The invoice's rules, each as given, when, then.

use super::*;
use crate::testing::given;

fn created() -> InvoiceEvent {
    let day = NaiveDate::from_ymd_opt(2025, 1, 15).unwrap();
    InvoiceEvent::Created(Box::new(Created {
        invoice_number: "INV-2025-0001".into(),
        kind: InvoiceKind::Proforma,
        status: Status::Sent,
        customer_id: CustomerId::default(),
        customer_name: None,
        order_id: None,
        order_number: None,
        deal_id: None,
        items: Line::adjustment("ERP", Money::whole(22_500_000)).into_iter().collect(),
        amount: Money::whole(22_500_000),
        currency: "KZT".into(),
        issue_date: day,
        due_date: day,
        notes: None,
        exchange_rate: None,
        assigned_to: None,
    }))
}

fn payment(amount: i32) -> Payment {
    Payment {
        id: PaymentId::default(),
        invoice_id: InvoiceId::default(),
        amount: Money::whole(amount),
        method: "bank_transfer".into(),
        reference: None,
        date: NaiveDate::from_ymd_opt(2025, 1, 20).unwrap(),
        allow_credit: false,
    }
}

fn received(amount: i32, applied: i32) -> InvoiceEvent {
    InvoiceEvent::PaymentReceived {
        payment_id: PaymentId::default(),
        payment_number: Number::pending(),
        invoice_id: InvoiceId::default(),
        invoice_number: "INV-2025-0001".into(),
        customer_id: CustomerId::default(),
        order_id: None,
        amount: Money::whole(amount),
        applied: Money::whole(applied),
        credit: Money::whole(amount - applied),
        currency: "KZT".into(),
        method: "bank_transfer".into(),
        reference: None,
        date: NaiveDate::from_ymd_opt(2025, 1, 20).unwrap(),
        base_amount: None,
    }
}

fn paid() -> InvoiceEvent {
    InvoiceEvent::Paid {
        customer_id: CustomerId::default(),
        order_id: None,
        deal_id: None,
        amount: Money::whole(22_500_000),
    }
}

#[test]
fn paid_in_two_parts() {
    given::<Invoice>([created()])
        .when(InvoiceCommand::Pay(payment(10_000_000)))
        .then([received(10_000_000, 10_000_000)]);
    let first = [created(), received(10_000_000, 10_000_000)];
    given::<Invoice>(first)
        .when(InvoiceCommand::Pay(payment(12_500_000)))
        .then([received(12_500_000, 12_500_000), paid()]);
}

#[test]
fn more_than_is_open_is_refused_unless_the_rest_may_become_credit() {
    let above = InvoiceCommand::Pay(payment(22_500_001));
    given::<Invoice>([created()])
        .when(above)
        .then_rejected(InvoiceRejection::AboveOpen {
            open: Money::whole(22_500_000),
        });
    let generous = InvoiceCommand::Pay(Payment {
        allow_credit: true,
        ..payment(22_500_001)
    });
    given::<Invoice>([created()])
        .when(generous)
        .then([received(22_500_001, 22_500_000), paid()]);
}

#[test]
fn nothing_or_less_is_no_payment() {
    let refused = InvoiceRejection::Invalid(Violations::one("amount", Rule::NotPositive));
    given::<Invoice>([created()])
        .when(InvoiceCommand::Pay(payment(-5)))
        .then_rejected(refused);
}

#[test]
fn an_invoice_of_nothing_is_refused_for_nobody_could_pay_it() {
    let InvoiceEvent::Created(mut bill) = created() else {
        panic!("an invoice is created")
    };
    (bill.items[0].total_price, bill.amount) = (Money::ZERO, Money::ZERO);
    given::<Invoice>([])
        .when(InvoiceCommand::Create(bill))
        .then_rejected(InvoiceRejection::NothingToPay);
}

#[test]
fn payments_in_another_currency_add_up_to_the_invoice_in_the_base_currency() {
    let InvoiceEvent::Created(mut bill) = created() else {
        panic!("an invoice is created")
    };
    let rate = Rate::from_units(523_457_777).unwrap(); // 523.457777
    (bill.items[0].total_price, bill.amount) = (Money::whole(100), Money::whole(100));
    (bill.currency, bill.exchange_rate) = ("USD".into(), Some(rate));
    let mut invoice = Invoice::default().evolve(&InvoiceEvent::Created(bill));
    let mut base = Money::ZERO;
    for tiyn in [3_333, 3_333, 3_334] {
        let part = Payment {
            amount: Money::from_units(tiyn).unwrap(),
            ..payment(0)
        };
        for event in invoice.decide(&InvoiceCommand::Pay(part)).unwrap() {
            if let InvoiceEvent::PaymentReceived { base_amount, .. } = &event {
                base = base.plus(base_amount.unwrap());
            }
            invoice = invoice.evolve(&event);
        }
    }
    assert_eq!(Some(base), Money::whole(100).at(rate));
}
