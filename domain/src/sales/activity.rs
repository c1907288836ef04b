//! What was done about a deal, or is to be done: a call, a meeting, an e-mail, a task, a note. Each is a stream of its own, so
//! that a deal with thousands of them is decided on as fast as one without. What is said in it tells of the customer, and is
//! sealed with the customer's key.

use crate::{
    Aggregate, Changes, Choice, Event, Fields, Permission, PersonalField, Quantity, Rejection, StandIn, Upcaster,
    Violations, Whose,
    id::{ActivityId, CustomerId, DealId, UserId},
};
use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

// Vocabulary

#[derive(Debug, Clone)]
pub enum ActivityCommand {
    Record(Box<Draft>),
    Update(Box<Change>),
    Remove,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, Choice, Default)]
#[serde(rename_all = "lowercase")]
pub enum ActivityType {
    Call,
    Meeting,
    Email,
    Task,
    #[default]
    Note,
}

/// What is known of an activity: the one list of its fields.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, Fields, crate::Change)]
#[serde(rename_all = "camelCase")]
pub struct Details {
    #[serde(rename = "type")]
    pub kind: ActivityType,
    #[field(required, max = 200)]
    pub subject: String,
    /// When it took place, or is to; the moment it is recorded, unless one is named.
    #[field(filled)]
    pub date: DateTime<Utc>,
    /// Minutes.
    #[field(not_negative)]
    pub duration: Option<Quantity>,
    #[field(max = 5_000)]
    pub notes: Option<String>,
    /// What came of it, in a word or two: `positive`.
    #[field(max = 100)]
    pub outcome: Option<String>,
    /// What is to be done next, …
    #[field(max = 200)]
    pub next_step: Option<String>,
    /// … and by when.
    pub next_step_date: Option<NaiveDate>,
    /// Members of the workspace.
    pub participants: Vec<UserId>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Draft {
    pub deal_id: DealId,
    /// The deal's, as looked up.
    pub customer_id: Option<CustomerId>,
    /// Who records it, as looked up; nobody where a process does.
    pub author_id: Option<UserId>,
    pub author_name: Option<String>,
    pub details: Details,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum ActivityEvent {
    #[serde(rename = "activity.recorded")]
    Recorded {
        deal_id: DealId,
        customer_id: Option<CustomerId>,
        author_id: Option<UserId>,
        author_name: Option<String>,
        #[serde(flatten)]
        details: Box<Details>,
    },
    #[serde(rename = "activity.updated")]
    Updated {
        deal_id: DealId,
        /// As it was when the activity was recorded.
        customer_id: Option<CustomerId>,
        #[serde(flatten)]
        change: Box<Change>,
    },
    #[serde(rename = "activity.removed")]
    Removed { deal_id: DealId },
}

const CUSTOMER: Whose = Whose::Beside("customerId");

impl Event for ActivityEvent {
    /// Since 2, what came of it is sealed as well.
    const UPCASTERS: &'static [Upcaster] = &[
        Upcaster::unchanged("activity.recorded", 1),
        Upcaster::unchanged("activity.updated", 1),
    ];

    const PERSONAL: &'static [PersonalField] = &[
        PersonalField::new(
            "activity.recorded",
            "authorName",
            Whose::Beside("authorId"),
            StandIn::Name,
        ),
        PersonalField::new("activity.recorded", "subject", CUSTOMER, StandIn::Name),
        PersonalField::new("activity.recorded", "notes", CUSTOMER, StandIn::Nothing),
        PersonalField::new("activity.recorded", "outcome", CUSTOMER, StandIn::Nothing),
        PersonalField::new("activity.recorded", "nextStep", CUSTOMER, StandIn::Nothing),
        PersonalField::new("activity.updated", "subject", CUSTOMER, StandIn::Name),
        PersonalField::new("activity.updated", "notes", CUSTOMER, StandIn::Nothing),
        PersonalField::new("activity.updated", "outcome", CUSTOMER, StandIn::Nothing),
        PersonalField::new("activity.updated", "nextStep", CUSTOMER, StandIn::Nothing),
    ];
}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Rejection)]
pub enum ActivityRejection {
    #[error("no such activity")]
    #[rejection(Missing, "activity.missing")]
    Missing,
    #[error("already recorded")]
    #[rejection(Exists, "activity.already_recorded")]
    AlreadyRecorded,
    #[error(transparent)]
    #[rejection(Invalid, "activity.invalid")]
    Invalid(#[from] Violations),
}

// Rules

impl Aggregate for Activity {
    const NAME: &'static str = "activity";
    type Id = ActivityId;
    type Command = ActivityCommand;
    type Event = ActivityEvent;
    type Rejection = ActivityRejection;

    /// Whether it reaches to the deal is looked up with the deal.
    fn permission(_: &ActivityCommand) -> Permission {
        Permission::DealsUpdate
    }

    fn decide(&self, command: &ActivityCommand) -> Result<Vec<ActivityEvent>, ActivityRejection> {
        use {ActivityCommand as C, ActivityRejection as R};
        match (self, command) {
            (Self::Unknown, C::Record(draft)) => record(draft),
            (Self::Unknown, _) => Err(R::Missing),
            (Self::Known(_) | Self::Removed, C::Record(_)) => Err(R::AlreadyRecorded),
            (Self::Known(known), C::Update(change)) => known.update(change),
            (Self::Known(known), C::Remove) => Ok(vec![ActivityEvent::Removed { deal_id: known.deal_id }]),
            (Self::Removed, C::Update(_)) => Err(R::Missing),
            (Self::Removed, C::Remove) => Ok(vec![]),
        }
    }

    fn evolve(self, event: &ActivityEvent) -> Self {
        use ActivityEvent as E;
        match (self, event) {
            (
                _,
                E::Recorded {
                    deal_id,
                    customer_id,
                    details,
                    ..
                },
            ) => Self::Known(Box::new(Known {
                deal_id: *deal_id,
                customer_id: *customer_id,
                details: details.as_ref().clone(),
            })),
            (Self::Known(mut known), E::Updated { change, .. }) => {
                known.details.apply(change);
                Self::Known(known)
            }
            (Self::Known(_), E::Removed { .. }) => Self::Removed,
            (state @ (Self::Unknown | Self::Removed), E::Updated { .. } | E::Removed { .. }) => state,
        }
    }
}

fn record(draft: &Draft) -> Result<Vec<ActivityEvent>, ActivityRejection> {
    draft.details.checked()?;
    Ok(vec![ActivityEvent::Recorded {
        deal_id: draft.deal_id,
        customer_id: draft.customer_id,
        author_id: draft.author_id,
        author_name: draft.author_name.clone(),
        details: Box::new(draft.details.clone()),
    }])
}

impl Known {
    fn update(&self, change: &Change) -> Result<Vec<ActivityEvent>, ActivityRejection> {
        let mut after = self.details.clone();
        after.apply(change);
        after.checked()?;
        let updated = || ActivityEvent::Updated {
            deal_id: self.deal_id,
            customer_id: self.customer_id,
            change: Box::new(change.clone()),
        };
        Ok((after != self.details).then(updated).into_iter().collect())
    }
}

// Memory

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Activity {
    #[default]
    Unknown,
    Known(Box<Known>),
    Removed,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Known {
    deal_id: DealId,
    customer_id: Option<CustomerId>,
    details: Details,
}

impl Activity {
    /// The deal that it is about.
    pub fn deal(&self) -> Option<DealId> {
        match self {
            Self::Known(known) => Some(known.deal_id),
            Self::Unknown | Self::Removed => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Patch, Rule,
        testing::{given, sample},
    };

    fn recorded() -> ActivityEvent {
        sample("activity.recorded.v1")
    }

    fn draft() -> Draft {
        let ActivityEvent::Recorded {
            deal_id,
            customer_id,
            author_id,
            author_name,
            details,
        } = recorded()
        else {
            panic!("another event")
        };
        Draft {
            deal_id,
            customer_id,
            author_id,
            author_name,
            details: *details,
        }
    }

    fn removed() -> ActivityEvent {
        let deal_id = draft().deal_id;
        ActivityEvent::Removed { deal_id }
    }

    fn outcome(text: &str) -> Box<Change> {
        Box::new(Change {
            outcome: Patch::Set(Some(text.into())),
            ..Change::default()
        })
    }

    fn invalid(field: &str, rule: Rule) -> ActivityRejection {
        Violations::one(field, rule).into()
    }

    #[test]
    fn record() {
        let record = |draft| ActivityCommand::Record(Box::new(draft));
        given::<Activity>([]).when(record(draft())).then([recorded()]);
        given::<Activity>([])
            .when(record(Draft::default()))
            .then_rejected(invalid("subject", Rule::Required));
        let mut backwards = draft();
        backwards.details.duration = Some(Quantity::whole(-1));
        given::<Activity>([])
            .when(record(backwards))
            .then_rejected(invalid("duration", Rule::Negative));
        for before in [vec![recorded()], vec![recorded(), removed()]] {
            given::<Activity>(before)
                .when(record(draft()))
                .then_rejected(ActivityRejection::AlreadyRecorded);
        }
    }

    #[test]
    fn update() {
        let update = |text: &str| ActivityCommand::Update(outcome(text));
        let Draft {
            deal_id, customer_id, ..
        } = draft();
        let updated = ActivityEvent::Updated {
            deal_id,
            customer_id,
            change: outcome("signed"),
        };
        given::<Activity>([])
            .when(update("signed"))
            .then_rejected(ActivityRejection::Missing);
        given::<Activity>([recorded()])
            .when(update("signed"))
            .then([updated.clone()]);
        given::<Activity>([recorded(), updated]).when(update("signed")).then([]);
        let endless = "a".repeat(101);
        given::<Activity>([recorded()])
            .when(update(&endless))
            .then_rejected(invalid("outcome", Rule::TooLong { max: 100 }));
        given::<Activity>([recorded(), removed()])
            .when(update("signed"))
            .then_rejected(ActivityRejection::Missing);
    }

    #[test]
    fn remove() {
        let when = |before: Vec<_>| given::<Activity>(before).when(ActivityCommand::Remove);
        when(vec![]).then_rejected(ActivityRejection::Missing);
        when(vec![recorded()]).then([removed()]);
        when(vec![recorded(), removed()]).then([]);
    }

    #[test]
    fn what_is_gone_is_about_nothing() {
        let deal = |events: &[ActivityEvent]| {
            let state = events
                .iter()
                .fold(Activity::default(), |state, event| state.evolve(event));
            state.deal()
        };
        assert_eq!(deal(&[]), None);
        assert_eq!(deal(&[recorded()]), Some(draft().deal_id));
        assert_eq!(deal(&[recorded(), removed()]), None);
        assert_eq!(deal(&[removed()]), None);
    }
}
