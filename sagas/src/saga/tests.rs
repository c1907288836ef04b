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
        (Standing::Abandoned, "abandoned", None),
    ] {
        assert_eq!((standing.name(), standing.reason()), (name, told));
        assert_eq!(standing.is_end(), matches!(name, "done" | "abandoned"));
    }
}

#[test]
fn the_sagas_there_are() {
    let names: Vec<_> = all().iter().map(|process| process.name()).collect();
    assert_eq!(
        names,
        [
            "deal_won_orchestrator",
            "order_fulfillment_orchestrator",
            "invoice_collection",
            "replenishment",
            "order_completion",
            "order_cancellation",
            "order_billing",
        ]
    );
}

#[test]
fn a_forgotten_type_folds_and_owes_as_the_saga_does() {
    let process = of::<DealWon>();
    let deal = Uuid::from_u128(100);
    let won = seen(deal, sample("deal.won.v1"));
    let other = seen(deal, sample("stock.short.v1"));
    assert_eq!((process.instance(&won), process.instance(&other)), (Some(deal), None));
    let nothing = process.fold(None, std::slice::from_ref(&other), deal);
    assert!(nothing.is_none(), "nothing has begun");
    let folded = process.fold(None, std::slice::from_ref(&won), deal).unwrap();
    let state = DealWon::default().evolve(&won);
    assert_eq!((folded.standing, folded.owed), (Standing::Running, state.owed(deal)));
    let stored = process.store(&folded.state).unwrap();
    assert_eq!(stored, serde_json::to_string(&state).unwrap());
    let (woken, owed) = process.wake(serde_json::from_str(&stored).unwrap(), deal).unwrap();
    assert_eq!(owed, state.owed(deal));
    for known in [folded.state, woken] {
        let again = process.fold(Some(known), std::slice::from_ref(&other), deal).unwrap();
        assert_eq!(process.store(&again.state).unwrap(), stored);
    }
    let (done, _) = process.wake("Done".into(), deal).unwrap();
    let done = process.fold(Some(done), &[won], deal).unwrap();
    assert_eq!((done.standing, done.owed), (Standing::Done, vec![]));
    assert!(process.wake("Nonsense".into(), deal).is_err());
}
