//! A department: a part of the company with a head, a budget, and departments below it. No department is below itself.

use crate::{
    Aggregate, Change, Changes, Claim, Event, Fields, Money, Permission, Rejection, Violations,
    id::{DepartmentId, EmployeeId},
    tree::{Misplaced, Spot},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many levels of departments there are at most.
pub const LEVELS_MAX: usize = 20;

// Vocabulary

#[derive(Debug, Clone)]
pub enum DepartmentCommand {
    Create(Box<Details>, Spot<DepartmentId>),
    Update(Box<Change>, Spot<DepartmentId>),
}

/// What is known of a department.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, Fields, Change)]
#[serde(rename_all = "camelCase")]
pub struct Details {
    #[field(required, max = 200)]
    pub name: String,
    /// Unique in the workspace.
    #[field(max = 50)]
    pub code: Option<String>,
    pub head_id: Option<EmployeeId>,
    /// A month, in the base currency.
    #[field(not_negative)]
    pub budget: Option<Money>,
    /// The department it is a part of.
    pub parent_id: Option<DepartmentId>,
    #[field(filled)]
    pub is_active: bool,
}

impl Default for Details {
    fn default() -> Self {
        Self {
            name: String::new(),
            code: None,
            head_id: None,
            budget: None,
            parent_id: None,
            is_active: true,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum DepartmentEvent {
    #[serde(rename = "department.created")]
    Created(Box<Details>),
    #[serde(rename = "department.updated")]
    Updated(Box<Change>),
}

impl Event for DepartmentEvent {}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Rejection)]
pub enum DepartmentRejection {
    #[error("no such department")]
    #[rejection(Missing, "department.missing")]
    Missing,
    #[error("already created")]
    #[rejection(Exists, "department.already_created")]
    AlreadyCreated,
    #[error("a department cannot be a part of itself")]
    #[rejection(Conflict, "department.cyclic")]
    Cyclic,
    #[error("more than {max} levels")]
    #[rejection(Conflict, "department.too_deep")]
    TooDeep { max: usize },
    #[error(transparent)]
    #[rejection(Invalid, "department.invalid")]
    Invalid(#[from] Violations),
}

// Rules

impl Aggregate for Department {
    const NAME: &'static str = "department";
    type Id = DepartmentId;
    type Command = DepartmentCommand;
    type Event = DepartmentEvent;
    type Rejection = DepartmentRejection;
    const CLAIMS: &'static [&'static str] = &["department.code"];

    fn permission(command: &DepartmentCommand) -> Permission {
        match command {
            DepartmentCommand::Create(..) => Permission::DepartmentsCreate,
            DepartmentCommand::Update(..) => Permission::DepartmentsUpdate,
        }
    }

    fn decide(&self, command: &DepartmentCommand) -> Result<Vec<DepartmentEvent>, DepartmentRejection> {
        use DepartmentCommand as C;
        match (self, command) {
            (Self::Unknown, C::Create(details, spot)) => {
                details.checked()?;
                spot.holds(LEVELS_MAX)?;
                Ok(vec![DepartmentEvent::Created(details.clone())])
            }
            (Self::Unknown, C::Update(..)) => Err(DepartmentRejection::Missing),
            (Self::Known(_), C::Create(..)) => Err(DepartmentRejection::AlreadyCreated),
            (Self::Known(details), C::Update(change, spot)) => {
                let mut after = details.as_ref().clone();
                after.apply(change);
                after.checked()?;
                spot.holds(LEVELS_MAX)?;
                let changed = after != **details;
                let updated = changed.then(|| DepartmentEvent::Updated(change.clone()));
                Ok(updated.into_iter().collect())
            }
        }
    }

    fn evolve(self, event: &DepartmentEvent) -> Self {
        match (self, event) {
            (_, DepartmentEvent::Created(details)) => Self::Known(details.clone()),
            (Self::Known(mut details), DepartmentEvent::Updated(change)) => {
                details.apply(change);
                Self::Known(details)
            }
            (Self::Unknown, DepartmentEvent::Updated(_)) => Self::Unknown,
        }
    }

    fn claims(&self, event: &DepartmentEvent) -> Vec<Claim> {
        let code = self.details().and_then(|details| details.code.as_deref());
        let new = match event {
            DepartmentEvent::Created(details) => details.code.as_deref(),
            DepartmentEvent::Updated(change) => change.code.as_set().map_or(code, Option::as_deref),
        };
        Claim::moved("department.code", code, new)
    }
}

impl From<Misplaced> for DepartmentRejection {
    fn from(misplaced: Misplaced) -> Self {
        match misplaced {
            Misplaced::Cyclic => Self::Cyclic,
            Misplaced::TooDeep { max } => Self::TooDeep { max },
        }
    }
}

// Memory

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Department {
    #[default]
    Unknown,
    Known(Box<Details>),
}

impl Department {
    pub fn details(&self) -> Option<&Details> {
        match self {
            Self::Known(details) => Some(details),
            Self::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests;
