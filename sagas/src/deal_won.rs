//! DealWonOrchestrator: a won deal becomes exactly one order and one invoice, and people are told.
//! deal.won → order → invoice (which names the order's number); notifications go beside. Where nothing is to be paid,
//! because everything was given away, there is no invoice. What has not come to its end in time is told of, once more.

use crate::{
    Act, Owed, Seen,
    course::{Course, Runs},
    deadline::{BY_ITSELF, PARKED},
    refused::{Refusals, Refused},
};
use chrono::{DateTime, Days, Utc};
use domain::{
    Fact, Number, Personal, Role,
    finance::{
        invoice::{self, InvoiceEvent, InvoiceKind},
        terms::PAYMENT_DAYS,
    },
    id::{DealId, InvoiceId, NotificationId, OrderId, derive},
    office::notification::{self, Audience, NotificationEvent, Topic},
    personal::ERASED,
    process::{Decision, ProcessEvent},
    sales::{
        deal::{DealEvent, Won},
        order::{self, OrderEvent, OrderType},
    },
    time::local_date,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

pub type DealWon = Course<Run>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// But for the customer's name.
    won: Won,
    /// In a state that is stored it is sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    customer_name: Option<Personal<String>>,
    at: DateTime<Utc>,
    /// When it last began to go on by itself.
    since: DateTime<Utc>,
    order_number: Option<Number>,
    /// An operator has it go on without an order.
    orderless: bool,
    invoiced: bool,
    told: BTreeSet<NotificationId>,
    refused: Refusals,
}

const ORDER: &str = "order";
const INVOICE: &str = "invoice";

pub fn order_id(deal: Uuid) -> OrderId {
    OrderId::of_deal(deal)
}

pub fn invoice_id(deal: Uuid) -> InvoiceId {
    InvoiceId::of_deal(deal)
}

impl Runs for Run {
    const NAME: &'static str = "deal_won_orchestrator";

    fn instance(seen: &Seen) -> Option<Uuid> {
        match seen.fact.as_ref() {
            Fact::Deal(DealEvent::Won(_)) => Some(seen.id),
            Fact::Order(OrderEvent::Created(order)) => order.deal_id.map(Into::into),
            Fact::Invoice(InvoiceEvent::Created(invoice)) => invoice.deal_id.map(Into::into),
            Fact::Invoice(InvoiceEvent::Cancelled(invoice)) => invoice.deal_id.map(Into::into),
            Fact::Notification(NotificationEvent::Created(created)) => Some(created.about),
            Fact::Process(event) => event.instance_of(Self::NAME),
            _ => None,
        }
    }

    fn begin(seen: &Seen) -> Option<Self> {
        match seen.fact.as_ref() {
            Fact::Deal(DealEvent::Won(won)) => Some(Self::new(won, seen.at)),
            _ => None,
        }
    }

    fn see(&mut self, seen: &Seen) -> bool {
        match seen.fact.as_ref() {
            // An order somebody places by hand for the same deal is not ours.
            Fact::Order(OrderEvent::Created(order))
                if order
                    .deal_id
                    .is_some_and(|deal| order_id(deal.into()).uuid() == seen.id) =>
            {
                self.order_number = Some(order.order_number.clone());
            }
            Fact::Invoice(InvoiceEvent::Created(invoice))
                if invoice
                    .deal_id
                    .is_some_and(|deal| invoice_id(deal.into()).uuid() == seen.id) =>
            {
                self.invoiced = true
            }
            // The order was cancelled before its invoice was written: there will be none.
            Fact::Invoice(InvoiceEvent::Cancelled(invoice))
                if invoice
                    .deal_id
                    .is_some_and(|deal| invoice_id(deal.into()).uuid() == seen.id) =>
            {
                self.invoiced = true
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
                self.skip(decision);
                self.since = seen.at;
            }
            _ => {}
        }
        let is_told = || Self::instance(seen).is_some_and(|deal| self.untold(deal).is_empty());
        self.is_ordered() && self.invoiced && self.refused.is_empty() && is_told()
    }

    fn owed(&self, deal: Uuid) -> Vec<Owed> {
        let next = self.next(deal).into_iter();
        next.chain(self.untold(deal)).chain(self.late(deal)).collect()
    }

    fn refused(&self) -> &Refusals {
        &self.refused
    }
}

impl Run {
    fn new(won: &Won, at: DateTime<Utc>) -> Self {
        let customer_name = won.customer_name.clone();
        Self {
            won: Won {
                customer_name: None,
                ..won.clone()
            },
            customer_name: customer_name.map(|name| Personal::new(won.customer_id, name)),
            at,
            since: at,
            order_number: None,
            orderless: false,
            invoiced: won.amount.is_zero(),
            told: BTreeSet::new(),
            refused: Refusals::default(),
        }
    }

    /// As if it were done: an invoice without an order names none.
    fn skip(&mut self, Decision { instance, step, .. }: &Decision) {
        self.refused.clear(step);
        match step.as_str() {
            ORDER => self.orderless = true,
            INVOICE => self.invoiced = true,
            tell => {
                self.told.insert(NotificationId::new(derive(*instance, tell)));
            }
        }
    }

    /// As it was when the deal was won; a state of before still has it among the rest.
    fn customer_name(&self) -> Option<String> {
        let sealed = self.customer_name.as_ref();
        let name = sealed.map(|name| name.get().map_or_else(|_| ERASED.to_owned(), Clone::clone));
        name.or_else(|| self.won.customer_name.clone())
    }

    fn is_ordered(&self) -> bool {
        self.orderless || self.order_number.is_some()
    }

    /// The order, then the invoice.
    fn next(&self, deal: Uuid) -> Option<Owed> {
        match (self.is_ordered(), self.invoiced) {
            (false, _) => Some(self.order(deal)),
            (true, false) => Some(self.invoice(deal)),
            (true, true) => None,
        }
    }

    fn order(&self, deal: Uuid) -> Owed {
        let Won {
            deal_number,
            customer_id,
            items,
            amount,
            currency,
            assigned_to,
            notes,
            payment_terms,
            exchange_rate,
            custom,
            ..
        } = self.won.clone();
        let created = order::Created {
            order_number: Number::pending(),
            kind: OrderType::Sales,
            status: order::Status::Pending,
            customer_id,
            customer_name: self.customer_name(),
            deal_id: Some(DealId::new(deal)),
            deal_number: Some(deal_number),
            items,
            total_amount: amount,
            currency,
            assigned_to,
            shipping_address: None,
            delivery_date: None,
            payment_terms,
            notes,
            exchange_rate,
            custom,
        };
        Owed::new(ORDER, Act::CreateOrder(order_id(deal), Box::new(created)))
    }

    fn invoice(&self, deal: Uuid) -> Owed {
        let Won {
            customer_id,
            items,
            amount,
            currency,
            assigned_to,
            payment_days,
            exchange_rate,
            ..
        } = self.won.clone();
        let issue_date = local_date(self.at);
        let days = Days::new(payment_days.unwrap_or(PAYMENT_DAYS).into());
        let created = invoice::Created {
            invoice_number: Number::pending(),
            kind: InvoiceKind::Proforma,
            status: invoice::Status::Sent,
            customer_id,
            customer_name: self.customer_name(),
            order_id: self.order_number.as_ref().map(|_| order_id(deal)),
            order_number: self.order_number.clone(),
            deal_id: Some(DealId::new(deal)),
            items,
            amount,
            currency,
            issue_date,
            due_date: issue_date.checked_add_days(days).unwrap_or(issue_date),
            notes: None,
            exchange_rate,
            assigned_to,
        };
        Owed::new(INVOICE, Act::CreateInvoice(invoice_id(deal), Box::new(created)))
    }

    /// Who has yet to hear of it: the owners, whoever the deal is assigned to, and the owners again when it is parked.
    fn untold(&self, deal: Uuid) -> Vec<Owed> {
        let Won {
            title,
            deal_number,
            amount,
            currency,
            customer_id,
            ..
        } = &self.won;
        let news = json!({"dealId": deal, "dealNumber": deal_number, "title": title, "amount": amount, "currency": currency,
            "customerId": customer_id, "customerName": self.customer_name()});
        let owners = Audience::Role(Role::Owner);
        let mut untold = vec![("notify owner", Topic::DealWon, owners, news.clone())];
        untold.extend(
            self.won
                .assigned_to
                .map(|user| ("notify assignee", Topic::DealWon, Audience::User(user), news)),
        );
        untold.extend(self.refused.first().map(|Refused { step, code, .. }| {
            let why =
                json!({"saga": Self::NAME, "dealId": deal, "dealNumber": deal_number, "step": step, "reason": code});
            ("notify parked", Topic::ProcessParked, owners, why)
        }));
        untold
            .into_iter()
            .filter_map(|(step, topic, audience, data)| self.tell(deal, step, topic, audience, &data))
            .collect()
    }

    /// Should it not have come to its end by then: a step that does not succeed, or a refusal that nobody has looked after.
    fn late(&self, deal: Uuid) -> Option<Owed> {
        let (step, since, within) = match self.refused.first() {
            None => ("tell late", self.since, BY_ITSELF),
            Some(refused) => ("tell still parked", refused.at, PARKED),
        };
        let data =
            json!({"saga": Self::NAME, "dealId": deal, "number": self.won.deal_number, "since": local_date(since)});
        let owed = self.tell(deal, step, Topic::ProcessLate, Audience::Role(Role::Owner), &data)?;
        Some(owed.not_before(since + within))
    }

    /// Unless it was told.
    fn tell(&self, deal: Uuid, step: &str, topic: Topic, audience: Audience, data: &Value) -> Option<Owed> {
        let id = NotificationId::new(derive(deal, step));
        let created = notification::Created {
            topic,
            audience,
            about: deal,
            data: data.as_object().cloned().unwrap_or_default(),
        };
        (!self.told.contains(&id)).then(|| Owed::new(step, Act::Notify(id, Box::new(created))))
    }
}

#[cfg(test)]
mod tests;
