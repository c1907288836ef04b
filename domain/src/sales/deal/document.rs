//! A paper that a deal refers to: an offer, a contract, a protocol. The file itself is somewhere else, where its address says.

use super::{DealEvent, DealRejection, Known};
use crate::{Change, Fields, Rule, Violations, id::DocumentId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most that a deal refers to.
pub const DOCUMENTS_MAX: usize = 100;

/// As it is asked for, and kept.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, Fields, Change)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    /// `Proposal_v2.pdf`.
    #[field(required, max = 200)]
    pub name: String,
    /// What it is, in a word: `proposal`.
    #[serde(rename = "type")]
    #[field(max = 100)]
    pub kind: Option<String>,
    /// Begins with `https://` or `http://`.
    #[field(required, max = 900)]
    pub url: String,
}

impl Document {
    fn sound(&self) -> Result<(), Violations> {
        self.checked()?;
        let leads_there = ["https://", "http://"].iter().any(|begin| {
            let rest = self.url.strip_prefix(begin);
            rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace))
        });
        match leads_there {
            true => Ok(()),
            false => Err(Violations::one("url", Rule::NotAllowed)),
        }
    }
}

impl Known {
    /// Papers come and go whatever the stage: a contract is signed when the deal is won.
    pub(super) fn attach(&self, id: DocumentId, document: &Document) -> Result<Vec<DealEvent>, DealRejection> {
        if self.documents.contains(&id) {
            return Ok(vec![]);
        }
        document.sound()?;
        if self.documents.len() >= DOCUMENTS_MAX {
            return Err(Violations::one("documents", Rule::TooMany { max: DOCUMENTS_MAX }).into());
        }
        Ok(vec![DealEvent::DocumentAttached {
            document_id: id,
            document: Box::new(document.clone()),
        }])
    }

    pub(super) fn remove(&self, document: DocumentId) -> Result<Vec<DealEvent>, DealRejection> {
        if !self.documents.contains(&document) {
            return Err(DealRejection::NoSuchDocument);
        }
        Ok(vec![DealEvent::DocumentRemoved { document_id: document }])
    }
}
