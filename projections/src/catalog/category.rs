//! Categories, each as a row of its own; all of them as the tree they are; and the products of one with all below it.

use crate::{
    column::ColumnKind as K,
    plain::{self, Plain, Said},
    tree::{self, Branching},
    view::{Computed, Reader, Scope, View},
};
use domain::{
    Fact, Quantity,
    catalog::category::{CategoryEvent, Details, LEVELS_MAX},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub type Row = plain::Row<Details>;

impl Plain for Details {
    const NAME: &'static str = "categories";
    const SQL: &'static str = include_str!("../../../migrations/tenant/categories.sql");

    fn said(fact: &Fact) -> Option<Said<'_, Self>> {
        let Fact::Category(event) = fact else { return None };
        Some(match event {
            CategoryEvent::Created(details) => Said::Created(details),
            CategoryEvent::Updated(change) => Said::Updated(change.as_ref()),
            CategoryEvent::Archived {} => Said::Archived,
        })
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
