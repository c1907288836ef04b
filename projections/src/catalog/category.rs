//! Categories, each as a row of its own; all of them as the tree they are; and the products of one with all below it.

use crate::{
    column::{Column, ColumnKind as K},
    table::{Seen, Table},
    view::{Computed, Reader, Scope, View},
};
use chrono::{DateTime, Utc};
use domain::{
    Changes, Fact, Fields, Quantity,
    catalog::category::{CategoryEvent, Details, LEVELS_MAX},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, types::Json};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub id: Uuid,
    pub version: i64,
    #[serde(flatten)]
    pub details: Details,
    pub archived: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Table for Row {
    const NAME: &'static str = "categories";
    const SQL: &'static str = include_str!("../../../migrations/tenant/categories.sql");

    fn columns() -> Vec<Column> {
        let own = vec![
            Column::new("id", K::Uuid),
            Column::new("version", K::Number),
            Column::new("archived", K::Hidden),
            Column::new("created_at", K::Time),
            Column::new("updated_at", K::Time),
        ];
        own.into_iter().chain(Details::FIELDS.iter().map(Column::of)).collect()
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        match event.fact {
            Fact::Category(_) => vec![event.id()],
            _ => vec![],
        }
    }

    fn visible(&self) -> bool {
        !self.archived
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        let Fact::Category(fact) = &event.fact else { return };
        let (version, at) = (event.recorded.version, event.recorded.recorded_at);
        if let CategoryEvent::Created(details) = fact {
            *row = Some(Self {
                id: key,
                version,
                details: details.as_ref().clone(),
                archived: false,
                created_at: at,
                updated_at: at,
            });
        }
        let Some(category) = row else { return };
        match fact {
            CategoryEvent::Created(_) => {}
            CategoryEvent::Updated(change) => category.details.apply(change),
            CategoryEvent::Archived {} => category.archived = true,
        }
        (category.version, category.updated_at) = (version, at);
    }
}

/// Those that name the category itself.
const PRODUCT_COUNT: &str = "(select count(*) from {s}.products p where p.category_id = t.id and not p.archived)";

impl View for Row {
    const VISIBLE: &'static str = "not t.archived";
    const SEARCH: &'static str = "reading.folded(t.name)";
    const SHOWN: &'static [Computed] = &[Computed::new("productCount", K::Number, PRODUCT_COUNT)];
}

/// A category with those below it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Branch {
    id: Uuid,
    version: i64,
    name: String,
    parent_id: Option<Uuid>,
    sort_order: Quantity,
    /// Of the category itself.
    product_count: u32,
    #[serde(default)]
    children: Vec<Branch>,
}

/// Those that are below no other, in their order, each with what is below it.
pub async fn tree(reader: Reader<'_>) -> Result<Vec<Branch>, sqlx::Error> {
    let all = "select jsonb_build_object('id', t.id, 'version', t.version, 'name', t.name, 'parentId', t.parent_id, \
        'sortOrder', t.sort_order, 'productCount', {count}) \
        from {s}.categories t where not t.archived order by t.sort_order, t.name, t.id";
    let all = all.replace("{count}", PRODUCT_COUNT).replace("{s}", reader.schema);
    let mut session = reader.enter().await?;
    let rows: Vec<Json<Branch>> = sqlx::query_scalar(AssertSqlSafe(all)).fetch_all(&mut *session).await?;
    session.leave();
    Ok(grown(rows.into_iter().map(|Json(branch)| branch).collect()))
}

/// The rules see to it that nothing is below itself; what names a parent that is not there stands at the top.
fn grown(branches: Vec<Branch>) -> Vec<Branch> {
    let known: HashSet<Uuid> = branches.iter().map(|branch| branch.id).collect();
    let mut below: HashMap<Option<Uuid>, Vec<Branch>> = HashMap::new();
    for branch in branches {
        let parent = branch.parent_id.filter(|parent| known.contains(parent));
        below.entry(parent).or_default().push(branch);
    }
    gather(&mut below, None, LEVELS_MAX)
}

/// So many levels and no more: what came to stand deeper, because a category with much below it was moved, is not shown.
fn gather(below: &mut HashMap<Option<Uuid>, Vec<Branch>>, parent: Option<Uuid>, levels: usize) -> Vec<Branch> {
    if levels == 0 {
        return vec![];
    }
    let mut here = below.remove(&parent).unwrap_or_default();
    for branch in &mut here {
        branch.children = gather(below, Some(branch.id), levels - 1);
    }
    here
}

/// The products of these categories and of all below them.
pub fn within(schema: &str, categories: Vec<Uuid>) -> Scope {
    let places: Vec<String> = (1..=categories.len()).map(|n| format!("{{{n}}}::uuid")).collect();
    let condition = format!(
        "t.category_id in (with recursive below(id) as (select unnest(array[{}]) \
         union select c.id from {schema}.categories c join below b on c.parent_id = b.id) select id from below)",
        places.join(", ")
    );
    Scope {
        condition: Some(condition),
        values: categories.iter().map(Uuid::to_string).collect(),
        ..Scope::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn branch(id: u128, parent: Option<u128>) -> Branch {
        Branch {
            id: Uuid::from_u128(id),
            version: 1,
            name: id.to_string(),
            parent_id: parent.map(Uuid::from_u128),
            sort_order: Quantity::ZERO,
            product_count: 0,
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
        fn told(branches: &[Branch]) -> String {
            let one = |branch: &Branch| format!("{}({})", branch.name, told(&branch.children));
            branches.iter().map(one).collect()
        }
        assert_eq!(told(&grown(all)), "1(2(4())3())5()");
    }

    #[test]
    fn a_tree_ends_where_there_are_too_many_levels() {
        let chain = (1..=LEVELS_MAX as u128 + 2).map(|n| branch(n, (n > 1).then(|| n - 1)));
        fn levels(branches: &[Branch]) -> usize {
            let below = branches.iter().map(|branch| 1 + levels(&branch.children));
            below.max().unwrap_or_default()
        }
        assert_eq!(levels(&grown(chain.collect())), LEVELS_MAX);
    }
}
