//! What a saga is: a process over several aggregates, rebuilt from facts, level-triggered.

use crate::Owed;
use chrono::{DateTime, Utc};
use domain::Fact;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{any::Any, fmt::Debug, marker::PhantomData, sync::Arc};
use uuid::Uuid;

/// A fact as a saga sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The aggregate it happened to.
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub fact: Arc<Fact>,
}

pub trait Saga: Default + Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Stored with every instance and in the ids of its commands: never rename.
    const NAME: &'static str;

    /// Which instance the fact concerns.
    fn instance(seen: &Seen) -> Option<Uuid>;

    /// Facts in. What is late or not ours changes nothing, and nothing changes what has ended, but a fact that would begin one
    /// as well: for others the runner does not even look for it.
    fn evolve(self, seen: &Seen) -> Self;

    /// Commands out: all that is still to be done, now. Asking again costs nothing: each step has one command id.
    fn owed(&self, instance: Uuid) -> Vec<Owed>;

    /// Where it stands, for people.
    fn standing(&self) -> Standing;

    /// The steps that were refused and wait for a person's word.
    fn refused(&self) -> Vec<String>;
}

/// Every state of every saga has one of these names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nothing has begun.
    Idle,
    Running,
    /// For something outside: goods to arrive.
    Waiting {
        reason: String,
    },
    Done,
    /// The rules refused a step; a person has to decide.
    Parked {
        reason: String,
    },
    /// A person gave it up.
    Abandoned,
}

impl Standing {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Running => "running",
            Self::Waiting { .. } => "waiting",
            Self::Done => "done",
            Self::Parked { .. } => "parked",
            Self::Abandoned => "abandoned",
        }
    }

    /// Nothing more comes of it, whatever happens.
    pub const fn is_end(&self) -> bool {
        matches!(self, Self::Done | Self::Abandoned)
    }

    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Waiting { reason } | Self::Parked { reason } => Some(reason),
            Self::Idle | Self::Running | Self::Done | Self::Abandoned => None,
        }
    }
}

/// A saga with its state type forgotten, for the runner.
pub(crate) trait Process: Send + Sync {
    fn name(&self) -> &'static str;
    fn instance(&self, seen: &Seen) -> Option<Uuid>;
    /// Folds facts into a state; `None` when they concern nothing that has begun.
    fn fold(&self, state: Option<State>, seen: &[Seen], instance: Uuid) -> Option<Folded>;
    /// A state as it is stored.
    fn store(&self, state: &State) -> Result<String, serde_json::Error>;
    /// A stored state, and what it owes.
    fn wake(&self, state: Value, instance: Uuid) -> Result<(State, Vec<Owed>), serde_json::Error>;
    /// Which steps of a stored state wait for a person's word.
    fn refused(&self, state: &Value) -> Result<Vec<String>, serde_json::Error>;
}

/// A saga's state in memory; its type is the process' own business.
pub(crate) type State = Arc<dyn Any + Send + Sync>;

pub(crate) struct Folded {
    pub state: State,
    pub standing: Standing,
    pub owed: Vec<Owed>,
}

pub(crate) fn of<S: Saga>() -> Box<dyn Process> {
    Box::new(Of::<S>(PhantomData))
}

struct Of<S>(PhantomData<S>);

impl<S: Saga> Process for Of<S> {
    fn name(&self) -> &'static str {
        S::NAME
    }

    fn instance(&self, seen: &Seen) -> Option<Uuid> {
        S::instance(seen)
    }

    fn fold(&self, state: Option<State>, seen: &[Seen], instance: Uuid) -> Option<Folded> {
        let known = state.and_then(|state| state.downcast::<S>().ok());
        let before = known.map(Arc::unwrap_or_clone).unwrap_or_default();
        let after = seen.iter().fold(before, |state, seen| state.evolve(seen));
        let standing = after.standing();
        if standing == Standing::Idle {
            return None;
        }
        Some(Folded {
            owed: after.owed(instance),
            state: Arc::new(after),
            standing,
        })
    }

    fn store(&self, state: &State) -> Result<String, serde_json::Error> {
        let none = || serde::ser::Error::custom("a state of another saga");
        serde_json::to_string(state.downcast_ref::<S>().ok_or_else(none)?)
    }

    fn wake(&self, state: Value, instance: Uuid) -> Result<(State, Vec<Owed>), serde_json::Error> {
        let state: S = serde_json::from_value(state)?;
        let owed = state.owed(instance);
        Ok((Arc::new(state), owed))
    }

    fn refused(&self, state: &Value) -> Result<Vec<String>, serde_json::Error> {
        Ok(S::deserialize(state)?.refused())
    }
}

#[cfg(test)]
mod tests;
