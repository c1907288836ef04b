//! InvoiceCollection: an invoice that was sent waits for its money. When the day on which it was due has passed, whoever
//! sold it is told, once; it goes on waiting until it is paid.

use crate::{Act, Owed, Saga, Seen, Standing, deadline::responsible, refused::Refusals};
use chrono::NaiveDate;
use domain::{
    Fact, Money, Number,
    finance::{
        Currency,
        invoice::{self, InvoiceEvent, InvoiceKind, Status},
    },
    id::{NotificationId, UserId, derive},
    office::notification::{self, NotificationEvent, Topic},
    process::ProcessEvent,
    time::day_end,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum InvoiceCollection {
    #[default]
    Idle,
    Open(Box<Open>),
    Done,
    Abandoned,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Open {
    number: Number,
    amount: Money,
    currency: Currency,
    due_date: NaiveDate,
    assigned_to: Option<UserId>,
    told: bool,
    refused: Refusals,
}

/// The one step there is.
const TELL: &str = "tell overdue";

impl Saga for InvoiceCollection {
    const NAME: &'static str = "invoice_collection";

    fn instance(seen: &Seen) -> Option<Uuid> {
        match seen.fact.as_ref() {
            Fact::Invoice(
                InvoiceEvent::Created(_)
                | InvoiceEvent::Paid { .. }
                | InvoiceEvent::Cancelled(_)
                | InvoiceEvent::Credited(_),
            ) => Some(seen.id),
            Fact::Notification(NotificationEvent::Created(created)) if created.topic == Topic::InvoiceOverdue => {
                Some(created.about)
            }
            Fact::Process(event) => event.instance_of(Self::NAME),
            _ => None,
        }
    }

    fn evolve(self, seen: &Seen) -> Self {
        let mut open = match (self, seen.fact.as_ref()) {
            (Self::Idle, Fact::Invoice(InvoiceEvent::Created(invoice))) if is_to_be_paid(invoice) => {
                return Self::Open(Box::new(Open::new(invoice)));
            }
            (Self::Open(open), _) => open,
            (settled @ (Self::Idle | Self::Done | Self::Abandoned), _) => return settled,
        };
        match seen.fact.as_ref() {
            Fact::Invoice(InvoiceEvent::Paid { .. } | InvoiceEvent::Cancelled(_) | InvoiceEvent::Credited(_)) => {
                return Self::Done;
            }
            Fact::Notification(NotificationEvent::Created(_)) => open.told = true,
            Fact::Process(ProcessEvent::StepRefused(refusal)) => open.refused.note(refusal, seen.at),
            Fact::Process(ProcessEvent::StepRetried(decision)) => open.refused.clear(&decision.step),
            Fact::Process(ProcessEvent::StepSkipped(decision)) => {
                open.refused.clear(&decision.step);
                open.told = true;
            }
            Fact::Process(ProcessEvent::Abandoned(_)) => return Self::Abandoned,
            _ => {}
        }
        Self::Open(open)
    }

    fn owed(&self, invoice: Uuid) -> Vec<Owed> {
        match self {
            Self::Open(open) if !open.told && open.refused.is_empty() => vec![open.tell(invoice)],
            Self::Idle | Self::Open(_) | Self::Done | Self::Abandoned => vec![],
        }
    }

    fn standing(&self) -> Standing {
        match self {
            Self::Idle => Standing::Idle,
            Self::Done => Standing::Done,
            Self::Abandoned => Standing::Abandoned,
            Self::Open(open) => open.refused.standing().unwrap_or_else(|| Standing::Waiting {
                reason: format!("payment by {}", open.due_date),
            }),
        }
    }

    fn refused(&self) -> Vec<String> {
        match self {
            Self::Open(open) => open.refused.steps(),
            Self::Idle | Self::Done | Self::Abandoned => vec![],
        }
    }
}

/// A draft waits for nothing yet, and a credit note is not paid by the customer.
fn is_to_be_paid(invoice: &invoice::Created) -> bool {
    invoice.kind != InvoiceKind::Credit && matches!(invoice.status, Status::Sent | Status::Partial)
}

impl Open {
    fn new(invoice: &invoice::Created) -> Self {
        Self {
            number: invoice.invoice_number.clone(),
            amount: invoice.amount,
            currency: invoice.currency.clone(),
            due_date: invoice.due_date,
            assigned_to: invoice.assigned_to,
            told: false,
            refused: Refusals::default(),
        }
    }

    /// From the first instant on at which lists show it as overdue.
    fn tell(&self, invoice: Uuid) -> Owed {
        let data = json!({
            "invoiceId": invoice, "invoiceNumber": self.number, "dueDate": self.due_date,
            "amount": self.amount, "currency": self.currency,
        });
        let created = notification::Created {
            topic: Topic::InvoiceOverdue,
            audience: responsible(self.assigned_to),
            about: invoice,
            data: data.as_object().cloned().unwrap_or_default(),
        };
        let id = NotificationId::new(derive(invoice, TELL));
        Owed::new(TELL, Act::Notify(id, Box::new(created))).not_before(day_end(self.due_date))
    }
}

#[cfg(test)]
mod tests;
