//! Exchange rates: what a currency is worth in the base currency from a day on.

use crate::{
    envelope::{Envelope, ErrorEnvelope},
    extract::{
        Body, May, Pairs, Write,
        rights::{FinanceUpdate, FinanceView},
    },
    problem::Problem,
    state::App,
    view,
};
use axum::{extract::State, response::Response};
use chrono::NaiveDate;
use domain::{
    finance::exchange_rate::{ExchangeRate, ExchangeRateCommand, RateSet},
    fixed::Rate,
    id::ExchangeRateId,
    time::local_date,
};
use projections::finance::exchange_rate::Row;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, set))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetExchangeRate {
    #[schema(example = "USD")]
    currency: String,
    /// The first day of force; today in Kazakhstan when absent.
    date: Option<NaiveDate>,
    /// What one unit is worth in KZT.
    #[schema(value_type = f64, example = 523.45)]
    rate: Rate,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExchangeRateIsSet {
    id: Uuid,
    message: &'static str,
    version: i64,
}

/// The workspace's exchange rates, those set last first.
#[utoipa::path(get, path = "/finance/exchange-rates", tag = "finance", responses((status = 200, description = "A page of exchange rates")))]
async fn list(State(app): State<App>, caller: May<FinanceView>, Pairs(pairs): Pairs) -> Result<Response, Problem> {
    view::page::<Row>(&app, &caller, &pairs).await
}

/// Sets or corrects what a currency is worth from a day on; documents that exist keep the rate they state.
#[utoipa::path(put, path = "/finance/exchange-rates", tag = "finance", request_body = SetExchangeRate,
    responses((status = 200, body = Envelope<ExchangeRateIsSet>), (status = 400, body = ErrorEnvelope)))]
async fn set(
    State(app): State<App>,
    caller: May<FinanceUpdate>,
    write: Write,
    Body { value, hash }: Body<SetExchangeRate>,
) -> Result<Response, Problem> {
    let SetExchangeRate { currency, date, rate } = value;
    let context = write.context(&caller, hash);
    let date = date.unwrap_or_else(|| local_date(context.now));
    let rates = ExchangeRateId::of(&currency);
    let command = ExchangeRateCommand::Set(RateSet { currency, date, rate });
    let done = app.executor.execute::<ExchangeRate>(rates, &command, &context).await?;
    let written = write.settle(&app, context.workspace, &done).await;
    Ok(written.ok(ExchangeRateIsSet {
        id: rates.on(date),
        message: "Exchange rate saved",
        version: done.version,
    }))
}
