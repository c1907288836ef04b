//! The employee's rules, each as given, when, then.

use super::*;
use crate::{Patch, Role, Rule, id::DepartmentId, testing::given};
use EmployeeCommand as C;
use EmployeeEvent as E;
use EmployeeRejection as R;
use uuid::Uuid;

const USER: UserId = UserId::new(Uuid::from_u128(1));
const OTHER: UserId = UserId::new(Uuid::from_u128(2));

fn details() -> Box<Details> {
    Box::new(Details {
        email: Some("aigerim@company.kz".into()),
        first_name: "Айгерим".into(),
        last_name: "Сатпаева".into(),
        ..Details::default()
    })
}

fn created(user_id: Option<UserId>) -> EmployeeEvent {
    E::Created {
        details: details(),
        access: Role::Employee.into(),
        user_id,
    }
}

fn create(details: Box<Details>) -> EmployeeCommand {
    C::Create {
        details,
        access: Role::Employee.into(),
        user_id: None,
    }
}

fn update(change: Change, access: Option<Access>, status: Option<Status>) -> EmployeeCommand {
    C::Update {
        change: Box::new(change),
        access,
        status,
    }
}

fn refusal(reason: Option<&str>) -> (EmployeeCommand, EmployeeEvent) {
    let reason = reason.map(str::to_owned);
    (C::Refuse { reason: reason.clone() }, E::Refused { reason })
}

fn no_step(from: Status, to: Status) -> EmployeeRejection {
    R::NoSuchStep { from, to }
}

#[test]
fn an_employee_begins_by_waiting() {
    given::<Employee>([]).when(create(details())).then([created(None)]);
    given::<Employee>([created(None)])
        .when(create(details()))
        .then_rejected(R::AlreadyCreated);
    let nobody = Box::new(Details {
        email: Some("nobody".into()),
        ..*details()
    });
    given::<Employee>([])
        .when(create(nobody))
        .then_rejected(Violations::one("email", Rule::NotAnEmail).into());
    for command in [
        update(Change::default(), None, None),
        C::Approve { user_id: None },
        refusal(None).0,
    ] {
        given::<Employee>([]).when(command).then_rejected(R::Missing);
    }
    let joins = C::Join { user_id: USER };
    given::<Employee>([]).when(joins).then_rejected(R::Missing);
}

#[test]
fn who_waits_is_let_in_or_refused_once() {
    let approve = |user_id| C::Approve { user_id };
    let approved = |user_id| E::Approved { user_id };
    let waits = || vec![created(None)];
    given::<Employee>(waits())
        .when(approve(Some(USER)))
        .then([approved(Some(USER))]);
    let active = || [waits(), vec![approved(Some(USER))]].concat();
    given::<Employee>(active()).when(approve(None)).then([]);
    let (refuse, refused) = refusal(Some("Unknown to us"));
    given::<Employee>(waits()).when(refuse.clone()).then([refused.clone()]);
    given::<Employee>(active())
        .when(refuse.clone())
        .then_rejected(no_step(Status::Active, Status::Refused));
    let gone = || [waits(), vec![refused.clone()]].concat();
    given::<Employee>(gone()).when(refuse).then([]);
    given::<Employee>(gone())
        .when(approve(None))
        .then_rejected(no_step(Status::Refused, Status::Active));
    let (wordy, _) = refusal(Some(&"a".repeat(501)));
    let too_long = Violations::one("reason", Rule::TooLong { max: 500 });
    given::<Employee>(waits()).when(wordy).then_rejected(too_long.into());
}

#[test]
fn who_accepts_an_invitation_has_one_account() {
    let join = |user_id| C::Join { user_id };
    given::<Employee>([created(None)])
        .when(join(USER))
        .then([E::Approved { user_id: Some(USER) }]);
    given::<Employee>([created(Some(OTHER))])
        .when(join(USER))
        .then_rejected(R::HasAnAccount);
    let active = |user_id| [created(None), E::Approved { user_id }];
    given::<Employee>(active(None))
        .when(join(USER))
        .then([E::Joined { user_id: USER }]);
    given::<Employee>(active(Some(USER))).when(join(USER)).then([]);
    given::<Employee>(active(Some(OTHER)))
        .when(join(USER))
        .then_rejected(R::HasAnAccount);
    let left = [created(None), E::Approved { user_id: None }, E::Deactivated {}];
    given::<Employee>(left)
        .when(join(USER))
        .then_rejected(no_step(Status::Inactive, Status::Active));
}

#[test]
fn an_employee_is_changed_field_by_field_and_goes_and_comes_back() {
    let raise = Change {
        position: Patch::Set(Some("Senior".into())),
        ..Change::default()
    };
    let manager = || Access::from(Role::Manager);
    let active = || vec![created(None), E::Approved { user_id: Some(USER) }];
    given::<Employee>(active())
        .when(update(raise.clone(), Some(manager()), Some(Status::Inactive)))
        .then([
            E::Updated(Box::new(raise.clone())),
            E::AccessAsked { access: manager() },
            E::Deactivated {},
        ]);
    let same = update(Change::default(), Some(Role::Employee.into()), Some(Status::Active));
    given::<Employee>(active()).when(same).then([]);
    let back = update(Change::default(), None, Some(Status::Active));
    given::<Employee>([active(), vec![E::Deactivated {}]].concat())
        .when(back.clone())
        .then([E::Activated {}]);
    given::<Employee>([created(None)])
        .when(back)
        .then_rejected(no_step(Status::Pending, Status::Active));
    let unnamed = Change {
        last_name: Patch::Set(" ".into()),
        ..Change::default()
    };
    given::<Employee>(active())
        .when(update(unnamed, None, None))
        .then_rejected(Violations::one("lastName", Rule::Required).into());
}

#[test]
fn an_address_belongs_to_one_employee_unless_they_were_refused() {
    let fold = |events: &[E]| {
        events
            .iter()
            .fold(Employee::default(), |state, event| state.evolve(event))
    };
    let (_, refused) = refusal(None);
    let moved = E::Updated(Box::new(Change {
        email: Patch::Set(Some("a@company.kz".into())),
        ..Change::default()
    }));
    let (own, next) = ("aigerim@company.kz", "a@company.kz");
    let kind = "employee.email";
    assert_eq!(
        Employee::default().claims(&created(None)),
        [Claim::take(kind, own).personal()]
    );
    let waits = fold(&[created(None)]);
    assert_eq!(
        waits.claims(&moved),
        [Claim::release(kind, own).personal(), Claim::take(kind, next).personal()]
    );
    assert_eq!(waits.claims(&E::Approved { user_id: None }), []);
    assert_eq!(waits.claims(&refused), [Claim::release(kind, own).personal()]);
    assert_eq!(fold(&[created(None), refused]).claims(&moved), []);
}

#[test]
fn an_employee_is_their_own_and_their_department_s() {
    let details = Box::new(Details {
        department_id: Some(DepartmentId::new(Uuid::from_u128(7))),
        ..*details()
    });
    let created = E::Created {
        details,
        access: Role::Employee.into(),
        user_id: Some(USER),
    };
    let belongs = Employee::default().evolve(&created).belongs();
    assert_eq!(belongs.user, Some(USER));
    assert_eq!(belongs.department, Some(DepartmentId::new(Uuid::from_u128(7))));
    assert_eq!(Employee::default().belongs(), Belongs::default());
}

#[test]
fn pay_and_papers_are_told_from_the_rest() {
    let paid = Change {
        salary: Patch::Set(None),
        ..Change::default()
    };
    let numbered = Change {
        iin: Patch::Set(None),
        ..Change::default()
    };
    assert_eq!((paid.names_salary(), paid.names_papers()), (true, false));
    assert_eq!((numbered.names_salary(), numbered.names_papers()), (false, true));
}

#[test]
fn who_has_an_account_may_lack_an_address_and_a_last_name() {
    let bare = |email: Option<&str>, last_name: &str| {
        Box::new(Details {
            email: email.map(Into::into),
            last_name: last_name.into(),
            ..*details()
        })
    };
    let create = |details: Box<Details>, user_id| C::Create {
        details,
        access: Role::Cashier.into(),
        user_id,
    };
    let known = |details: Box<Details>| E::Created {
        details,
        access: Role::Cashier.into(),
        user_id: Some(USER),
    };
    let missing = || Violations::one("lastName", Rule::Required).into();
    given::<Employee>([])
        .when(create(bare(None, ""), None))
        .then_rejected(missing());
    given::<Employee>([])
        .when(create(bare(None, ""), Some(USER)))
        .then([known(bare(None, ""))]);
    let renamed = |last_name: &str| Change {
        last_name: Patch::Set(last_name.into()),
        ..Change::default()
    };
    given::<Employee>([known(bare(None, ""))])
        .when(update(renamed("Петров"), None, None))
        .then([E::Updated(Box::new(renamed("Петров")))]);
    given::<Employee>([known(bare(None, "Петров"))])
        .when(update(renamed(""), None, None))
        .then_rejected(missing());
    assert_eq!(Employee::default().claims(&known(bare(None, ""))), []);
    let gone = E::Updated(Box::new(Change {
        email: Patch::Set(None),
        ..Change::default()
    }));
    let state = Employee::default().evolve(&known(bare(Some("a@company.kz"), "")));
    assert_eq!(
        state.claims(&gone),
        [Claim::release("employee.email", "a@company.kz").personal()]
    );
}
