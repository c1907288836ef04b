//! Payments: document 1 §8, document 2 "Finance API".

use crate::{
    envelope::{Envelope, ErrorEnvelope},
    extract::{
        Body, Id, May, Pairs, Write,
        rights::{FinanceCreate, FinanceView},
    },
    problem::Problem,
    state::App,
    view,
};
use axum::{extract::State, response::Response};
use chrono::NaiveDate;
use commands::Error;
use domain::{
    Money, Rule,
    finance::invoice::{Invoice, InvoiceCommand, InvoiceEvent, InvoiceRejection, Payment},
    id::{InvoiceId, PaymentId},
    time::local_date,
};
use projections::finance::payment::Row;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

const METHOD: &str = "bank_transfer";

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, record)).routes(routes!(get))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordPayment {
    #[schema(value_type = Uuid)]
    invoice_id: InvoiceId,
    #[schema(value_type = f64, example = 5_000_000)]
    amount: Money,
    /// `bank_transfer` when absent.
    method: Option<String>,
    #[schema(example = "TRX123456")]
    reference: Option<String>,
    /// Today in Kazakhstan when absent.
    date: Option<NaiveDate>,
    /// Books what exceeds the open amount as the customer's credit instead of refusing.
    #[serde(default)]
    allow_credit: bool,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentRecorded {
    id: Uuid,
    #[schema(example = "PAY-2026-0001")]
    payment_number: String,
    invoice_id: Uuid,
    /// What it paid of the invoice.
    #[schema(value_type = f64)]
    applied: Money,
    /// What became the customer's credit.
    #[schema(value_type = f64)]
    credit: Money,
    message: &'static str,
    version: i64,
}

/// The workspace's payments, newest first.
#[utoipa::path(get, path = "/finance/payments", tag = "finance", responses((status = 200, description = "A page of payments")))]
async fn list(State(app): State<App>, caller: May<FinanceView>, Pairs(pairs): Pairs) -> Result<Response, Problem> {
    view::page::<Row>(&app, &caller, &pairs).await
}

/// A payment.
#[utoipa::path(get, path = "/finance/payments/{id}", tag = "finance", params(("id" = Uuid, Path)),
    responses((status = 200, description = "The payment"), (status = 404, body = ErrorEnvelope)))]
async fn get(State(app): State<App>, caller: May<FinanceView>, Id(id): Id<PaymentId>) -> Result<Response, Problem> {
    view::one::<Row>(&app, &caller, id, "payment.missing").await
}

/// Records a payment on an invoice, numbered `PAY-…`. More than is open is refused.
#[utoipa::path(post, path = "/finance/payments", tag = "finance", request_body = RecordPayment,
    responses((status = 201, body = Envelope<PaymentRecorded>), (status = 404, body = ErrorEnvelope), (status = 422, body = ErrorEnvelope)))]
async fn record(
    State(app): State<App>,
    caller: May<FinanceCreate>,
    write: Write,
    Body { value, hash }: Body<RecordPayment>,
) -> Result<Response, Problem> {
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
    let written = write.settle(&app, context.workspace, &done).await;
    let (version, message) = (done.version, "Payment recorded successfully");
    let answer = done.events.into_iter().find_map(|event| match event {
        InvoiceEvent::PaymentReceived {
            payment_id,
            payment_number,
            invoice_id,
            applied,
            credit,
            ..
        } => {
            let (id, invoice_id) = (payment_id.into(), invoice_id.into());
            Some(PaymentRecorded {
                id,
                payment_number: payment_number.to_string(),
                invoice_id,
                applied,
                credit,
                message,
                version,
            })
        }
        InvoiceEvent::Created(_) | InvoiceEvent::Paid { .. } => None,
    });
    Ok(written.created(answer.ok_or_else(Problem::internal)?))
}

/// Here the invoice is a field of the body, so a missing one is that field's fault.
fn naming_the_invoice(error: Error<InvoiceRejection>) -> Problem {
    match error {
        Error::Rejected(InvoiceRejection::Missing) => Problem::from(error).field("invoiceId", Rule::Unknown),
        other => other.into(),
    }
}
