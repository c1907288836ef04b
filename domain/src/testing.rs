//! given / when / then for aggregates, so that a rule's test reads as the rule. What holds for every aggregate alike is
//! tested once for all of them: [`properties`], [`rejections`].

mod properties;
mod rejections;

use crate::{Aggregate, Event, fact};
use serde_json::Value;

/// The samples of an aggregate's events, of every version ever stored.
pub fn samples<A: Aggregate>() -> Vec<A::Event> {
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/samples")).unwrap();
    let of_category = files.filter_map(|file| {
        let sample = read(&file.unwrap().path());
        (sample["category"] == A::NAME).then_some(sample)
    });
    of_category.map(|sample| decode(&sample)).collect()
}

/// The sample of one version of one type: `sample("deal.won.v1")`. Its fields are all there, so that a test that needs
/// one of them need not name the others.
pub fn sample<E: Event>(versioned: &str) -> E {
    let file = format!("{}/samples/{versioned}.json", env!("CARGO_MANIFEST_DIR"));
    decode(&read(file.as_ref()))
}

fn read(file: &std::path::Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn decode<E: Event>(sample: &Value) -> E {
    let (event_type, schema) = (sample["type"].as_str().unwrap(), sample["schema"].as_i64().unwrap());
    fact::decode(event_type, i32::try_from(schema).unwrap(), &sample["data"].to_string()).unwrap()
}

/// The events that happened before.
pub struct Given<A: Aggregate>(A);

pub fn given<A: Aggregate>(events: impl IntoIterator<Item = A::Event>) -> Given<A> {
    Given(
        events
            .into_iter()
            .fold(A::default(), |state, event| state.evolve(&event)),
    )
}

pub struct When<A: Aggregate>(Result<Vec<A::Event>, A::Rejection>);

impl<A: Aggregate> Given<A> {
    pub fn when(self, command: A::Command) -> When<A> {
        When(self.0.decide(&command))
    }
}

impl<A: Aggregate> When<A> {
    #[track_caller]
    pub fn then(self, expected: impl IntoIterator<Item = A::Event>) {
        let expected: Vec<_> = expected.into_iter().collect();
        match self.0 {
            Ok(events) => assert_eq!(events, expected),
            Err(rejection) => panic!("rejected: {rejection}"),
        }
    }

    #[track_caller]
    pub fn then_rejected(self, expected: A::Rejection) {
        match self.0 {
            Ok(events) => panic!("accepted: {events:?}"),
            Err(rejection) => assert!(rejection == expected, "rejected, but with: {rejection}"),
        }
    }
}
