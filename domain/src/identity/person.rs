//! That somebody was erased: all that a workspace's log says of them is sealed under a key that was destroyed. Who did it and
//! when is the event's own; what it was that nobody can read any more is told by nothing.

use crate::{Aggregate, Event, Permission, Rejection, id::PersonId};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

// Vocabulary

#[derive(Debug, Clone)]
pub enum PersonCommand {
    Erase(Erased),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Erased {
    /// A user, a customer, …: whose key was destroyed.
    pub person_id: Uuid,
    /// Until when documents that the law has kept go on saying what they said; absent, there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documents_until: Option<NaiveDate>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum PersonEvent {
    #[serde(rename = "person.erased")]
    Erased(Erased),
}

impl Event for PersonEvent {}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Rejection)]
pub enum PersonRejection {
    #[error("the nil id is nobody's")]
    #[rejection(Missing, "person.missing")]
    Missing,
}

// Rules

impl Aggregate for Person {
    const NAME: &'static str = "person";
    type Id = PersonId;
    type Command = PersonCommand;
    type Event = PersonEvent;
    type Rejection = PersonRejection;

    fn permission(_command: &PersonCommand) -> Permission {
        Permission::PrivacyErase
    }

    fn decide(&self, PersonCommand::Erase(erased): &PersonCommand) -> Result<Vec<PersonEvent>, PersonRejection> {
        match self.is_erased {
            _ if erased.person_id.is_nil() => Err(PersonRejection::Missing),
            true => Ok(vec![]), // the command names its effect
            false => Ok(vec![PersonEvent::Erased(erased.clone())]),
        }
    }

    fn evolve(self, PersonEvent::Erased(_): &PersonEvent) -> Self {
        Self { is_erased: true }
    }
}

// Memory

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Person {
    is_erased: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{given, sample};

    #[test]
    fn somebody_is_erased_once() {
        let PersonEvent::Erased(erased) = sample("person.erased.v1");
        given::<Person>([])
            .when(PersonCommand::Erase(erased.clone()))
            .then([PersonEvent::Erased(erased.clone())]);
        given::<Person>([PersonEvent::Erased(erased.clone())])
            .when(PersonCommand::Erase(erased.clone()))
            .then([]);
        let nobody = Erased {
            person_id: Uuid::nil(),
            ..erased
        };
        given::<Person>([])
            .when(PersonCommand::Erase(nobody))
            .then_rejected(PersonRejection::Missing);
    }
}
