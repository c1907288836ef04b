//! A read model's table: one row is a pure fold of the events that concern it, tested without a database. Loading,
//! folding a whole batch in memory and writing back set-wise is done here once for all of them, and so is keeping count:
//! whoever knows the rows before and after knows how many there are.

use crate::{
    column::{Column, camel_case, snake_case},
    counts::{Changed, Counts},
    schema::PLATFORM,
};
use async_trait::async_trait;
use domain::{Fact, fact::DecodeError};
use log::{PersonalError, Recorded};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, PgConnection};
use std::{
    collections::{BTreeMap, BTreeSet},
    marker::PhantomData,
};
use uuid::Uuid;

/// A recorded event with its data decoded.
#[derive(Debug, Clone)]
pub struct Seen {
    pub fact: Fact,
    pub recorded: Recorded,
}

impl Seen {
    pub fn decode(recorded: Recorded) -> Result<Self, DecodeError> {
        let fact = Fact::decode(
            &recorded.category,
            &recorded.event_type,
            recorded.schema,
            &recorded.data,
        )?;
        Ok(Self { fact, recorded })
    }

    /// The stream the event belongs to: the aggregate's id.
    pub fn id(&self) -> Uuid {
        self.recorded.stream_id
    }
}

/// A row and how it is folded. Serialized field names are the columns' names in camelCase; `id` is the key.
pub trait Table: Serialize + DeserializeOwned + Clone + PartialEq + Send + Sync + 'static {
    const NAME: &'static str;

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

    /// The same as `HOLDERS`, of one row.
    fn holds(&self, _value: Uuid) -> bool {
        false
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
}

/// The word that an enum is stored and counted under.
pub(crate) fn word(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(), // not an enum of plain words
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
    #[error("personal values cannot be opened")]
    Personal(#[from] PersonalError),
    #[error("workspace {0} has no schema yet")]
    NoSchema(Uuid),
}

/// A table with its row type forgotten.
#[async_trait]
pub(crate) trait Projector: Send + Sync {
    async fn apply(&self, connection: &mut PgConnection, schema: &str, events: &[Seen]) -> Result<(), ProjectError>;
    fn name(&self) -> &'static str;
}

pub(crate) fn of<T: Table>() -> Box<dyn Projector> {
    Box::new(Of::<T>(PhantomData))
}

struct Of<T>(PhantomData<T>);

#[async_trait]
impl<T: Table> Projector for Of<T> {
    async fn apply(&self, connection: &mut PgConnection, schema: &str, events: &[Seen]) -> Result<(), ProjectError> {
        let touched: Vec<(&Seen, Vec<Uuid>)> = events.iter().map(|event| (event, T::keys(event))).collect();
        let mut keys: BTreeSet<Uuid> = touched.iter().flat_map(|(_, keys)| keys).copied().collect();
        keys.extend(holders::<T>(connection, schema, events).await?);
        if keys.is_empty() {
            return Ok(());
        }
        let before = load::<T>(connection, schema, &keys).await?;
        let mut after: BTreeMap<Uuid, Option<T>> = keys.iter().map(|key| (*key, before.get(key).cloned())).collect();
        for (event, mut keys) in touched {
            if let Some(value) = T::concerns(event) {
                let rows = after.iter().filter_map(|(key, row)| Some((key, row.as_ref()?)));
                keys.extend(rows.filter(|(_, row)| row.holds(value)).map(|(key, _)| *key));
            }
            for key in keys {
                T::project(after.entry(key).or_default(), key, event);
            }
        }
        after.retain(|key, row| row.as_ref() != before.get(key));
        let mut counts = Counts::default();
        for (key, row) in &after {
            counts.note(before.get(key), row.as_ref());
        }
        // Nobody lists the platform's tables as a whole.
        let counts = counts.changed().filter(|_| schema != PLATFORM);
        let (gone, changed): (Vec<_>, Vec<_>) = after.into_iter().partition(|(_, row)| row.is_none());
        delete::<T>(connection, schema, gone.into_iter().map(|(key, _)| key).collect()).await?;
        let changed: Vec<T> = changed.into_iter().filter_map(|(_, row)| row).collect();
        save(connection, schema, changed, counts).await
    }

    fn name(&self) -> &'static str {
        T::NAME
    }
}

/// Rows in the table that the events concern by what they hold; those of the batch itself are known anyway.
async fn holders<T: Table>(
    connection: &mut PgConnection,
    schema: &str,
    events: &[Seen],
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

async fn load<T: Table>(
    connection: &mut PgConnection,
    schema: &str,
    keys: &BTreeSet<Uuid>,
) -> Result<BTreeMap<Uuid, T>, ProjectError> {
    let select = format!(
        "select t.id, row_to_json(t)::text from (select {} from {schema}.{} where id = any($1)) t",
        as_fields::<T>(),
        T::NAME
    );
    let keys: Vec<Uuid> = keys.iter().copied().collect();
    let rows: Vec<(Uuid, String)> = sqlx::query_as(AssertSqlSafe(select))
        .bind(keys)
        .fetch_all(connection)
        .await?;
    let decode = |(id, row): (Uuid, String)| {
        serde_json::from_str(&row)
            .map(|row| (id, row))
            .map_err(|source| ProjectError::Row { table: T::NAME, source })
    };
    rows.into_iter().map(decode).collect()
}

/// Rows and the counts that they change, in one statement.
async fn save<T: Table>(
    connection: &mut PgConnection,
    schema: &str,
    rows: Vec<T>,
    counts: Option<Changed>,
) -> Result<(), ProjectError> {
    if rows.is_empty() && counts.is_none() {
        return Ok(());
    }
    let broken = |source| ProjectError::Row { table: T::NAME, source };
    let rows: Result<Vec<Map<String, Value>>, _> = rows.into_iter().map(as_columns).collect();
    let rows = serde_json::to_string(&rows.map_err(broken)?).map_err(broken)?;
    let columns: Vec<&str> = T::columns().iter().map(|column| column.name).collect();
    let updates: Vec<String> = columns
        .iter()
        .filter(|name| **name != "id")
        .map(|name| format!("{name} = excluded.{name}"))
        .collect();
    let (table, columns, updates) = (T::NAME, columns.join(", "), updates.join(", "));
    let counted = match &counts {
        Some(_) => format!("with counted as ({}) ", Changed::upsert(schema, table)),
        None => String::new(),
    };
    let upsert = format!(
        "{counted}insert into {schema}.{table} ({columns}) select {columns} from json_populate_recordset(null::{schema}.{table}, $1::json) \
         on conflict (id) do update set {updates}"
    );
    let mut query = sqlx::query(AssertSqlSafe(upsert)).bind(rows);
    if let Some(Changed { fields, values, by }) = counts {
        query = query.bind(fields).bind(values).bind(by);
    }
    query.execute(connection).await?;
    Ok(())
}

async fn delete<T: Table>(connection: &mut PgConnection, schema: &str, keys: Vec<Uuid>) -> Result<(), ProjectError> {
    if keys.is_empty() {
        return Ok(());
    }
    let delete = format!("delete from {schema}.{} where id = any($1)", T::NAME);
    sqlx::query(AssertSqlSafe(delete))
        .bind(keys)
        .execute(connection)
        .await?;
    Ok(())
}

fn as_columns<T: Serialize>(row: T) -> Result<Map<String, Value>, serde_json::Error> {
    match serde_json::to_value(row)? {
        Value::Object(fields) => Ok(fields
            .into_iter()
            .map(|(name, value)| (snake_case(&name), value))
            .collect()),
        _ => Err(serde::ser::Error::custom("a row is an object")),
    }
}
