//! What the program and its adapter say to each other: a JSON object a line, calls one way and answers the other. This file is part of
//! both (adapter/src/main.rs), and they are shipped together: it has no versions.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Serialize, Deserialize)]
pub struct Call {
    pub id: u64,
    pub ask: Ask,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum Ask {
    /// Answered by one of `There`, `Elsewhere`, `Away`, `Refused`.
    Append {
        stream: String,
        /// How many entries it should have.
        length: u64,
        entry: Uuid,
        text: String,
    },
    /// Answered by `Entry` for each, then `End`.
    Read {
        stream: String,
        revision: u64,
        limit: usize,
    },
    /// Of all streams with that prefix; answered without an end.
    Follow { prefix: String, after: Option<Position> },
    /// Nobody listens to that call's answers any more.
    Leave { call: u64 },
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Position {
    pub commit: u64,
    pub prepare: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Answer {
    pub call: u64,
    pub told: Told,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum Told {
    There,
    Elsewhere,
    Entry {
        entry: Uuid,
        text: String,
    },
    End,
    Seen {
        stream: String,
        revision: u64,
        at: Position,
    },
    Passed(Position),
    CaughtUp,
    /// It may have happened all the same.
    Away(String),
    Refused(String),
}
