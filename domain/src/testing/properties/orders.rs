//! The same of orders and invoices.

use super::{Promises, any_commands};
use crate::{
    Money, Patch, Quantity,
    catalog::product::ProductType,
    finance::{
        Currency,
        invoice::{Invoice, InvoiceCommand, InvoiceEvent, Payment, Revocation},
    },
    id::{InvoiceId, PaymentId},
    sales::{
        credit::{Credit, CreditCommand, Taking},
        line::{self, LineDraft, Price},
        order::{
            Change, Condition, Created, Details, Dispatch, Draft, Inspected, Order, OrderCommand as C, OrderEvent,
            Parcel, Return, Revision, Status, Step, WantedLine,
        },
    },
    testing::sample,
};
use serde_json::Value;
use uuid::Uuid;

#[test]
fn order_and_invoice() {
    let commands = commands();
    let names_its_effect = |command: &C| !matches!(command, C::Place(_) | C::Revise(_));
    any_commands::<Order>(
        &commands,
        &Promises {
            names_its_effect,
            invariant: is_the_sum_of_its_lines,
        },
    );

    let InvoiceEvent::Created(bill) = sample("invoice.created.v1") else {
        panic!("another event")
    };
    let pay = |amount: i32, allow_credit| {
        InvoiceCommand::Pay(Payment {
            id: PaymentId::default(),
            invoice_id: InvoiceId::default(),
            amount: Money::whole(amount),
            method: "cash".into(),
            reference: None,
            date: bill.issue_date,
            allow_credit,
        })
    };
    let commands = [
        InvoiceCommand::Create(bill.clone()),
        pay(10_000_000, false),
        pay(10_000_000, true),
        pay(1, false),
        pay(0, true),
        pay(-1, true),
        InvoiceCommand::Revoke(Revocation {
            order_id: Default::default(),
            deal_id: None,
            refund: Money::whole(4),
            credit_note_id: Default::default(),
        }),
    ];
    let names_its_effect = |command: &InvoiceCommand| !matches!(command, InvoiceCommand::Pay(_));
    any_commands::<Invoice>(
        &commands,
        &Promises {
            names_its_effect,
            invariant: within_the_bill,
        },
    );
}

#[test]
fn credit() {
    let take = |n: u128, amount: i32, may_exceed| {
        CreditCommand::Take(Box::new(Taking {
            order_id: Uuid::from_u128(n).into(),
            amount: Money::whole(amount),
            limit: Money::whole(10),
            may_exceed,
            ..Taking::default()
        }))
    };
    let commands = [
        take(1, 4, false),
        take(2, 10, false),
        take(3, 11, false),
        take(3, 11, true),
    ];
    any_commands::<Credit>(
        &commands,
        &Promises {
            names_its_effect: |_| true,
            invariant: |_| true,
        },
    );
}

/// Never is more applied than was billed.
fn within_the_bill(invoice: &Invoice) -> bool {
    let state = serde_json::to_value(invoice).unwrap();
    let amount = |at: &str| state.pointer(at).and_then(Value::as_f64);
    amount("/Known/paid") <= amount("/Known/bill/amount")
}

fn commands() -> Vec<C> {
    let OrderEvent::Created(order) = sample("order.created.v1") else {
        panic!("another event")
    };
    let change = Change {
        notes: Patch::Set(Some("Срочно".into())),
        ..Change::default()
    };
    let update = |items: Option<Vec<LineDraft>>, step: Option<Status>| C::Update {
        change: Box::new(change.clone()),
        items,
        step: step.map(Step::from),
    };
    let mut commands = vec![
        C::Create(without_lines(&order)),
        C::Create(order.clone()),
        by_hand(Status::Draft, vec![]),
        by_hand(Status::Draft, vec![line(ProductType::Product)]),
        by_hand(Status::Confirmed, vec![line(ProductType::Service)]),
        by_hand(
            Status::Confirmed,
            vec![line(ProductType::Product), line(ProductType::Product)],
        ),
        update(None, None),
        update(Some(vec![line(ProductType::Service)]), Some(Status::Pending)),
        update(Some(vec![]), Some(Status::Confirmed)),
        ship(1, None),
        ship(2, Some(1)),
        ship(3, Some(2)),
        revise(None, None),
        revise(Some(5), None),
        revise(Some(1), Some(2)),
        C::Complete,
        C::Cancel(Box::default()),
        take_back(1, 1),
        take_back(2, 4),
    ];
    let steps = [
        Status::Pending,
        Status::Confirmed,
        Status::Processing,
        Status::Delivered,
        Status::Completed,
    ];
    commands.extend(steps.map(|to| C::Move(to.into())));
    commands
}

fn by_hand(status: Status, items: Vec<LineDraft>) -> C {
    let details = Details {
        customer_id: Some(Default::default()),
        currency: Currency::kzt(),
        ..Details::default()
    };
    C::Place(Box::new(Draft { details, status, items }))
}

fn line(kind: ProductType) -> LineDraft {
    LineDraft {
        product_id: Default::default(),
        product_name: "ERP".into(),
        product_code: None,
        kind,
        quantity: Quantity::whole(3),
        price: Price {
            amount: Money::whole(7),
            ..Price::default()
        },
        discount: Default::default(),
        tax: Default::default(),
        parts: vec![],
    }
}

/// The first line stays, or there is another quantity of it; and of a new line, so much.
fn revise(quantity: Option<i32>, more: Option<i32>) -> C {
    let first = WantedLine {
        quantity: quantity.map(Quantity::whole),
        ..WantedLine::kept(0)
    };
    let more = more.map(|quantity| LineDraft {
        quantity: Quantity::whole(quantity),
        ..line(ProductType::Product)
    });
    let added = more.iter().map(|draft| WantedLine {
        product_id: Some(draft.product_id),
        quantity: Some(draft.quantity),
        ..WantedLine::default()
    });
    C::Revise(Box::new(Revision {
        items: [first].into_iter().chain(added).collect(),
        drafts: more.clone().map(|draft| (1, draft)).into_iter().collect(),
        ..Revision::default()
    }))
}

fn ship(id: u128, quantity: Option<i32>) -> C {
    let parcel = |quantity| Parcel {
        product_id: Default::default(),
        quantity: Quantity::whole(quantity),
        lots: vec![],
    };
    C::Ship(Dispatch {
        id: Uuid::from_u128(id).into(),
        items: quantity.map(|quantity| vec![parcel(quantity)]),
        ..Dispatch::default()
    })
}

fn take_back(id: u128, quantity: i32) -> C {
    C::TakeBack(Return {
        reason: None,
        warehouse_id: None,
        items: vec![Inspected {
            product_id: Default::default(),
            quantity: Quantity::whole(quantity),
            condition: Condition::Damaged,
            lots: vec![],
        }],
        id: Uuid::from_u128(id).into(),
    })
}

fn without_lines(order: &Created) -> Box<Created> {
    Box::new(Created {
        items: vec![],
        total_amount: Money::ZERO,
        ..order.clone()
    })
}

/// And no more of a line is sent than there is of it.
fn is_the_sum_of_its_lines(order: &Order) -> bool {
    let Some(order) = order.known() else { return true };
    let left = order.left();
    line::sum(order.items()) == Some(order.total()) && left.iter().all(|left| left.quantity <= order.ordered(left.line))
}
