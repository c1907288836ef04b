//! Departments, each as a row of its own; and all of them as the tree they are.

use crate::{
    column::{Column, ColumnKind as K},
    table::{Seen, Table},
    tree::{self, Branching},
    view::{Computed, Reader, View},
};
use chrono::{DateTime, Utc};
use domain::{
    Changes, Fact, Fields, Money,
    people::department::{DepartmentEvent, Details, LEVELS_MAX},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub id: Uuid,
    pub version: i64,
    #[serde(flatten)]
    pub details: Details,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Table for Row {
    const NAME: &'static str = "departments";
    const SQL: &'static str = include_str!("../../../migrations/tenant/departments.sql");

    fn columns() -> Vec<Column> {
        let own = vec![
            Column::new("id", K::Uuid),
            Column::new("version", K::Number),
            Column::new("created_at", K::Time),
            Column::new("updated_at", K::Time),
        ];
        own.into_iter().chain(Details::FIELDS.iter().map(Column::of)).collect()
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        match event.fact {
            Fact::Department(_) => vec![event.id()],
            _ => vec![],
        }
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        let Fact::Department(fact) = &event.fact else { return };
        let (version, at) = (event.recorded.version, event.recorded.recorded_at);
        match (fact, row) {
            (DepartmentEvent::Created(details), row) => {
                *row = Some(Self {
                    id: key,
                    version,
                    details: details.as_ref().clone(),
                    created_at: at,
                    updated_at: at,
                });
            }
            (DepartmentEvent::Updated(change), Some(department)) => {
                department.details.apply(change);
                (department.version, department.updated_at) = (version, at);
            }
            (DepartmentEvent::Updated(_), None) => {}
        }
    }
}

/// Those in the department itself who work here today.
const EMPLOYEE_COUNT: &str =
    "(select count(*) from {s}.employees e where e.department_id = t.id and e.status = 'active')";
const HEAD_NAME: &str = "(select e.first_name || ' ' || e.last_name from {s}.employees e where e.id = t.head_id)";

impl View for Row {
    const SEARCH: &'static str = "reading.folded(t.name || e'\\n' || coalesce(t.code, ''))";
    const SHOWN: &'static [Computed] = &[
        Computed::new("headName", K::Text, HEAD_NAME),
        Computed::new("employeeCount", K::Number, EMPLOYEE_COUNT),
    ];
}

/// A department with those below it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Branch {
    id: Uuid,
    version: i64,
    name: String,
    code: Option<String>,
    head_id: Option<Uuid>,
    head_name: Option<String>,
    /// Who works in it itself today.
    employee_count: u32,
    budget: Option<Money>,
    is_active: bool,
    parent_id: Option<Uuid>,
    #[serde(default)]
    children: Vec<Branch>,
}

/// Those that are below no other, by name, each with what is below it: as many levels as the rules allow, though there were
/// more from before they did.
pub async fn tree(reader: Reader<'_>) -> Result<Vec<Branch>, sqlx::Error> {
    let all = "select jsonb_build_object('id', t.id, 'version', t.version, 'name', t.name, 'code', t.code, 'headId', t.head_id, \
        'headName', {head}, 'employeeCount', {count}, 'budget', t.budget, 'isActive', t.is_active, 'parentId', t.parent_id) \
        from {s}.departments t order by t.name, t.id";
    let all = all
        .replace("{head}", HEAD_NAME)
        .replace("{count}", EMPLOYEE_COUNT)
        .replace("{s}", reader.schema);
    tree::found(reader, all, LEVELS_MAX).await
}

impl Branching for Branch {
    fn id(&self) -> Uuid {
        self.id
    }

    fn parent(&self) -> Option<Uuid> {
        self.parent_id
    }

    fn children(&mut self) -> &mut Vec<Self> {
        &mut self.children
    }
}
