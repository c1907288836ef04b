//! Exchange rates, a row for each currency and day.

use crate::{
    column::{Column, ColumnKind as K},
    table::{Seen, Table},
    view::View,
};
use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    Fact,
    finance::Currency,
    finance::exchange_rate::{ExchangeRateEvent, RateSet},
    fixed::Rate,
    id::ExchangeRateId,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub id: Uuid,
    pub version: i64,
    pub currency: Currency,
    pub date: NaiveDate,
    pub rate: Rate,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Table for Row {
    const NAME: &'static str = "exchange_rates";
    const SQL: &'static str = include_str!("../../../migrations/tenant/exchange_rates.sql");
    fn columns() -> Vec<Column> {
        vec![
            Column::new("id", K::Uuid),
            Column::new("version", K::Number),
            Column::new("currency", K::Text),
            Column::new("date", K::Date),
            Column::new("rate", K::Number),
            Column::new("created_at", K::Time),
            Column::new("updated_at", K::Time),
        ]
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        match &event.fact {
            Fact::ExchangeRate(ExchangeRateEvent::Set(set)) => vec![ExchangeRateId::of(&set.currency).on(set.date)],
            _ => vec![],
        }
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        let Fact::ExchangeRate(ExchangeRateEvent::Set(RateSet { currency, date, rate })) = &event.fact else {
            return;
        };
        let at = event.recorded.recorded_at;
        let created_at = row.as_ref().map_or(at, |row| row.created_at);
        *row = Some(Self {
            id: key,
            version: event.recorded.version,
            currency: currency.clone(),
            date: *date,
            rate: *rate,
            created_at,
            updated_at: at,
        });
    }
}

impl View for Row {
    const SEARCH: &'static str = "t.currency";
}
