//! The shapes of who works here: members and roles, employees and departments.

use super::{Nothing, Shape};
use crate::{
    people::{department, employee},
    platform,
};
use chrono::NaiveDate;
use domain::Money;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberShown {
    /// Nobody's who signs in by a user name.
    pub email: Option<String>,
    pub first_name: String,
    pub last_name: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DepartmentShown {
    pub head_name: Option<String>,
    /// Who works in it itself today.
    pub employee_count: u32,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmployeeShown {
    pub department_name: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmployeeDetails {
    pub department: Option<DepartmentOfEmployee>,
    pub contacts: ContactsOfEmployee,
    pub documents: PapersOfEmployee,
    pub employment: Employment,
    pub metrics: EmployeeMetrics,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DepartmentOfEmployee {
    pub id: Uuid,
    pub name: String,
    pub head_id: Option<Uuid>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContactsOfEmployee {
    pub phone: Option<String>,
    pub emergency_contact: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct PapersOfEmployee {
    pub iin: Option<String>,
    pub passport: Option<String>,
}

/// What is earned is told to those who may see it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Employment {
    pub hire_date: Option<NaiveDate>,
    pub contract_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub salary: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmployeeMetrics {
    /// 0 until there are tasks.
    pub tasks_completed: u32,
    pub deals_won: u32,
    /// Nothing until there is something to measure it by.
    pub performance_score: Option<u32>,
}

impl Shape for platform::Membership {
    type Shown = MemberShown;
    type Details = Nothing;
}

impl Shape for platform::OwnRole {
    type Shown = Nothing;
    type Details = Nothing;
}

impl Shape for department::Row {
    type Shown = DepartmentShown;
    type Details = Nothing;
}

impl Shape for employee::Row {
    type Shown = EmployeeShown;
    type Details = EmployeeDetails;
}
