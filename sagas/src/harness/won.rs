//! What becomes of a won deal in the less usual cases: made by a bill of materials that comes late, given away, to be
//! paid by the customer's own terms.

use super::*;

proptest! {
    /// Whenever the bill of materials comes, before the order is placed, in the middle or long after: everything else
    /// goes on at once, somebody is told if it is missed, and one production order comes of it.
    #[test]
    fn a_bill_that_comes_late_is_one_production_order(choices in prop::collection::vec(any::<(bool, u8)>(), 0..120), at in 0_usize..140) {
        let mut world = World::default();
        world.win(10);
        [(STEEL, 10), (LOCK, 2), (MOUSE, 3)].iter().for_each(|(n, quantity)| world.receive(product(*n), *quantity));
        let (mut deal, mut fulfillment) = (Follower::<DealWon>::new(DEAL), Follower::<OrderFulfillment>::new(order()));
        for (n, (first, choice)) in choices.iter().enumerate() {
            if n == at { world.define() }
            if *first { deal.step(&mut world, *choice) } else { fulfillment.step(&mut world, *choice) }
        }
        deal.drain(&mut world);
        fulfillment.drain(&mut world);
        prop_assert_eq!(deal.state.standing(), Standing::Done);
        prop_assert!(world.holds(MOUSE), "the other line does not wait");
        if choices.len() <= at {
            let waits = matches!(fulfillment.state.standing(), Standing::Waiting { reason } if reason.contains("no bill of materials"));
            prop_assert!(waits, "{:?}", fulfillment.state.standing());
            prop_assert_eq!(world.count(|fact| matches!(fact, Fact::Notification(NotificationEvent::Created(told)) if told.topic == Topic::BillMissing)), 1);
            prop_assert_eq!(world.production_orders.len(), 0);
            world.define();
            fulfillment.drain(&mut world);
        }
        prop_assert!(deal.stays_done(&world) && fulfillment.stays_done(&world));
        prop_assert_eq!((world.orders.len(), world.invoices.len()), (1, 1));
        prop_assert_eq!(world.count(|fact| matches!(fact, Fact::ProductionOrder(ProductionOrderEvent::Created(_)))), 1);
        prop_assert!(world.holds(STEEL) && world.holds(LOCK));
    }

    /// What is given away is delivered like everything else, and nobody is asked for money.
    #[test]
    fn what_is_given_away_ends_without_an_invoice(choices in prop::collection::vec(any::<(bool, u8)>(), 0..80)) {
        let mut world = World::default();
        world.define();
        world.win(100);
        [(STEEL, 10), (LOCK, 2), (MOUSE, 3)].iter().for_each(|(n, quantity)| world.receive(product(*n), *quantity));
        let (mut deal, mut fulfillment) = (Follower::<DealWon>::new(DEAL), Follower::<OrderFulfillment>::new(order()));
        for (first, choice) in choices {
            if first { deal.step(&mut world, choice) } else { fulfillment.step(&mut world, choice) }
        }
        deal.drain(&mut world);
        fulfillment.drain(&mut world);
        prop_assert!(deal.stays_done(&world) && fulfillment.stays_done(&world));
        prop_assert_eq!((world.orders.len(), world.invoices.len(), world.production_orders.len()), (1, 0, 1));
    }
}

#[test]
fn the_customers_terms_set_the_due_date() {
    let mut world = begin();
    let mut deal = Follower::<DealWon>::new(DEAL);
    deal.drain(&mut world);
    let created = world.facts.iter().find_map(|seen| match seen.fact.as_ref() {
        Fact::Invoice(InvoiceEvent::Created(invoice)) => Some(invoice),
        _ => None,
    });
    let invoice = created.unwrap();
    let days = invoice.due_date.signed_duration_since(invoice.issue_date).num_days();
    assert_eq!(days, 45);
    let terms = world.facts.iter().find_map(|seen| match seen.fact.as_ref() {
        Fact::Order(OrderEvent::Created(order)) => order.payment_terms.clone(),
        _ => None,
    });
    assert_eq!(terms.as_deref(), Some("NET_45"));
}
