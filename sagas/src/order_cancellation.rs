//! OrderCancellation: what an order's cancellation says is carried out whole. Production orders end, what was reserved is
//! free for others, invoices are cancelled or credited, and what was credited gets its note. Each step names its effect, also
//! on what another process is about to write: a production order, a reservation or an invoice that comes too late comes to
//! nothing. So nothing of the order outlives it, whatever crashes meanwhile.

use crate::{
    Act, Owed, Seen,
    concern::{Concern, about},
    course::{Course, Runs},
    refused::Refusals,
};
use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    Fact,
    catalog::stock::{Demand, StockEvent},
    finance::invoice::InvoiceEvent,
    id::{DealId, InvoiceId, NotificationId, OrderId, ProductId, ProductionOrderId, derive},
    office::notification::NotificationEvent,
    process::ProcessEvent,
    production::production_order::ProductionOrderEvent,
    sales::order::{Cancelled, OrderEvent, Revoked, Stopped, Unheld},
    time::local_date,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

pub type OrderCancellation = Course<Run>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    reference: String,
    deal_id: Option<DealId>,
    /// When it began, or went on by a person's word.
    since: DateTime<Utc>,
    /// What is still to be done, by step.
    open: BTreeMap<String, Undo>,
    told: BTreeSet<NotificationId>,
    refused: Refusals,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Undo {
    Production {
        id: ProductionOrderId,
        scrap: bool,
    },
    Held(Unheld),
    Invoice(Revoked),
    /// An invoice was credited that day: the note is wanted.
    Note {
        invoice: InvoiceId,
        date: NaiveDate,
    },
}

fn stop(id: ProductionOrderId) -> String {
    format!("stop production {id}")
}

fn release(product: ProductId, line: u32) -> String {
    format!("release {product} of line {line}")
}

fn revoke(invoice: InvoiceId) -> String {
    format!("revoke invoice {invoice}")
}

fn credit(note: InvoiceId) -> String {
    format!("write credit note {note}")
}

impl Runs for Run {
    const NAME: &'static str = "order_cancellation";

    fn instance(seen: &Seen) -> Option<Uuid> {
        match seen.fact.as_ref() {
            Fact::Order(OrderEvent::Cancelled(_)) => Some(seen.id),
            Fact::ProductionOrder(ProductionOrderEvent::Cancelled { order_id }) => Some((*order_id).into()),
            Fact::Stock(StockEvent::Released { demand, .. }) => Some(demand.order_id.into()),
            Fact::Invoice(InvoiceEvent::Cancelled(invoice)) => invoice.order_id.map(Into::into),
            Fact::Invoice(InvoiceEvent::Credited(invoice)) => invoice.order_id.map(Into::into),
            Fact::Invoice(InvoiceEvent::Created(note)) if note.is_credit() => note.order_id.map(Into::into),
            Fact::Process(event) => event.instance_of(Self::NAME),
            other => about(other),
        }
    }

    fn begin(seen: &Seen) -> Option<Self> {
        match seen.fact.as_ref() {
            Fact::Order(OrderEvent::Cancelled(cancelled)) => Some(Self::new(cancelled, seen.at)),
            _ => None,
        }
    }

    fn see(&mut self, seen: &Seen) -> bool {
        match seen.fact.as_ref() {
            Fact::ProductionOrder(ProductionOrderEvent::Cancelled { .. }) => {
                self.open.remove(&stop(seen.id.into()));
            }
            Fact::Stock(StockEvent::Released { product_id, demand, .. }) => {
                self.open.remove(&release(*product_id, demand.line));
            }
            Fact::Invoice(InvoiceEvent::Cancelled(_)) => {
                self.open.remove(&revoke(seen.id.into()));
            }
            Fact::Invoice(InvoiceEvent::Credited(credited)) => {
                self.open.remove(&revoke(seen.id.into()));
                let note = Undo::Note {
                    invoice: seen.id.into(),
                    date: local_date(seen.at),
                };
                self.open.insert(credit(credited.credit_note_id), note);
            }
            Fact::Invoice(InvoiceEvent::Created(_)) => {
                self.open.remove(&credit(seen.id.into()));
            }
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
                self.open.remove(&decision.step);
                self.told
                    .insert(NotificationId::new(derive(decision.instance, &decision.step)));
                self.since = seen.at;
            }
            _ => {}
        }
        self.open.is_empty() && self.refused.is_empty()
    }

    fn owed(&self, order: Uuid) -> Vec<Owed> {
        let act = |(step, undo): (&String, &Undo)| Owed::new(step, self.act(order, undo));
        let steps = self.open.iter().map(act);
        steps.chain(self.concern(order).owed()).collect()
    }

    fn refused(&self) -> &Refusals {
        &self.refused
    }
}

impl Run {
    fn new(cancelled: &Cancelled, at: DateTime<Utc>) -> Self {
        let production = cancelled.production.iter().map(|stopped| {
            let Stopped {
                production_order_id: id,
                scrap,
            } = *stopped;
            (stop(id), Undo::Production { id, scrap })
        });
        let goods = cancelled.goods.iter().map(|goods| {
            let step = release(goods.product_id, goods.line);
            (step, Undo::Held(goods.clone()))
        });
        let invoices = cancelled.invoices.iter().map(|revoked| {
            let step = revoke(revoked.invoice_id);
            (step, Undo::Invoice(revoked.clone()))
        });
        Self {
            reference: cancelled.order_number.to_string(),
            deal_id: cancelled.deal_id,
            since: at,
            open: production.chain(goods).chain(invoices).collect(),
            told: BTreeSet::new(),
            refused: Refusals::default(),
        }
    }

    fn act(&self, order: Uuid, undo: &Undo) -> Act {
        let order_id = OrderId::new(order);
        match undo {
            Undo::Production { id, scrap } => Act::StopProduction(*id, order_id, *scrap),
            Undo::Held(Unheld {
                line,
                product_id,
                production_order_id,
            }) => {
                let demand = Demand {
                    id: Demand::id_of(order, *product_id, *line),
                    order_id,
                    line: *line,
                    production_order_id: *production_order_id,
                    reference: self.reference.clone(),
                };
                Act::Release(*product_id, demand)
            }
            Undo::Invoice(Revoked { invoice_id, refund }) => Act::Revoke(*invoice_id, order_id, self.deal_id, *refund),
            Undo::Note { invoice, date } => Act::WriteCreditNote(*invoice, *date),
        }
    }

    fn concern(&self, order: Uuid) -> Concern<'_> {
        Concern {
            saga: Self::NAME,
            what: "cancellation".to_owned(),
            order,
            number: &self.reference,
            since: self.since,
            refused: &self.refused,
            told: &self.told,
        }
    }
}

#[cfg(test)]
mod tests;
