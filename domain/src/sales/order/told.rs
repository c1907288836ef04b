//! What others are told of an order, to decide on.

use super::{Details, Known, Order, Status};
use crate::{Money, Number, finance::in_base, sales::line::Line};

impl Order {
    pub fn known(&self) -> Option<&Known> {
        match self {
            Self::Unknown => None,
            Self::Known(order) => Some(order),
        }
    }
}

impl Known {
    pub fn number(&self) -> &Number {
        &self.number
    }

    pub fn status(&self) -> Status {
        self.status
    }

    /// Whether it is more than a draft.
    pub fn is_placed(&self) -> bool {
        self.status != Status::Draft
    }

    pub fn details(&self) -> &Details {
        &self.details
    }

    pub fn items(&self) -> &[Line] {
        &self.items
    }

    /// Their sum.
    pub fn total(&self) -> Money {
        self.total
    }

    /// An amount of it in the base currency; nothing where the order states no rate.
    pub fn in_base(&self, amount: Money) -> Option<Money> {
        in_base(amount, &self.details.currency, self.details.exchange_rate)
    }

    /// Whether it was confirmed and still stands, and so is to be paid.
    pub fn is_owed(&self) -> bool {
        !matches!(self.status, Status::Draft | Status::Pending | Status::Cancelled)
    }
}
