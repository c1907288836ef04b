//! How far a deal is, and how likely it is won from there. A workspace's own pipelines name the open ones in other words.

use crate::{Choice, Percent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, Choice, Default)]
#[serde(rename_all = "UPPERCASE")]
pub enum Stage {
    // Document 1's NEW.
    #[default]
    #[serde(alias = "NEW")]
    Lead,
    Qualified,
    Proposal,
    Negotiation,
    Closing,
    Won,
    Lost,
}

impl Stage {
    pub fn is_open(self) -> bool {
        !matches!(self, Self::Won | Self::Lost)
    }

    /// How likely it is that a deal is won from there, in percent, where nobody has said it of the deal itself.
    pub fn probability(self) -> Percent {
        Percent::whole(match self {
            Self::Lead => 10,
            Self::Qualified => 25,
            Self::Proposal => 50,
            Self::Negotiation => 75,
            Self::Closing => 90,
            Self::Won => 100,
            Self::Lost => 0,
        })
    }
}
