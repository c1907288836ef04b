//! What a line waits for, since when, and what happens when that has taken too long: somebody is told.

use super::{LineRun, OrderFulfillment, PARKED, Refused, Run, Stage};
use crate::{
    Owed, Saga,
    deadline::{BILL, BY_ITSELF, GOODS, responsible},
};
use chrono::{DateTime, Utc};
use domain::{
    Role,
    office::notification::{Audience, Topic},
    time::local_date,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// For what follows by itself: production orders, answers of the stock, planning.
    Itself,
    Bill,
    Goods,
}

impl LineRun {
    pub(super) fn wait(&self) -> Option<Wait> {
        match &self.stage {
            Stage::Settled => None,
            Stage::Make | Stage::Billed => Some(Wait::Itself),
            Stage::Unbilled { .. } => Some(Wait::Bill),
            Stage::Hold { .. } if self.short_of().is_some() => Some(Wait::Goods),
            Stage::Hold { .. } => Some(Wait::Itself),
        }
    }
}

impl Run {
    pub(super) fn waits(&self) -> BTreeMap<u32, Option<Wait>> {
        self.lines.iter().map(|(n, line)| (*n, line.wait())).collect()
    }

    /// Lines that wait for something else than before do so from now on.
    pub(super) fn note_waits(&mut self, before: &BTreeMap<u32, Option<Wait>>, at: DateTime<Utc>) {
        for (n, line) in &mut self.lines {
            if before.get(n) != Some(&line.wait()) {
                line.since = at;
            }
        }
    }

    /// Each line that waits too long is told of, and a refusal that nobody has looked after. What follows by itself does
    /// not follow a refusal, which was told.
    pub(super) fn late(&self, order: Uuid) -> Vec<Owed> {
        let lines = self
            .lines
            .iter()
            .filter_map(|(n, line)| self.late_line(order, *n, line));
        lines.chain(self.still_parked(order)).collect()
    }

    fn late_line(&self, order: Uuid, n: u32, line: &LineRun) -> Option<Owed> {
        let (step, topic, within, audience) = match line.wait()? {
            Wait::Itself if !self.refused.is_empty() => return None,
            Wait::Itself => ("late", Topic::ProcessLate, BY_ITSELF, Audience::Role(Role::Owner)),
            Wait::Bill => (
                "still without a bill",
                Topic::BillStillMissing,
                BILL,
                responsible(self.assigned_to),
            ),
            Wait::Goods => (
                "still short",
                Topic::ShortageLasts,
                GOODS,
                responsible(self.assigned_to),
            ),
        };
        let step = format!("tell line {n} {step}");
        let missing = line.short_of();
        let data = json!({
            "line": n, "productId": line.product_id, "productName": line.product_name,
            "materialName": missing.map(|need| &need.name), "missing": missing.map(|need| need.missing),
        });
        let owed = self.tell_whom(audience, order, step, topic, self.since(order, line.since, data));
        Some(owed?.not_before(line.since + within))
    }

    fn still_parked(&self, order: Uuid) -> Option<Owed> {
        let Refused { step, code, at } = self.refused.first()?;
        let data = self.since(order, *at, json!({"step": step, "reason": code}));
        let owed = self.tell(order, "tell still parked".to_owned(), Topic::ProcessLate, data);
        Some(owed?.not_before(*at + PARKED))
    }

    fn since(&self, order: Uuid, at: DateTime<Utc>, mut data: Value) -> Value {
        data["saga"] = OrderFulfillment::NAME.into();
        data["orderId"] = json!(order);
        data["number"] = json!(self.order_number);
        data["since"] = json!(local_date(at));
        data
    }
}

#[cfg(test)]
mod tests;
