//! The department's rules, each as given, when, then.

use super::*;
use crate::{Patch, Rule, testing::given};
use uuid::Uuid;

const OWN: DepartmentId = DepartmentId::new(Uuid::from_u128(1));

fn department(n: u128) -> DepartmentId {
    DepartmentId::new(Uuid::from_u128(n))
}

fn above(departments: impl IntoIterator<Item = u128>) -> Spot<DepartmentId> {
    Spot {
        own: OWN,
        above: departments.into_iter().map(department).collect(),
        levels_below: 0,
    }
}

fn sales() -> Box<Details> {
    Box::new(Details {
        name: "Sales Department".into(),
        code: Some("SALES".into()),
        ..Details::default()
    })
}

fn create(details: Box<Details>, above: Spot<DepartmentId>) -> DepartmentCommand {
    DepartmentCommand::Create(details, above)
}

fn below(parent: u128) -> Box<Change> {
    Box::new(Change {
        parent_id: Patch::Set(Some(department(parent))),
        ..Change::default()
    })
}

#[test]
fn a_department_is_created_once_and_has_a_name() {
    let created = DepartmentEvent::Created(sales());
    given::<Department>([])
        .when(create(sales(), above([])))
        .then([created.clone()]);
    let nameless = Box::new(Details {
        name: " ".into(),
        ..*sales()
    });
    given::<Department>([])
        .when(create(nameless, above([])))
        .then_rejected(Violations::one("name", Rule::Required).into());
    given::<Department>([created])
        .when(create(sales(), above([])))
        .then_rejected(DepartmentRejection::AlreadyCreated);
    given::<Department>([])
        .when(DepartmentCommand::Update(below(2), above([2])))
        .then_rejected(DepartmentRejection::Missing);
}

#[test]
fn a_department_is_never_a_part_of_itself() {
    let known = || [DepartmentEvent::Created(sales())];
    let update = |parent, above| DepartmentCommand::Update(below(parent), above);
    given::<Department>(known())
        .when(update(2, above([2, 3])))
        .then([DepartmentEvent::Updated(below(2))]);
    for (parent, over) in [(1, above([1])), (2, above([2, 3, 1]))] {
        given::<Department>(known())
            .when(update(parent, over))
            .then_rejected(DepartmentRejection::Cyclic);
    }
    let levels = |count: usize| above(2..2 + count as u128);
    given::<Department>([])
        .when(create(sales(), levels(LEVELS_MAX - 1)))
        .then([DepartmentEvent::Created(sales())]);
    given::<Department>([])
        .when(create(sales(), levels(LEVELS_MAX)))
        .then_rejected(DepartmentRejection::TooDeep { max: LEVELS_MAX });
    let along = |count, levels_below| Spot {
        levels_below,
        ..levels(count)
    };
    given::<Department>(known())
        .when(update(2, along(2, LEVELS_MAX - 3)))
        .then([DepartmentEvent::Updated(below(2))]);
    given::<Department>(known())
        .when(update(2, along(2, LEVELS_MAX - 2)))
        .then_rejected(DepartmentRejection::TooDeep { max: LEVELS_MAX });
    let same = Box::new(Change {
        name: Patch::Set("Sales Department".into()),
        ..Change::default()
    });
    given::<Department>(known())
        .when(DepartmentCommand::Update(same, above([])))
        .then([]);
}

#[test]
fn a_code_is_taken_and_given_back() {
    let created = DepartmentEvent::Created(sales());
    let code = |code: Option<&str>| {
        DepartmentEvent::Updated(Box::new(Change {
            code: Patch::Set(code.map(str::to_owned)),
            ..Change::default()
        }))
    };
    let unborn = Department::default();
    assert_eq!(unborn.claims(&created), [Claim::take("department.code", "SALES")]);
    let known = unborn.evolve(&created);
    assert_eq!(known.claims(&code(None)), [Claim::release("department.code", "SALES")]);
    assert_eq!(known.claims(&DepartmentEvent::Updated(below(2))), []);
    let [given_back, taken] = [
        Claim::release("department.code", "SALES"),
        Claim::take("department.code", "MKT"),
    ];
    assert_eq!(known.claims(&code(Some("MKT"))), [given_back, taken]);
}
