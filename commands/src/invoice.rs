//! What a credit note takes from elsewhere: the invoice that it takes back, as it stands.

use crate::{Context, Done, Error, Executor};
use chrono::NaiveDate;
use domain::{
    Number,
    finance::invoice::{Created, Invoice, InvoiceCommand, InvoiceEvent, InvoiceKind, InvoiceRejection, Status},
    id::InvoiceId,
};

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
