//! What happens to a customer, and what of it tells of people.

use super::{Change, Profile, Status};
use crate::{
    Event, Number, Numbering, PersonalField, Series, StandIn, Upcaster, Whose, id::CustomerId, personal::ListOf,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum CustomerEvent {
    #[serde(rename = "customer.created")]
    Created {
        customer_number: Number,
        status: Status,
        #[serde(flatten)]
        profile: Box<Profile>,
    },
    #[serde(rename = "customer.updated")]
    Updated(Box<Change>),
    #[serde(rename = "customer.status.changed")]
    StatusChanged { from: Status, to: Status },
    #[serde(rename = "customer.archived")]
    Archived {},
    /// Another one was merged into it. The fields are what that one gives, of lists what comes in addition: they tell of the
    /// other and are sealed as the other's.
    #[serde(rename = "customer.absorbed")]
    Absorbed {
        other: CustomerId,
        /// Those that were merged into the other before.
        with: Vec<CustomerId>,
        #[serde(flatten)]
        given: Box<Change>,
    },
    /// The other one is another one again. The fields are its own, as far as they still were what the other gave.
    #[serde(rename = "customer.released")]
    Released {
        other: CustomerId,
        with: Vec<CustomerId>,
        #[serde(flatten)]
        change: Box<Change>,
    },
    #[serde(rename = "customer.merged")]
    Merged {
        into: CustomerId,
        /// Those that were merged into it before.
        with: Vec<CustomerId>,
    },
    #[serde(rename = "customer.unmerged")]
    Unmerged { from: CustomerId, with: Vec<CustomerId> },
}

impl CustomerEvent {
    /// What it is called from then on, where that changes.
    pub fn renames(&self) -> Option<&String> {
        match self {
            Self::Updated(change) | Self::Absorbed { given: change, .. } | Self::Released { change, .. } => {
                change.name.as_set()
            }
            Self::Created { .. }
            | Self::StatusChanged { .. }
            | Self::Archived {}
            | Self::Merged { .. }
            | Self::Unmerged { .. } => None,
        }
    }
}

/// Who gave it, and whose it is: the other one.
const OF_OTHER: Whose = Whose::Beside("other");
const PEOPLE: Whose = Whose::Each {
    id: "id",
    of: ListOf::Stream,
};
const PEOPLE_OF_OTHER: Whose = Whose::Each {
    id: "id",
    of: ListOf::Beside("other"),
};

impl Event for CustomerEvent {
    /// Since 2, null empties a field of `customer.updated`; since 2 and 3, what tells of people is sealed; since 3 and 4, each contact
    /// by itself.
    const UPCASTERS: &'static [Upcaster] = &[
        Upcaster::unchanged("customer.created", 1),
        Upcaster::null_was_absent("customer.updated", 1),
        Upcaster::unchanged("customer.updated", 2),
        Upcaster::unchanged("customer.created", 2),
        Upcaster::unchanged("customer.updated", 3),
    ];

    /// Contacts have keys of their own within the customer's: one is forgotten alone, or all with the customer. Events of before have
    /// the customer's key for the whole list.
    const PERSONAL: &'static [PersonalField] = &[
        PersonalField::new("customer.created", "name", Whose::Stream, StandIn::Name),
        PersonalField::new("customer.created", "email", Whose::Stream, StandIn::Nothing),
        PersonalField::new("customer.created", "phone", Whose::Stream, StandIn::Nothing),
        PersonalField::new("customer.created", "iin", Whose::Stream, StandIn::Nothing),
        PersonalField::new("customer.created", "contacts", PEOPLE, StandIn::NoItems),
        PersonalField::new("customer.created", "addresses", Whose::Stream, StandIn::NoItems),
        PersonalField::new("customer.created", "custom", Whose::Stream, StandIn::Nothing),
        PersonalField::new("customer.updated", "name", Whose::Stream, StandIn::Name),
        PersonalField::new("customer.updated", "email", Whose::Stream, StandIn::Nothing),
        PersonalField::new("customer.updated", "phone", Whose::Stream, StandIn::Nothing),
        PersonalField::new("customer.updated", "iin", Whose::Stream, StandIn::Nothing),
        PersonalField::new("customer.updated", "contacts", PEOPLE, StandIn::NoItems),
        PersonalField::new("customer.updated", "addresses", Whose::Stream, StandIn::NoItems),
        PersonalField::new("customer.updated", "custom", Whose::Stream, StandIn::Nothing),
        PersonalField::new("customer.absorbed", "name", OF_OTHER, StandIn::Name),
        PersonalField::new("customer.absorbed", "email", OF_OTHER, StandIn::Nothing),
        PersonalField::new("customer.absorbed", "phone", OF_OTHER, StandIn::Nothing),
        PersonalField::new("customer.absorbed", "iin", OF_OTHER, StandIn::Nothing),
        PersonalField::new("customer.absorbed", "contacts", PEOPLE_OF_OTHER, StandIn::NoItems),
        PersonalField::new("customer.absorbed", "addresses", OF_OTHER, StandIn::NoItems),
        PersonalField::new("customer.absorbed", "custom", OF_OTHER, StandIn::Nothing),
        PersonalField::new("customer.released", "name", Whose::Stream, StandIn::Name),
        PersonalField::new("customer.released", "email", Whose::Stream, StandIn::Nothing),
        PersonalField::new("customer.released", "phone", Whose::Stream, StandIn::Nothing),
        PersonalField::new("customer.released", "iin", Whose::Stream, StandIn::Nothing),
        PersonalField::new("customer.released", "contacts", PEOPLE, StandIn::NoItems),
        PersonalField::new("customer.released", "addresses", Whose::Stream, StandIn::NoItems),
        PersonalField::new("customer.released", "custom", Whose::Stream, StandIn::Nothing),
        PersonalField::new(
            "customer.absorbed",
            "assignedToName",
            Whose::Beside("assignedTo"),
            StandIn::Name,
        ),
        PersonalField::new(
            "customer.released",
            "assignedToName",
            Whose::Beside("assignedTo"),
            StandIn::Name,
        ),
        PersonalField::new(
            "customer.created",
            "assignedToName",
            Whose::Beside("assignedTo"),
            StandIn::Name,
        ),
        PersonalField::new(
            "customer.updated",
            "assignedToName",
            Whose::Beside("assignedTo"),
            StandIn::Name,
        ),
    ];

    const NUMBERINGS: &'static [Numbering] = &[Numbering {
        event_type: "customer.created",
        field: "customerNumber",
        series: Series::Customer,
    }];
}
