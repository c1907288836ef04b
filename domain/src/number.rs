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
    use crate::{
        Event, Numbering,
        finance::invoice::InvoiceEvent,
        production::production_order::ProductionOrderEvent,
        sales::{customer::CustomerEvent, deal::DealEvent, order::OrderEvent},
        testing::sample,
    };

    /// Which field of which event receives the next number of which series.
    #[test]
    fn what_receives_a_number() {
        for (numbering, field, series, prefix) in [
            (
                sample::<CustomerEvent>("customer.created.v1").numbering(),
                "customerNumber",
                Series::Customer,
                "CUS",
            ),
            (
                sample::<DealEvent>("deal.created.v1").numbering(),
                "dealNumber",
                Series::Deal,
                "DL",
            ),
            (
                sample::<OrderEvent>("order.created.v1").numbering(),
                "orderNumber",
                Series::Order,
                "ORD",
            ),
            (
                sample::<InvoiceEvent>("invoice.created.v1").numbering(),
                "invoiceNumber",
                Series::Invoice,
                "INV",
            ),
            (
                sample::<InvoiceEvent>("payment.received.v1").numbering(),
                "paymentNumber",
                Series::Payment,
                "PAY",
            ),
            (
                sample::<ProductionOrderEvent>("production.order.created.v1").numbering(),
                "productionNumber",
                Series::Production,
                "PRD",
            ),
        ] {
            assert_eq!(numbering, Some(Numbering { field, series }));
            assert_eq!(series.prefix(), prefix);
        }
        assert_eq!(sample::<InvoiceEvent>("invoice.paid.v1").numbering(), None);
        assert_eq!(sample::<DealEvent>("deal.lost.v1").numbering(), None);
        assert_eq!(
            sample::<crate::catalog::stock::StockEvent>("stock.short.v1").numbering(),
            None
        );
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
