//! A customer: LEAD → PROSPECT → ACTIVE ⇄ INACTIVE → CHURNED; convert takes a lead or prospect to ACTIVE.
//! Deleting archives: history stays. Its contacts keep their ids, however the list of them is sent anew. One that is merged into
//! another takes no commands until it comes back, as it was.

mod contact;
mod event;
pub mod likeness;
pub mod merging;

pub use contact::Contact;
pub use event::CustomerEvent;

use crate::{
    Aggregate, Belongs, Change, Changes, Check, Choice, Fields, Money, Number, Permission, Rejection, Rule, Violations,
    finance::terms,
    fixed::Rating,
    id::{CustomerId, UserId},
    office::custom_field::Custom,
};
use merging::{Absorbed, Other};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

// Vocabulary

#[derive(Debug, Clone)]
pub enum CustomerCommand {
    Create {
        profile: Box<Profile>,
        status: Status,
        /// It seems to be one that is there, and nobody said that it is not.
        seems_known: bool,
    },
    Update(Box<Change>, Option<Status>),
    Convert,
    Archive,
    /// It stays, and the other one is merged into it.
    Absorb(Box<Other>),
    /// It is the other one.
    MergeInto(CustomerId),
    /// The other one is taken out again.
    Release(CustomerId),
    /// It is the other one, and comes back.
    ComeBack {
        from: CustomerId,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Choice, Default)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    #[default]
    Lead,
    Prospect,
    Active,
    Inactive,
    Churned,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Choice, Default)]
#[serde(rename_all = "UPPERCASE")]
pub enum CustomerType {
    #[default]
    Company,
    Individual,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, Fields)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    #[serde(default, rename = "type")]
    #[field(max = 50)]
    pub kind: Option<String>,
    #[field(required, max = 300)]
    pub address_line1: String,
    #[serde(default)]
    #[field(max = 100)]
    pub city: Option<String>,
    #[serde(default)]
    #[field(max = 20)]
    pub postal_code: Option<String>,
    #[serde(default)]
    #[field(max = 100)]
    pub country: Option<String>,
}

/// What is known of a customer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, Fields, Change)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    #[field(required, max = 200)]
    pub name: String,
    #[serde(rename = "type")]
    pub kind: CustomerType,
    #[field(email)]
    pub email: Option<String>,
    #[field(max = 30)]
    pub phone: Option<String>,
    #[field(twelve_digits)]
    pub bin: Option<String>,
    #[field(twelve_digits)]
    pub iin: Option<String>,
    #[field(max = 100)]
    pub source: Option<String>,
    #[field(max = 100)]
    pub segment: Option<String>,
    #[field(range(0, 5))]
    pub rating: Option<Rating>,
    /// 0 or absent: no limit.
    #[field(not_negative)]
    pub credit_limit: Option<Money>,
    #[field(max = 50)]
    pub payment_terms: Option<String>,
    pub contacts: Vec<Contact>,
    pub addresses: Vec<Address>,
    #[field(max = 100)]
    pub tags: Vec<String>,
    /// Whose customer it is.
    pub assigned_to: Option<UserId>,
    /// As looked up when the customer was assigned.
    #[field(looked_up)]
    pub assigned_to_name: Option<String>,
    /// In the workspace's own fields.
    pub custom: Option<Custom>,
}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Rejection)]
pub enum CustomerRejection {
    #[error("no such customer")]
    #[rejection(Missing, "customer.missing")]
    Missing,
    #[error("already created")]
    #[rejection(Exists, "customer.already_created")]
    AlreadyCreated,
    #[error("likely one that is there already")]
    #[rejection(Conflict, "customer.likely_duplicate")]
    LikelyDuplicate,
    #[error("{from:?} does not become {to:?}")]
    #[rejection(Transition, "customer.no_such_step")]
    Transition { from: Status, to: Status },
    #[error("merged into another customer")]
    #[rejection(Conflict, "customer.merged")]
    Merged { into: CustomerId },
    #[error("a company and a person are not one")]
    #[rejection(Conflict, "customer.of_another_type")]
    OfAnotherType,
    #[error("one of them was erased")]
    #[rejection(Conflict, "customer.erased")]
    Erased,
    #[error(transparent)]
    #[rejection(Invalid, "customer.invalid")]
    Invalid(#[from] Violations),
}

// Rules

impl Aggregate for Customer {
    const NAME: &'static str = "customer";
    type Id = CustomerId;
    type Command = CustomerCommand;
    type Event = CustomerEvent;
    type Rejection = CustomerRejection;
    const SEEN_WITH: Option<Permission> = Some(Permission::CustomersView);

    fn belongs(&self) -> Belongs {
        Belongs {
            user: self.own().and_then(|profile| profile.assigned_to),
            department: None,
        }
    }

    fn merged_into(&self) -> Option<CustomerId> {
        match self {
            Self::Merged { into, .. } => Some(*into),
            Self::Unknown | Self::Known { .. } | Self::Archived => None,
        }
    }

    fn permission(command: &CustomerCommand) -> Permission {
        match command {
            CustomerCommand::Create { .. } => Permission::CustomersCreate,
            CustomerCommand::Update(..)
            | CustomerCommand::Convert
            | CustomerCommand::Absorb(_)
            | CustomerCommand::Release(_) => Permission::CustomersUpdate,
            // It is gone from the lists afterwards, or there again.
            CustomerCommand::Archive | CustomerCommand::MergeInto(_) | CustomerCommand::ComeBack { .. } => {
                Permission::CustomersDelete
            }
        }
    }

    fn decide(&self, command: &CustomerCommand) -> Result<Vec<CustomerEvent>, CustomerRejection> {
        use {CustomerCommand as C, CustomerEvent as E, CustomerRejection as R};
        match (self, command) {
            (
                Self::Unknown,
                C::Create {
                    profile,
                    status,
                    seems_known,
                },
            ) => {
                profile.verified()?;
                if *seems_known {
                    return Err(R::LikelyDuplicate);
                }
                Ok(vec![E::Created {
                    customer_number: Number::pending(),
                    status: *status,
                    profile: profile.clone(),
                }])
            }
            (Self::Known { .. } | Self::Merged { .. } | Self::Archived, C::Create { .. }) => Err(R::AlreadyCreated),
            (Self::Unknown | Self::Archived, _) => Err(R::Missing),
            (_, C::Absorb(_) | C::MergeInto(_) | C::Release(_) | C::ComeBack { .. }) => self.merge(command),
            (Self::Merged { into, .. }, _) => Err(R::Merged { into: *into }),
            (Self::Known { profile, status, .. }, C::Update(change, to)) => {
                let change = Box::new(Change {
                    contacts: contact::recognized(&profile.contacts, &change.contacts),
                    ..change.as_ref().clone()
                });
                let mut after = profile.as_ref().clone();
                after.apply(&change);
                after.verified()?;
                let updated = (after != **profile).then_some(E::Updated(change));
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
                absorbed: vec![],
            },
            (_, E::Archived {}) => Self::Archived,
            (was, E::Merged { into, .. }) => Self::Merged {
                into: *into,
                was: Box::new(was),
            },
            (Self::Merged { was, .. }, E::Unmerged { .. }) => *was,
            (
                Self::Known {
                    mut profile,
                    mut status,
                    mut absorbed,
                },
                event,
            ) => {
                match event {
                    E::Updated(change) => profile.apply(change),
                    E::StatusChanged { to, .. } => status = *to,
                    E::Absorbed { other, with, given } => {
                        let had = profile.as_ref().clone();
                        profile.absorb(given);
                        absorbed.push(Absorbed::new(*other, with, had, profile.as_ref().clone()));
                    }
                    E::Released { other, change, .. } => {
                        profile.apply(change);
                        absorbed = merging::released(absorbed, *other);
                    }
                    E::Created { .. } | E::Archived {} | E::Merged { .. } | E::Unmerged { .. } => {}
                }
                Self::Known {
                    profile,
                    status,
                    absorbed,
                }
            }
            (
                state @ (Self::Unknown | Self::Merged { .. } | Self::Archived),
                E::Updated(_) | E::StatusChanged { .. } | E::Absorbed { .. } | E::Released { .. } | E::Unmerged { .. },
            ) => state,
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
    fn verified(&self) -> Result<(), Violations> {
        let mut check = Check::default();
        self.check("", &mut check);
        let misspelt = self.payment_terms.as_deref().is_some_and(terms::are_misspelt);
        let max = i64::from(terms::NET_DAYS_MAX);
        check.that(!misspelt, "paymentTerms", Rule::OutOfRange { min: 0, max });
        contact::distinct(&self.contacts, &mut check);
        check.done()
    }

    /// Where mail reaches the customer: their own address first, then the primary contact's, then the others'.
    pub fn emails(&self) -> impl Iterator<Item = &str> {
        let (primary, others): (Vec<_>, Vec<_>) = self.contacts.iter().partition(|contact| contact.is_primary);
        let contacts = primary.into_iter().chain(others);
        let theirs = contacts.filter_map(|contact| contact.email.as_deref());
        self.email.as_deref().into_iter().chain(theirs)
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
        /// Those that were merged into it, in that order.
        absorbed: Vec<Absorbed>,
    },
    Merged {
        into: CustomerId,
        /// As which it comes back.
        was: Box<Customer>,
    },
    Archived,
}

impl Customer {
    /// Known, not archived, and not merged into another.
    pub fn profile(&self) -> Option<&Profile> {
        match self {
            Self::Known { profile, .. } => Some(profile),
            Self::Unknown | Self::Merged { .. } | Self::Archived => None,
        }
    }

    /// Its own, also of one that is merged into another.
    pub fn own(&self) -> Option<&Profile> {
        match self {
            Self::Merged { was, .. } => was.own(),
            state => state.profile(),
        }
    }

    /// All that were merged into it, or into one of those before.
    pub fn absorbed(&self) -> impl Iterator<Item = CustomerId> {
        let absorbed = match self {
            Self::Known { absorbed, .. } => absorbed.as_slice(),
            Self::Unknown | Self::Merged { .. } | Self::Archived => &[],
        };
        absorbed
            .iter()
            .flat_map(|absorbed| [absorbed.id].into_iter().chain(absorbed.with.iter().copied()))
    }
}

#[cfg(test)]
mod tests;
