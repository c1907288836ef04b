//! What the database holds in the end: everything in one snapshot.

use super::{readers::CONSUMERS, workload::World};
use log::{ReadError, Recorded, Verifier};
use sqlx::{Connection, PgConnection, Row};
use std::collections::BTreeMap;
use uuid::Uuid;

const PAGE: i64 = 2_000;

/// A position and the hash there.
pub type Place = (i64, [u8; 32]);

#[derive(Debug, Default, Clone)]
pub struct Store {
    pub books: BTreeMap<Uuid, Book>,
    /// By workspace, kind and key: the stream that holds it.
    pub claims: BTreeMap<(Uuid, String, String), Uuid>,
    /// By workspace, series and year: the last one given out.
    pub numbers: BTreeMap<(Uuid, String, i32), i64>,
    /// By workspace and command id.
    pub commands: BTreeMap<(Uuid, Uuid), CommandRow>,
    /// By consumer and workspace: what was written down, in the order of writing.
    pub seen: BTreeMap<(String, Uuid), Vec<Place>>,
    /// Events in all workspaces, also such as nobody knows of.
    pub events: usize,
}

/// A workspace's log.
#[derive(Debug, Default, Clone)]
pub struct Book {
    pub events: Vec<Recorded>,
    pub head: Place,
    /// Why reading ended before the head; or what the verifying walk found.
    pub flaw: Option<String>,
    /// Where the verifying walk ended.
    pub verified: Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandRow {
    pub request_hash: Vec<u8>,
    pub first: i64,
    pub last: i64,
    pub answer: String,
}

impl Store {
    pub async fn read(connection: &mut PgConnection, world: &World) -> Result<Self, sqlx::Error> {
        let mut tx = connection
            .begin_with("begin isolation level repeatable read read only")
            .await?;
        let mut store = Self::default();
        for workspace in &world.workspaces {
            store.books.insert(*workspace, Book::read(&mut tx, *workspace).await?);
        }
        let events = "select workspace_id, count(*) from log.events group by 1";
        let events: Vec<(Uuid, i64)> = sqlx::query_as(events).fetch_all(&mut *tx).await?;
        let ours = events
            .into_iter()
            .filter(|(workspace, _)| !world.is_private(*workspace));
        store.events = ours.map(|(_, events)| usize::try_from(events).unwrap_or(0)).sum();
        store.read_tables(&mut tx).await?;
        for consumer in CONSUMERS {
            let seen = "select workspace_id, position, hash from torture.seen where consumer = $1 order by nth";
            for row in sqlx::query(seen).bind(consumer).fetch_all(&mut *tx).await? {
                let seen = store.seen.entry((consumer.to_owned(), row.try_get(0)?)).or_default();
                seen.push((row.try_get(1)?, hash(row.try_get(2)?)));
            }
        }
        tx.rollback().await?;
        Ok(store)
    }

    async fn read_tables(&mut self, tx: &mut PgConnection) -> Result<(), sqlx::Error> {
        let claims = "select workspace_id, kind, key, stream_id from log.claims";
        for row in sqlx::query(claims).fetch_all(&mut *tx).await? {
            let key = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            self.claims.insert(key, row.try_get(3)?);
        }
        let numbers = "select workspace_id, series, year, last from log.numbers";
        for row in sqlx::query(numbers).fetch_all(&mut *tx).await? {
            let series = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            self.numbers.insert(series, row.try_get(3)?);
        }
        let commands =
            "select workspace_id, command_id, request_hash, first_position, last_position, answer from log.commands";
        for row in sqlx::query(commands).fetch_all(tx).await? {
            let command = CommandRow {
                request_hash: row.try_get(2)?,
                first: row.try_get(3)?,
                last: row.try_get(4)?,
                answer: row.try_get(5)?,
            };
            self.commands.insert((row.try_get(0)?, row.try_get(1)?), command);
        }
        Ok(())
    }
}

impl Book {
    async fn read(tx: &mut PgConnection, workspace: Uuid) -> Result<Self, sqlx::Error> {
        let mut book = Self::default();
        let head = "select position, hash from log.heads where workspace_id = $1";
        if let Some(row) = sqlx::query(head).bind(workspace).fetch_optional(&mut *tx).await? {
            book.head = (row.try_get(0)?, hash(row.try_get(1)?));
        }
        let mut verifier = Verifier::default();
        loop {
            let after = book.events.last().map_or(0, |event| event.position);
            let page = match log::read_in_tx(tx, workspace, after, PAGE).await {
                Ok(page) if page.is_empty() => break,
                Ok(page) => page,
                Err(ReadError::Unavailable(error)) => return Err(error),
                Err(error) => {
                    book.flaw = Some(error.to_string());
                    break;
                }
            };
            for event in page {
                if book.flaw.is_none() {
                    book.flaw = verifier.next(&event).err().map(|error| error.to_string());
                }
                book.events.push(event);
            }
        }
        book.verified = verifier.head();
        Ok(book)
    }
}

/// Anything but 32 bytes matches nothing.
fn hash(bytes: Vec<u8>) -> [u8; 32] {
    bytes.try_into().unwrap_or([0xFF; 32])
}
