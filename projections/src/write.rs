//! The one statement that a batch of events costs: it moves the workspace's checkpoint, if it stands where the batch
//! begins, and writes all rows and counts that follow. Whoever else moved the checkpoint meanwhile makes it write nothing
//! at all. So rows and checkpoint are always of one position, on whichever nodes and however often a batch is folded.

use crate::{
    counts::{COUNTS, Changed},
    table::{Change, ProjectError},
};
use sqlx::{AssertSqlSafe, PgConnection, PgExecutor, Postgres, QueryBuilder};
use uuid::Uuid;

/// Where a schema's rows stand, and which making of them it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub position: i64,
    pub made: Uuid,
}

impl Mark {
    pub async fn read(connection: impl PgExecutor<'_>, schema: &str) -> Result<Self, sqlx::Error> {
        let mark = format!("select position, made from {schema}.checkpoint");
        let (position, made) = sqlx::query_as(AssertSqlSafe(mark)).fetch_one(connection).await?;
        Ok(Self { position, made })
    }
}

/// Writes the changes; `false`: the checkpoint stands elsewhere, and nothing was written.
pub(crate) async fn write(
    connection: &mut PgConnection,
    schema: &str,
    from: Mark,
    to: i64,
    changes: Vec<Change>,
) -> Result<bool, ProjectError> {
    let mut statement = Statement::new(schema, from, to);
    let mut counts = vec![];
    for change in &changes {
        statement.rows(change);
        statement.gone(change);
        counts.extend(change.counts.as_ref().map(|changed| (change.table, changed)));
    }
    statement.counts(&counts);
    let mut query = statement.query;
    query.push(" select exists (select from moved)");
    Ok(query.build_query_scalar().fetch_one(connection).await?)
}

struct Statement<'a> {
    schema: &'a str,
    query: QueryBuilder<Postgres>,
    parts: usize,
}

impl<'a> Statement<'a> {
    fn new(schema: &'a str, from: Mark, to: i64) -> Self {
        let mut query = QueryBuilder::new(format!("with moved as (update {schema}.checkpoint set position = "));
        query.push_bind(to);
        query.push(" where position = ").push_bind(from.position);
        query.push(" and made = ").push_bind(from.made);
        query.push(" returning position)");
        Self {
            schema,
            query,
            parts: 0,
        }
    }

    /// Begins another part, which is written only if the checkpoint moved.
    fn part(&mut self) {
        self.parts += 1;
        let name = format!(", part{} as (", self.parts);
        self.query.push(name);
    }

    fn rows(&mut self, change: &Change) {
        let Some(rows) = &change.rows else { return };
        let (schema, table, columns) = (self.schema, change.table, change.columns.join(", "));
        let others = change.columns.iter().filter(|name| **name != "id");
        let updates: Vec<String> = others.map(|name| format!("{name} = excluded.{name}")).collect();
        self.part();
        self.query.push(format!(
            "insert into {schema}.{table} ({columns}) select {columns} from json_populate_recordset(null::{schema}.{table}, "
        ));
        self.query.push_bind(rows.clone());
        self.query.push(format!(
            "::json) where exists (select from moved) on conflict (id) do update set {})",
            updates.join(", ")
        ));
    }

    fn gone(&mut self, change: &Change) {
        if change.gone.is_empty() {
            return;
        }
        let (schema, table) = (self.schema, change.table);
        self.part();
        self.query.push(format!("delete from {schema}.{table} where id = any("));
        self.query.push_bind(change.gone.clone());
        self.query.push(") and exists (select from moved))");
    }

    fn counts(&mut self, counts: &[(&'static str, &Changed)]) {
        if counts.is_empty() {
            return;
        }
        let (mut tables, mut fields, mut values, mut by) = (vec![], vec![], vec![], vec![]);
        for (table, changed) in counts {
            tables.extend(changed.by.iter().map(|_| *table));
            fields.extend(changed.fields.iter().copied());
            values.extend(changed.values.iter().cloned());
            by.extend(changed.by.iter().cloned());
        }
        let counts = format!("{}.{COUNTS}", self.schema);
        self.query
            .push(", added (name, field, value, total) as (select * from unnest(");
        self.query.push_bind(tables).push("::text[], ");
        self.query.push_bind(fields).push("::text[], ");
        self.query.push_bind(values).push("::text[], ");
        self.query.push_bind(by).push("::text[]::numeric[]))");
        // Lines that come to nothing are taken away; of the rest none is among them.
        let nothing = "c.name = a.name and c.field = a.field and c.value = a.value and c.total + a.total = 0";
        self.part();
        self.query.push(format!(
            "delete from {counts} c using added a where {nothing} and exists (select from moved))"
        ));
        self.part();
        self.query.push(format!(
            "insert into {counts} as c (name, field, value, total) select a.* from added a where exists (select from moved) \
             and not exists (select from {counts} c where {nothing}) \
             on conflict (name, field, value) do update set total = c.total + excluded.total)"
        ));
    }
}
