//! Claims, numbers and command ids, held against the events that they stand for. What events say of keys and numbers is
//! for whoever knows what they mean to tell: the log sees bytes.

use crate::{Claim, ClaimAct, ClaimKeys, Number, Recorded};
use futures::TryStreamExt;
use sqlx::PgConnection;
use std::{
    collections::{BTreeMap, HashMap},
    error::Error,
};
use uuid::Uuid;

/// What a workspace's events say of the keys that they claim and the numbers that they were given.
pub trait Meaning: Send + Sync {
    /// The keys that an event takes or gives back. It is asked for every event, in order, from the first one on.
    /// Those that tell of a person with their keys hashed.
    fn claims(&mut self, event: &Recorded, keys: Option<&ClaimKeys>) -> Result<Vec<Claim>, Unreadable>;

    /// The field that the event received a number in.
    fn number(&self, event: &Recorded) -> Result<Option<Number>, Unreadable>;
}

/// Why an event says nothing.
pub type Unreadable = Box<dyn Error + Send + Sync>;

/// What is written beside the events says other than they do.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    #[error("workspace {workspace}, position {position}: what the event claims cannot be read")]
    Unreadable {
        workspace: Uuid,
        position: i64,
        source: Unreadable,
    },
    #[error("workspace {workspace}, position {position}: {found} is not the next number of {series}")]
    NotNext {
        workspace: Uuid,
        position: i64,
        series: &'static str,
        found: String,
    },
    #[error(
        "workspace {workspace}: the last number of {series} in {year} is noted as {noted:?}, and is {actual:?} by the events"
    )]
    Counter {
        workspace: Uuid,
        series: String,
        year: i32,
        noted: Option<i64>,
        actual: Option<i64>,
    },
    #[error("workspace {workspace}: {kind} {key} is noted to be of {noted:?}, and is of {actual:?} by the events")]
    Claim {
        workspace: Uuid,
        kind: String,
        key: String,
        noted: Option<Uuid>,
        actual: Option<Uuid>,
    },
    #[error(
        "workspace {workspace}: command {command} is noted to have written positions {first} to {last}, and did not"
    )]
    Command {
        workspace: Uuid,
        command: Uuid,
        first: i64,
        last: i64,
    },
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// What the events come to. Grows with the keys in use and the state behind them.
pub(super) struct Books {
    workspace: Uuid,
    meaning: Box<dyn Meaning>,
    keys: Option<ClaimKeys>,
    /// Who has a key, by kind and key.
    claims: HashMap<(String, String), Uuid>,
    /// The last number, by series and year.
    numbers: BTreeMap<(String, i32), i64>,
}

impl Books {
    pub fn new(workspace: Uuid, meaning: Box<dyn Meaning>, keys: Option<ClaimKeys>) -> Self {
        Self {
            workspace,
            meaning,
            keys,
            claims: HashMap::new(),
            numbers: BTreeMap::new(),
        }
    }

    /// Personal values must be open.
    pub fn next(&mut self, event: &Recorded) -> Result<(), BookError> {
        let unreadable = |source| BookError::Unreadable {
            workspace: event.workspace,
            position: event.position,
            source,
        };
        for claim in self.meaning.claims(event, self.keys.as_ref()).map_err(unreadable)? {
            let key = (claim.kind.to_owned(), claim.key);
            match claim.act {
                ClaimAct::Take => {
                    self.claims.insert(key, claim.stream_id);
                }
                ClaimAct::Release if self.claims.get(&key) == Some(&claim.stream_id) => {
                    self.claims.remove(&key);
                }
                ClaimAct::Release => {}
            }
        }
        match self.meaning.number(event).map_err(unreadable)? {
            Some(number) => self.count(event, number),
            None => Ok(()),
        }
    }

    /// Numbers of a series rise by one from 1 on, each year anew.
    fn count(&mut self, event: &Recorded, number: Number) -> Result<(), BookError> {
        let found = field(&event.data, number.field).unwrap_or_default();
        let year = found.split('-').nth(1).and_then(|year| year.parse().ok()).unwrap_or(0);
        let last = self.numbers.entry((number.series.to_owned(), year)).or_insert(0);
        *last += 1;
        if number.text(year, *last) == found {
            return Ok(());
        }
        Err(BookError::NotNext {
            workspace: event.workspace,
            position: event.position,
            series: number.series,
            found,
        })
    }

    /// At the same moment as the events: on their connection.
    pub async fn compare(mut self, connection: &mut PgConnection) -> Result<(), BookError> {
        self.compare_claims(connection).await?;
        self.compare_numbers(connection).await?;
        compare_commands(connection, self.workspace).await
    }

    async fn compare_claims(&mut self, connection: &mut PgConnection) -> Result<(), BookError> {
        let noted = "select kind, key, stream_id from log.claims where workspace_id = $1 order by kind, key";
        let mut noted = sqlx::query_as::<_, (String, String, Uuid)>(noted)
            .bind(self.workspace)
            .fetch(connection);
        let wrong = |(kind, key), noted, actual| BookError::Claim {
            workspace: self.workspace,
            kind,
            key,
            noted,
            actual,
        };
        while let Some((kind, key, owner)) = noted.try_next().await? {
            let key = (kind, key);
            let actual = self.claims.remove(&key);
            if actual != Some(owner) {
                return Err(wrong(key, Some(owner), actual));
            }
        }
        match self.claims.drain().min() {
            Some((key, owner)) => Err(wrong(key, None, Some(owner))),
            None => Ok(()),
        }
    }

    async fn compare_numbers(&self, connection: &mut PgConnection) -> Result<(), BookError> {
        let noted = "select series, year, last from log.numbers where workspace_id = $1";
        let noted: Vec<(String, i32, i64)> = sqlx::query_as(noted).bind(self.workspace).fetch_all(connection).await?;
        let noted: BTreeMap<_, _> = noted
            .into_iter()
            .map(|(series, year, last)| ((series, year), last))
            .collect();
        let differs = |key: &&(String, i32)| noted.get(*key) != self.numbers.get(*key);
        match noted.keys().chain(self.numbers.keys()).find(differs) {
            None => Ok(()),
            Some(key) => Err(BookError::Counter {
                workspace: self.workspace,
                series: key.0.clone(),
                year: key.1,
                noted: noted.get(key).copied(),
                actual: self.numbers.get(key).copied(),
            }),
        }
    }
}

/// The positions that a command id answers with bear it, and those around them do not. Only ids that are still kept are
/// there, and none of their events is put away (archive.rs).
async fn compare_commands(connection: &mut PgConnection, workspace: Uuid) -> Result<(), BookError> {
    const BEARS: &str = "select c.command_id, c.first_position, c.last_position from log.commands c \
        left join log.heads h on h.workspace_id = c.workspace_id where c.workspace_id = $1 \
        and (c.first_position not between 1 and c.last_position + 1 or c.last_position > coalesce(h.position, 0) or exists \
        (select from log.events e where e.workspace_id = $1 and e.position between c.first_position - 1 and c.last_position + 1 \
        and (e.metadata->>'commandId' is not distinct from c.command_id::text) \
        <> (e.position between c.first_position and c.last_position))) order by c.first_position limit 1";
    let wrong = sqlx::query_as(BEARS).bind(workspace).fetch_optional(connection);
    match wrong.await? {
        None => Ok(()),
        Some((command, first, last)) => Err(BookError::Command {
            workspace,
            command,
            first,
            last,
        }),
    }
}

/// A top-level text.
fn field(data: &str, name: &str) -> Option<String> {
    let data: serde_json::Map<String, serde_json::Value> = serde_json::from_str(data).ok()?;
    Some(data.get(name)?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    /// Every event takes a number and the key that its type names; of an odd stream it gives the key back.
    struct Simple;

    impl Meaning for Simple {
        fn claims(&mut self, event: &Recorded, _keys: Option<&ClaimKeys>) -> Result<Vec<Claim>, Unreadable> {
            Ok(vec![Claim {
                kind: "deal.code",
                key: event.event_type.clone(),
                stream_id: event.stream_id,
                act: match event.stream_id.as_u128() % 2 {
                    0 => ClaimAct::Take,
                    _ => ClaimAct::Release,
                },
            }])
        }

        fn number(&self, _: &Recorded) -> Result<Option<Number>, Unreadable> {
            Ok(Some(Number {
                field: "number",
                series: "DL",
            }))
        }
    }

    fn event(position: i64, stream: u128, key: &str, number: &str) -> Recorded {
        Recorded {
            workspace: Uuid::nil(),
            position,
            category: "deal".into(),
            stream_id: Uuid::from_u128(stream),
            version: 1,
            event_id: Uuid::nil(),
            event_type: key.into(),
            schema: 1,
            data: format!(r#"{{"number":"{number}"}}"#),
            metadata: "{}".into(),
            recorded_at: DateTime::UNIX_EPOCH,
            hash: crate::HASH_ZERO,
        }
    }

    #[test]
    fn numbers_rise_by_one_each_year_and_only_an_owner_gives_a_key_back() {
        let mut books = Books::new(Uuid::nil(), Box::new(Simple), None);
        for (position, stream, key, number) in [
            (1, 2, "a", "DL-2026-0001"),
            (2, 4, "b", "DL-2026-0002"),
            (3, 5, "b", "DL-2027-0001"),
            (4, 4, "a", "DL-2026-0003"),
        ] {
            books.next(&event(position, stream, key, number)).unwrap();
        }
        let owner = |key: &str| books.claims[&("deal.code".to_owned(), key.to_owned())].as_u128();
        assert_eq!((owner("a"), owner("b")), (4, 4));
        for number in [
            "DL-2026-0005",
            "DL-2026-0003",
            "DL-2026-4",
            "CUS-2026-0004",
            "DL-x-0001",
            "DL",
            "",
        ] {
            let mut books = Books::new(Uuid::nil(), Box::new(Simple), None);
            books.numbers.insert(("DL".into(), 2026), 3);
            let error = books.next(&event(5, 2, "a", number)).unwrap_err();
            assert!(
                matches!(error, BookError::NotNext { position: 5, .. }),
                "{number}: {error}"
            );
        }
    }
}
