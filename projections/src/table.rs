//! A read model's table: one row is a pure fold of the events that concern it, tested without a database. Loading,
//! folding a whole batch in memory and writing back set-wise is done here once for all of them.

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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    Text,
    Number,
    Bool,
    Uuid,
    Date,
    /// An instant.
    Time,
    /// Shown, but neither filtered nor sorted by.
    Json,
    /// Kept for folding and queries, never shown.
    Hidden,
}

/// A column, in the database's spelling; clients see it in camelCase.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    pub name: &'static str,
    pub kind: ColumnKind,
}

impl Column {
    pub const fn new(name: &'static str, kind: ColumnKind) -> Self {
        Self { name, kind }
    }
}

/// A row and how it is folded. Serialized field names are the columns' names in camelCase; `id` is the key.
pub trait Table: Serialize + DeserializeOwned + Clone + PartialEq + Send + Sync + 'static {
    const NAME: &'static str;
    const COLUMNS: &'static [Column];

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
        let (gone, changed): (Vec<_>, Vec<_>) = after.into_iter().partition(|(_, row)| row.is_none());
        delete::<T>(connection, schema, gone.into_iter().map(|(key, _)| key).collect()).await?;
        save(
            connection,
            schema,
            changed.into_iter().filter_map(|(_, row)| row).collect::<Vec<T>>(),
        )
        .await
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

async fn load<T: Table>(
    connection: &mut PgConnection,
    schema: &str,
    keys: &BTreeSet<Uuid>,
) -> Result<BTreeMap<Uuid, T>, ProjectError> {
    let columns: Vec<String> = T::COLUMNS
        .iter()
        .map(|column| format!("{} as \"{}\"", column.name, camel_case(column.name)))
        .collect();
    let select = format!(
        "select t.id, row_to_json(t)::text from (select {} from {schema}.{} where id = any($1)) t",
        columns.join(", "),
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

async fn save<T: Table>(connection: &mut PgConnection, schema: &str, rows: Vec<T>) -> Result<(), ProjectError> {
    if rows.is_empty() {
        return Ok(());
    }
    let broken = |source| ProjectError::Row { table: T::NAME, source };
    let rows: Result<Vec<Map<String, Value>>, _> = rows.into_iter().map(as_columns).collect();
    let rows = serde_json::to_string(&rows.map_err(broken)?).map_err(broken)?;
    let columns: Vec<&str> = T::COLUMNS.iter().map(|column| column.name).collect();
    let updates: Vec<String> = columns
        .iter()
        .filter(|name| **name != "id")
        .map(|name| format!("{name} = excluded.{name}"))
        .collect();
    let (table, columns, updates) = (T::NAME, columns.join(", "), updates.join(", "));
    let upsert = format!(
        "insert into {schema}.{table} ({columns}) select {columns} from json_populate_recordset(null::{schema}.{table}, $1::json) \
         on conflict (id) do update set {updates}"
    );
    sqlx::query(AssertSqlSafe(upsert))
        .bind(rows)
        .execute(connection)
        .await?;
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

/// `deal_number` → `dealNumber`.
pub fn camel_case(column: &str) -> String {
    let mut out = String::with_capacity(column.len());
    let mut upper = false;
    for c in column.chars() {
        match c {
            '_' => upper = true,
            c if upper => {
                out.push(c.to_ascii_uppercase());
                upper = false;
            }
            c => out.push(c),
        }
    }
    out
}

/// `dealNumber` → `deal_number`.
pub(crate) fn snake_case(field: &str) -> String {
    let mut out = String::with_capacity(field.len() + 4);
    for c in field.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_of_every_table_finds_its_way_back() {
        for name in ["id", "deal_number", "last_order_date", "type"] {
            assert_eq!(snake_case(&camel_case(name)), name);
        }
    }
}
