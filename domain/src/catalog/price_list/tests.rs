//! The price list's rules, each as given, when, then.

use super::*;
use crate::{Patch, testing::given};
use uuid::Uuid;

fn details() -> Details {
    Details {
        name: "Опт".into(),
        ..Details::default()
    }
}

fn named(name: &str) -> Box<Change> {
    Box::new(Change {
        name: Patch::Set(name.into()),
        ..Change::default()
    })
}

fn known() -> Vec<PriceListEvent> {
    vec![PriceListEvent::Created(Box::new(details()))]
}

fn archived() -> Vec<PriceListEvent> {
    [known(), vec![PriceListEvent::Archived {}]].concat()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn customer(n: u128) -> CustomerId {
    CustomerId::new(Uuid::from_u128(n))
}

#[test]
fn create() {
    let when = |before, details: Details| given::<PriceList>(before).when(PriceListCommand::Create(Box::new(details)));
    let refused = |field: &str, rule| PriceListRejection::Invalid(Violations::one(field, rule));
    when(vec![], Details::default()).then_rejected(refused("name", Rule::Required));
    let both = Details {
        customer_id: Some(customer(1)),
        segment: Some("VIP".into()),
        ..details()
    };
    when(vec![], both).then_rejected(refused("segment", Rule::NotAllowed));
    let turned = Details {
        valid_from: Some(day("2026-11-02")),
        valid_until: Some(day("2026-11-01")),
        ..details()
    };
    when(vec![], turned).then_rejected(refused("validUntil", Rule::NotAllowed));
    when(vec![], details()).then(known());
    for before in [known(), archived()] {
        when(before, details()).then_rejected(PriceListRejection::AlreadyCreated);
    }
}

#[test]
fn update_and_archive() {
    let when = |before, command| given::<PriceList>(before).when(command);
    let update = |name| PriceListCommand::Update(named(name));
    for before in [vec![], archived()] {
        when(before.clone(), update("a")).then_rejected(PriceListRejection::Missing);
        when(before, PriceListCommand::Archive).then_rejected(PriceListRejection::Missing);
    }
    let refused = |field: &str, rule| PriceListRejection::Invalid(Violations::one(field, rule));
    when(known(), update(" ")).then_rejected(refused("name", Rule::Required));
    let dollars = Box::new(Change {
        currency: Patch::Set(Currency::from("USD")),
        ..Change::default()
    });
    when(known(), PriceListCommand::Update(dollars)).then_rejected(refused("currency", Rule::OtherCurrency));
    when(known(), update("a")).then([PriceListEvent::Updated(named("a"))]);
    when(known(), update("Опт")).then([]);
    when(known(), PriceListCommand::Archive).then([PriceListEvent::Archived {}]);
}

#[test]
fn what_is_known_of_it_is_what_was_told_last() {
    let unknown = PriceList::default().evolve(&PriceListEvent::Updated(named("a")));
    assert_eq!((unknown.details(), &unknown), (None, &PriceList::Unknown));
    let list = known().iter().fold(unknown, |list, event| list.evolve(event));
    let list = list.evolve(&PriceListEvent::Updated(named("a")));
    assert_eq!(list.details().map(|details| details.name.as_str()), Some("a"));
    let gone = list.evolve(&PriceListEvent::Archived {});
    assert_eq!((gone.details(), &gone), (None, &PriceList::Archived));
    assert_eq!(gone.evolve(&PriceListEvent::Updated(named("a"))), PriceList::Archived);
}

/// A list, and how near it is to customer 1, a VIP, who buys in tenge on the second of November.
#[test]
fn for_whom_it_is() {
    use Nearness::{Customer, Everybody, Segment};
    let buyer = Buyer {
        customer: Some(customer(1)),
        segment: Some("VIP".into()),
        currency: Currency::default(),
        day: day("2026-11-02"),
    };
    let of = |change: fn(&mut Details)| {
        let mut list = details();
        change(&mut list);
        list.nearness(&buyer)
    };
    for (nearness, expected) in [
        (of(|_| {}), Some(Everybody)),
        (of(|list| list.segment = Some("VIP".into())), Some(Segment)),
        (of(|list| list.segment = Some("SMB".into())), None),
        (of(|list| list.customer_id = Some(customer(1))), Some(Customer)),
        (of(|list| list.customer_id = Some(customer(2))), None),
        (of(|list| list.currency = Currency::from("USD")), None),
        (of(|list| list.valid_from = Some(day("2026-11-02"))), Some(Everybody)),
        (of(|list| list.valid_from = Some(day("2026-11-03"))), None),
        (of(|list| list.valid_until = Some(day("2026-11-02"))), Some(Everybody)),
        (of(|list| list.valid_until = Some(day("2026-11-01"))), None),
    ] {
        assert_eq!(nearness, expected);
    }
    assert!(Everybody < Segment && Segment < Customer);
    assert_eq!(
        Details {
            segment: Some("VIP".into()),
            ..details()
        }
        .nearness(&Buyer { segment: None, ..buyer }),
        None
    );
}
