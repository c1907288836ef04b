//! OrderBilling: an order that was placed by hand is to be paid like a won deal's. Its invoice is written once it is more than a
//! draft, as the order then stands; where nothing is to be paid there is none. A won deal's order has its deal's (deal_won.rs).

use crate::{
    Act, Owed, Saga, Seen, Standing,
    concern::{Concern, about},
    refused::Refusals,
};
use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    Fact,
    finance::invoice::InvoiceEvent,
    id::{InvoiceId, NotificationId, OrderId, derive},
    office::notification::NotificationEvent,
    process::ProcessEvent,
    sales::order::{Created, OrderEvent, Status},
    time::local_date,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use uuid::Uuid;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum OrderBilling {
    #[default]
    Idle,
    Running(Box<Run>),
    Done,
    Abandoned,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    order_number: String,
    /// The day on which it was placed.
    placed_on: NaiveDate,
    since: DateTime<Utc>,
    told: BTreeSet<NotificationId>,
    refused: Refusals,
}

const INVOICE: &str = "invoice";

impl Saga for OrderBilling {
    const NAME: &'static str = "order_billing";

    fn instance(seen: &Seen) -> Option<Uuid> {
        match seen.fact.as_ref() {
            Fact::Order(OrderEvent::Created(order) | OrderEvent::Placed(order)) => {
                is_to_be_billed(order, seen.id).then_some(seen.id)
            }
            Fact::Order(OrderEvent::Cancelled(_)) => Some(seen.id),
            Fact::Invoice(InvoiceEvent::Created(invoice)) => invoice.order_id.map(Into::into),
            Fact::Invoice(InvoiceEvent::Cancelled(invoice)) => invoice.order_id.map(Into::into),
            Fact::Process(event) => event.instance_of(Self::NAME),
            other => about(other),
        }
    }

    fn evolve(self, seen: &Seen) -> Self {
        let mut run = match (self, seen.fact.as_ref()) {
            (Self::Idle, Fact::Order(OrderEvent::Created(order) | OrderEvent::Placed(order))) => {
                Box::new(Run::new(order, seen.at))
            }
            (Self::Running(_), Fact::Process(ProcessEvent::Abandoned(_))) => return Self::Abandoned,
            // What there is of it is undone by another process.
            (Self::Running(_), Fact::Order(OrderEvent::Cancelled(_))) => return Self::Done,
            (Self::Running(run), _) => run,
            (settled @ (Self::Idle | Self::Done | Self::Abandoned), _) => return settled,
        };
        if run.see(seen) { Self::Done } else { Self::Running(run) }
    }

    fn owed(&self, order: Uuid) -> Vec<Owed> {
        let Self::Running(run) = self else { return vec![] };
        let bill = Owed::new(INVOICE, Act::BillOrder(OrderId::new(order), run.placed_on));
        let owed = [bill].into_iter().chain(run.concern(order).owed());
        owed.filter(|owed| !run.refused.contains(&owed.step)).collect()
    }

    fn standing(&self) -> Standing {
        match self {
            Self::Idle => Standing::Idle,
            Self::Done => Standing::Done,
            Self::Abandoned => Standing::Abandoned,
            Self::Running(run) => run.refused.standing().unwrap_or(Standing::Running),
        }
    }

    fn refused(&self) -> Vec<String> {
        match self {
            Self::Running(run) => run.refused.steps(),
            Self::Idle | Self::Done | Self::Abandoned => vec![],
        }
    }
}

/// It is no draft, no deal's, and costs something.
fn is_to_be_billed(order: &Created, id: Uuid) -> bool {
    let of_deal = order.deal_id.is_some_and(|deal| OrderId::of_deal(deal).uuid() == id);
    order.status != Status::Draft && !of_deal && !order.total_amount.is_zero()
}

impl Run {
    fn new(order: &Created, at: DateTime<Utc>) -> Self {
        Self {
            order_number: order.order_number.to_string(),
            placed_on: local_date(at),
            since: at,
            told: BTreeSet::new(),
            refused: Refusals::default(),
        }
    }

    /// Whether nothing is left to be done.
    fn see(&mut self, seen: &Seen) -> bool {
        match seen.fact.as_ref() {
            // Written; or never to be, because the order was cancelled before.
            Fact::Invoice(InvoiceEvent::Created(invoice)) => return is_its(seen, invoice.order_id),
            Fact::Invoice(InvoiceEvent::Cancelled(invoice)) => return is_its(seen, invoice.order_id),
            Fact::Notification(NotificationEvent::Created(_)) => {
                self.told.insert(seen.id.into());
            }
            Fact::Process(ProcessEvent::StepRefused(refusal)) => self.refused.note(refusal, seen.at),
            Fact::Process(ProcessEvent::StepRetried(decision)) => {
                self.refused.clear(&decision.step);
                self.since = seen.at;
            }
            Fact::Process(ProcessEvent::StepSkipped(decision)) => {
                self.refused.clear(&decision.step);
                self.told
                    .insert(NotificationId::new(derive(decision.instance, &decision.step)));
                self.since = seen.at;
                return decision.step == INVOICE;
            }
            _ => {}
        }
        false
    }

    fn concern(&self, order: Uuid) -> Concern<'_> {
        Concern {
            saga: OrderBilling::NAME,
            what: "billing",
            order,
            number: &self.order_number,
            since: self.since,
            refused: &self.refused,
            told: &self.told,
        }
    }
}

fn is_its(invoice: &Seen, order: Option<OrderId>) -> bool {
    order.is_some_and(|order| InvoiceId::of_order(order).uuid() == invoice.id)
}

#[cfg(test)]
mod tests;
