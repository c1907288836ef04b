//! Departments, each as a row of its own; and all of them as the tree they are.

use crate::{
    column::{Column, ColumnKind as K},
    table::{Seen, Table},
    view::{Computed, Reader, View},
};
use chrono::{DateTime, Utc};
use domain::{
    Changes, Fact, Fields, Money,
    people::department::{DepartmentEvent, Details},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, types::Json};
use std::collections::HashMap;
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

/// Those that are below no other, by name, each with what is below it.
pub async fn tree(reader: Reader<'_>) -> Result<Vec<Branch>, sqlx::Error> {
    let all = "select jsonb_build_object('id', t.id, 'version', t.version, 'name', t.name, 'code', t.code, 'headId', t.head_id, \
        'headName', {head}, 'employeeCount', {count}, 'budget', t.budget, 'isActive', t.is_active, 'parentId', t.parent_id) \
        from {s}.departments t order by t.name, t.id";
    let all = all
        .replace("{head}", HEAD_NAME)
        .replace("{count}", EMPLOYEE_COUNT)
        .replace("{s}", reader.schema);
    let mut session = reader.enter().await?;
    let rows: Vec<Json<Branch>> = sqlx::query_scalar(AssertSqlSafe(all)).fetch_all(&mut *session).await?;
    session.leave();
    Ok(grown(rows.into_iter().map(|Json(branch)| branch).collect()))
}

/// The rules see to it that nothing is below itself; what names a parent that is not there stands at the top.
fn grown(branches: Vec<Branch>) -> Vec<Branch> {
    let known: Vec<Uuid> = branches.iter().map(|branch| branch.id).collect();
    let mut below: HashMap<Option<Uuid>, Vec<Branch>> = HashMap::new();
    for branch in branches {
        let parent = branch.parent_id.filter(|parent| known.contains(parent));
        below.entry(parent).or_default().push(branch);
    }
    fn gather(below: &mut HashMap<Option<Uuid>, Vec<Branch>>, parent: Option<Uuid>) -> Vec<Branch> {
        let mut here = below.remove(&parent).unwrap_or_default();
        for branch in &mut here {
            branch.children = gather(below, Some(branch.id));
        }
        here
    }
    gather(&mut below, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn branch(id: u128, parent: Option<u128>) -> Branch {
        Branch {
            id: Uuid::from_u128(id),
            version: 1,
            name: id.to_string(),
            code: None,
            head_id: None,
            head_name: None,
            employee_count: 0,
            budget: None,
            is_active: true,
            parent_id: parent.map(Uuid::from_u128),
            children: vec![],
        }
    }

    #[test]
    fn a_tree_has_everything_once_in_its_place() {
        let all = vec![
            branch(4, Some(2)),
            branch(2, Some(1)),
            branch(1, None),
            branch(3, Some(1)),
            branch(5, Some(9)),
        ];
        let tree = grown(all);
        fn told(branches: &[Branch]) -> String {
            let one = |branch: &Branch| format!("{}({})", branch.name, told(&branch.children));
            branches.iter().map(one).collect()
        }
        assert_eq!(told(&tree), "1(2(4())3())5()");
    }
}
