//! An invoice and what was paid on it: draft → sent → partial → paid. The invoice is the boundary within which a
//! payment may not exceed what is open, so payments live in its stream. `overdue` is a reader's view of the due date.

mod revocation;

pub use revocation::{Cancelled, Credited, Revocation};

use crate::{
    Aggregate, Check, Choice, Event, Money, Number, Numbering, Permission, PersonalField, Rejection, Rule, Series,
    StandIn, Upcaster, Violations, Whose,
    finance::{Currency, in_base},
    fixed::Rate,
    id::{CustomerId, DealId, InvoiceId, OrderId, PaymentId, UserId},
    sales::line::{self, Line},
};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

// Vocabulary

#[derive(Debug, Clone)]
pub enum InvoiceCommand {
    Create(Box<Created>),
    Pay(Payment),
    /// It is not to be paid any more.
    Revoke(Revocation),
}

/// A proforma collects money and posts no revenue; the tax invoice is dated by the turnover (product, "State machines").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Choice, Default)]
#[serde(rename_all = "lowercase")]
pub enum InvoiceKind {
    #[default]
    Proforma,
    Tax,
    Credit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Choice, Default)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    #[default]
    Draft,
    Sent,
    Partial,
    Paid,
    Cancelled,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Created {
    pub invoice_number: Number,
    pub kind: InvoiceKind,
    pub status: Status,
    pub customer_id: CustomerId,
    pub customer_name: Option<String>,
    pub order_id: Option<OrderId>,
    pub order_number: Option<Number>,
    pub deal_id: Option<DealId>,
    pub items: Vec<Line>,
    /// The sum of the items.
    pub amount: Money,
    pub currency: Currency,
    pub issue_date: NaiveDate,
    pub due_date: NaiveDate,
    pub notes: Option<String>,
    /// What one unit of the currency is worth in the base currency; absent for the latter, and when there was no rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_rate: Option<Rate>,
    /// Who sold it, and sees to it that it is paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned_to: Option<UserId>,
}

impl Created {
    pub fn is_credit(&self) -> bool {
        self.kind == InvoiceKind::Credit
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Payment {
    pub id: PaymentId,
    pub invoice_id: InvoiceId,
    pub amount: Money,
    pub method: String,
    pub reference: Option<String>,
    pub date: NaiveDate,
    /// Books what exceeds the open amount as the customer's credit instead of refusing.
    pub allow_credit: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum InvoiceEvent {
    #[serde(rename = "invoice.created")]
    Created(Box<Created>),
    #[serde(rename = "payment.received")]
    PaymentReceived {
        payment_id: PaymentId,
        payment_number: Number,
        invoice_id: InvoiceId,
        invoice_number: Number,
        customer_id: CustomerId,
        order_id: Option<OrderId>,
        amount: Money,
        /// What it paid of the invoice.
        applied: Money,
        /// What became the customer's credit.
        credit: Money,
        currency: Currency,
        method: String,
        reference: Option<String>,
        date: NaiveDate,
        /// In the base currency at the invoice's rate, so that a paid invoice leaves nothing; absent as the rate is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        base_amount: Option<Money>,
    },
    #[serde(rename = "invoice.paid")]
    Paid {
        customer_id: CustomerId,
        order_id: Option<OrderId>,
        deal_id: Option<DealId>,
        amount: Money,
    },
    #[serde(rename = "invoice.cancelled")]
    Cancelled(Box<Cancelled>),
    /// It was paid, in part or in full, and is taken back.
    #[serde(rename = "invoice.credited")]
    Credited(Box<Credited>),
}

impl Event for InvoiceEvent {
    /// Since 2, what tells of people is sealed.
    const UPCASTERS: &'static [Upcaster] = &[Upcaster::unchanged("invoice.created", 1)];

    /// The law has invoices kept: theirs is a key of their own, which outlives the customer's until its date.
    const PERSONAL: &'static [PersonalField] = &[PersonalField::new(
        "invoice.created",
        "customerName",
        Whose::Document {
            of: "customerId",
            dated: "issueDate",
        },
        StandIn::Name,
    )];

    const NUMBERINGS: &'static [Numbering] = &[
        Numbering {
            event_type: "invoice.created",
            field: "invoiceNumber",
            series: Series::Invoice,
        },
        Numbering {
            event_type: "payment.received",
            field: "paymentNumber",
            series: Series::Payment,
        },
    ];
}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Rejection)]
pub enum InvoiceRejection {
    #[error("no such invoice")]
    #[rejection(Missing, "invoice.missing")]
    Missing,
    #[error("an invoice has at least one line")]
    #[rejection(Invalid, "invoice.empty")]
    Empty,
    #[error("nothing is to be paid")]
    #[rejection(Invalid, "invoice.nothing_to_pay")]
    NothingToPay,
    #[error("{open} is open")]
    #[rejection(Balance, "invoice.above_open")]
    AboveOpen { open: Money },
    #[error("a draft is sent before it is paid")]
    #[rejection(Transition, "invoice.not_sent")]
    NotSent,
    #[error("it is not to be paid any more")]
    #[rejection(Transition, "invoice.closed")]
    Closed,
    #[error(transparent)]
    #[rejection(Invalid, "invoice.invalid")]
    Invalid(#[from] Violations),
}

// Rules

impl Aggregate for Invoice {
    const NAME: &'static str = "invoice";
    type Id = InvoiceId;
    type Command = InvoiceCommand;
    type Event = InvoiceEvent;
    type Rejection = InvoiceRejection;

    fn permission(command: &InvoiceCommand) -> Permission {
        match command {
            InvoiceCommand::Create(_) | InvoiceCommand::Pay(_) => Permission::FinanceCreate,
            InvoiceCommand::Revoke(_) => Permission::FinanceUpdate,
        }
    }

    fn decide(&self, command: &InvoiceCommand) -> Result<Vec<InvoiceEvent>, InvoiceRejection> {
        use {InvoiceCommand as C, InvoiceRejection as R};
        match (self, command) {
            (Self::Known(_) | Self::Never, C::Create(_)) => Ok(vec![]), // the command names its effect
            (Self::Unknown, C::Create(created)) if created.items.is_empty() => Err(R::Empty),
            (Self::Unknown, C::Create(created)) if line::sum(&created.items) != Some(created.amount) => {
                Err(Violations::one("amount", Rule::NotAllowed).into())
            }
            // No payment could ever settle it.
            (Self::Unknown, C::Create(created)) if created.amount.is_zero() => Err(R::NothingToPay),
            (Self::Unknown, C::Create(created)) => Ok(vec![InvoiceEvent::Created(created.clone())]),
            (Self::Unknown | Self::Never, C::Pay(_)) => Err(R::Missing),
            (Self::Unknown, C::Revoke(revocation)) => {
                let never = revocation::never(revocation);
                Ok(vec![InvoiceEvent::Cancelled(Box::new(never))])
            }
            (Self::Never, C::Revoke(_)) => Ok(vec![]),
            (Self::Known(invoice), C::Revoke(revocation)) => Ok(invoice.revoke(revocation)),
            (Self::Known(invoice), C::Pay(payment)) => invoice.pay(payment),
        }
    }

    fn evolve(self, event: &InvoiceEvent) -> Self {
        match (self, event) {
            (_, InvoiceEvent::Created(created)) => Self::Known(Box::new(Known {
                bill: created.as_ref().clone(),
                paid: Money::ZERO,
                closed: false,
            })),
            (Self::Known(mut invoice), InvoiceEvent::PaymentReceived { applied, .. }) => {
                invoice.paid = invoice.paid.plus(*applied);
                Self::Known(invoice)
            }
            (state, InvoiceEvent::Paid { .. }) => state,
            (Self::Known(mut invoice), InvoiceEvent::Cancelled(_) | InvoiceEvent::Credited(_)) => {
                invoice.closed = true;
                Self::Known(invoice)
            }
            (Self::Unknown | Self::Never, InvoiceEvent::Cancelled(_)) => Self::Never,
            (
                state @ (Self::Unknown | Self::Never),
                InvoiceEvent::PaymentReceived { .. } | InvoiceEvent::Credited(_),
            ) => state,
        }
    }
}

impl Known {
    fn pay(&self, payment: &Payment) -> Result<Vec<InvoiceEvent>, InvoiceRejection> {
        let mut check = Check::default();
        check.that(payment.amount.is_positive(), "amount", Rule::NotPositive);
        check.text("method", &payment.method, 50);
        check.date("date", Some(payment.date));
        check.optional_text("reference", payment.reference.as_ref(), 100);
        check.done()?;
        // A credit note takes back: nobody has to pay it.
        if self.closed || self.bill.is_credit() {
            return Err(InvoiceRejection::Closed);
        }
        if self.bill.status == Status::Draft {
            return Err(InvoiceRejection::NotSent);
        }
        let open = self.bill.amount.minus(self.paid);
        if payment.amount > open && !payment.allow_credit {
            return Err(InvoiceRejection::AboveOpen { open });
        }
        let applied = payment.amount.min(open);
        let Created {
            customer_id,
            order_id,
            deal_id,
            ..
        } = self.bill;
        let received = InvoiceEvent::PaymentReceived {
            payment_id: payment.id,
            payment_number: Number::pending(),
            invoice_id: payment.invoice_id,
            invoice_number: self.bill.invoice_number.clone(),
            customer_id,
            order_id,
            amount: payment.amount,
            applied,
            credit: payment.amount.minus(applied),
            currency: self.bill.currency.clone(),
            method: payment.method.clone(),
            reference: payment.reference.clone(),
            date: payment.date,
            base_amount: self.in_base(payment.amount),
        };
        let settled = applied == open && applied.is_positive();
        let paid = settled.then_some(InvoiceEvent::Paid {
            customer_id,
            order_id,
            deal_id,
            amount: self.bill.amount,
        });
        Ok([received].into_iter().chain(paid).collect())
    }

    fn revoke(&self, revocation: &Revocation) -> Vec<InvoiceEvent> {
        if self.closed {
            vec![]
        } else if self.paid.is_zero() {
            vec![InvoiceEvent::Cancelled(Box::new(self.cancelled()))]
        } else {
            vec![InvoiceEvent::Credited(Box::new(self.credited(revocation)))]
        }
    }

    /// The next payment in the base currency: what it adds to all that was paid, so that parts add up to the whole
    /// whatever is rounded.
    fn in_base(&self, payment: Money) -> Option<Money> {
        let Created {
            amount,
            currency,
            exchange_rate,
            ..
        } = &self.bill;
        let rate = exchange_rate.filter(|rate| amount.at(*rate).is_some())?;
        let of = |paid| in_base(paid, currency, Some(rate));
        Some(of(self.paid.plus(payment))?.minus(of(self.paid)?))
    }
}

// Memory

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Invoice {
    #[default]
    Unknown,
    /// Cancelled before it was written.
    Never,
    Known(Box<Known>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Known {
    bill: Created,
    paid: Money,
    /// Cancelled or credited: nobody is to pay it any more.
    closed: bool,
}

impl Invoice {
    pub fn known(&self) -> Option<&Known> {
        match self {
            Self::Unknown | Self::Never => None,
            Self::Known(invoice) => Some(invoice),
        }
    }
}

#[cfg(test)]
mod outcomes;
#[cfg(test)]
mod tests;
