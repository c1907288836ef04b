//! A category: where products are looked for, and what is below it. No category is below itself.

use crate::{
    Aggregate, Change, Changes, Event, Fields, Permission, Quantity, Rejection, Violations,
    id::CategoryId,
    tree::{Misplaced, Spot},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many levels of categories there are at most.
pub const LEVELS_MAX: usize = 10;

// Vocabulary

#[derive(Debug, Clone)]
pub enum CategoryCommand {
    Create(Box<Details>, Spot<CategoryId>),
    Update(Box<Change>, Spot<CategoryId>),
    Archive,
}

/// What is known of a category.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, Fields, Change)]
#[serde(rename_all = "camelCase")]
pub struct Details {
    #[field(required, max = 100)]
    pub name: String,
    /// The category it is a part of.
    pub parent_id: Option<CategoryId>,
    /// Its place among those beside it: the least first.
    #[field(not_negative)]
    pub sort_order: Quantity,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum CategoryEvent {
    #[serde(rename = "category.created")]
    Created(Box<Details>),
    #[serde(rename = "category.updated")]
    Updated(Box<Change>),
    /// What is in it stays called so.
    #[serde(rename = "category.archived")]
    Archived {},
}

impl Event for CategoryEvent {}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Rejection)]
pub enum CategoryRejection {
    #[error("no such category")]
    #[rejection(Missing, "category.missing")]
    Missing,
    #[error("already created")]
    #[rejection(Exists, "category.already_created")]
    AlreadyCreated,
    #[error("a category cannot be a part of itself")]
    #[rejection(Conflict, "category.cyclic")]
    Cyclic,
    #[error("more than {max} levels")]
    #[rejection(Conflict, "category.too_deep")]
    TooDeep { max: usize },
    #[error(transparent)]
    #[rejection(Invalid, "category.invalid")]
    Invalid(#[from] Violations),
}

// Rules

impl Aggregate for Category {
    const NAME: &'static str = "category";
    type Id = CategoryId;
    type Command = CategoryCommand;
    type Event = CategoryEvent;
    type Rejection = CategoryRejection;

    fn permission(command: &CategoryCommand) -> Permission {
        match command {
            CategoryCommand::Create(..) => Permission::ProductsCreate,
            CategoryCommand::Update(..) => Permission::ProductsUpdate,
            CategoryCommand::Archive => Permission::ProductsDelete,
        }
    }

    fn decide(&self, command: &CategoryCommand) -> Result<Vec<CategoryEvent>, CategoryRejection> {
        use {CategoryCommand as C, CategoryEvent as E, CategoryRejection as R};
        match (self, command) {
            (Self::Unknown, C::Create(details, spot)) => {
                details.checked()?;
                spot.holds(LEVELS_MAX)?;
                Ok(vec![E::Created(details.clone())])
            }
            (Self::Unknown | Self::Archived, C::Update(..) | C::Archive) => Err(R::Missing),
            (Self::Known(_) | Self::Archived, C::Create(..)) => Err(R::AlreadyCreated),
            (Self::Known(details), C::Update(change, spot)) => {
                let mut after = details.as_ref().clone();
                after.apply(change);
                after.checked()?;
                spot.holds(LEVELS_MAX)?;
                let updated = (after != **details).then(|| E::Updated(change.clone()));
                Ok(updated.into_iter().collect())
            }
            (Self::Known(_), C::Archive) => Ok(vec![E::Archived {}]),
        }
    }

    fn evolve(self, event: &CategoryEvent) -> Self {
        match (self, event) {
            (_, CategoryEvent::Created(details)) => Self::Known(details.clone()),
            (Self::Known(mut details), CategoryEvent::Updated(change)) => {
                details.apply(change);
                Self::Known(details)
            }
            (unknown @ (Self::Unknown | Self::Archived), CategoryEvent::Updated(_)) => unknown,
            (_, CategoryEvent::Archived {}) => Self::Archived,
        }
    }
}

impl From<Misplaced> for CategoryRejection {
    fn from(misplaced: Misplaced) -> Self {
        match misplaced {
            Misplaced::Cyclic => Self::Cyclic,
            Misplaced::TooDeep { max } => Self::TooDeep { max },
        }
    }
}

// Memory

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Category {
    #[default]
    Unknown,
    Known(Box<Details>),
    Archived,
}

impl Category {
    pub fn details(&self) -> Option<&Details> {
        match self {
            Self::Known(details) => Some(details),
            Self::Unknown | Self::Archived => None,
        }
    }
}

#[cfg(test)]
mod tests;
