//! How rows are shown: one page of a list or one resource with its details, each one statement, as JSON text that
//! goes out as it came from the database. What a reader has no right to is not in the statement at all: it is neither
//! shown, nor filtered, nor sorted by.

mod shown;
mod statement;

pub use shown::{Computed, Nested, Related};
pub use statement::{NEWEST, Scope};

use crate::{
    list::{Cursor, ListError, Op, Page, Total},
    schema,
    table::Table,
};
use domain::Permission;
use serde_json::value::RawValue;
use sqlx::{AssertSqlSafe, PgPool, Postgres, Transaction};
use statement::{Asked, Statement};
use std::fmt;
use uuid::Uuid;

/// What clients see of a table.
pub trait View: Table {
    /// Shown in lists beside the columns.
    const SHOWN: &'static [Computed] = &[];
    /// Another row that lists can be filtered by, not shown: `customer.type`.
    const RELATED: &'static [Related] = &[];
    /// Shown in addition when one is looked at.
    const DETAILS: &'static [Computed] = &[];
    /// Other tables' newest rows about it, shown when one is looked at.
    const NESTED: &'static [Nested] = &[];
    /// Which rows exist for clients.
    const VISIBLE: &'static str = "true";
    /// The columns whose values `counted` tells.
    const COUNTED: &'static [&'static str] = &[];
    /// What `search=` looks into, in lower case.
    const SEARCH: &'static str;
    const ALIASES: &'static [(&'static str, &'static str, Op)] = &[];
}

/// Who reads, and where.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    pub pool: &'a PgPool,
    pub schema: &'a str,
    pub may: &'a (dyn Fn(Permission) -> bool + Send + Sync),
}

impl fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
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
pub async fn page<V: View>(reader: Reader<'_>, pairs: &[(String, String)]) -> Result<Page, ViewError> {
    page_of::<V>(reader, pairs, &Scope::default()).await
}

/// The same, of some of the rows.
pub async fn page_of<V: View>(
    reader: Reader<'_>,
    pairs: &[(String, String)],
    scope: &Scope,
) -> Result<Page, ViewError> {
    let asked = statement::page::<V>(reader, pairs, scope)?;
    let mut tx = schema::read(reader.pool, reader.schema).await?;
    let (items, last, more, rows): (String, Option<String>, bool, i64) =
        asked.statement.query().fetch_one(&mut *tx).await?;
    tx.commit().await?;
    let Asked { query, .. } = asked;
    let (total, number) = match &query.after {
        Some(cursor) => (cursor.total(), cursor.page + 1),
        // Below zero is an estimate.
        None => {
            let (rows, is_estimate) = (rows.saturating_abs(), rows < 0);
            (Total { rows, is_estimate }, query.page)
        }
    };
    let next_cursor = match last.filter(|_| more) {
        Some(last) => Cursor {
            keys: serde_json::from_str(&last)?,
            page: number,
            total: total.rows,
            is_estimate: total.is_estimate,
        }
        .encode(),
        None => None,
    };
    Ok(Page {
        items: RawValue::from_string(items)?,
        total,
        page: number,
        limit: query.limit,
        next_cursor,
    })
}

/// One resource with its details.
pub async fn one<V: View>(reader: Reader<'_>, id: Uuid) -> Result<Option<One>, ViewError> {
    let sql = statement::one::<V>(reader);
    let mut tx = schema::read(reader.pool, reader.schema).await?;
    let found: Option<(i64, String)> = sqlx::query_as(AssertSqlSafe(sql))
        .persistent(false)
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

/// How the database would find a page: for whoever doubts that an index serves it.
pub async fn explain<V: View>(
    reader: Reader<'_>,
    pairs: &[(String, String)],
    scope: &Scope,
) -> Result<String, ViewError> {
    let Statement { sql, values, .. } = statement::page::<V>(reader, pairs, scope)?.statement;
    let explained = Statement {
        sql: format!("explain (format text) {sql}"),
        values,
        count: None,
    };
    let mut tx: Transaction<'_, Postgres> = schema::read(reader.pool, reader.schema).await?;
    let plan: Vec<(String,)> = explained.query().fetch_all(&mut *tx).await?;
    tx.commit().await?;
    Ok(plan.into_iter().map(|(line,)| line + "\n").collect())
}
