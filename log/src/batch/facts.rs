//! What a batch is decided on: where its workspaces stand, and what the log knows of the streams, keys and commands that it
//! touches. Mostly a node knows all that matters and assumes the rest, which the database then holds it to (write.rs);
//! otherwise it reads them, in one round trip.

use super::{Prepared, heads::Head};
use chrono::{DateTime, Utc};
use sqlx::{Error, PgConnection};
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub heads: BTreeMap<Uuid, Head>,
    /// The time of the database, if it was asked for.
    pub now: Option<DateTime<Utc>>,
    /// Absent: everything is as it should be, which is to be checked with the writing.
    pub found: Option<Found>,
}

/// What was read. What is in none of these is not in the log.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// By workspace and stream.
    pub versions: HashMap<(Uuid, Uuid), i64>,
    /// By workspace, kind and key.
    pub owners: HashMap<(Uuid, &'static str, String), Uuid>,
    /// Request hashes by workspace and command id.
    pub commands: HashMap<(Uuid, Uuid), Vec<u8>>,
}

/// What is asked for, as parallel arrays.
#[derive(Default)]
struct Wanted<'a> {
    streams: (Vec<Uuid>, Vec<Uuid>),
    keys: (Vec<Uuid>, Vec<&'static str>, Vec<&'a str>),
    commands: (Vec<Uuid>, Vec<Uuid>),
    numbers: (Vec<Uuid>, Vec<&'static str>, Vec<i32>),
}

/// Which of the four (or none), at which place there, and what was found.
type Row = (i32, i64, i64, Option<Uuid>, Option<Vec<u8>>, DateTime<Utc>);

/// The time comes in any case: a batch that asks for nothing must not fall back on the node's clock.
const FIND: &str = "select 0, 0::bigint, 0::bigint, null::uuid, null::bytea, clock_timestamp() \
    union all select 1, n, coalesce((select max(e.version) from log.events e where e.workspace_id = w and e.stream_id = s), \
        (select a.version from log.archived_streams a where a.workspace_id = w and a.stream_id = s), 0), null, null, clock_timestamp() \
        from unnest($1::uuid[], $2::uuid[]) with ordinality u(w, s, n) \
    union all select 2, n, 0, c.stream_id, null, clock_timestamp() from unnest($3::uuid[], $4::text[], $5::text[]) with ordinality u(w, kind, key, n) \
        join log.claims c on c.workspace_id = w and c.kind = u.kind and c.key = u.key \
    union all select 3, n, 0, null, c.request_hash, clock_timestamp() from unnest($6::uuid[], $7::uuid[]) with ordinality u(w, id, n) \
        join log.commands c on c.workspace_id = w and c.command_id = u.id \
    union all select 4, n, coalesce((select g.last from log.numbers g where g.workspace_id = w and g.series = s and g.year = y), 0), \
        null, null, clock_timestamp() from unnest($8::uuid[], $9::text[], $10::int[]) with ordinality u(w, s, y, n)";

impl Facts {
    /// All that a batch needs to know, in workspaces that stand there.
    pub async fn read(
        connection: &mut PgConnection,
        batch: &[&Prepared],
        mut heads: BTreeMap<Uuid, Head>,
    ) -> Result<Self, Error> {
        let wanted = Wanted::by(batch);
        let rows: Vec<Row> = sqlx::query_as(FIND)
            .bind(&wanted.streams.0)
            .bind(&wanted.streams.1)
            .bind(&wanted.keys.0)
            .bind(&wanted.keys.1)
            .bind(&wanted.keys.2)
            .bind(&wanted.commands.0)
            .bind(&wanted.commands.1)
            .bind(&wanted.numbers.0)
            .bind(&wanted.numbers.1)
            .bind(&wanted.numbers.2)
            .fetch_all(connection)
            .await?;
        let (mut found, mut now) = (Found::default(), None);
        for (what, nth, number, owner, hash, at) in rows {
            let nth = usize::try_from(nth - 1).unwrap_or(usize::MAX);
            now = Some(at);
            match what {
                0 => {}
                1 => {
                    if let (Some(workspace), Some(stream)) = (wanted.streams.0.get(nth), wanted.streams.1.get(nth)) {
                        found.versions.insert((*workspace, *stream), number);
                    }
                }
                2 => {
                    let (workspaces, kinds, keys) = &wanted.keys;
                    if let (Some(workspace), Some(kind), Some(key), Some(owner)) =
                        (workspaces.get(nth), kinds.get(nth), keys.get(nth), owner)
                    {
                        found.owners.insert((*workspace, *kind, (*key).to_owned()), owner);
                    }
                }
                3 => {
                    if let (Some(workspace), Some(id)) = (wanted.commands.0.get(nth), wanted.commands.1.get(nth)) {
                        found.commands.insert((*workspace, *id), hash.unwrap_or_default());
                    }
                }
                _ => {
                    let (workspaces, series, years) = &wanted.numbers;
                    if let (Some(workspace), Some(series), Some(year)) =
                        (workspaces.get(nth), series.get(nth), years.get(nth))
                        && let Some(head) = heads.get_mut(workspace)
                    {
                        head.numbers.insert((*series, *year), number);
                    }
                }
            }
        }
        Ok(Self {
            heads,
            now,
            found: Some(found),
        })
    }
}

impl<'a> Wanted<'a> {
    fn by(batch: &[&'a Prepared]) -> Self {
        let mut wanted = Self::default();
        for prepared in batch {
            let workspace = prepared.append.workspace;
            let written = prepared.append.streams.iter().map(|stream| stream.stream.id);
            for stream in written.chain(prepared.append.guards.iter().map(|guard| guard.stream_id)) {
                wanted.streams.0.push(workspace);
                wanted.streams.1.push(stream);
            }
            for claim in &prepared.claims {
                wanted.keys.0.push(workspace);
                wanted.keys.1.push(claim.kind);
                wanted.keys.2.push(&claim.key);
            }
            if let Some(command) = prepared.append.command {
                wanted.commands.0.push(workspace);
                wanted.commands.1.push(command.id);
            }
            for (series, year) in prepared.series() {
                wanted.numbers.0.push(workspace);
                wanted.numbers.1.push(series);
                wanted.numbers.2.push(year);
            }
        }
        wanted
    }
}
