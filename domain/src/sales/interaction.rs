//! A call, a mail, a meeting or a note: what was said between somebody and a customer, and what came of it. It is a noun of
//! its own and not of the customer's stream: that one is loaded by every order's deal and would grow with every call.
//! What is told there tells of the customer, under whose key it is sealed.

use crate::{
    Aggregate, Change, Changes, Choice, Event, Fields, Permission, PersonalField, Quantity, Rejection, StandIn,
    Violations, Whose,
    id::{CustomerId, InteractionId, UserId},
};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

// Vocabulary

#[derive(Debug, Clone)]
pub enum InteractionCommand {
    Record(Box<Record>),
    /// Only of that customer, as for `Remove`.
    Correct {
        customer_id: CustomerId,
        change: Box<Change>,
    },
    Remove {
        customer_id: CustomerId,
    },
}

/// What happened, with whom, and who tells it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Record {
    pub customer_id: CustomerId,
    /// Absent where the system tells it.
    pub user_id: Option<UserId>,
    pub user_name: Option<String>,
    pub details: Details,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Choice, Default)]
#[serde(rename_all = "lowercase")]
#[schemars(extend("x-extensible" = true))]
pub enum InteractionType {
    Call,
    Email,
    Meeting,
    #[default]
    Note,
}

/// Who sought whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Choice)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    // The customer came to us.
    Inbound,
    Outbound,
}

/// What is known of an interaction. Named as document 2 names a deal's activities.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, Fields, Change)]
#[serde(rename_all = "camelCase")]
pub struct Details {
    #[serde(rename = "type")]
    pub kind: InteractionType,
    pub direction: Option<Direction>,
    #[field(required, max = 200)]
    pub subject: String,
    /// What was said.
    #[field(max = 5_000)]
    pub notes: Option<String>,
    /// When it took place; when it is recorded, unless told.
    pub date: DateTime<Utc>,
    /// Minutes.
    #[field(not_negative)]
    pub duration: Option<Quantity>,
    /// What came of it.
    #[field(max = 200)]
    pub outcome: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum InteractionEvent {
    #[serde(rename = "interaction.recorded")]
    Recorded {
        customer_id: CustomerId,
        user_id: Option<UserId>,
        user_name: Option<String>,
        #[serde(flatten)]
        details: Box<Details>,
    },
    #[serde(rename = "interaction.corrected")]
    Corrected {
        customer_id: CustomerId,
        #[serde(flatten)]
        change: Box<Change>,
    },
    #[serde(rename = "interaction.removed")]
    Removed { customer_id: CustomerId },
}

const OF_CUSTOMER: Whose = Whose::Beside("customerId");

impl Event for InteractionEvent {
    const PERSONAL: &'static [PersonalField] = &[
        PersonalField::new("interaction.recorded", "subject", OF_CUSTOMER, StandIn::Name),
        PersonalField::new("interaction.recorded", "notes", OF_CUSTOMER, StandIn::Nothing),
        PersonalField::new("interaction.recorded", "outcome", OF_CUSTOMER, StandIn::Nothing),
        PersonalField::new(
            "interaction.recorded",
            "userName",
            Whose::Beside("userId"),
            StandIn::Name,
        ),
        PersonalField::new("interaction.corrected", "subject", OF_CUSTOMER, StandIn::Name),
        PersonalField::new("interaction.corrected", "notes", OF_CUSTOMER, StandIn::Nothing),
        PersonalField::new("interaction.corrected", "outcome", OF_CUSTOMER, StandIn::Nothing),
    ];
}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Rejection)]
pub enum InteractionRejection {
    #[error("no such interaction")]
    #[rejection(Missing, "interaction.missing")]
    Missing,
    #[error("already recorded")]
    #[rejection(Exists, "interaction.already_recorded")]
    AlreadyRecorded,
    #[error(transparent)]
    #[rejection(Invalid, "interaction.invalid")]
    Invalid(#[from] Violations),
}

// Rules

impl Aggregate for Interaction {
    const NAME: &'static str = "interaction";
    type Id = InteractionId;
    type Command = InteractionCommand;
    type Event = InteractionEvent;
    type Rejection = InteractionRejection;

    /// What somebody said with a customer is part of what is known of the customer.
    fn permission(command: &InteractionCommand) -> Permission {
        match command {
            InteractionCommand::Record(_) | InteractionCommand::Correct { .. } => Permission::CustomersUpdate,
            InteractionCommand::Remove { .. } => Permission::CustomersDelete,
        }
    }

    fn decide(&self, command: &InteractionCommand) -> Result<Vec<InteractionEvent>, InteractionRejection> {
        use {InteractionCommand as C, InteractionEvent as E, InteractionRejection as R};
        match (self, command) {
            (Self::Unknown, C::Record(record)) => {
                record.details.checked()?;
                Ok(vec![E::Recorded {
                    customer_id: record.customer_id,
                    user_id: record.user_id,
                    user_name: record.user_name.clone(),
                    details: Box::new(record.details.clone()),
                }])
            }
            (Self::Known { .. } | Self::Removed { .. }, C::Record(_)) => Err(R::AlreadyRecorded),
            (
                Self::Known { customer_id, details },
                C::Correct {
                    customer_id: of,
                    change,
                },
            ) if customer_id == of => {
                let mut after = details.as_ref().clone();
                after.apply(change);
                after.checked()?;
                let corrected = E::Corrected {
                    customer_id: *customer_id,
                    change: change.clone(),
                };
                Ok((after != **details).then_some(corrected).into_iter().collect())
            }
            (Self::Known { customer_id, .. }, C::Remove { customer_id: of }) if customer_id == of => {
                Ok(vec![E::Removed {
                    customer_id: *customer_id,
                }])
            }
            (Self::Removed { customer_id }, C::Remove { customer_id: of }) if customer_id == of => Ok(vec![]),
            (_, C::Correct { .. } | C::Remove { .. }) => Err(R::Missing),
        }
    }

    fn evolve(self, event: &InteractionEvent) -> Self {
        use InteractionEvent as E;
        match (self, event) {
            (
                _,
                E::Recorded {
                    customer_id, details, ..
                },
            ) => Self::Known {
                customer_id: *customer_id,
                details: details.clone(),
            },
            (
                Self::Known {
                    customer_id,
                    mut details,
                },
                E::Corrected { change, .. },
            ) => {
                details.apply(change);
                Self::Known { customer_id, details }
            }
            (_, E::Removed { customer_id }) => Self::Removed {
                customer_id: *customer_id,
            },
            (state @ (Self::Unknown | Self::Removed { .. }), E::Corrected { .. }) => state,
        }
    }
}

// Memory

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Interaction {
    #[default]
    Unknown,
    Known {
        customer_id: CustomerId,
        details: Box<Details>,
    },
    Removed {
        customer_id: CustomerId,
    },
}

impl Interaction {
    /// Whom it is with.
    pub fn with(&self) -> Option<CustomerId> {
        match self {
            Self::Unknown => None,
            Self::Known { customer_id, .. } | Self::Removed { customer_id } => Some(*customer_id),
        }
    }
}

impl InteractionCommand {
    /// The same of that customer.
    #[must_use]
    pub fn about(mut self, customer: CustomerId) -> Self {
        match &mut self {
            Self::Record(record) => record.customer_id = customer,
            Self::Correct { customer_id, .. } | Self::Remove { customer_id } => *customer_id = customer,
        }
        self
    }
}

#[cfg(test)]
mod tests;
