//! The category's rules, each as given, when, then.

use super::*;
use crate::{Patch, Rule, testing::given};
use uuid::Uuid;

fn id(n: u128) -> CategoryId {
    CategoryId::new(Uuid::from_u128(n))
}

fn details() -> Box<Details> {
    Box::new(Details {
        name: "Электроника".into(),
        ..Details::default()
    })
}

fn named(name: &str) -> Box<Change> {
    Box::new(Change {
        name: Patch::Set(name.into()),
        ..Change::default()
    })
}

/// Category 1 below these.
fn below(above: impl IntoIterator<Item = u128>) -> Spot<CategoryId> {
    Spot {
        own: id(1),
        above: above.into_iter().map(id).collect(),
        levels_below: 0,
    }
}

fn known() -> Vec<CategoryEvent> {
    vec![CategoryEvent::Created(details())]
}

fn archived() -> Vec<CategoryEvent> {
    [known(), vec![CategoryEvent::Archived {}]].concat()
}

#[test]
fn create() {
    let create = |details, above| CategoryCommand::Create(details, above);
    let when = |before, command| given::<Category>(before).when(command);
    let nameless = CategoryRejection::Invalid(Violations::one("name", Rule::Required));
    when(vec![], create(Box::default(), below([]))).then_rejected(nameless);
    when(vec![], create(details(), below([2, 1]))).then_rejected(CategoryRejection::Cyclic);
    when(vec![], create(details(), below(2..12))).then_rejected(CategoryRejection::TooDeep { max: 10 });
    when(vec![], create(details(), below(2..11))).then(known());
    for before in [known(), archived()] {
        when(before, create(details(), below([]))).then_rejected(CategoryRejection::AlreadyCreated);
    }
}

#[test]
fn update() {
    let update = |name, above| CategoryCommand::Update(named(name), above);
    let when = |before, command| given::<Category>(before).when(command);
    for before in [vec![], archived()] {
        when(before, update("a", below([]))).then_rejected(CategoryRejection::Missing);
    }
    let nameless = CategoryRejection::Invalid(Violations::one("name", Rule::Required));
    when(known(), update(" ", below([]))).then_rejected(nameless);
    when(known(), update("a", below([1]))).then_rejected(CategoryRejection::Cyclic);
    when(known(), update("a", below(2..12))).then_rejected(CategoryRejection::TooDeep { max: 10 });
    let along = |above, levels_below| Spot {
        levels_below,
        ..below(above)
    };
    when(known(), update("a", along(2..8, 4))).then_rejected(CategoryRejection::TooDeep { max: 10 });
    when(known(), update("a", along(2..8, 3))).then([CategoryEvent::Updated(named("a"))]);
    when(known(), update("a", below([2]))).then([CategoryEvent::Updated(named("a"))]);
    when(known(), update("Электроника", below([]))).then([]);
}

#[test]
fn archive() {
    let when = |before| given::<Category>(before).when(CategoryCommand::Archive);
    for before in [vec![], archived()] {
        when(before).then_rejected(CategoryRejection::Missing);
    }
    when(known()).then([CategoryEvent::Archived {}]);
}

#[test]
fn what_is_known_of_it_is_what_was_told_last() {
    let unknown = Category::default().evolve(&CategoryEvent::Updated(named("a")));
    assert_eq!((unknown.details(), &unknown), (None, &Category::Unknown));
    let category = known().iter().fold(unknown, |category, event| category.evolve(event));
    let category = category.evolve(&CategoryEvent::Updated(named("a")));
    assert_eq!(category.details().map(|details| details.name.as_str()), Some("a"));
    let gone = category.evolve(&CategoryEvent::Archived {});
    assert_eq!(gone.details(), None);
    assert_eq!(gone.evolve(&CategoryEvent::Updated(named("a"))), Category::Archived);
}
