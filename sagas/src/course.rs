//! The course that most sagas take: idle until a fact begins them, running until nothing is left to be done, or until a person
//! gives them up. Few facts begin one again. What a saga remembers meanwhile, and what it makes of the facts, is its own (`Runs`); what it owes is without
//! the steps that were refused, for these wait for a person.

use crate::{Owed, Saga, Seen, Standing, refused::Refusals};
use domain::{Fact, process::ProcessEvent};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::fmt::Debug;
use uuid::Uuid;

/// The variants' names are stored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Course<R> {
    #[default]
    Idle,
    Running(Box<R>),
    Done,
    Abandoned,
}

/// What a saga remembers while it runs.
pub trait Runs: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// As `Saga::NAME`.
    const NAME: &'static str;

    /// As `Saga::instance`.
    fn instance(seen: &Seen) -> Option<Uuid>;

    /// What the fact begins, if it begins one.
    fn begin(seen: &Seen) -> Option<Self>;

    /// Whether the fact begins one also where there was one that is done: not so often, so most do not.
    fn begins_again(_seen: &Seen) -> bool {
        false
    }

    /// Takes a fact in, the one that began it too; whether nothing is left to be done.
    fn see(&mut self, seen: &Seen) -> bool;

    /// All that is still to be done, refused or not.
    fn owed(&self, instance: Uuid) -> Vec<Owed>;

    /// The steps that were refused.
    fn refused(&self) -> &Refusals;

    /// What it waits for that is not its own to do, for people.
    fn waits_for(&self) -> Option<String> {
        None
    }
}

impl<R: Runs> Saga for Course<R> {
    const NAME: &'static str = R::NAME;

    fn instance(seen: &Seen) -> Option<Uuid> {
        R::instance(seen)
    }

    fn evolve(self, seen: &Seen) -> Self {
        let is_given_up = matches!(seen.fact.as_ref(), Fact::Process(ProcessEvent::Abandoned(_)));
        let mut run = match self {
            Self::Idle => match R::begin(seen) {
                Some(run) => Box::new(run),
                None => return Self::Idle,
            },
            Self::Done => match R::begin(seen).filter(|_| R::begins_again(seen)) {
                Some(run) => Box::new(run),
                None => return Self::Done,
            },
            Self::Running(_) if is_given_up => return Self::Abandoned,
            Self::Running(run) => run,
            Self::Abandoned => return Self::Abandoned,
        };
        if run.see(seen) { Self::Done } else { Self::Running(run) }
    }

    fn owed(&self, instance: Uuid) -> Vec<Owed> {
        let Self::Running(run) = self else { return vec![] };
        let owed = run.owed(instance).into_iter();
        owed.filter(|owed| !run.refused().contains(&owed.step)).collect()
    }

    fn standing(&self) -> Standing {
        let run = match self {
            Self::Idle => return Standing::Idle,
            Self::Running(run) => run,
            Self::Done => return Standing::Done,
            Self::Abandoned => return Standing::Abandoned,
        };
        let waiting = || run.waits_for().map(|reason| Standing::Waiting { reason });
        let parked = run.refused().standing();
        parked.or_else(waiting).unwrap_or(Standing::Running)
    }

    fn refused(&self) -> Vec<String> {
        match self {
            Self::Running(run) => run.refused().steps(),
            Self::Idle | Self::Done | Self::Abandoned => vec![],
        }
    }
}
