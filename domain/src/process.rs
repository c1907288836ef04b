//! What a saga has to say about itself, kept in a stream of its own: a step that was refused, so that the log tells
//! the whole story of why a process stands where it stands.

use crate::{Aggregate, Event, Permission, Rejection, id::ProcessId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

// Vocabulary

#[derive(Debug, Clone)]
pub enum ProcessCommand {
    NoteRefusal(Refusal),
}

/// A command the saga owed was refused by the rules, for good: asking again would not help.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    pub saga: String,
    /// What the instance is about: the deal, the order.
    pub instance: Uuid,
    pub step: String,
    /// The rejection's code.
    pub code: String,
    pub message: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum ProcessEvent {
    #[serde(rename = "process.step.refused")]
    StepRefused(Refusal),
}

impl Event for ProcessEvent {}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Rejection)]
pub enum ProcessRejection {}

// Rules

impl Aggregate for Process {
    const NAME: &'static str = "process";
    type Id = ProcessId;
    type Command = ProcessCommand;
    type Event = ProcessEvent;
    type Rejection = ProcessRejection;

    fn permission(_command: &ProcessCommand) -> Permission {
        Permission::OrdersApprove
    }

    fn decide(
        &self,
        ProcessCommand::NoteRefusal(refusal): &ProcessCommand,
    ) -> Result<Vec<ProcessEvent>, ProcessRejection> {
        let noted = self.refused.contains(&refusal.step);
        Ok((!noted)
            .then(|| ProcessEvent::StepRefused(refusal.clone()))
            .into_iter()
            .collect())
    }

    fn evolve(mut self, ProcessEvent::StepRefused(refusal): &ProcessEvent) -> Self {
        self.refused.push(refusal.step.clone());
        self
    }
}

// Memory

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Process {
    refused: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{given, sample};

    fn refused(step: &str) -> Refusal {
        let ProcessEvent::StepRefused(refusal) = sample("process.step.refused.v1");
        Refusal {
            step: step.to_owned(),
            ..refusal
        }
    }

    #[test]
    fn a_refusal_is_noted_once_a_step() {
        let note = |step| ProcessCommand::NoteRefusal(refused(step));
        let noted = |step| ProcessEvent::StepRefused(refused(step));
        given::<Process>([]).when(note("order")).then([noted("order")]);
        given::<Process>([noted("order")]).when(note("order")).then([]);
        given::<Process>([noted("order")])
            .when(note("invoice"))
            .then([noted("invoice")]);
        given::<Process>([noted("order"), noted("invoice")])
            .when(note("order"))
            .then([]);
    }
}
