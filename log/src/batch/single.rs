//! The call of `log.append_one`: the batch of quiet hours, in a third of the time.

use super::{Place, Placed, Prepared, Verdict, columns::JsonText};
use crate::{CommandId, NewEvent, Stream};
use sqlx::{PgConnection, Row};

/// An append of one event to one stream at a known version, with a command id and nothing else.
pub(crate) struct Single<'a> {
    prepared: &'a Prepared,
    stream: Stream,
    expected: i64,
    event: &'a NewEvent,
    command: CommandId,
}

impl<'a> Single<'a> {
    pub fn of(prepared: &'a Prepared) -> Option<Self> {
        let append = &prepared.append;
        let ([stream], true, true) = (
            append.streams.as_slice(),
            append.guards.is_empty(),
            append.claims.is_empty(),
        ) else {
            return None;
        };
        let [event @ NewEvent { number: None, .. }] = stream.events.as_slice() else {
            return None;
        };
        Some(Self {
            prepared,
            stream: stream.stream,
            expected: stream.expected?,
            event,
            command: append.command?,
        })
    }
}

/// Fails with an integrity error, having written nothing, when anything is not as expected: `call` tells what.
pub(crate) async fn call_one(connection: &mut PgConnection, single: &Single<'_>) -> Result<Verdict, sqlx::Error> {
    let call = "select placed, recorded_at, hash from log.append_one($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    let Single {
        prepared,
        stream,
        expected,
        event,
        command,
    } = single;
    let entry = &prepared.entries[0];
    let answer = sqlx::query(call)
        .bind(prepared.append.workspace)
        .bind(JsonText(&prepared.metadata))
        .bind(&prepared.metadata_digest[..])
        .bind(command.id)
        .bind(&command.request_hash[..])
        .bind(&prepared.append.answer)
        .bind(stream.id)
        .bind(expected)
        .bind(event.id)
        .bind(stream.category)
        .bind(&event.event_type)
        .bind(&entry.names)
        .bind(event.schema)
        .bind(JsonText(&event.data))
        .bind(&entry.digest[..])
        .fetch_one(connection)
        .await?;
    Ok(Verdict::Written(Placed {
        position: answer.try_get(0)?,
        recorded_at: answer.try_get(1)?,
        events: vec![Place {
            version: expected + 1,
            number: 0,
            hash: answer.try_get(2)?,
        }],
    }))
}
