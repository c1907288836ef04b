//! Who makes tables beside the live ones: a connection of its own and a number that is locked as long as it lives. What it makes
//! is marked with the number; so whatever a builder leaves behind, however it ended, is known for what it is and dropped.

use super::{
    Progress, Tables,
    bulk::Bulk,
    history::{History, Step},
};
use crate::{
    counts::Changed,
    model::{CHECKPOINT, COUNTS},
    runner::{BATCH, Inner},
    schema,
    table::{ProjectError, Projector},
    write::Mark,
};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use tokio::task::JoinSet;
use uuid::Uuid;

/// What rows may weigh together before they are written down.
const MEMORY: usize = 256 << 20;

pub(crate) struct Builder {
    pub connection: PgConnection,
    number: i32,
}

/// Tables that are being made: those of one workspace, in a schema of their own.
#[derive(Debug, Clone)]
pub(crate) struct Beside {
    pub workspace: Uuid,
    /// The workspace's schema and role.
    pub live: String,
    /// Where they are made.
    pub name: String,
    pub tables: Tables,
}

impl Beside {
    /// Tables that are to take the place of the live ones.
    pub fn next(workspace: Uuid, live: &str, tables: Tables) -> Self {
        Self {
            workspace,
            live: live.to_owned(),
            name: format!("next_{live}"),
            tables,
        }
    }
}

impl Builder {
    pub async fn open(pool: &PgPool) -> Result<Self, sqlx::Error> {
        let mut connection = connect(pool).await?;
        loop {
            let number = any_number();
            let lock = "select pg_try_advisory_lock(hashtext('prometric.builder'), $1)";
            if sqlx::query_scalar(lock).bind(number).fetch_one(&mut connection).await? {
                return Ok(Self { connection, number });
            }
        }
    }

    /// Begins with empty tables; waits for whoever has them in hand.
    pub async fn begin(&mut self, beside: &Beside) -> Result<(), sqlx::Error> {
        while !self.try_begin(beside).await? {
            self.wait_for_other(&beside.name).await?;
        }
        Ok(())
    }

    /// The same with those that are outdated; `None`: there are none, or there are none any more.
    pub async fn begin_outdated(&mut self, workspace: Uuid, live: &str) -> Result<Option<Beside>, sqlx::Error> {
        loop {
            let outdated = schema::outdated(&mut self.connection, live).await?;
            if outdated.is_empty() {
                return Ok(None);
            }
            let beside = Beside::next(workspace, live, Tables::of_names(outdated.clone()));
            self.begin(&beside).await?;
            if schema::outdated(&mut self.connection, live).await? == outdated {
                return Ok(Some(beside));
            }
            self.discard(&beside.name).await?; // who had them in hand put them in place
        }
    }

    async fn try_begin(&mut self, beside: &Beside) -> Result<bool, sqlx::Error> {
        let Beside { live, name, tables, .. } = beside;
        let mut tx = self.connection.begin().await?;
        schema::take_role(&mut tx, live).await?;
        if let Some(other) = builder_of(&mut tx, name).await?
            && other != self.number
            && is_alive(&mut tx, other).await?
        {
            return Ok(false);
        }
        schema::create(&mut tx, name, live).await?;
        schema::create_tables(&mut tx, name, live, tables.models()).await?;
        let mark = format!("comment on schema {name} is 'prometric builder {}'", self.number);
        sqlx::raw_sql(AssertSqlSafe(mark)).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Waits until whoever else has these tables in hand is gone.
    async fn wait_for_other(&mut self, name: &str) -> Result<(), sqlx::Error> {
        let other = builder_of(&mut self.connection, name).await?;
        if let Some(other) = other.filter(|other| *other != self.number) {
            let wait = "select pg_advisory_lock_shared(hashtext('prometric.builder'), $1), \
                pg_advisory_unlock_shared(hashtext('prometric.builder'), $1)";
            sqlx::query(wait).bind(other).execute(&mut self.connection).await?;
        }
        Ok(())
    }

    /// Folds the workspace's history into the tables, in bulk, up to a position at most; answers how far.
    pub async fn fill(
        &mut self,
        inner: &Inner,
        beside: &Beside,
        until: i64,
        told: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<i64, ProjectError> {
        let mut bulks: Vec<_> = beside.tables.of(&inner.tenant).map(Projector::bulk).collect();
        let (name, workspace) = (beside.name.as_str(), beside.workspace);
        let head = inner.log.head(workspace).await?.min(until);
        let mut history = History::until(&inner.log, workspace, until).ahead();
        let mut position = 0;
        while let Some(step) = history.next().await? {
            let seen = step.seen();
            for bulk in &mut bulks {
                bulk.fold(&mut self.connection, name, &seen).await?;
            }
            position = step.position().unwrap_or(position);
            if bulks.iter().map(|bulk| bulk.weight()).sum::<usize>() > MEMORY {
                for bulk in &mut bulks {
                    bulk.write(&mut self.connection, name).await?;
                }
            }
            told(Progress { position, head });
        }
        self.finish(inner, name, bulks).await?;
        let stand = format!("update {name}.{CHECKPOINT} set position = {position}");
        sqlx::query(AssertSqlSafe(stand)).execute(&mut self.connection).await?;
        let analyze: String = beside
            .tables
            .names()
            .map(|table| format!("analyze {name}.{table};"))
            .collect();
        sqlx::raw_sql(AssertSqlSafe(analyze))
            .execute(&mut self.connection)
            .await?;
        Ok(position)
    }

    /// Writes and indexes the tables, over two connections: most of it is the database's work.
    async fn finish(&mut self, inner: &Inner, name: &str, mut bulks: Vec<Box<dyn Bulk>>) -> Result<(), ProjectError> {
        bulks.sort_by_key(|bulk| std::cmp::Reverse(bulk.weight()));
        let (mut ours, mut others, mut weights) = (vec![], vec![], (0, 0));
        for bulk in bulks {
            let weight = bulk.weight();
            if weights.0 <= weights.1 {
                weights.0 += weight;
                ours.push(bulk);
            } else {
                weights.1 += weight;
                others.push(bulk);
            }
        }
        let (mut second, schema) = (connect(&inner.pool).await?, name.to_owned());
        // A task of its own, for rows are made ready by the processor; it ends with this one.
        let mut beside = JoinSet::new();
        beside.spawn(async move { finish(&mut second, &schema, others).await });
        finish(&mut self.connection, name, ours).await?;
        while let Some(finished) = beside.join_next().await {
            finished??;
        }
        Ok(())
    }

    /// Tables that nobody needs any more.
    pub async fn discard(&mut self, name: &str) -> Result<(), sqlx::Error> {
        let discard = format!("drop schema if exists {name} cascade");
        sqlx::raw_sql(AssertSqlSafe(discard))
            .execute(&mut self.connection)
            .await?;
        Ok(())
    }

    /// Drops what builders left behind that do not live any more.
    pub async fn sweep(&mut self) -> Result<(), sqlx::Error> {
        let marked = "select nspname::text from pg_namespace where obj_description(oid, 'pg_namespace') like 'prometric builder %'";
        let names: Vec<String> = sqlx::query_scalar(marked).fetch_all(&mut self.connection).await?;
        for name in names {
            let builder = builder_of(&mut self.connection, &name).await?;
            if let Some(builder) = builder.filter(|builder| *builder != self.number)
                && !is_alive(&mut self.connection, builder).await?
            {
                self.discard(&name).await?;
            }
        }
        Ok(())
    }
}

impl Inner {
    /// Folds what the log holds beyond the checkpoint of a schema with these tables; answers where they stand then.
    pub(crate) async fn catch_up(
        &self,
        connection: &mut PgConnection,
        workspace: Uuid,
        schema: &str,
        tables: &Tables,
        until: i64,
    ) -> Result<i64, ProjectError> {
        let tables: Vec<&dyn Projector> = tables.of(&self.tenant).collect();
        let mut mark = Mark::read(&mut *connection, schema).await?;
        loop {
            let mut events = log::read_in_tx(connection, workspace, mark.position, BATCH).await?;
            events.retain(|event| event.position <= until);
            let Some(last) = events.last().map(|event| event.position) else {
                return Ok(mark.position);
            };
            self.log.open_personal_in_tx(connection, &mut events).await?;
            let step = Step::of(events)?;
            if !self.fold(connection, schema, &tables, None, mark, &step.seen()).await? {
                let Mark { position, .. } = mark;
                return Err(ProjectError::Elsewhere { position });
            }
            mark.position = last;
        }
    }
}

/// One that may take its time, and memory for indexes.
async fn connect(pool: &PgPool) -> Result<PgConnection, sqlx::Error> {
    let mut connection = pool.acquire().await?.detach();
    let unhurried = "set statement_timeout = 0; set lock_timeout = 0; set idle_in_transaction_session_timeout = 0; \
        set synchronous_commit = off; set maintenance_work_mem = '128MB'";
    sqlx::raw_sql(unhurried).execute(&mut connection).await?;
    Ok(connection)
}

async fn finish(connection: &mut PgConnection, name: &str, bulks: Vec<Box<dyn Bulk>>) -> Result<(), ProjectError> {
    for mut bulk in bulks {
        bulk.write(connection, name).await?;
        if let Some(counts) = bulk.finish(connection, name).await? {
            count(connection, name, bulk.table(), counts).await?;
        }
    }
    Ok(())
}

async fn count(connection: &mut PgConnection, name: &str, table: &str, counts: Changed) -> Result<(), sqlx::Error> {
    let insert = format!(
        "insert into {name}.{COUNTS} (name, field, value, total) select $1, u.* from unnest($2::text[], $3::text[], $4::text[]::numeric[]) u"
    );
    sqlx::query(AssertSqlSafe(insert))
        .bind(table)
        .bind(counts.fields)
        .bind(counts.values)
        .bind(counts.by)
        .execute(connection)
        .await?;
    Ok(())
}

async fn builder_of(connection: &mut PgConnection, name: &str) -> Result<Option<i32>, sqlx::Error> {
    let builder = "select substring(obj_description(to_regnamespace($1)::oid, 'pg_namespace') from '^prometric builder (-?\\d+)$')::int";
    sqlx::query_scalar(builder).bind(name).fetch_one(connection).await
}

async fn is_alive(connection: &mut PgConnection, builder: i32) -> Result<bool, sqlx::Error> {
    let alive = "select not case when pg_try_advisory_lock_shared(hashtext('prometric.builder'), $1) \
        then pg_advisory_unlock_shared(hashtext('prometric.builder'), $1) else false end";
    sqlx::query_scalar(alive).bind(builder).fetch_one(connection).await
}

/// From the random end of an id.
fn any_number() -> i32 {
    let [.., a, b, c, d] = Uuid::now_v7().into_bytes();
    i32::from_be_bytes([a, b, c, d])
}
