//! Every outcome of every command of an order, in order of precedence.

mod cancelling;
mod goods;

use super::*;
use crate::{
    Patch, Percent, Quantity,
    id::{InvoiceId, ProductId},
    sales::line::Price,
    testing::{given, sample},
};
use uuid::Uuid;

fn sampled() -> Box<Created> {
    match sample("order.created.v1") {
        OrderEvent::Created(order) => order,
        other => panic!("{other:?}"),
    }
}

/// The sample's order, at that status.
fn order(status: Status) -> OrderEvent {
    OrderEvent::Created(Box::new(Created { status, ..*sampled() }))
}

/// The same with nothing to be sent.
fn of_services(status: Status) -> OrderEvent {
    let items: Vec<Line> = Line::adjustment("Consulting", Money::whole(10)).into_iter().collect();
    OrderEvent::Created(Box::new(Created {
        status,
        items,
        total_amount: Money::whole(10),
        ..*sampled()
    }))
}

/// Document 2's line: 10 × 650000, discount 5, tax 12.
fn line(kind: ProductType) -> LineDraft {
    LineDraft {
        product_id: ProductId::new(Uuid::from_u128(1)),
        product_name: "ERP License".into(),
        product_code: Some("ERP-001".into()),
        kind,
        quantity: Quantity::whole(10),
        price: Price {
            amount: Money::whole(650_000),
            ..Price::default()
        },
        discount: Percent::whole(5),
        tax: Percent::whole(12),
    }
}

fn draft(status: Status, items: Vec<LineDraft>) -> Draft {
    Draft {
        details: Details {
            customer_id: Some(CustomerId::new(Uuid::from_u128(7))),
            currency: Currency::kzt(),
            ..Details::default()
        },
        status,
        items,
    }
}

fn place(draft: Draft) -> OrderCommand {
    OrderCommand::Place(Box::new(draft))
}

fn go(to: Status) -> OrderCommand {
    OrderCommand::Move(to.into())
}

fn changed(from: Status, to: Status) -> OrderEvent {
    OrderEvent::StatusChanged {
        from,
        to,
        note: None,
        total_amount: (to == Status::Delivered).then(|| sampled().total_amount),
    }
}

fn invalid(field: &str, rule: Rule) -> OrderRejection {
    Violations::one(field, rule).into()
}

/// Whose invoice it is: a won deal's order has its deal's, another one its own, and a draft none.
#[test]
fn the_invoice_that_follows() {
    let deal = sampled().deal_id.unwrap();
    let (its, by_hand) = (OrderId::of_deal(deal), OrderId::new(Uuid::from_u128(3)));
    let none = || {
        OrderEvent::Created(Box::new(Created {
            items: vec![],
            total_amount: Money::ZERO,
            ..*sampled()
        }))
    };
    for (event, id, expected) in [
        (order(Status::Pending), its, Some(InvoiceId::of_deal(deal))),
        (order(Status::Pending), by_hand, Some(InvoiceId::of_order(by_hand))),
        (order(Status::Draft), by_hand, None),
        (none(), by_hand, None),
    ] {
        let order = Order::default().evolve(&event);
        assert_eq!(order.known().unwrap().invoice(id), expected);
    }
    let order = Order::default().evolve(&order(Status::Pending));
    let day = NaiveDate::from_ymd_opt(2026, 11, 10).unwrap();
    let bill = order.known().unwrap().bill(by_hand, day, 45);
    assert_eq!(
        (bill.amount, bill.order_id, bill.due_date),
        (sampled().total_amount, Some(by_hand), day + chrono::Days::new(45))
    );
    assert_eq!(bill.items, sampled().items);
}

#[test]
fn create() {
    let order = sampled();
    let placed = OrderEvent::Created(order.clone());
    let empty = Created {
        items: vec![],
        total_amount: Money::whole(1),
        ..*order.clone()
    };
    let more = Created {
        total_amount: order.total_amount.plus(Money::whole(1)),
        ..*order.clone()
    };
    let create = |order: &Created| OrderCommand::Create(Box::new(order.clone()));
    given::<Order>([placed.clone()]).when(create(&empty)).then([]);
    given::<Order>([])
        .when(create(&empty))
        .then_rejected(OrderRejection::Empty);
    given::<Order>([])
        .when(create(&more))
        .then_rejected(invalid("totalAmount", Rule::NotAllowed));
    given::<Order>([]).when(create(&order)).then([placed.clone()]);
    let known = Order::default().evolve(&placed);
    assert_eq!(known.known().map(Known::status), Some(Status::Pending));
    assert!(order.assigned_to.is_some() && known.belongs().user == order.assigned_to);
    assert_eq!(
        known.known().unwrap().as_created(order.status),
        *order,
        "nothing is lost"
    );
}

#[test]
fn by_hand() {
    let when = |draft| given::<Order>([]).when(place(draft));
    let good = || vec![line(ProductType::Product)];
    given::<Order>([order(Status::Pending)])
        .when(place(draft(Status::Pending, good())))
        .then_rejected(OrderRejection::AlreadyCreated);
    when(Draft {
        details: Details {
            currency: Currency::kzt(),
            ..Details::default()
        },
        ..draft(Status::Pending, good())
    })
    .then_rejected(invalid("customerId", Rule::Required));
    let mut misspelt = draft(Status::Pending, good());
    misspelt.details.payment_terms = Some("NET_1001".into());
    when(misspelt).then_rejected(invalid("paymentTerms", Rule::OutOfRange { min: 0, max: 1_000 }));
    for status in [
        Status::Processing,
        Status::Shipped,
        Status::Delivered,
        Status::Completed,
        Status::Cancelled,
    ] {
        when(draft(status, good())).then_rejected(invalid("status", Rule::NotAllowed));
    }
    let mut service = draft(Status::Pending, good());
    service.details.kind = OrderType::Service;
    when(service).then_rejected(invalid("items[0].productId", Rule::NotAllowed));
    when(draft(Status::Pending, vec![])).then_rejected(OrderRejection::Empty);
}

#[test]
fn an_order_by_hand_says_what_document_2_does() {
    for status in [Status::Draft, Status::Pending, Status::Confirmed] {
        let command = place(draft(status, vec![line(ProductType::Product)]));
        let events = Order::default().decide(&command).unwrap();
        let [OrderEvent::Created(created)] = &events[..] else {
            panic!("{events:?}")
        };
        assert_eq!(
            (created.status, created.total_amount),
            (status, Money::whole(6_916_000))
        );
        assert_eq!(created.items[0].total_price, Money::whole(6_916_000));
    }
    let empty = Order::default().decide(&place(draft(Status::Draft, vec![]))).unwrap();
    assert!(matches!(&empty[..], [OrderEvent::Created(created)] if created.total_amount.is_zero()));
}

#[test]
fn update() {
    let update = |change: Change, items: Option<Vec<LineDraft>>, step: Option<Step>| OrderCommand::Update {
        change: Box::new(change),
        items,
        step,
    };
    let notes = || Change {
        notes: Patch::Set(Some("Urgent".into())),
        ..Change::default()
    };
    let updated = || OrderEvent::Updated {
        change: Box::new(notes()),
        items: None,
        total_amount: None,
    };
    let other_customer = || Change {
        customer_id: Patch::Set(Some(CustomerId::default())),
        ..Change::default()
    };
    let lines = || Some(vec![line(ProductType::Product)]);
    given::<Order>([])
        .when(update(notes(), None, None))
        .then_rejected(OrderRejection::Missing);
    let pending = || given::<Order>([order(Status::Pending)]);
    let nobody = Change {
        customer_id: Patch::Set(None),
        ..Change::default()
    };
    pending()
        .when(update(nobody, None, None))
        .then_rejected(invalid("customerId", Rule::Required));
    let dollars = Change {
        currency: Patch::Set("USD".into()),
        ..Change::default()
    };
    pending()
        .when(update(dollars, None, None))
        .then_rejected(invalid("currency", Rule::OtherCurrency));
    let service = Change {
        kind: Patch::Set(OrderType::Service),
        ..Change::default()
    };
    pending()
        .when(update(service, None, None))
        .then_rejected(invalid("type", Rule::NotAllowed));
    for status in [
        Status::Processing,
        Status::Shipped,
        Status::Delivered,
        Status::Completed,
        Status::Cancelled,
    ] {
        given::<Order>([order(status)])
            .when(update(notes(), None, None))
            .then_rejected(OrderRejection::BeingWorkedOn { status });
        given::<Order>([order(status)])
            .when(update(Change::default(), None, None))
            .then([]);
    }
    pending()
        .when(update(other_customer(), None, None))
        .then_rejected(invalid("customerId", Rule::NotAllowed));
    let named_again = || Change {
        customer_id: Patch::Set(Some(sampled().customer_id)),
        customer_name: Patch::Set(Some("renamed since".into())),
        currency: Patch::Set(sampled().currency),
        ..Change::default()
    };
    for status in [Status::Pending, Status::Shipped] {
        given::<Order>([order(status)])
            .when(update(named_again(), None, None))
            .then([]);
    }
    pending()
        .when(update(Change::default(), lines(), None))
        .then_rejected(invalid("items", Rule::NotAllowed));
    pending()
        .when(update(notes(), None, Some(Status::Delivered.into())))
        .then_rejected(OrderRejection::NoSuchStep {
            from: Status::Pending,
            to: Status::Delivered,
        });
    pending().when(update(notes(), None, None)).then([updated()]);
    pending()
        .when(update(notes(), None, Some(Status::Confirmed.into())))
        .then([updated(), changed(Status::Pending, Status::Confirmed)]);
}

/// A draft may still become anything.
#[test]
fn a_draft_changes_as_a_whole() {
    let drafted = order(Status::Draft);
    let command = OrderCommand::Update {
        change: Box::new(Change {
            customer_id: Patch::Set(Some(CustomerId::default())),
            ..Change::default()
        }),
        items: Some(vec![line(ProductType::Product)]),
        step: Some(Status::Pending.into()),
    };
    let order = Order::default().evolve(&drafted);
    let events = order.decide(&command).unwrap();
    let [
        OrderEvent::Updated {
            total_amount: Some(total),
            ..
        },
        OrderEvent::Placed(placed),
        OrderEvent::StatusChanged { .. },
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!((*total, placed.total_amount), (Money::whole(6_916_000), *total));
    assert_eq!(placed.order_number, sampled().order_number, "its number stays");
    let after = events.iter().fold(order, Order::evolve);
    assert_eq!(after.known().map(Known::status), Some(Status::Pending));
}

/// An address tells of a person: whose it is stands beside it.
#[test]
fn an_address_names_its_customer() {
    let change = Change {
        shipping_address: Patch::Set(Some(Address {
            address_line1: "пр. Достык 100".into(),
            ..Address::default()
        })),
        ..Change::default()
    };
    let command = OrderCommand::Update {
        change: Box::new(change),
        items: None,
        step: None,
    };
    let events = Order::default()
        .evolve(&order(Status::Pending))
        .decide(&command)
        .unwrap();
    let [OrderEvent::Updated { change, .. }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(change.customer_id, Patch::Set(Some(sampled().customer_id)));
}

#[test]
fn every_step() {
    use Status::{Cancelled, Completed, Confirmed, Delivered, Draft, Pending, Processing, Shipped};
    let all = Status::ALL;
    let allowed = [(Pending, Confirmed), (Confirmed, Processing), (Shipped, Delivered)];
    let with_nothing_to_ship = [(Pending, Processing), (Processing, Completed)];
    for (from, to) in all.iter().flat_map(|from| all.iter().map(|to| (*from, *to))) {
        let refused = || OrderRejection::NoSuchStep { from, to };
        let (goods, services) = (given::<Order>([order(from)]), given::<Order>([of_services(from)]));
        if from == to {
            goods.when(go(to)).then([]);
        } else if from == Draft && matches!(to, Pending | Confirmed) {
            let placed = OrderEvent::Placed(Box::new(Created {
                status: to,
                ..*sampled()
            }));
            goods.when(go(to)).then([placed, changed(from, to)]);
        } else if allowed.contains(&(from, to)) {
            goods.when(go(to)).then([changed(from, to)]);
        } else {
            goods.when(go(to)).then_rejected(refused());
            match to {
                _ if !with_nothing_to_ship.contains(&(from, to)) => services.when(go(to)).then_rejected(refused()),
                Completed => services.when(go(to)).then([OrderEvent::Completed { from, note: None }]),
                _ => services.when(go(to)).then([changed(from, to)]),
            }
        }
    }
    given::<Order>([])
        .when(go(Confirmed))
        .then_rejected(OrderRejection::Missing);
    let long = Step {
        status: Confirmed,
        note: Some("я".repeat(5_001)),
    };
    given::<Order>([order(Pending)])
        .when(OrderCommand::Move(long))
        .then_rejected(invalid("note", Rule::TooLong { max: 5_000 }));
    let empty = OrderEvent::Created(Box::new(Created {
        items: vec![],
        total_amount: Money::ZERO,
        status: Draft,
        ..*sampled()
    }));
    given::<Order>([empty])
        .when(go(Pending))
        .then_rejected(OrderRejection::Empty);
    for status in [Draft, Pending, Confirmed, Processing, Shipped, Cancelled] {
        let refused = OrderRejection::NoSuchStep {
            from: status,
            to: Completed,
        };
        given::<Order>([order(status)])
            .when(OrderCommand::Complete)
            .then_rejected(refused);
    }
    given::<Order>([order(Completed)]).when(OrderCommand::Complete).then([]);
    given::<Order>([order(Delivered)])
        .when(OrderCommand::Complete)
        .then([OrderEvent::Completed {
            from: Delivered,
            note: None,
        }]);
}
