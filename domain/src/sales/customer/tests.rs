//! The customer's rules, each as given, when, then.

use super::*;
use crate::{Patch, Rule, testing::given};

fn known(status: Status) -> CustomerEvent {
    let profile = Profile {
        name: "ТОО Tech Solutions".into(),
        ..Profile::default()
    };
    CustomerEvent::Created {
        customer_number: "CUS-2026-0001".into(),
        status,
        profile: Box::new(profile),
    }
}

#[test]
fn convert_takes_a_lead_or_prospect_to_active_and_repeats_quietly() {
    for from in [Status::Lead, Status::Prospect] {
        given::<Customer>([known(from)])
            .when(CustomerCommand::Convert)
            .then([CustomerEvent::StatusChanged {
                from,
                to: Status::Active,
            }]);
    }
    given::<Customer>([known(Status::Active)])
        .when(CustomerCommand::Convert)
        .then([]);
    let refused = CustomerRejection::Transition {
        from: Status::Churned,
        to: Status::Active,
    };
    given::<Customer>([known(Status::Churned)])
        .when(CustomerCommand::Convert)
        .then_rejected(refused);
}

#[test]
fn an_update_that_changes_nothing_is_no_event() {
    let same = Change {
        name: Patch::Set("ТОО Tech Solutions".into()),
        ..Change::default()
    };
    given::<Customer>([known(Status::Lead)])
        .when(CustomerCommand::Update(Box::new(same), Some(Status::Lead)))
        .then([]);
}

#[test]
fn archived_is_gone_for_commands() {
    given::<Customer>([known(Status::Lead), CustomerEvent::Archived {}])
        .when(CustomerCommand::Convert)
        .then_rejected(CustomerRejection::Missing);
}

fn change(name: &str) -> Box<Change> {
    Box::new(Change {
        name: Patch::Set(name.into()),
        ..Change::default()
    })
}

fn nameless() -> CustomerRejection {
    CustomerRejection::Invalid(Violations::one("name", Rule::Required))
}

#[test]
fn a_customer_is_created_once_and_with_a_name() {
    let CustomerEvent::Created { profile, .. } = known(Status::Lead) else {
        panic!("another event")
    };
    let create = |profile| CustomerCommand::Create {
        profile,
        status: Status::Prospect,
        seems_known: false,
    };
    let created = CustomerEvent::Created {
        customer_number: Number::pending(),
        status: Status::Prospect,
        profile: profile.clone(),
    };
    given::<Customer>([]).when(create(profile.clone())).then([created]);
    given::<Customer>([])
        .when(create(Box::default()))
        .then_rejected(nameless());
    let seems_known = |profile| CustomerCommand::Create {
        profile,
        status: Status::Prospect,
        seems_known: true,
    };
    given::<Customer>([])
        .when(seems_known(Box::default()))
        .then_rejected(nameless());
    given::<Customer>([])
        .when(seems_known(profile.clone()))
        .then_rejected(CustomerRejection::LikelyDuplicate);
    for before in [
        vec![known(Status::Lead)],
        vec![known(Status::Lead), CustomerEvent::Archived {}],
    ] {
        given::<Customer>(before)
            .when(seems_known(profile.clone()))
            .then_rejected(CustomerRejection::AlreadyCreated);
    }
}

#[test]
fn who_is_not_there_is_neither_updated_nor_converted_nor_archived() {
    for before in [vec![], vec![known(Status::Lead), CustomerEvent::Archived {}]] {
        for command in [
            CustomerCommand::Update(change("ИП"), None),
            CustomerCommand::Convert,
            CustomerCommand::Archive,
        ] {
            given::<Customer>(before.clone())
                .when(command)
                .then_rejected(CustomerRejection::Missing);
        }
    }
    given::<Customer>([known(Status::Churned)])
        .when(CustomerCommand::Archive)
        .then([CustomerEvent::Archived {}]);
}

#[test]
fn an_update_tells_what_changed_and_then_the_step() {
    let updated = || CustomerEvent::Updated(change("ИП"));
    let moved = CustomerEvent::StatusChanged {
        from: Status::Lead,
        to: Status::Active,
    };
    let update = |name, to| CustomerCommand::Update(change(name), to);
    let when = |command| given::<Customer>([known(Status::Lead)]).when(command);
    when(update("ИП", None)).then([updated()]);
    when(update("ИП", Some(Status::Active))).then([updated(), moved]);
    when(update(" ", Some(Status::Active))).then_rejected(nameless());
    when(update("ИП", Some(Status::Inactive))).then_rejected(CustomerRejection::Transition {
        from: Status::Lead,
        to: Status::Inactive,
    });
    given::<Customer>([known(Status::Lead), updated()])
        .when(update("ИП", None))
        .then([]);
}

/// Each row is a status, each column where it may go, in the order of `Status::ALL`.
#[test]
fn every_step_of_the_life_cycle() {
    let table = ["= + + . +", ". = + . +", ". . = + +", ". . + = +", ". . . . ="];
    for (from, row) in Status::ALL.iter().zip(table) {
        for (to, may) in Status::ALL.iter().zip(row.split(' ')) {
            let (from, to) = (*from, *to);
            let expected = match may {
                "=" => Ok(vec![]),
                "+" => Ok(vec![CustomerEvent::StatusChanged { from, to }]),
                _ => Err(CustomerRejection::Transition { from, to }),
            };
            let customer = Customer::default().evolve(&known(from));
            let command = CustomerCommand::Update(Box::default(), Some(to));
            assert_eq!(customer.decide(&command), expected, "{from:?} to {to:?}");
        }
    }
}

#[test]
fn the_profile_is_what_was_told_last_and_goes_with_the_archived() {
    let customer = Customer::default();
    assert_eq!(customer.profile(), None);
    let customer = customer.evolve(&known(Status::Lead));
    let customer = customer.evolve(&CustomerEvent::Updated(change("ИП")));
    assert_eq!(customer.profile().map(|profile| profile.name.as_str()), Some("ИП"));
    assert_eq!(customer.evolve(&CustomerEvent::Archived {}).profile(), None);
}

#[test]
fn contacts_that_are_sent_again_keep_their_ids() {
    let named = |id: u128, name: &str| Contact {
        id: Some(uuid::Uuid::from_u128(id).into()),
        first_name: name.into(),
        ..Contact::default()
    };
    let reached_by = |contacts: Vec<Contact>| {
        Box::new(Change {
            contacts: Patch::Set(contacts),
            ..Change::default()
        })
    };
    let updated = |contacts| CustomerEvent::Updated(reached_by(contacts));
    let before = || [known(Status::Lead), updated(vec![named(1, "Арман"), named(2, "Әсел")])];
    let when = |contacts| given::<Customer>(before()).when(CustomerCommand::Update(reached_by(contacts), None));
    when(vec![named(8, "Арман"), named(9, "Әсел")]).then([]);
    when(vec![named(8, "Әсел"), named(9, "Иван")]).then([updated(vec![named(2, "Әсел"), named(9, "Иван")])]);
    when(vec![named(1, "Арман"), named(1, "Әсел")]).then_rejected(CustomerRejection::Invalid(Violations::one(
        "contacts[1].id",
        Rule::NotUnique,
    )));
}

#[test]
fn a_customer_is_whose_it_is_assigned_to() {
    let user = UserId::new(uuid::Uuid::from_u128(7));
    let assigned = |to| {
        CustomerEvent::Updated(Box::new(Change {
            assigned_to: Patch::Set(to),
            ..Change::default()
        }))
    };
    let of = |customer: &Customer| customer.belongs().user;
    let customer = Customer::default().evolve(&known(Status::Lead));
    assert_eq!(of(&customer), None);
    let customer = customer.evolve(&assigned(Some(user)));
    assert_eq!(of(&customer), Some(user));
    assert_eq!(of(&customer.clone().evolve(&assigned(None))), None);
    assert_eq!(of(&customer.evolve(&CustomerEvent::Archived {})), None);
}

#[test]
fn mail_goes_to_the_customer_then_to_the_primary_contact_then_to_the_others() {
    let contact = |email: &str, is_primary| Contact {
        first_name: "a".into(),
        email: Some(email.into()),
        is_primary,
        ..Contact::default()
    };
    let silent = Contact {
        email: None,
        ..contact("", true)
    };
    let mut profile = Profile {
        contacts: vec![contact("second@b.kz", false), silent, contact("first@b.kz", true)],
        ..Profile::default()
    };
    assert!(profile.emails().eq(["first@b.kz", "second@b.kz"]));
    profile.email = Some("office@b.kz".into());
    assert_eq!(profile.emails().next(), Some("office@b.kz"));
}
