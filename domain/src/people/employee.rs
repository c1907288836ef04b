//! An employee: pending → active ⇄ inactive, or refused. Who is let in as an employee may also enter the workspace, as a
//! user with a role; what they may do there stands with the workspace's members, and here only what was asked for them.

mod details;

pub use details::{Change, Details};

use crate::{
    Access, Aggregate, Belongs, Changes, Check, Choice, Claim, Event, Permission, PersonalField, Rejection, StandIn,
    Violations, Whose,
    id::{EmployeeId, UserId},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

// Vocabulary

#[derive(Debug, Clone)]
pub enum EmployeeCommand {
    /// Somebody who waits to be let in; `user_id`: they have an account already.
    Create {
        details: Box<Details>,
        access: Access,
        user_id: Option<UserId>,
    },
    Update {
        change: Box<Change>,
        access: Option<Access>,
        /// `active` or `inactive`.
        status: Option<Status>,
    },
    /// Lets them in; as a user, if they are to have an account.
    Approve {
        user_id: Option<UserId>,
    },
    Refuse {
        reason: Option<String>,
    },
    /// They accepted an invitation, which whoever invited them had approved of.
    Join {
        user_id: UserId,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Choice, Default)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    #[default]
    Pending,
    Active,
    Inactive,
    Refused,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum EmployeeEvent {
    #[serde(rename = "employee.created")]
    Created {
        #[serde(flatten)]
        details: Box<Details>,
        access: Access,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user_id: Option<UserId>,
    },
    #[serde(rename = "employee.updated")]
    Updated(Box<Change>),
    /// What was asked for them in the workspace.
    #[serde(rename = "employee.access.asked")]
    AccessAsked { access: Access },
    #[serde(rename = "employee.approved")]
    Approved {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user_id: Option<UserId>,
    },
    #[serde(rename = "employee.refused")]
    Refused {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// They have an account since.
    #[serde(rename = "employee.joined")]
    Joined { user_id: UserId },
    #[serde(rename = "employee.deactivated")]
    Deactivated {},
    #[serde(rename = "employee.activated")]
    Activated {},
}

impl Event for EmployeeEvent {
    const PERSONAL: &'static [PersonalField] = &[
        PersonalField::new("employee.created", "email", Whose::Stream, StandIn::Email),
        PersonalField::new("employee.created", "firstName", Whose::Stream, StandIn::Name),
        PersonalField::new("employee.created", "lastName", Whose::Stream, StandIn::Name),
        PersonalField::new("employee.created", "phone", Whose::Stream, StandIn::Nothing),
        PersonalField::new("employee.created", "emergencyContact", Whose::Stream, StandIn::Nothing),
        PersonalField::new("employee.created", "iin", Whose::Stream, StandIn::Nothing),
        PersonalField::new("employee.created", "passport", Whose::Stream, StandIn::Nothing),
        PersonalField::new("employee.created", "salary", Whose::Stream, StandIn::Nothing),
        PersonalField::new("employee.updated", "email", Whose::Stream, StandIn::Email),
        PersonalField::new("employee.updated", "firstName", Whose::Stream, StandIn::Name),
        PersonalField::new("employee.updated", "lastName", Whose::Stream, StandIn::Name),
        PersonalField::new("employee.updated", "phone", Whose::Stream, StandIn::Nothing),
        PersonalField::new("employee.updated", "emergencyContact", Whose::Stream, StandIn::Nothing),
        PersonalField::new("employee.updated", "iin", Whose::Stream, StandIn::Nothing),
        PersonalField::new("employee.updated", "passport", Whose::Stream, StandIn::Nothing),
        PersonalField::new("employee.updated", "salary", Whose::Stream, StandIn::Nothing),
        PersonalField::new("employee.refused", "reason", Whose::Stream, StandIn::Nothing),
    ];
}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Rejection)]
pub enum EmployeeRejection {
    #[error("no such employee")]
    #[rejection(Missing, "employee.missing")]
    Missing,
    #[error("already created")]
    #[rejection(Exists, "employee.already_created")]
    AlreadyCreated,
    #[error("{from:?} does not become {to:?}")]
    #[rejection(Transition, "employee.no_such_step")]
    NoSuchStep { from: Status, to: Status },
    #[error("somebody else's account")]
    #[rejection(Conflict, "employee.has_an_account")]
    HasAnAccount,
    #[error(transparent)]
    #[rejection(Invalid, "employee.invalid")]
    Invalid(#[from] Violations),
}

// Rules

impl Aggregate for Employee {
    const NAME: &'static str = "employee";
    type Id = EmployeeId;
    type Command = EmployeeCommand;
    type Event = EmployeeEvent;
    type Rejection = EmployeeRejection;
    const CLAIMS: &'static [&'static str] = &["employee.email"];
    const SEEN_WITH: Option<Permission> = Some(Permission::EmployeesView);

    fn belongs(&self) -> Belongs {
        match self {
            Self::Unknown => Belongs::default(),
            Self::Known(known) => Belongs {
                user: known.user_id,
                department: known.details.department_id,
            },
        }
    }

    fn permission(command: &EmployeeCommand) -> Permission {
        use EmployeeCommand as C;
        match command {
            C::Create { .. } => Permission::EmployeesCreate,
            C::Update { .. } => Permission::EmployeesUpdate,
            C::Approve { .. } | C::Refuse { .. } | C::Join { .. } => Permission::EmployeesApprove,
        }
    }

    fn decide(&self, command: &EmployeeCommand) -> Result<Vec<EmployeeEvent>, EmployeeRejection> {
        use {EmployeeCommand as C, EmployeeEvent as E, EmployeeRejection as R};
        match (self, command) {
            (
                Self::Unknown,
                C::Create {
                    details,
                    access,
                    user_id,
                },
            ) => {
                details.checked_as(user_id.is_some())?;
                Ok(vec![E::Created {
                    details: details.clone(),
                    access: access.clone(),
                    user_id: *user_id,
                }])
            }
            (Self::Unknown, _) => Err(R::Missing),
            (Self::Known(_), C::Create { .. }) => Err(R::AlreadyCreated),
            (Self::Known(known), C::Update { change, access, status }) => {
                let mut after = known.details.clone();
                after.apply(change);
                // What was never known of them may go on missing.
                after.checked_as(known.details.last_name.is_empty())?;
                let updated = (after != known.details).then(|| E::Updated(change.clone()));
                let asked = access.clone().filter(|access| *access != known.access);
                let asked = asked.map(|access| E::AccessAsked { access });
                let moved = status.map_or(Ok(None), |to| known.status.step(to))?;
                Ok(updated.into_iter().chain(asked).chain(moved).collect())
            }
            (Self::Known(known), C::Approve { user_id }) => match known.status {
                Status::Active => Ok(vec![]),
                Status::Pending => Ok(vec![E::Approved { user_id: *user_id }]),
                from => Err(R::NoSuchStep {
                    from,
                    to: Status::Active,
                }),
            },
            (Self::Known(known), C::Refuse { reason }) => match known.status {
                Status::Refused => Ok(vec![]),
                Status::Pending => {
                    let mut check = Check::default();
                    check.optional_text("reason", reason.as_ref(), details::REASON_MAX);
                    check.done()?;
                    Ok(vec![E::Refused { reason: reason.clone() }])
                }
                from => Err(R::NoSuchStep {
                    from,
                    to: Status::Refused,
                }),
            },
            (Self::Known(known), C::Join { user_id }) => known.join(*user_id),
        }
    }

    fn evolve(self, event: &EmployeeEvent) -> Self {
        use EmployeeEvent as E;
        let mut known = match (self, event) {
            (
                _,
                E::Created {
                    details,
                    access,
                    user_id,
                },
            ) => Box::new(Known {
                details: details.as_ref().clone(),
                access: access.clone(),
                user_id: *user_id,
                status: Status::Pending,
            }),
            (Self::Known(known), _) => known,
            (Self::Unknown, _) => return Self::Unknown,
        };
        match event {
            E::Created { .. } => {}
            E::Updated(change) => known.details.apply(change),
            E::AccessAsked { access } => known.access.clone_from(access),
            E::Approved { user_id } => {
                known.user_id = user_id.or(known.user_id);
                known.status = Status::Active;
            }
            E::Joined { user_id } => known.user_id = Some(*user_id),
            E::Refused { .. } => known.status = Status::Refused,
            E::Deactivated {} => known.status = Status::Inactive,
            E::Activated {} => known.status = Status::Active,
        }
        Self::Known(known)
    }

    /// One person is one employee; the address of who was refused may ask again.
    fn claims(&self, event: &EmployeeEvent) -> Vec<Claim> {
        let email = self.known().and_then(|known| known.details.email.as_deref());
        let new = match event {
            EmployeeEvent::Created { details, .. } => details.email.as_deref(),
            EmployeeEvent::Updated(change) => change.email.as_set().map_or(email, Option::as_deref),
            EmployeeEvent::Refused { .. } => None,
            EmployeeEvent::AccessAsked { .. }
            | EmployeeEvent::Approved { .. }
            | EmployeeEvent::Joined { .. }
            | EmployeeEvent::Deactivated {}
            | EmployeeEvent::Activated {} => email,
        };
        match self.known().is_some_and(|known| known.status == Status::Refused) {
            true => vec![],
            false => {
                let moved = Claim::moved("employee.email", email, new).into_iter();
                moved.map(Claim::personal).collect()
            }
        }
    }
}

impl Known {
    fn join(&self, user_id: UserId) -> Result<Vec<EmployeeEvent>, EmployeeRejection> {
        use {EmployeeEvent as E, EmployeeRejection as R};
        match (self.status, self.user_id) {
            (Status::Active, Some(known)) if known == user_id => Ok(vec![]),
            (Status::Active | Status::Pending, Some(known)) if known != user_id => Err(R::HasAnAccount),
            (Status::Active, _) => Ok(vec![E::Joined { user_id }]),
            (Status::Pending, _) => Ok(vec![E::Approved { user_id: Some(user_id) }]),
            (from, _) => Err(R::NoSuchStep {
                from,
                to: Status::Active,
            }),
        }
    }
}

impl Status {
    /// The event that moves there; none when there already.
    fn step(self, to: Self) -> Result<Option<EmployeeEvent>, EmployeeRejection> {
        match (self, to) {
            (from, to) if from == to => Ok(None),
            (Self::Active, Self::Inactive) => Ok(Some(EmployeeEvent::Deactivated {})),
            (Self::Inactive, Self::Active) => Ok(Some(EmployeeEvent::Activated {})),
            (from, to) => Err(EmployeeRejection::NoSuchStep { from, to }),
        }
    }
}

// Memory

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Employee {
    #[default]
    Unknown,
    Known(Box<Known>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Known {
    pub details: Details,
    /// What was asked for them.
    pub access: Access,
    pub user_id: Option<UserId>,
    pub status: Status,
}

impl Employee {
    pub fn known(&self) -> Option<&Known> {
        match self {
            Self::Known(known) => Some(known),
            Self::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests;
