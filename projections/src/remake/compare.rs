//! Whether the live rows are what the log makes of them: the log is folded beside, up to where the live rows stood at one
//! moment, and each table's digest of that moment compared. Nobody waits. Where a table differs, its rows are looked for: those
//! that still differ when both are brought to one position, for which who writes waits a moment.

use super::{
    Progress, Tables,
    builder::{Beside, Builder},
};
use crate::{
    model::{CHECKPOINT, COUNTS},
    runner::{Inner, Projections},
    table::ProjectError,
};
use domain::id::WorkspaceId;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

/// The most rows that are named of a table that differs.
const NAMED_MAX: i64 = 20;

/// What a replay compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    pub position: i64,
    pub tables: Vec<Compared>,
}

/// How many rows a table has, live and by the log; and whether they are the same rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    pub table: &'static str,
    pub live: i64,
    pub replayed: i64,
    pub same: bool,
    /// The first of those that differ, and how.
    pub differences: Vec<Difference>,
}

impl Replayed {
    /// The tables whose live rows are not what the log makes of them.
    pub fn differing(&self) -> Vec<&'static str> {
        let differing = self.tables.iter().filter(|compared| !compared.same);
        differing.map(|compared| compared.table).collect()
    }
}

/// A row that is not what the log makes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub id: Uuid,
    /// Column, live value, value by the log: as JSON; of a row that is not there, all are missing.
    pub columns: Vec<(String, Option<String>, Option<String>)>,
}

impl Projections {
    /// Compares some of a workspace's tables with the log. Nothing is changed.
    pub async fn verify(
        &self,
        workspace: WorkspaceId,
        tables: Tables,
        told: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Replayed, ProjectError> {
        let live = self.0.schema_to_remake(workspace).await?;
        let mut builder = Builder::open(&self.0.pool).await?;
        builder.sweep().await?;
        let beside = Beside {
            workspace: workspace.into(),
            name: format!("check_{live}"),
            live,
            tables,
        };
        builder.begin(&beside).await?;
        let compared = compare(&mut builder, &self.0, &beside, told).await;
        builder.discard(&beside.name).await?;
        compared
    }
}

async fn compare(
    builder: &mut Builder,
    inner: &Inner,
    beside: &Beside,
    told: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Replayed, ProjectError> {
    let (position, live) = digest(&mut builder.connection, &beside.live, &beside.tables).await?;
    builder.fill(inner, beside, position, told).await?;
    let (_, replayed) = digest(&mut builder.connection, &beside.name, &beside.tables).await?;
    let mut tables = vec![];
    for ((table, live), (_, replayed)) in live.into_iter().zip(replayed) {
        let same = live == replayed;
        let differences = if same || table == COUNTS {
            vec![]
        } else {
            differences(&mut builder.connection, inner, beside, table).await?
        };
        tables.push(Compared {
            table,
            live: live.rows,
            replayed: replayed.rows,
            same,
            differences,
        });
    }
    Ok(Replayed { position, tables })
}

/// Where the rows stand, and what they come to table by table: in one statement, and so at one moment.
async fn digest(
    connection: &mut PgConnection,
    schema: &str,
    tables: &Tables,
) -> Result<(i64, Vec<(&'static str, Digest)>), sqlx::Error> {
    let names: Vec<&str> = tables.names().chain([COUNTS]).collect();
    let counted: Vec<&str> = tables.names().collect();
    let of_table = |(nth, table): (usize, &&str)| {
        // A count of none is as good as none.
        let counted = if *table == COUNTS {
            "where total <> 0 and name = any($1)"
        } else {
            ""
        };
        format!(
            "select {nth}, count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text from {schema}.{table} t {counted}"
        )
    };
    let digests: Vec<String> = names.iter().enumerate().map(of_table).collect();
    // What is counted in parallel comes in any order.
    let all = format!(
        "select c.position, d.rows, d.sum from {schema}.{CHECKPOINT} c, ({}) d (nth, rows, sum) order by d.nth",
        digests.join(" union all ")
    );
    let found: Vec<(i64, i64, String)> = sqlx::query_as(AssertSqlSafe(all))
        .bind(counted)
        .fetch_all(connection)
        .await?;
    let position = found.first().map_or(0, |(position, ..)| *position);
    let digests = found.into_iter().map(|(_, rows, sum)| Digest { rows, sum });
    Ok((position, names.into_iter().zip(digests).collect()))
}

/// How many rows, and the sum of their hashes, whatever their order.
#[derive(Debug, PartialEq, Eq)]
struct Digest {
    rows: i64,
    sum: String,
}

/// The rows that differ while nobody writes.
async fn differences(
    connection: &mut PgConnection,
    inner: &Inner,
    beside: &Beside,
    table: &'static str,
) -> Result<Vec<Difference>, ProjectError> {
    let Beside {
        workspace, live, name, ..
    } = beside;
    // Among them those that have only moved on since.
    let candidates = format!(
        "select id from {live}.{table} l full join {name}.{table} r using (id) where l::text is distinct from r::text order by id limit 10000"
    );
    let candidates: Vec<Uuid> = sqlx::query_scalar(AssertSqlSafe(candidates))
        .fetch_all(&mut *connection)
        .await?;
    let mut tx = connection.begin().await?;
    let hold = format!("select position from {live}.{CHECKPOINT} for update");
    let at: i64 = sqlx::query_scalar(AssertSqlSafe(hold)).fetch_one(&mut *tx).await?;
    inner.catch_up(&mut tx, *workspace, name, &beside.tables, at).await?;
    let differing = format!(
        "select id, to_jsonb(l)::text, to_jsonb(r)::text from {live}.{table} l full join {name}.{table} r using (id) \
         where id = any($1) and l::text is distinct from r::text order by id limit {NAMED_MAX}"
    );
    let rows: Vec<(Uuid, Option<String>, Option<String>)> = sqlx::query_as(AssertSqlSafe(differing))
        .bind(candidates)
        .fetch_all(&mut *tx)
        .await?;
    tx.rollback().await?;
    let difference = |(id, live, replayed): (Uuid, Option<String>, Option<String>)| Difference {
        id,
        columns: columns(live.as_deref(), replayed.as_deref()),
    };
    Ok(rows.into_iter().map(difference).collect())
}

fn columns(live: Option<&str>, replayed: Option<&str>) -> Vec<(String, Option<String>, Option<String>)> {
    type Columns = std::collections::BTreeMap<String, Box<serde_json::value::RawValue>>;
    let read = |row: Option<&str>| {
        row.and_then(|row| serde_json::from_str::<Columns>(row).ok())
            .unwrap_or_default()
    };
    let (live, replayed) = (read(live), read(replayed));
    let names = live
        .keys()
        .chain(replayed.keys().filter(|name| !live.contains_key(*name)));
    let value = |row: &Columns, name: &str| row.get(name).map(|value| value.get().to_owned());
    names
        .map(|name| (name.clone(), value(&live, name), value(&replayed, name)))
        .filter(|(_, live, replayed)| live != replayed)
        .collect()
}
