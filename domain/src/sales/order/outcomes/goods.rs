//! What is sent of an order, and what comes back.

use super::*;
use crate::catalog::stock::Lot;

fn dispatch(items: Option<Vec<(u128, i32)>>) -> Dispatch {
    let parcel = |(product, quantity): (u128, i32)| Parcel {
        product_id: ProductId::new(Uuid::from_u128(product)),
        quantity: Quantity::whole(quantity),
        lots: vec![],
    };
    Dispatch {
        tracking_number: Some("KZ987654321".into()),
        carrier: Some("DHL".into()),
        estimated_delivery: None,
        warehouse_id: None,
        items: items.map(|items| items.into_iter().map(parcel).collect()),
        id: ShipmentId::new(Uuid::from_u128(5)),
        costs: BTreeMap::new(),
        ..Dispatch::default()
    }
}

/// An order of 50 of product 1, 2 of product 2, 10 of product 1 once more, and a service.
pub fn of_goods(status: Status) -> OrderEvent {
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

pub fn shipped(items: &[(u32, u128, i32)]) -> OrderEvent {
    let item = |(line, product, quantity): &(u32, u128, i32)| Shipped {
        line: *line,
        product_id: ProductId::new(Uuid::from_u128(*product)),
        product_name: format!("product {product}"),
        quantity: Quantity::whole(*quantity),
        cost: None,
        lots: vec![],
    };
    OrderEvent::Shipped(Box::new(Shipment {
        shipment_id: ShipmentId::new(Uuid::from_u128(5)),
        tracking_number: Some("KZ987654321".into()),
        carrier: Some("DHL".into()),
        estimated_delivery: None,
        warehouse_id: None,
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

fn back(items: Vec<(u128, i32, Condition)>) -> Return {
    let inspected = |(product, quantity, condition): (u128, i32, Condition)| Inspected {
        product_id: ProductId::new(Uuid::from_u128(product)),
        quantity: Quantity::whole(quantity),
        condition,
        lots: vec![],
    };
    Return {
        reason: Some("Не подошло".into()),
        warehouse_id: None,
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
        cost: None,
        lots: vec![],
    };
    let returned = OrderEvent::Returned(Box::new(Returned {
        return_id: ReturnId::new(Uuid::from_u128(6)),
        reason: Some("Не подошло".into()),
        warehouse_id: None,
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

/// It comes back for what it cost when it was sent, whatever goods cost today: shipped, returned → cost of each part.
#[test]
fn what_comes_back_costs_what_it_did() {
    use Condition::{Damaged, Good};
    let cost = |money: i32| Total::from(Money::whole(money));
    let ship = Dispatch {
        costs: BTreeMap::from([(0, cost(1_000)), (2, cost(100))]),
        ..dispatch(Some(vec![(1, 55)]))
    };
    let order = Order::default().evolve(&of_goods(Status::Processing));
    let sent = order.decide(&OrderCommand::Ship(ship)).unwrap();
    let OrderEvent::Shipped(shipment) = &sent[0] else {
        panic!("{sent:?}")
    };
    let costs: Vec<_> = shipment.items.iter().map(|item| item.cost).collect();
    assert_eq!(costs, [Some(cost(1_000)), Some(cost(100))]);
    let mut order = sent.iter().fold(order, Order::evolve);
    for (n, asked, expected) in [
        (1, vec![(1, 10, Good)], vec![200]),
        (2, vec![(1, 1, Damaged), (1, 40, Good)], vec![20, 780, 20]),
        (3, vec![(1, 4, Good)], vec![80]),
    ] {
        let asked = Return {
            id: ReturnId::new(Uuid::from_u128(n)),
            ..back(asked)
        };
        let events = order.decide(&OrderCommand::TakeBack(asked)).unwrap();
        let OrderEvent::Returned(returned) = &events[0] else {
            panic!("{events:?}")
        };
        let costs: Vec<_> = returned.items.iter().map(|item| item.cost).collect();
        let expected: Vec<_> = expected.into_iter().map(|money| Some(cost(money))).collect();
        assert_eq!(costs, expected, "return {n}");
        order = events.iter().fold(order, Order::evolve);
    }
}

fn lot(number: &str, quantity: i32) -> Lot {
    Lot {
        number: number.into(),
        quantity: Quantity::whole(quantity),
        ..Lot::default()
    }
}

/// Lots are divided among the lines of their product, and come back from the line that they went with.
#[test]
fn lots_go_and_come_back_line_by_line() {
    use Condition::Good;
    let order = Order::default().evolve(&of_goods(Status::Processing));
    let ship = |quantity: i32, lots: Vec<Lot>| {
        let mut dispatch = dispatch(Some(vec![(1, quantity)]));
        dispatch.items.as_mut().unwrap()[0].lots = lots;
        order.decide(&OrderCommand::Ship(dispatch))
    };
    let lots = |item: &[SentLot]| -> Vec<Lot> { item.iter().map(SentLot::lot).collect() };
    let other_sum = invalid("items[0].lots", Rule::NotTheSum);
    assert_eq!(ship(55, vec![lot("A", 54)]), Err(other_sum.clone()));
    let sent = ship(55, vec![lot("A", 52), lot("B", 3)]).unwrap();
    let OrderEvent::Shipped(shipment) = &sent[0] else {
        panic!("{sent:?}")
    };
    let told: Vec<_> = shipment
        .items
        .iter()
        .map(|item| (item.line, lots(&item.lots)))
        .collect();
    assert_eq!(told, [(0, vec![lot("A", 50)]), (2, vec![lot("A", 2), lot("B", 3)])]);
    let order = sent.iter().fold(order.clone(), Order::evolve);
    let comes_back = |order: &Order, n: u128, quantity: i32, lots: Vec<Lot>| {
        let mut back = Return {
            id: ReturnId::new(Uuid::from_u128(n)),
            ..back(vec![(1, quantity, Good)])
        };
        back.items[0].lots = lots;
        order.decide(&OrderCommand::TakeBack(back))
    };
    assert_eq!(comes_back(&order, 1, 2, vec![lot("B", 3)]), Err(other_sum));
    let unknown = invalid("items[0].lots", Rule::Unknown);
    assert_eq!(comes_back(&order, 1, 4, vec![lot("B", 4)]), Err(unknown.clone()));
    assert_eq!(comes_back(&order, 1, 1, vec![lot("C", 1)]), Err(unknown.clone()));
    let back = comes_back(&order, 1, 3, vec![lot("B", 3)]).unwrap();
    let OrderEvent::Returned(returned) = &back[0] else {
        panic!("{back:?}")
    };
    assert_eq!(returned.items[0].line, 2);
    assert_eq!(lots(&returned.items[0].lots), [lot("B", 3)]);
    let order = back.iter().fold(order, Order::evolve);
    assert_eq!(comes_back(&order, 2, 1, vec![lot("B", 1)]), Err(unknown));
    let first = comes_back(&order, 2, 51, vec![]).unwrap();
    let OrderEvent::Returned(returned) = &first[0] else {
        panic!("{first:?}")
    };
    let told: Vec<_> = returned.items.iter().map(|item| lots(&item.lots)).collect();
    assert_eq!(told, [vec![lot("A", 50)], vec![lot("A", 1)]]);
}
