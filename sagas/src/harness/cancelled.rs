//! An order is cancelled at any moment of what follows from it, paid or not: whatever was on its way at that moment, in
//! the end nothing is held for it, nothing is made for it, and nobody is to pay it.

use super::*;
use crate::order_cancellation::OrderCancellation;
use chrono::NaiveDate;
use domain::{
    finance::invoice::Payment,
    id::{InvoiceId, ProductionOrderId},
    production::production_order::Status,
    sales::{
        line::{Line, numbered},
        order::{Cancellation, InvoiceAct, Known, Plan, PlannedInvoice, PlannedProduction, ProductionAct},
    },
};

fn placed(world: &World) -> Option<Known> {
    world.orders.get(&order()).and_then(Order::known).cloned()
}

/// As it would be looked up at that moment.
pub fn plan(world: &World, placed: &Known) -> Plan {
    let lines = numbered(placed.items());
    let production = lines.filter(|(_, line): &(u32, &Line)| line.is_manufactured());
    let production = production.map(|(line, item)| {
        let production_order_id = ProductionOrderId::of_line(order(), line);
        let made = world.production_orders.get(&production_order_id.uuid());
        let made = made.cloned().unwrap_or_default();
        PlannedProduction {
            production_order_id,
            line,
            product_name: item.product_name.clone(),
            status: made.status(),
            materials: made.materials().to_vec(),
            act: ProductionAct::on(made.status()),
        }
    });
    let invoices = placed.bills(order().into()).into_iter().map(|bill| {
        let invoice = world.invoices.get(&bill.invoice_id.uuid()).and_then(Invoice::known);
        let paid = invoice.map(|invoice| invoice.paid()).unwrap_or_default();
        PlannedInvoice {
            invoice_id: bill.invoice_id,
            invoice_number: None,
            amount: bill.amount,
            paid,
            act: if paid.is_zero() {
                InvoiceAct::Cancel
            } else {
                InvoiceAct::Credit
            },
        }
    });
    Plan {
        goods: placed.reserved(),
        production: production.collect(),
        invoices: invoices.collect(),
    }
}

fn cancel(world: &mut World, placed: &Known) {
    let plan = plan(world, placed);
    let cancellation = Cancellation {
        refund_amount: Some(plan.refundable()),
        plan: Box::new(plan),
        ..Cancellation::default()
    };
    let command = OrderCommand::Cancel(Box::new(cancellation));
    execute(&mut world.orders, &mut world.facts, order(), &command, Fact::Order).unwrap();
}

/// Something of it, if there is an invoice already.
fn pay(world: &mut World) {
    let id = InvoiceId::of_deal(DEAL);
    let pay = InvoiceCommand::Pay(Payment {
        id: Default::default(),
        invoice_id: id,
        amount: Money::whole(1_000),
        method: "cash".into(),
        reference: None,
        date: NaiveDate::from_ymd_opt(2026, 11, 21).unwrap(),
        allow_credit: false,
    });
    execute(&mut world.invoices, &mut world.facts, id, &pay, Fact::Invoice).ok();
}

fn receive_all(world: &mut World) {
    let goods = [(STEEL, 10), (LOCK, 2), (MOUSE, 3), (CABINET, 2)];
    goods
        .iter()
        .for_each(|(n, quantity)| world.receive(product(*n), *quantity));
}

fn reservations(world: &World) -> usize {
    world.count(|fact| matches!(fact, Fact::Stock(StockEvent::Reserved { .. })))
}

proptest! {
    #[test]
    fn whenever_it_is_cancelled_nothing_of_it_is_left(
        choices in prop::collection::vec((0_u8..3, any::<u8>()), 0..140), at in 0_usize..140, paid in any::<bool>(), goods_first in any::<bool>(),
    ) {
        let mut world = begin();
        let (mut deal, mut fulfillment) = (Follower::<DealWon>::new(DEAL), Follower::<OrderFulfillment>::new(order()));
        let mut cancellation = Follower::<OrderCancellation>::new(order());
        if goods_first {
            receive_all(&mut world);
        }
        let mut done = false;
        for (n, (whose, choice)) in choices.into_iter().enumerate() {
            if n >= at && !done && let Some(placed) = placed(&world) {
                if paid {
                    pay(&mut world);
                }
                cancel(&mut world, &placed);
                done = true;
            }
            match whose {
                0 => deal.step(&mut world, choice),
                1 => fulfillment.step(&mut world, choice),
                _ => cancellation.step(&mut world, choice),
            }
        }
        deal.drain(&mut world);
        fulfillment.drain(&mut world);
        if !done {
            if paid {
                pay(&mut world);
            }
            let placed = placed(&world).unwrap();
            cancel(&mut world, &placed);
        }
        for _ in 0..3 {
            cancellation.drain(&mut world);
            deal.drain(&mut world);
            fulfillment.drain(&mut world);
        }
        prop_assert!(deal.stays_done(&world) && fulfillment.stays_done(&world) && cancellation.stays_done(&world));
        let before = reservations(&world);
        receive_all(&mut world);
        prop_assert_eq!(reservations(&world), before, "nobody waits for goods any more");
        for stock in world.stocks.values() {
            let stock = serde_json::to_value(stock).unwrap();
            prop_assert_eq!(stock["reserved"].as_f64(), Some(0.0));
        }
        let made = |made: &ProductionOrder| made.status() == Some(Status::Cancelled);
        prop_assert!(world.production_orders.values().all(made));
        let was_paid = world.count(|fact| matches!(fact, Fact::Invoice(InvoiceEvent::PaymentReceived { .. })));
        let notes = world.count(|fact| matches!(fact, Fact::Invoice(InvoiceEvent::Created(invoice)) if invoice.is_credit()));
        prop_assert_eq!(notes, was_paid, "what was paid is credited, once");
        let bill = world.invoices.get(&InvoiceId::of_deal(DEAL).uuid()).and_then(Invoice::known);
        prop_assert!(bill.is_none_or(|bill| bill.is_closed()), "nobody is to pay it");
        prop_assert_eq!(world.orders.len(), 1);
    }
}
