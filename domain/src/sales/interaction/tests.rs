//! The interaction's rules, each as given, when, then.

use super::*;
use crate::{Patch, Rule, testing::given};
use uuid::Uuid;

fn customer(n: u128) -> CustomerId {
    CustomerId::new(Uuid::from_u128(n))
}

fn record(subject: &str) -> Record {
    Record {
        customer_id: customer(1),
        user_id: Some(UserId::new(Uuid::from_u128(9))),
        user_name: Some("Нұрдәулет".into()),
        details: Details {
            kind: InteractionType::Call,
            direction: Some(Direction::Outbound),
            subject: subject.into(),
            ..Details::default()
        },
    }
}

fn recorded(subject: &str) -> InteractionEvent {
    let Record {
        customer_id,
        user_id,
        user_name,
        details,
    } = record(subject);
    InteractionEvent::Recorded {
        customer_id,
        user_id,
        user_name,
        details: Box::new(details),
    }
}

fn outcome(text: &str) -> Box<Change> {
    Box::new(Change {
        outcome: Patch::Set(Some(text.into())),
        ..Change::default()
    })
}

fn correct(of: u128, change: Box<Change>) -> InteractionCommand {
    InteractionCommand::Correct {
        customer_id: customer(of),
        change,
    }
}

fn remove(of: u128) -> InteractionCommand {
    InteractionCommand::Remove {
        customer_id: customer(of),
    }
}

fn corrected(change: Box<Change>) -> InteractionEvent {
    InteractionEvent::Corrected {
        customer_id: customer(1),
        change,
    }
}

const REMOVED: InteractionEvent = InteractionEvent::Removed {
    customer_id: CustomerId::new(Uuid::from_u128(1)),
};

fn broken(field: &str, rule: Rule) -> InteractionRejection {
    InteractionRejection::Invalid(Violations::one(field, rule))
}

#[test]
fn it_is_recorded_once_and_has_a_subject() {
    let says = |record| InteractionCommand::Record(Box::new(record));
    given::<Interaction>([])
        .when(says(record("Договор")))
        .then([recorded("Договор")]);
    given::<Interaction>([])
        .when(says(record(" ")))
        .then_rejected(broken("subject", Rule::Required));
    let mut negative = record("Договор");
    negative.details.duration = Some(Quantity::whole(-1));
    given::<Interaction>([])
        .when(says(negative))
        .then_rejected(broken("duration", Rule::Negative));
    for before in [vec![recorded("Договор")], vec![recorded("Договор"), REMOVED]] {
        given::<Interaction>(before)
            .when(says(record(" ")))
            .then_rejected(InteractionRejection::AlreadyRecorded);
    }
}

#[test]
fn it_is_corrected_where_something_changes() {
    let when = |change| given::<Interaction>([recorded("Договор")]).when(correct(1, change));
    when(outcome("positive")).then([corrected(outcome("positive"))]);
    when(Box::default()).then([]);
    let nameless = Change {
        subject: Patch::Set(" ".into()),
        ..Change::default()
    };
    when(Box::new(nameless)).then_rejected(broken("subject", Rule::Required));
    given::<Interaction>([recorded("Договор"), corrected(outcome("positive"))])
        .when(correct(1, outcome("positive")))
        .then([]);
}

#[test]
fn it_is_removed_once() {
    given::<Interaction>([recorded("Договор")])
        .when(remove(1))
        .then([REMOVED]);
    given::<Interaction>([recorded("Договор"), REMOVED])
        .when(remove(1))
        .then([]);
}

#[test]
fn what_is_not_there_or_another_customer_s_is_missing() {
    for before in [vec![], vec![recorded("Договор"), REMOVED]] {
        given::<Interaction>(before)
            .when(correct(1, outcome("positive")))
            .then_rejected(InteractionRejection::Missing);
    }
    given::<Interaction>([])
        .when(remove(1))
        .then_rejected(InteractionRejection::Missing);
    for of_another in [correct(2, outcome("positive")), remove(2)] {
        given::<Interaction>([recorded("Договор")])
            .when(of_another)
            .then_rejected(InteractionRejection::Missing);
    }
    given::<Interaction>([recorded("Договор"), REMOVED])
        .when(remove(2))
        .then_rejected(InteractionRejection::Missing);
}
