//! How rows are shown: one page of a list or one resource with its details, each one statement, as JSON text of what
//! came from the database. What a reader has no right to is not in the statement at all: it is neither
//! shown, nor filtered, nor sorted by; and rows that a right does not reach to are not found, wherever they would be shown.

mod called;
mod merged;
mod owned;
mod shown;
mod statement;

pub use called::{CALLED, has_own};
pub(crate) use owned::reached_users;
pub use owned::{Owned, Within};
pub use shown::{Computed, Nested, Related, Shown};
pub use statement::{NEWEST, Scope};

use crate::{
    Readers,
    list::{COUNT_MAX, Cursor, ListError, Op, Page, Total},
    readers::Session,
    table::Table,
};
use chrono::{DateTime, Utc};
use domain::{Permission, Standing};
use serde_json::value::RawValue;
use sqlx::{AssertSqlSafe, PgConnection};
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
    /// The column that says of a row as part of which other one it is shown: `NESTED` of that one shows what names either.
    const PART_OF: Option<&'static str> = None;
    /// Columns that are shown as more than the row itself holds, by which they are filtered and sorted.
    const INSTEAD: &'static [(&'static str, &'static str)] = &[];
    /// Which rows exist for clients.
    const VISIBLE: &'static str = "true";
    /// Whose they are, where a right may reach to some of them only.
    const OWNED: Option<Owned> = None;
    /// Whose they are where they are whoever's another row is.
    const WITHIN: Option<Within> = None;
    /// The columns whose values `counted` tells.
    const COUNTED: &'static [&'static str] = &[];
    /// Columns that are shown in the reader's language, as far as the row's `translations` tell them.
    const TRANSLATED: &'static [&'static str] = &[];
    /// What `search=` looks into, in lower case.
    const SEARCH: &'static str;
    const ALIASES: &'static [(&'static str, &'static str, Op)] = &[];
}

/// What is listed within another one.
pub trait Part: View {
    type Whole: View;

    /// Those of one.
    fn of(schema: &str, whole: Uuid) -> Scope;
}

/// Who reads, and where.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    pub readers: &'a Readers,
    /// Of the workspace: that of its live tables, too.
    pub role: &'a str,
    /// Where the rows are: the same, or one of a moment that is past.
    pub schema: &'a str,
    /// That moment.
    pub moment: Option<DateTime<Utc>>,
    pub may: &'a (dyn Fn(Permission) -> bool + Send + Sync),
    /// Whose rights may reach to some rows only; nobody's: all rows.
    pub standing: Option<&'a Standing>,
    /// As `translations` name it: `kk`. Absent: as it was written.
    pub language: Option<&'static str>,
}

impl<'a> Reader<'a> {
    /// Of what is in the workspace's live tables.
    pub fn now(readers: &'a Readers, schema: &'a str, may: &'a (dyn Fn(Permission) -> bool + Send + Sync)) -> Self {
        Self {
            readers,
            role: schema,
            schema,
            moment: None,
            may,
            standing: None,
            language: None,
        }
    }

    pub(crate) async fn enter(&self) -> Result<Session, sqlx::Error> {
        self.readers.enter_at(self.role, self.moment).await
    }
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
    let asked = statement::page::<V>(reader, pairs, scope, None)?;
    let (rows, total) = match find(reader, &asked).await {
        Err(error) if reader.readers.lost(&error) => find(reader, &asked).await?,
        found => found?,
    };
    let limit = usize::try_from(asked.query.limit).unwrap_or(usize::MAX);
    let page = asked
        .query
        .after
        .as_ref()
        .map_or(asked.query.page, |cursor| cursor.page + 1);
    let next_cursor = beyond(&rows, limit, page, total);
    let mut items = String::from("[");
    for (n, (texts, ..)) in rows.iter().take(limit).enumerate() {
        if n > 0 {
            items.push(',');
        }
        shown::write(&mut items, &asked.statement.fields, texts)?;
    }
    items.push(']');
    Ok(Page {
        items: RawValue::from_string(items)?,
        total,
        page,
        limit: asked.query.limit,
        next_cursor,
    })
}

/// Some rows of a list, as texts.
#[derive(Debug)]
pub struct Rows {
    /// What each text of a row is.
    pub fields: Vec<Shown>,
    pub rows: Vec<Vec<Option<String>>>,
    /// For the rows that follow; none: these were the last.
    pub next_cursor: Option<String>,
}

/// At most so many rows of the list that the query asks for, uncounted; `cursor` is where the ones before ended.
pub async fn rows_of<V: View>(
    reader: Reader<'_>,
    pairs: &[(String, String)],
    scope: &Scope,
    most: i64,
) -> Result<Rows, ViewError> {
    let asked = statement::page::<V>(reader, pairs, scope, Some(most))?;
    let mut rows = match fetch(reader, &asked).await {
        Err(error) if reader.readers.lost(&error) => fetch(reader, &asked).await?,
        found => found?,
    };
    let limit = usize::try_from(most).unwrap_or(usize::MAX);
    let uncounted = Total {
        rows: 0,
        is_estimate: true,
    };
    let next_cursor = beyond(&rows, limit, 1, uncounted);
    rows.truncate(limit);
    Ok(Rows {
        fields: asked.statement.fields,
        rows: rows.into_iter().map(|(texts, ..)| texts).collect(),
        next_cursor,
    })
}

/// Where the rows behind a page begin, if there is one row too many for it.
fn beyond(rows: &[Found], limit: usize, page: i64, total: Total) -> Option<String> {
    let (_, keys, _) = rows.get(limit.checked_sub(1)?).filter(|_| rows.len() > limit)?;
    let cursor = Cursor {
        keys: keys.clone(),
        page,
        total: total.rows,
        is_estimate: total.is_estimate,
    };
    cursor.encode()
}

/// A row's fields as texts, its sort keys, and its list's total where that is kept.
type Found = (Vec<Option<String>>, Vec<Option<String>>, Option<i64>);

async fn fetch(reader: Reader<'_>, asked: &Asked) -> Result<Vec<Found>, sqlx::Error> {
    let mut session = reader.enter().await?;
    let rows = asked.statement.query().fetch_all(&mut *session).await?;
    session.leave();
    Ok(rows)
}

async fn find(reader: Reader<'_>, asked: &Asked) -> Result<(Vec<Found>, Total), sqlx::Error> {
    let mut session = reader.enter().await?;
    let rows: Vec<Found> = asked.statement.query().fetch_all(&mut *session).await?;
    let total = match &asked.query.after {
        Some(cursor) => cursor.total(),
        None => total(&mut session, asked, &rows).await?,
    };
    session.leave();
    Ok((rows, total))
}

/// How many rows there are on all pages: as it is kept, or as the page itself shows by not being full, or counted.
async fn total(connection: &mut PgConnection, asked: &Asked, rows: &[Found]) -> Result<Total, sqlx::Error> {
    let exactly = |rows| Total {
        rows,
        is_estimate: false,
    };
    let (found, limit) = (i64::try_from(rows.len()).unwrap_or(i64::MAX), asked.query.limit);
    if let Some((.., Some(kept))) = rows.first() {
        return Ok(exactly(*kept));
    }
    if found <= limit && (found > 0 || asked.offset == 0) {
        return Ok(exactly(asked.offset + found));
    }
    let told: i64 = match &asked.total {
        statement::Total::Kept(kept) => {
            let sql = format!("select {kept}");
            let query = sqlx::query_scalar(AssertSqlSafe(sql));
            let query = asked
                .statement
                .values
                .iter()
                .fold(query, |query, value| query.bind(value));
            query.fetch_one(connection).await?
        }
        statement::Total::Counted { rows, values } => {
            let query = sqlx::query_scalar("select reading.total($1, $2, $3)");
            let values = asked.statement.values[..*values].to_vec();
            query
                .bind(rows)
                .bind(values)
                .bind(COUNT_MAX)
                .fetch_one(connection)
                .await?
        }
    };
    Ok(Total {
        rows: told.saturating_abs(),
        is_estimate: told < 0,
    })
}

/// One resource with its details.
pub async fn one<V: View>(reader: Reader<'_>, id: Uuid) -> Result<Option<One>, ViewError> {
    one_of::<V>(reader, id, &Scope::default()).await
}

/// The same, if it is one of those rows.
pub async fn one_of<V: View>(reader: Reader<'_>, id: Uuid, scope: &Scope) -> Result<Option<One>, ViewError> {
    let statement = statement::one::<V>(reader, id, scope);
    let found = match look(reader, &statement).await {
        Err(error) if reader.readers.lost(&error) => look(reader, &statement).await?,
        found => found?,
    };
    let Some((version, texts)) = found else {
        return Ok(None);
    };
    let mut item = String::new();
    shown::write(&mut item, &statement.fields, &texts)?;
    Ok(Some(One {
        version,
        item: RawValue::from_string(item)?,
    }))
}

/// Whether there is one that the reader may see.
pub async fn is_there<V: View>(reader: Reader<'_>, id: Uuid) -> Result<bool, ViewError> {
    let statement = statement::there::<V>(reader, id);
    let found = match look(reader, &statement).await {
        Err(error) if reader.readers.lost(&error) => look(reader, &statement).await?,
        found => found?,
    };
    Ok(found.is_some())
}

async fn look(reader: Reader<'_>, statement: &Statement) -> Result<Option<(i64, Vec<Option<String>>)>, sqlx::Error> {
    let mut session = reader.enter().await?;
    let found = statement.query().fetch_optional(&mut *session).await?;
    session.leave();
    Ok(found)
}

/// How the database would find a page: for whoever doubts that an index serves it.
pub async fn explain<V: View>(
    reader: Reader<'_>,
    pairs: &[(String, String)],
    scope: &Scope,
) -> Result<String, ViewError> {
    let mut explained = statement::page::<V>(reader, pairs, scope, None)?.statement;
    explained.sql.insert_str(0, "explain (format text) ");
    let mut session = reader.enter().await?;
    let plan: Vec<(String,)> = explained.query().fetch_all(&mut *session).await?;
    session.leave();
    Ok(plan.into_iter().map(|(line,)| line + "\n").collect())
}
