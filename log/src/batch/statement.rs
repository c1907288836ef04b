//! The statement that writes a batch as it was decided, put together anew for every batch from the parts that the batch needs: each part
//! costs the server as much to set up as a few rows cost to write, and most batches need few. One row is passed as
//! plain values, several as arrays; what is the same for all of a workspace is passed once when there is only one.

use super::{Placed, Prepared, Verdict, decide::Decision, heads::Head};
use crate::{
    CommandId,
    chain::Hash,
    wrong::{self, Variant::*},
};
use chrono::{DateTime, Utc};
use sqlx::{
    Encode, PgConnection, Postgres, QueryBuilder, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, types::Oid},
    query_builder::Separated,
};
use std::collections::{BTreeMap, HashSet};
use uuid::Uuid;

/// Writes what was decided, if every head still has the hash and the epoch that it had before, which means an equal past,
/// nobody is writing there, and the node's clock is about right (the age of command ids is by the database's clock alone). `assumed`: the facts were not read, so each is looked at.
/// Else it fails, having written nothing: a changed head violates `not null`; a missing or locked one, another version of
/// a stream, a key that is taken or a number already given divides by zero; a stream or command that is there already
/// violates its key.
pub(super) async fn write(
    connection: &mut PgConnection,
    batch: &[&Prepared],
    Decision { verdicts, heads }: &Decision,
    assumed: bool,
) -> Result<(), sqlx::Error> {
    let mut parts = Parts {
        assumed,
        ..Parts::default()
    };
    for (prepared, verdict) in batch.iter().zip(verdicts) {
        if let Some(Verdict::Written(placed)) = verdict {
            let has_archive = heads
                .get(&prepared.append.workspace)
                .is_none_or(|(head, _)| head.epoch != 0);
            parts.add(prepared, placed, has_archive);
        }
    }
    parts.numbers = numbers(heads);
    let mut statement = Statement::new(heads.len() == 1);
    statement.moved(heads);
    statement.entered(&parts.commands);
    statement.released(&parts.released);
    statement.claimed(&parts);
    statement.numbered(&parts);
    statement.written(&parts.events);
    statement.checked(heads.len(), &parts);
    statement.query.build().execute(connection).await?;
    Ok(())
}

/// The counters that moved.
fn numbers(heads: &BTreeMap<Uuid, (Head, Head)>) -> Vec<NumberRow> {
    let moved = heads.iter().flat_map(|(workspace, (was, head))| {
        head.numbers.iter().map(|((series, year), last)| NumberRow {
            workspace: *workspace,
            series,
            year: *year,
            was: was.numbers.get(&(*series, *year)).copied().unwrap_or(0),
            last: *last,
        })
    });
    moved.filter(|row| row.was != row.last).collect()
}

/// What a batch writes and looks at, by table.
#[derive(Default)]
struct Parts<'a> {
    /// Everything is to be looked at; otherwise it was, under the heads' locks or by the only one who writes here.
    assumed: bool,
    /// Streams that appends before have written to, by workspace.
    moved: HashSet<(Uuid, Uuid)>,
    numbers: Vec<NumberRow>,
    released: Vec<ClaimRow<'a>>,
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
    /// Who has it afterwards, or gives it back.
    stream: Uuid,
}

struct NumberRow {
    workspace: Uuid,
    series: &'static str,
    year: i32,
    was: i64,
    last: i64,
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
        for claim in &prepared.claims {
            let row = |stream| ClaimRow {
                workspace,
                kind: claim.kind,
                key: &claim.key,
                stream,
            };
            match (claim.taker, claim.giver) {
                (Some(taker), _) => self.claims.push(row(taker)),
                (None, Some(giver)) => self.released.push(row(giver)),
                (None, None) => {}
            }
        }
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
        // The tables know nothing of what this batch has moved: that was decided.
        let stored = continued
            .chain(read)
            .filter(|(stream_id, _)| !self.moved.contains(&(workspace, *stream_id)));
        self.checks.extend(stored.map(|(stream_id, version)| CheckRow {
            workspace,
            stream_id,
            version,
        }));
        let written = append.streams.iter().filter(|stream| !stream.events.is_empty());
        self.moved.extend(written.map(|stream| (workspace, stream.stream.id)));
        self.add_events(prepared, placed);
    }

    fn add_events(&mut self, prepared: &'a Prepared, placed: &'a Placed) {
        let streams = prepared.append.streams.iter();
        let events = streams.flat_map(|stream| stream.events.iter().map(move |event| (stream.stream, event)));
        let rows = events.zip(&placed.events).zip(placed.first()..);
        self.events
            .extend(rows.map(|(((stream, event), chained), position)| EventRow {
                workspace: prepared.append.workspace,
                position,
                recorded_at: placed.recorded_at,
                category: stream.category,
                stream_id: stream.id,
                version: chained.version,
                event_id: event.id,
                event_type: &event.event_type,
                schema: event.schema,
                data: chained.numbered.as_deref().unwrap_or(&event.data),
                metadata: &prepared.metadata,
                hash: &chained.hash,
            }));
    }
}

/// A head gets its hash only where it is as it was taken to be, and at about the database's time: later only where the head
/// itself was later already, for a log's time never goes back. Without an event it does not move.
const MOVE: &str = "set position = u.position, recorded_at = u.recorded_at, hash = case when h.hash = u.was and h.epoch = u.epoch \
    and (u.position = h.position or u.recorded_at between clock_timestamp() - interval '10 seconds' \
    and greatest(clock_timestamp() + interval '1 second', h.recorded_at)) then u.hash end from ";

/// The same, unless something is wrong with it.
fn to_move() -> &'static str {
    if wrong::is(HeadNotCompared) {
        return "set position = u.position, recorded_at = u.recorded_at, hash = u.hash from ";
    }
    if wrong::is(ClockBelieved) {
        return "set position = u.position, recorded_at = u.recorded_at, \
            hash = case when h.hash = u.was and h.epoch = u.epoch then u.hash end from ";
    }
    if wrong::is(EpochStandsStill) {
        return "set position = u.position, recorded_at = u.recorded_at, hash = case when h.hash = u.was then u.hash end from ";
    }
    MOVE
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

    /// First of all. Whoever else writes to a workspace has made this batch's decision void, or is about to; it is waited
    /// for no longer than the connection's `lock_timeout`, which is rare: where others write often, the heads are locked
    /// beforehand.
    fn moved(&mut self, heads: &BTreeMap<Uuid, (Head, Head)>) {
        self.query
            .push("with moved as (update log.heads h ")
            .push(to_move())
            .push("(select ");
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
             (recorded_at, workspace_id, command_id, request_hash, first_position, last_position, answer) \
             select clock_timestamp(), ",
        );
        self.rows(commands)
            .same("uuid", |(_, prepared, _)| prepared.append.workspace)
            .each("uuid", |(command, ..)| command.id)
            .each("bytea", |(command, ..)| command.request_hash.as_slice())
            .each("bigint", |(_, _, placed)| placed.first())
            .each("bigint", |(_, _, placed)| placed.position)
            .each("text", |(_, prepared, _)| prepared.append.answer.as_str());
        self.query.push(")");
    }

    fn released(&mut self, released: &[ClaimRow]) {
        if released.is_empty() {
            return;
        }
        self.query
            .push(", released as (delete from log.claims c using (select ");
        self.claim_rows(released);
        self.query.push(
            ") u(workspace_id, kind, key, stream_id) where c.workspace_id = u.workspace_id and c.kind = u.kind \
             and c.key = u.key and c.stream_id = u.stream_id)",
        );
    }

    /// A violated key would put the key, which may be somebody's address, into the server's log: hence no plain insert.
    fn claimed(&mut self, parts: &Parts) {
        if parts.claims.is_empty() {
            return;
        }
        self.query
            .push(", claimed as (insert into log.claims (workspace_id, kind, key, stream_id) select ");
        self.claim_rows(&parts.claims);
        self.query.push(match parts.assumed {
            true => " on conflict do nothing returning 1)",
            false => " on conflict on constraint claims_pkey do update set stream_id = excluded.stream_id returning 1)",
        });
    }

    fn claim_rows(&mut self, claims: &[ClaimRow]) {
        self.rows(claims)
            .same("uuid", |claim| claim.workspace)
            .each("text", |claim| claim.kind)
            .each("text", |claim| claim.key)
            .each("uuid", |claim| claim.stream);
    }

    /// Counters only go on from where they were taken to be.
    fn numbered(&mut self, parts: &Parts) {
        if parts.numbers.is_empty() {
            return;
        }
        let (begun, continued): (Vec<&NumberRow>, Vec<&NumberRow>) = parts.numbers.iter().partition(|row| row.was == 0);
        if !begun.is_empty() {
            self.query
                .push(", begun as (insert into log.numbers (workspace_id, series, year, last) select ");
            self.rows(&begun)
                .same("uuid", |row| row.workspace)
                .each("text", |row| row.series)
                .each("int", |row| row.year)
                .each("bigint", |row| row.last);
            self.query.push(" on conflict do nothing returning 1)");
        }
        if !continued.is_empty() {
            self.query
                .push(", counted as (update log.numbers g set last = u.last from (select ");
            self.rows(&continued)
                .same("uuid", |row| row.workspace)
                .each("text", |row| row.series)
                .each("int", |row| row.year)
                .each("bigint", |row| row.was)
                .each("bigint", |row| row.last);
            self.query.push(
                ") u(workspace_id, series, year, was, last) where g.workspace_id = u.workspace_id and g.series = u.series \
                 and g.year = u.year and g.last = u.was returning 1)",
            );
        }
    }

    fn written(&mut self, events: &[EventRow]) {
        if events.is_empty() {
            return;
        }
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
        let begun = parts.numbers.iter().filter(|row| row.was == 0).count();
        for (name, rows) in [("begun", begun), ("counted", parts.numbers.len() - begun)] {
            if rows > 0 {
                self.query.push(format!(" and (select count(*) from {name}) = "));
                self.query.push_bind(count(rows));
            }
        }
        if !parts.checks.is_empty() && parts.assumed {
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
        if !parts.begun.is_empty() && parts.assumed {
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

/// Text for a `json` parameter, byte for byte; sqlx's own `Json` puts a space in front of it.
struct JsonText<'a>(&'a str);

impl Type<Postgres> for JsonText<'_> {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(114)) // json, fixed in pg_type.dat
    }
}

impl PgHasArrayType for JsonText<'_> {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(199)) // json[]
    }
}

impl Encode<'_, Postgres> for JsonText<'_> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        <&str as Encode<Postgres>>::encode(self.0, buffer)
    }
}
