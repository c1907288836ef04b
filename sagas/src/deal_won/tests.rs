//! What a won deal owes after which facts.

use super::*;
use crate::{
    Saga, Standing,
    testing::{after, decided, due, given_up, refusal, sample, seen, seen_at, steps},
};
use std::sync::Arc;

/// The deal that the samples of its order and its invoice name.
fn deal() -> Uuid {
    match sample("order.created.v1") {
        Fact::Order(OrderEvent::Created(order)) => order.deal_id.map(DealId::uuid).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn won() -> Seen {
    seen(deal(), sample("deal.won.v1"))
}

fn sold() -> Won {
    match Arc::unwrap_or_clone(won().fact) {
        Fact::Deal(DealEvent::Won(won)) => *won,
        other => panic!("{other:?}"),
    }
}

fn ordered() -> Seen {
    seen(order_id(deal()), sample("order.created.v1"))
}

fn invoiced() -> Seen {
    seen(invoice_id(deal()), sample("invoice.created.v1"))
}

fn told(step: &str) -> Seen {
    seen(derive(deal(), step), about(deal()))
}

fn about(about: Uuid) -> Fact {
    match sample("notification.created.v1") {
        Fact::Notification(NotificationEvent::Created(mut created)) => {
            created.about = about;
            Fact::Notification(NotificationEvent::Created(created))
        }
        other => panic!("{other:?}"),
    }
}

fn refused(step: &str, code: &str) -> Seen {
    refusal(DealWon::NAME, deal(), step, code)
}

fn owed(facts: &[Seen]) -> Vec<String> {
    steps(&after::<DealWon>(facts), deal())
}

#[test]
fn which_deal_a_fact_concerns() {
    for (seen, concerns) in [
        (won(), true),
        (ordered(), true),
        (invoiced(), true),
        (told("notify owner"), true),
        (refused("order", "x"), true),
        (refusal("another", deal(), "order", "x"), false),
        (seen(deal(), sample("deal.lost.v1")), false),
        (seen(deal(), sample("invoice.paid.v1")), false),
        (seen(deal(), sample("stock.short.v1")), false),
    ] {
        let expected = concerns.then(deal);
        assert_eq!(DealWon::instance(&seen), expected, "{seen:?}");
    }
    assert_ne!(order_id(deal()).uuid(), order_id(Uuid::nil()).uuid());
    assert_ne!(order_id(deal()).uuid(), invoice_id(deal()).uuid());
    assert_ne!(invoice_id(deal()), invoice_id(Uuid::nil()));
}

#[test]
fn one_step_after_the_other_and_people_beside() {
    let all = [
        won(),
        ordered(),
        invoiced(),
        told("notify owner"),
        told("notify assignee"),
    ];
    let people = ["notify owner", "notify assignee"];
    let first = |step: &'static str| [&[step][..], &people[..]].concat();
    assert_eq!(owed(&[]), Vec::<String>::new());
    assert_eq!(owed(&all[1..]), Vec::<String>::new(), "nothing without the deal");
    assert_eq!(owed(&all[..1]), first("order"));
    assert_eq!(owed(&all[..2]), first("invoice"));
    assert_eq!(owed(&all[..3]), people);
    assert_eq!(owed(&all[..4]), people[1..]);
    assert_eq!(owed(&all), Vec::<String>::new());
    assert_eq!(after::<DealWon>(&all), DealWon::Done);
    assert_eq!(after::<DealWon>(&all[1..]).standing(), Standing::Idle);
    for known in 1..all.len() {
        assert_eq!(after::<DealWon>(&all[..known]).standing(), Standing::Running);
        // Whatever is left out, it is not done.
        let but_one = [&all[..known], &all[known + 1..]].concat();
        assert_ne!(after::<DealWon>(&but_one), DealWon::Done, "without {:?}", all[known]);
    }
    let late = after::<DealWon>(&all).evolve(&won());
    assert_eq!(late, DealWon::Done);
}

#[test]
fn what_somebody_else_makes_of_the_deal_is_not_ours() {
    let others_order = seen(Uuid::from_u128(1), sample("order.created.v1"));
    let others_invoice = seen(Uuid::from_u128(2), sample("invoice.created.v1"));
    assert_eq!(owed(&[won(), others_order]), owed(&[won()]));
    assert_eq!(owed(&[won(), ordered(), others_invoice]), owed(&[won(), ordered()]));
}

#[test]
fn order_and_invoice_say_what_was_sold() {
    let mut owed = after::<DealWon>(&[won()]).owed(deal());
    let Act::CreateOrder(id, order) = owed.remove(0).act else {
        panic!("the order comes first")
    };
    let sold = sold();
    assert_eq!((id, order.order_number), (order_id(deal()), Number::pending()));
    assert_eq!((&order.items, order.total_amount), (&sold.items, sold.amount));
    assert_eq!(order.custom, sold.custom);
    assert_eq!(
        (order.customer_id, order.deal_id),
        (sold.customer_id, Some(DealId::new(deal())))
    );
    assert_eq!(
        (order.deal_number, order.assigned_to),
        (Some(sold.deal_number.clone()), sold.assigned_to)
    );
    let mut owed = after::<DealWon>(&[won(), ordered()]).owed(deal());
    let Act::CreateInvoice(id, invoice) = owed.remove(0).act else {
        panic!("then the invoice")
    };
    assert_eq!((id, invoice.order_id), (invoice_id(deal()), Some(order_id(deal()))));
    assert_eq!((&invoice.items, invoice.amount), (&sold.items, sold.amount));
    assert_eq!(invoice.order_number, Some("ORD-2026-0001".into()));
    assert_eq!(
        (invoice.kind, invoice.status),
        (InvoiceKind::Proforma, invoice::Status::Sent)
    );
    assert_eq!(invoice.issue_date.to_string(), "2026-11-21");
    assert!(invoice.due_date > invoice.issue_date);
}

#[test]
fn people_hear_what_was_won() {
    let news = after::<DealWon>(&[won()]).owed(deal()).split_off(1);
    let audiences = [
        Audience::Role(Role::Owner),
        sold().assigned_to.map(Audience::User).unwrap(),
    ];
    for (owed, audience) in news.into_iter().zip(audiences) {
        let Act::Notify(id, created) = owed.act else {
            panic!("{owed:?}")
        };
        assert_eq!(id.uuid(), derive(deal(), &owed.step));
        assert_eq!(
            (created.topic, created.audience, created.about),
            (Topic::DealWon, audience, deal())
        );
        assert_eq!(
            (&created.data["title"], &created.data["amount"]),
            (&json!("ERP"), &json!(22_500_000))
        );
    }
}

#[test]
fn a_refused_step_parks_it_and_somebody_is_told() {
    let parked = [won(), refused("order", "order.empty"), refused("invoice", "later")];
    let state = after::<DealWon>(&parked);
    let reason = "order: order.empty".to_owned();
    assert_eq!(
        state.standing(),
        Standing::Parked { reason },
        "the first refusal counts"
    );
    assert_eq!(
        steps(&state, deal()),
        ["notify owner", "notify assignee", "notify parked"]
    );
    let news = state.owed(deal()).into_iter().find(|owed| owed.step == "notify parked");
    let Some(Act::Notify(_, created)) = news.map(|owed| owed.act) else {
        panic!("nobody is told")
    };
    assert_eq!(
        (created.topic, &created.data["reason"]),
        (Topic::ProcessParked, &json!("order.empty"))
    );
    // What was refused is not asked for again, be it a notification.
    assert_eq!(
        owed(&[won(), ordered(), invoiced(), refused("notify owner", "x")]),
        ["notify assignee", "notify parked"]
    );
    let people = ["notify owner", "notify assignee", "notify parked"].map(told);
    let all = [
        &[won(), ordered(), invoiced(), refused("invoice", "x")][..],
        &people[..],
    ]
    .concat();
    assert_eq!(owed(&all), Vec::<String>::new());
    assert!(
        matches!(after::<DealWon>(&all).standing(), Standing::Parked { .. }),
        "not done"
    );
}

/// Won at ten.
#[test]
fn what_has_not_ended_in_an_hour_is_told_of_once() {
    let late = |facts: &[Seen]| due(&after::<DealWon>(facts), deal());
    let at_eleven = [("tell late".to_owned(), "2026-11-21T11:00:00Z".to_owned())];
    assert_eq!(late(&[won()]), at_eleven);
    assert_eq!(
        late(&[won(), ordered(), invoiced()]),
        at_eleven,
        "people are yet to be told"
    );
    assert_eq!(late(&[won(), ordered(), told("tell late")]), []);
    assert_eq!(owed(&[won(), told("tell late"), ordered()])[0], "invoice", "it goes on");
    let ended = [
        won(),
        ordered(),
        invoiced(),
        told("notify owner"),
        told("notify assignee"),
    ];
    assert_eq!(late(&ended), []);
}

#[test]
fn a_refusal_that_nobody_looks_after_is_told_of_again_after_three_days() {
    let refused = Seen {
        at: seen_at("2026-11-21T10:30:00Z", deal(), won().fact.as_ref().clone()).at,
        ..refused("order", "order.empty")
    };
    let parked = [won(), refused, told("notify parked")];
    let state = after::<DealWon>(&parked);
    let in_three_days = ("tell still parked".to_owned(), "2026-11-24T10:30:00Z".to_owned());
    assert_eq!(due(&state, deal()), [in_three_days]);
    let told_again = state.clone().evolve(&told("tell still parked"));
    assert_eq!(due(&told_again, deal()), []);
    let Some(Act::Notify(_, created)) = state.owed(deal()).pop().map(|owed| owed.act) else {
        panic!("nobody is told")
    };
    assert_eq!(
        (created.topic, created.audience, &created.data["since"]),
        (Topic::ProcessLate, Audience::Role(Role::Owner), &json!("2026-11-21"))
    );
}

fn word(how: fn(Decision) -> ProcessEvent, step: &str) -> Seen {
    decided(how, DealWon::NAME, deal(), step)
}

#[test]
fn what_is_retried_is_owed_again_and_has_an_hour_from_then_on() {
    let retried = Seen {
        at: seen_at("2026-11-23T09:00:00Z", deal(), won().fact.as_ref().clone()).at,
        ..word(ProcessEvent::StepRetried, "order")
    };
    let parked = [won(), refused("order", "x"), told("notify parked")];
    let state = after::<DealWon>(&parked);
    assert_eq!(state.refused(), ["order"]);
    let again = state.evolve(&retried);
    assert_eq!((again.standing(), again.refused()), (Standing::Running, vec![]));
    assert_eq!(steps(&again, deal()), owed(&[won()]));
    let late = ("tell late".to_owned(), "2026-11-23T10:00:00Z".to_owned());
    assert_eq!(due(&again, deal()), [late]);
    // The other one that was refused still waits.
    let both = after::<DealWon>(&[won(), refused("order", "x"), refused("notify owner", "y"), retried]);
    assert_eq!(both.refused(), ["notify owner"]);
    assert_eq!(steps(&both, deal()), ["order", "notify assignee", "notify parked"]);
    let Some(Act::CreateInvoice(_, invoice)) = after::<DealWon>(&[won(), ordered()])
        .owed(deal())
        .into_iter()
        .next()
        .map(|owed| owed.act)
    else {
        panic!("the invoice is next")
    };
    assert_eq!(invoice.issue_date.to_string(), "2026-11-21", "of the day it was won");
}

#[test]
fn what_is_skipped_is_gone_without() {
    let skipped = |step: &str| word(ProcessEvent::StepSkipped, step);
    let orderless = [won(), refused("order", "x"), skipped("order")];
    let mut owed = after::<DealWon>(&orderless).owed(deal());
    let Act::CreateInvoice(_, invoice) = owed.remove(0).act else {
        panic!("the invoice is next")
    };
    assert_eq!((invoice.order_id, invoice.order_number), (None, None));
    let people = ["notify owner", "notify assignee"].map(told);
    let rest = |facts: &[Seen]| after::<DealWon>(&[facts, &people].concat());
    assert_ne!(rest(&orderless), DealWon::Done);
    assert_eq!(rest(&[&orderless[..], &[invoiced()]].concat()), DealWon::Done);
    let billless = [won(), ordered(), refused("invoice", "x"), skipped("invoice")];
    assert_eq!(rest(&billless), DealWon::Done);
    let unheard = [
        won(),
        ordered(),
        invoiced(),
        refused("notify owner", "x"),
        skipped("notify owner"),
        told("notify assignee"),
    ];
    assert_eq!(after::<DealWon>(&unheard), DealWon::Done);
}

#[test]
fn what_is_given_up_owes_nothing_for_ever() {
    let abandoned = given_up(DealWon::NAME, deal());
    for before in [&[won()][..], &[won(), ordered()], &[won(), refused("order", "x")]] {
        let ended = after::<DealWon>(before).evolve(&abandoned);
        assert_eq!((ended.standing(), ended.owed(deal())), (Standing::Abandoned, vec![]));
        let again = word(ProcessEvent::StepRetried, "order");
        assert_eq!(ended.clone().evolve(&again).evolve(&won()), ended);
    }
    assert_eq!(after::<DealWon>(&[abandoned]), DealWon::Idle, "nothing has begun");
}

/// Its order was cancelled before the invoice was written, and that will not be written any more.
#[test]
fn an_invoice_that_is_cancelled_beforehand_is_not_waited_for() {
    let cancelled = || seen(invoice_id(deal()), sample("invoice.cancelled.v1"));
    assert_eq!(DealWon::instance(&cancelled()), Some(deal()));
    assert!(owed(&[won(), ordered()]).contains(&INVOICE.to_owned()));
    assert!(!owed(&[won(), ordered(), cancelled()]).contains(&INVOICE.to_owned()));
}
