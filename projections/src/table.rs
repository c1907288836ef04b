//! A read model's table: one row is a pure fold of the events that concern it, tested without a database. Loading what is
//! not remembered and folding a whole batch in memory is done here once for all of them, and so is keeping count: whoever
//! knows the rows before and after knows how many there are. What comes of it is written by `write`.

use crate::{
    column::{Column, camel_case, push_snake_case},
    counts::{Changed, Counts},
    known::{Era, Known},
    lane::Source,
    model::Model,
    remake::{
        bulk::{Bulk, InMemory},
        trace::{OneRow, Trace},
    },
    schema::PLATFORM,
};
use async_trait::async_trait;
use domain::{Fact, fact::DecodeError};
use log::{NextError, PersonalError, Recorded};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use uuid::Uuid;

/// A recorded event and what it says.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    pub fact: &'a Fact,
    pub recorded: &'a Recorded,
}

impl Seen<'_> {
    /// The stream the event belongs to: the aggregate's id.
    pub fn id(&self) -> Uuid {
        self.recorded.stream_id
    }
}

/// A row and how it is folded. Serialized field names are the columns' names in camelCase; `id` is the key.
pub trait Table: Serialize + DeserializeOwned + Clone + PartialEq + Send + Sync + 'static {
    const NAME: &'static str;

    /// The table as it is now, with its indexes: `{schema}` and `{trgm}` stand for schemas. Who changes it has its rows made
    /// anew. Empty on the platform's, which a migration makes.
    const SQL: &'static str = "";

    /// Counted up whenever the fold makes other rows of the same events: they are made anew then. A test tells when.
    const FOLD: u32 = 1;

    /// In the order they are shown in.
    fn columns() -> Vec<Column>;

    /// The rows the event concerns.
    fn keys(event: &Seen) -> Vec<Uuid>;

    /// Which rows hold one of the values `$1` that `concerns` names; an SQL condition.
    const HOLDERS: &'static str = "false";

    /// A value whose holders the event concerns as well, whoever they are: a customer, and so its deals.
    fn concerns(_event: &Seen) -> Option<Uuid> {
        None
    }

    /// Which value makes the row one of its `HOLDERS`.
    fn held(&self) -> Option<Uuid> {
        None
    }

    /// Whether the event is the first that concerns the row, which then cannot be there yet. Unless said otherwise, a row
    /// begins with the stream of its id.
    fn begins(event: &Seen, key: Uuid) -> bool {
        event.recorded.version == 1 && event.id() == key
    }

    /// What the event makes of one of them; `None` = there is no such row.
    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen);

    /// Whether the row exists for readers: only those are counted. `View::VISIBLE` says the same in SQL.
    fn visible(&self) -> bool {
        true
    }

    /// What the row is counted under besides its table, so that a list of one such value knows its total: a column and
    /// the value in it.
    fn counted(&self) -> Vec<(&'static str, String)> {
        vec![]
    }

    /// What the row adds to lines of sums, which are kept as the counts are: a field, a value in it, and a whole number, never below zero.
    fn summed(&self) -> Vec<(&'static str, String, i64)> {
        vec![]
    }
}

/// The word that an enum is stored and counted under.
pub(crate) fn word(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(), // not an enum of plain words
    }
}

/// What one row of it is called: `deals` is of deals, `activities` of activities.
pub fn singular(table: &str) -> String {
    match table.strip_suffix("ies") {
        Some(begin) => format!("{begin}y"),
        None => table.trim_end_matches('s').to_owned(),
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Log(#[from] log::ReadError),
    #[error("a row of {table} cannot be read or written")]
    Row {
        table: &'static str,
        source: serde_json::Error,
    },
    #[error("position {position} cannot be read")]
    Event { position: i64, source: DecodeError },
    #[error(transparent)]
    Next(#[from] NextError),
    #[error("personal values cannot be opened")]
    Personal(#[from] PersonalError),
    #[error("the rows do not stand at {position}")]
    Elsewhere { position: i64 },
    #[error("the platform's read models cannot be made again")]
    Platform,
    #[error("tables were not made to their end")]
    Broken(#[from] tokio::task::JoinError),
    #[error("the read models of a past moment could not be made")]
    Past,
    #[error("a workspace has no such table")]
    NoTable,
    #[error("{0}: there is one of that name already")]
    CopyTaken(String),
    #[error("{0}: there is no such copy")]
    NoCopy(String),
    #[error("{0:?}: a copy's name is of at most 40 letters a-z, digits and _")]
    CopyName(String),
    #[error("workspace {0} has no schema yet")]
    NoSchema(Uuid),
}

/// A table with its row type forgotten.
#[async_trait]
pub(crate) trait Projector: Send + Sync {
    /// What the events make of the table's rows; nothing, when they concern none of them. What is remembered at `era` is
    /// not read again.
    async fn fold(
        &self,
        source: &mut Source<'_, '_>,
        schema: &str,
        era: Option<Era>,
        events: &[Seen<'_>],
    ) -> Result<Option<Change>, ProjectError>;

    fn name(&self) -> &'static str;

    /// The table as this build makes it.
    fn model(&self) -> Model;

    /// The same fold for a whole history: in memory, written at the end.
    fn bulk(&self) -> Box<dyn Bulk>;

    /// The same of one row.
    fn trace(&self, id: Uuid) -> Box<dyn Trace>;

    /// The rows the event concerns.
    fn concerned(&self, event: &Seen<'_>) -> Vec<Uuid>;

    /// Rows, under their columns' names, to be written as they are.
    fn rewritten(&self, rows: &[String]) -> Change;

    /// The fold's number, and the rows that it makes of the events, with what they are counted under.
    #[cfg(test)]
    fn fold_rows(&self, events: &[Seen<'_>]) -> (u32, Vec<String>);
}

pub(crate) fn of<T: Table>() -> Box<dyn Projector> {
    Box::new(Of::<T> {
        known: Known::default(),
    })
}

struct Of<T> {
    known: Known<T>,
}

#[async_trait]
impl<T: Table> Projector for Of<T> {
    async fn fold(
        &self,
        source: &mut Source<'_, '_>,
        schema: &str,
        era: Option<Era>,
        events: &[Seen<'_>],
    ) -> Result<Option<Change>, ProjectError> {
        let mut touched: Vec<(&Seen, Vec<Uuid>)> = Vec::with_capacity(events.len());
        let (mut keys, mut unborn) = (BTreeSet::new(), BTreeSet::new());
        for event in events {
            let concerned = T::keys(event);
            for key in &concerned {
                if keys.insert(*key) && T::begins(event, *key) {
                    unborn.insert(*key);
                }
            }
            touched.push((event, concerned));
        }
        if events.iter().any(|event| T::concerns(event).is_some()) {
            keys.extend(holders::<T>(source.connection().await?, schema, events).await?);
        }
        if keys.is_empty() {
            return Ok(None);
        }
        let mut before = self.known.get(era, &keys);
        let unknown: Vec<Uuid> = keys
            .iter()
            .filter(|key| !before.contains_key(*key) && !unborn.contains(*key))
            .copied()
            .collect();
        if !unknown.is_empty() {
            before.extend(load::<T>(source.connection().await?, schema, unknown).await?);
        }
        let mut after: BTreeMap<Uuid, Option<T>> = keys
            .iter()
            .map(|key| (*key, before.get(key).map(|row| row.as_ref().clone())))
            .collect();
        for (event, mut keys) in touched {
            if let Some(value) = T::concerns(event) {
                let rows = after.iter().filter_map(|(key, row)| Some((key, row.as_ref()?)));
                keys.extend(rows.filter(|(_, row)| row.held() == Some(value)).map(|(key, _)| *key));
            }
            for key in keys {
                T::project(after.entry(key).or_default(), key, event);
            }
        }
        after.retain(|key, row| row.as_ref() != before.get(key).map(Arc::as_ref));
        self.change(schema, era, &before, after).map(Some)
    }

    fn name(&self) -> &'static str {
        T::NAME
    }

    fn model(&self) -> Model {
        Model::of::<T>()
    }

    fn bulk(&self) -> Box<dyn Bulk> {
        Box::new(InMemory::<T>::default())
    }

    fn trace(&self, id: Uuid) -> Box<dyn Trace> {
        Box::new(OneRow::<T> { id, row: None })
    }

    fn concerned(&self, event: &Seen<'_>) -> Vec<Uuid> {
        T::keys(event)
    }

    fn rewritten(&self, rows: &[String]) -> Change {
        Change {
            table: T::NAME,
            columns: columns::<T>(),
            rows: (!rows.is_empty()).then(|| format!("[{}]", rows.join(","))),
            gone: vec![],
            counts: None,
        }
    }

    #[cfg(test)]
    fn fold_rows(&self, events: &[Seen<'_>]) -> (u32, Vec<String>) {
        let mut bulk = InMemory::<T>::default();
        events.iter().for_each(|event| bulk.take(event));
        let sums = |row: &T| match row.summed() {
            none if none.is_empty() => String::new(),
            sums => format!(" {sums:?}"),
        };
        let as_text = |row: &T| {
            let row_text = as_columns(row).unwrap();
            format!("{row_text} {} {:?}{}", row.visible(), row.counted(), sums(row))
        };
        (T::FOLD, bulk.into_rows().map(|row| as_text(&row)).collect())
    }
}

impl<T: Table> Of<T> {
    fn change(
        &self,
        schema: &str,
        era: Option<Era>,
        before: &BTreeMap<Uuid, Arc<T>>,
        after: BTreeMap<Uuid, Option<T>>,
    ) -> Result<Change, ProjectError> {
        let mut counts = Counts::default();
        // Nobody lists the platform's tables as a whole.
        if schema != PLATFORM {
            for (key, row) in &after {
                counts.note(before.get(key).map(Arc::as_ref), row.as_ref());
            }
        }
        let broken = |source| ProjectError::Row { table: T::NAME, source };
        let (mut gone, mut rows, mut keep) = (vec![], vec![], vec![]);
        for (key, row) in after {
            match row {
                None => gone.push(key),
                Some(row) => {
                    let text = as_columns(&row).map_err(broken)?;
                    keep.push((key, Arc::new(row), text.len()));
                    rows.push(text);
                }
            }
        }
        if let Some(era) = era {
            self.known.keep(era, keep, &gone);
        }
        Ok(Change {
            table: T::NAME,
            columns: columns::<T>(),
            rows: (!rows.is_empty()).then(|| format!("[{}]", rows.join(","))),
            gone,
            counts: counts.changed(),
        })
    }
}

fn columns<T: Table>() -> Vec<&'static str> {
    T::columns().into_iter().map(|column| column.name).collect()
}

/// What a batch makes of one table.
pub(crate) struct Change {
    pub table: &'static str,
    pub columns: Vec<&'static str>,
    /// Rows under their columns' names: a JSON array.
    pub rows: Option<String>,
    pub gone: Vec<Uuid>,
    pub counts: Option<Changed>,
}

/// Rows in the table that the events concern by what they hold; those of the batch itself are known anyway.
pub(crate) async fn holders<T: Table>(
    connection: &mut PgConnection,
    schema: &str,
    events: &[Seen<'_>],
) -> Result<Vec<Uuid>, ProjectError> {
    let values: Vec<Uuid> = events.iter().filter_map(T::concerns).collect();
    if values.is_empty() {
        return Ok(vec![]);
    }
    let select = format!("select id from {schema}.{} where {}", T::NAME, T::HOLDERS);
    let select = sqlx::query_scalar(AssertSqlSafe(select)).bind(values);
    Ok(select.fetch_all(connection).await?)
}

/// A table's columns under the names of its row's fields.
pub(crate) fn as_fields<T: Table>() -> String {
    let field = |column: &Column| format!("{} as \"{}\"", column.name, camel_case(column.name));
    T::columns().iter().map(field).collect::<Vec<_>>().join(", ")
}

pub(crate) async fn load<T: Table>(
    connection: &mut PgConnection,
    schema: &str,
    keys: Vec<Uuid>,
) -> Result<Vec<(Uuid, Arc<T>)>, ProjectError> {
    let select = format!(
        "select t.id, row_to_json(t)::text from (select {} from {schema}.{} where id = any($1)) t",
        as_fields::<T>(),
        T::NAME
    );
    let rows: Vec<(Uuid, String)> = sqlx::query_as(AssertSqlSafe(select))
        .bind(keys)
        .fetch_all(connection)
        .await?;
    let decode = |(id, row): (Uuid, String)| {
        serde_json::from_str(&row)
            .map(|row| (id, Arc::new(row)))
            .map_err(|source| ProjectError::Row { table: T::NAME, source })
    };
    rows.into_iter().map(decode).collect()
}

/// A row as JSON, under its columns' names.
fn as_columns<T: Serialize>(row: &T) -> Result<String, serde_json::Error> {
    serde_json::to_string(row).map(|text| renamed(&text))
}

/// The object with its own keys, and not those within its values, in snake case. It was just written, so it is compact.
pub(crate) fn renamed(object: &str) -> String {
    let mut out = String::with_capacity(object.len() + 64);
    let (mut depth, mut is_key, mut rest) = (0_usize, false, object);
    while let Some(at) = rest.find(['"', '{', '}', '[', ']', ',']) {
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        match found.as_bytes()[0] {
            b'"' => {
                let end = end_of_text(found);
                let (text, after) = found.split_at(end);
                if is_key && depth == 1 {
                    push_snake_case(&mut out, text);
                } else {
                    out.push_str(text);
                }
                (is_key, rest) = (false, after);
                continue;
            }
            b'{' => (depth, is_key) = (depth + 1, depth == 0),
            b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => is_key = depth == 1,
        }
        out.push_str(&found[..1]);
        rest = &found[1..];
    }
    out + rest
}

/// Behind the closing quote of the text that it begins with.
fn end_of_text(json: &str) -> usize {
    let mut escaped = false;
    let end = json.bytes().skip(1).position(|byte| match byte {
        _ if escaped => {
            escaped = false;
            false
        }
        b'\\' => {
            escaped = true;
            false
        }
        byte => byte == b'"',
    });
    end.map_or(json.len(), |end| end + 2)
}

#[cfg(test)]
mod tests {
    use super::{renamed, singular};

    #[test]
    fn one_of_many() {
        for (table, one) in [
            ("deals", "deal"),
            ("activities", "activity"),
            ("stock_movements", "stock_movement"),
        ] {
            assert_eq!(singular(table), one);
        }
    }

    #[test]
    fn only_the_objects_own_keys_are_renamed() {
        for (row, columns) in [
            ("{}", "{}"),
            (
                r#"{"dealNumber":"aB","customerId":null}"#,
                r#"{"deal_number":"aB","customer_id":null}"#,
            ),
            (
                r#"{"inStock":1.5,"products":[{"unitPrice":1,"b":["cD"]},{"unitPrice":2}],"lastOne":{"aB":{"cD":1}}}"#,
                r#"{"in_stock":1.5,"products":[{"unitPrice":1,"b":["cD"]},{"unitPrice":2}],"last_one":{"aB":{"cD":1}}}"#,
            ),
            (
                r#"{"aB":"\"cD\":{,[\\","eF":["\\\"",{"gH":"}"}],"iJ":"Қазақ"}"#,
                r#"{"a_b":"\"cD\":{,[\\","e_f":["\\\"",{"gH":"}"}],"i_j":"Қазақ"}"#,
            ),
        ] {
            assert_eq!(renamed(row), columns);
        }
    }
}
