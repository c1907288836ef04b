//! Steps that the rules refused. Each waits for a person: who asks for it again, has it skipped, or gives the process up.

use crate::Standing;
use chrono::{DateTime, Utc};
use domain::process::Refusal;
use serde::{Deserialize, Serialize};

/// In the order in which they were refused.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Refusals(Vec<Refused>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    pub step: String,
    /// The rejection's.
    pub code: String,
    pub at: DateTime<Utc>,
}

impl Refusals {
    pub fn note(&mut self, Refusal { step, code, .. }: &Refusal, at: DateTime<Utc>) {
        if !self.contains(step) {
            let (step, code) = (step.clone(), code.clone());
            self.0.push(Refused { step, code, at });
        }
    }

    /// A person has decided.
    pub fn clear(&mut self, step: &str) {
        self.0.retain(|refused| refused.step != step);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn contains(&self, step: &str) -> bool {
        self.0.iter().any(|refused| refused.step == step)
    }

    /// The one that has waited longest.
    pub fn first(&self) -> Option<&Refused> {
        self.0.iter().min_by_key(|refused| refused.at)
    }

    pub fn steps(&self) -> Vec<String> {
        self.0.iter().map(|refused| refused.step.clone()).collect()
    }

    /// Parked, if there is one.
    pub fn standing(&self) -> Option<Standing> {
        let Refused { step, code, .. } = self.first()?;
        let reason = format!("{step}: {code}");
        Some(Standing::Parked { reason })
    }
}
