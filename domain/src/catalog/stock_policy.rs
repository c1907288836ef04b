//! How a workspace keeps its stock: what goods cost as they go where nobody chose for their product, and through which day its
//! books are closed. One stream in a workspace. What was closed stays closed: a fact of a day in it is refused, and nothing that
//! was told of such a day changes any more.

use super::stock::Valuation;
use crate::{
    Aggregate, Check, Event, Permission, Rejection, Rule, Violations,
    id::{StockPolicyId, derive},
};
use chrono::{Datelike, NaiveDate};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

// Vocabulary

#[derive(Debug, Clone)]
pub enum StockPolicyCommand {
    /// Today is the day in Kazakhstan.
    Set { wanted: Wanted, today: NaiveDate },
}

/// What is to be otherwise; what is absent stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "StockPolicyChange")]
pub struct Wanted {
    /// Of products that nobody chose for: it is taken when the first goods come, or come again after the last have gone.
    pub valuation: Option<Valuation>,
    /// The last day of a month that is over; never an earlier one than before.
    pub closed_through: Option<NaiveDate>,
}

/// The rules as they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "StockPolicy")]
pub struct Policy {
    pub valuation: Valuation,
    /// The last day that nothing may tell of any more; absent: nothing is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_through: Option<NaiveDate>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum StockPolicyEvent {
    #[serde(rename = "stock.policy.set")]
    Set(Policy),
}

impl Event for StockPolicyEvent {}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Rejection)]
pub enum StockPolicyRejection {
    #[error(transparent)]
    #[rejection(Invalid, "stock_policy.invalid")]
    Invalid(#[from] Violations),
}

// Rules

impl Aggregate for StockPolicy {
    const NAME: &'static str = "stock_policy";
    type Id = StockPolicyId;
    type Command = StockPolicyCommand;
    type Event = StockPolicyEvent;
    type Rejection = StockPolicyRejection;

    fn permission(_: &StockPolicyCommand) -> Permission {
        Permission::FinanceUpdate
    }

    fn decide(
        &self,
        StockPolicyCommand::Set { wanted, today }: &StockPolicyCommand,
    ) -> Result<Vec<StockPolicyEvent>, StockPolicyRejection> {
        if let Some(day) = wanted.closed_through {
            self.may_close(day, *today)?;
        }
        let after = Policy {
            valuation: wanted.valuation.unwrap_or(self.0.valuation),
            closed_through: wanted.closed_through.or(self.0.closed_through),
        };
        let set = (after != self.0).then_some(StockPolicyEvent::Set(after));
        Ok(set.into_iter().collect())
    }

    fn evolve(self, StockPolicyEvent::Set(policy): &StockPolicyEvent) -> Self {
        Self(*policy)
    }
}

// Memory

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StockPolicy(Policy);

impl StockPolicy {
    pub fn policy(&self) -> Policy {
        self.0
    }

    fn may_close(&self, day: NaiveDate, today: NaiveDate) -> Result<(), Violations> {
        const FIELD: &str = "closedThrough";
        let mut check = Check::default();
        check.date(FIELD, Some(day));
        check.done()?;
        let mut check = Check::default();
        let ends_a_month = day.succ_opt().is_none_or(|next| next.day() == 1);
        let goes_on = self.0.closed_through.is_none_or(|before| before <= day);
        check.that(ends_a_month && goes_on, FIELD, Rule::NotAllowed);
        check.that(day < today, FIELD, Rule::NotYet);
        check.done()
    }
}

impl StockPolicyId {
    /// The only one; the same in every workspace, which is a log of its own.
    pub fn only() -> Self {
        Self::new(derive(Uuid::NAMESPACE_OID, "stock policy"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::given;

    fn day(month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, month, day).unwrap()
    }

    fn set(valuation: Valuation, closed_through: Option<NaiveDate>) -> StockPolicyEvent {
        StockPolicyEvent::Set(Policy {
            valuation,
            closed_through,
        })
    }

    #[test]
    fn set_policy() {
        use Valuation::{Average, Fifo};
        let when = |valuation, closed_through| {
            let wanted = Wanted {
                valuation,
                closed_through,
            };
            let today = day(11, 28);
            given::<StockPolicy>([set(Fifo, Some(day(9, 30)))]).when(StockPolicyCommand::Set { wanted, today })
        };
        let refused = |rule| StockPolicyRejection::from(Violations::one("closedThrough", rule));
        let years = Rule::YearOutOfRange { min: 1900, max: 9999 };
        when(None, NaiveDate::from_ymd_opt(12_000, 1, 31)).then_rejected(refused(years));
        when(None, Some(day(10, 30))).then_rejected(refused(Rule::NotAllowed));
        when(None, Some(day(8, 31))).then_rejected(refused(Rule::NotAllowed));
        when(None, Some(day(11, 30))).then_rejected(refused(Rule::NotYet));
        when(None, Some(day(10, 31))).then([set(Fifo, Some(day(10, 31)))]);
        when(Some(Average), None).then([set(Average, Some(day(9, 30)))]);
        when(Some(Fifo), Some(day(9, 30))).then([]);
        when(None, None).then([]);
    }

    /// The month that ended yesterday may be closed, the one that ends today not yet.
    #[test]
    fn a_month_is_closed_when_it_is_over() {
        let when = |today| {
            let wanted = Wanted {
                closed_through: Some(day(11, 30)),
                ..Wanted::default()
            };
            given::<StockPolicy>([]).when(StockPolicyCommand::Set { wanted, today })
        };
        when(day(11, 30)).then_rejected(Violations::one("closedThrough", Rule::NotYet).into());
        when(day(12, 1)).then([set(Valuation::Average, Some(day(11, 30)))]);
    }
}
