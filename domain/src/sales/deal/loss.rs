//! Why deals are lost: a closed list, so that losses can be summed up by it. Whoever gives another reason gives it in their own
//! words, which are kept, and counts under `other`.

use crate::Choice;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, Choice, Default)]
#[serde(rename_all = "snake_case")]
pub enum LossReason {
    Price,
    Competitor,
    Budget,
    Timing,
    NoNeed,
    Product,
    Service,
    NoDecision,
    #[default]
    Other,
}

impl LossReason {
    /// What a reason given in words counts under.
    pub fn of(words: &str) -> Self {
        let word = words.trim().to_lowercase();
        let known = Self::ALL.iter().find(|reason| reason.as_str() == word);
        known.copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_on_the_list_is_another_reason() {
        for reason in LossReason::ALL {
            assert_eq!(LossReason::of(reason.as_str()), *reason);
        }
        for (words, reason) in [
            (" Price ", LossReason::Price),
            ("no_need", LossReason::NoNeed),
            ("too expensive", LossReason::Other),
            ("", LossReason::Other),
        ] {
            assert_eq!(LossReason::of(words), reason, "{words}");
        }
    }
}
