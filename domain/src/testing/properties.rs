//! What holds for every aggregate, whatever it is asked: see [`any_commands`].

mod catalog;
mod deals;
mod orders;
mod people;
mod production;
mod workspace;

use crate::{
    Aggregate, Patch, Role,
    external::{self, Expected, External, ExternalCommand, ExternalEvent},
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
        customer::{self, Customer, CustomerCommand},
        interaction::{self, Interaction, InteractionCommand, Record},
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
fn customer() {
    use CustomerCommand as C;
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
    let absorb = |id: u128, tags: &[&str]| {
        C::Absorb(Box::new(customer::merging::Other {
            id: Uuid::from_u128(id).into(),
            profile: customer::Profile {
                name: "ЖШС".into(),
                tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
                ..Default::default()
            },
            ..Default::default()
        }))
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
        absorb(2, &["tag"]),
        absorb(3, &["tag", "other"]),
        C::MergeInto(Uuid::from_u128(4).into()),
        C::Release(Uuid::from_u128(2).into()),
        C::ComeBack {
            from: Uuid::from_u128(4).into(),
        },
    ];
    let names_its_effect = |command: &C| !matches!(command, C::Create { .. } | C::Archive);
    any_commands::<Customer>(
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
        UserCommand::Remember {
            first_name: "Имя".into(),
            last_name: String::new(),
        },
        UserCommand::VerifyEmail,
        UserCommand::ChangePassword,
        UserCommand::SetSecondFactor { is_on: true },
        UserCommand::EndSessions {
            sessions: vec![Default::default()],
            why: SessionEnd::SignedOut,
        },
    ];
    let names_its_effect =
        |command: &UserCommand| matches!(command, UserCommand::VerifyEmail | UserCommand::Remember { .. });
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

    let ExternalEvent::Appended(appended) = sample("external.appended.v1");
    let append = |expected, id: u128| ExternalCommand::Append {
        expected,
        events: vec![external::Appended {
            event_id: Uuid::from_u128(id),
            ..appended.clone()
        }],
    };
    any_commands::<External>(
        &[
            append(Expected::Any, 1),
            append(Expected::Any, 2),
            append(Expected::NoStream, 1),
            append(Expected::Revision(1), 3),
        ],
        &Promises {
            names_its_effect: |_| true,
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
