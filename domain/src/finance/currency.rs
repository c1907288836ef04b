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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fields, sales::deal::Details};

    #[test]
    fn a_code_is_what_was_said_and_tenge_when_nothing_was() {
        assert_eq!(
            (Currency::default(), Currency::kzt().as_str()),
            (Currency::kzt(), "KZT")
        );
        assert_eq!(
            (Currency::from("USD").as_str(), Currency::from("USD").to_string()),
            ("USD", "USD".into())
        );
    }

    #[test]
    fn a_document_s_currency_is_three_capital_letters() {
        let of = |code: &str| Details {
            title: "ERP".into(),
            currency: code.into(),
            ..Details::default()
        };
        assert_eq!(of("USD").checked(), Ok(()));
        let refused = of("usd").checked().unwrap_err();
        assert_eq!(refused.to_string(), "currency: not_allowed");
    }
}
