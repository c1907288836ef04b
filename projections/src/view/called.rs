//! What those are called that a row refers to in the workspace's own fields: `customNames`, the name of each by the field's key, in
//! details. What the reader may not see, or is not there any more, has no name.

use super::{Reader, Shown, View, owned::limit};
use crate::{
    catalog::product,
    column::ColumnKind,
    sales::{customer, deal, order},
};
use domain::Permission;

/// The field's name.
pub const CALLED: &str = "customNames";

/// Whether rows of it have values of the workspace's own fields.
pub fn has_own<V: View>() -> bool {
    V::columns().iter().any(|column| column.kind == ColumnKind::Custom)
}

/// The names, where there are references at all; `bind` takes a value and answers its placeholder.
pub(super) fn shown<V: View>(reader: Reader<'_>, mut bind: impl FnMut(String) -> String) -> Option<Shown> {
    if !has_own::<V>() {
        return None;
    }
    let names = [
        named::<customer::Row>(reader, "name", Permission::CustomersView, &mut bind),
        named::<product::Row>(reader, "name", Permission::ProductsView, &mut bind),
        named::<deal::Row>(reader, "title", Permission::DealsView, &mut bind),
        named::<order::Row>(reader, "order_number", Permission::OrdersView, &mut bind),
    ];
    let names: Vec<String> = names.into_iter().flatten().collect();
    let name = match names.is_empty() {
        true => "null::text".to_owned(),
        false => format!("case f.refers_to {} end", names.join(" ")),
    };
    let (schema, table) = (reader.schema, V::NAME);
    let sql = format!(
        "case when t.custom is null then '{{}}'::json else (select coalesce(json_object_agg(c.key, c.name), '{{}}') from (select f.key, {name} as name \
         from {schema}.custom_fields f, lateral (select case f.type when 'reference' then (t.custom->>f.key)::uuid end as id) v \
         where f.resource = '{table}' and not f.archived and v.id is not null) c where c.name is not null) end"
    );
    Some(Shown::new(CALLED, sql, ColumnKind::Json))
}

/// What one of a table is called: a case of which table it is in.
fn named<V: View>(
    reader: Reader<'_>,
    column: &str,
    right: Permission,
    bind: &mut impl FnMut(String) -> String,
) -> Option<String> {
    if !(reader.may)(right) {
        return None;
    }
    let (schema, table) = (reader.schema, V::NAME);
    let reached = limit(reader, V::OWNED, "t", bind);
    let reached = reached.map(|condition| format!(" and {condition}")).unwrap_or_default();
    let name = format!(
        "select t.{column} from {schema}.{table} t where t.id = v.id and {}{reached}",
        V::VISIBLE
    );
    Some(format!("when '{table}' then ({name})"))
}
