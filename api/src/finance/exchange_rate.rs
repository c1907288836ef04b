//! Exchange rates: what a currency is worth in the base currency from a day on.

use crate::openapi::told;
use crate::{
    extract::{
        Body, May, Write,
        rights::{FinanceUpdate, FinanceView},
    },
    problem::Problem,
    reply::{Changed, Named, Reply},
    state::App,
    view,
};
use aide::axum::{ApiRouter, routing::get_with};
use axum::extract::State;
use chrono::NaiveDate;
use domain::{
    finance::Currency,
    finance::exchange_rate::{ExchangeRate, ExchangeRateCommand, RateSet},
    fixed::Rate,
    id::ExchangeRateId,
    time::local_date,
};
use projections::finance::exchange_rate::Row;
use schemars::JsonSchema;
use serde::Deserialize;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new().api_route("/finance/exchange-rates", get_with(view::list::<Row, FinanceView>, told("The workspace's exchange rates, those set last first")).put_with(set, told("Sets or corrects what a currency is worth from a day on; documents that exist keep the rate they state")))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetExchangeRate {
    #[schemars(regex(pattern = "^[A-Z]{3}$"), extend("not" = { "const": "KZT" }))]
    currency: Currency,
    /// The first day of force; today in Kazakhstan when absent.
    date: Option<NaiveDate>,
    /// What one unit is worth in KZT.
    #[schemars(extend("exclusiveMinimum" = 0))]
    rate: Rate,
}

impl Named for ExchangeRate {
    const ANSWER: &'static str = "ExchangeRateIsSet";
}

async fn set(
    State(app): State<App>,
    caller: May<FinanceUpdate>,
    write: Write,
    Body { value, hash }: Body<SetExchangeRate>,
) -> Result<Reply<Changed<ExchangeRate>>, Problem> {
    let SetExchangeRate { currency, date, rate } = value;
    let context = write.context(&caller, hash);
    let date = date.unwrap_or_else(|| local_date(context.now));
    let rates = ExchangeRateId::of(&currency);
    let command = ExchangeRateCommand::Set(RateSet { currency, date, rate });
    let done = app.executor.execute::<ExchangeRate>(rates, &command, &context).await?;
    let written = write.settle(&app, context.workspace, &done).await;
    Ok(written.ok(Changed::new(rates.on(date), "Exchange rate saved", done.version)))
}
