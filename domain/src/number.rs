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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::CATEGORIES;

    /// Which field of which event receives the next number of which series.
    #[test]
    fn what_receives_a_number() {
        let numbered: Vec<_> = CATEGORIES
            .iter()
            .flat_map(|category| {
                let types = category.event_types().into_iter();
                types.filter_map(|known| category.numbering(&known.name))
            })
            .map(|numbering| (numbering.event_type, numbering.field, numbering.series.prefix()))
            .collect();
        let expected = [
            ("customer.created", "customerNumber", "CUS"),
            ("deal.created", "dealNumber", "DL"),
            ("order.created", "orderNumber", "ORD"),
            ("production.order.created", "productionNumber", "PRD"),
            ("invoice.created", "invoiceNumber", "INV"),
            ("payment.received", "paymentNumber", "PAY"),
        ];
        assert_eq!(numbered, expected);
    }

    #[test]
    fn a_number_is_empty_until_it_is_assigned() {
        assert_eq!(Number::pending().as_str(), "");
        let number = Number::from("DL-2026-0001");
        assert_eq!(
            (number.as_str(), number.to_string()),
            ("DL-2026-0001", "DL-2026-0001".into())
        );
    }
}
