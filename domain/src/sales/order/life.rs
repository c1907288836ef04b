//! An order's life: which step leads where. PUT with a status and POST status are one behaviour.

use super::{Known, OrderEvent, OrderRejection, Status};
use crate::{Fields, sales::line::Line};
use schemars::JsonSchema;
use serde::Deserialize;

/// To another status.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema, Fields)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = crate::field::constrain::<Self>)]
pub struct Step {
    pub status: Status,
    /// Why, for the history.
    #[field(max = 5_000)]
    pub note: Option<String>,
}

impl From<Status> for Step {
    fn from(status: Status) -> Self {
        Self { status, note: None }
    }
}

impl Status {
    /// Before anybody works on it.
    pub(super) fn may_change(self) -> bool {
        matches!(self, Self::Draft | Self::Pending | Self::Confirmed)
    }
}

impl Line {
    /// Something that is sent to the customer.
    pub fn is_shipped(&self) -> bool {
        !self.goods(self.quantity).is_empty()
    }
}

impl Known {
    /// Shipping and cancelling are commands of their own, and completion follows by itself; but where nothing is to be
    /// sent, a person says what was done (document 1's pending → processing → completed).
    pub(super) fn step(&self, step: &Step) -> Result<Vec<OrderEvent>, OrderRejection> {
        use Status::{Completed, Confirmed, Delivered, Draft, Pending, Processing, Shipped};
        let (from, to) = (self.status, step.status);
        step.checked()?;
        if from == to {
            return Ok(vec![]);
        }
        match (from, to) {
            (Draft, Pending | Confirmed) => self.place(step),
            (Pending, Confirmed) | (Confirmed, Processing) | (Shipped, Delivered) => Ok(vec![self.changed(step)]),
            (Pending, Processing) if self.ships_nothing() => Ok(vec![self.changed(step)]),
            (Processing, Completed) if self.ships_nothing() => Ok(vec![OrderEvent::Completed {
                from,
                note: step.note.clone(),
            }]),
            (Draft | Pending | Confirmed | Processing | Shipped | Delivered | Completed | Status::Cancelled, _) => {
                Err(OrderRejection::NoSuchStep { from, to })
            }
        }
    }

    fn place(&self, step: &Step) -> Result<Vec<OrderEvent>, OrderRejection> {
        if self.items.is_empty() {
            return Err(OrderRejection::Empty);
        }
        let placed = OrderEvent::Placed(Box::new(self.as_created(step.status)));
        Ok(vec![placed, self.changed(step)])
    }

    pub(super) fn changed(&self, step: &Step) -> OrderEvent {
        OrderEvent::StatusChanged {
            from: self.status,
            to: step.status,
            note: step.note.clone(),
            total_amount: (step.status == Status::Delivered).then_some(self.total),
        }
    }

    pub(super) fn ships_nothing(&self) -> bool {
        !self.items.iter().any(Line::is_shipped)
    }

    /// By itself.
    pub(super) fn complete(&self) -> Result<Vec<OrderEvent>, OrderRejection> {
        match self.status {
            Status::Completed => Ok(vec![]),
            Status::Delivered => Ok(vec![OrderEvent::Completed {
                from: self.status,
                note: None,
            }]),
            from => Err(OrderRejection::NoSuchStep {
                from,
                to: Status::Completed,
            }),
        }
    }
}
