//! Operators at work: steps are refused, mended, asked for again, skipped, whole processes given up, at any moment and by
//! whoever looked at an old state; meanwhile two nodes pursue them, and die. What is retried ends as if it had never been
//! refused, what is skipped ends without it, and of what was given up nothing more comes.

use super::*;
use domain::process::{Abandonment, Decision};

/// Two nodes, each of which follows a won deal and its order.
struct Office {
    world: World,
    deals: [Follower<DealWon>; 2],
    orders: [Follower<OrderFulfillment>; 2],
}

impl Office {
    /// With goods for everything, so that nothing but refusals stands in its way.
    fn open(refused: impl IntoIterator<Item = String>) -> Self {
        let mut world = begin();
        [(STEEL, 10), (LOCK, 2), (MOUSE, 3)]
            .iter()
            .for_each(|(n, quantity)| world.receive(product(*n), *quantity));
        world.refused.extend(refused);
        Self {
            world,
            deals: [(); 2].map(|()| Follower::new(DEAL)),
            orders: [(); 2].map(|()| Follower::new(order())),
        }
    }

    fn step(&mut self, is_deal: bool, node: bool, choice: u8) {
        let (deal, order) = (&mut self.deals[usize::from(node)], &mut self.orders[usize::from(node)]);
        match is_deal {
            true => deal.step(&mut self.world, choice),
            false => order.step(&mut self.world, choice),
        }
    }

    /// An operator looks at what one node knows, and decides; too late, it is refused.
    fn decide(&mut self, node: bool, how: fn(Decision) -> ProcessCommand) {
        let node = usize::from(node);
        decide(&mut self.world, &self.deals[node], how);
        decide(&mut self.world, &self.orders[node], how);
    }

    /// Without further disturbance it comes to rest, whatever has to be decided for that.
    fn rest(&mut self, how: fn(Decision) -> ProcessCommand) {
        for _ in 0..50 {
            self.deals.iter_mut().for_each(|deal| deal.drain(&mut self.world));
            self.orders.iter_mut().for_each(|order| order.drain(&mut self.world));
            while self.deals.iter_mut().any(|deal| deal.fold_one(&self.world)) {}
            if self.deals[0].state.refused().is_empty() && self.orders[0].state.refused().is_empty() {
                return;
            }
            self.decide(false, how);
        }
        panic!(
            "does not come to rest: {:?} {:?}",
            self.deals[0].state, self.orders[0].state
        );
    }

    fn told(&self) -> usize {
        self.world
            .count(|fact| matches!(fact, Fact::Process(ProcessEvent::Abandoned(_))))
    }
}

fn decide<S: Saga>(world: &mut World, follower: &Follower<S>, how: fn(Decision) -> ProcessCommand) {
    for step in follower.state.refused() {
        let decision = Decision {
            saga: S::NAME.into(),
            instance: follower.instance,
            step,
            why: "mended".into(),
        };
        world.tell::<S>(follower.instance, &how(decision)).ok();
    }
}

fn abandon<S: Saga>(world: &mut World, instance: Uuid) -> Result<(), String> {
    let given_up = Abandonment {
        saga: S::NAME.into(),
        instance,
        why: "cancelled".into(),
    };
    world.tell::<S>(instance, &ProcessCommand::Abandon(given_up))
}

fn retry(decision: Decision) -> ProcessCommand {
    ProcessCommand::Retry(vec![decision])
}

/// Some of the steps there are.
fn some(nths: &[usize]) -> Vec<String> {
    let steps = all_steps();
    nths.iter().map(|nth| steps[nth % steps.len()].1.clone()).collect()
}

proptest! {
    #[test]
    fn what_is_mended_and_retried_ends_as_if_it_had_never_been_refused(
        refused in prop::collection::vec(0_usize..12, 1..5), choices in prop::collection::vec((0_u8..12, any::<bool>(), any::<u8>()), 0..120),
    ) {
        let mut office = Office::open(some(&refused));
        for (action, node, choice) in choices {
            match action {
                0 => office.decide(node, retry),
                1 if choice < 60 => office.world.refused.clear(),
                action => office.step(action % 2 == 0, node, choice),
            }
        }
        office.world.refused.clear();
        office.rest(retry);
        let world = &office.world;
        for node in 0..2 {
            prop_assert!(office.deals[node].stays_done(world), "{:?}", office.deals[node].state);
            prop_assert!(office.orders[node].stays_done(world), "{:?}", office.orders[node].state);
        }
        prop_assert_eq!((world.orders.len(), world.invoices.len(), world.production_orders.len()), (1, 1, 1));
        prop_assert_eq!(world.count(|fact| matches!(fact, Fact::ProductionOrder(ProductionOrderEvent::Scheduled { .. }))), 1);
        prop_assert!(world.holds(STEEL) && world.holds(LOCK) && world.holds(MOUSE));
    }

    #[test]
    fn what_is_skipped_is_gone_without(
        refused in prop::collection::vec(0_usize..12, 1..5), choices in prop::collection::vec((0_u8..12, any::<bool>(), any::<u8>()), 0..120),
    ) {
        let refused = some(&refused);
        let mut office = Office::open(refused.clone());
        for (action, node, choice) in choices {
            match action {
                0 => office.decide(node, ProcessCommand::Skip),
                action => office.step(action % 2 == 0, node, choice),
            }
        }
        office.rest(ProcessCommand::Skip);
        let (world, without) = (&office.world, |step: &str| refused.iter().any(|refused| refused == step));
        prop_assert!(office.deals[0].stays_done(world), "{:?}", office.deals[0].state);
        prop_assert_eq!(world.orders.len(), usize::from(!without("order")));
        prop_assert_eq!(world.invoices.len(), usize::from(!without("invoice")));
        if without("order") {
            prop_assert_eq!(office.orders[0].state.standing(), Standing::Idle, "nothing is to be fulfilled");
        } else {
            prop_assert!(office.orders[0].stays_done(world), "{:?}", office.orders[0].state);
            prop_assert_eq!(world.production_orders.len(), usize::from(!without("produce line 0")));
            prop_assert!(world.holds(MOUSE) || refused.iter().any(|step| step.starts_with("reserve")));
        }
    }

    #[test]
    fn of_what_is_given_up_nothing_more_comes(
        refused in prop::collection::vec(0_usize..12, 0..3), choices in prop::collection::vec((any::<bool>(), any::<bool>(), any::<u8>()), 0..80), at in 0_usize..80,
    ) {
        let mut office = Office::open(some(&refused));
        for (n, (is_deal, node, choice)) in choices.iter().enumerate() {
            if n == at {
                prop_assert_eq!(abandon::<DealWon>(&mut office.world, DEAL), Ok(()));
            }
            office.step(*is_deal, *node, *choice);
        }
        let late = abandon::<DealWon>(&mut office.world, DEAL);
        prop_assert_eq!(late.is_err(), at < choices.len(), "it is given up once");
        let facts = office.world.facts.len();
        while office.deals[0].fold_one(&office.world) {}
        let ended = matches!(office.deals[0].state.standing(), Standing::Done | Standing::Abandoned);
        prop_assert!(ended, "{:?}", office.deals[0].state);
        prop_assert_eq!(office.deals[0].state.owed(DEAL), vec![]);
        prop_assert_eq!(office.world.facts.len(), facts);
        // Whoever has not heard of it yet is refused, and nobody is told.
        office.world.refused.extend(all_steps().into_iter().map(|(_, step)| step));
        let refusals = |world: &World| world.count(|fact| matches!(fact, Fact::Process(ProcessEvent::StepRefused(refusal)) if refusal.saga == DealWon::NAME));
        let before = refusals(&office.world);
        for owed in office.deals[1].owed() {
            office.world.carry_out::<DealWon>(DEAL, owed);
        }
        prop_assert_eq!(refusals(&office.world), before);
        while office.deals[0].fold_one(&office.world) {}
        prop_assert_eq!(office.deals[0].state.owed(DEAL), vec![]);
        prop_assert_eq!(office.told(), 1);
    }
}
