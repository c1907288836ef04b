//! What is known of a workspace, its end, and who may act on whom, each as given, when, then.

use super::*;
use crate::Patch;

fn described(description: Option<&str>) -> Box<Change> {
    Box::new(Change {
        description: Patch::Set(description.map(Into::into)),
        ..Change::default()
    })
}

#[test]
fn what_is_known_of_a_workspace_changes_by_what_is_named() {
    use {WorkspaceCommand as C, WorkspaceEvent as E};
    let update = |name: Option<&str>, change| C::Update {
        name: name.map(Into::into),
        change,
    };
    given::<Workspace>([])
        .when(update(None, described(Some("Одежда"))))
        .then_rejected(WorkspaceRejection::Missing);
    given::<Workspace>(open())
        .when(update(Some("Магазин"), described(Some("Одежда"))))
        .then([
            E::Renamed {
                name: "Магазин".into()
            },
            E::Updated(described(Some("Одежда"))),
        ]);
    given::<Workspace>([open()[0].clone(), E::Updated(described(Some("Одежда")))])
        .when(update(Some("ТОО Компания"), described(Some("Одежда"))))
        .then([]);
    given::<Workspace>(open())
        .when(update(Some(" "), Box::default()))
        .then_rejected(Violations::one("name", Rule::Required).into());
    given::<Workspace>(open())
        .when(update(None, described(Some(&"я".repeat(1_001)))))
        .then_rejected(Violations::one("description", Rule::TooLong { max: 1_000 }).into());
}

#[test]
fn whoever_enters_an_archived_workspace_finds_nothing() {
    use {WorkspaceCommand as C, WorkspaceEvent as E};
    let archived = E::Archived {
        members: vec![UserId::default()],
    };
    let known = [open()[0].clone(), added(Role::Owner)];
    given::<Workspace>([])
        .when(C::Archive)
        .then_rejected(WorkspaceRejection::Missing);
    given::<Workspace>(known.clone())
        .when(C::Archive)
        .then([archived.clone()]);
    let gone = [known[0].clone(), known[1].clone(), archived.clone()];
    given::<Workspace>(gone.clone()).when(C::Archive).then([]);
    given::<Workspace>(gone.clone())
        .when(rename("a"))
        .then_rejected(WorkspaceRejection::Missing);
    given::<Workspace>(gone.clone())
        .when(C::Create(created("acme")))
        .then_rejected(WorkspaceRejection::AlreadyCreated);
    let state = gone
        .iter()
        .fold(Workspace::default(), |state, event| state.evolve(event));
    assert!(!state.has_member(UserId::default()));
    assert_eq!(state.claims(&archived), [], "its name stays its own");
    assert_eq!(state.clone().evolve(&added(Role::Owner)), state);
    assert_eq!(Workspace::permission(&C::Archive), Permission::OwnersUpdate);
}

#[test]
fn who_acts_on_somebody_has_all_that_they_have() {
    let [owner, admin, cashier, stranger] = [1, 2, 3, 4].map(|n| UserId::new(Uuid::from_u128(n)));
    let member = |user_id, role: Role| WorkspaceEvent::MemberAdded {
        user_id,
        access: role.into(),
    };
    let events = [
        open()[0].clone(),
        member(owner, Role::Owner),
        member(admin, Role::Admin),
        member(cashier, Role::Cashier),
    ];
    let state = events
        .iter()
        .fold(Workspace::default(), |state, event| state.evolve(event));
    assert_eq!(state.outranks(owner, admin), Ok(()));
    assert_eq!(state.outranks(admin, cashier), Ok(()));
    assert_eq!(state.outranks(owner, stranger), Err(WorkspaceRejection::NoSuchMember));
    let lacking = |permission| Err(WorkspaceRejection::NotTheirsToGive { permission });
    assert_eq!(state.outranks(admin, owner), lacking(Permission::OwnersUpdate));
    assert!(state.outranks(cashier, admin).is_err() && state.outranks(stranger, cashier).is_err());
    assert_eq!(
        Workspace::default().outranks(owner, admin),
        Err(WorkspaceRejection::Missing)
    );
}
