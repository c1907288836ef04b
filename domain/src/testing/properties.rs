//! What holds for every aggregate, whatever it is asked: see [`any_commands`].

mod people;
mod workspace;

use crate::{
    Aggregate, Money, Number, Patch, Quantity, Role,
    catalog::{
        product::{self, Product, ProductCommand, ProductEvent},
        stock::{Stock, StockCommand, StockEvent},
    },
    fact::{self, encode},
    finance::invoice::{Invoice, InvoiceCommand, InvoiceEvent, Payment, Revocation},
    id::{InvoiceId, PaymentId, ProductId, UserId},
    identity::{
        api_key::{ApiKey, ApiKeyCommand, ApiKeyEvent},
        organization::{self, Organization, OrganizationCommand, OrganizationEvent},
        person::{Person, PersonCommand, PersonEvent},
        user::{SessionEnd, User, UserCommand, UserEvent},
    },
    office::notification::{Notification, NotificationCommand, NotificationEvent},
    process::{Process, ProcessCommand, ProcessEvent},
    production::{
        bom::{Below, Bill, Bom, BomCommand, BomEvent},
        production_order::{ProductionOrder, ProductionOrderCommand},
    },
    sales::{
        customer::{self, Customer, CustomerCommand},
        deal::{self, Deal, DealCommand, Draft, Loss, Stage, Win},
        order::{Order, OrderCommand},
    },
    testing::sample,
};
use proptest::{prelude::*, sample::Index, test_runner::TestRunner};
use serde_json::Value;
use std::fmt::Debug;
use uuid::Uuid;

/// Whether asking again for the same changes nothing, and what always holds of a state.
struct Promises<A: Aggregate> {
    names_its_effect: fn(&A::Command) -> bool,
    invariant: fn(&A) -> bool,
}

/// Any list of commands: none panics; a refused one leaves no trace; what is decided is stored and read back the same; so
/// is the state; the invariant holds; and a command that names its effect, asked again, is done already.
fn any_commands<A>(commands: &[A::Command], promises: &Promises<A>)
where
    A: Aggregate + PartialEq + Debug,
    A::Command: Clone + Debug,
{
    let lists = prop::collection::vec(any::<Index>(), 0..16);
    TestRunner::default()
        .run(&lists, |list| {
            let mut state = A::default();
            for command in list.iter().map(|n| n.get(commands)) {
                let Ok(events) = state.decide(command) else { continue };
                for event in events {
                    let stored = encode(&event, Uuid::from_u128(9)).unwrap();
                    let read: A::Event = fact::decode(&stored.event_type, stored.schema, &stored.data).unwrap();
                    prop_assert_eq!(&read, &event);
                    state = state.evolve(&read);
                }
                let again: A = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
                prop_assert_eq!(&again, &state);
                prop_assert!((promises.invariant)(&state), "{:?} after {:?}", state, command);
                if (promises.names_its_effect)(command) {
                    let again = state.decide(command).ok();
                    prop_assert_eq!(again.as_deref(), Some(&[][..]), "{:?} twice", command);
                }
            }
            Ok(())
        })
        .unwrap();
}

fn nothing<A>(_: &A) -> bool {
    true
}

#[test]
fn customer_and_deal() {
    use {CustomerCommand as C, DealCommand as D};
    let profile = customer::Profile {
        name: "ТОО".into(),
        ..Default::default()
    };
    let named = |name: &str| customer::Change {
        name: Patch::Set(name.into()),
        ..Default::default()
    };
    let commands = [
        C::Create(Box::new(profile.clone()), customer::Status::Lead),
        C::Create(Box::default(), customer::Status::Lead),
        C::Update(Box::new(named("ИП")), None),
        C::Update(Box::new(named(" ")), None),
        C::Update(Box::default(), Some(customer::Status::Inactive)),
        C::Update(Box::default(), Some(customer::Status::Churned)),
        C::Convert,
        C::Archive,
    ];
    let names_its_effect = |command: &C| matches!(command, C::Update(..) | C::Convert);
    any_commands::<Customer>(
        &commands,
        &Promises {
            names_its_effect,
            invariant: nothing,
        },
    );

    let details = |title: &str| deal::Details {
        title: title.into(),
        customer_id: Some(Default::default()),
        value: Some(Money::whole(15)),
        ..Default::default()
    };
    let create = |title| {
        D::Create(Box::new(Draft {
            details: details(title),
            ..Default::default()
        }))
    };
    let titled = |title: &str| {
        Box::new(deal::Change {
            title: Patch::Set(title.into()),
            ..Default::default()
        })
    };
    let lost = |reason: &str| {
        D::Lose(Loss {
            reason: reason.into(),
            ..Default::default()
        })
    };
    let commands = [
        create("ERP"),
        create(" "),
        D::Update {
            change: titled("CRM"),
            products: None,
            stage: None,
            now: Box::default(),
        },
        D::Update {
            change: titled("ERP"),
            products: Some(vec![]),
            stage: Some(Stage::Closing),
            now: Box::default(),
        },
        D::Move { to: Stage::Proposal },
        D::Move { to: Stage::Won },
        D::Move { to: Stage::Lost },
        D::Win(Win::default()),
        D::Win(Win {
            final_amount: Some(Money::whole(20)),
            ..Default::default()
        }),
        lost("price"),
        lost(""),
    ];
    let names_its_effect = |command: &D| !matches!(command, D::Create(_));
    any_commands::<Deal>(
        &commands,
        &Promises {
            names_its_effect,
            invariant: nothing,
        },
    );
}

#[test]
fn order_and_invoice() {
    let commands = order::commands();
    let names_its_effect = |command: &OrderCommand| !matches!(command, OrderCommand::Place(_));
    any_commands::<Order>(
        &commands,
        &Promises {
            names_its_effect,
            invariant: order::is_the_sum_of_its_lines,
        },
    );

    let InvoiceEvent::Created(bill) = sample("invoice.created.v1") else {
        panic!("another event")
    };
    let pay = |amount: i32, allow_credit| {
        InvoiceCommand::Pay(Payment {
            id: PaymentId::default(),
            invoice_id: InvoiceId::default(),
            amount: Money::whole(amount),
            method: "cash".into(),
            reference: None,
            date: bill.issue_date,
            allow_credit,
        })
    };
    let commands = [
        InvoiceCommand::Create(bill.clone()),
        pay(10_000_000, false),
        pay(10_000_000, true),
        pay(1, false),
        pay(0, true),
        pay(-1, true),
        InvoiceCommand::Revoke(Revocation {
            order_id: Default::default(),
            deal_id: None,
            refund: Money::whole(4),
            credit_note_id: Default::default(),
        }),
    ];
    let names_its_effect = |command: &InvoiceCommand| !matches!(command, InvoiceCommand::Pay(_));
    any_commands::<Invoice>(
        &commands,
        &Promises {
            names_its_effect,
            invariant: within_the_bill,
        },
    );
}

/// Never is more applied than was billed.
fn within_the_bill(invoice: &Invoice) -> bool {
    let state = serde_json::to_value(invoice).unwrap();
    let amount = |at: &str| state.pointer(at).and_then(Value::as_f64);
    amount("/Known/paid") <= amount("/Known/bill/amount")
}

mod order {
    use crate::{
        Money, Patch, Quantity,
        catalog::product::ProductType,
        finance::Currency,
        sales::{
            line::{self, LineDraft, Price},
            order::{
                Change, Condition, Created, Details, Dispatch, Draft, Inspected, Order, OrderCommand as C, OrderEvent,
                Parcel, Return, Status, Step,
            },
        },
        testing::sample,
    };

    pub fn commands() -> Vec<C> {
        let OrderEvent::Created(order) = sample("order.created.v1") else {
            panic!("another event")
        };
        let change = Change {
            notes: Patch::Set(Some("Срочно".into())),
            ..Change::default()
        };
        let update = |items: Option<Vec<LineDraft>>, step: Option<Status>| C::Update {
            change: Box::new(change.clone()),
            items,
            step: step.map(Step::from),
        };
        let mut commands = vec![
            C::Create(without_lines(&order)),
            C::Create(order.clone()),
            by_hand(Status::Draft, vec![]),
            by_hand(Status::Draft, vec![line(ProductType::Product)]),
            by_hand(Status::Confirmed, vec![line(ProductType::Service)]),
            by_hand(
                Status::Confirmed,
                vec![line(ProductType::Product), line(ProductType::Product)],
            ),
            update(None, None),
            update(Some(vec![line(ProductType::Service)]), Some(Status::Pending)),
            update(Some(vec![]), Some(Status::Confirmed)),
            ship(1, None),
            ship(2, Some(1)),
            ship(3, Some(2)),
            C::Complete,
            C::Cancel(Box::default()),
            take_back(1, 1),
            take_back(2, 4),
        ];
        let steps = [
            Status::Pending,
            Status::Confirmed,
            Status::Processing,
            Status::Delivered,
            Status::Completed,
        ];
        commands.extend(steps.map(|to| C::Move(to.into())));
        commands
    }

    fn by_hand(status: Status, items: Vec<LineDraft>) -> C {
        let details = Details {
            customer_id: Some(Default::default()),
            currency: Currency::kzt(),
            ..Details::default()
        };
        C::Place(Box::new(Draft { details, status, items }))
    }

    fn line(kind: ProductType) -> LineDraft {
        LineDraft {
            product_id: Default::default(),
            product_name: "ERP".into(),
            product_code: None,
            kind,
            quantity: Quantity::whole(3),
            price: Price {
                amount: Money::whole(7),
                ..Price::default()
            },
            discount: Default::default(),
            tax: Default::default(),
        }
    }

    fn ship(id: u128, quantity: Option<i32>) -> C {
        let parcel = |quantity| Parcel {
            product_id: Default::default(),
            quantity: Quantity::whole(quantity),
        };
        C::Ship(Dispatch {
            id: uuid::Uuid::from_u128(id).into(),
            items: quantity.map(|quantity| vec![parcel(quantity)]),
            ..Dispatch::default()
        })
    }

    fn take_back(id: u128, quantity: i32) -> C {
        C::TakeBack(Return {
            reason: None,
            items: vec![Inspected {
                product_id: Default::default(),
                quantity: Quantity::whole(quantity),
                condition: Condition::Damaged,
            }],
            id: uuid::Uuid::from_u128(id).into(),
        })
    }

    fn without_lines(order: &Created) -> Box<Created> {
        Box::new(Created {
            items: vec![],
            total_amount: Money::ZERO,
            ..order.clone()
        })
    }

    /// And no more of a line is sent than there is of it.
    pub fn is_the_sum_of_its_lines(order: &Order) -> bool {
        let Some(order) = order.known() else { return true };
        let left = order.left();
        line::sum(order.items()) == Some(order.total())
            && left.iter().all(|left| left.quantity <= order.ordered(left.line))
    }
}

#[test]
fn product_and_stock() {
    use {ProductCommand as C, StockCommand as S};
    let ProductEvent::Created(details) = sample("product.created.v1") else {
        panic!("another event")
    };
    let change = |price| {
        Box::new(product::Change {
            price: Patch::Set(Money::whole(price)),
            ..Default::default()
        })
    };
    let commands = [
        C::Create(details),
        C::Create(Box::default()),
        C::Update(change(7)),
        C::Update(change(8)),
        C::Update(change(-1)),
    ];
    let names_its_effect = |command: &C| matches!(command, C::Update(_));
    any_commands::<Product>(
        &commands,
        &Promises {
            names_its_effect,
            invariant: nothing,
        },
    );

    let StockEvent::Reserved { demand, .. } = sample("stock.reserved.v1") else {
        panic!("another event")
    };
    let product_id = ProductId::default();
    let receive = |quantity| S::Receive {
        product_id,
        quantity,
        unit_cost: None,
        reference: None,
    };
    let of = |n: u128| crate::catalog::stock::Demand {
        id: Uuid::from_u128(n),
        ..demand.clone()
    };
    let reserve = |n: u128, quantity: i32| S::Reserve {
        product_id,
        demand: of(n),
        quantity: Quantity::whole(quantity),
    };
    let ship = |id: u128, n: u128, quantity: i32| {
        S::Ship(Box::new(crate::catalog::stock::Issue {
            id: Uuid::from_u128(id),
            product_id,
            demand: of(n),
            demanded: Quantity::whole(5),
            quantity: Quantity::whole(quantity),
        }))
    };
    let release = |n: u128| S::Release {
        product_id,
        demand: of(n),
    };
    let commands = [
        receive(Quantity::whole(3)),
        receive(Quantity::whole(8)),
        receive(Quantity::ZERO),
        receive(Quantity::from_units(999_999_999_999).unwrap()),
        reserve(1, 5),
        reserve(2, 4),
        reserve(3, 0),
        ship(101, 1, 5),
        ship(102, 2, 1),
        ship(103, 4, 2),
        release(1),
        release(2),
        release(4),
    ];
    let names_its_effect = |command: &S| !matches!(command, S::Receive { .. });
    let invariant = |stock: &Stock| !stock.available().is_negative();
    any_commands::<Stock>(
        &commands,
        &Promises {
            names_its_effect,
            invariant,
        },
    );
}

#[test]
fn bill_and_production() {
    let BomEvent::Defined { product_id, bill, .. } = sample("bom.defined.v1") else {
        panic!("another event")
    };
    let awaits = |line| BomCommand::Await {
        product_id,
        order_id: Default::default(),
        line,
    };
    let define = |bill: Bill, below| BomCommand::Define {
        product_id,
        bill,
        below,
    };
    let commands = [
        define(bill.clone(), Below::Sound),
        define(
            Bill {
                operations: vec![],
                ..bill.clone()
            },
            Below::Sound,
        ),
        define(bill, Below::LeadsBack),
        define(Bill::default(), Below::Sound),
        awaits(0),
        awaits(1),
    ];
    // Who asks for a bill that is there is answered each time.
    any_commands::<Bom>(
        &commands,
        &Promises {
            names_its_effect: |command| matches!(command, BomCommand::Define { .. }),
            invariant: nothing,
        },
    );

    use ProductionOrderCommand as C;
    let draft = crate::production::production_order::Draft {
        id: Default::default(),
        order_id: Default::default(),
        order_number: Number::from("ORD-2026-0001"),
        line: 0,
        product_id,
        product_name: "Cabinet".into(),
        quantity: Quantity::whole(2),
        priority: Default::default(),
        due_date: None,
        bom_version: 1,
        explosion: Default::default(),
        notes: None,
    };
    let none = crate::production::production_order::Draft {
        quantity: Quantity::ZERO,
        ..draft.clone()
    };
    let at = |instant: &str| C::Schedule {
        start: instant.parse().unwrap(),
    };
    let commands = [
        C::Create(Box::new(draft)),
        C::Create(Box::new(none)),
        at("2026-01-05T04:00:00Z"),
        at("1066-01-05T04:00:00Z"),
        C::Cancel {
            order_id: Default::default(),
            scrap: false,
        },
    ];
    any_commands::<ProductionOrder>(
        &commands,
        &Promises {
            names_its_effect: nothing,
            invariant: nothing,
        },
    );
}

#[test]
fn identity() {
    let UserEvent::Registered(registered) = sample("user.registered.v1") else {
        panic!("another event")
    };
    let mut nameless = registered.clone();
    nameless.first_name.clear();
    let commands = [
        UserCommand::Register(registered),
        UserCommand::Register(nameless),
        UserCommand::VerifyEmail,
        UserCommand::ChangePassword,
        UserCommand::SetSecondFactor { is_on: true },
        UserCommand::EndSessions {
            sessions: vec![Default::default()],
            why: SessionEnd::SignedOut,
        },
    ];
    let names_its_effect = |command: &UserCommand| matches!(command, UserCommand::VerifyEmail);
    any_commands::<User>(
        &commands,
        &Promises {
            names_its_effect,
            invariant: nothing,
        },
    );

    use OrganizationCommand as O;
    let OrganizationEvent::Created(created) = sample("organization.created.v1") else {
        panic!("another event")
    };
    let named = |name: &str| {
        Box::new(organization::Change {
            name: Patch::Set(name.into()),
            ..Default::default()
        })
    };
    let commands = [
        O::Create(created),
        O::Update(named("ТОО"), None),
        O::Update(named(" "), Some([Role::Owner].into())),
        O::Update(Box::default(), Some([Role::Owner].into())),
        O::SetPremium { premium: true },
        O::SetPremium { premium: false },
    ];
    any_commands::<Organization>(
        &commands,
        &Promises {
            names_its_effect: |command| !matches!(command, O::Create(_)),
            invariant: nothing,
        },
    );

    let ApiKeyEvent::Created(created) = sample("api.key.created.v1") else {
        panic!("another event")
    };
    let (now, until) = (created.expires_at - chrono::TimeDelta::days(1), created.expires_at);
    let commands = [
        ApiKeyCommand::Create { created, now },
        ApiKeyCommand::Rotate { until },
        ApiKeyCommand::Revoke,
    ];
    any_commands::<ApiKey>(
        &commands,
        &Promises {
            names_its_effect: |command| matches!(command, ApiKeyCommand::Revoke),
            invariant: nothing,
        },
    );
}

#[test]
fn notification_and_process() {
    let NotificationEvent::Created(created) = sample("notification.created.v1") else {
        panic!("another event")
    };
    let read = |user: u128| NotificationCommand::Read {
        user_id: UserId::new(Uuid::from_u128(user)),
        role: Role::Owner,
    };
    let commands = [NotificationCommand::Notify(created), read(1), read(2)];
    any_commands::<Notification>(
        &commands,
        &Promises {
            names_its_effect: nothing,
            invariant: nothing,
        },
    );

    let ProcessEvent::StepRefused(refusal) = sample("process.step.refused.v1") else {
        panic!("another event")
    };
    let ProcessEvent::StepRetried(decision) = sample("process.step.retried.v1") else {
        panic!("another event")
    };
    let ProcessEvent::Abandoned(abandonment) = sample("process.abandoned.v1") else {
        panic!("another event")
    };
    let mut other = refusal.clone();
    other.step.push('1');
    let commands = [
        ProcessCommand::NoteRefusal(refusal),
        ProcessCommand::NoteRefusal(other),
        ProcessCommand::Retry(vec![decision.clone()]),
        ProcessCommand::Skip(decision),
        ProcessCommand::Abandon(abandonment),
    ];
    any_commands::<Process>(
        &commands,
        &Promises {
            names_its_effect: |command| matches!(command, ProcessCommand::NoteRefusal(_)),
            invariant: nothing,
        },
    );

    let PersonEvent::Erased(erased) = sample("person.erased.v1");
    any_commands::<Person>(
        &[PersonCommand::Erase(erased)],
        &Promises {
            names_its_effect: |_| true,
            invariant: nothing,
        },
    );
}
