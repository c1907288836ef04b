//! The straight way: while nobody else writes to a workspace, this node knows where its log stands, and so can place and
//! chain a whole batch by itself and have it written by one plain statement. The statement holds only if every head
//! still has the position and hash that were assumed, for then nothing that was read can have changed, and if nothing
//! that is said to be new is there. Else it fails as a whole, and `log.append` judges append by append.

use super::{Place, Placed, Prepared, Verdict, columns::JsonText};
use crate::chain::{self, Hash};
use chrono::{DateTime, SubsecRound, Utc};
use sqlx::PgConnection;
use std::collections::{BTreeMap, HashMap, btree_map::Entry};
use uuid::Uuid;

/// Where workspaces stand, as far as this node knows. A wrong one costs a failed statement and nothing else.
#[derive(Debug, Default)]
pub(crate) struct Heads(HashMap<Uuid, Known>);

/// Beyond this many the node begins to learn anew.
const HEADS_MAX: usize = 100_000;
/// The most batches for which a workspace that somebody else writes to is not tried.
const PATIENCE_MAX: u32 = 64;

#[derive(Debug, Clone)]
struct Known {
    head: Head,
    /// So many batches still go the other way.
    patience: u32,
    /// What it will be when the next one fails.
    next_patience: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Head {
    pub position: i64,
    pub hash: Hash,
    pub recorded_at: DateTime<Utc>,
}

impl Heads {
    /// From what `log.append` answered.
    pub fn learn<'a>(&mut self, batch: &[&'a Prepared], verdicts: &'a [Verdict]) {
        for (prepared, verdict) in batch.iter().zip(verdicts) {
            if let Verdict::Written(Placed {
                position,
                recorded_at,
                events,
            }) = verdict
                && let Some(last) = events.last()
            {
                let head = Head {
                    position: *position,
                    hash: last.hash,
                    recorded_at: *recorded_at,
                };
                self.set(prepared.append.workspace, head);
            }
        }
    }

    fn set(&mut self, workspace: Uuid, head: Head) {
        if self.0.len() >= HEADS_MAX {
            self.0.clear();
        }
        let known = self.0.entry(workspace).or_insert(Known {
            head: head.clone(),
            patience: 0,
            next_patience: 1,
        });
        known.head = head;
        known.patience = known.patience.saturating_sub(1);
    }

    /// The straight way failed for one of these.
    pub fn doubt(&mut self, batch: &[&Prepared]) {
        for prepared in batch {
            if let Some(known) = self
                .0
                .get_mut(&prepared.append.workspace)
                .filter(|known| known.patience == 0)
            {
                known.patience = known.next_patience;
                known.next_patience = (known.next_patience * 2).min(PATIENCE_MAX);
            }
        }
    }

    /// It went well.
    pub fn moved(&mut self, heads: BTreeMap<Uuid, (Head, Head)>) {
        for (workspace, (_, head)) in heads {
            if let Some(known) = self.0.get_mut(&workspace) {
                *known = Known {
                    head,
                    patience: 0,
                    next_patience: 1,
                };
            }
        }
    }

    fn get(&self, workspace: Uuid) -> Option<&Head> {
        let known = self.0.get(&workspace)?;
        (known.patience == 0).then_some(&known.head)
    }
}

/// A batch placed and chained.
pub(crate) struct Straight<'a> {
    batch: &'a [&'a Prepared],
    placed: Vec<Placed>,
    /// Before and after.
    heads: BTreeMap<Uuid, (Head, Head)>,
}

macro_rules! straight {
    ($claimed:literal) => {
        concat!(
            "with moved as ( \
                update log.heads h set position = u.position, hash = u.hash, recorded_at = u.recorded_at \
                from unnest($1::uuid[], $2::bigint[], $3::bytea[], $4::bigint[], $5::bytea[], $6::timestamptz[]) \
                    u(workspace_id, was_position, was_hash, position, hash, recorded_at) \
                where h.workspace_id = u.workspace_id and h.position = u.was_position and h.hash = u.was_hash returning 1 \
            ), entered as ( \
                insert into log.commands (workspace_id, command_id, request_hash, first_position, last_position, answer, recorded_at) \
                select * from unnest($7::uuid[], $8::uuid[], $9::bytea[], $10::bigint[], $11::bigint[], $12::text[], $13::timestamptz[]) \
            ), ",
            $claimed,
            "written as ( \
                insert into log.events (workspace_id, position, stream_category, stream_id, version, event_id, type, schema, \
                    data, metadata, recorded_at, hash) \
                select * from unnest($14::uuid[], $15::bigint[], $16::text[], $17::uuid[], $18::bigint[], $19::uuid[], $20::text[], \
                    $21::int[], $22::json[], $23::json[], $24::timestamptz[], $25::bytea[]) \
            ) select 1 / (case when (select count(*) from moved) = cardinality($1) and not exists ( \
                select from unnest($26::uuid[], $27::uuid[], $28::bigint[]) u(workspace_id, stream_id, version) \
                where u.version <> coalesce((select max(e.version) from log.events e \
                    where e.workspace_id = u.workspace_id and e.stream_id = u.stream_id), 0)) \
                and not exists (select from log.archived_streams) then 1 else 0 end)"
        )
    };
}
const STRAIGHT: &str = straight!("");
const STRAIGHT_WITH_CLAIMS: &str = straight!(
    "claimed as (insert into log.claims (workspace_id, kind, key, stream_id) \
        select * from unnest($29::uuid[], $30::text[], $31::text[], $32::uuid[])), "
);

impl<'a> Straight<'a> {
    /// `None` when a head is not known, or an append is not so simple.
    pub fn plan(batch: &'a [&'a Prepared], known: &Heads, now: DateTime<Utc>) -> Option<Self> {
        let (mut heads, mut placed) = (BTreeMap::new(), Vec::with_capacity(batch.len()));
        let now = now.trunc_subsecs(6);
        for prepared in batch {
            let workspace = prepared.append.workspace;
            if !is_simple(prepared) {
                return None;
            }
            let (_, head) = match heads.entry(workspace) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    let head = known.get(workspace)?;
                    entry.insert((head.clone(), head.clone()))
                }
            };
            placed.push(place(prepared, head, now));
        }
        Some(Self { batch, placed, heads })
    }

    /// Writes it, or fails with a division by zero or an integrity error, having written nothing.
    pub async fn call(&self, connection: &mut PgConnection) -> Result<Vec<Verdict>, sqlx::Error> {
        let columns = Columns::of(self);
        // Keys are seldom taken, and every part of a statement costs.
        let straight = if columns.claim_keys.is_empty() {
            STRAIGHT
        } else {
            STRAIGHT_WITH_CLAIMS
        };
        sqlx::query(straight)
            .bind(&columns.heads)
            .bind(&columns.was_positions)
            .bind(&columns.was_hashes)
            .bind(&columns.head_positions)
            .bind(&columns.head_hashes)
            .bind(&columns.head_times)
            .bind(&columns.command_homes)
            .bind(&columns.command_ids)
            .bind(&columns.request_hashes)
            .bind(&columns.first_positions)
            .bind(&columns.last_positions)
            .bind(&columns.answers)
            .bind(&columns.command_times)
            .bind(&columns.homes)
            .bind(&columns.positions)
            .bind(&columns.categories)
            .bind(&columns.stream_ids)
            .bind(&columns.versions)
            .bind(&columns.event_ids)
            .bind(&columns.types)
            .bind(&columns.schemas)
            .bind(&columns.data)
            .bind(&columns.metadata)
            .bind(&columns.times)
            .bind(&columns.hashes)
            .bind(&columns.check_homes)
            .bind(&columns.check_streams)
            .bind(&columns.check_versions)
            .bind(&columns.claim_homes)
            .bind(&columns.claim_kinds)
            .bind(&columns.claim_keys)
            .bind(&columns.claim_takers)
            .execute(connection)
            .await?;
        drop(columns);
        Ok(self.placed.iter().cloned().map(Verdict::Written).collect())
    }

    /// Where the workspaces stand once it is written.
    pub fn heads(self) -> BTreeMap<Uuid, (Head, Head)> {
        self.heads
    }
}

/// Every version is named, there are events, nothing is numbered, and no key is given back.
fn is_simple(prepared: &Prepared) -> bool {
    let mut streams = prepared.append.streams.iter();
    let mut events = prepared.append.streams.iter().flat_map(|stream| &stream.events);
    !prepared.entries.is_empty()
        && streams.all(|stream| stream.expected.is_some())
        && events.all(|event| event.number.is_none())
        && prepared.claims.iter().all(|claim| claim.giver.is_none())
}

fn place(prepared: &Prepared, head: &mut Head, now: DateTime<Utc>) -> Placed {
    let workspace = prepared.append.workspace;
    head.recorded_at = head.recorded_at.max(now);
    let mut versions: Vec<i64> = prepared
        .append
        .streams
        .iter()
        .map(|stream| stream.expected.unwrap_or(0))
        .collect();
    let events = prepared.append.streams.iter().flat_map(|stream| &stream.events);
    let mut places = Vec::with_capacity(prepared.entries.len());
    for (event, entry) in events.zip(&prepared.entries) {
        head.position += 1;
        versions[entry.stream] += 1;
        let version = versions[entry.stream];
        head.hash = chain::hash(
            &head.hash,
            &chain::Parts {
                workspace,
                position: head.position,
                names: &entry.names,
                version,
                event_id: event.id,
                schema: event.schema,
                recorded_at: head.recorded_at,
                data: &entry.digest,
                metadata: &prepared.metadata_digest,
            },
        );
        places.push(Place {
            version,
            number: 0,
            hash: head.hash,
        });
    }
    Placed {
        position: head.position,
        recorded_at: head.recorded_at,
        events: places,
    }
}

#[derive(Default)]
struct Columns<'a> {
    heads: Vec<Uuid>,
    was_positions: Vec<i64>,
    was_hashes: Vec<&'a [u8]>,
    head_positions: Vec<i64>,
    head_hashes: Vec<&'a [u8]>,
    head_times: Vec<DateTime<Utc>>,
    command_homes: Vec<Uuid>,
    command_ids: Vec<Uuid>,
    request_hashes: Vec<&'a [u8]>,
    first_positions: Vec<i64>,
    last_positions: Vec<i64>,
    answers: Vec<&'a str>,
    command_times: Vec<DateTime<Utc>>,
    claim_homes: Vec<Uuid>,
    claim_kinds: Vec<&'a str>,
    claim_keys: Vec<&'a str>,
    claim_takers: Vec<Uuid>,
    homes: Vec<Uuid>,
    positions: Vec<i64>,
    categories: Vec<&'a str>,
    stream_ids: Vec<Uuid>,
    versions: Vec<i64>,
    event_ids: Vec<Uuid>,
    types: Vec<&'a str>,
    schemas: Vec<i32>,
    data: Vec<JsonText<'a>>,
    metadata: Vec<JsonText<'a>>,
    times: Vec<DateTime<Utc>>,
    hashes: Vec<&'a [u8]>,
    check_homes: Vec<Uuid>,
    check_streams: Vec<Uuid>,
    check_versions: Vec<i64>,
}

impl<'a> Columns<'a> {
    fn of(straight: &'a Straight<'a>) -> Self {
        let mut columns = Self::default();
        for (workspace, (was, head)) in &straight.heads {
            columns.heads.push(*workspace);
            columns.was_positions.push(was.position);
            columns.was_hashes.push(&was.hash);
            columns.head_positions.push(head.position);
            columns.head_hashes.push(&head.hash);
            columns.head_times.push(head.recorded_at);
        }
        for (prepared, placed) in straight.batch.iter().zip(&straight.placed) {
            columns.add(prepared, placed);
        }
        columns
    }

    fn add(&mut self, prepared: &'a Prepared, placed: &'a Placed) {
        let append = &prepared.append;
        let first = placed.position - i64::try_from(placed.events.len()).unwrap_or(0) + 1;
        if let Some(command) = &append.command {
            self.command_homes.push(append.workspace);
            self.command_ids.push(command.id);
            self.request_hashes.push(&command.request_hash);
            self.first_positions.push(first);
            self.last_positions.push(placed.position);
            self.answers.push(&append.answer);
            self.command_times.push(placed.recorded_at);
        }
        for claim in &prepared.claims {
            self.claim_homes.push(append.workspace);
            self.claim_kinds.push(claim.kind);
            self.claim_keys.push(&claim.key);
            self.claim_takers.push(claim.taker.unwrap_or_default());
        }
        // That a stream is new its first event's key tells; any other version has to be looked for.
        let written = append
            .streams
            .iter()
            .filter(|stream| stream.events.is_empty() || stream.expected != Some(0));
        let written = written.map(|stream| (stream.stream.id, stream.expected.unwrap_or(0)));
        let read = append.guards.iter().map(|guard| (guard.stream_id, guard.version));
        for (id, version) in written.chain(read) {
            self.check_homes.push(append.workspace);
            self.check_streams.push(id);
            self.check_versions.push(version);
        }
        let events = append
            .streams
            .iter()
            .flat_map(|stream| stream.events.iter().map(move |event| (stream.stream, event)));
        for (((stream, event), place), position) in events.zip(&placed.events).zip(first..) {
            self.homes.push(append.workspace);
            self.positions.push(position);
            self.categories.push(stream.category);
            self.stream_ids.push(stream.id);
            self.versions.push(place.version);
            self.event_ids.push(event.id);
            self.types.push(&event.event_type);
            self.schemas.push(event.schema);
            self.data.push(JsonText(&event.data));
            self.metadata.push(JsonText(&prepared.metadata));
            self.times.push(placed.recorded_at);
            self.hashes.push(&place.hash);
        }
    }
}
