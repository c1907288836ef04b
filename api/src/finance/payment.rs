//! Payments: document 1 §8, document 2 "Finance API".

use crate::{
    extract::{
        Body, May, Write,
        rights::{FinanceCreate, FinanceView},
    },
    openapi::told,
    problem::Problem,
    reply::Created,
    state::App,
    view,
};
use aide::axum::{ApiRouter, routing::get_with};
use axum::extract::State;
use chrono::NaiveDate;
use commands::Error;
use domain::{
    Money, Rule,
    field::{FILLED_LINE, LINE},
    finance::invoice::{Invoice, InvoiceCommand, InvoiceEvent, InvoiceRejection, Payment},
    id::InvoiceId,
    time::local_date,
};
use projections::finance::payment::Row;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

const METHOD: &str = "bank_transfer";

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/finance/payments",
            get_with(
                view::list::<Row, FinanceView>,
                told("The workspace's payments, newest first"),
            )
            .post_with(
                record,
                told("Records a payment on an invoice, numbered `PAY-…`; more than is open is refused"),
            ),
        )
        .api_route(
            "/finance/payments/{id}",
            get_with(view::details::<Row, FinanceView>, told("A payment")),
        )
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordPayment {
    invoice_id: InvoiceId,
    #[schemars(extend("exclusiveMinimum" = 0))]
    amount: Money,
    /// `bank_transfer` when absent.
    #[schemars(
        length(max = 50),
        regex(pattern = FILLED_LINE)
    )]
    method: Option<String>,
    #[schemars(length(max = 100), regex(pattern = LINE))]
    reference: Option<String>,
    /// Today in Kazakhstan when absent.
    date: Option<NaiveDate>,
    /// Books what exceeds the open amount as the customer's credit instead of refusing.
    #[serde(default)]
    allow_credit: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentRecorded {
    id: Uuid,
    payment_number: String,
    invoice_id: Uuid,
    /// What it paid of the invoice.
    applied: Money,
    /// What became the customer's credit.
    credit: Money,
    message: &'static str,
    version: i64,
}

async fn record(
    State(app): State<App>,
    caller: May<FinanceCreate>,
    write: Write,
    Body { value, hash }: Body<RecordPayment>,
) -> Result<Created<PaymentRecorded>, Problem> {
    let RecordPayment {
        invoice_id,
        amount,
        method,
        reference,
        date,
        allow_credit,
    } = value;
    let context = write.context(&caller, hash);
    let method = method.unwrap_or_else(|| METHOD.to_owned());
    let date = date.unwrap_or_else(|| local_date(context.now));
    let payment = Payment {
        id: Uuid::now_v7().into(),
        invoice_id,
        amount,
        method,
        reference,
        date,
        allow_credit,
    };
    let done = app
        .executor
        .execute::<Invoice>(invoice_id, &InvoiceCommand::Pay(payment), &context)
        .await
        .map_err(naming_the_invoice)?;
    let said = |_invoice, version, event| match event {
        InvoiceEvent::PaymentReceived {
            payment_id,
            payment_number,
            invoice_id,
            applied,
            credit,
            ..
        } => Some(PaymentRecorded {
            id: payment_id.into(),
            payment_number: payment_number.to_string(),
            invoice_id: invoice_id.into(),
            applied,
            credit,
            message: "Payment recorded successfully",
            version,
        }),
        InvoiceEvent::Created(_)
        | InvoiceEvent::Paid { .. }
        | InvoiceEvent::Cancelled(_)
        | InvoiceEvent::Credited(_) => None,
    };
    write.made(&app, context.workspace, done, said).await
}

/// Here the invoice is a field of the body, so a missing one is that field's fault.
fn naming_the_invoice(error: Error<InvoiceRejection>) -> Problem {
    match error {
        Error::Rejected(InvoiceRejection::Missing) => Problem::from(error).field("invoiceId", Rule::Unknown),
        other => other.into(),
    }
}
