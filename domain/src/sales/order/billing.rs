//! What is to be paid for an order: the invoice that follows from it, whoever placed it.

use super::Known;
use crate::{
    Number,
    finance::invoice::{self, InvoiceKind},
    id::{InvoiceId, OrderId},
};
use chrono::{Days, NaiveDate};

impl Known {
    /// The one invoice that follows from it: its deal's, where it is what a won deal became. Nothing of a draft, nor where
    /// nothing is to be paid.
    pub fn invoice(&self, id: OrderId) -> Option<InvoiceId> {
        let owes = self.is_placed() && !self.total.is_zero();
        owes.then(|| match self.details.deal_id {
            Some(deal) if OrderId::of_deal(deal) == id => InvoiceId::of_deal(deal),
            _ => InvoiceId::of_order(id),
        })
    }

    /// The same as it is written: it collects money, and is to be paid within so many days.
    pub fn bill(&self, id: OrderId, issue_date: NaiveDate, days: u32) -> invoice::Created {
        let details = self.details.clone();
        invoice::Created {
            invoice_number: Number::pending(),
            kind: InvoiceKind::Proforma,
            status: invoice::Status::Sent,
            customer_id: details.customer_id.unwrap_or_default(),
            customer_name: details.customer_name,
            order_id: Some(id),
            order_number: Some(self.number.clone()),
            deal_id: details.deal_id,
            items: self.items.clone(),
            amount: self.total,
            currency: details.currency,
            issue_date,
            due_date: issue_date
                .checked_add_days(Days::new(days.into()))
                .unwrap_or(issue_date),
            notes: None,
            exchange_rate: details.exchange_rate,
            assigned_to: details.assigned_to,
        }
    }
}
