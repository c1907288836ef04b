//! A customer: LEAD → PROSPECT → ACTIVE ⇄ INACTIVE → CHURNED; convert takes a lead or prospect to ACTIVE.
//! Deleting archives: history stays.

use crate::change::set;
use crate::{
    Aggregate, Check, Event, Kind, Money, Number, Numbering, Permission, Rejection, Series, Violation, Violations,
    check::ITEMS_MAX, finance::terms, fixed::Rating, id::CustomerId,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

// Vocabulary

#[derive(Debug, Clone)]
pub enum CustomerCommand {
    Create(Box<Profile>, Status),
    Update(Box<Change>, Option<Status>),
    Convert,
    Archive,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, IntoStaticStr, Default)]
#[serde(rename_all = "UPPERCASE")]
#[strum(serialize_all = "UPPERCASE")]
pub enum Status {
    #[default]
    Lead,
    Prospect,
    Active,
    Inactive,
    Churned,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "UPPERCASE")]
pub enum CustomerType {
    #[default]
    Company,
    Individual,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Contact {
    pub first_name: String,
    #[serde(default)]
    pub last_name: Option<String>,
    #[serde(default)]
    pub position: Option<String>,
    #[serde(default)]
    pub email: Option<String>,
    #[serde(default)]
    pub phone: Option<String>,
    #[serde(default)]
    pub is_primary: bool,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    pub address_line1: String,
    #[serde(default)]
    pub city: Option<String>,
    #[serde(default)]
    pub postal_code: Option<String>,
    #[serde(default)]
    pub country: Option<String>,
}

/// What is known of a customer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: CustomerType,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub bin: Option<String>,
    pub iin: Option<String>,
    pub source: Option<String>,
    pub segment: Option<String>,
    pub rating: Option<Rating>,
    pub credit_limit: Option<Money>,
    pub payment_terms: Option<String>,
    pub contacts: Vec<Contact>,
    pub addresses: Vec<Address>,
    pub tags: Vec<String>,
}

/// The fields an update names.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Change {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<CustomerType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bin: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iin: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rating: Option<Rating>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credit_limit: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_terms: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contacts: Option<Vec<Contact>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addresses: Option<Vec<Address>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
}

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
}

impl Event for CustomerEvent {
    fn numbering(&self) -> Option<Numbering> {
        match self {
            Self::Created { .. } => Some(Numbering {
                field: "customerNumber",
                series: Series::Customer,
            }),
            Self::Updated(_) | Self::StatusChanged { .. } | Self::Archived {} => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CustomerRejection {
    #[error("no such customer")]
    Missing,
    #[error("already created")]
    AlreadyCreated,
    #[error("{from:?} does not become {to:?}")]
    Transition { from: Status, to: Status },
    #[error(transparent)]
    Invalid(#[from] Violations),
}

impl Rejection for CustomerRejection {
    fn kind(&self) -> Kind {
        match self {
            Self::Missing => Kind::Missing,
            Self::AlreadyCreated => Kind::Exists,
            Self::Transition { .. } => Kind::Transition,
            Self::Invalid(_) => Kind::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Missing => "customer.missing",
            Self::AlreadyCreated => "customer.already_created",
            Self::Transition { .. } => "customer.no_such_step",
            Self::Invalid(_) => "customer.invalid",
        }
    }

    fn violations(&self) -> &[Violation] {
        match self {
            Self::Invalid(violations) => violations.as_slice(),
            _ => &[],
        }
    }

    fn args(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Transition { from, to } => vec![("from", <&str>::from(from).into()), ("to", <&str>::from(to).into())],
            _ => vec![],
        }
    }
}

// Rules

impl Aggregate for Customer {
    const NAME: &'static str = "customer";
    type Id = CustomerId;
    type Command = CustomerCommand;
    type Event = CustomerEvent;
    type Rejection = CustomerRejection;

    fn permission(command: &CustomerCommand) -> Permission {
        match command {
            CustomerCommand::Create(..) => Permission::CustomersCreate,
            CustomerCommand::Update(..) | CustomerCommand::Convert => Permission::CustomersUpdate,
            CustomerCommand::Archive => Permission::CustomersDelete,
        }
    }

    fn decide(&self, command: &CustomerCommand) -> Result<Vec<CustomerEvent>, CustomerRejection> {
        use {CustomerCommand as C, CustomerEvent as E, CustomerRejection as R};
        match (self, command) {
            (Self::Unknown, C::Create(profile, status)) => {
                profile.check()?;
                Ok(vec![E::Created {
                    customer_number: Number::pending(),
                    status: *status,
                    profile: profile.clone(),
                }])
            }
            (Self::Unknown | Self::Archived, C::Update(..) | C::Convert | C::Archive) => Err(R::Missing),
            (Self::Known { .. } | Self::Archived, C::Create(..)) => Err(R::AlreadyCreated),
            (Self::Known { profile, status }, C::Update(change, to)) => {
                let mut after = profile.as_ref().clone();
                after.apply(change);
                after.check()?;
                let updated = (after != **profile).then(|| E::Updated(change.clone()));
                let moved = to.map_or(Ok(None), |to| status.step(to))?;
                Ok(updated.into_iter().chain(moved).collect())
            }
            (Self::Known { status, .. }, C::Convert) => match status {
                Status::Lead | Status::Prospect => Ok(vec![E::StatusChanged {
                    from: *status,
                    to: Status::Active,
                }]),
                Status::Active => Ok(vec![]),
                Status::Inactive | Status::Churned => Err(R::Transition {
                    from: *status,
                    to: Status::Active,
                }),
            },
            (Self::Known { .. }, C::Archive) => Ok(vec![E::Archived {}]),
        }
    }

    fn evolve(self, event: &CustomerEvent) -> Self {
        use CustomerEvent as E;
        match (self, event) {
            (_, E::Created { status, profile, .. }) => Self::Known {
                profile: profile.clone(),
                status: *status,
            },
            (Self::Known { mut profile, status }, E::Updated(change)) => {
                profile.apply(change);
                Self::Known { profile, status }
            }
            (Self::Known { profile, .. }, E::StatusChanged { to, .. }) => Self::Known { profile, status: *to },
            (_, E::Archived {}) => Self::Archived,
            (state @ (Self::Unknown | Self::Archived), E::Updated(_) | E::StatusChanged { .. }) => state,
        }
    }
}

impl Status {
    /// The event that moves there; none when there already.
    fn step(self, to: Self) -> Result<Option<CustomerEvent>, CustomerRejection> {
        use Status::{Active, Churned, Inactive, Lead, Prospect};
        if self == to {
            return Ok(None);
        }
        match (self, to) {
            (Lead, Prospect | Active)
            | (Prospect, Active)
            | (Active, Inactive)
            | (Inactive, Active | Churned)
            | (Lead | Prospect | Active, Churned) => Ok(Some(CustomerEvent::StatusChanged { from: self, to })),
            _ => Err(CustomerRejection::Transition { from: self, to }),
        }
    }
}

impl Profile {
    fn check(&self) -> Result<(), Violations> {
        let mut check = Check::default();
        check.text("name", &self.name, 200);
        if let Some(email) = &self.email {
            check.email("email", email);
        }
        check.optional_text("phone", self.phone.as_ref(), 30);
        for (field, digits) in [("bin", &self.bin), ("iin", &self.iin)] {
            if let Some(digits) = digits {
                check.twelve_digits(field, digits);
            }
        }
        check.optional_text("source", self.source.as_ref(), 100);
        check.optional_text("segment", self.segment.as_ref(), 100);
        check.optional_text("paymentTerms", self.payment_terms.as_ref(), 50);
        let misspelt = self.payment_terms.as_deref().is_some_and(terms::are_misspelt);
        let max = i64::from(terms::NET_DAYS_MAX);
        check.that(!misspelt, "paymentTerms", crate::Rule::OutOfRange { min: 0, max });
        if let Some(rating) = self.rating {
            check.that(
                (Rating::ZERO..=Rating::whole(5)).contains(&rating),
                "rating",
                crate::Rule::OutOfRange { min: 0, max: 5 },
            );
        }
        if let Some(limit) = self.credit_limit {
            check.not_negative("creditLimit", limit);
        }
        check.list("contacts", &self.contacts);
        for (n, contact) in self.contacts.iter().enumerate().take(ITEMS_MAX) {
            check.text(&format!("contacts[{n}].firstName"), &contact.first_name, 100);
        }
        check.list("addresses", &self.addresses);
        for (n, address) in self.addresses.iter().enumerate().take(ITEMS_MAX) {
            check.text(&format!("addresses[{n}].addressLine1"), &address.address_line1, 300);
        }
        check.tags("tags", &self.tags);
        check.done()
    }

    pub fn apply(&mut self, change: &Change) {
        let Change {
            name,
            kind,
            email,
            phone,
            bin,
            iin,
            source,
            segment,
            rating,
            credit_limit,
            payment_terms,
            contacts,
            addresses,
            tags,
        } = change.clone();
        set(&mut self.name, name);
        set(&mut self.kind, kind);
        set(&mut self.contacts, contacts);
        set(&mut self.addresses, addresses);
        set(&mut self.tags, tags);
        for (field, new) in [
            (&mut self.email, email),
            (&mut self.phone, phone),
            (&mut self.bin, bin),
            (&mut self.iin, iin),
            (&mut self.source, source),
            (&mut self.segment, segment),
            (&mut self.payment_terms, payment_terms),
        ] {
            *field = new.or_else(|| field.take());
        }
        self.rating = rating.or(self.rating);
        self.credit_limit = credit_limit.or(self.credit_limit);
    }
}

// Memory

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Customer {
    #[default]
    Unknown,
    Known {
        profile: Box<Profile>,
        status: Status,
    },
    Archived,
}

impl Customer {
    /// Known and not archived.
    pub fn profile(&self) -> Option<&Profile> {
        match self {
            Self::Known { profile, .. } => Some(profile),
            Self::Unknown | Self::Archived => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::given;

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
            name: Some("ТОО Tech Solutions".into()),
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
}
