//! What waits for its time: nodes that die at every point around it, two of them at once, clocks that go back and forth,
//! and things that come after all. Each due thing is one command, never before its instant, and not when it is no longer due.

use super::*;
use crate::invoice_collection::InvoiceCollection;
use chrono::TimeDelta;
use domain::{finance::invoice::Payment, time::local_date};

/// A node as the runner is one: it looks at the clock, and in its next step folds all there is, then pays what is owed by
/// that reading.
struct Node<S> {
    follower: Follower<S>,
    reading: Option<DateTime<Utc>>,
}

/// The instants at which each due thing was carried out: the command's id follows from step and instant.
#[derive(Default)]
struct Ledger(BTreeMap<(&'static str, String), BTreeSet<DateTime<Utc>>>);

impl<S: Saga> Node<S> {
    fn new(instance: Uuid) -> Self {
        Self {
            follower: Follower::new(instance),
            reading: None,
        }
    }

    fn crash(&mut self) {
        self.follower.crash();
        self.reading = None;
    }

    fn pay(&mut self, world: &mut World, ledger: &mut Ledger) {
        while self.follower.fold_one(world) {}
        let (reading, instance) = (self.reading.take(), self.follower.instance);
        let is_due = |owed: &Owed| reading.is_some_and(|reading| owed.is_due(reading));
        let known: S = log_says(world, instance);
        for owed in self.follower.state.owed(instance) {
            if is_due(&owed) {
                assert!(known.owed(instance).contains(&owed), "{owed:?} is no longer due");
                ledger.enter::<S>(&owed, reading);
            }
            if owed.due.is_none() || is_due(&owed) {
                world.carry_out::<S>(instance, owed);
            }
        }
    }
}

/// What a saga that never crashed makes of it.
fn log_says<S: Saga>(world: &World, instance: Uuid) -> S {
    let mut follower = Follower::new(instance);
    while follower.fold_one(world) {}
    follower.state
}

impl Ledger {
    fn enter<S: Saga>(&mut self, owed: &Owed, reading: Option<DateTime<Utc>>) {
        assert!(owed.due <= reading, "{owed:?} at {reading:?}");
        let entry = self.0.entry((S::NAME, owed.step.clone())).or_default();
        entry.extend(owed.due);
    }

    /// One instant, hence one command each.
    fn is_sound(&self) -> bool {
        self.0.values().all(|instants| instants.len() == 1)
    }
}

fn told(world: &World, topic: Topic) -> usize {
    let is_it = |seen: &&Seen| matches!(seen.fact.as_ref(), Fact::Notification(NotificationEvent::Created(told)) if told.topic == topic);
    world.facts.iter().filter(is_it).count()
}

/// So many hours after the deal was won.
fn after(hours: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
}

const YEARS: i64 = 24 * 365 * 3;

impl World {
    /// The whole invoice, if there is one.
    fn pay(&mut self) {
        let id = crate::deal_won::invoice_id(DEAL);
        let amount = self.facts.iter().find_map(|seen| match seen.fact.as_ref() {
            Fact::Invoice(InvoiceEvent::Created(invoice)) => Some(invoice.amount),
            _ => None,
        });
        let Some(amount) = amount else { return };
        let payment = Payment {
            id: Uuid::from_u128(7).into(),
            invoice_id: id,
            amount,
            method: "cash".into(),
            reference: None,
            date: local_date(after(0)),
            allow_credit: true,
        };
        execute(
            &mut self.invoices,
            &mut self.facts,
            id,
            &InvoiceCommand::Pay(payment),
            Fact::Invoice,
        )
        .unwrap();
    }

    fn stock_up(&mut self) {
        [(STEEL, 10), (LOCK, 2), (MOUSE, 3)]
            .iter()
            .for_each(|(n, quantity)| self.receive(product(*n), *quantity));
    }
}

/// A won deal whose order waits for goods, and for as long as that takes for its money.
fn short() -> World {
    let mut world = begin();
    Follower::<DealWon>::new(DEAL).drain(&mut world);
    Follower::<OrderFulfillment>::new(order()).drain(&mut world);
    world
}

/// All orders of five things that two nodes do, among them dying: the second has folded all of it anew.
#[test]
fn whenever_a_node_dies_around_what_is_due_it_is_one_command() {
    const ACTIONS: usize = 7;
    let began = short();
    for schedule in 0..ACTIONS.pow(5) {
        let (mut world, mut ledger) = (began.clone(), Ledger::default());
        let [mut first, mut second] = [(); 2].map(|()| Node::<OrderFulfillment>::new(order()));
        while first.follower.fold_one(&world) {}
        let late = Some(after(YEARS));
        for turn in 0..5 {
            match schedule / ACTIONS.pow(turn) % ACTIONS {
                0 => first.crash(),
                1 => first.reading = late,
                2 => first.pay(&mut world, &mut ledger),
                3 => {
                    first.follower.fold_one(&world);
                }
                4 => second.reading = late,
                5 => second.pay(&mut world, &mut ledger),
                _ => {
                    second.follower.fold_one(&world);
                }
            }
        }
        // Nothing was forgotten either.
        second.reading = late;
        second.pay(&mut world, &mut ledger);
        first.pay(&mut world, &mut ledger);
        assert_eq!(
            told(&world, Topic::ShortageLasts),
            2,
            "both lines, once each: schedule {schedule}"
        );
        assert!(ledger.is_sound(), "schedule {schedule}");
        let state: OrderFulfillment = log_says(&world, order());
        assert_eq!(state.owed(order()), vec![], "schedule {schedule}");
        assert_eq!(state.standing().name(), "waiting", "nothing is undone by itself");
    }
}

proptest! {
    #[test]
    fn whatever_the_clock_reads_and_whatever_comes_each_due_thing_is_carried_out_at_most_once_and_in_time(
        choices in prop::collection::vec((0_usize..9, any::<bool>(), -100_i64..2_000), 0..80), refused in any::<bool>(),
    ) {
        let mut world = World::default();
        if refused {
            world.refused.insert("invoice".to_owned());
        }
        world.win(10);
        let mut ledger = Ledger::default();
        let mut deals = [(); 2].map(|()| Node::<DealWon>::new(DEAL));
        let mut orders = [(); 2].map(|()| Node::<OrderFulfillment>::new(order()));
        let mut invoices = [(); 2].map(|()| Node::<InvoiceCollection>::new(crate::deal_won::invoice_id(DEAL).into()));
        for (action, node, hours) in choices {
            let node = usize::from(node);
            let (deal, order, invoice) = (&mut deals[node], &mut orders[node], &mut invoices[node]);
            match action {
                0 => (deal.reading, order.reading, invoice.reading) = (Some(after(hours)), Some(after(hours)), Some(after(hours))),
                1 => { deal.crash(); order.crash(); invoice.crash(); }
                2 => { deal.follower.fold_one(&world); order.follower.fold_one(&world); invoice.follower.fold_one(&world); }
                3 => world.pay(),
                4 => world.define(),
                5 => world.stock_up(),
                6 => deal.pay(&mut world, &mut ledger),
                7 => order.pay(&mut world, &mut ledger),
                _ => invoice.pay(&mut world, &mut ledger),
            }
        }
        // In the end the clock reads late, to all, and nothing that is still due is forgotten.
        for node in [0, 1, 0, 1] {
            let late = Some(after(YEARS));
            (deals[node].reading, orders[node].reading, invoices[node].reading) = (late, late, late);
            deals[node].pay(&mut world, &mut ledger);
            orders[node].pay(&mut world, &mut ledger);
            invoices[node].pay(&mut world, &mut ledger);
        }
        prop_assert!(ledger.is_sound(), "{:?}", ledger.0);
        let waits = |owed: Vec<Owed>| owed.into_iter().any(|owed| owed.due.is_some_and(|due| due <= after(YEARS)));
        let [deal, order, invoice] = [
            log_says::<DealWon>(&world, DEAL).owed(DEAL),
            log_says::<OrderFulfillment>(&world, order()).owed(order()),
            log_says::<InvoiceCollection>(&world, crate::deal_won::invoice_id(DEAL).into()).owed(DEAL),
        ];
        for owed in [deal, order, invoice] {
            prop_assert!(!waits(owed.clone()), "{owed:?}");
        }
        let ids: Vec<Uuid> = world.facts.iter().filter(|seen| matches!(seen.fact.as_ref(), Fact::Notification(_))).map(|seen| seen.id).collect();
        let once: BTreeSet<&Uuid> = ids.iter().collect();
        prop_assert_eq!(once.len(), ids.len(), "nobody is told twice");
    }
}

#[test]
fn what_came_in_time_is_told_to_nobody() {
    let (mut world, mut ledger) = (short(), Ledger::default());
    let mut order = Node::<OrderFulfillment>::new(order());
    let mut invoice = Node::<InvoiceCollection>::new(crate::deal_won::invoice_id(DEAL).into());
    order.pay(&mut world, &mut ledger);
    (order.reading, invoice.reading) = (Some(after(YEARS)), Some(after(YEARS)));
    // Both have looked at the clock; then goods and money come.
    world.stock_up();
    world.pay();
    order.pay(&mut world, &mut ledger);
    invoice.pay(&mut world, &mut ledger);
    assert_eq!(
        (told(&world, Topic::ShortageLasts), told(&world, Topic::InvoiceOverdue)),
        (0, 0)
    );
}
