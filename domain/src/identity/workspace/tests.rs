//! The workspace's rules, each as given, when, then.

mod profile;

use super::*;
use crate::{rights::Grant, testing::given};
use uuid::Uuid;

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
    let owner = added(Role::Owner);
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
        access: role.into(),
        by: None,
    }
}

fn added(role: Role) -> WorkspaceEvent {
    WorkspaceEvent::MemberAdded {
        user_id: UserId::default(),
        access: role.into(),
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
        .then([changed(UserId::default(), Role::Cashier)]);
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

const OWNER: UserId = UserId::new(Uuid::from_u128(1));
const ADMIN: UserId = UserId::new(Uuid::from_u128(2));
const SELLER: UserId = UserId::new(Uuid::from_u128(3));
const STRANGER: UserId = UserId::new(Uuid::from_u128(4));
const ROLE: RoleId = RoleId::new(Uuid::from_u128(5));

fn changed(user_id: UserId, access: impl Into<Access>) -> WorkspaceEvent {
    let access = access.into();
    WorkspaceEvent::MemberChanged { user_id, access }
}

fn rights(texts: &[&str]) -> Rights {
    texts.iter().map(|text| text.parse::<Grant>().unwrap()).collect()
}

fn role(name: &str, permissions: &[&str]) -> OwnRole {
    OwnRole {
        name: name.into(),
        permissions: rights(permissions),
    }
}

/// With an owner, an admin, and somebody who has the workspace's own role.
fn staffed() -> Vec<WorkspaceEvent> {
    let member = |user_id, access| WorkspaceEvent::MemberAdded { user_id, access };
    let [opened] = open();
    let defined = WorkspaceEvent::RoleDefined {
        role_id: ROLE,
        role: role("Seller", &["DEALS_VIEW:own", "DEALS_CREATE"]),
    };
    vec![
        opened,
        member(OWNER, Role::Owner.into()),
        member(ADMIN, Role::Admin.into()),
        defined,
        member(SELLER, seller()),
    ]
}

fn seller() -> Access {
    Access {
        role_id: Some(ROLE),
        ..Role::Employee.into()
    }
}

fn change(user_id: UserId, access: impl Into<Access>, by: UserId) -> WorkspaceCommand {
    WorkspaceCommand::ChangeMember {
        user_id,
        access: access.into(),
        by: Some(by),
    }
}

fn remove(user_id: UserId, by: UserId) -> WorkspaceCommand {
    let by = Some(by);
    WorkspaceCommand::RemoveMember { user_id, by }
}

fn not_theirs(permission: Permission) -> WorkspaceRejection {
    WorkspaceRejection::NotTheirsToGive { permission }
}

#[test]
fn nobody_gives_or_takes_more_than_they_have() {
    let granted = |texts: &[&str]| Access {
        permissions: rights(texts),
        ..seller()
    };
    let owners = Permission::OwnersUpdate;
    for (command, refused) in [
        (change(SELLER, Role::Owner, ADMIN), not_theirs(owners)),
        (change(OWNER, Role::Admin, ADMIN), not_theirs(owners)),
        (remove(OWNER, ADMIN), not_theirs(owners)),
        (
            change(ADMIN, Role::Cashier, SELLER),
            not_theirs(Permission::WorkspacesView),
        ),
        (
            change(SELLER, granted(&["DEALS_VIEW:department"]), SELLER),
            not_theirs(Permission::DealsView),
        ),
        (
            change(SELLER, granted(&["FINANCE_VIEW"]), SELLER),
            not_theirs(Permission::FinanceView),
        ),
        (remove(SELLER, STRANGER), not_theirs(Permission::DealsView)),
    ] {
        given::<Workspace>(staffed()).when(command).then_rejected(refused);
    }
    for (command, event) in [
        (change(SELLER, Role::Admin, ADMIN), changed(SELLER, Role::Admin)),
        (change(SELLER, Role::Owner, OWNER), changed(SELLER, Role::Owner)),
        (
            change(SELLER, granted(&["DEALS_VIEW:own"]), SELLER),
            changed(SELLER, granted(&["DEALS_VIEW:own"])),
        ),
        (remove(ADMIN, ADMIN), WorkspaceEvent::MemberRemoved { user_id: ADMIN }),
    ] {
        given::<Workspace>(staffed()).when(command).then([event]);
    }
    given::<Workspace>(staffed())
        .when(change(SELLER, seller(), STRANGER))
        .then([]);
}

#[test]
fn there_is_always_an_owner() {
    for command in [change(OWNER, Role::Admin, OWNER), remove(OWNER, OWNER)] {
        given::<Workspace>(staffed())
            .when(command)
            .then_rejected(WorkspaceRejection::LastOwner);
    }
    let two = [staffed(), vec![changed(ADMIN, Role::Owner)]].concat();
    given::<Workspace>(two.clone())
        .when(remove(OWNER, ADMIN))
        .then([WorkspaceEvent::MemberRemoved { user_id: OWNER }]);
    given::<Workspace>(two)
        .when(change(OWNER, Role::Manager, OWNER))
        .then([changed(OWNER, Role::Manager)]);
}

#[test]
fn who_is_no_member_is_neither_changed_nor_removed() {
    for command in [change(STRANGER, Role::Employee, OWNER), remove(STRANGER, OWNER)] {
        given::<Workspace>(staffed())
            .when(command)
            .then_rejected(WorkspaceRejection::NoSuchMember);
    }
    let gone = [staffed(), vec![WorkspaceEvent::MemberRemoved { user_id: ADMIN }]].concat();
    given::<Workspace>(gone)
        .when(remove(ADMIN, OWNER))
        .then_rejected(WorkspaceRejection::NoSuchMember);
}

#[test]
fn a_role_of_ones_own_is_a_named_set_that_its_definer_has() {
    let define = |id: u128, role: OwnRole, by| WorkspaceCommand::DefineRole {
        role_id: RoleId::new(Uuid::from_u128(id)),
        role,
        by: Some(by),
    };
    let defined = |role_id, role| WorkspaceEvent::RoleDefined { role_id, role };
    let viewer = role("Viewer", &["DEALS_VIEW:own"]);
    given::<Workspace>(staffed())
        .when(define(6, viewer.clone(), SELLER))
        .then([defined(RoleId::new(Uuid::from_u128(6)), viewer.clone())]);
    let kingmaker = role("Kingmaker", &["OWNERS_UPDATE"]);
    for (command, refused) in [
        (define(6, role("SELLER", &[]), OWNER), WorkspaceRejection::RoleNameTaken),
        (define(6, kingmaker, ADMIN), not_theirs(Permission::OwnersUpdate)),
        (
            define(6, role("Viewer", &["DEALS_VIEW"]), SELLER),
            not_theirs(Permission::DealsView),
        ),
        (
            define(6, role(" ", &[]), OWNER),
            Violations::one("name", Rule::Required).into(),
        ),
    ] {
        given::<Workspace>(staffed()).when(command).then_rejected(refused);
    }
    let revise = |role_id, role, by| WorkspaceCommand::ChangeRole {
        role_id,
        role,
        by: Some(by),
    };
    let less = role("Seller", &["DEALS_VIEW:own"]);
    given::<Workspace>(staffed())
        .when(revise(ROLE, less.clone(), ADMIN))
        .then([defined(ROLE, less.clone())]);
    given::<Workspace>(staffed())
        .when(revise(ROLE, less.clone(), STRANGER))
        .then_rejected(not_theirs(Permission::DealsView));
    let nobodys = RoleId::default();
    given::<Workspace>(staffed())
        .when(revise(nobodys, viewer.clone(), OWNER))
        .then_rejected(WorkspaceRejection::NoSuchRole);
    let unknown = Access {
        role_id: Some(nobodys),
        ..seller()
    };
    given::<Workspace>(staffed())
        .when(change(ADMIN, unknown, OWNER))
        .then_rejected(WorkspaceRejection::NoSuchRole);
    let crowned = Access {
        role_id: Some(ROLE),
        ..Role::Owner.into()
    };
    given::<Workspace>(staffed())
        .when(change(SELLER, crowned, OWNER))
        .then_rejected(Violations::one("roleId", Rule::NotAllowed).into());
}

#[test]
fn a_role_that_somebody_has_stays() {
    let remove_role = |role_id, by| WorkspaceCommand::RemoveRole { role_id, by: Some(by) };
    given::<Workspace>(staffed())
        .when(remove_role(ROLE, OWNER))
        .then_rejected(WorkspaceRejection::RoleInUse);
    let idle = || [staffed(), vec![changed(SELLER, Role::Employee)]].concat();
    given::<Workspace>(idle())
        .when(remove_role(ROLE, OWNER))
        .then([WorkspaceEvent::RoleRemoved { role_id: ROLE }]);
    given::<Workspace>(idle())
        .when(remove_role(ROLE, STRANGER))
        .then_rejected(not_theirs(Permission::DealsView));
    let gone = [idle(), vec![WorkspaceEvent::RoleRemoved { role_id: ROLE }]].concat();
    given::<Workspace>(gone)
        .when(remove_role(ROLE, OWNER))
        .then_rejected(WorkspaceRejection::NoSuchRole);
}

#[test]
fn there_are_so_many_roles_and_no_more() {
    let full = (0..ROLES_MAX as u128).map(|n| WorkspaceEvent::RoleDefined {
        role_id: RoleId::new(Uuid::from_u128(n)),
        role: role(&format!("{n}"), &[]),
    });
    let full: Vec<_> = staffed().into_iter().chain(full).collect();
    let one_more = WorkspaceCommand::DefineRole {
        role_id: RoleId::new(Uuid::from_u128(1_000)),
        role: role("one more", &[]),
        by: None,
    };
    given::<Workspace>(full)
        .when(one_more)
        .then_rejected(Violations::one("roles", Rule::TooMany { max: ROLES_MAX }).into());
}
