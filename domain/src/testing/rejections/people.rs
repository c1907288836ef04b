//! The same of people: departments and employees.

use super::{says, says_with, tells_fields};
use crate::{
    Kind,
    people::{
        department::DepartmentRejection,
        employee::{self, EmployeeRejection},
    },
};

pub fn people() -> Vec<&'static str> {
    use {DepartmentRejection as D, EmployeeRejection as E};
    let step = E::NoSuchStep {
        from: employee::Status::Refused,
        to: employee::Status::Active,
    };
    let of_step = [("from", "refused"), ("to", "active")];
    vec![
        says(D::Missing, "department.missing", Kind::Missing, "no such department"),
        says(
            D::AlreadyCreated,
            "department.already_created",
            Kind::Exists,
            "already created",
        ),
        says(
            D::Cyclic,
            "department.cyclic",
            Kind::Conflict,
            "a department cannot be a part of itself",
        ),
        says_with(
            D::TooDeep { max: 7 },
            "department.too_deep",
            Kind::Conflict,
            "more than 7 levels",
            &[("max", "7")],
        ),
        tells_fields::<D>("department.invalid"),
        says(E::Missing, "employee.missing", Kind::Missing, "no such employee"),
        says(
            E::AlreadyCreated,
            "employee.already_created",
            Kind::Exists,
            "already created",
        ),
        says_with(
            step,
            "employee.no_such_step",
            Kind::Transition,
            "Refused does not become Active",
            &of_step,
        ),
        says(
            E::HasAnAccount,
            "employee.has_an_account",
            Kind::Conflict,
            "somebody else's account",
        ),
        tells_fields::<E>("employee.invalid"),
    ]
}
