//! An employee as people see them, with what they sold.

use crate::{
    Readers,
    column::{Column, ColumnKind as K},
    table::{Seen, Table, word},
    view::{Computed, Owned, Scope, View},
};
use chrono::{DateTime, Utc};
use domain::{
    Access, Changes, Choice, Fact, Fields, Permission, Rights, Role,
    id::UserId,
    people::employee::{Details, EmployeeEvent, Status},
    rights::Circle,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub id: Uuid,
    pub version: i64,
    /// Nothing as long as they have no account.
    pub user_id: Option<Uuid>,
    pub status: Status,
    #[serde(flatten)]
    pub details: Details,
    pub organization_role: Role,
    /// One of the workspace's own roles, whose rights count in place of the role's.
    pub role_id: Option<Uuid>,
    /// Beyond the role.
    pub permissions: Rights,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Table for Row {
    const NAME: &'static str = "employees";
    const SQL: &'static str = include_str!("../../../migrations/tenant/employees.sql");

    fn columns() -> Vec<Column> {
        let own = vec![
            Column::new("id", K::Uuid),
            Column::new("version", K::Number),
            Column::new("user_id", K::Uuid).nullable(),
            Column::new("status", K::Choice(Status::WORDS)),
            Column::new("organization_role", K::Choice(Role::WORDS)),
            Column::new("role_id", K::Uuid).nullable(),
            Column::new("permissions", K::Json),
            Column::new("created_at", K::Time),
            Column::new("updated_at", K::Time),
        ];
        let fields = Details::FIELDS.iter().map(|field| match field.name {
            "salary" => Column::of(field).right(Permission::SalariesView),
            "iin" | "passport" => Column::of(field).right(Permission::PapersView),
            _ => Column::of(field),
        });
        own.into_iter().chain(fields).collect()
    }

    fn counted(&self) -> Vec<(&'static str, String)> {
        vec![("status", word(self.status))]
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        match event.fact {
            Fact::Employee(_) => vec![event.id()],
            _ => vec![],
        }
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        let Fact::Employee(fact) = &event.fact else { return };
        let at = event.recorded.recorded_at;
        if let EmployeeEvent::Created {
            details,
            access,
            user_id,
        } = fact
        {
            *row = Some(Self {
                id: key,
                version: 0,
                user_id: user_id.map(Into::into),
                status: Status::Pending,
                details: details.as_ref().clone(),
                organization_role: access.role,
                role_id: access.role_id.map(Into::into),
                permissions: access.permissions.clone(),
                created_at: at,
                updated_at: at,
            });
        }
        let Some(employee) = row else { return };
        employee.apply(fact);
        (employee.version, employee.updated_at) = (event.recorded.version, at);
    }
}

impl Row {
    fn apply(&mut self, event: &EmployeeEvent) {
        match event {
            EmployeeEvent::Created { .. } => {}
            EmployeeEvent::Updated(change) => self.details.apply(change),
            EmployeeEvent::AccessAsked { access } => {
                let Access {
                    role,
                    role_id,
                    permissions,
                } = access;
                self.organization_role = *role;
                self.role_id = role_id.map(Into::into);
                self.permissions.clone_from(permissions);
            }
            EmployeeEvent::Approved { user_id } => {
                self.status = Status::Active;
                self.user_id = user_id.map(Uuid::from).or(self.user_id);
            }
            EmployeeEvent::Joined { user_id } => self.user_id = Some((*user_id).into()),
            EmployeeEvent::Refused { .. } => self.status = Status::Refused,
            EmployeeEvent::Deactivated {} => self.status = Status::Inactive,
            EmployeeEvent::Activated {} => self.status = Status::Active,
        }
    }
}

impl View for Row {
    const OWNED: Option<Owned> = Some(Owned {
        right: Permission::EmployeesView,
        user: "user_id",
        department: Some("department_id"),
    });
    const COUNTED: &'static [&'static str] = &["status"];
    const SEARCH: &'static str = "t.search_text";
    const SHOWN: &'static [Computed] = &[Computed::new(
        "departmentName",
        K::Text,
        "(select d.name from {s}.departments d where d.id = t.department_id)",
    )];
    const DETAILS: &'static [Computed] = &[
        Computed::new(
            "department",
            K::Json,
            "(select json_build_object('id', d.id, 'name', d.name, 'headId', d.head_id) from {s}.departments d where d.id = t.department_id)",
        ),
        Computed::new(
            "contacts",
            K::Json,
            "json_build_object('phone', t.phone, 'emergencyContact', t.emergency_contact)",
        ),
        Computed::new(
            "documents",
            K::Json,
            "json_build_object('iin', t.iin, 'passport', t.passport)",
        )
        .right(Permission::PapersView),
        Computed::new(
            "employment",
            K::Json,
            "json_build_object('hireDate', t.hire_date, 'contractType', t.contract_type, 'salary', t.salary, 'currency', t.currency)",
        )
        .right(Permission::SalariesView)
        .otherwise("json_build_object('hireDate', t.hire_date, 'contractType', t.contract_type)"),
        // There are no tasks yet, and nothing to measure somebody by.
        Computed::new(
            "metrics",
            K::Json,
            "json_build_object('tasksCompleted', 0, 'dealsWon', (select count(*) from {s}.deals d where d.assigned_to = t.user_id and d.stage = 'WON'), \
             'performanceScore', null)",
        ),
    ];
}

/// Those with a role: of members, the ones that have it today; of others, the ones it was asked for.
pub fn with_role(role: Role, members: &[Uuid]) -> Scope {
    let ids: Vec<String> = members.iter().map(ToString::to_string).collect();
    Scope {
        alternatives: vec![
            "(t.organization_role = {1} and (t.user_id is null or t.status <> 'active'))".to_owned(),
            "(t.user_id = any({2}::uuid[]) and t.status = 'active')".to_owned(),
        ],
        values: vec![role.code().to_owned(), format!("{{{}}}", ids.join(","))],
        ..Scope::default()
    }
}

/// The departments that somebody works in or heads, those below them, and everybody in any of these.
pub async fn circle(readers: &Readers, schema: &str, user: UserId) -> Result<Circle, sqlx::Error> {
    let circle = "with recursive mine as (select id, department_id from {s}.employees where user_id = $1 and status = 'active'), \
        below as (select department_id as id from mine where department_id is not null \
            union select d.id from {s}.departments d join mine on d.head_id = mine.id \
            union select d.id from {s}.departments d join below b on d.parent_id = b.id) \
        select array(select id from below), array(select user_id from {s}.employees \
            where user_id is not null and department_id in (select id from below))";
    let circle = circle.replace("{s}", schema);
    let mut session = readers.enter(schema).await?;
    let (departments, users): (Vec<Uuid>, Vec<Uuid>) = sqlx::query_as(AssertSqlSafe(circle))
        .bind(Uuid::from(user))
        .fetch_one(&mut *session)
        .await?;
    session.leave();
    Ok(Circle {
        departments: departments.into_iter().map(Into::into).collect(),
        users: users.into_iter().map(Into::into).collect(),
    })
}

/// How a workspace reaches somebody who works there.
pub async fn contact(readers: &Readers, schema: &str, user: Uuid) -> Result<Option<String>, sqlx::Error> {
    let contact = "select email from {s}.employees where user_id = $1 order by created_at, id limit 1";
    let contact = contact.replace("{s}", schema);
    let mut session = readers.enter(schema).await?;
    let found: Option<Option<String>> = sqlx::query_scalar(AssertSqlSafe(contact))
        .bind(user)
        .fetch_optional(&mut *session)
        .await?;
    session.leave();
    Ok(found.flatten())
}
