//! An invoice that is not to be paid any more. While nothing was paid it is cancelled. What was paid stays the customer's: it
//! goes back to them or becomes their credit, and a credit note takes back the whole.

use super::{Created, Known};
use crate::{
    Money,
    finance::Currency,
    fixed::Rate,
    id::{CustomerId, DealId, InvoiceId, OrderId},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is to become of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Revocation {
    /// Of one that is not written yet: it is not to be.
    pub order_id: OrderId,
    pub deal_id: Option<DealId>,
    /// How much of what was paid goes back; the rest is the customer's credit.
    pub refund: Money,
    pub credit_note_id: InvoiceId,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cancelled {
    pub order_id: Option<OrderId>,
    pub deal_id: Option<DealId>,
    /// Absent where it was never written.
    pub customer_id: Option<CustomerId>,
    pub amount: Money,
    pub currency: Currency,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_rate: Option<Rate>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Credited {
    pub order_id: Option<OrderId>,
    pub deal_id: Option<DealId>,
    pub customer_id: CustomerId,
    /// The note that takes back the whole.
    pub credit_note_id: InvoiceId,
    pub amount: Money,
    pub paid: Money,
    /// Goes back to the customer.
    pub refunded: Money,
    /// Stays as their credit.
    pub kept: Money,
    pub currency: Currency,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_rate: Option<Rate>,
}

/// Of one that was never written.
pub(super) fn never(revocation: &Revocation) -> Cancelled {
    Cancelled {
        order_id: Some(revocation.order_id),
        deal_id: revocation.deal_id,
        customer_id: None,
        amount: Money::ZERO,
        currency: Currency::default(),
        exchange_rate: None,
    }
}

impl Known {
    pub(super) fn cancelled(&self) -> Cancelled {
        let bill = &self.bill;
        Cancelled {
            order_id: bill.order_id,
            deal_id: bill.deal_id,
            customer_id: Some(bill.customer_id),
            amount: bill.amount,
            currency: bill.currency.clone(),
            exchange_rate: bill.exchange_rate,
        }
    }

    pub(super) fn credited(&self, revocation: &Revocation) -> Credited {
        let bill = &self.bill;
        let refunded = revocation.refund.max(Money::ZERO).min(self.paid);
        Credited {
            order_id: bill.order_id,
            deal_id: bill.deal_id,
            customer_id: bill.customer_id,
            credit_note_id: revocation.credit_note_id,
            amount: bill.amount,
            paid: self.paid,
            refunded,
            kept: self.paid.minus(refunded),
            currency: bill.currency.clone(),
            exchange_rate: bill.exchange_rate,
        }
    }

    pub fn bill(&self) -> &Created {
        &self.bill
    }

    pub fn paid(&self) -> Money {
        self.paid
    }

    /// It was cancelled or credited.
    pub fn is_closed(&self) -> bool {
        self.closed
    }
}
