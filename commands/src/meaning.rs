//! What events say of unique keys and of numbers: told to whoever holds the log's tables against them, as [`crate::Unit`]
//! tells it to the log when the events are written.

use crate::unit;
use domain::{
    fact::{self, Claiming},
    personal::is_erased,
};
use log::{
    Claim, ClaimKeys, Number, Recorded,
    keeping::{self, Unreadable},
};
use std::collections::HashMap;
use uuid::Uuid;

/// One workspace's events, read from the first one on. Grows with the streams that claim keys: products, and people,
/// organizations and workspaces on the platform.
#[derive(Default)]
pub struct Meaning {
    streams: HashMap<Uuid, Box<dyn Claiming>>,
}

impl Meaning {
    /// For [`keeping::Walk`].
    pub fn of_a_workspace() -> Box<dyn keeping::Meaning> {
        Box::new(Self::default())
    }
}

impl keeping::Meaning for Meaning {
    fn claims(&mut self, event: &Recorded, keys: Option<&ClaimKeys>) -> Result<Vec<Claim>, Unreadable> {
        let stream = match self.streams.get_mut(&event.stream_id) {
            Some(stream) => stream,
            None => match fact::category(&event.category)?.claiming() {
                Some(stream) => self.streams.entry(event.stream_id).or_insert(stream),
                None => return Ok(Vec::new()),
            },
        };
        let claims = stream.next(&event.event_type, event.schema, &event.data)?;
        // What was claimed by somebody erased is free, and nobody can tell any more what it was.
        let told = claims
            .into_iter()
            .filter(|claim| !claim.is_personal || !is_erased(&claim.key));
        Ok(told.map(|claim| unit::claim(claim, event.stream_id, keys)).collect())
    }

    fn number(&self, event: &Recorded) -> Result<Option<Number>, Unreadable> {
        let numbering = fact::category(&event.category)?.numbering(&event.event_type);
        Ok(numbering.map(unit::number))
    }
}
