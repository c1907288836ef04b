//! How rows are shown: one page of a list or one resource with its details, each one statement, as JSON text that
//! goes out as it came from the database.

use crate::{
    list::{Field, Grammar, ListError, Op, Page, encode_cursor},
    schema,
    table::{ColumnKind, Table, camel_case},
};
use serde_json::value::RawValue;
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

/// Something shown or filtered by that is not a column of the row: an expression over `t`, with `{s}` for the schema.
#[derive(Debug, Clone, Copy)]
pub struct Computed {
    pub name: &'static str,
    pub sql: &'static str,
    pub kind: ColumnKind,
}

impl Computed {
    pub const fn new(name: &'static str, kind: ColumnKind, sql: &'static str) -> Self {
        Self { name, sql, kind }
    }
}

/// What clients see of a table.
pub trait View: Table {
    /// Shown in lists beside the columns.
    const SHOWN: &'static [Computed] = &[];
    /// Filtered by, not shown: `customer.type`.
    const RELATED: &'static [Computed] = &[];
    /// Shown in addition when one is looked at.
    const DETAILS: &'static [Computed] = &[];
    /// Which rows exist for clients.
    const VISIBLE: &'static str = "true";
    const SEARCH: &'static [&'static str];
    const ALIASES: &'static [(&'static str, &'static str, Op)] = &[];
}

#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    #[error(transparent)]
    List(#[from] ListError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error("the database answered something that is not JSON")]
    NotJson(#[from] serde_json::Error),
}

/// One resource as it is shown, and its version.
pub struct One {
    pub version: i64,
    /// A JSON object.
    pub item: Box<RawValue>,
}

/// A page of the list that the query asks for.
pub async fn page<V: View>(pool: &PgPool, schema: &str, pairs: &[(String, String)]) -> Result<Page, ViewError> {
    page_where::<V>(pool, schema, pairs, "true", &[]).await
}

/// The same, of the rows that fulfil a fixed condition as well; `{1}`, `{2}`, … stand for its values.
pub async fn page_where<V: View>(
    pool: &PgPool,
    schema: &str,
    pairs: &[(String, String)],
    condition: &str,
    values: &[String],
) -> Result<Page, ViewError> {
    let mut query = grammar::<V>(schema).parse(pairs)?;
    let mut condition = condition.to_owned();
    for (n, value) in values.iter().enumerate() {
        query.values.push(value.clone());
        condition = condition.replace(&format!("{{{}}}", n + 1), &format!("${}", query.values.len()));
    }
    let wanted = [vec![V::VISIBLE.to_owned(), condition], query.conditions.clone()]
        .concat()
        .join(" and ");
    let (beyond, offset) = match query.beyond() {
        Some(beyond) => (beyond, 0),
        None => ("true".to_owned(), (query.page - 1) * query.limit),
    };
    let (order, table) = (query.order_by(), V::NAME);
    let keys: Vec<String> = query.order.iter().map(|key| as_text(&key.sql, key.kind)).collect();
    let (shown, keys, limit) = (shown::<V>(schema), keys.join(", "), query.limit);
    // One row more than the page tells whether there is another.
    let sql = format!(
        "select (select count(*) from {schema}.{table} t where {wanted}), p.items, p.last, p.found > {limit} from ( \
           select coalesce(json_agg(r.item order by r.nth) filter (where r.nth <= {limit}), '[]')::text as items, \
           (json_agg(r.keys order by r.nth desc) filter (where r.nth <= {limit})->0)::text as last, count(*) as found from ( \
             select row_to_json(x) as item, x_keys as keys, row_number() over () as nth from ( \
               select array[{keys}] as x_keys, t.* from {schema}.{table} t where {wanted} and {beyond} \
               order by {order} limit {limit} + 1 offset {offset}) t, \
             lateral (select {shown}) x) r) p"
    );
    let mut tx = schema::read(pool, schema).await?;
    let mut statement = sqlx::query_as::<_, (i64, String, Option<String>, bool)>(AssertSqlSafe(sql));
    for value in &query.values {
        statement = statement.bind(value);
    }
    let (total, items, last, more) = statement.fetch_one(&mut *tx).await?;
    tx.commit().await?;
    let next_cursor = match last.filter(|_| more) {
        Some(last) => encode_cursor(&serde_json::from_str::<Vec<Option<String>>>(&last)?),
        None => None,
    };
    Ok(Page {
        items: RawValue::from_string(items)?,
        total,
        page: query.page,
        limit: query.limit,
        next_cursor,
    })
}

/// One resource with its details.
pub async fn one<V: View>(pool: &PgPool, schema: &str, id: Uuid) -> Result<Option<One>, ViewError> {
    let details: String = V::DETAILS
        .iter()
        .map(|field| format!(", {} as \"{}\"", field.sql.replace("{s}", schema), field.name))
        .collect();
    let sql = format!(
        "select t.version, row_to_json(x)::text from {schema}.{} t, lateral (select {}, true as \"fullDetails\"{details}) x where t.id = $1 and {}",
        V::NAME,
        shown_but::<V>(schema, V::DETAILS),
        V::VISIBLE
    );
    let mut tx = schema::read(pool, schema).await?;
    let found: Option<(i64, String)> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(id)
        .fetch_optional(&mut *tx)
        .await?;
    tx.commit().await?;
    found
        .map(|(version, item)| {
            Ok(One {
                version,
                item: RawValue::from_string(item)?,
            })
        })
        .transpose()
}

/// A value as text. Instants are written as commands answer them: in UTC, with a Z.
fn as_text(sql: &str, kind: ColumnKind) -> String {
    match kind {
        ColumnKind::Time => format!("to_char({sql} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"),
        _ => format!("({sql})::text"),
    }
}

fn shown<V: View>(schema: &str) -> String {
    shown_but::<V>(schema, &[])
}

/// Without the columns that the details show in another way.
fn shown_but<V: View>(schema: &str, replaced: &[Computed]) -> String {
    let columns = V::COLUMNS.iter().filter(|column| column.kind != ColumnKind::Hidden);
    let columns = columns.filter(|column| replaced.iter().all(|field| field.name != camel_case(column.name)));
    let columns = columns.map(|column| match column.kind {
        ColumnKind::Time => format!(
            "{} as \"{}\"",
            as_text(&format!("t.{}", column.name), column.kind),
            camel_case(column.name)
        ),
        _ => format!("t.{} as \"{}\"", column.name, camel_case(column.name)),
    });
    let computed = V::SHOWN
        .iter()
        .map(|field| format!("{} as \"{}\"", field.sql.replace("{s}", schema), field.name));
    columns.chain(computed).collect::<Vec<_>>().join(", ")
}

fn grammar<V: View>(schema: &str) -> Grammar {
    let columns = V::COLUMNS.iter().map(|column| Field {
        name: camel_case(column.name),
        sql: format!("t.{}", column.name),
        kind: column.kind,
    });
    let computed = V::SHOWN.iter().chain(V::RELATED);
    let computed = computed.map(|field| Field {
        name: field.name.to_owned(),
        sql: field.sql.replace("{s}", schema),
        kind: field.kind,
    });
    Grammar {
        fields: columns.chain(computed).collect(),
        aliases: V::ALIASES,
        search: V::SEARCH,
    }
}
