//! Names that people and tables know, and a saga with its type forgotten.

use super::*;
use crate::{
    all,
    deal_won::DealWon,
    testing::{sample, seen},
};

#[test]
fn every_standing_has_its_name_and_those_that_wait_a_reason() {
    let reason = || "because".to_owned();
    for (standing, name, told) in [
        (Standing::Idle, "idle", None),
        (Standing::Running, "running", None),
        (Standing::Waiting { reason: reason() }, "waiting", Some("because")),
        (Standing::Done, "done", None),
        (Standing::Parked { reason: reason() }, "parked", Some("because")),
    ] {
        assert_eq!((standing.name(), standing.reason()), (name, told));
    }
}

#[test]
fn the_sagas_there_are() {
    let names: Vec<_> = all().iter().map(|process| process.name()).collect();
    assert_eq!(names, ["deal_won_orchestrator", "order_fulfillment_orchestrator"]);
}

#[test]
fn a_forgotten_type_folds_and_owes_as_the_saga_does() {
    let process = of::<DealWon>();
    let deal = Uuid::from_u128(100);
    let won = seen(deal, sample("deal.won.v1"));
    let other = seen(deal, sample("stock.short.v1"));
    assert_eq!((process.instance(&won), process.instance(&other)), (Some(deal), None));
    assert!(
        process.fold(None, &[&other], deal).unwrap().is_none(),
        "nothing has begun"
    );
    let folded = process.fold(None, &[&won], deal).unwrap().unwrap();
    let state = DealWon::default().evolve(&won);
    assert_eq!((folded.standing, folded.owes), (Standing::Running, true));
    assert_eq!(folded.state, serde_json::to_value(&state).unwrap());
    assert_eq!(process.owed(folded.state.clone(), deal).unwrap(), state.owed(deal));
    let again = process
        .fold(Some(folded.state.clone()), &[&other], deal)
        .unwrap()
        .unwrap();
    assert_eq!(again.state, folded.state);
    let done = process.fold(Some("Done".into()), &[&won], deal).unwrap().unwrap();
    assert_eq!((done.standing, done.owes), (Standing::Done, false));
    assert!(process.fold(Some("Nonsense".into()), &[&won], deal).is_err());
}
