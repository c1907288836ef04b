//! The committer's arithmetic, without the database: what the batch's appends see and leave behind. Loaded under the
//! lock of the heads it holds, it is the truth; each append is checked whole and then applied whole, or not at all.

use crate::{
    Append, AppendError, ClaimAct, CommandId, Recorded,
    append::{NewEvent, StreamAppend},
    chain,
};
use chrono::{DateTime, DurationRound, Utc};
use std::collections::HashMap;
use uuid::Uuid;

type InWorkspace<K> = (Uuid, K);

/// Current values of everything the batch may touch.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub heads: HashMap<Uuid, Head>,
    /// Stream versions.
    pub versions: HashMap<InWorkspace<Uuid>, i64>,
    /// Who holds a key; absent or `None` when nobody does.
    pub claims: HashMap<InWorkspace<(String, String)>, Option<Uuid>>,
    /// The last number given out, per series and year.
    pub numbers: HashMap<InWorkspace<(&'static str, i32)>, i64>,
    pub commands: HashMap<InWorkspace<Uuid>, [u8; 32]>,
}

#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub position: i64,
    pub hash: [u8; 32],
    pub recorded_at: DateTime<Utc>,
}

/// What one append comes to.
#[derive(Debug)]
pub(crate) enum Verdict {
    Written(Written),
    /// A command id seen before with the same request.
    Repeated,
}

#[derive(Debug)]
pub(crate) struct Written {
    pub position: i64,
    pub events: Vec<Recorded>,
}

impl Ledger {
    pub fn enter(&mut self, append: &Append, now: DateTime<Utc>) -> Result<Verdict, AppendError> {
        if self.knows_command(append)? {
            return Ok(Verdict::Repeated);
        }
        self.check_versions(append)?;
        self.check_claims(append)?;
        let events = self.chain_events(append, now)?;
        for claim in &append.claims {
            let owner = (claim.act == ClaimAct::Take).then_some(claim.stream_id);
            self.claims
                .insert((append.workspace, (claim.kind.to_owned(), claim.key.clone())), owner);
        }
        if let Some(CommandId { id, request_hash }) = append.command {
            self.commands.insert((append.workspace, id), request_hash);
        }
        Ok(Verdict::Written(Written {
            position: self.head(append.workspace).position,
            events,
        }))
    }

    pub fn head(&self, workspace: Uuid) -> Head {
        self.heads.get(&workspace).cloned().unwrap_or(Head {
            position: 0,
            hash: chain::HASH_ZERO,
            recorded_at: DateTime::UNIX_EPOCH,
        })
    }

    fn knows_command(&self, append: &Append) -> Result<bool, AppendError> {
        let Some(command) = append.command else {
            return Ok(false);
        };
        match self.commands.get(&(append.workspace, command.id)) {
            Some(hash) if *hash == command.request_hash => Ok(true),
            Some(_) => Err(AppendError::CommandReused),
            None => Ok(false),
        }
    }

    fn version(&self, workspace: Uuid, stream_id: Uuid) -> i64 {
        self.versions.get(&(workspace, stream_id)).copied().unwrap_or(0)
    }

    fn check_versions(&self, append: &Append) -> Result<(), AppendError> {
        for StreamAppend { stream, expected, .. } in &append.streams {
            let actual = self.version(append.workspace, stream.id);
            if let Some(expected) = expected.filter(|expected| *expected != actual) {
                return Err(AppendError::Version {
                    stream_id: stream.id,
                    expected,
                    actual,
                });
            }
        }
        for guard in &append.guards {
            let actual = self.version(append.workspace, guard.stream_id);
            if guard.version != actual {
                return Err(AppendError::Guard {
                    stream_id: guard.stream_id,
                    expected: guard.version,
                    actual,
                });
            }
        }
        Ok(())
    }

    fn check_claims(&self, append: &Append) -> Result<(), AppendError> {
        let released = |kind: &str, key: &str| {
            append
                .claims
                .iter()
                .any(|c| c.act == ClaimAct::Release && c.kind == kind && c.key == key)
        };
        for claim in append.claims.iter().filter(|claim| claim.act == ClaimAct::Take) {
            let holder = self
                .claims
                .get(&(append.workspace, (claim.kind.to_owned(), claim.key.clone())))
                .copied()
                .flatten();
            match holder {
                Some(owner) if owner != claim.stream_id && !released(claim.kind, &claim.key) => {
                    return Err(AppendError::Claimed {
                        kind: claim.kind,
                        key: claim.key.clone(),
                        owner,
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Gives positions, versions, numbers, time and hashes; nothing is kept unless all of it succeeds.
    fn chain_events(&mut self, append: &Append, now: DateTime<Utc>) -> Result<Vec<Recorded>, AppendError> {
        let workspace = append.workspace;
        let mut head = self.head(workspace);
        let micros = now.duration_trunc(chrono::Duration::microseconds(1)).unwrap_or(now);
        head.recorded_at = head.recorded_at.max(micros);
        let metadata = serde_json::to_string(&append.metadata).map_err(|_| AppendError::NotAnObject)?;
        let (mut versions, mut numbers) = (HashMap::new(), HashMap::new());
        let mut recorded = Vec::with_capacity(append.event_count());
        for StreamAppend { stream, events, .. } in &append.streams {
            for event in events {
                let version = versions
                    .entry(stream.id)
                    .or_insert_with(|| self.version(workspace, stream.id));
                *version += 1;
                head.position += 1;
                let mut entry = Recorded {
                    workspace,
                    position: head.position,
                    category: stream.category.to_owned(),
                    stream_id: stream.id,
                    version: *version,
                    event_id: event.id,
                    event_type: event.event_type.clone(),
                    schema: event.schema,
                    data: self.number(append, event, &mut numbers)?,
                    metadata: metadata.clone(),
                    recorded_at: head.recorded_at,
                    hash: chain::HASH_ZERO,
                };
                entry.hash = chain::link(&head.hash, &entry);
                head.hash = entry.hash;
                recorded.push(entry);
            }
        }
        self.heads.insert(workspace, head);
        self.versions.extend(
            versions
                .into_iter()
                .map(|(stream, version)| ((workspace, stream), version)),
        );
        self.numbers
            .extend(numbers.into_iter().map(|(series, last)| ((workspace, series), last)));
        Ok(recorded)
    }

    fn number(
        &self,
        append: &Append,
        event: &NewEvent,
        numbers: &mut HashMap<(&'static str, i32), i64>,
    ) -> Result<String, AppendError> {
        let Some(number) = event.number else {
            return Ok(event.data.clone());
        };
        let series = (number.series, append.number_year);
        let last = numbers
            .entry(series)
            .or_insert_with(|| self.numbers.get(&(append.workspace, series)).copied().unwrap_or(0));
        *last += 1;
        let text = format!("{}-{}-{last:04}", number.series, append.number_year);
        let mut data: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&event.data).map_err(|_| AppendError::NotAnObject)?;
        data.insert(number.field.to_owned(), text.into());
        serde_json::to_string(&data).map_err(|_| AppendError::NotAnObject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Claim, Guard, Metadata, NewEvent, Number, Stream, Verifier};

    fn append(stream: u128, expected: Option<i64>) -> Append {
        let number = Some(Number {
            field: "n",
            series: "DL",
        });
        let event = NewEvent {
            id: Uuid::from_u128(7),
            event_type: "t".into(),
            schema: 1,
            data: r#"{"a":1,"n":""}"#.into(),
            number,
        };
        Append {
            workspace: Uuid::nil(),
            streams: vec![StreamAppend {
                stream: Stream {
                    category: "c",
                    id: Uuid::from_u128(stream),
                },
                expected,
                events: vec![event],
            }],
            claims: vec![],
            guards: vec![],
            command: None,
            answer: String::new(),
            number_year: 2026,
            metadata: Metadata::default(),
        }
    }

    fn written(ledger: &mut Ledger, append: &Append) -> Vec<Recorded> {
        match ledger.enter(append, DateTime::UNIX_EPOCH).unwrap() {
            Verdict::Written(written) => written.events,
            Verdict::Repeated => panic!("repeated"),
        }
    }

    #[test]
    fn positions_numbers_and_hashes_run_on_within_a_batch() {
        let mut ledger = Ledger::default();
        let mut verifier = Verifier::default();
        for n in 1..=3 {
            let events = written(&mut ledger, &append(n, Some(0)));
            assert_eq!(events[0].data, format!(r#"{{"a":1,"n":"DL-2026-000{n}"}}"#));
            verifier.next(&events[0]).unwrap();
        }
    }

    #[test]
    fn a_loser_leaves_nothing_behind() {
        let mut ledger = Ledger::default();
        written(&mut ledger, &append(1, Some(0)));
        assert!(matches!(
            ledger.enter(&append(1, Some(0)), DateTime::UNIX_EPOCH),
            Err(AppendError::Version { actual: 1, .. })
        ));
        let guarded = Append {
            guards: vec![Guard {
                stream_id: Uuid::from_u128(1),
                version: 5,
            }],
            ..append(2, None)
        };
        assert!(matches!(
            ledger.enter(&guarded, DateTime::UNIX_EPOCH),
            Err(AppendError::Guard { actual: 1, .. })
        ));
        let events = written(&mut ledger, &append(2, Some(0)));
        assert_eq!(
            (events[0].position, events[0].data.contains("DL-2026-0002")),
            (2, true),
            "no gap after losers"
        );
    }

    #[test]
    fn a_key_has_one_owner_until_it_is_given_back() {
        let mut ledger = Ledger::default();
        let claim = |stream: u128, act| {
            vec![Claim {
                kind: "k",
                key: "x".into(),
                stream_id: Uuid::from_u128(stream),
                act,
            }]
        };
        written(
            &mut ledger,
            &Append {
                claims: claim(1, ClaimAct::Take),
                ..append(1, None)
            },
        );
        let second = Append {
            claims: claim(2, ClaimAct::Take),
            ..append(2, None)
        };
        assert!(matches!(
            ledger.enter(&second, DateTime::UNIX_EPOCH),
            Err(AppendError::Claimed { .. })
        ));
        written(
            &mut ledger,
            &Append {
                claims: claim(1, ClaimAct::Release),
                ..append(1, None)
            },
        );
        written(&mut ledger, &second);
    }

    #[test]
    fn a_command_is_entered_once_and_its_id_belongs_to_one_request() {
        let mut ledger = Ledger::default();
        let with = |hash: u8| Append {
            command: Some(CommandId {
                id: Uuid::from_u128(9),
                request_hash: [hash; 32],
            }),
            ..append(1, None)
        };
        written(&mut ledger, &with(1));
        assert!(matches!(
            ledger.enter(&with(1), DateTime::UNIX_EPOCH),
            Ok(Verdict::Repeated)
        ));
        assert!(matches!(
            ledger.enter(&with(2), DateTime::UNIX_EPOCH),
            Err(AppendError::CommandReused)
        ));
    }
}
