//! How yesterday's events become today's: the stored form of an event type has a schema number, and for every number but
//! the last there is one pure step to the next. What was stored is never rewritten; it is lifted while it is read.

use serde_json::{Map, Value};

/// The data of one event as it was stored: the fields of a JSON object, in their order.
pub type Data = Map<String, Value>;

/// One step: from the data of schema `from` to that of `from + 1`.
///
/// A step may add, rename, drop and restructure fields; the type stays. It sees what was written, so it speaks of fields
/// by their stored names and never by today's Rust types: those go on changing, and the step must not change with them.
#[derive(Debug, Clone, Copy)]
pub struct Upcaster {
    pub event_type: &'static str,
    /// 1, 2, 3, …
    pub from: i32,
    pub apply: fn(Data) -> Result<Data, UpcastError>,
}

impl Upcaster {
    /// A step for a type whose shape stays and whose meaning grows, such as by one more value in a closed set: readers
    /// that know only the older number are told instead of being surprised.
    pub const fn unchanged(event_type: &'static str, from: i32) -> Self {
        Self {
            event_type,
            from,
            apply: Ok,
        }
    }

    /// A step for a type whose readers took null for absent, and now take it for "nothing".
    pub const fn null_was_absent(event_type: &'static str, from: i32) -> Self {
        Self {
            event_type,
            from,
            apply: without_nulls,
        }
    }
}

fn without_nulls(mut data: Data) -> Result<Data, UpcastError> {
    data.retain(|_, value| !value.is_null());
    Ok(data)
}

/// Why data is not what its schema number says. Names the field and never its value, which may be personal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UpcastError {
    #[error("field {0} is missing")]
    Missing(&'static str),
    #[error("field {0} is not of the kind its schema says")]
    Unexpected(&'static str),
    #[error("there is no step from schema {0}")]
    NoStep(i32),
}

/// The number under which that type is stored today: one more than it has steps.
pub fn current(upcasters: &[Upcaster], event_type: &str) -> i32 {
    let steps = upcasters.iter().filter(|step| step.event_type == event_type);
    steps.fold(1, |number, _| number + 1)
}

/// Lifts data from schema `from` to today's, one step after the other.
pub fn upcast(upcasters: &[Upcaster], event_type: &str, from: i32, data: Data) -> Result<Data, UpcastError> {
    (from..current(upcasters, event_type)).try_fold(data, |data, from| {
        let step = upcasters
            .iter()
            .find(|step| step.event_type == event_type && step.from == from);
        (step.ok_or(UpcastError::NoStep(from))?.apply)(data)
    })
}

#[cfg(test)]
mod tests;
