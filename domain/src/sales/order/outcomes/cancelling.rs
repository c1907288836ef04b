//! What cancelling an order undoes.

use super::{
    goods::{of_goods, shipped},
    *,
};

pub fn planned(act: ProductionAct) -> PlannedProduction {
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
        invoice_id: InvoiceId::new(Uuid::from_u128(n)),
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
        let OrderEvent::Cancelled(gone) = &events[0] else {
            panic!("{events:?}")
        };
        let sale = Sale {
            customer_id: sampled().customer_id,
            total_amount: order.known().unwrap().total(),
            currency: sampled().currency,
            exchange_rate: sampled().exchange_rate,
        };
        assert_eq!(gone.sale, (from != Draft).then_some(sale), "a draft was none");
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
    assert!(order.known().unwrap().may_be_cancelled());
}

/// What was sent is held no longer, also when it came back: there is nothing to release of it.
#[test]
fn what_is_still_held() {
    let back = |line: u32, quantity: i32| {
        OrderEvent::Returned(Box::new(Returned {
            return_id: ReturnId::default(),
            reason: None,
            warehouse_id: None,
            items: vec![ReturnedItem {
                line,
                product_id: ProductId::new(Uuid::from_u128(1)),
                product_name: "product 1".into(),
                quantity: Quantity::whole(quantity),
                condition: Condition::Good,
                cost: None,
                lots: vec![],
            }],
        }))
    };
    let whole = || shipped(&[(0, 1, 50)]);
    let parts = || shipped(&[(0, 1, 50), (2, 1, 4)]);
    for (events, expected) in [
        (vec![], vec![(0, 50), (1, 2), (2, 10)]),
        (vec![whole()], vec![(1, 2), (2, 10)]),
        (vec![whole(), back(0, 50)], vec![(1, 2), (2, 10)]),
        (vec![parts(), back(0, 50), back(2, 4)], vec![(1, 2), (2, 6)]),
        (vec![shipped(&[(0, 1, 50), (1, 2, 2), (2, 1, 10)])], vec![]),
    ] {
        let order = Order::default().evolve(&of_goods(Status::Processing));
        let order = events.iter().fold(order, Order::evolve);
        let held = order.known().unwrap().reserved();
        let held: Vec<(u32, Quantity)> = held.iter().map(|goods| (goods.line, goods.quantity)).collect();
        let expected: Vec<(u32, Quantity)> = expected.iter().map(|(n, left)| (*n, Quantity::whole(*left))).collect();
        assert_eq!(held, expected, "{events:?}");
    }
}
