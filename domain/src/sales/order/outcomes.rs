//! Every outcome of placing an order, in order of precedence.

use super::*;
use crate::testing::{given, sample};

#[test]
fn create() {
    let placed: OrderEvent = sample("order.created.v1");
    let OrderEvent::Created(order) = placed.clone();
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
        .then_rejected(Violations::one("totalAmount", Rule::NotAllowed).into());
    given::<Order>([]).when(create(&order)).then([placed.clone()]);
    let expected = Order::Placed {
        status: order.status,
        assigned_to: order.assigned_to,
    };
    let known = Order::default().evolve(&placed);
    assert_eq!(known, expected);
    assert!(order.assigned_to.is_some() && known.belongs().user == order.assigned_to);
}
