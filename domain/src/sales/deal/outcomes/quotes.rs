//! What is offered, sent, accepted and declined.

use super::*;
use crate::finance::Currency;

fn quote_id(n: u128) -> QuoteId {
    QuoteId::new(uuid::Uuid::from_u128(n))
}

fn quote(n: u128) -> DealCommand {
    DealCommand::Quote(Box::new(Offer {
        id: quote_id(n),
        valid_until: NaiveDate::from_ymd_opt(2026, 12, 31),
        notes: Some("With delivery".into()),
    }))
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn accept_on(n: u128, day: NaiveDate) -> DealCommand {
    DealCommand::AcceptQuote(Acceptance {
        quote: quote_id(n),
        by: Some("Нұрдәулет".into()),
        today: day,
        now: Box::default(),
    })
}

fn accept(n: u128) -> DealCommand {
    accept_on(n, day("2026-12-31"))
}

fn decline(n: u128) -> DealCommand {
    DealCommand::DeclineQuote {
        quote: quote_id(n),
        reason: Some("too expensive".into()),
    }
}

/// The n-th version of what the sample deal is offered for.
fn quoted(n: u128) -> DealEvent {
    let DealEvent::Created { details, .. } = open() else {
        panic!("another event")
    };
    quoted_to(n, details.customer_id)
}

fn quoted_to(n: u128, customer_id: Option<CustomerId>) -> DealEvent {
    let DealEvent::Created { products, details, .. } = open() else {
        panic!("another event")
    };
    DealEvent::QuoteMade(Box::new(Quote {
        quote_id: quote_id(n),
        number: u32::try_from(n).unwrap(),
        replaces: (n > 1).then(|| quote_id(n - 1)),
        customer_id,
        items: products,
        amount: Money::whole(20_856_000),
        currency: details.currency,
        valid_until: NaiveDate::from_ymd_opt(2026, 12, 31),
        notes: Some("With delivery".into()),
    }))
}

/// The deal is given to another customer, or to none.
fn given_to(customer: Option<u128>) -> DealEvent {
    let customer = customer.map(|n| CustomerId::new(uuid::Uuid::from_u128(n)));
    DealEvent::Updated {
        change: Box::new(Change {
            customer_id: crate::Patch::Set(customer),
            ..Change::default()
        }),
        products: None,
    }
}

fn sent(n: u128) -> DealEvent {
    DealEvent::QuoteSent { quote_id: quote_id(n) }
}

fn declined(n: u128) -> DealEvent {
    let DealEvent::Created { details, .. } = open() else {
        panic!("another event")
    };
    declined_by(n, details.customer_id)
}

fn declined_by(n: u128, customer_id: Option<CustomerId>) -> DealEvent {
    DealEvent::QuoteDeclined {
        quote_id: quote_id(n),
        customer_id,
        reason: Some("too expensive".into()),
    }
}

fn accepted(n: u128) -> DealEvent {
    let DealEvent::Created { details, .. } = open() else {
        panic!("another event")
    };
    DealEvent::QuoteAccepted {
        quote_id: quote_id(n),
        customer_id: details.customer_id.unwrap(),
        by: Some("Нұрдәулет".into()),
    }
}

#[test]
fn a_quote_is_a_version_of_what_the_deal_offers() {
    let when = |before: Vec<DealEvent>, n| given::<Deal>(before).when(quote(n));
    when(vec![open()], 1).then([quoted(1)]);
    when(vec![open(), quoted(1)], 1).then([]);
    when(vec![open(), quoted(1)], 2).then([quoted(2)]);
    let nobodys = but(|_, details, _| details.customer_id = None);
    when(vec![nobodys], 1).then([quoted_to(1, None)]);
    when(vec![open(), quoted(1), quoted(2)], 1).then_rejected(DealRejection::QuoteReplaced);
    when(vec![at(Stage::Won)], 1).then_rejected(DealRejection::AlreadyWon);
    when(vec![at(Stage::Lost)], 1).then_rejected(DealRejection::AlreadyLost);
    let worthless = but(|_, details, products| {
        details.value = None;
        products.clear();
    });
    when(vec![worthless], 1).then_rejected(DealRejection::NothingSold);
    let all = [open()].into_iter().chain((1..=100).map(quoted));
    when(all.collect(), 101).then_rejected(invalid("quotes", Rule::TooMany { max: 100 }));
    let unreadable = DealCommand::Quote(Box::new(Offer {
        id: quote_id(1),
        valid_until: None,
        notes: Some("a".repeat(5_001)),
    }));
    given::<Deal>([open()])
        .when(unreadable)
        .then_rejected(invalid("notes", Rule::TooLong { max: 5_000 }));
}

#[test]
fn only_the_newest_quote_is_sent() {
    let when = |before: Vec<DealEvent>| given::<Deal>(before).when(DealCommand::SendQuote(quote_id(1)));
    when(vec![open()]).then_rejected(DealRejection::NoSuchQuote);
    when(vec![open(), quoted(1)]).then([sent(1)]);
    when(vec![open(), quoted(1), sent(1)]).then([]);
    when(vec![open(), quoted(1), sent(1), accepted(1)]).then([]);
    when(vec![open(), quoted(1), sent(1), declined(1)]).then_rejected(DealRejection::QuoteDeclined);
    when(vec![open(), quoted(1), quoted(2)]).then_rejected(DealRejection::QuoteReplaced);
    when(vec![at(Stage::Won), quoted(1)]).then_rejected(DealRejection::AlreadyWon);
}

#[test]
fn a_quote_that_is_accepted_wins_the_deal_for_what_it_says() {
    let there = || vec![open(), quoted(1), sent(1)];
    let state = there().iter().fold(Deal::default(), |deal, event| deal.evolve(event));
    // Whatever the lines have become since.
    let state = state.evolve(&updated("ERP", Some(vec![])));
    let decided = state.decide(&accept(1)).unwrap();
    let [DealEvent::QuoteAccepted { .. }, DealEvent::Won(won)] = decided.as_slice() else {
        panic!("{decided:?}")
    };
    assert_eq!((won.amount, won.items.len()), (Money::whole(20_856_000), 2));
    assert_eq!(line::sum(&won.items), Some(won.amount));
    assert_eq!(won.actual_close_date, Some(day("2026-12-31")));
    assert_eq!(decided[0], accepted(1));
    let state = decided.iter().fold(state, |deal, event| deal.evolve(event));
    assert_eq!(
        state.decide(&accept(1)),
        Ok(vec![]),
        "accepting twice is accepting once"
    );
    let offered = state.offered(quote_id(1)).unwrap();
    assert_eq!((offered.title, offered.answer), ("ERP", Answer::Accepted));
}

#[test]
fn what_keeps_a_quote_from_being_accepted_in_this_order() {
    let when = |before: Vec<DealEvent>, command| given::<Deal>(before).when(command);
    let there = || vec![open(), quoted(1), sent(1)];
    let and = |event| there().into_iter().chain([event]).collect::<Vec<_>>();
    when(vec![open()], accept(1)).then_rejected(DealRejection::NoSuchQuote);
    when(vec![open(), quoted(1)], accept(1)).then_rejected(DealRejection::NoSuchQuote);
    when(and(quoted(2)), accept(1)).then_rejected(DealRejection::QuoteReplaced);
    when(and(declined(1)), accept(1)).then_rejected(DealRejection::QuoteDeclined);
    when(and(lost(Stage::Lead)), accept(1)).then_rejected(DealRejection::AlreadyLost);
    when(vec![at(Stage::Won), quoted(1), sent(1)], accept(1)).then_rejected(DealRejection::AlreadyWon);
    let dollars = DealEvent::Updated {
        change: Box::new(Change {
            currency: Currency::from("USD").into(),
            ..Change::default()
        }),
        products: Some(vec![]),
    };
    when(and(dollars), accept(1)).then_rejected(DealRejection::QuoteReplaced);
    for customer in [Some(7), None] {
        when(and(given_to(customer)), accept(1)).then_rejected(DealRejection::QuoteReplaced);
    }
    when(there(), accept_on(1, day("2027-01-01"))).then_rejected(DealRejection::QuoteExpired);
    let nobodys = but(|_, details, _| details.customer_id = None);
    when(vec![nobodys, quoted_to(1, None), sent(1)], accept(1)).then_rejected(DealRejection::NoCustomer);
}

#[test]
fn a_quote_is_declined_once() {
    let when = |before: Vec<DealEvent>| given::<Deal>(before).when(decline(1));
    when(vec![open()]).then_rejected(DealRejection::NoSuchQuote);
    when(vec![open(), quoted(1)]).then_rejected(DealRejection::NoSuchQuote);
    when(vec![open(), quoted(1), quoted(2)]).then_rejected(DealRejection::QuoteReplaced);
    when(vec![open(), quoted(1), sent(1)]).then([declined(1)]);
    when(vec![open(), quoted(1), sent(1), declined(1)]).then([]);
    when(vec![open(), quoted(1), sent(1), accepted(1)]).then_rejected(DealRejection::AlreadyWon);
    when(vec![at(Stage::Lost), quoted(1), sent(1)]).then_rejected(DealRejection::AlreadyLost);
    when(vec![open(), quoted(1), sent(1), given_to(Some(7))]).then_rejected(DealRejection::QuoteReplaced);
    let theirs = Some(CustomerId::new(uuid::Uuid::from_u128(7)));
    when(vec![open(), quoted_to(1, None), sent(1), given_to(Some(7))]).then([declined_by(1, theirs)]);
    let shown = |events: &[DealEvent]| {
        let deal = events.iter().fold(Deal::default(), |deal, event| deal.evolve(event));
        deal.offered(quote_id(1)).map(|offered| offered.answer)
    };
    let statuses = [Answer::Made, Answer::Sent, Answer::Accepted, Answer::Declined].map(QuoteStatus::from);
    assert_eq!(statuses.map(Choice::as_str), ["draft", "sent", "accepted", "declined"]);
    assert_eq!(shown(&[]), None);
    assert_eq!(shown(&[open(), quoted(1)]), None, "nobody was given it");
    assert_eq!(shown(&[open(), quoted(1), sent(1)]), Some(Answer::Sent));
    assert_eq!(shown(&[open(), quoted(1), sent(1), quoted(2)]), None);
    assert_eq!(
        shown(&[open(), quoted(1), sent(1), given_to(Some(7))]),
        None,
        "it is not theirs"
    );
    let nobodys = [open(), quoted_to(1, None), sent(1), given_to(Some(7))];
    assert_eq!(shown(&nobodys), Some(Answer::Sent));
}

#[test]
fn nothing_is_offered_of_what_is_not_there() {
    for command in [quote(1), DealCommand::SendQuote(quote_id(1)), accept(1), decline(1)] {
        given::<Deal>([]).when(command).then_rejected(DealRejection::Missing);
    }
}
