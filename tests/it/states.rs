//! What a node remembers never shows in what it answers: two nodes on one database, each with its own memory, answer
//! every command and every look-up as one without any memory would.

mod lanes;
mod looked;
mod written;

use chrono::Utc;
use commands::{Actor, Context, Done, Error, Executor, Versions};
use domain::{
    Aggregate, ClaimAct, Money, Quantity,
    catalog::{
        product::{Change, Details, Product, ProductCommand, ProductEvent, ProductRejection},
        stock::{Stock, StockCommand},
    },
    id::{ProductId, StockId, WorkspaceId},
};
use log::CommandId;
use prometric_tests::Database;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use std::collections::HashMap;
use uuid::Uuid;

pub fn context(workspace: WorkspaceId) -> Context {
    Context::new(workspace, Actor::System, Utc::now())
}

/// A node without a past.
pub async fn node(database: &Database) -> Executor {
    Executor::new(database.log().await)
}

#[derive(Debug, Clone)]
struct Request {
    id: ProductId,
    command: ProductCommand,
    command_id: Option<CommandId>,
    expected_version: Option<i64>,
}

#[derive(Debug, Clone, PartialEq)]
enum Verdict {
    Done { version: i64, events: Vec<ProductEvent> },
    Rejected(ProductRejection),
    Stale { expected: i64, actual: i64 },
    Taken(String),
    Reused,
}

/// The truth, told one request at a time.
#[derive(Default)]
struct Oracle {
    products: HashMap<ProductId, (Product, i64)>,
    owners: HashMap<(&'static str, String), ProductId>,
    commands: HashMap<Uuid, ([u8; 32], Verdict)>,
}

impl Oracle {
    fn state(&self, id: ProductId) -> (Product, i64) {
        self.products.get(&id).cloned().unwrap_or_default()
    }

    fn answer(&mut self, request: &Request) -> Verdict {
        if let Some(command) = request.command_id
            && let Some((hash, first)) = self.commands.get(&command.id)
        {
            let same = *hash == command.request_hash;
            return if same { first.clone() } else { Verdict::Reused };
        }
        let (mut state, mut version) = self.state(request.id);
        if let Some(expected) = request.expected_version.filter(|expected| *expected != version) {
            return Verdict::Stale {
                expected,
                actual: version,
            };
        }
        let events = match state.decide(&request.command) {
            Ok(events) => events,
            Err(rejection) => return Verdict::Rejected(rejection),
        };
        let mut owners = self.owners.clone();
        for event in &events {
            for claim in state.claims(event) {
                let key = (claim.kind, claim.key);
                if claim.act == ClaimAct::Release {
                    owners.remove(&key);
                } else if owners.get(&key).is_some_and(|owner| *owner != request.id) {
                    return Verdict::Taken(key.1);
                } else {
                    owners.insert(key, request.id);
                }
            }
            state = state.evolve(event);
            version += 1;
        }
        self.owners = owners;
        self.products.insert(request.id, (state, version));
        let done = Verdict::Done { version, events };
        if let Some(command) = request.command_id {
            self.commands.insert(command.id, (command.request_hash, done.clone()));
        }
        done
    }
}

fn verdict(answer: Result<Done<ProductEvent>, Error<ProductRejection>>) -> Verdict {
    match answer {
        Ok(Done { version, events, .. }) => Verdict::Done { version, events },
        Err(Error::Rejected(rejection)) => Verdict::Rejected(rejection),
        Err(Error::Stale { expected, actual }) => Verdict::Stale {
            expected: expected.single().unwrap(),
            actual,
        },
        Err(Error::Taken { key, .. }) => Verdict::Taken(key),
        Err(Error::CommandReused) => Verdict::Reused,
        Err(other) => panic!("{other:?}"),
    }
}

fn command(rng: &mut StdRng) -> ProductCommand {
    let code = format!("CODE-{}", rng.random_range(0..5));
    if rng.random_bool(0.3) {
        let details = Details {
            code,
            name: "Steel".into(),
            unit: "kg".into(),
            ..Details::default()
        };
        return ProductCommand::Create(Box::new(details));
    }
    let change = match rng.random_range(0..3) {
        0 => Change {
            code: code.into(),
            ..Change::default()
        },
        // A name too long is refused whatever the state.
        1 => Change {
            name: "x".repeat(rng.random_range(1..3) * 150).into(),
            ..Change::default()
        },
        _ => Change {
            price: Money::whole(rng.random_range(0..3)).into(),
            ..Change::default()
        },
    };
    ProductCommand::Update(Box::new(change))
}

fn request(rng: &mut StdRng, ids: &[ProductId], past: &[Request], oracle: &Oracle) -> Request {
    match past.choose(rng) {
        Some(before) if rng.random_bool(0.2) => return before.clone(),
        Some(before) if rng.random_bool(0.05) => {
            let other = before.command_id.map(|known| CommandId {
                request_hash: [0xff; 32],
                ..known
            });
            return Request {
                command_id: other,
                ..before.clone()
            };
        }
        _ => {}
    }
    let id = *ids.choose(rng).unwrap();
    let (_, version) = oracle.state(id);
    Request {
        id,
        command: command(rng),
        command_id: rng.random_bool(0.7).then(|| CommandId {
            id: Uuid::from_u128(rng.random()),
            request_hash: rng.random(),
        }),
        expected_version: rng.random_bool(0.3).then(|| (version - rng.random_range(0..2)).max(0)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_that_remember_answer_as_one_that_does_not() {
    let database = Database::create().await;
    let nodes = [node(&database).await, node(&database).await];
    for seed in 0..4 {
        let mut rng = StdRng::seed_from_u64(seed);
        let workspace = WorkspaceId::from(Uuid::now_v7());
        let ids: Vec<ProductId> = (0..3).map(|_| Uuid::now_v7().into()).collect();
        let (mut oracle, mut past) = (Oracle::default(), Vec::new());
        for step in 0..150 {
            let request = request(&mut rng, &ids, &past, &oracle);
            let context = Context {
                command: request.command_id,
                expected_version: request.expected_version.map(Versions::from),
                ..context(workspace)
            };
            let executor = nodes.choose(&mut rng).unwrap();
            let answer = executor
                .execute::<Product>(request.id, &request.command, &context)
                .await;
            assert_eq!(
                verdict(answer),
                oracle.answer(&request),
                "seed {seed}, step {step}: {request:?}"
            );
            let id = *ids.choose(&mut rng).unwrap();
            let reader = nodes.choose(&mut rng).unwrap();
            let seen = reader.load::<Product, ProductRejection>(workspace, id).await.unwrap();
            assert_eq!(
                ((*seen.state).clone(), seen.version),
                oracle.state(id),
                "seed {seed}, step {step}"
            );
            if rng.random_bool(0.02) {
                reader.forget(workspace);
            }
            past.push(request);
        }
        let done = oracle
            .commands
            .values()
            .filter(|(_, first)| matches!(first, Verdict::Done { events, .. } if !events.is_empty()));
        assert!(done.count() > 5, "seed {seed} does something");
    }
}

/// Each delivery is sent twice, to both nodes at once; an additive command leans on its id alone.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_twice_at_once_happens_once() {
    const DELIVERIES: i32 = 60;
    let database = Database::create().await;
    let nodes = [node(&database).await, node(&database).await];
    let workspace = WorkspaceId::from(Uuid::now_v7());
    let product = ProductId::from(Uuid::now_v7());
    let receive = StockCommand::Receive {
        product_id: product,
        lots: Default::default(),
        quantity: Quantity::whole(1),
        unit_cost: None,
        reference: None,
        reason: None,
        warehouse: None,
    };
    let deliver = |n: i32, node: &Executor| {
        let (node, receive) = (node.clone(), receive.clone());
        let context = Context {
            command: Some(CommandId {
                id: Uuid::from_u128(n.unsigned_abs().into()),
                request_hash: [1; 32],
            }),
            ..context(workspace)
        };
        tokio::spawn(async move {
            loop {
                match node.execute::<Stock>(StockId::of(product), &receive, &context).await {
                    Err(Error::Busy) => {} // lost to the other node too often in a row
                    answer => return answer.unwrap().version,
                }
            }
        })
    };
    let sent: Vec<_> = (0..DELIVERIES)
        .map(|n| nodes.each_ref().map(|node| deliver(n, node)))
        .collect();
    let mut versions = Vec::new();
    for [one, other] in sent {
        let (one, other) = (one.await.unwrap(), other.await.unwrap());
        assert_eq!(one, other, "a repeat is told what the first one was told");
        versions.push(one);
    }
    versions.sort_unstable();
    assert_eq!(versions, (1..=i64::from(DELIVERIES)).collect::<Vec<_>>());
    for node in &nodes {
        let stock = node
            .load::<Stock, domain::catalog::stock::StockRejection>(workspace, StockId::of(product))
            .await
            .unwrap();
        assert_eq!(stock.state.available(), Quantity::whole(DELIVERIES));
    }
}
