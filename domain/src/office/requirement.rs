//! Which of its own fields a workspace requires of each new customer, product, deal or order: one list a resource, so that whoever
//! makes one looks at one state and not at every definition. It follows from the definitions, and is written together with them.

use crate::{
    Aggregate, Event, Permission, Rejection, Rule, Violations,
    id::RequirementId,
    office::custom_field::{Resource, VALUES_MAX},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

// Vocabulary

/// Whether the field of that key is required by now.
#[derive(Debug, Clone)]
pub struct Require {
    pub resource: Resource,
    pub key: String,
    pub required: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum RequirementEvent {
    #[serde(rename = "requirement.made")]
    Made { resource: Resource, key: String },
    /// Or its field was archived.
    #[serde(rename = "requirement.lifted")]
    Lifted { resource: Resource, key: String },
}

impl Event for RequirementEvent {}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Rejection)]
pub enum RequirementRejection {
    #[error(transparent)]
    #[rejection(Invalid, "requirement.invalid")]
    Invalid(#[from] Violations),
}

// Rules

impl Aggregate for Requirement {
    const NAME: &'static str = "requirement";
    type Id = RequirementId;
    type Command = Require;
    type Event = RequirementEvent;
    type Rejection = RequirementRejection;

    fn permission(_: &Require) -> Permission {
        Permission::WorkspacesUpdate
    }

    fn decide(&self, command: &Require) -> Result<Vec<RequirementEvent>, RequirementRejection> {
        let Require {
            resource,
            ref key,
            required,
        } = *command;
        let key = key.clone();
        Ok(match (self.keys.contains(&key), required) {
            (true, true) | (false, false) => vec![],
            (true, false) => vec![RequirementEvent::Lifted { resource, key }],
            // A thing with more values than that cannot be.
            (false, true) if self.keys.len() >= VALUES_MAX => {
                return Err(Violations::one("required", Rule::TooMany { max: VALUES_MAX }).into());
            }
            (false, true) => vec![RequirementEvent::Made { resource, key }],
        })
    }

    fn evolve(mut self, event: &RequirementEvent) -> Self {
        match event {
            RequirementEvent::Made { key, .. } => {
                self.keys.insert(key.clone());
            }
            RequirementEvent::Lifted { key, .. } => {
                self.keys.remove(key);
            }
        }
        self
    }
}

// Memory

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Requirement {
    keys: BTreeSet<String>,
}

impl Requirement {
    /// Of the fields that are required.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::given;

    fn made(key: &str) -> RequirementEvent {
        RequirementEvent::Made {
            resource: Resource::Deals,
            key: key.into(),
        }
    }

    fn lifted(key: &str) -> RequirementEvent {
        RequirementEvent::Lifted {
            resource: Resource::Deals,
            key: key.into(),
        }
    }

    #[test]
    fn require() {
        let require = |key: &str, required| Require {
            resource: Resource::Deals,
            key: key.into(),
            required,
        };
        let full: Vec<_> = (0..VALUES_MAX).map(|n| made(&format!("k{n}"))).collect();
        let many = Violations::one("required", Rule::TooMany { max: 50 });
        let when = |before: &[RequirementEvent], command| given::<Requirement>(before.to_vec()).when(command);
        when(&[], require("size", false)).then([]);
        when(&[], require("size", true)).then([made("size")]);
        when(&[made("size")], require("size", true)).then([]);
        when(&[made("size")], require("size", false)).then([lifted("size")]);
        when(&[made("size"), lifted("size")], require("size", true)).then([made("size")]);
        when(&full, require("k0", true)).then([]);
        when(&full, require("size", true)).then_rejected(many.into());
    }
}
