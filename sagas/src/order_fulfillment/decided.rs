//! What becomes of an order when an operator has decided on a step that was refused.

use super::{LineRun, Run, Stage, await_bill, make, make_by_bill, reserve, schedule, wait::Wait};
use chrono::{DateTime, Utc};
use domain::{
    id::{NotificationId, derive},
    process::Decision,
};

impl Run {
    pub(super) fn retry(&mut self, Decision { step, .. }: &Decision, at: DateTime<Utc>) {
        self.refused.clear(step);
        self.go_on_from(at);
    }

    /// As if it were done. Whose production order is skipped, that line needs nothing more from us.
    pub(super) fn skip(&mut self, Decision { instance, step, .. }: &Decision, at: DateTime<Utc>) {
        self.refused.clear(step);
        self.told.insert(NotificationId::new(derive(*instance, step)));
        for (n, line) in &mut self.lines {
            line.skip(*n, step, at);
        }
        self.go_on_from(at);
    }

    /// What follows by itself has its time from now on.
    fn go_on_from(&mut self, at: DateTime<Utc>) {
        let by_itself = self.lines.values_mut().filter(|line| line.wait() == Some(Wait::Itself));
        by_itself.for_each(|line| line.since = at);
    }
}

impl LineRun {
    fn skip(&mut self, n: u32, step: &str, at: DateTime<Utc>) {
        match &mut self.stage {
            Stage::Make if step == make(n) => self.stage = Stage::Settled,
            Stage::Billed if step == make_by_bill(n) => self.stage = Stage::Settled,
            Stage::Unbilled { asked } if step == await_bill(n) => *asked = true,
            Stage::Hold { .. } if step == schedule(n) => self.stage = Stage::Settled,
            Stage::Hold { needs, .. } => {
                needs.retain(|product, _| step != reserve(*product, n));
                self.go_on_if_held(at);
            }
            Stage::Make | Stage::Billed | Stage::Unbilled { .. } | Stage::Settled => {}
        }
    }
}

#[cfg(test)]
mod tests;
