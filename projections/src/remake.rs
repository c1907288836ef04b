//! Rows made again from the log: beside the live ones, which are read and written meanwhile, and put in their place in the
//! transaction that made them. Whatever stops it, at whatever moment, leaves everything as it was. The rows before are kept
//! until the next time. Nothing but read models can be made again: sagas and relays are not asked.

use crate::{
    counts::COUNTS,
    runner::{BATCH, Inner, Projections, facts, seen},
    schema,
    table::ProjectError,
    write::Mark,
};
use domain::id::WorkspaceId;
use log::Shared;
use sqlx::{AssertSqlSafe, PgConnection, Postgres, Transaction};
use std::time::Instant;
use uuid::Uuid;

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
}

impl Replayed {
    /// The tables whose live rows are not what the log makes of them.
    pub fn differing(&self) -> Vec<&'static str> {
        let differing = self.tables.iter().filter(|compared| !compared.same);
        differing.map(|compared| compared.table).collect()
    }
}

impl Projections {
    /// Makes a workspace's rows again; answers the position that they stand at.
    pub async fn remake(&self, workspace: WorkspaceId) -> Result<i64, ProjectError> {
        let schema = self.0.schema_to_remake(workspace).await?;
        let mut tx = self.0.pool.begin().await?;
        log::unhurried(&mut tx).await?;
        schema::take_role(&mut tx, &schema).await?;
        self.0.remake(tx, workspace.into(), &schema).await
    }

    /// Puts the rows before the last making back into their place, whence they go on; `false`: there are none, or they are of
    /// another build's shape.
    pub async fn take_back(&self, workspace: WorkspaceId) -> Result<bool, ProjectError> {
        let schema = self.0.schema_to_remake(workspace).await?;
        let mut tx = self.0.pool.begin().await?;
        log::unhurried(&mut tx).await?;
        let taken = schema::switch_back(&mut tx, &schema).await?;
        tx.commit().await?;
        Ok(taken)
    }

    /// Folds a workspace's log into a scratch schema up to where the live rows stood a moment ago, compares, and drops it
    /// again. Nobody waits for it.
    pub async fn verify(&self, workspace: WorkspaceId) -> Result<Replayed, ProjectError> {
        let live = self.0.schema_to_remake(workspace).await?;
        self.0.verify(workspace.into(), &live).await
    }
}

impl Inner {
    /// The platform's schema holds more than read models.
    async fn schema_to_remake(&self, workspace: WorkspaceId) -> Result<String, ProjectError> {
        match workspace {
            WorkspaceId::PLATFORM => Err(ProjectError::Platform),
            workspace => self.schema(workspace.into()).await,
        }
    }

    /// Makes the rows again that another build made, unless another node has done it meanwhile.
    pub(crate) async fn renew(&self, workspace: Uuid, schema: &str) -> Result<(), ProjectError> {
        let mut tx = self.pool.begin().await?;
        log::unhurried(&mut tx).await?;
        schema::take_role(&mut tx, schema).await?;
        if !schema::is_current(&mut tx, schema).await? {
            self.remake(tx, workspace, schema).await?;
        }
        Ok(())
    }

    /// In a transaction that has taken the schema's role, so that nobody else does the same.
    async fn remake(
        &self,
        mut tx: Transaction<'_, Postgres>,
        workspace: Uuid,
        schema: &str,
    ) -> Result<i64, ProjectError> {
        let began = Instant::now();
        let next = schema::make_beside(&mut tx, schema).await?;
        self.refold(&mut tx, workspace, &next, i64::MAX).await?;
        schema::hold(&mut tx, schema).await?;
        // What has come meanwhile: it is little, and those who write wait for it.
        let position = self.refold(&mut tx, workspace, &next, i64::MAX).await?;
        schema::switch(&mut tx, schema).await?;
        tx.commit().await?;
        let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(%workspace, schema, position, milliseconds, "the read models were made anew");
        Ok(position)
    }

    /// Folds what the log holds beyond the tables' checkpoint, up to a position; answers where it ended.
    async fn refold(
        &self,
        connection: &mut PgConnection,
        workspace: Uuid,
        schema: &str,
        until: i64,
    ) -> Result<i64, ProjectError> {
        let mut mark = Mark::read(&mut *connection, schema).await?;
        loop {
            let mut events = log::read_in_tx(connection, workspace, mark.position, BATCH).await?;
            events.retain(|event| event.position <= until);
            let Some(last) = events.last().map(|event| event.position) else {
                return Ok(mark.position);
            };
            self.log.open_personal_in_tx(connection, &mut events).await?;
            let events: Vec<_> = events.into_iter().map(Shared::new).collect();
            let facts = facts(&events)?;
            if !self
                .fold(connection, schema, None, mark, &seen(&facts, &events))
                .await?
            {
                let Mark { position, .. } = mark;
                return Err(ProjectError::Elsewhere { position });
            }
            mark.position = last;
        }
    }

    async fn verify(&self, workspace: Uuid, live: &str) -> Result<Replayed, ProjectError> {
        let mut tx = self.pool.begin().await?;
        log::unhurried(&mut tx).await?;
        let (position, live) = self.digest(&mut tx, live).await?;
        let scratch = format!("replay_{}", Uuid::now_v7().simple());
        let create = format!("create schema {scratch}");
        sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut *tx).await?;
        schema::create_tables(&mut tx, &scratch).await?;
        self.refold(&mut tx, workspace, &scratch, position).await?;
        let (_, replayed) = self.digest(&mut tx, &scratch).await?;
        tx.rollback().await?;
        let compare = |((table, live), (_, replayed)): ((_, Digest), (_, Digest))| Compared {
            table,
            live: live.rows,
            replayed: replayed.rows,
            same: live == replayed,
        };
        Ok(Replayed {
            position,
            tables: live.into_iter().zip(replayed).map(compare).collect(),
        })
    }

    /// Where the rows stand, and what they come to table by table: in one statement, and so at one moment.
    async fn digest(
        &self,
        connection: &mut PgConnection,
        schema: &str,
    ) -> Result<(i64, Vec<(&'static str, Digest)>), sqlx::Error> {
        let tables: Vec<&str> = self.tenant.iter().map(|table| table.name()).chain([COUNTS]).collect();
        let of_table = |table: &&str| {
            // A count of none is as good as none.
            let counted = if *table == COUNTS { "where total <> 0" } else { "" };
            format!(
                "select count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text from {schema}.{table} t {counted}"
            )
        };
        let digests: Vec<String> = tables.iter().map(of_table).collect();
        let all = format!(
            "select c.position, d.* from {schema}.checkpoint c, ({}) d (rows, sum)",
            digests.join(" union all ")
        );
        let found: Vec<(i64, i64, String)> = sqlx::query_as(AssertSqlSafe(all)).fetch_all(connection).await?;
        let position = found.first().map_or(0, |(position, ..)| *position);
        let digests = found.into_iter().map(|(_, rows, sum)| Digest { rows, sum });
        Ok((position, tables.into_iter().zip(digests).collect()))
    }
}

/// How many rows, and the sum of their hashes, whatever their order.
#[derive(Debug, PartialEq, Eq)]
struct Digest {
    rows: i64,
    sum: String,
}
