//! Given what happened, when something more does, then this is owed.

use super::{Failure::*, Group, Owed, Progress, Rules, Seen, Seen::*, Strategy, Why};

const RULES: Rules = Rules {
    strategy: Strategy::RoundRobin,
    timeout: Some(100),
    retries_max: 2,
};

/// Everything happens at 0 but what the test is about.
struct Given(Group, Vec<Owed>);

fn given(rules: Rules, past: impl IntoIterator<Item = Seen>) -> Given {
    let mut group = Group::new(rules, 0);
    for seen in past {
        group.see(seen, 0);
    }
    Given(group, vec![])
}

impl Given {
    #[track_caller]
    fn when(mut self, now: i64, seen: Seen) -> Self {
        self.1 = self.0.see(seen, now);
        self
    }

    #[track_caller]
    fn then(self, owed: &[Owed]) -> Self {
        assert_eq!(self.1, owed);
        self
    }

    #[track_caller]
    fn keeps(self, taken: i64, open: &[(i64, u32)]) {
        let open = open.to_vec();
        assert_eq!(self.0.progress(), Progress { taken, open });
    }
}

fn taken(place: i64) -> Seen {
    of_stream(place, 0)
}

fn of_stream(place: i64, pin: u64) -> Seen {
    Taken { place, pin, tries: 0 }
}

fn joined(seat: u64) -> Seen {
    Joined { seat, room: 2 }
}

fn failed(place: i64, how: super::Failure) -> Seen {
    Failed { seat: 1, place, how }
}

fn hand(seat: u64, place: i64, tries: u32) -> Owed {
    Owed::Hand { seat, place, tries }
}

fn park(place: i64, why: Why) -> Owed {
    Owed::Park { place, why }
}

#[test]
fn messages_wait_until_somebody_has_room() {
    given(RULES, []).when(0, taken(1)).then(&[]).keeps(1, &[(1, 0)]);
    given(RULES, [taken(1), taken(2), taken(3)])
        .when(0, joined(1))
        .then(&[hand(1, 1, 0), hand(1, 2, 0)])
        .keeps(3, &[(1, 0), (2, 0), (3, 0)]);
    given(RULES, [taken(1), taken(2), taken(3), joined(1)])
        .when(0, Done { seat: 1, place: 1 })
        .then(&[hand(1, 3, 0)])
        .keeps(3, &[(2, 0), (3, 0)]);
    given(RULES, [taken(1)])
        .when(0, Passed { place: 9 })
        .then(&[])
        .keeps(9, &[(1, 0)]);
}

#[test]
fn what_is_answered_by_who_does_not_hold_it_changes_nothing() {
    for seen in [
        Done { seat: 2, place: 1 },
        Done { seat: 1, place: 7 },
        Failed {
            seat: 2,
            place: 1,
            how: Park,
        },
        Failed {
            seat: 1,
            place: 7,
            how: Skip,
        },
        Left { seat: 2 },
    ] {
        given(RULES, [joined(1), taken(1)])
            .when(0, seen)
            .then(&[])
            .keeps(1, &[(1, 0)]);
    }
}

#[test]
fn what_could_not_be_dealt_with_is_tried_again_parked_or_skipped() {
    let past = || [joined(1), taken(1)];
    given(RULES, past())
        .when(5, failed(1, Retry))
        .then(&[hand(1, 1, 1)])
        .keeps(1, &[(1, 1)]);
    given(RULES, past())
        .when(5, failed(1, Park))
        .then(&[park(1, Why::Asked)])
        .keeps(1, &[]);
    given(RULES, past()).when(5, failed(1, Skip)).then(&[]).keeps(1, &[]);
    let often = past().into_iter().chain([failed(1, Retry), failed(1, Retry)]);
    given(RULES, often)
        .when(5, failed(1, Retry))
        .then(&[park(1, Why::Tried)])
        .keeps(1, &[]);
    let before = [
        joined(1),
        Taken {
            place: 1,
            pin: 0,
            tries: 2,
        },
    ];
    given(RULES, before)
        .when(5, failed(1, Retry))
        .then(&[park(1, Why::Tried)])
        .keeps(1, &[]);
    let never = Rules {
        retries_max: 0,
        ..RULES
    };
    given(never, past())
        .when(5, failed(1, Retry))
        .then(&[park(1, Why::Tried)])
        .keeps(1, &[]);
}

#[test]
fn what_is_not_answered_in_time_is_given_to_another() {
    let past = || [joined(1), joined(2), taken(1)];
    given(RULES, past()).when(99, Ticked).then(&[]);
    given(RULES, past())
        .when(100, Ticked)
        .then(&[hand(2, 1, 1)])
        .keeps(1, &[(1, 1)]);
    let patient = Rules { timeout: None, ..RULES };
    given(patient, past()).when(i64::MAX, Ticked).then(&[]);
}

#[test]
fn what_a_consumer_held_that_left_is_given_to_who_stays() {
    given(RULES, [joined(1), taken(1), taken(2), joined(2)])
        .when(0, Left { seat: 1 })
        .then(&[hand(2, 1, 1), hand(2, 2, 1)])
        .keeps(2, &[(1, 1), (2, 1)]);
    given(RULES, [joined(1), taken(1)])
        .when(0, Left { seat: 1 })
        .then(&[])
        .keeps(1, &[(1, 1)]);
}

#[test]
fn each_strategy_has_its_next_one() {
    let past = |strategy| given(Rules { strategy, ..RULES }, [joined(1), joined(2), taken(1)]);
    past(Strategy::RoundRobin).when(0, taken(2)).then(&[hand(2, 2, 0)]);
    past(Strategy::Single).when(0, taken(2)).then(&[hand(1, 2, 0)]);
    let full = given(
        Rules {
            strategy: Strategy::Single,
            ..RULES
        },
        [joined(1), joined(2), taken(1), taken(2)],
    );
    full.when(0, taken(3)).then(&[hand(2, 3, 0)]);
}

#[test]
fn streams_are_pinned_to_one_consumer_while_it_stays() {
    let pinned = Rules {
        strategy: Strategy::Pinned,
        ..RULES
    };
    let two = [joined(1), joined(2), of_stream(1, 7), of_stream(2, 8)];
    given(pinned, two).when(0, of_stream(3, 7)).then(&[hand(1, 3, 0)]);
    given(pinned, two).when(0, of_stream(3, 8)).then(&[hand(2, 3, 0)]);
    // It waits for who has no room, and holds up no other stream.
    let full = || two.into_iter().chain([of_stream(3, 7), of_stream(4, 7)]);
    given(pinned, full()).when(0, of_stream(5, 8)).then(&[hand(2, 5, 0)]);
    given(pinned, full())
        .when(0, Left { seat: 1 })
        .then(&[hand(2, 1, 1)])
        .keeps(4, &[(1, 1), (2, 0), (3, 1), (4, 0)]);
    // Who comes later gets those that nobody works on.
    let idle = [
        joined(1),
        of_stream(1, 7),
        of_stream(2, 8),
        Done { seat: 1, place: 1 },
        Done { seat: 1, place: 2 },
    ];
    given(pinned, idle.into_iter().chain([joined(2)]))
        .when(0, of_stream(3, 8))
        .then(&[hand(2, 3, 0)]);
}
