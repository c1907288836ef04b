//! Every outcome of defining a bill, in order of precedence, and what it then says of itself.

use super::*;
use crate::testing::{given, sample};

fn defined() -> BomEvent {
    sample("bom.defined.v1")
}

fn product() -> ProductId {
    let BomEvent::Defined { product_id, .. } = defined() else {
        panic!("another event")
    };
    product_id
}

/// Five square metres of steel and a lock; cutting and welding.
fn cabinet() -> Bill {
    let BomEvent::Defined { bill, .. } = defined() else {
        panic!("another event")
    };
    bill
}

fn but(change: impl FnOnce(&mut Bill)) -> Bill {
    let mut bill = cabinet();
    change(&mut bill);
    bill
}

/// Which fields of the bill break which rules.
fn found(change: impl FnOnce(&mut Bill)) -> String {
    let refused = but(change).check(product()).err();
    refused.map(|found| found.to_string()).unwrap_or_default()
}

#[test]
fn what_makes_a_bill_one() {
    assert_eq!(cabinet().check(product()), Ok(Money::whole(100_000)));
    let words = |count: usize| vec!["a".to_owned(); count];
    assert_eq!(found(|bill| bill.components.clear()), "components: required");
    assert_eq!(found(|bill| bill.operations.clear()), "");
    let again = |bill: &mut Bill| bill.components[1].material_id = bill.components[0].material_id;
    assert_eq!(found(again), "components[1].materialId: not_unique");
    assert_eq!(
        found(|bill| bill.components[1].material_id = product()),
        "components[1].materialId: not_allowed"
    );
    assert_eq!(
        found(|bill| bill.components[1].quantity = Quantity::ZERO),
        "components[1].quantity: not_positive"
    );
    assert_eq!(
        found(|bill| bill.components[0].cost = Money::whole(-1)),
        "components[0].cost: negative"
    );
    assert_eq!(
        found(|bill| bill.components[0].unit.clear()),
        "components[0].unit: required"
    );
    assert_eq!(
        found(|bill| bill.operations[1].name.clear()),
        "operations[1].name: required"
    );
    assert_eq!(
        found(|bill| bill.operations[1].required_skills = words(501)),
        "operations[1].requiredSkills: too_many"
    );
    assert_eq!(
        found(|bill| bill.operations[0].equipment = words(501)),
        "operations[0].equipment: too_many"
    );
    let dear = |bill: &mut Bill| {
        bill.components[0].quantity = Quantity::from_units(999_999_999_999).unwrap();
        bill.components[0].cost = Money::from_units(999_999_999_999_999).unwrap();
    };
    assert_eq!(found(dear), "components: too_large");
    let operations = |bill: &mut Bill| bill.operations = vec![bill.operations[0].clone(); 501];
    assert_eq!(found(operations), "operations: too_many");
}

#[test]
fn versions_rise_by_one_and_the_latest_counts() {
    let none = Bom::default();
    assert_eq!((none.version(), none.bill()), (0, None));
    let first = none.evolve(&defined());
    assert_eq!((first.version(), first.bill()), (1, Some(&cabinet())));
    let shorter = but(|bill| {
        bill.operations.pop();
    });
    let second = BomEvent::Defined {
        product_id: product(),
        version: 2,
        bill: shorter.clone(),
        total_cost: Money::whole(100_000),
        total_time: 120,
    };
    let bom = first.evolve(&second);
    assert_eq!((bom.version(), bom.bill()), (2, Some(&shorter)));
}

#[test]
fn define_and_await_in_order_of_precedence() {
    let define = |bill: Bill, below| BomCommand::Define {
        product_id: product(),
        bill,
        below,
    };
    let order_id = OrderId::default();
    let awaits = |line| BomCommand::Await {
        product_id: product(),
        order_id,
        line,
    };
    let awaited = |line| BomEvent::Awaited {
        product_id: product(),
        order_id,
        line,
    };
    let provided = |line| BomEvent::Provided {
        product_id: product(),
        order_id,
        line,
    };
    let empty = Violations::one("components", Rule::Required);
    let refused = |bill, below| given::<Bom>([defined()]).when(define(bill, below));
    refused(Bill::default(), Below::LeadsBack).then_rejected(empty.into());
    refused(cabinet(), Below::LeadsBack).then_rejected(BomRejection::Cyclic);
    refused(cabinet(), Below::TooLarge).then_rejected(BomRejection::TooLarge { max: PARTS_MAX });
    refused(cabinet(), Below::Sound).then([]);
    let shorter = but(|bill| {
        bill.operations.pop();
    });
    let second = BomEvent::Defined {
        product_id: product(),
        version: 2,
        bill: shorter.clone(),
        total_cost: Money::whole(100_000),
        total_time: 120,
    };
    refused(shorter, Below::Sound).then([second]);
    given::<Bom>([]).when(awaits(0)).then([awaited(0)]);
    given::<Bom>([awaited(0)]).when(awaits(0)).then([]);
    given::<Bom>([awaited(0)]).when(awaits(1)).then([awaited(1)]);
    given::<Bom>([defined()]).when(awaits(0)).then([provided(0)]);
    given::<Bom>([awaited(1), awaited(0)])
        .when(define(cabinet(), Below::Sound))
        .then([defined(), provided(1), provided(0)]);
    given::<Bom>([awaited(1), awaited(0), provided(1)])
        .when(define(cabinet(), Below::Sound))
        .then([defined(), provided(0)]);
}
