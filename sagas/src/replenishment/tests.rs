//! What a product that fell below its minimum owes, and to whom.

use super::*;
use crate::testing::{after, decided, given_up, refusal, sample, seen, steps};

const PRODUCT: Uuid = Uuid::from_u128(100);

fn fell() -> Seen {
    let Fact::Stock(StockEvent::Low {
        product_code,
        product_name,
        unit,
        available,
        min,
        ..
    }) = sample("stock.low.v1")
    else {
        panic!("another event")
    };
    let low = StockEvent::Low {
        product_id: PRODUCT.into(),
        product_code,
        product_name,
        unit,
        available,
        min,
    };
    seen(Uuid::from_u128(5), Fact::Stock(low))
}

fn told(step: &str, topic: Topic) -> Seen {
    match sample("notification.created.v1") {
        Fact::Notification(NotificationEvent::Created(mut created)) => {
            (created.about, created.topic) = (PRODUCT, topic);
            seen(
                derive(PRODUCT, step),
                Fact::Notification(NotificationEvent::Created(created)),
            )
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn which_product_a_fact_concerns() {
    for (seen, concerns) in [
        (fell(), true),
        (told("tell owner 1", Topic::StockLow), true),
        (told("tell owner 1", Topic::DealWon), false),
        (refusal(Replenishment::NAME, PRODUCT, "tell owner 1", "x"), true),
        (refusal("another", PRODUCT, "tell owner 1", "x"), false),
        (seen(PRODUCT, sample("stock.received.v1")), false),
    ] {
        let expected = concerns.then_some(PRODUCT);
        assert_eq!(Replenishment::instance(&seen), expected, "{seen:?}");
    }
}

#[test]
fn who_orders_goods_is_told_once_each_time_it_falls() {
    let first = after::<Replenishment>(&[fell()]);
    assert_eq!(steps(&first, PRODUCT), ["tell owner 1", "tell stockkeeper 1"]);
    let Some(Act::Notify(id, created)) = first.owed(PRODUCT).pop().map(|owed| owed.act) else {
        panic!("nobody is told")
    };
    assert_eq!(id.uuid(), derive(PRODUCT, "tell stockkeeper 1"));
    assert_eq!(
        (created.topic, created.audience, created.about),
        (Topic::StockLow, Audience::Role(Role::Stockkeeper), PRODUCT)
    );
    assert_eq!(
        (
            &created.data["productCode"],
            &created.data["available"],
            &created.data["minStock"]
        ),
        (&json!("PRD-001"), &json!(4), &json!(5))
    );
    let one = first.evolve(&told("tell owner 1", Topic::StockLow));
    assert_eq!(steps(&one, PRODUCT), ["tell stockkeeper 1"]);
    let both = one.evolve(&told("tell stockkeeper 1", Topic::StockLow));
    assert_eq!((steps(&both, PRODUCT), both.standing().name()), (vec![], "waiting"));
    let again = both.evolve(&fell());
    assert_eq!(steps(&again, PRODUCT), ["tell owner 2", "tell stockkeeper 2"]);
}

#[test]
fn what_is_refused_waits_for_a_person() {
    let step = "tell owner 1";
    let state = after::<Replenishment>(&[
        fell(),
        told("tell stockkeeper 1", Topic::StockLow),
        refusal(Replenishment::NAME, PRODUCT, step, "x"),
    ]);
    let reason = format!("{step}: x");
    assert_eq!(
        (state.standing(), state.owed(PRODUCT)),
        (Standing::Parked { reason }, vec![])
    );
    assert_eq!(state.refused(), [step]);
    let word = |how| decided(how, Replenishment::NAME, PRODUCT, step);
    assert_eq!(
        steps(&state.clone().evolve(&word(ProcessEvent::StepRetried)), PRODUCT),
        [step]
    );
    let skipped = state.clone().evolve(&word(ProcessEvent::StepSkipped));
    assert_eq!((skipped.standing().name(), skipped.owed(PRODUCT)), ("waiting", vec![]));
    let ended = state.evolve(&given_up(Replenishment::NAME, PRODUCT));
    assert_eq!((ended.standing(), ended.owed(PRODUCT)), (Standing::Abandoned, vec![]));
    assert_eq!(ended.clone().evolve(&fell()), ended);
}

#[test]
fn what_is_not_too_little_begins_nothing() {
    let received = seen(PRODUCT, sample("stock.received.v1"));
    assert_eq!(after::<Replenishment>(&[received]), Replenishment::Idle);
}
