//! The generic crash harness. A small world of real aggregates carries out what sagas owe, while a random schedule
//! decides what happens next: fold one fact, carry out any owed step (again, if it was done already), lose the process
//! and load it from what was stored, let goods arrive, refuse a step, decide on one that was refused. Whatever the schedule,
//! the end must be a named state that owes nothing, with exactly one of everything.

use crate::{
    Act, Owed, Saga, Seen, Standing, deal_won::DealWon, order_fulfillment::OrderFulfillment, shown::stream,
    testing::at_once,
};
use chrono::{DateTime, Utc};
use domain::{
    Aggregate, Fact, Money, Percent, Quantity, Rejection,
    catalog::{
        product::ProductType,
        stock::{Stock, StockCommand, StockEvent},
    },
    finance::invoice::{Invoice, InvoiceCommand, InvoiceEvent},
    id::{BomId, CustomerId, ProductId, StockId},
    office::notification::{Notification, NotificationEvent, Topic},
    process::{Process, ProcessCommand, ProcessEvent, Refusal},
    production::{
        bom::{Below, Bill, Bom, BomCommand, Component, Operation},
        production_order::{ProductionOrder, ProductionOrderEvent},
    },
    sales::{
        deal::{DealEvent, Stage, Won},
        line::{self, LineDraft, Price},
        order::{Order, OrderCommand, OrderEvent},
    },
};
use proptest::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use uuid::Uuid;

mod acts;
mod billed;
mod cancelled;
mod decided;
mod due;
mod revised;
mod won;

#[derive(Default, Clone)]
struct World {
    facts: Vec<Seen>,
    orders: BTreeMap<Uuid, Order>,
    invoices: BTreeMap<Uuid, Invoice>,
    notifications: BTreeMap<Uuid, Notification>,
    production_orders: BTreeMap<Uuid, ProductionOrder>,
    stocks: BTreeMap<Uuid, Stock>,
    boms: BTreeMap<Uuid, Bom>,
    processes: BTreeMap<Uuid, Process>,
    /// Steps that the rules refuse.
    refused: BTreeSet<String>,
}

/// Decides, evolves and writes down: the executor without a database.
fn execute<A: Aggregate>(
    store: &mut BTreeMap<Uuid, A>,
    facts: &mut Vec<Seen>,
    id: impl Into<Uuid>,
    command: &A::Command,
    fact: fn(A::Event) -> Fact,
) -> Result<(), String> {
    let id = id.into();
    let mut state = store.remove(&id).unwrap_or_default();
    let decided = state.decide(command);
    let result = decided.map(|events| {
        for event in events {
            state = state.clone().evolve(&event);
            let at = DateTime::<Utc>::UNIX_EPOCH + chrono::Duration::seconds(i64::try_from(facts.len()).unwrap());
            facts.push(Seen {
                id,
                at,
                fact: Arc::new(fact(event)),
            });
        }
    });
    store.insert(id, state);
    result.map_err(|rejection| rejection.code().to_owned())
}

impl World {
    fn carry_out<S: Saga>(&mut self, instance: Uuid, Owed { step, act, .. }: Owed) {
        let refused = self.refused.contains(&step).then(|| "test.refused".to_owned());
        let outcome = refused.map_or_else(|| self.act(act), Err);
        if let Err(code) = outcome {
            let refusal = Refusal {
                saga: S::NAME.into(),
                instance,
                step,
                code,
                message: String::new(),
            };
            self.tell::<S>(instance, &ProcessCommand::NoteRefusal(refusal)).unwrap();
        }
    }

    /// The saga's own stream.
    fn tell<S: Saga>(&mut self, instance: Uuid, command: &ProcessCommand) -> Result<(), String> {
        let id = stream(instance, S::NAME);
        execute(&mut self.processes, &mut self.facts, id, command, Fact::Process)
    }

    fn receive(&mut self, product_id: ProductId, quantity: i32) {
        let receive = StockCommand::Receive {
            product_id,
            lots: Default::default(),
            quantity: Quantity::whole(quantity),
            unit_cost: None,
            reference: None,
            reason: None,
            warehouse: None,
        };
        execute(
            &mut self.stocks,
            &mut self.facts,
            StockId::of(product_id),
            &receive,
            Fact::Stock,
        )
        .unwrap();
    }

    /// Somebody says how a cabinet is made.
    fn define(&mut self) {
        let define = BomCommand::Define {
            product_id: product(CABINET),
            bill: cabinet(),
            below: Below::Sound,
        };
        execute(
            &mut self.boms,
            &mut self.facts,
            BomId::of(product(CABINET)),
            &define,
            Fact::Bom,
        )
        .unwrap();
    }

    /// A deal is won with this discount on its lines.
    fn win(&mut self, discount: i32) {
        self.facts.push(Seen {
            id: DEAL,
            at: DateTime::UNIX_EPOCH,
            fact: Arc::new(Fact::Deal(won(discount))),
        });
    }

    /// Whether any of it is reserved.
    fn holds(&self, n: u128) -> bool {
        let reserved = |seen: &Seen| matches!(seen.fact.as_ref(), Fact::Stock(StockEvent::Reserved { product_id, .. }) if *product_id == product(n));
        self.facts.iter().any(reserved)
    }

    fn count(&self, holds: fn(&Fact) -> bool) -> usize {
        self.facts.iter().filter(|seen| holds(&seen.fact)).count()
    }
}

/// One instance of one saga, following the world with a cursor.
struct Follower<S> {
    instance: Uuid,
    state: S,
    cursor: usize,
}

impl<S: Saga> Follower<S> {
    fn new(instance: Uuid) -> Self {
        Self {
            instance,
            state: S::default(),
            cursor: 0,
        }
    }

    fn fold_one(&mut self, world: &World) -> bool {
        let Some(seen) = world.facts.get(self.cursor) else {
            return false;
        };
        self.cursor += 1;
        if S::instance(seen) == Some(self.instance) {
            self.state = std::mem::take(&mut self.state).evolve(seen);
        }
        true
    }

    /// The runner does not look for what is done: no fact, however often it comes, makes anything else of it.
    fn stays_done(&self, world: &World) -> bool {
        let ours = world
            .facts
            .iter()
            .filter(|seen| S::instance(seen) == Some(self.instance));
        let again = ours.fold(self.state.clone(), S::evolve);
        self.state.standing() == Standing::Done && again == self.state
    }

    /// The process dies and another loads what was stored.
    fn crash(&mut self) {
        let stored = serde_json::to_value(&self.state).unwrap();
        self.state = serde_json::from_value(stored).unwrap();
    }

    /// What waits for its time is another story (due.rs).
    fn owed(&self) -> Vec<Owed> {
        at_once(&self.state, self.instance)
    }

    fn step(&mut self, world: &mut World, choice: u8) {
        let owed = self.owed();
        match choice % 4 {
            0 => self.crash(),
            1 | 2 if !owed.is_empty() => {
                let chosen = owed[usize::from(choice / 4) % owed.len()].clone();
                world.carry_out::<S>(self.instance, chosen);
            }
            _ => {
                self.fold_one(world);
            }
        }
    }

    /// Without further disturbance it comes to rest.
    fn drain(&mut self, world: &mut World) {
        for _ in 0..200 {
            while self.fold_one(world) {}
            let owed = self.owed();
            if owed.is_empty() {
                return;
            }
            for owed in owed {
                world.carry_out::<S>(self.instance, owed);
            }
        }
        panic!("does not come to rest: {:?} owes {:?}", self.state, self.owed());
    }
}

fn product(n: u128) -> ProductId {
    ProductId::new(Uuid::from_u128(n))
}

const STEEL: u128 = 1;
const LOCK: u128 = 2;
const CABINET: u128 = 3;
const MOUSE: u128 = 4;
const SERVICE: u128 = 5;

fn cabinet() -> Bill {
    let component = |n: u128, quantity: i32| Component {
        material_id: product(n),
        material_name: format!("material {n}"),
        quantity: Quantity::whole(quantity),
        unit: "шт".into(),
        cost: Money::ZERO,
    };
    let operation = |name: &str, duration| Operation {
        name: name.into(),
        duration,
        required_skills: vec![],
        equipment: vec![],
    };
    Bill {
        components: vec![component(STEEL, 5), component(LOCK, 1)],
        operations: vec![operation("Cutting", 120), operation("Welding", 180)],
    }
}

fn won(discount: i32) -> DealEvent {
    let draft = |n: u128, kind, quantity: i32| LineDraft {
        product_id: product(n),
        product_name: format!("product {n}"),
        product_code: None,
        kind,
        quantity: Quantity::whole(quantity),
        price: Price {
            amount: Money::whole(400_000),
            ..Price::default()
        },
        discount: Percent::whole(discount),
        tax: Percent::whole(12),
        parts: vec![],
    };
    let drafts = [
        draft(CABINET, ProductType::Manufactured, 2),
        draft(MOUSE, ProductType::Product, 3),
        draft(SERVICE, ProductType::Service, 50),
    ];
    let items = line::price(
        &mut domain::Check::default(),
        "products",
        &drafts,
        &domain::finance::Currency::kzt(),
    );
    let amount = line::sum(&items).unwrap();
    DealEvent::Won(Box::new(Won {
        from: Stage::Closing,
        deal_number: "DL-2026-0001".into(),
        title: "ERP".into(),
        customer_id: CustomerId::default(),
        customer_name: None,
        items,
        amount,
        currency: domain::finance::Currency::kzt(),
        assigned_to: None,
        actual_close_date: None,
        notes: None,
        payment_terms: Some("NET_45".into()),
        payment_days: Some(45),
        exchange_rate: None,
        custom: None,
    }))
}

const DEAL: Uuid = Uuid::from_u128(100);

fn begin() -> World {
    let mut world = World::default();
    world.define();
    world.win(10);
    world
}

fn order() -> Uuid {
    crate::deal_won::order_id(DEAL).into()
}

/// Which steps there are, told by an undisturbed run, and whether they are the deal's.
fn all_steps() -> Vec<(bool, String)> {
    let mut steps = Vec::new();
    let mut world = begin();
    let (mut deal, mut fulfillment) = (
        Follower::<DealWon>::new(DEAL),
        Follower::<OrderFulfillment>::new(order()),
    );
    for _ in 0..10 {
        while deal.fold_one(&world) {}
        while fulfillment.fold_one(&world) {}
        for owed in deal.owed() {
            steps.push((true, owed.step.clone()));
            world.carry_out::<DealWon>(DEAL, owed);
        }
        for owed in fulfillment.owed() {
            steps.push((false, owed.step.clone()));
            world.carry_out::<OrderFulfillment>(order(), owed);
        }
    }
    steps
}

proptest! {
    #[test]
    fn whatever_crashes_a_won_deal_ends_with_one_of_everything(choices in prop::collection::vec(any::<(bool, u8)>(), 0..120), goods_first in any::<bool>()) {
        let mut world = begin();
        let (mut deal, mut fulfillment) = (Follower::<DealWon>::new(DEAL), Follower::<OrderFulfillment>::new(order()));
        let goods = [(STEEL, 10), (LOCK, 2), (MOUSE, 3)];
        if goods_first {
            goods.iter().for_each(|(n, quantity)| world.receive(product(*n), *quantity));
        }
        for (first, choice) in choices {
            if first { deal.step(&mut world, choice) } else { fulfillment.step(&mut world, choice) }
        }
        deal.drain(&mut world);
        fulfillment.drain(&mut world);
        if !goods_first {
            prop_assert!(matches!(fulfillment.state.standing(), Standing::Waiting { .. }), "a shortage waits, and says for what");
            goods.iter().for_each(|(n, quantity)| world.receive(product(*n), *quantity));
            fulfillment.drain(&mut world);
        }
        prop_assert_eq!(deal.state.standing(), Standing::Done);
        prop_assert_eq!(fulfillment.state.standing(), Standing::Done);
        prop_assert_eq!((world.orders.len(), world.invoices.len(), world.production_orders.len()), (1, 1, 1));
        prop_assert_eq!(world.count(|fact| matches!(fact, Fact::Order(_))), 1);
        prop_assert_eq!(world.count(|fact| matches!(fact, Fact::Invoice(_))), 1);
        prop_assert_eq!(world.count(|fact| matches!(fact, Fact::ProductionOrder(ProductionOrderEvent::Created(_)))), 1);
        prop_assert_eq!(world.count(|fact| matches!(fact, Fact::ProductionOrder(ProductionOrderEvent::Scheduled { .. }))), 1);
        let reserved: Quantity = world.facts.iter().filter_map(|seen| match seen.fact.as_ref() {
            Fact::Stock(StockEvent::Reserved { quantity, .. }) => Some(*quantity),
            _ => None,
        }).sum();
        prop_assert_eq!(reserved, Quantity::whole(15), "every material and every good is held once");
    }

    #[test]
    fn a_refused_step_ends_parked_with_somebody_told(nth in 0_usize..12, choices in prop::collection::vec(any::<(bool, u8)>(), 0..60)) {
        let steps = all_steps();
        let (is_deal, step) = steps[nth % steps.len()].clone();

        let mut world = begin();
        world.refused.insert(step.clone());
        let (mut deal, mut fulfillment) = (Follower::<DealWon>::new(DEAL), Follower::<OrderFulfillment>::new(order()));
        for (first, choice) in choices {
            if first { deal.step(&mut world, choice) } else { fulfillment.step(&mut world, choice) }
        }
        deal.drain(&mut world);
        fulfillment.drain(&mut world);
        let standing = if is_deal { deal.state.standing() } else { fulfillment.state.standing() };
        let parked = matches!(&standing, Standing::Parked { reason } if reason.contains(&step));
        prop_assert!(parked, "{step} was refused and the saga is {standing:?}");
        prop_assert!(world.count(|fact| matches!(fact, Fact::Notification(_))) > 0);
    }
}
