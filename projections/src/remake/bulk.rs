//! The fold of a whole history: rows stay in memory from their first event to the last, and are written once, by COPY. When
//! they grow too heavy all are written and forgotten; those that another event concerns are read back then.

use super::copy::Copy;
use crate::{
    counts::{Changed, Counts},
    model::Model,
    schema,
    table::{ProjectError, Seen, Table, holders, load},
};
use async_trait::async_trait;
use sqlx::{AssertSqlSafe, PgConnection};
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    mem, slice,
};
use uuid::Uuid;

/// What a row weighs besides what its events say: keys, lists' spare room, the maps it stands in.
const ROW: usize = 768;

/// One table's rows while a history is folded.
#[async_trait]
pub(crate) trait Bulk: Send {
    async fn fold(
        &mut self,
        connection: &mut PgConnection,
        schema: &str,
        events: &[Seen<'_>],
    ) -> Result<(), ProjectError>;

    /// About how many bytes it holds.
    fn weight(&self) -> usize;

    /// Writes down all that it holds, and holds nothing any more.
    async fn write(&mut self, connection: &mut PgConnection, schema: &str) -> Result<(), ProjectError>;

    /// After the last event and `write`: makes the indexes, and answers what there is to be counted.
    async fn finish(&mut self, connection: &mut PgConnection, schema: &str) -> Result<Option<Changed>, ProjectError>;

    fn table(&self) -> &'static str;
}

pub(crate) struct InMemory<T> {
    rows: HashMap<Uuid, Entry<T>>,
    /// Who holds which value, of those in memory.
    holders: HashMap<Uuid, HashSet<Uuid>>,
    weight: usize,
    counts: Counts,
    /// There are rows in the table.
    written: bool,
    indexed: bool,
}

impl<T> Default for InMemory<T> {
    fn default() -> Self {
        Self {
            rows: HashMap::new(),
            holders: HashMap::new(),
            weight: 0,
            counts: Counts::default(),
            written: false,
            indexed: false,
        }
    }
}

/// A row as it stands in the table, and as it is to stand there.
struct Entry<T> {
    before: Option<T>,
    after: Option<T>,
}

impl<T: Table> InMemory<T> {
    /// Reads the rows back that the events concern and that are in the table alone.
    async fn recall(
        &mut self,
        connection: &mut PgConnection,
        schema: &str,
        events: &[Seen<'_>],
    ) -> Result<(), ProjectError> {
        let mut keys: BTreeSet<Uuid> = events.iter().flat_map(T::keys).collect();
        keys.extend(holders::<T>(connection, schema, events).await?);
        keys.retain(|key| !self.rows.contains_key(key));
        if keys.is_empty() {
            return Ok(());
        }
        for (key, row) in load::<T>(connection, schema, keys.into_iter().collect()).await? {
            let row = row.as_ref().clone();
            self.weight += ROW;
            self.note_holder(key, None, row.held());
            let before = Some(row.clone());
            self.rows.insert(
                key,
                Entry {
                    before,
                    after: Some(row),
                },
            );
        }
        Ok(())
    }

    /// What the event makes of the rows in memory.
    pub fn take(&mut self, event: &Seen) {
        let mut keys = T::keys(event);
        let holders = T::concerns(event).and_then(|value| self.holders.get(&value));
        keys.extend(holders.into_iter().flatten());
        for key in keys {
            self.project(key, event);
        }
    }

    /// In the order of their keys.
    #[cfg(test)]
    pub fn into_rows(self) -> impl Iterator<Item = T> {
        let rows: std::collections::BTreeMap<Uuid, Entry<T>> = self.rows.into_iter().collect();
        rows.into_values().filter_map(|entry| entry.after)
    }

    fn project(&mut self, key: Uuid, event: &Seen) {
        let mut grown = event.recorded.data.len();
        let entry = self.rows.entry(key).or_insert_with(|| {
            grown += ROW;
            Entry {
                before: None,
                after: None,
            }
        });
        let held = entry.after.as_ref().and_then(T::held);
        T::project(&mut entry.after, key, event);
        let holds = entry.after.as_ref().and_then(T::held);
        self.weight += grown;
        self.note_holder(key, held, holds);
    }

    fn note_holder(&mut self, key: Uuid, held: Option<Uuid>, holds: Option<Uuid>) {
        if held == holds {
            return;
        }
        if let Some(keys) = held.and_then(|value| self.holders.get_mut(&value)) {
            keys.remove(&key);
        }
        if let Some(value) = holds {
            self.holders.entry(value).or_default().insert(key);
        }
    }

    async fn index(&mut self, connection: &mut PgConnection, schema: &str) -> Result<(), ProjectError> {
        if !mem::replace(&mut self.indexed, true) {
            schema::create_indexes(connection, schema, slice::from_ref(&Model::of::<T>()).iter()).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl<T: Table> Bulk for InMemory<T> {
    async fn fold(
        &mut self,
        connection: &mut PgConnection,
        schema: &str,
        events: &[Seen<'_>],
    ) -> Result<(), ProjectError> {
        if self.written {
            self.recall(connection, schema, events).await?;
        }
        events.iter().for_each(|event| self.take(event));
        Ok(())
    }

    fn weight(&self) -> usize {
        self.weight
    }

    async fn write(&mut self, connection: &mut PgConnection, schema: &str) -> Result<(), ProjectError> {
        let rows = mem::take(&mut self.rows);
        self.holders.clear();
        self.weight = 0;
        let changed = || rows.iter().filter(|(_, entry)| entry.before != entry.after);
        let replaced: Vec<Uuid> = changed()
            .filter(|(_, entry)| entry.before.is_some())
            .map(|(key, _)| *key)
            .collect();
        if !replaced.is_empty() {
            let delete = format!("delete from {schema}.{} where id = any($1)", T::NAME);
            sqlx::query(AssertSqlSafe(delete))
                .bind(replaced)
                .execute(&mut *connection)
                .await?;
        }
        let mut copy = Copy::begin::<T>(connection, schema).await?;
        for (_, entry) in changed() {
            self.counts.note(entry.before.as_ref(), entry.after.as_ref());
            if let Some(row) = &entry.after {
                copy.row(row).await?;
            }
        }
        copy.end().await?;
        // The rest is asked for its holders, which an index finds.
        if T::HOLDERS != "false" {
            self.index(connection, schema).await?;
        }
        self.written = true;
        Ok(())
    }

    async fn finish(&mut self, connection: &mut PgConnection, schema: &str) -> Result<Option<Changed>, ProjectError> {
        self.index(connection, schema).await?;
        Ok(mem::take(&mut self.counts).changed())
    }

    fn table(&self) -> &'static str {
        T::NAME
    }
}
