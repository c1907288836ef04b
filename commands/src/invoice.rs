//! What an invoice takes from elsewhere: the order that is to be paid; and a credit note: the invoice that it takes back. Each as
//! it stands.

use crate::{Context, Done, Error, Executor};
use chrono::NaiveDate;
use domain::{
    Number,
    finance::{
        invoice::{Created, Invoice, InvoiceCommand, InvoiceEvent, InvoiceKind, InvoiceRejection, Status},
        terms::net_days,
    },
    id::{InvoiceId, OrderId},
    sales::order::Order,
};

/// Writes the invoice of an order by hand, to be paid by its terms.
pub async fn of_order(
    executor: &Executor,
    id: OrderId,
    date: NaiveDate,
    context: &Context,
) -> Result<Done<InvoiceEvent>, Error<InvoiceRejection>> {
    let loaded = executor.load::<Order, InvoiceRejection>(context.workspace, id).await?;
    let order = loaded.state.known().ok_or(Error::Rejected(InvoiceRejection::Missing))?;
    let days = order.details().payment_terms.as_deref().and_then(net_days);
    let bill = order.bill(id, date, days.unwrap_or(executor.payment_days));
    let command = InvoiceCommand::Create(Box::new(bill));
    executor
        .create::<Invoice>(InvoiceId::of_order(id), &command, context)
        .await
}

/// Writes the note that takes back the whole of an invoice. Nobody has to pay it.
pub async fn credit(
    executor: &Executor,
    invoice: InvoiceId,
    date: NaiveDate,
    context: &Context,
) -> Result<Done<InvoiceEvent>, Error<InvoiceRejection>> {
    let loaded = executor
        .load::<Invoice, InvoiceRejection>(context.workspace, invoice)
        .await?;
    let known = loaded.state.known().ok_or(Error::Rejected(InvoiceRejection::Missing))?;
    let note = Created {
        invoice_number: Number::pending(),
        kind: InvoiceKind::Credit,
        status: Status::Paid,
        issue_date: date,
        due_date: date,
        notes: Some(known.bill().invoice_number.to_string()),
        ..known.bill().clone()
    };
    executor
        .create::<Invoice>(invoice.credit_note(), &InvoiceCommand::Create(Box::new(note)), context)
        .await
}
