//! The warehouse's rules, each as given, when, then.

use super::*;
use crate::{Patch, Rule, testing::given};
use uuid::Uuid;

fn details() -> Box<Details> {
    Box::new(Details {
        name: "Основной".into(),
        code: Some("MAIN".into()),
        ..Details::default()
    })
}

fn coded(code: Option<&str>) -> Box<Change> {
    Box::new(Change {
        code: Patch::Set(code.map(str::to_owned)),
        ..Change::default()
    })
}

fn known() -> Vec<WarehouseEvent> {
    vec![WarehouseEvent::Created(details())]
}

fn archived() -> Vec<WarehouseEvent> {
    [known(), vec![WarehouseEvent::Archived {}]].concat()
}

#[test]
fn create_update_and_archive() {
    use WarehouseCommand as C;
    let when = |before, command| given::<Warehouse>(before).when(command);
    let nameless = WarehouseRejection::Invalid(Violations::one("name", Rule::Required));
    when(vec![], C::Create(Box::default())).then_rejected(nameless);
    when(vec![], C::Create(details())).then(known());
    for before in [known(), archived()] {
        when(before, C::Create(details())).then_rejected(WarehouseRejection::AlreadyCreated);
    }
    for before in [vec![], archived()] {
        when(before.clone(), C::Update(coded(None))).then_rejected(WarehouseRejection::Missing);
        when(before, C::Archive).then_rejected(WarehouseRejection::Missing);
    }
    let long = WarehouseRejection::Invalid(Violations::one("code", Rule::TooLong { max: 20 }));
    when(known(), C::Update(coded(Some(&"я".repeat(21))))).then_rejected(long);
    let moved = |parent: u128| {
        Box::new(Change {
            parent_id: Patch::Set((parent > 0).then(|| WarehouseId::new(Uuid::from_u128(parent)))),
            ..Change::default()
        })
    };
    let stays = || WarehouseRejection::Invalid(Violations::one("parentId", Rule::NotAllowed));
    when(known(), C::Update(moved(1))).then_rejected(stays());
    when(known(), C::Update(moved(0))).then([]);
    let mut shelf = details();
    shelf.apply(&moved(1));
    let inside = || vec![WarehouseEvent::Created(shelf.clone())];
    when(vec![], C::Create(shelf.clone())).then(inside());
    when(inside(), C::Update(moved(0))).then_rejected(stays());
    when(inside(), C::Update(moved(1))).then([]);
    when(known(), C::Update(coded(None))).then([WarehouseEvent::Updated(coded(None))]);
    when(known(), C::Update(coded(Some("MAIN")))).then([]);
    when(known(), C::Archive).then([WarehouseEvent::Archived {}]);
}

#[test]
fn a_code_is_taken_and_given_back() {
    let unborn = Warehouse::default();
    let taken = Claim::take("warehouse.code", "MAIN");
    let given_back = || Claim::release("warehouse.code", "MAIN");
    assert_eq!(unborn.claims(&known()[0]), [taken]);
    let known = unborn.evolve(&known()[0]);
    assert_eq!(known.claims(&WarehouseEvent::Updated(coded(None))), [given_back()]);
    assert_eq!(known.claims(&WarehouseEvent::Archived {}), [given_back()]);
    let gone = known.evolve(&WarehouseEvent::Archived {});
    assert_eq!((gone.details(), &gone), (None, &Warehouse::Archived));
    assert_eq!(gone.clone().evolve(&WarehouseEvent::Updated(coded(None))), gone);
    assert_eq!(
        Warehouse::default().evolve(&WarehouseEvent::Updated(coded(None))),
        Warehouse::Unknown
    );
}
