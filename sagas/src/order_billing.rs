//! OrderBilling: an order that was placed by hand is to be paid like a won deal's. Its invoice is written once it is more than a
//! draft, as the order then stands; where nothing is to be paid there is none. A won deal's order has its deal's (deal_won.rs).
//! What a change of either brings is written here too: whatever was not written before that is not to be any more.

use crate::{
    Act, Owed, Seen,
    concern::{Concern, about},
    course::{Course, Runs},
    refused::Refusals,
};
use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    Fact,
    finance::invoice::InvoiceEvent,
    id::{InvoiceId, NotificationId, OrderId, derive},
    office::notification::NotificationEvent,
    process::ProcessEvent,
    sales::order::{Bill, Changed, Created, OrderEvent, Status},
    time::local_date,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use uuid::Uuid;

pub type OrderBilling = Course<Run>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    order_number: String,
    /// The day on which it was placed, or changed.
    placed_on: NaiveDate,
    /// Which change it is of, and what that brings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    of_change: Option<(u32, Bill)>,
    since: DateTime<Utc>,
    told: BTreeSet<NotificationId>,
    refused: Refusals,
}

const INVOICE: &str = "invoice";

impl Runs for Run {
    const NAME: &'static str = "order_billing";

    fn instance(seen: &Seen) -> Option<Uuid> {
        match seen.fact.as_ref() {
            Fact::Order(OrderEvent::Created(order) | OrderEvent::Placed(order)) => {
                is_to_be_billed(order, seen.id).then_some(seen.id)
            }
            Fact::Order(OrderEvent::Cancelled(_) | OrderEvent::Changed(_)) => Some(seen.id),
            Fact::Invoice(InvoiceEvent::Created(invoice)) => invoice.order_id.map(Into::into),
            Fact::Invoice(InvoiceEvent::Cancelled(invoice)) => invoice.order_id.map(Into::into),
            Fact::Process(event) => event.instance_of(Self::NAME),
            other => about(other),
        }
    }

    fn begin(seen: &Seen) -> Option<Self> {
        match seen.fact.as_ref() {
            Fact::Order(OrderEvent::Created(order) | OrderEvent::Placed(order)) => Some(Self::new(order, seen.at)),
            Fact::Order(OrderEvent::Changed(changed)) => Self::of_change(changed, seen.at),
            _ => None,
        }
    }

    fn begins_again(seen: &Seen) -> bool {
        matches!(seen.fact.as_ref(), Fact::Order(OrderEvent::Changed(_)))
    }

    fn see(&mut self, seen: &Seen) -> bool {
        match seen.fact.as_ref() {
            // What there is of it is undone by another process.
            Fact::Order(OrderEvent::Cancelled(_)) => return true,
            Fact::Order(OrderEvent::Changed(changed)) => match Self::of_change(changed, seen.at) {
                Some(run) => *self = run,
                None => return true,
            },
            // Written; or never to be, because the order was cancelled before.
            Fact::Invoice(InvoiceEvent::Created(invoice)) => return self.is_its(seen, invoice.order_id),
            Fact::Invoice(InvoiceEvent::Cancelled(invoice)) => return self.is_its(seen, invoice.order_id),
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
                return decision.step == self.step();
            }
            _ => {}
        }
        false
    }

    fn owed(&self, order: Uuid) -> Vec<Owed> {
        let of_change = self.of_change.map(|(_, bill)| bill);
        let bill = Act::BillOrder(OrderId::new(order), of_change, self.placed_on);
        let bill = Owed::new(self.step(), bill);
        [bill].into_iter().chain(self.concern(order).owed()).collect()
    }

    fn refused(&self) -> &Refusals {
        &self.refused
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
            of_change: None,
            since: at,
            told: BTreeSet::new(),
            refused: Refusals::default(),
        }
    }

    /// Nothing, where the change brings no invoice.
    fn of_change(changed: &Changed, at: DateTime<Utc>) -> Option<Self> {
        Some(Self {
            order_number: changed.order_number.to_string(),
            placed_on: local_date(at),
            of_change: Some((changed.change, changed.bill?)),
            since: at,
            told: BTreeSet::new(),
            refused: Refusals::default(),
        })
    }

    fn step(&self) -> String {
        self.of_its_change(INVOICE)
    }

    /// Each change has steps of its own: a step is carried out once.
    fn of_its_change(&self, what: &str) -> String {
        match self.of_change {
            None => what.to_owned(),
            Some((change, _)) => format!("{what} of change {change}"),
        }
    }

    /// The invoice that is wanted.
    fn is_its(&self, invoice: &Seen, order: Option<OrderId>) -> bool {
        let of_change = self.of_change.map(|(_, bill)| bill.invoice_id);
        let wanted = of_change.or_else(|| order.map(InvoiceId::of_order));
        wanted.is_some_and(|wanted| wanted.uuid() == invoice.id)
    }

    fn concern(&self, order: Uuid) -> Concern<'_> {
        Concern {
            saga: Self::NAME,
            what: self.of_its_change("billing"),
            order,
            number: &self.order_number,
            since: self.since,
            refused: &self.refused,
            told: &self.told,
        }
    }
}

#[cfg(test)]
mod tests;
