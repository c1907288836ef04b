//! A warehouse: a place where goods lie; or a location inside of one, such as a shelf, which is such a place itself. How much of what
//! lies there is `stock`'s business.

use crate::{
    Aggregate, Change, Changes, Claim, Event, Fields, Permission, Rejection, Rule, Violations, id::WarehouseId,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

// Vocabulary

#[derive(Debug, Clone)]
pub enum WarehouseCommand {
    Create(Box<Details>),
    Update(Box<Change>),
    Archive,
}

/// What is known of a warehouse.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, Fields, Change)]
#[serde(rename_all = "camelCase")]
pub struct Details {
    #[field(required, max = 100)]
    pub name: String,
    /// Unique in the workspace.
    #[field(max = 20)]
    pub code: Option<String>,
    #[field(max = 300)]
    pub address: Option<String>,
    /// The warehouse that it is a location inside of, for good; no location is inside of another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<WarehouseId>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum WarehouseEvent {
    #[serde(rename = "warehouse.created")]
    Created(Box<Details>),
    #[serde(rename = "warehouse.updated")]
    Updated(Box<Change>),
    /// What lies there is still there.
    #[serde(rename = "warehouse.archived")]
    Archived {},
}

impl Event for WarehouseEvent {}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Rejection)]
pub enum WarehouseRejection {
    #[error("no such warehouse")]
    #[rejection(Missing, "warehouse.missing")]
    Missing,
    #[error("already created")]
    #[rejection(Exists, "warehouse.already_created")]
    AlreadyCreated,
    #[error(transparent)]
    #[rejection(Invalid, "warehouse.invalid")]
    Invalid(#[from] Violations),
}

// Rules

impl Aggregate for Warehouse {
    const NAME: &'static str = "warehouse";
    type Id = WarehouseId;
    type Command = WarehouseCommand;
    type Event = WarehouseEvent;
    type Rejection = WarehouseRejection;
    const CLAIMS: &'static [&'static str] = &["warehouse.code"];

    fn permission(_command: &WarehouseCommand) -> Permission {
        Permission::StockUpdate
    }

    fn decide(&self, command: &WarehouseCommand) -> Result<Vec<WarehouseEvent>, WarehouseRejection> {
        use {WarehouseCommand as C, WarehouseEvent as E, WarehouseRejection as R};
        match (self, command) {
            (Self::Unknown, C::Create(details)) => {
                details.checked()?;
                Ok(vec![E::Created(details.clone())])
            }
            (Self::Unknown | Self::Archived, C::Update(_) | C::Archive) => Err(R::Missing),
            (Self::Known(_) | Self::Archived, C::Create(_)) => Err(R::AlreadyCreated),
            (Self::Known(details), C::Update(change)) => {
                let mut after = details.as_ref().clone();
                after.apply(change);
                after.checked()?;
                if after.parent_id != details.parent_id {
                    return Err(Violations::one("parentId", Rule::NotAllowed).into());
                }
                let updated = (after != **details).then(|| E::Updated(change.clone()));
                Ok(updated.into_iter().collect())
            }
            (Self::Known(_), C::Archive) => Ok(vec![E::Archived {}]),
        }
    }

    fn evolve(self, event: &WarehouseEvent) -> Self {
        match (self, event) {
            (_, WarehouseEvent::Created(details)) => Self::Known(details.clone()),
            (Self::Known(mut details), WarehouseEvent::Updated(change)) => {
                details.apply(change);
                Self::Known(details)
            }
            (unknown @ (Self::Unknown | Self::Archived), WarehouseEvent::Updated(_)) => unknown,
            (_, WarehouseEvent::Archived {}) => Self::Archived,
        }
    }

    fn claims(&self, event: &WarehouseEvent) -> Vec<Claim> {
        let after = self.clone().evolve(event);
        let code = |warehouse: &Self| warehouse.details().and_then(|details| details.code.clone());
        Claim::moved("warehouse.code", code(self).as_deref(), code(&after).as_deref())
    }
}

// Memory

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Warehouse {
    #[default]
    Unknown,
    Known(Box<Details>),
    Archived,
}

impl Warehouse {
    pub fn details(&self) -> Option<&Details> {
        match self {
            Self::Known(details) => Some(details),
            Self::Unknown | Self::Archived => None,
        }
    }
}

#[cfg(test)]
mod tests;
