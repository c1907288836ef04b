//! The trail of what happened: a thing's history for those who may read the thing, and the audit of everything for those who
//! may audit. Generic over all nouns; `docs/decisions/0024-a-trail-is-a-fold-of-rows.md` says how.

mod entry;
mod export;
mod filter;
mod fold;
mod noun;
mod own;
mod path;
mod query;
mod routes;
mod states;
mod trail;
mod tree;

pub use entry::{Entry, Listener};
pub use export::Format;
pub use filter::Filter;
pub use noun::{NOUNS, Noun, fields, named};
pub use routes::router;
pub use trail::{Measure, Source, Told, Trail};
pub use tree::{Branch, Tree};

use crate::problem::Problem;
use domain::fact::DecodeError;
use log::{PersonalError, ReadError, chain};

/// Why the past cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum TrailError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("personal values cannot be opened")]
    Personal(#[from] PersonalError),
    #[error("position {position} cannot be read")]
    Event { position: i64, source: DecodeError },
    #[error("unknown category {0}")]
    Unknown(String),
    #[error("a row cannot be written")]
    Row(#[from] serde_json::Error),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<TrailError> for Problem {
    fn from(error: TrailError) -> Self {
        match error {
            TrailError::Database(error) | TrailError::Read(ReadError::Unavailable(error)) => error.into(),
            TrailError::Read(ReadError::Archived(_)) => Self::missing("history.archived"),
            TrailError::Read(ReadError::Archive(_)) => {
                tracing::error!(error = %chain(&error), "what was put away cannot be read here");
                Self::unavailable("history.archived")
            }
            error => {
                tracing::error!(error = %chain(&error), "the past cannot be told");
                Self::internal()
            }
        }
    }
}
