//! What holds for every aggregate, whatever it is asked: see [`any_commands`].

mod catalog;
mod orders;
mod people;
mod production;
mod workspace;

use crate::{
    Aggregate, Money, Patch, Role,
    fact::{self, encode},
    id::UserId,
    identity::{
        api_key::{ApiKey, ApiKeyCommand, ApiKeyEvent},
        organization::{self, Organization, OrganizationCommand, OrganizationEvent},
        person::{Person, PersonCommand, PersonEvent},
        user::{SessionEnd, User, UserCommand, UserEvent},
    },
    office::notification::{Notification, NotificationCommand, NotificationEvent},
    process::{Process, ProcessCommand, ProcessEvent},
    sales::{
        activity::{self, Activity, ActivityCommand},
        customer::{self, Customer, CustomerCommand},
        deal::{self, Deal, DealCommand, Draft, Loss, Stage, Win},
        interaction::{self, Interaction, InteractionCommand, Record},
        pipeline::{self, Pipeline, PipelineCommand},
    },
    testing::sample,
};
use proptest::{prelude::*, sample::Index, test_runner::TestRunner};
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
fn interaction() {
    use InteractionCommand as C;
    let details = |subject: &str| interaction::Details {
        subject: subject.into(),
        ..Default::default()
    };
    let record = |subject| {
        C::Record(Box::new(Record {
            details: details(subject),
            ..Default::default()
        }))
    };
    let noted = |notes: Option<&str>| {
        Box::new(interaction::Change {
            notes: Patch::Set(notes.map(str::to_owned)),
            ..Default::default()
        })
    };
    let correct = |change| C::Correct {
        customer_id: Default::default(),
        change,
    };
    let commands = [
        record("Звонок"),
        record(" "),
        correct(noted(Some("Договорились"))),
        correct(noted(None)),
        C::Correct {
            customer_id: Uuid::from_u128(2).into(),
            change: noted(Some("чужой")),
        },
        C::Remove {
            customer_id: Default::default(),
        },
    ];
    any_commands::<Interaction>(
        &commands,
        &Promises {
            names_its_effect: |command| !matches!(command, C::Record(_)),
            invariant: nothing,
        },
    );
}

fn contact(id: u128) -> customer::Contact {
    customer::Contact {
        id: Some(Uuid::from_u128(id).into()),
        first_name: "Арман".into(),
        ..Default::default()
    }
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
    let create = |profile, seems_known| C::Create {
        profile: Box::new(profile),
        status: customer::Status::Lead,
        seems_known,
    };
    let reached_by = |ids: &[u128]| customer::Change {
        contacts: Patch::Set(ids.iter().map(|id| contact(*id)).collect()),
        ..Default::default()
    };
    let commands = [
        create(profile.clone(), false),
        create(profile.clone(), true),
        create(customer::Profile::default(), false),
        C::Update(Box::new(named("ИП")), None),
        C::Update(Box::new(named(" ")), None),
        C::Update(Box::new(reached_by(&[1, 2])), None),
        C::Update(Box::new(reached_by(&[2, 3])), None),
        C::Update(Box::new(reached_by(&[4, 4])), None),
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
    let stand = |to, stage| {
        D::Stand(deal::Stand {
            to,
            place: Some(deal::Place {
                pipeline_id: Default::default(),
                pipeline_name: "Опт".into(),
                stage_id: Uuid::from_u128(stage).into(),
                stage_name: "Образец".into(),
                probability: None,
            }),
        })
    };
    let attach = |name: &str| D::Attach {
        id: Default::default(),
        document: Box::new(deal::Document {
            name: name.into(),
            url: "https://storage.prometric.kz/offer.pdf".into(),
            ..Default::default()
        }),
    };
    let commands = [
        create("ERP"),
        create(" "),
        D::Update {
            change: titled("CRM"),
            products: None,
            stage: None,
            stand: None,
            now: Box::default(),
        },
        D::Update {
            change: titled("ERP"),
            products: Some(vec![]),
            stage: Some(Stage::Closing),
            stand: None,
            now: Box::default(),
        },
        D::Move { to: Stage::Proposal },
        stand(Stage::Proposal, 1),
        stand(Stage::Proposal, 2),
        stand(Stage::Won, 1),
        D::Stand(deal::Stand {
            to: Stage::Lead,
            place: None,
        }),
        D::Move { to: Stage::Won },
        D::Move { to: Stage::Lost },
        D::Win(Win::default()),
        D::Win(Win {
            final_amount: Some(Money::whole(20)),
            ..Default::default()
        }),
        lost("price"),
        lost(""),
        attach("Offer.pdf"),
        attach(""),
        D::Remove {
            document: Default::default(),
        },
    ];
    let names_its_effect = |command: &D| !matches!(command, D::Create(_) | D::Remove { .. });
    any_commands::<Deal>(
        &commands,
        &Promises {
            names_its_effect,
            invariant: nothing,
        },
    );
}

#[test]
fn activity() {
    use ActivityCommand as C;
    let record = |subject: &str| {
        C::Record(Box::new(activity::Draft {
            details: activity::Details {
                subject: subject.into(),
                notes: Some("Discussed pricing options".into()),
                ..Default::default()
            },
            ..Default::default()
        }))
    };
    let about = |subject: &str| {
        C::Update(Box::new(activity::Change {
            subject: Patch::Set(subject.into()),
            ..Default::default()
        }))
    };
    let commands = [
        record("Follow-up call"),
        record(" "),
        about("Offer"),
        about(" "),
        C::Remove,
    ];
    let names_its_effect = |command: &C| !matches!(command, C::Record(_));
    any_commands::<Activity>(
        &commands,
        &Promises {
            names_its_effect,
            invariant: nothing,
        },
    );
}

#[test]
fn pipeline() {
    use PipelineCommand as C;
    let stages = |name: &str| {
        vec![pipeline::PipelineStage {
            name: name.into(),
            ..Default::default()
        }]
    };
    let create = |name: &str| {
        C::Create(Box::new(pipeline::Details {
            name: name.into(),
            stages: stages("Заявка"),
        }))
    };
    let staged = |name: &str| {
        C::Update(Box::new(pipeline::Change {
            stages: Patch::Set(stages(name)),
            ..Default::default()
        }))
    };
    let commands = [create("Опт"), create(""), staged("Договор"), staged(" "), C::Archive];
    let names_its_effect = |command: &C| !matches!(command, C::Create(_));
    any_commands::<Pipeline>(
        &commands,
        &Promises {
            names_its_effect,
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
