//! An order by hand, billed by itself and perhaps cancelled at any moment: it has one invoice, or none that anybody is to pay.

use super::*;
use crate::{order_billing::OrderBilling, order_cancellation::OrderCancellation};
use domain::{
    id::InvoiceId,
    sales::order::{Cancellation, Details, Draft, InvoiceAct, Plan, PlannedInvoice, Status},
};

const ORDER: Uuid = Uuid::from_u128(200);

fn invoice() -> InvoiceId {
    InvoiceId::of_order(ORDER.into())
}

fn place(world: &mut World) {
    let DealEvent::Won(won) = won(0) else {
        panic!("another event")
    };
    let items = won.items.iter().map(|line| LineDraft {
        product_id: line.product_id.unwrap(),
        product_name: line.product_name.clone(),
        product_code: None,
        kind: ProductType::Service,
        quantity: line.quantity,
        price: Price {
            amount: line.unit_price,
            ..Price::default()
        },
        discount: line.discount,
        tax: line.tax,
    });
    let draft = Draft {
        details: Details {
            customer_id: Some(CustomerId::default()),
            currency: domain::finance::Currency::kzt(),
            ..Details::default()
        },
        status: Status::Pending,
        items: items.collect(),
    };
    let place = OrderCommand::Place(Box::new(draft));
    execute(&mut world.orders, &mut world.facts, ORDER, &place, Fact::Order).unwrap();
}

/// As it would be looked up at that moment.
fn cancel(world: &mut World) {
    let placed = world.orders.get(&ORDER).and_then(Order::known).unwrap();
    assert_eq!(placed.invoice(ORDER.into()), Some(invoice()));
    let planned = PlannedInvoice {
        invoice_id: invoice(),
        invoice_number: None,
        amount: placed.total(),
        paid: Money::ZERO,
        act: InvoiceAct::Cancel,
    };
    let plan = Plan {
        goods: placed.reserved(),
        production: vec![],
        invoices: vec![planned],
    };
    let cancel = OrderCommand::Cancel(Box::new(Cancellation {
        plan: Box::new(plan),
        ..Cancellation::default()
    }));
    execute(&mut world.orders, &mut world.facts, ORDER, &cancel, Fact::Order).unwrap();
}

proptest! {
    #[test]
    fn whatever_crashes_it_is_billed_once(choices in prop::collection::vec(any::<(bool, u8)>(), 0..60), at in 0_usize..80) {
        let mut world = World::default();
        place(&mut world);
        let (mut billing, mut cancellation) = (Follower::<OrderBilling>::new(ORDER), Follower::<OrderCancellation>::new(ORDER));
        for (n, (first, choice)) in choices.iter().enumerate() {
            if n == at {
                cancel(&mut world);
            }
            if *first { billing.step(&mut world, *choice) } else { cancellation.step(&mut world, *choice) }
        }
        for _ in 0..3 {
            billing.drain(&mut world);
            cancellation.drain(&mut world);
        }
        let bill = world.invoices.get(&invoice().uuid()).and_then(Invoice::known);
        let written = world.count(|fact| matches!(fact, Fact::Invoice(InvoiceEvent::Created(_))));
        prop_assert!(billing.stays_done(&world));
        if at < choices.len() {
            prop_assert!(cancellation.stays_done(&world));
            prop_assert!(written <= 1 && bill.is_none_or(|bill| bill.is_closed()), "nobody is to pay it");
        } else {
            prop_assert_eq!((written, bill.map(|bill| bill.is_closed())), (1, Some(false)));
        }
    }
}
