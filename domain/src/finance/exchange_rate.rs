//! What a currency is worth in the base currency, from a date on: data with dates, as tax rates are. One stream a
//! currency. A document states the rate that was looked up for it, so that a rate set later changes no document.

use super::Currency;
use crate::{
    Aggregate, Check, Event, Permission, Rejection, Rule, Violations,
    fixed::Rate,
    id::{ExchangeRateId, derive},
};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

// Vocabulary

#[derive(Debug, Clone)]
pub enum ExchangeRateCommand {
    Set(RateSet),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateSet {
    pub currency: Currency,
    /// The first day of force.
    pub date: NaiveDate,
    /// What one unit is worth in the base currency.
    pub rate: Rate,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum ExchangeRateEvent {
    #[serde(rename = "exchange.rate.set")]
    Set(RateSet),
}

impl Event for ExchangeRateEvent {}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Rejection)]
pub enum ExchangeRateRejection {
    #[error(transparent)]
    #[rejection(Invalid, "exchange_rate.invalid")]
    Invalid(#[from] Violations),
}

// Rules

impl Aggregate for ExchangeRate {
    const NAME: &'static str = "exchange_rate";
    type Id = ExchangeRateId;
    type Command = ExchangeRateCommand;
    type Event = ExchangeRateEvent;
    type Rejection = ExchangeRateRejection;

    fn permission(_command: &ExchangeRateCommand) -> Permission {
        Permission::FinanceUpdate
    }

    fn decide(
        &self,
        ExchangeRateCommand::Set(set): &ExchangeRateCommand,
    ) -> Result<Vec<ExchangeRateEvent>, ExchangeRateRejection> {
        let mut check = Check::default();
        check.currency("currency", set.currency.as_str());
        // The base currency is worth itself.
        check.that(!set.currency.is_base(), "currency", Rule::NotAllowed);
        check.date("date", Some(set.date));
        check.that(set.rate.is_positive(), "rate", Rule::NotPositive);
        check.done()?;
        let known = self.rates.get(&set.date) == Some(&set.rate);
        Ok((!known)
            .then(|| ExchangeRateEvent::Set(set.clone()))
            .into_iter()
            .collect())
    }

    fn evolve(mut self, ExchangeRateEvent::Set(set): &ExchangeRateEvent) -> Self {
        self.rates.insert(set.date, set.rate);
        self
    }
}

// Memory

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ExchangeRate {
    rates: BTreeMap<NaiveDate, Rate>,
}

impl ExchangeRate {
    /// The rate of the day: the latest set for that day or one before it.
    pub fn on(&self, day: NaiveDate) -> Option<Rate> {
        self.rates.range(..=day).next_back().map(|(_, rate)| *rate)
    }
}

impl ExchangeRateId {
    /// The stream of a currency's rates; the same in every workspace, which is a log of its own.
    pub fn of(currency: &Currency) -> Self {
        Self::new(derive(Uuid::NAMESPACE_OID, &format!("exchange rate {currency}")))
    }

    /// One rate of it.
    pub fn on(self, day: NaiveDate) -> Uuid {
        derive(self, &day.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::given;

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, day).unwrap()
    }

    fn set(currency: &str, on: NaiveDate, rate: i32) -> RateSet {
        RateSet {
            currency: currency.into(),
            date: on,
            rate: Rate::whole(rate),
        }
    }

    fn usd(on: u32, rate: i32) -> ExchangeRateEvent {
        ExchangeRateEvent::Set(set("USD", day(on), rate))
    }

    #[test]
    fn the_rate_of_a_day_is_the_latest_on_or_before_it() {
        let rates = [usd(10, 520), usd(20, 525), usd(15, 522)];
        let rates = rates
            .iter()
            .fold(ExchangeRate::default(), |rates, event| rates.evolve(event));
        for (on, rate) in [
            (9, None),
            (10, Some(520)),
            (14, Some(520)),
            (15, Some(522)),
            (19, Some(522)),
            (30, Some(525)),
        ] {
            assert_eq!(rates.on(day(on)), rate.map(Rate::whole), "on the {on}th");
        }
    }

    #[test]
    fn a_rate_is_set_once_and_may_be_corrected() {
        let command = |rate| ExchangeRateCommand::Set(set("USD", day(10), rate));
        given::<ExchangeRate>([]).when(command(520)).then([usd(10, 520)]);
        given::<ExchangeRate>([usd(10, 520)]).when(command(520)).then([]);
        given::<ExchangeRate>([usd(10, 520)])
            .when(command(521))
            .then([usd(10, 521)]);
    }

    #[test]
    fn what_is_no_rate_is_refused_by_name() {
        let year = NaiveDate::from_ymd_opt(1066, 1, 1).unwrap();
        let (min, max) = (1900, 9999);
        for (bad, field, rule) in [
            (set("usd", day(1), 520), "currency", Rule::NotAllowed),
            (set("KZT", day(1), 1), "currency", Rule::NotAllowed),
            (set("USD", day(1), 0), "rate", Rule::NotPositive),
            (set("USD", day(1), -520), "rate", Rule::NotPositive),
            (set("USD", year, 520), "date", Rule::YearOutOfRange { min, max }),
        ] {
            given::<ExchangeRate>([])
                .when(ExchangeRateCommand::Set(bad))
                .then_rejected(Violations::one(field, rule).into());
        }
    }
}
