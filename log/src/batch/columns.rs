//! The call of `log.append`: a batch laid out as one array per column, and its answer taken apart again.

use super::{Entry, Place, Placed, Prepared, Verdict};
use crate::chain::Hash;
use chrono::{DateTime, Utc};
use sqlx::{
    Encode, PgConnection, Postgres, Row, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgHasArrayType, PgRow, PgTypeInfo, types::Oid},
};
use uuid::Uuid;

/// Writes the batch, which is in the order of its workspaces, in one transaction; one verdict per append. `trusting`
/// fails with an integrity error, having written nothing, when a stream said to be new or a command id is there.
pub(super) async fn judge(
    connection: &mut PgConnection,
    batch: &[&Prepared],
    trusting: bool,
) -> Result<Vec<Verdict>, sqlx::Error> {
    let columns = Columns::of(batch);
    let call = "select * from log.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, \
        $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29)";
    let answer = sqlx::query(call)
        .bind(trusting)
        .bind(&columns.workspaces)
        .bind(&columns.append_home)
        .bind(&columns.metadata)
        .bind(&columns.metadata_digests)
        .bind(&columns.years)
        .bind(&columns.command_ids)
        .bind(&columns.request_hashes)
        .bind(&columns.answers)
        .bind(&columns.stream_append)
        .bind(&columns.stream_ids)
        .bind(&columns.stream_expected)
        .bind(&columns.stream_begins)
        .bind(&columns.claim_append)
        .bind(&columns.claim_kinds)
        .bind(&columns.claim_keys)
        .bind(&columns.claim_takers)
        .bind(&columns.claim_givers)
        .bind(&columns.event_append)
        .bind(&columns.event_stream)
        .bind(&columns.event_ids)
        .bind(&columns.categories)
        .bind(&columns.types)
        .bind(&columns.names)
        .bind(&columns.schemas)
        .bind(&columns.data)
        .bind(&columns.data_digests)
        .bind(&columns.series)
        .bind(&columns.number_at)
        .fetch_one(connection)
        .await?;
    columns.verdicts(&answer)
}

/// The parameters of `log.append`; indices count from 1, as SQL does.
#[derive(Default)]
struct Columns<'a> {
    workspaces: Vec<Uuid>,
    append_home: Vec<i32>,
    metadata: Vec<JsonText<'a>>,
    metadata_digests: Vec<&'a [u8]>,
    years: Vec<i32>,
    command_ids: Vec<Option<Uuid>>,
    request_hashes: Vec<&'a [u8]>,
    answers: Vec<&'a str>,
    stream_append: Vec<i32>,
    stream_ids: Vec<Uuid>,
    stream_expected: Vec<i64>,
    stream_begins: Vec<bool>,
    claim_append: Vec<i32>,
    claim_kinds: Vec<&'a str>,
    claim_keys: Vec<&'a str>,
    claim_takers: Vec<Option<Uuid>>,
    claim_givers: Vec<Option<Uuid>>,
    event_append: Vec<i32>,
    event_stream: Vec<i32>,
    event_ids: Vec<Uuid>,
    categories: Vec<&'a str>,
    types: Vec<&'a str>,
    names: Vec<&'a [u8]>,
    schemas: Vec<i32>,
    data: Vec<JsonText<'a>>,
    data_digests: Vec<&'a [u8]>,
    series: Vec<&'a str>,
    number_at: Vec<i32>,
    /// By append: where its streams and claims begin, to count them from its own first again.
    first_stream: Vec<usize>,
    first_claim: Vec<usize>,
}

impl<'a> Columns<'a> {
    fn of(batch: &[&'a Prepared]) -> Self {
        let mut columns = Self::default();
        for prepared in batch {
            columns.add(prepared);
        }
        columns
    }

    fn add(&mut self, prepared: &'a Prepared) {
        let append = &prepared.append;
        if self.workspaces.last() != Some(&append.workspace) {
            self.workspaces.push(append.workspace);
        }
        self.append_home.push(count(&self.workspaces));
        self.metadata.push(JsonText(&prepared.metadata));
        self.metadata_digests.push(&prepared.metadata_digest);
        self.years.push(append.number_year);
        let command = append.command.as_ref();
        self.command_ids.push(command.map(|command| command.id));
        self.request_hashes
            .push(command.map_or(&[], |command| &command.request_hash));
        self.answers.push(&append.answer);
        let nth = count(&self.append_home);
        self.first_stream.push(self.stream_ids.len());
        self.first_claim.push(self.claim_keys.len());
        self.add_events(prepared, nth);
        let written = append.streams.iter().map(|stream| {
            (
                stream.stream.id,
                stream.expected.unwrap_or(ANY),
                !stream.events.is_empty(),
            )
        });
        let read = append
            .guards
            .iter()
            .map(|guard| (guard.stream_id, guard.version, false));
        for (id, expected, has_events) in written.chain(read) {
            self.stream_append.push(nth);
            self.stream_ids.push(id);
            self.stream_expected.push(expected);
            self.stream_begins.push(expected == 0 && has_events);
        }
        for claim in &prepared.claims {
            self.claim_append.push(nth);
            self.claim_kinds.push(claim.kind);
            self.claim_keys.push(&claim.key);
            self.claim_takers.push(claim.taker);
            self.claim_givers.push(claim.giver);
        }
    }

    fn add_events(&mut self, prepared: &'a Prepared, nth: i32) {
        let before = count(&self.stream_ids);
        let streams = prepared.append.streams.iter();
        let events = streams.flat_map(|stream| stream.events.iter().map(move |event| (stream.stream, event)));
        for (
            (stream, event),
            Entry {
                stream: of,
                names,
                digest,
                number_at,
            },
        ) in events.zip(&prepared.entries)
        {
            self.event_append.push(nth);
            self.event_stream
                .push(before + 1 + i32::try_from(*of).unwrap_or(i32::MAX));
            self.event_ids.push(event.id);
            self.categories.push(stream.category);
            self.types.push(&event.event_type);
            self.names.push(names);
            self.schemas.push(event.schema);
            self.data.push(JsonText(&event.data));
            self.data_digests.push(digest);
            self.series.push(event.number.map_or("", |number| number.series));
            self.number_at
                .push(number_at.map_or(0, |(_, at)| i32::try_from(at + 1).unwrap_or(i32::MAX)));
        }
    }

    fn verdicts(&self, answer: &PgRow) -> Result<Vec<Verdict>, sqlx::Error> {
        let verdicts: Vec<i32> = answer.try_get("verdicts")?;
        let culprits: Vec<i32> = answer.try_get("culprits")?;
        let culprit_at: Vec<i64> = answer.try_get("culprit_at")?;
        let owners: Vec<Option<Uuid>> = answer.try_get("owners")?;
        let positions: Vec<i64> = answer.try_get("positions")?;
        let times: Vec<DateTime<Utc>> = answer.try_get("times")?;
        let versions: Vec<i64> = answer.try_get("versions")?;
        let numbers: Vec<i64> = answer.try_get("numbers")?;
        let hashes: Vec<Hash> = answer.try_get::<Option<_>, _>("hashes")?.unwrap_or_default();
        let mut placed = positions.into_iter().zip(times);
        let mut events = self
            .event_append
            .iter()
            .zip(versions)
            .zip(numbers)
            .zip(hashes)
            .peekable();
        let ours = (1..).zip(&self.first_stream).zip(&self.first_claim);
        let appends = ours.zip(verdicts).zip(culprits).zip(culprit_at.into_iter().zip(owners));
        let mut settled = Vec::with_capacity(self.append_home.len());
        for (((((nth, stream), claim), verdict), culprit), (actual, owner)) in appends {
            let mut places = Vec::new();
            while let Some((((_, version), number), hash)) = events.next_if(|(((of, _), _), _)| **of == nth) {
                places.push(Place { version, number, hash });
            }
            let Some((position, recorded_at)) = placed.next() else {
                break;
            };
            // SQL counts from 1 and over the whole batch.
            let among = |first: &usize| usize::try_from(culprit).unwrap_or(0).saturating_sub(1 + first);
            settled.push(match verdict {
                0 => Verdict::Written(Placed {
                    position,
                    recorded_at,
                    events: places,
                }),
                1 => Verdict::Repeated,
                2 => Verdict::Reused,
                3 => Verdict::Elsewhere {
                    nth: among(stream),
                    actual,
                },
                _ => Verdict::Claimed {
                    nth: among(claim),
                    owner: owner.unwrap_or_default(),
                },
            });
        }
        Ok(settled)
    }
}

/// `stream_expected`: whatever its version.
const ANY: i64 = -1;

fn count<T>(column: &[T]) -> i32 {
    i32::try_from(column.len()).unwrap_or(i32::MAX)
}

/// Text for a `json` parameter, byte for byte; sqlx's own `Json` puts a space in front of it.
pub(super) struct JsonText<'a>(pub &'a str);

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
