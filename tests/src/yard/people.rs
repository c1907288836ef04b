//! Bodies of the routes about who works there, and in what.

use super::PERSON;
use crate::shape::{self, Field, Shape, fields};
use domain::people::{department, employee};
use reqwest::Method;
use serde_json::{Value, json};

/// Ids of who works there, and in what.
pub struct People {
    pub organization: String,
    pub department: String,
    pub employee: String,
    pub role: String,
    pub member: String,
}

impl People {
    pub fn shapes(&self) -> Vec<Shape> {
        let department = json!({"name": "a", "headId": self.employee});
        let employee = json!({"email": "z@company.kz", "firstName": "a", "lastName": "a", "password": "SecurePassword123",
            "departmentId": self.department, "salary": 1, "organizationRole": "employee", "permissions": ["DEALS_VIEW"]});
        let known = json!({"position": "a", "organizationRole": "employee", "roleId": self.role, "permissions": ["DEALS_VIEW:own"]});
        let applicant = json!({"email": "z@company.kz", "password": "SecurePassword123", "firstName": "a", "lastName": "a",
            "organizationId": self.organization, "position": "a"});
        let access = "roleId:uuid permissions:list permissions[0]:choice!";
        let shape = |method: Method, route: &'static str, id: &str, good: Value, fields: Vec<Field>| Shape {
            method,
            route,
            path: route
                .replace("{id}", id)
                .replace("{orgId}", &self.organization)
                .replace("{empId}", &self.employee),
            good,
            fields,
        };
        let of_member = fields(&format!("role:choice {access}"));
        let of_employee = |new, more: &str| {
            shape::noun::<employee::Details>(new, &format!("organizationRole:choice {access} {more}"))
        };
        let (post, put) = (Method::POST, Method::PUT);
        vec![
            shape(
                post.clone(),
                "/departments",
                "",
                department.clone(),
                shape::noun::<department::Details>(true, ""),
            ),
            shape(
                put.clone(),
                "/departments/{id}",
                &self.department,
                json!({"name": "a"}),
                shape::noun::<department::Details>(false, ""),
            ),
            shape(
                post.clone(),
                "/employees",
                "",
                employee,
                of_employee(true, "password:password"),
            ),
            shape(
                put.clone(),
                "/employees/{id}",
                &self.employee,
                known,
                of_employee(false, "status:choice"),
            ),
            shape(
                post.clone(),
                "/employees/{id}/refuse",
                &self.employee,
                json!({"reason": "a"}),
                fields("reason:text500"),
            ),
            shape(
                post.clone(),
                "/organizations/{orgId}/employees/{empId}/refuse",
                "",
                json!({"reason": "a"}),
                fields("reason:text500"),
            ),
            shape(
                post.clone(),
                "/users/register-employee",
                "",
                applicant,
                fields(&format!("{PERSON} organizationId:uuid! position:text100")),
            ),
            shape(
                post.clone(),
                "/auth/check-bin-employee",
                "",
                json!({"bin": "123456789012"}),
                fields("bin:twelve_digits!"),
            ),
            shape(
                post.clone(),
                "/invitations",
                "",
                json!({"email": "y@company.kz", "permissions": ["DEALS_VIEW"], "departmentId": self.department}),
                fields(&format!(
                    "email:email! organizationRole:choice {access} employeeId:uuid firstName:text100 lastName:text100 position:text100 departmentId:uuid"
                )),
            ),
            shape(
                post.clone(),
                "/invitations/accept",
                "",
                json!({"email": "y@company.kz", "code": "123456", "password": "SecurePassword123", "firstName": "a", "lastName": "a"}),
                fields("email:text0! code:text0!"),
            ),
            shape(
                post,
                "/roles",
                "",
                json!({"name": "a", "permissions": ["DEALS_VIEW:own"]}),
                fields("name:text100! permissions:list permissions[0]:choice!"),
            ),
            shape(
                put.clone(),
                "/roles/{id}",
                &self.role,
                json!({"name": "a", "permissions": ["DEALS_VIEW"]}),
                fields("name:text100 permissions:list permissions[0]:choice!"),
            ),
            shape(
                put,
                "/members/{id}",
                &self.member,
                json!({"role": "owner", "permissions": ["DEALS_VIEW"]}),
                of_member,
            ),
        ]
    }
}
