//! A currency by its ISO 4217 code. Which of them exist is not checked: the list changes, amounts in old ones stay.

use crate::{
    Check,
    field::{FieldKind, FieldValue, Limits, Place},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Three capital letters; what is stored is read whatever it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Currency(String);

impl Currency {
    pub fn kzt() -> Self {
        Self("KZT".to_owned())
    }

    /// Whether it is the one that sums over documents are kept in.
    pub fn is_base(&self) -> bool {
        *self == Self::default()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What amounts are in when nothing else is said (product, "Money, tax, numbers").
impl Default for Currency {
    fn default() -> Self {
        Self::kzt()
    }
}

impl From<&str> for Currency {
    fn from(code: &str) -> Self {
        Self(code.to_owned())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FieldValue for Currency {
    const KIND: FieldKind = FieldKind::Text;

    fn check(&self, at: Place<'_>, limits: &Limits, check: &mut Check) {
        self.0.check(at, limits, check);
    }
}
