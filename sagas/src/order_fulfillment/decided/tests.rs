//! What an order owes after an operator's word: each step that can be refused, asked for again and skipped.

use super::super::{
    OrderFulfillment,
    tests::{ORDER, answered, fold, ordered, ours, told, with_goods},
};
use crate::{
    Saga, Seen, Standing,
    testing::{after, decided, due, given_up, refusal, seen_at, steps},
};
use domain::process::ProcessEvent;

fn refused(step: &str) -> Seen {
    refusal(OrderFulfillment::NAME, ORDER, step, "test.refused")
}

fn retried(step: &str) -> Seen {
    let of_now = decided(ProcessEvent::StepRetried, OrderFulfillment::NAME, ORDER, step);
    let at = seen_at("2026-11-23T09:00:00Z", ORDER, of_now.fact.as_ref().clone()).at;
    Seen { at, ..of_now }
}

fn skipped(step: &str) -> Seen {
    decided(ProcessEvent::StepSkipped, OrderFulfillment::NAME, ORDER, step)
}

/// The line that is made waits for its materials.
fn with_production() -> OrderFulfillment {
    with_goods().evolve(&ours())
}

fn planned() -> OrderFulfillment {
    let made = with_production();
    let first = fold(made.clone(), &answered(&made, 0, 1_000, 0));
    let second = answered(&first, 0, 1_000, 0);
    fold(first, &second)
}

#[test]
fn what_is_retried_is_owed_again_and_has_its_hour_from_then_on() {
    let step = "produce line 1";
    let parked = fold(with_goods(), &[refused(step), told("tell parked")]);
    assert_eq!(parked.refused(), [step]);
    let again = parked.evolve(&retried(step));
    assert_eq!((again.refused(), again.standing()), (vec![], Standing::Running));
    assert_eq!(steps(&again, ORDER), [step]);
    let late = ("tell line 1 late".to_owned(), "2026-11-23T10:00:00Z".to_owned());
    assert_eq!(due(&again, ORDER), [late]);
}

#[test]
fn whichever_step_is_skipped_it_goes_on_without() {
    let done = |from: OrderFulfillment, step: &str| {
        assert!(steps(&from, ORDER).contains(&step.to_owned()), "{step} is owed");
        let parked = from.evolve(&refused(step));
        assert_eq!(parked.refused(), [step]);
        parked.evolve(&skipped(step))
    };
    assert_eq!(done(with_goods(), "produce line 1"), OrderFulfillment::Done);
    assert_eq!(done(planned(), "schedule line 1"), OrderFulfillment::Done);
    let mut made = with_production();
    let reserve = steps(&made, ORDER);
    assert_eq!(reserve.len(), 2, "{reserve:?}");
    for step in &reserve {
        made = done(made, step);
    }
    assert_eq!(steps(&made, ORDER), ["schedule line 1"], "nothing is to be held");
    let goods: OrderFulfillment = after(&[ordered()]);
    let shelf = steps(&goods, ORDER)
        .into_iter()
        .find(|step| step.starts_with("reserve"));
    let without = done(goods, &shelf.unwrap());
    assert_eq!(steps(&without, ORDER), ["produce line 1"]);
    let quiet = fold(with_goods(), &[refused("x")]);
    let untold = quiet.evolve(&refused("tell parked")).evolve(&skipped("tell parked"));
    assert_eq!(steps(&untold, ORDER), ["produce line 1"]);
}

#[test]
fn what_is_given_up_owes_nothing_for_ever() {
    let abandoned = given_up(OrderFulfillment::NAME, ORDER);
    for before in [with_goods(), planned(), with_goods().evolve(&refused("produce line 1"))] {
        let ended = before.evolve(&abandoned);
        assert_eq!((ended.standing(), ended.owed(ORDER)), (Standing::Abandoned, vec![]));
        assert_eq!(ended.clone().evolve(&retried("produce line 1")), ended);
        assert_eq!(ended.clone().evolve(&ordered()), ended);
    }
}
