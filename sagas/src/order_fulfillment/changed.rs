//! What becomes of an order's fulfilment when the order is changed: what there was of a line that ends was taken back with the
//! change itself, and the goods of a line that begins are held with it as well, or wait. Their answers come behind it.

use super::{LineRun, Run, Stage, await_bill, make, make_by_bill, reserve, schedule};
use crate::refused::Refusals;
use chrono::{DateTime, Utc};
use domain::sales::{line::numbered, order::Changed};
use std::collections::{BTreeMap, BTreeSet};

impl Run {
    /// Begins again with what the change adds.
    pub(super) fn of_change(changed: &Changed) -> Self {
        Self {
            order_number: changed.order_number.clone(),
            assigned_to: changed.assigned_to,
            lines: BTreeMap::new(),
            told: BTreeSet::new(),
            refused: Refusals::default(),
            of_change: changed.change,
        }
    }

    pub(super) fn change(&mut self, changed: &Changed, at: DateTime<Utc>) {
        for n in &changed.ended {
            let ended = self.lines.remove(n);
            let steps = ended.into_iter().flat_map(|line| line.steps(*n));
            steps.for_each(|step| self.refused.clear(&step));
        }
        for (n, line) in numbered(&changed.items).filter(|(n, _)| changed.begun.contains(n)) {
            if let Some(begun) = LineRun::begin(line, at) {
                self.lines.entry(n).or_insert(begun);
            }
        }
    }

    /// Who was told of something before a change is told again of what it brings: each time by a step of its own.
    pub(super) fn of_its_change(&self, step: String) -> String {
        match self.of_change {
            0 => step,
            change => format!("{step} of change {change}"),
        }
    }
}

impl LineRun {
    /// Those that may have been refused.
    fn steps(&self, n: u32) -> Vec<String> {
        let held = match &self.stage {
            Stage::Hold { needs, .. } => needs.keys().map(|product| reserve(*product, n)).collect(),
            Stage::Make | Stage::Unbilled { .. } | Stage::Billed | Stage::Settled => vec![],
        };
        let others = [make(n), make_by_bill(n), await_bill(n), schedule(n)];
        others.into_iter().chain(held).collect()
    }
}
