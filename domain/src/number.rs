//! Document numbers, `DL-2026-0001`: rising and without gaps per workspace, series and year. A number is assigned
//! by the log in the transaction that appends the event and nowhere else; until then it is pending.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Series {
    Deal,
    Customer,
    Order,
    Invoice,
    Payment,
    Production,
}

impl Series {
    /// Stored as the counter's key: never rename.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Deal => "DL",
            Self::Customer => "CUS",
            Self::Order => "ORD",
            Self::Invoice => "INV",
            Self::Payment => "PAY",
            Self::Production => "PRD",
        }
    }
}

/// A document's number, such as `DL-2026-0001`; empty while pending.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Number(String);

impl Number {
    pub fn pending() -> Self {
        Self::default()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Number {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
