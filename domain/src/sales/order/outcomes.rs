//! Every outcome of every command of an order, in order of precedence.

use super::*;
use crate::{
    Patch, Percent, Quantity,
    id::ProductId,
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

fn dispatch(items: Option<Vec<(u128, i32)>>) -> Dispatch {
    let parcel = |(product, quantity): (u128, i32)| Parcel {
        product_id: ProductId::new(Uuid::from_u128(product)),
        quantity: Quantity::whole(quantity),
    };
    Dispatch {
        tracking_number: Some("KZ987654321".into()),
        carrier: Some("DHL".into()),
        estimated_delivery: None,
        items: items.map(|items| items.into_iter().map(parcel).collect()),
        id: ShipmentId::new(Uuid::from_u128(5)),
    }
}

/// An order of 50 of product 1, 2 of product 2, 10 of product 1 once more, and a service.
fn of_goods(status: Status) -> OrderEvent {
    let item = |product: u128, quantity: i32, kind| Line {
        product_id: Some(ProductId::new(Uuid::from_u128(product))),
        product_name: format!("product {product}"),
        kind: line::LineType::Product(kind),
        quantity: Quantity::whole(quantity),
        ..sampled().items[0].clone()
    };
    let items = vec![
        item(1, 50, ProductType::Product),
        item(2, 2, ProductType::Manufactured),
        item(1, 10, ProductType::Product),
        item(3, 1, ProductType::Service),
    ];
    OrderEvent::Created(Box::new(Created {
        status,
        total_amount: line::sum(&items).unwrap(),
        items,
        ..*sampled()
    }))
}

fn shipped(items: &[(u32, u128, i32)]) -> OrderEvent {
    let item = |(line, product, quantity): &(u32, u128, i32)| Shipped {
        line: *line,
        product_id: ProductId::new(Uuid::from_u128(*product)),
        product_name: format!("product {product}"),
        quantity: Quantity::whole(*quantity),
    };
    OrderEvent::Shipped(Box::new(Shipment {
        shipment_id: ShipmentId::new(Uuid::from_u128(5)),
        tracking_number: Some("KZ987654321".into()),
        carrier: Some("DHL".into()),
        estimated_delivery: None,
        items: items.iter().map(item).collect(),
    }))
}

#[test]
fn ship() {
    use Status::{Cancelled, Completed, Confirmed, Delivered, Draft, Pending, Processing, Shipped};
    let all = || dispatch(None);
    let when = |status, dispatch| given::<Order>([of_goods(status)]).when(OrderCommand::Ship(dispatch));
    given::<Order>([])
        .when(OrderCommand::Ship(all()))
        .then_rejected(OrderRejection::Missing);
    for from in [Draft, Pending, Shipped, Delivered, Completed, Cancelled] {
        when(from, all()).then_rejected(OrderRejection::NoSuchStep { from, to: Shipped });
    }
    let long = Dispatch {
        carrier: Some("я".repeat(101)),
        ..all()
    };
    when(Processing, long).then_rejected(invalid("carrier", Rule::TooLong { max: 100 }));
    when(Processing, dispatch(Some(vec![(1, 0)]))).then_rejected(invalid("items[0].quantity", Rule::NotPositive));
    when(Processing, dispatch(Some(vec![]))).then_rejected(OrderRejection::NothingToShip);
    given::<Order>([of_services(Processing)])
        .when(OrderCommand::Ship(all()))
        .then_rejected(OrderRejection::NothingToShip);
    when(Processing, dispatch(Some(vec![(9, 1)]))).then_rejected(invalid("items[0].productId", Rule::Unknown));
    when(Processing, dispatch(Some(vec![(1, 30), (1, 31)])))
        .then_rejected(invalid("items[1].quantity", Rule::TooLarge));
    when(Processing, dispatch(Some(vec![(3, 1)]))).then_rejected(invalid("items[0].quantity", Rule::TooLarge));

    let part = shipped(&[(0, 1, 50), (2, 1, 5)]);
    when(Processing, dispatch(Some(vec![(1, 55)]))).then([part.clone()]);
    let rest = shipped(&[(1, 2, 2), (2, 1, 5)]);
    let another = Dispatch {
        id: ShipmentId::new(Uuid::from_u128(6)),
        ..all()
    };
    let OrderEvent::Shipped(mut last) = rest else {
        panic!("another event")
    };
    last.shipment_id = another.id;
    let begun = || given::<Order>([of_goods(Processing), part.clone()]);
    begun()
        .when(OrderCommand::Ship(another))
        .then([OrderEvent::Shipped(last), changed(Processing, Shipped)]);
    begun().when(OrderCommand::Ship(all())).then([]);
    let whole = shipped(&[(0, 1, 50), (1, 2, 2), (2, 1, 10)]);
    when(Confirmed, all()).then([changed(Confirmed, Processing), whole, changed(Processing, Shipped)]);
}

fn planned(act: ProductionAct) -> PlannedProduction {
    PlannedProduction {
        production_order_id: crate::id::ProductionOrderId::new(Uuid::from_u128(4)),
        line: 1,
        product_name: "Cabinet".into(),
        status: None,
        materials: vec![ProductId::new(Uuid::from_u128(9))],
        act,
    }
}

fn to_pay(n: u128, paid: i32) -> PlannedInvoice {
    PlannedInvoice {
        invoice_id: crate::id::InvoiceId::new(Uuid::from_u128(n)),
        invoice_number: None,
        amount: Money::whole(22_500_000),
        paid: Money::whole(paid),
        act: InvoiceAct::Credit,
    }
}

fn cancellation(refund: Option<i32>, production: Vec<PlannedProduction>, choice: Option<Way>) -> Cancellation {
    let choice = choice.map(|choice| ProductionChoice {
        production_order_id: crate::id::ProductionOrderId::new(Uuid::from_u128(4)),
        choice,
    });
    Cancellation {
        reason: Some("Customer requested cancellation".into()),
        refund_amount: refund.map(Money::whole),
        choices: choice.into_iter().collect(),
        plan: Box::new(Plan {
            goods: vec![],
            production,
            invoices: vec![to_pay(1, 10_000_000), to_pay(2, 5)],
        }),
    }
}

#[test]
fn cancel() {
    use Status::{Cancelled, Completed, Confirmed, Delivered, Draft, Pending, Processing, Shipped};
    let command = |cancellation| OrderCommand::Cancel(Box::new(cancellation));
    let when = |cancellation| given::<Order>([of_goods(Processing)]).when(command(cancellation));
    let plain = || cancellation(None, vec![], None);
    given::<Order>([])
        .when(command(plain()))
        .then_rejected(OrderRejection::Missing);
    given::<Order>([of_goods(Cancelled)]).when(command(plain())).then([]);
    for from in [Shipped, Delivered, Completed] {
        given::<Order>([of_goods(from)])
            .when(command(plain()))
            .then_rejected(OrderRejection::NoSuchStep { from, to: Cancelled });
    }
    given::<Order>([of_goods(Processing), shipped(&[(0, 1, 1)])])
        .when(command(plain()))
        .then_rejected(OrderRejection::PartlyShipped);
    when(cancellation(Some(-1), vec![], None)).then_rejected(invalid("refundAmount", Rule::Negative));
    let refundable = Money::whole(10_000_005);
    when(cancellation(Some(10_000_006), vec![], None)).then_rejected(OrderRejection::RefundAbovePaid { refundable });
    let (begun, new) = (|| planned(ProductionAct::Choose), || planned(ProductionAct::Cancel));
    when(cancellation(None, vec![new()], Some(Way::Scrap)))
        .then_rejected(invalid("choices[0].productionOrderId", Rule::Unknown));
    when(cancellation(None, vec![begun()], None)).then_rejected(OrderRejection::ChoiceMissing {
        product: "Cabinet".into(),
    });
    for from in [Draft, Pending, Confirmed, Processing] {
        let order = Order::default().evolve(&of_goods(from));
        let events = order.decide(&command(plain())).unwrap();
        assert!(matches!(&events[..], [OrderEvent::Cancelled(gone)] if gone.from == from));
        let after = order.evolve(&events[0]);
        assert_eq!(after.known().map(Known::status), Some(Cancelled));
    }
}

/// What the event says is what is carried out: what ends with what, and how much goes back on which invoice.
#[test]
fn what_a_cancellation_says() {
    let order = Order::default().evolve(&of_goods(Status::Confirmed));
    let says = |cancellation| match order.decide(&OrderCommand::Cancel(Box::new(cancellation))) {
        Ok(events) => match events.into_iter().next() {
            Some(OrderEvent::Cancelled(cancelled)) => *cancelled,
            other => panic!("{other:?}"),
        },
        Err(refused) => panic!("{refused}"),
    };
    for (act, choice, ends) in [
        (ProductionAct::Cancel, None, Some(false)),
        (ProductionAct::Choose, Some(Way::Scrap), Some(true)),
        (ProductionAct::Choose, Some(Way::FinishToStock), None),
        (ProductionAct::Keep, None, None),
    ] {
        let cancelled = says(cancellation(None, vec![planned(act)], choice));
        let scrap: Vec<bool> = cancelled.production.iter().map(|stopped| stopped.scrap).collect();
        assert_eq!(scrap, ends.into_iter().collect::<Vec<_>>(), "{act:?}");
        assert_eq!(cancelled.goods.len(), scrap.len(), "its material goes with it");
    }
    for (asked, first, second) in [(None, 0, 0), (Some(4), 4, 0), (Some(10_000_003), 10_000_000, 3)] {
        let cancelled = says(cancellation(asked, vec![], None));
        let back: Vec<Money> = cancelled.invoices.iter().map(|revoked| revoked.refund).collect();
        assert_eq!(back, [Money::whole(first), Money::whole(second)]);
    }
    let order = order.known().unwrap();
    let held: Vec<(u32, Quantity)> = order
        .reserved()
        .iter()
        .map(|goods| (goods.line, goods.quantity))
        .collect();
    assert_eq!(
        held,
        [
            (0, Quantity::whole(50)),
            (1, Quantity::whole(2)),
            (2, Quantity::whole(10))
        ]
    );
    assert!(order.may_be_cancelled());
}

fn back(items: Vec<(u128, i32, Condition)>) -> Return {
    let inspected = |(product, quantity, condition): (u128, i32, Condition)| Inspected {
        product_id: ProductId::new(Uuid::from_u128(product)),
        quantity: Quantity::whole(quantity),
        condition,
    };
    Return {
        reason: Some("Не подошло".into()),
        items: items.into_iter().map(inspected).collect(),
        id: ReturnId::new(Uuid::from_u128(6)),
    }
}

/// No more comes back than was sent, line by line, each return once.
#[test]
fn take_back() {
    use Condition::{Damaged, Good};
    let sent = shipped(&[(0, 1, 50), (2, 1, 5)]);
    let when = |back| given::<Order>([of_goods(Status::Processing), sent.clone()]).when(OrderCommand::TakeBack(back));
    let none = OrderRejection::NothingToReturn;
    given::<Order>([])
        .when(OrderCommand::TakeBack(back(vec![(1, 1, Good)])))
        .then_rejected(OrderRejection::Missing);
    when(back(vec![(1, 0, Good)])).then_rejected(invalid("items[0].quantity", Rule::NotPositive));
    given::<Order>([of_goods(Status::Confirmed)])
        .when(OrderCommand::TakeBack(back(vec![(1, 1, Good)])))
        .then_rejected(none.clone());
    when(back(vec![])).then_rejected(none.clone());
    when(back(vec![(2, 1, Good)])).then_rejected(invalid("items[0].quantity", Rule::TooLarge));
    when(back(vec![(1, 50, Good), (1, 6, Damaged)])).then_rejected(invalid("items[1].quantity", Rule::TooLarge));
    let item = |line, quantity, condition| ReturnedItem {
        line,
        product_id: ProductId::new(Uuid::from_u128(1)),
        product_name: "product 1".into(),
        quantity: Quantity::whole(quantity),
        condition,
    };
    let returned = OrderEvent::Returned(Box::new(Returned {
        return_id: ReturnId::new(Uuid::from_u128(6)),
        reason: Some("Не подошло".into()),
        items: vec![item(0, 50, Good), item(2, 1, Good), item(2, 4, Damaged)],
    }));
    when(back(vec![(1, 51, Good), (1, 4, Damaged)])).then([returned.clone()]);
    let all = [of_goods(Status::Processing), sent.clone(), returned];
    given::<Order>(all.clone())
        .when(OrderCommand::TakeBack(back(vec![(1, 1, Good)])))
        .then([]);
    let another = Return {
        id: ReturnId::new(Uuid::from_u128(7)),
        ..back(vec![(1, 1, Good)])
    };
    given::<Order>(all.clone())
        .when(OrderCommand::TakeBack(another))
        .then_rejected(none);
    let order = all.iter().fold(Order::default(), Order::evolve);
    assert!(order.known().unwrap().may_be_cancelled(), "all of it is back");
}
