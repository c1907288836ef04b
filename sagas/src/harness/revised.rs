//! An order is changed, at any moment of what follows from it: whatever was on its way at that moment, in the end just what it
//! says by then is held, made and billed.

use super::*;
use crate::order_billing::OrderBilling;
use domain::{
    catalog::stock::{Demand, Exchange},
    finance::invoice::Revocation,
    id::{InvoiceId, OrderId, ProductionOrderId},
    production::production_order::{ProductionOrderCommand, Status},
    sales::{
        line::numbered,
        order::{Changed, Known, Revision, WantedLine},
    },
};

fn placed(world: &World) -> Option<Known> {
    world.orders.get(&order()).and_then(Order::known).cloned()
}

/// The order's nth change, all in one, as the commands do it: more cabinets, fewer mice, or none.
fn change(world: &mut World, nth: i32) {
    let Some(placed) = placed(world) else { return };
    let wanted = numbered(placed.items()).filter_map(|(n, line)| {
        let quantity = match line.product_id == Some(product(CABINET)) {
            true => Some(Quantity::whole(2 + nth)),
            false if line.product_id == Some(product(MOUSE)) && nth > 1 => return None,
            false => None,
        };
        let fewer = (line.product_id == Some(product(MOUSE))).then(|| Quantity::whole(2));
        Some(WantedLine {
            quantity: quantity.or(fewer),
            ..WantedLine::kept(n)
        })
    });
    let revision = Revision {
        items: wanted.collect(),
        id: OrderId::new(order()),
        standing: Box::new(cancelled::plan(world, &placed)),
        ..Revision::default()
    };
    let revise = OrderCommand::Revise(Box::new(revision));
    execute(&mut world.orders, &mut world.facts, order(), &revise, Fact::Order).unwrap();
    let said = world.facts.iter().rev().find_map(|seen| match seen.fact.as_ref() {
        Fact::Order(OrderEvent::Changed(changed)) => Some(changed.as_ref().clone()),
        _ => None,
    });
    follow(world, &said.unwrap());
}

fn demand(order_number: &str, n: u32, product_id: ProductId) -> Demand {
    Demand {
        id: Demand::id_of(order(), product_id, n),
        order_id: OrderId::new(order()),
        line: n,
        production_order_id: None,
        reference: order_number.to_owned(),
    }
}

fn follow(world: &mut World, changed: &Changed) {
    let number = changed.order_number.as_str();
    let mut exchanges: BTreeMap<ProductId, Exchange> = BTreeMap::new();
    for goods in &changed.goods {
        let exchange = exchanges.entry(goods.product_id).or_default();
        exchange.ends.push(demand(number, goods.line, goods.product_id));
    }
    for (n, line) in numbered(&changed.items).filter(|(n, line)| changed.begun.contains(n) && line.is_stocked()) {
        let product_id = line.product_id.unwrap();
        let exchange = exchanges.entry(product_id).or_default();
        exchange.begins.push((demand(number, n, product_id), line.quantity));
    }
    for (product_id, exchange) in exchanges {
        let exchange = StockCommand::Exchange(Box::new(Exchange { product_id, ..exchange }));
        let id = StockId::of(product_id);
        execute(&mut world.stocks, &mut world.facts, id, &exchange, Fact::Stock).unwrap();
    }
    for stopped in &changed.production {
        let cancel = ProductionOrderCommand::Cancel {
            order_id: OrderId::new(order()),
            scrap: stopped.scrap,
        };
        let (made, id) = (&mut world.production_orders, stopped.production_order_id);
        execute(made, &mut world.facts, id, &cancel, Fact::ProductionOrder).unwrap();
    }
    for id in &changed.revoked {
        let revoke = InvoiceCommand::Revoke(Revocation {
            order_id: OrderId::new(order()),
            deal_id: changed.deal_id,
            refund: Money::ZERO,
            credit_note_id: id.credit_note(),
        });
        execute(&mut world.invoices, &mut world.facts, *id, &revoke, Fact::Invoice).unwrap();
    }
}

fn receive_all(world: &mut World) {
    let goods = [(STEEL, 100), (LOCK, 20), (MOUSE, 30)];
    goods
        .iter()
        .for_each(|(n, quantity)| world.receive(product(*n), *quantity));
}

fn reserved(world: &World, n: u128) -> Option<f64> {
    let stock = world.stocks.get(&StockId::of(product(n)).uuid())?;
    serde_json::to_value(stock).unwrap()["reserved"].as_f64()
}

proptest! {
    #[test]
    fn whenever_it_is_changed_what_it_says_is_held_made_and_billed(
        choices in prop::collection::vec((0_u8..3, any::<u8>()), 0..160), at in 0_usize..160, again in 0_usize..160, goods_first in any::<bool>(),
    ) {
        let mut world = begin();
        let (mut deal, mut fulfillment) = (Follower::<DealWon>::new(DEAL), Follower::<OrderFulfillment>::new(order()));
        let mut billing = Follower::<OrderBilling>::new(order());
        if goods_first {
            receive_all(&mut world);
        }
        let mut changes = 0;
        for (n, (whose, choice)) in choices.into_iter().enumerate() {
            let is_due = (changes == 0 && n >= at) || (changes == 1 && n >= at.max(again));
            if is_due && placed(&world).is_some() {
                changes += 1;
                change(&mut world, changes);
            }
            match whose {
                0 => deal.step(&mut world, choice),
                1 => fulfillment.step(&mut world, choice),
                _ => billing.step(&mut world, choice),
            }
        }
        for _ in 0..3 {
            deal.drain(&mut world);
            fulfillment.drain(&mut world);
            billing.drain(&mut world);
        }
        while changes < 2 {
            changes += 1;
            change(&mut world, changes);
        }
        if !goods_first {
            receive_all(&mut world);
        }
        for _ in 0..3 {
            deal.drain(&mut world);
            fulfillment.drain(&mut world);
            billing.drain(&mut world);
        }
        for standing in [deal.state.standing(), fulfillment.state.standing(), billing.state.standing()] {
            prop_assert_eq!(standing, Standing::Done);
        }
        let placed = placed(&world).unwrap();
        let held = [STEEL, LOCK, MOUSE].map(|n| reserved(&world, n));
        prop_assert_eq!(held, [Some(20.0), Some(4.0), Some(0.0)], "four cabinets, and no mice any more");
        let made = numbered(placed.items()).filter(|(_, line)| line.is_manufactured());
        let made: Vec<Uuid> = made.map(|(n, _)| ProductionOrderId::of_line(order(), n).uuid()).collect();
        prop_assert!(made.iter().all(|id| world.production_orders.contains_key(id)));
        for (id, production) in &world.production_orders {
            let goes_on = production.status() != Some(Status::Cancelled);
            prop_assert_eq!(goes_on, made.contains(id));
        }
        let open = world.invoices.values().filter_map(Invoice::known).filter(|invoice| !invoice.is_closed());
        let open: Vec<Money> = open.map(|invoice| invoice.bill().amount).collect();
        prop_assert_eq!(open, [placed.total()]);
        let id: OrderId = order().into();
        let billed: Vec<InvoiceId> = placed.bills(id).iter().map(|bill| bill.invoice_id).collect();
        prop_assert_eq!(billed, [InvoiceId::of_change(id, 2)]);
    }
}
