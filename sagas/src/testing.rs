//! Facts for tests: the events' samples, so that a test names what it is about and no other field.

use crate::{Owed, Saga, Seen};
use chrono::{DateTime, SecondsFormat, Utc};
use domain::{
    Fact,
    process::{Abandonment, Decision, ProcessEvent, Refusal},
};
use serde_json::Value;
use std::sync::Arc;
use uuid::Uuid;

/// The sample of one version of one type: `sample("deal.won.v1")`.
pub fn sample(versioned: &str) -> Fact {
    let file = format!("{}/../domain/samples/{versioned}.json", env!("CARGO_MANIFEST_DIR"));
    let sample: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let word = |key: &str| sample[key].as_str().unwrap();
    Fact::decode(word("category"), word("type"), 1, &sample["data"].to_string()).unwrap()
}

pub fn seen(id: impl Into<Uuid>, fact: Fact) -> Seen {
    seen_at("2026-11-21T10:00:00Z", id, fact)
}

pub fn seen_at(at: &str, id: impl Into<Uuid>, fact: Fact) -> Seen {
    Seen {
        id: id.into(),
        at: at.parse::<DateTime<Utc>>().unwrap(),
        fact: Arc::new(fact),
    }
}

pub fn refusal(saga: &str, instance: Uuid, step: &str, code: &str) -> Seen {
    let refusal = Refusal {
        saga: saga.into(),
        instance,
        step: step.into(),
        code: code.into(),
        message: String::new(),
    };
    seen(Uuid::from_u128(77), Fact::Process(ProcessEvent::StepRefused(refusal)))
}

/// What an operator decided: `decided(ProcessEvent::StepRetried, …)`.
pub fn decided(how: fn(Decision) -> ProcessEvent, saga: &str, instance: Uuid, step: &str) -> Seen {
    let decision = Decision {
        saga: saga.into(),
        instance,
        step: step.into(),
        why: String::new(),
    };
    seen(Uuid::from_u128(77), Fact::Process(how(decision)))
}

pub fn given_up(saga: &str, instance: Uuid) -> Seen {
    let given_up = Abandonment {
        saga: saga.into(),
        instance,
        why: String::new(),
    };
    seen(Uuid::from_u128(77), Fact::Process(ProcessEvent::Abandoned(given_up)))
}

/// What is owed at once.
pub fn at_once<S: Saga>(saga: &S, instance: Uuid) -> Vec<Owed> {
    let owed = saga.owed(instance).into_iter();
    owed.filter(|owed| owed.due.is_none()).collect()
}

/// The steps owed at once.
pub fn steps<S: Saga>(saga: &S, instance: Uuid) -> Vec<String> {
    at_once(saga, instance).into_iter().map(|owed| owed.step).collect()
}

/// The steps that wait for their time, and for which.
pub fn due<S: Saga>(saga: &S, instance: Uuid) -> Vec<(String, String)> {
    let owed = saga.owed(instance).into_iter();
    let due = owed.filter_map(|owed| Some((owed.step, owed.due?)));
    due.map(|(step, due)| (step, due.to_rfc3339_opts(SecondsFormat::Secs, true)))
        .collect()
}

pub fn after<S: Saga>(facts: &[Seen]) -> S {
    facts.iter().fold(S::default(), |saga, seen| saga.evolve(seen))
}
