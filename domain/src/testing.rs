//! given / when / then for aggregates, so that a rule's test reads as the rule.

use crate::Aggregate;

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
