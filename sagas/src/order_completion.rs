//! OrderCompletion: an order that was delivered and paid is completed by itself, whichever of the two comes last. It begins
//! with the first of them, and waits for the other as long as it takes; but not where it was completed by hand, or cancelled,
//! before anything was paid.

use crate::{Act, Owed, Saga, Seen, Standing, refused::Refusals};
use domain::{
    Fact, Money,
    finance::invoice::InvoiceEvent,
    id::OrderId,
    process::ProcessEvent,
    sales::order::{OrderEvent, Status},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum OrderCompletion {
    #[default]
    Idle,
    Open(Box<Open>),
    Done,
    Abandoned,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Open {
    paid: Money,
    /// What was to be paid, once it was delivered.
    delivered: Option<Money>,
    refused: Refusals,
}

/// The one step there is.
const COMPLETE: &str = "complete";

impl Saga for OrderCompletion {
    const NAME: &'static str = "order_completion";

    fn instance(seen: &Seen) -> Option<Uuid> {
        match seen.fact.as_ref() {
            Fact::Order(OrderEvent::StatusChanged {
                to: Status::Delivered, ..
            }) => Some(seen.id),
            Fact::Order(OrderEvent::Completed { .. } | OrderEvent::Cancelled(_)) => Some(seen.id),
            Fact::Invoice(InvoiceEvent::PaymentReceived { order_id, .. }) => order_id.map(Into::into),
            Fact::Process(event) => event.instance_of(Self::NAME),
            _ => None,
        }
    }

    fn evolve(self, seen: &Seen) -> Self {
        let mut open = match (self, seen.fact.as_ref()) {
            (
                Self::Idle,
                Fact::Order(OrderEvent::StatusChanged { .. }) | Fact::Invoice(InvoiceEvent::PaymentReceived { .. }),
            ) => Box::default(),
            // It has ended already: what is paid afterwards waits for nothing.
            (Self::Idle, Fact::Order(OrderEvent::Completed { .. } | OrderEvent::Cancelled(_))) => return Self::Done,
            (Self::Open(open), _) => open,
            (settled @ (Self::Idle | Self::Done | Self::Abandoned), _) => return settled,
        };
        match seen.fact.as_ref() {
            Fact::Invoice(InvoiceEvent::PaymentReceived { applied, .. }) => open.paid = open.paid.plus(*applied),
            Fact::Order(OrderEvent::StatusChanged { total_amount, .. }) => open.delivered = *total_amount,
            Fact::Order(OrderEvent::Completed { .. } | OrderEvent::Cancelled(_)) => return Self::Done,
            Fact::Process(ProcessEvent::StepRefused(refusal)) => open.refused.note(refusal, seen.at),
            Fact::Process(ProcessEvent::StepRetried(decision)) => open.refused.clear(&decision.step),
            Fact::Process(ProcessEvent::StepSkipped(_)) => return Self::Done,
            Fact::Process(ProcessEvent::Abandoned(_)) => return Self::Abandoned,
            _ => {}
        }
        Self::Open(open)
    }

    fn owed(&self, order: Uuid) -> Vec<Owed> {
        match self {
            Self::Open(open) if open.is_complete() && open.refused.is_empty() => {
                vec![Owed::new(COMPLETE, Act::CompleteOrder(OrderId::new(order)))]
            }
            Self::Idle | Self::Open(_) | Self::Done | Self::Abandoned => vec![],
        }
    }

    fn standing(&self) -> Standing {
        match self {
            Self::Idle => Standing::Idle,
            Self::Done => Standing::Done,
            Self::Abandoned => Standing::Abandoned,
            Self::Open(open) => open.refused.standing().unwrap_or_else(|| open.standing()),
        }
    }

    fn refused(&self) -> Vec<String> {
        match self {
            Self::Open(open) => open.refused.steps(),
            Self::Idle | Self::Done | Self::Abandoned => vec![],
        }
    }
}

impl Open {
    fn is_complete(&self) -> bool {
        self.delivered.is_some_and(|total| self.paid >= total)
    }

    fn standing(&self) -> Standing {
        let reason = match self.delivered {
            _ if self.is_complete() => return Standing::Running,
            Some(_) => "payment",
            None => "delivery",
        };
        Standing::Waiting {
            reason: reason.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
