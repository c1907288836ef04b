//! Somebody who gets a user name: the owner of a new store, or whoever is to work there. What is wrong with what was said of
//! them is told at once, under document 4's names. Their address is only how they are reached: nobody has proved it, so that it
//! stands with the employee, and takes nothing from whom it belongs to.

use crate::{
    identity::{normal, normal_email, password},
    people::employee::reachable,
    problem::Problem,
};
use chrono::NaiveDate;
use domain::{
    Access, Aggregate, Check, Rejection, Role, Rule, Violation,
    id::UserId,
    identity::user::{Registered, User, UserCommand},
    people::employee::{Details, Employee, EmployeeCommand},
};
use projections::snake_case;
use serde::Serialize;

/// In their stored form.
#[derive(Debug, Clone, Serialize)]
pub struct Person {
    pub username: String,
    pub first_name: String,
    pub last_name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub position: Option<String>,
}

/// How user names are kept and looked up.
pub fn normal_username(text: &str) -> String {
    normal(text).to_lowercase()
}

/// What was typed, without blanks around; nothing, if that leaves nothing.
pub fn given(text: Option<String>) -> Option<String> {
    text.map(|text| normal(&text)).filter(|text| !text.is_empty())
}

pub fn given_email(text: Option<String>) -> Option<String> {
    text.map(|text| normal_email(&text)).filter(|text| !text.is_empty())
}

impl Person {
    pub fn registered(&self) -> Registered {
        Registered {
            email: None,
            username: Some(self.username.clone()),
            first_name: self.first_name.clone(),
            last_name: self.last_name.clone(),
            phone: None,
            organization_id: None,
        }
    }

    pub fn details(&self, hired: NaiveDate) -> Details {
        Details {
            email: self.email.clone(),
            first_name: self.first_name.clone(),
            last_name: self.last_name.clone(),
            position: self.position.clone(),
            phone: self.phone.clone(),
            hire_date: Some(hired),
            ..Details::default()
        }
    }

    /// All that is wrong with them and their password.
    pub fn violations(&self, password: &str) -> Vec<Violation> {
        let mut edge = Check::default();
        password::check(&mut edge, "password", password);
        if let Some(email) = &self.email {
            reachable(&mut edge, email);
        }
        let edge = edge.done().err();
        let user = User::default().decide(&UserCommand::Register(self.registered())).err();
        let create = EmployeeCommand::Create {
            details: Box::new(self.details(NaiveDate::default())),
            access: Access::from(Role::Cashier),
            user_id: Some(UserId::default()),
        };
        let employee = Employee::default().decide(&create).err();
        let mut found = vec![];
        for violations in [
            edge.as_ref()
                .map(|violations| violations.as_slice())
                .unwrap_or_default(),
            user.as_ref().map(Rejection::violations).unwrap_or_default(),
            employee.as_ref().map(Rejection::violations).unwrap_or_default(),
        ] {
            add(&mut found, violations, "");
        }
        found
    }
}

/// Adds what is not told yet, under document 4's names.
pub fn add(found: &mut Vec<Violation>, violations: &[Violation], prefix: &str) {
    for Violation { field, rule } in violations {
        let field = format!("{prefix}{}", snake_case(field));
        if found.iter().all(|known| known.field != field) {
            let rule = rule.clone();
            found.push(Violation { field, rule });
        }
    }
}

/// Nothing, or a refusal that names it all.
pub fn refuse(found: &[Violation], reason: &'static str) -> Result<(), Problem> {
    match found {
        [] => Ok(()),
        found => Err(Problem::invalid(found).because(reason)),
    }
}

/// A password that was typed twice, and not alike.
pub fn add_confirmed(found: &mut Vec<Violation>, password: &str, confirm: &str) {
    let rule = match confirm {
        "" => Some(Rule::Required),
        confirm if confirm != password => Some(Rule::NotAllowed),
        _ => None,
    };
    let field = "password_confirm".to_owned();
    found.extend(rule.map(|rule| Violation { field, rule }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person() -> Person {
        Person {
            username: "owner1".into(),
            first_name: "Иван".into(),
            last_name: String::new(),
            email: None,
            phone: None,
            position: None,
        }
    }

    fn told(found: &[Violation]) -> Vec<(&str, &str)> {
        found
            .iter()
            .map(|violation| (violation.field.as_str(), violation.rule.code()))
            .collect()
    }

    #[test]
    fn a_user_name_a_first_name_and_a_password_are_enough() {
        assert_eq!(person().violations("SecurePass123!"), []);
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once_in_document_4_s_names() {
        let bad = Person {
            username: "я".into(),
            first_name: String::new(),
            last_name: "я".repeat(101),
            email: Some("nonsense".into()),
            phone: Some("1".repeat(31)),
            position: Some("я".repeat(101)),
        };
        let found = bad.violations("short");
        let mut told = told(&found);
        told.sort_unstable();
        assert_eq!(
            told,
            [
                ("email", "not_an_email"),
                ("first_name", "required"),
                ("last_name", "too_long"),
                ("password", "weak_password"),
                ("phone", "too_long"),
                ("position", "too_long"),
                ("username", "not_allowed"),
            ]
        );
    }

    #[test]
    fn a_password_is_typed_twice_alike() {
        for (confirm, expected) in [
            ("SecurePass123!", vec![]),
            ("", vec![("password_confirm", "required")]),
            ("Securepass123!", vec![("password_confirm", "not_allowed")]),
        ] {
            let mut found = vec![];
            add_confirmed(&mut found, "SecurePass123!", confirm);
            assert_eq!(told(&found), expected, "{confirm}");
        }
    }
}
