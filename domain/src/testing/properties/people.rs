//! The same of departments and employees.

use super::{Promises, any_commands, nothing};
use crate::{
    Role,
    id::{DepartmentId, UserId},
    people::{
        department::{Department, DepartmentCommand, DepartmentEvent},
        employee::{self, Employee, EmployeeCommand, EmployeeEvent},
    },
    testing::sample,
    tree::Spot,
};

#[test]
fn people() {
    use {DepartmentCommand as D, EmployeeCommand as E};
    let DepartmentEvent::Created(department) = sample("department.created.v1") else {
        panic!("another event")
    };
    let DepartmentEvent::Updated(change) = sample("department.updated.v1") else {
        panic!("another event")
    };
    let own = DepartmentId::default();
    let above = |above: Vec<DepartmentId>| Spot {
        own,
        above,
        levels_below: 0,
    };
    let commands = [
        D::Create(department.clone(), above(vec![])),
        D::Create(department, above(vec![own])),
        D::Update(change.clone(), above(vec![])),
        D::Update(change, above(vec![own])),
    ];
    let names_its_effect = |command: &D| matches!(command, D::Update(..));
    any_commands::<Department>(
        &commands,
        &Promises {
            names_its_effect,
            invariant: nothing,
        },
    );

    let EmployeeEvent::Created {
        details,
        access,
        user_id,
    } = sample("employee.created.v1")
    else {
        panic!("another event")
    };
    let EmployeeEvent::Updated(change) = sample("employee.updated.v1") else {
        panic!("another event")
    };
    let user = UserId::default();
    let update = |status| E::Update {
        change: change.clone(),
        access: Some(Role::Manager.into()),
        status: Some(status),
    };
    let create = |user_id| E::Create {
        details: details.clone(),
        access: access.clone(),
        user_id,
    };
    let commands = [
        create(None),
        create(user_id),
        update(employee::Status::Active),
        update(employee::Status::Inactive),
        E::Approve { user_id: None },
        E::Approve { user_id: Some(user) },
        E::Refuse { reason: None },
        E::Join { user_id: user },
    ];
    any_commands::<Employee>(
        &commands,
        &Promises {
            names_its_effect: |command| !matches!(command, E::Create { .. }),
            invariant: nothing,
        },
    );
}
