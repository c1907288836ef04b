//! The workspace's rules, each as given, when, then.

use super::*;
use crate::testing::given;

fn created(slug: &str) -> Created {
    Created {
        name: "ТОО Компания".into(),
        kind: WorkspaceKind::Corporate,
        slug: slug.into(),
        tenant_key: format!("{slug}_0a1b2c3d"),
        organization_id: None,
        owner_id: UserId::default(),
    }
}

#[test]
fn the_owner_is_the_first_member() {
    let owner = WorkspaceEvent::MemberAdded {
        user_id: UserId::default(),
        role: Role::Owner,
    };
    given::<Workspace>([])
        .when(WorkspaceCommand::Create(created("acme")))
        .then([WorkspaceEvent::Created(created("acme")), owner]);
}

#[test]
fn a_slug_that_could_escape_a_schema_name_is_refused() {
    for slug in ["", "a\"b", "A", "x; drop", &"a".repeat(49)] {
        let refused = WorkspaceRejection::Invalid(Violations::one("slug", Rule::NotAllowed));
        given::<Workspace>([])
            .when(WorkspaceCommand::Create(created(slug)))
            .then_rejected(refused);
    }
}

fn open() -> [WorkspaceEvent; 1] {
    [WorkspaceEvent::Created(created("acme"))]
}

fn rename(name: &str) -> WorkspaceCommand {
    WorkspaceCommand::Rename { name: name.into() }
}

fn add(role: Role) -> WorkspaceCommand {
    WorkspaceCommand::AddMember {
        user_id: UserId::default(),
        role,
    }
}

fn added(role: Role) -> WorkspaceEvent {
    WorkspaceEvent::MemberAdded {
        user_id: UserId::default(),
        role,
    }
}

#[test]
fn a_slug_of_the_longest_kind_is_taken() {
    let longest = "a-9".repeat(SLUG_MAX / 3);
    assert_eq!(longest.len(), 48);
    let opened = Workspace::default().decide(&WorkspaceCommand::Create(created(&longest)));
    assert_eq!(opened.map(|events| events.len()), Ok(2));
}

#[test]
fn a_workspace_is_opened_once_and_has_a_name() {
    let nameless = Created {
        name: " ".into(),
        ..created("acme")
    };
    let refused = || WorkspaceRejection::Invalid(Violations::one("name", Rule::Required));
    given::<Workspace>([])
        .when(WorkspaceCommand::Create(nameless))
        .then_rejected(refused());
    given::<Workspace>(open())
        .when(WorkspaceCommand::Create(created("acme")))
        .then_rejected(WorkspaceRejection::AlreadyCreated);
    given::<Workspace>(open()).when(rename("")).then_rejected(refused());
    for command in [rename("ТОО"), add(Role::Admin)] {
        given::<Workspace>([])
            .when(command)
            .then_rejected(WorkspaceRejection::Missing);
    }
}

#[test]
fn renaming_and_adding_are_done_once() {
    let renamed = WorkspaceEvent::Renamed { name: "ИП".into() };
    given::<Workspace>(open()).when(rename("ИП")).then([renamed.clone()]);
    given::<Workspace>(open()).when(rename("ТОО Компания")).then([]);
    given::<Workspace>([open().to_vec(), vec![renamed]].concat())
        .when(rename("ИП"))
        .then([]);
    given::<Workspace>(open())
        .when(add(Role::Admin))
        .then([added(Role::Admin)]);
    given::<Workspace>([open().to_vec(), vec![added(Role::Admin)]].concat())
        .when(add(Role::Admin))
        .then([]);
    given::<Workspace>([open().to_vec(), vec![added(Role::Admin)]].concat())
        .when(add(Role::Cashier))
        .then([added(Role::Cashier)]);
}

#[test]
fn who_was_added_is_a_member_and_nobody_else() {
    let [opened] = open();
    assert!(!Workspace::default().has_member(UserId::default()));
    let workspace = Workspace::default().evolve(&opened);
    assert!(!workspace.has_member(UserId::default()));
    assert!(workspace.evolve(&added(Role::Admin)).has_member(UserId::default()));
}

#[test]
fn only_opening_takes_the_slug() {
    let [opened] = open();
    assert_eq!(
        Workspace::default().claims(&opened),
        [Claim::take("workspace.slug", "acme")]
    );
    assert_eq!(Workspace::default().claims(&added(Role::Admin)), []);
}
