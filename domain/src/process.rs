//! What a saga has to say about itself, kept in a stream of its own: a step that was refused, and what an operator decided
//! on it, so that the log tells the whole story of why a process stands where it stands. Who decided is the event's actor.

use crate::{Aggregate, Check, Event, Permission, Rejection, Violations, check::LINES_FROM, id::ProcessId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

// Vocabulary

#[derive(Debug, Clone)]
pub enum ProcessCommand {
    NoteRefusal(Refusal),
    /// Ask for them once more: whatever stood in their way is mended.
    Retry(Vec<Decision>),
    /// Go on as if it were done.
    Skip(Decision),
    /// Give the whole process up.
    Abandon(Abandonment),
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

/// An operator's word on a step that was refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    pub saga: String,
    /// What the instance is about: the deal, the order.
    pub instance: Uuid,
    pub step: String,
    /// In the operator's words.
    pub why: String,
}

/// An operator's word on the whole process: nothing more is to come of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Abandonment {
    pub saga: String,
    /// What the instance is about: the deal, the order.
    pub instance: Uuid,
    /// In the operator's words.
    pub why: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum ProcessEvent {
    #[serde(rename = "process.step.refused")]
    StepRefused(Refusal),
    #[serde(rename = "process.step.retried")]
    StepRetried(Decision),
    #[serde(rename = "process.step.skipped")]
    StepSkipped(Decision),
    #[serde(rename = "process.abandoned")]
    Abandoned(Abandonment),
}

impl Event for ProcessEvent {}

impl ProcessEvent {
    /// Which instance of that saga it is about, if of that one.
    pub fn instance_of(&self, name: &str) -> Option<Uuid> {
        let (saga, instance) = match self {
            Self::StepRefused(Refusal { saga, instance, .. }) => (saga, instance),
            Self::StepRetried(decision) | Self::StepSkipped(decision) => (&decision.saga, &decision.instance),
            Self::Abandoned(Abandonment { saga, instance, .. }) => (saga, instance),
        };
        (saga == name).then_some(*instance)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Rejection)]
pub enum ProcessRejection {
    #[error("no such process")]
    #[rejection(Missing, "process.missing")]
    Missing,
    #[error("it has come to its end")]
    #[rejection(Transition, "process.ended")]
    Ended,
    #[error("no step of it was refused: there is nothing to decide")]
    #[rejection(Conflict, "process.not_stuck")]
    NotStuck,
    #[error("the step “{step}” was not refused, or has been decided on")]
    #[rejection(Conflict, "process.not_refused")]
    NotRefused { step: String },
    #[error("name one of the steps that were refused: {steps}")]
    #[rejection(Conflict, "process.several_refused")]
    SeveralRefused { steps: String },
    #[error(transparent)]
    #[rejection(Invalid, "process.invalid")]
    Invalid(#[from] Violations),
}

/// Characters of a reason.
pub const WHY_MAX: usize = LINES_FROM;
/// Characters of a step's name.
pub const STEP_MAX: usize = 200;

/// What is wrong with a decision whatever it is on.
pub fn check(why: &str, step: Option<&String>) -> Result<(), ProcessRejection> {
    let mut check = Check::default();
    check.text("why", why, WHY_MAX);
    check.optional_text("step", step, STEP_MAX);
    Ok(check.done()?)
}

// Rules

impl Aggregate for Process {
    const NAME: &'static str = "process";
    type Id = ProcessId;
    type Command = ProcessCommand;
    type Event = ProcessEvent;
    type Rejection = ProcessRejection;

    fn permission(command: &ProcessCommand) -> Permission {
        match command {
            ProcessCommand::NoteRefusal(_) => Permission::OrdersApprove,
            ProcessCommand::Retry(_) | ProcessCommand::Skip(_) | ProcessCommand::Abandon(_) => {
                Permission::OperationsUpdate
            }
        }
    }

    fn decide(&self, command: &ProcessCommand) -> Result<Vec<ProcessEvent>, ProcessRejection> {
        use {ProcessCommand as C, ProcessEvent as E};
        Ok(match command {
            // Whoever gave it up wants to hear no more of it.
            C::NoteRefusal(refusal) if self.abandoned || self.refused.contains(&refusal.step) => vec![],
            C::NoteRefusal(refusal) => vec![E::StepRefused(refusal.clone())],
            C::Retry(decisions) => {
                let retried = decisions
                    .iter()
                    .map(|decision| self.decided(decision).map(E::StepRetried));
                retried.collect::<Result<_, _>>()?
            }
            C::Skip(decision) => vec![E::StepSkipped(self.decided(decision)?)],
            C::Abandon(abandonment) => {
                self.reasoned(&abandonment.why)?;
                vec![E::Abandoned(abandonment.clone())]
            }
        })
    }

    fn evolve(mut self, event: &ProcessEvent) -> Self {
        match event {
            ProcessEvent::StepRefused(refusal) => self.refused.push(refusal.step.clone()),
            ProcessEvent::StepRetried(Decision { step, .. }) | ProcessEvent::StepSkipped(Decision { step, .. }) => {
                self.refused.retain(|refused| refused != step);
            }
            ProcessEvent::Abandoned(_) => self.abandoned = true,
        }
        self
    }
}

impl Process {
    fn decided(&self, decision: &Decision) -> Result<Decision, ProcessRejection> {
        self.reasoned(&decision.why)?;
        match self.refused.contains(&decision.step) {
            true => Ok(decision.clone()),
            false => Err(ProcessRejection::NotRefused {
                step: decision.step.clone(),
            }),
        }
    }

    fn reasoned(&self, why: &str) -> Result<(), ProcessRejection> {
        check(why, None)?;
        match self.abandoned {
            true => Err(ProcessRejection::Ended),
            false => Ok(()),
        }
    }
}

// Memory

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Process {
    /// Steps that were refused and have not been decided on since.
    refused: Vec<String>,
    abandoned: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Rule,
        testing::{given, sample},
    };

    fn refused(step: &str) -> ProcessEvent {
        let ProcessEvent::StepRefused(refusal) = sample("process.step.refused.v1") else {
            panic!("another event")
        };
        let step = step.to_owned();
        ProcessEvent::StepRefused(Refusal { step, ..refusal })
    }

    fn note(step: &str) -> ProcessCommand {
        match refused(step) {
            ProcessEvent::StepRefused(refusal) => ProcessCommand::NoteRefusal(refusal),
            other => panic!("{other:?}"),
        }
    }

    fn decision(step: &str) -> Decision {
        let ProcessEvent::StepRetried(decision) = sample("process.step.retried.v1") else {
            panic!("another event")
        };
        let step = step.to_owned();
        Decision { step, ..decision }
    }

    fn retry(decision: Decision) -> ProcessCommand {
        ProcessCommand::Retry(vec![decision])
    }

    fn abandonment() -> Abandonment {
        match sample("process.abandoned.v1") {
            ProcessEvent::Abandoned(abandonment) => abandonment,
            other => panic!("{other:?}"),
        }
    }

    fn without_reason<T>(of: T, empty: fn(&mut T) -> &mut String) -> T {
        let mut of = of;
        empty(&mut of).clear();
        of
    }

    #[test]
    fn a_refusal_is_noted_once_a_step() {
        given::<Process>([]).when(note("order")).then([refused("order")]);
        given::<Process>([refused("order")]).when(note("order")).then([]);
        given::<Process>([refused("order")])
            .when(note("invoice"))
            .then([refused("invoice")]);
        given::<Process>([refused("order"), refused("invoice")])
            .when(note("order"))
            .then([]);
    }

    #[test]
    fn a_refused_step_is_decided_on_once_and_may_be_refused_again() {
        type Decide = (fn(Decision) -> ProcessCommand, fn(Decision) -> ProcessEvent);
        let both: [Decide; 2] = [
            (retry, ProcessEvent::StepRetried),
            (ProcessCommand::Skip, ProcessEvent::StepSkipped),
        ];
        for (command, event) in both {
            let decided = event(decision("order"));
            let (order, invoice) = (refused("order"), refused("invoice"));
            given::<Process>([order.clone(), invoice.clone()])
                .when(command(decision("order")))
                .then([decided.clone()]);
            let not_refused = |step: &str| ProcessRejection::NotRefused { step: step.to_owned() };
            given::<Process>([invoice.clone()])
                .when(command(decision("order")))
                .then_rejected(not_refused("order"));
            given::<Process>([order.clone(), decided.clone()])
                .when(command(decision("order")))
                .then_rejected(not_refused("order"));
            given::<Process>([order.clone(), decided.clone()])
                .when(note("order"))
                .then([order.clone()]);
            given::<Process>([order.clone(), decided.clone(), order])
                .when(command(decision("order")))
                .then([decided]);
        }
    }

    #[test]
    fn all_steps_are_retried_or_none() {
        let both = || ProcessCommand::Retry(vec![decision("order"), decision("invoice")]);
        let retried = ["order", "invoice"].map(|step| ProcessEvent::StepRetried(decision(step)));
        given::<Process>(["invoice", "order"].map(refused))
            .when(both())
            .then(retried);
        let step = "invoice".to_owned();
        given::<Process>([refused("order")])
            .when(both())
            .then_rejected(ProcessRejection::NotRefused { step });
    }

    #[test]
    fn what_is_abandoned_stays_so() {
        let abandon = || ProcessCommand::Abandon(abandonment());
        let abandoned = ProcessEvent::Abandoned(abandonment());
        given::<Process>([]).when(abandon()).then([abandoned.clone()]);
        let ended = || given::<Process>([refused("order"), abandoned.clone()]);
        ended().when(abandon()).then_rejected(ProcessRejection::Ended);
        for command in [retry, ProcessCommand::Skip] {
            ended()
                .when(command(decision("order")))
                .then_rejected(ProcessRejection::Ended);
        }
        ended().when(note("invoice")).then([]);
    }

    #[test]
    fn whoever_decides_says_why() {
        let unsaid = || ProcessRejection::Invalid(Violations::one("why", Rule::Required));
        let nameless = || without_reason(decision("order"), |decision| &mut decision.why);
        let abandon = ProcessCommand::Abandon(without_reason(abandonment(), |given_up| &mut given_up.why));
        for command in [retry(nameless()), ProcessCommand::Skip(nameless()), abandon] {
            given::<Process>([refused("order")])
                .when(command)
                .then_rejected(unsaid());
        }
    }

    #[test]
    fn which_instance_an_event_is_about() {
        let events: Vec<ProcessEvent> = crate::testing::samples::<Process>();
        assert_eq!(events.len(), 4);
        for event in events {
            let saga = "order_fulfillment_orchestrator";
            let instance = abandonment().instance;
            assert_eq!(event.instance_of(saga), Some(instance), "{event:?}");
            assert_eq!(event.instance_of("another"), None);
        }
    }
}
