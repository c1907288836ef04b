//! A thing as it was before and after each of its events: its row, folded by the same pure function that the read models
//! are folded by, of its own stream alone.

use projections::{Seen, Table};
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use uuid::Uuid;

/// A row by its fields, values digit for digit.
pub type Object = BTreeMap<String, Box<RawValue>>;

/// A row before and after an event.
#[derive(Debug, Default)]
pub struct Step {
    pub before: Option<Object>,
    pub after: Option<Object>,
}

/// The rows of one stream, of whichever type.
pub trait Fold: Send + Sync {
    /// Goes on.
    fn see(&mut self, event: &Seen);

    /// The same, and what it makes of the row it concerns; `None`, when it concerns none.
    fn tell(&mut self, event: &Seen) -> Result<Option<Step>, serde_json::Error>;
}

pub struct Rows<T>(BTreeMap<Uuid, T>);

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Table> Rows<T> {
    fn project(&mut self, key: Uuid, event: &Seen) {
        let mut row = self.0.remove(&key);
        T::project(&mut row, key, event);
        // A row that its event alone concerns is not needed again.
        let is_lasting = key == event.id() || !T::begins(event, key);
        if let Some(row) = row.filter(|_| is_lasting) {
            self.0.insert(key, row);
        }
    }
}

impl<T: Table> Fold for Rows<T> {
    fn see(&mut self, event: &Seen) {
        for key in T::keys(event) {
            self.project(key, event);
        }
    }

    fn tell(&mut self, event: &Seen) -> Result<Option<Step>, serde_json::Error> {
        let Some(key) = T::keys(event).into_iter().next() else {
            return Ok(None);
        };
        let before = self.0.get(&key).cloned();
        let mut after = before.clone();
        T::project(&mut after, key, event);
        self.see(event);
        let written = |row: Option<T>| row.as_ref().map(object).transpose();
        Ok(Some(Step {
            before: written(before)?,
            after: written(after)?,
        }))
    }
}

fn object(row: &impl Serialize) -> Result<Object, serde_json::Error> {
    serde_json::from_str(&serde_json::to_string(row)?)
}
