//! Something a person should know. It stores what happened, not a sentence: each reader sees it in their own language.

use crate::{
    Aggregate, Event, Permission, Rejection, Role,
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
    Read { user_id: UserId },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, IntoStaticStr, VariantArray)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[schemars(extend("x-extensible" = true))]
pub enum Topic {
    DealWon,
    ProductionShortage,
    BillMissing,
    ProcessParked,
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

impl Event for NotificationEvent {}

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
            (Self::Known { read_by }, C::Read { user_id }) if read_by.contains(user_id) => Ok(vec![]),
            (Self::Known { .. }, C::Read { user_id }) => Ok(vec![NotificationEvent::Read { user_id: *user_id }]),
        }
    }

    fn evolve(self, event: &NotificationEvent) -> Self {
        let mut read_by = match self {
            Self::Unknown => BTreeSet::new(),
            Self::Known { read_by } => read_by,
        };
        match event {
            NotificationEvent::Created(_) => {}
            NotificationEvent::Read { user_id } => {
                read_by.insert(*user_id);
            }
        }
        Self::Known { read_by }
    }
}

// Memory

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Notification {
    #[default]
    Unknown,
    Known {
        read_by: BTreeSet<UserId>,
    },
}
