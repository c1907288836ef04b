//! The statement that writes a planned batch, put together anew for every batch from the parts that the batch needs: each part
//! costs the server as much to set up as a few rows cost to write, and most batches need few. One row is passed as
//! plain values, several as arrays; what is the same for all of a workspace is passed once when there is only one.

use super::{Place, Placed, Prepared, columns::JsonText, heads::Head, plan::Plan};
use crate::{CommandId, chain::Hash};
use chrono::{DateTime, Utc};
use sqlx::{Encode, PgConnection, Postgres, QueryBuilder, Type, postgres::PgHasArrayType, query_builder::Separated};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Writes a planned batch, if every head still has the hash and the epoch that it had before, which means an equal past.
/// Else it fails, having written nothing: a changed head violates `not null`; a missing one, another version of a stream
/// or a key that is taken divides by zero; a stream or command that is there already violates its key.
pub(super) async fn write(
    connection: &mut PgConnection,
    batch: &[&Prepared],
    Plan { placed, heads }: &Plan,
) -> Result<(), sqlx::Error> {
    let mut parts = Parts::default();
    for (prepared, placed) in batch.iter().zip(placed) {
        let has_archive = heads
            .get(&prepared.append.workspace)
            .is_none_or(|(head, _)| head.epoch > 0);
        parts.add(prepared, placed, has_archive);
    }
    let mut statement = Statement::new(heads.len() == 1);
    statement.moved(heads);
    statement.entered(&parts.commands);
    statement.claimed(&parts.claims);
    statement.written(&parts.events);
    statement.checked(heads.len(), &parts);
    statement.query.build().execute(connection).await?;
    Ok(())
}

/// What a batch writes and looks at, by table.
#[derive(Default)]
struct Parts<'a> {
    commands: Vec<(CommandId, &'a Prepared, &'a Placed)>,
    claims: Vec<ClaimRow<'a>>,
    events: Vec<EventRow<'a>>,
    /// Streams at a version that has to be looked for.
    checks: Vec<CheckRow>,
    /// Streams that are new, which their first event's key tells of all but those that may be in the archive: these.
    begun: Vec<(Uuid, Uuid)>,
}

struct ClaimRow<'a> {
    workspace: Uuid,
    kind: &'static str,
    key: &'a str,
    taker: Uuid,
}

struct EventRow<'a> {
    workspace: Uuid,
    position: i64,
    recorded_at: DateTime<Utc>,
    category: &'static str,
    stream_id: Uuid,
    version: i64,
    event_id: Uuid,
    event_type: &'a str,
    schema: i32,
    data: &'a str,
    metadata: &'a str,
    hash: &'a Hash,
}

struct CheckRow {
    workspace: Uuid,
    stream_id: Uuid,
    version: i64,
}

impl<'a> Parts<'a> {
    fn add(&mut self, prepared: &'a Prepared, placed: &'a Placed, has_archive: bool) {
        let append = &prepared.append;
        let workspace = append.workspace;
        self.commands
            .extend(append.command.map(|command| (command, prepared, placed)));
        let taken = prepared.claims.iter().filter_map(|claim| {
            Some(ClaimRow {
                workspace,
                kind: claim.kind,
                key: &claim.key,
                taker: claim.taker?,
            })
        });
        self.claims.extend(taken);
        let (begun, continued): (Vec<_>, Vec<_>) = append
            .streams
            .iter()
            .partition(|stream| stream.expected == Some(0) && !stream.events.is_empty());
        if has_archive {
            let begun = begun.iter().map(|stream| (workspace, stream.stream.id));
            self.begun.extend(begun);
        }
        let continued = continued
            .iter()
            .map(|stream| (stream.stream.id, stream.expected.unwrap_or(0)));
        let read = append.guards.iter().map(|guard| (guard.stream_id, guard.version));
        self.checks
            .extend(continued.chain(read).map(|(stream_id, version)| CheckRow {
                workspace,
                stream_id,
                version,
            }));
        self.add_events(prepared, placed);
    }

    fn add_events(&mut self, prepared: &'a Prepared, placed: &'a Placed) {
        let streams = prepared.append.streams.iter();
        let events = streams.flat_map(|stream| stream.events.iter().map(move |event| (stream.stream, event)));
        let rows = events.zip(&placed.events).zip(placed.first()..);
        self.events.extend(
            rows.map(|(((stream, event), Place { version, hash, .. }), position)| EventRow {
                workspace: prepared.append.workspace,
                position,
                recorded_at: placed.recorded_at,
                category: stream.category,
                stream_id: stream.id,
                version: *version,
                event_id: event.id,
                event_type: &event.event_type,
                schema: event.schema,
                data: &event.data,
                metadata: &prepared.metadata,
                hash,
            }),
        );
    }
}

struct Statement {
    query: QueryBuilder<Postgres>,
    one_workspace: bool,
}

impl Statement {
    fn new(one_workspace: bool) -> Self {
        Self {
            query: QueryBuilder::new(""),
            one_workspace,
        }
    }

    /// First of all, so that whoever else writes to the workspace waits here, or has made this batch's plan void.
    fn moved(&mut self, heads: &BTreeMap<Uuid, (Head, Head)>) {
        self.query.push(
            "with moved as (update log.heads h \
             set position = u.position, hash = case when h.hash = u.was and h.epoch = u.epoch then u.hash end, recorded_at = u.recorded_at from (select ",
        );
        self.rows(heads)
            .each("uuid", |(workspace, _)| **workspace)
            .each("bytea", |(_, (was, _))| was.hash.as_slice())
            .each("bigint", |(_, (_, head))| head.position)
            .each("bytea", |(_, (_, head))| head.hash.as_slice())
            .each("timestamptz", |(_, (_, head))| head.recorded_at)
            .each("bigint", |(_, (_, head))| head.epoch);
        self.query
            .push(") u(id, was, position, hash, recorded_at, epoch) where h.workspace_id = u.id returning 1)");
    }

    fn entered(&mut self, commands: &[(CommandId, &Prepared, &Placed)]) {
        if commands.is_empty() {
            return;
        }
        self.query.push(
            ", entered as (insert into log.commands \
             (workspace_id, recorded_at, command_id, request_hash, first_position, last_position, answer) select ",
        );
        self.rows(commands)
            .same("uuid", |(_, prepared, _)| prepared.append.workspace)
            .same("timestamptz", |(_, _, placed)| placed.recorded_at)
            .each("uuid", |(command, ..)| command.id)
            .each("bytea", |(command, ..)| command.request_hash.as_slice())
            .each("bigint", |(_, _, placed)| placed.first())
            .each("bigint", |(_, _, placed)| placed.position)
            .each("text", |(_, prepared, _)| prepared.append.answer.as_str());
        self.query.push(")");
    }

    fn claimed(&mut self, claims: &[ClaimRow]) {
        if claims.is_empty() {
            return;
        }
        self.query
            .push(", claimed as (insert into log.claims (workspace_id, kind, key, stream_id) select ");
        self.rows(claims)
            .same("uuid", |claim| claim.workspace)
            .each("text", |claim| claim.kind)
            .each("text", |claim| claim.key)
            .each("uuid", |claim| claim.taker);
        // A violated key would put the key, which may be somebody's address, into the server's log.
        self.query.push(" on conflict do nothing returning 1)");
    }

    fn written(&mut self, events: &[EventRow]) {
        self.query.push(
            ", written as (insert into log.events (workspace_id, recorded_at, position, stream_category, stream_id, version, \
             event_id, type, schema, data, metadata, hash) select ",
        );
        self.rows(events)
            .same("uuid", |event| event.workspace)
            .same("timestamptz", |event| event.recorded_at)
            .each("bigint", |event| event.position)
            .each("text", |event| event.category)
            .each("uuid", |event| event.stream_id)
            .each("bigint", |event| event.version)
            .each("uuid", |event| event.event_id)
            .each("text", |event| event.event_type)
            .each("int", |event| event.schema)
            .each("json", |event| JsonText(event.data))
            .each("json", |event| JsonText(event.metadata))
            .each("bytea", |event| event.hash.as_slice());
        self.query.push(")");
    }

    /// `moved` has come first, so whatever is looked at here can change no more.
    fn checked(&mut self, heads: usize, parts: &Parts) {
        self.query
            .push(" select 1 / (case when (select count(*) from moved) = ");
        self.query.push_bind(count(heads));
        if !parts.claims.is_empty() {
            self.query.push(" and (select count(*) from claimed) = ");
            self.query.push_bind(count(parts.claims.len()));
        }
        if !parts.checks.is_empty() {
            self.query.push(" and not exists (select from (select ");
            self.rows(&parts.checks)
                .each("uuid", |check| check.workspace)
                .each("uuid", |check| check.stream_id)
                .each("bigint", |check| check.version);
            self.query.push(
                ") u(workspace_id, stream_id, version) where u.version <> coalesce((select max(e.version) from log.events e \
                 where e.workspace_id = u.workspace_id and e.stream_id = u.stream_id), (select a.version \
                 from log.archived_streams a where a.workspace_id = u.workspace_id and a.stream_id = u.stream_id), 0))",
            );
        }
        if !parts.begun.is_empty() {
            self.query.push(" and not exists (select from (select ");
            self.rows(&parts.begun)
                .each("uuid", |(workspace, _)| *workspace)
                .each("uuid", |(_, stream_id)| *stream_id);
            self.query.push(
                ") u(workspace_id, stream_id) join log.archived_streams a \
                 on a.workspace_id = u.workspace_id and a.stream_id = u.stream_id)",
            );
        }
        self.query.push(" then 1 else 0 end)");
    }

    fn rows<R: IntoIterator>(&mut self, rows: R) -> Rows<'_, R::Item> {
        Rows {
            rows: rows.into_iter().collect(),
            one_workspace: self.one_workspace,
            columns: self.query.separated(", "),
        }
    }
}

fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// `select` over parameters: `$1::uuid, unnest($2::text[])`, or plain values for a single row. In the select list arrays
/// run in step without being gathered first, which `from unnest(…)` does column by column.
struct Rows<'q, R> {
    rows: Vec<R>,
    one_workspace: bool,
    columns: Separated<'q, Postgres, &'static str>,
}

impl<R> Rows<'_, R> {
    /// A column that is the same for all rows of a workspace.
    fn same<'v, T>(self, sql_type: &str, value: impl Fn(&R) -> T) -> Self
    where
        T: Encode<'v, Postgres> + Type<Postgres> + PgHasArrayType,
    {
        let plain = self.one_workspace;
        self.column(plain, sql_type, value)
    }

    fn each<'v, T>(self, sql_type: &str, value: impl Fn(&R) -> T) -> Self
    where
        T: Encode<'v, Postgres> + Type<Postgres> + PgHasArrayType,
    {
        self.column(false, sql_type, value)
    }

    fn column<'v, T>(mut self, plain: bool, sql_type: &str, value: impl Fn(&R) -> T) -> Self
    where
        T: Encode<'v, Postgres> + Type<Postgres> + PgHasArrayType,
    {
        let columns = &mut self.columns;
        match self.rows.as_slice() {
            [row, rest @ ..] if plain || rest.is_empty() => {
                columns
                    .push_bind(value(row))
                    .push_unseparated("::")
                    .push_unseparated(sql_type);
            }
            rows => {
                let values: Vec<T> = rows.iter().map(value).collect();
                columns.push("unnest(").push_bind_unseparated(values);
                columns
                    .push_unseparated("::")
                    .push_unseparated(sql_type)
                    .push_unseparated("[])");
            }
        }
        self
    }
}
