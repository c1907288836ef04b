//! Something a person should know. It stores what happened, not a sentence: each reader sees it in their own language.

use crate::{
    Aggregate, Choice, Event, Permission, PersonalField, Rejection, Role, StandIn, Upcaster, Whose,
    id::{NotificationId, UserId},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use strum::{IntoStaticStr, VariantArray};
use uuid::Uuid;

// Vocabulary

#[derive(Debug, Clone)]
pub enum NotificationCommand {
    Notify(Box<Created>),
    /// By somebody with that role: only who is addressed can have read it.
    Read {
        user_id: UserId,
        role: Role,
    },
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Choice, IntoStaticStr, VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[schemars(extend("x-extensible" = true))]
pub enum Topic {
    DealWon,
    ProductionShortage,
    BillMissing,
    ProcessParked,
    // What was told of when it began still lasts at its deadline.
    ShortageLasts,
    BillStillMissing,
    // What follows by itself has not come to its end.
    ProcessLate,
    InvoiceOverdue,
    // Somebody wants to be let in.
    EmployeeWaits,
    // A mail did not arrive, or its code was used up.
    InvitationFailed,
    // Less of a product is there for others than should be.
    StockLow,
    // A mail with an offer did not arrive.
    QuoteUndelivered,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Audience {
    /// Everyone who has the role when they look.
    Role(Role),
    User(UserId),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Created {
    #[serde(rename = "type")]
    pub topic: Topic,
    pub audience: Audience,
    /// The deal, order, … it is about.
    pub about: Uuid,
    /// Values for the sentence and for the client's link.
    pub data: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum NotificationEvent {
    #[serde(rename = "notification.created")]
    Created(Box<Created>),
    #[serde(rename = "notification.read")]
    Read { user_id: UserId },
}

impl Event for NotificationEvent {
    /// Since 2, what tells of people is sealed.
    const UPCASTERS: &'static [Upcaster] = &[Upcaster::unchanged("notification.created", 1)];

    const PERSONAL: &'static [PersonalField] = &[PersonalField::new(
        "notification.created",
        "data.customerName",
        Whose::Beside("customerId"),
        StandIn::Name,
    )];
}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Rejection)]
pub enum NotificationRejection {
    #[error("no such notification")]
    #[rejection(Missing, "notification.missing")]
    Missing,
}

// Rules

impl Aggregate for Notification {
    const NAME: &'static str = "notification";
    type Id = NotificationId;
    type Command = NotificationCommand;
    type Event = NotificationEvent;
    type Rejection = NotificationRejection;

    fn permission(_command: &NotificationCommand) -> Permission {
        Permission::NotificationsView
    }

    fn decide(&self, command: &NotificationCommand) -> Result<Vec<NotificationEvent>, NotificationRejection> {
        use NotificationCommand as C;
        match (self, command) {
            (Self::Unknown, C::Notify(created)) => Ok(vec![NotificationEvent::Created(created.clone())]),
            (Self::Unknown, C::Read { .. }) => Err(NotificationRejection::Missing),
            (Self::Known { .. }, C::Notify(_)) => Ok(vec![]),
            (Self::Known { audience, read_by }, C::Read { user_id, role }) => {
                match audience.includes(*user_id, *role) {
                    // What is not theirs is not there for them.
                    false => Err(NotificationRejection::Missing),
                    true if read_by.contains(user_id) => Ok(vec![]),
                    true => Ok(vec![NotificationEvent::Read { user_id: *user_id }]),
                }
            }
        }
    }

    fn evolve(self, event: &NotificationEvent) -> Self {
        match (self, event) {
            (Self::Unknown, NotificationEvent::Created(created)) => Self::Known {
                audience: created.audience,
                read_by: BTreeSet::new(),
            },
            (known @ Self::Known { .. }, NotificationEvent::Created(_)) => known,
            (Self::Unknown, NotificationEvent::Read { .. }) => Self::Unknown,
            (Self::Known { audience, mut read_by }, NotificationEvent::Read { user_id }) => {
                read_by.insert(*user_id);
                Self::Known { audience, read_by }
            }
        }
    }
}

impl Audience {
    fn includes(&self, user: UserId, role: Role) -> bool {
        match self {
            Self::Role(addressed) => *addressed == role,
            Self::User(addressed) => *addressed == user,
        }
    }
}

// Memory

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Notification {
    #[default]
    Unknown,
    Known {
        audience: Audience,
        read_by: BTreeSet<UserId>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::given;

    fn user(n: u128) -> UserId {
        UserId::new(Uuid::from_u128(n))
    }

    fn told(audience: Audience) -> NotificationEvent {
        NotificationEvent::Created(Box::new(Created {
            topic: Topic::DealWon,
            audience,
            about: Uuid::nil(),
            data: Map::new(),
        }))
    }

    #[test]
    fn only_who_is_addressed_can_have_read_it() {
        let read = |n| NotificationEvent::Read { user_id: user(n) };
        let reads = |n, role| NotificationCommand::Read { user_id: user(n), role };
        let (mine, owners) = (Audience::User(user(1)), Audience::Role(Role::Owner));
        given::<Notification>([])
            .when(reads(1, Role::Owner))
            .then_rejected(NotificationRejection::Missing);
        given::<Notification>([told(mine)])
            .when(reads(2, Role::Owner))
            .then_rejected(NotificationRejection::Missing);
        given::<Notification>([told(owners)])
            .when(reads(1, Role::Manager))
            .then_rejected(NotificationRejection::Missing);
        given::<Notification>([told(mine)])
            .when(reads(1, Role::Employee))
            .then([read(1)]);
        given::<Notification>([told(owners)])
            .when(reads(2, Role::Owner))
            .then([read(2)]);
        given::<Notification>([told(owners), read(2)])
            .when(reads(2, Role::Owner))
            .then([]);
    }

    #[test]
    fn telling_twice_is_telling_once_and_forgets_no_reader() {
        let owners = told(Audience::Role(Role::Owner));
        let NotificationEvent::Created(news) = owners.clone() else {
            panic!("another event")
        };
        let tell = || NotificationCommand::Notify(news.clone());
        given::<Notification>([]).when(tell()).then([owners.clone()]);
        given::<Notification>([owners.clone()]).when(tell()).then([]);
        let read = |n| NotificationEvent::Read { user_id: user(n) };
        for again in [read(3), owners.clone()] {
            given::<Notification>([owners.clone(), read(2), again])
                .when(NotificationCommand::Read {
                    user_id: user(2),
                    role: Role::Owner,
                })
                .then([]);
        }
        assert_eq!(Notification::default().evolve(&read(2)), Notification::Unknown);
    }
}
