//! A row per outcome, in order of precedence; and that losers leave no trace in positions, numbers and hashes.

use super::*;
use crate::{
    Append, Claim, ClaimAct, CommandId, Guard, Metadata, NewEvent, Number, Stream, StreamAppend, chain::HASH_ZERO,
};

use std::collections::HashMap;

const WORKSPACE: Uuid = Uuid::from_u128(1);

fn stream(id: u128) -> Uuid {
    Uuid::from_u128(id)
}

/// One numbered event at the beginning of that stream, under a command id of its own.
fn append(id: u128) -> Append {
    let number = Number {
        field: "number",
        series: "DL",
    };
    Append {
        workspace: WORKSPACE,
        streams: vec![StreamAppend {
            stream: Stream {
                category: "deal",
                id: stream(id),
            },
            expected: Some(0),
            events: vec![NewEvent {
                id: Uuid::from_u128(1_000 + id),
                event_type: "deal.created".into(),
                schema: 1,
                data: r#"{"title":"a"}"#.into(),
                number: Some(number),
            }],
        }],
        claims: vec![Claim {
            kind: "code",
            key: format!("key {id}"),
            stream_id: stream(id),
            act: ClaimAct::Take,
        }],
        guards: vec![],
        command: Some(CommandId {
            id: Uuid::from_u128(2_000 + id),
            request_hash: [7; 32],
        }),
        answer: String::new(),
        number_year: 2026,
        metadata: Metadata::default(),
    }
}

fn head() -> Head {
    Head {
        position: 10,
        hash: HASH_ZERO,
        recorded_at: DateTime::UNIX_EPOCH,
        epoch: 0,
        numbers: BTreeMap::from([(("DL", 2026), 41)]),
    }
}

fn facts(found: Found) -> Facts {
    Facts {
        heads: BTreeMap::from([(WORKSPACE, head())]),
        now: None,
        found: Some(found),
    }
}

fn judged(found: Found, append: Append) -> Verdict {
    let prepared = Prepared::new(append).unwrap();
    let decision = decide(&facts(found), &[&prepared], Utc::now());
    decision.verdicts.into_iter().next().unwrap().unwrap()
}

#[test]
fn an_append_is_refused_for_the_first_reason_there_is() {
    let known = |hash: u8| HashMap::from([((WORKSPACE, Uuid::from_u128(2_001)), vec![hash; 32])]);
    let elsewhere = HashMap::from([((WORKSPACE, stream(1)), 3)]);
    let taken = |owner: u128| HashMap::from([((WORKSPACE, "code", "key 1".to_owned()), stream(owner))]);
    let everything = |hash| Found {
        commands: known(hash),
        versions: elsewhere.clone(),
        owners: taken(9),
    };
    assert_eq!(judged(everything(7), append(1)), Verdict::Repeated);
    assert_eq!(judged(everything(8), append(1)), Verdict::Reused);
    let found = Found {
        commands: HashMap::new(),
        ..everything(7)
    };
    assert_eq!(judged(found, append(1)), Verdict::Elsewhere { nth: 0, actual: 3 });
    let found = |owners| Found {
        owners,
        ..Found::default()
    };
    let claimed = Verdict::Claimed {
        nth: 0,
        owner: stream(9),
    };
    assert_eq!(judged(found(taken(9)), append(1)), claimed);
    assert!(
        matches!(judged(found(taken(1)), append(1)), Verdict::Written(_)),
        "it is its own"
    );
    let mut handed_over = append(1);
    handed_over.claims.push(Claim {
        stream_id: stream(9),
        act: ClaimAct::Release,
        ..handed_over.claims[0].clone()
    });
    assert!(matches!(judged(found(taken(9)), handed_over), Verdict::Written(_)));
}

#[test]
fn guards_come_after_the_streams_and_any_version_will_do_where_none_is_named() {
    let mut guarded = append(1);
    guarded.guards = vec![Guard {
        stream_id: stream(5),
        version: 2,
    }];
    let moved = Found {
        versions: HashMap::from([((WORKSPACE, stream(5)), 4)]),
        ..Found::default()
    };
    assert_eq!(judged(moved, guarded), Verdict::Elsewhere { nth: 1, actual: 4 });
    let mut anywhere = append(1);
    anywhere.streams[0].expected = None;
    let found = Found {
        versions: HashMap::from([((WORKSPACE, stream(1)), 4)]),
        ..Found::default()
    };
    match judged(found, anywhere) {
        Verdict::Written(placed) => assert_eq!(placed.events[0].version, 5),
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_loses_leaves_no_trace() {
    let appends: Vec<Prepared> = (1..=3).map(|id| Prepared::new(append(id)).unwrap()).collect();
    let [one, two, three] = [&appends[0], &appends[1], &appends[2]];
    let second_loses = Found {
        versions: HashMap::from([((WORKSPACE, stream(2)), 1)]),
        ..Found::default()
    };
    let now = Utc::now();
    let with = decide(&facts(second_loses), &[one, two, three], now);
    let without = decide(&facts(Found::default()), &[one, three], now);
    let won = |decision: &Decision| -> Vec<Placed> {
        let verdicts = decision.verdicts.iter().flatten();
        let placed = verdicts.filter_map(|verdict| match verdict {
            Verdict::Written(placed) => Some(placed.clone()),
            _ => None,
        });
        placed.collect()
    };
    assert_eq!(won(&with), won(&without));
    assert_eq!(with.heads, without.heads);
    let numbers: Vec<_> = won(&with)
        .iter()
        .map(|placed| placed.events[0].numbered.clone())
        .collect();
    let number = |n| Some(format!(r#"{{"title":"a","number":"DL-2026-{n:04}"}}"#));
    assert_eq!(numbers, [number(42), number(43)]);
    let (was, head) = &with.heads[&WORKSPACE];
    assert_eq!((was.position, head.position), (10, 12));
    assert_eq!(head.numbers[&("DL", 2026)], 43);
}

#[test]
fn where_the_head_is_in_other_hands_nothing_is_decided() {
    let prepared = Prepared::new(append(1)).unwrap();
    let decision = decide(&Facts::default(), &[&prepared], Utc::now());
    assert!(decision.verdicts == [None] && decision.heads.is_empty());
}

/// The stream's second and third event, by appends of their own.
fn further(expected: i64, id: u128) -> Append {
    let mut further = append(1);
    further.streams[0].expected = Some(expected);
    further.streams[0].events[0].id = Uuid::from_u128(id);
    further.claims.clear();
    further.command = None;
    further
}

#[test]
fn appends_to_one_stream_build_on_each_other() {
    let appends = [append(1), further(1, 11), further(2, 12), further(2, 13)];
    let appends = appends.map(|append| Prepared::new(append).unwrap());
    let batch: Vec<&Prepared> = appends.iter().collect();
    for found in [Some(Found::default()), None] {
        let facts = Facts {
            found,
            ..facts(Found::default())
        };
        let decision = decide(&facts, &batch, Utc::now());
        let versions: Vec<_> = decision.verdicts.iter().flatten().map(version_or_loss).collect();
        assert_eq!(versions, [Ok(1), Ok(2), Ok(3), Err(3)]);
        assert_eq!(decision.heads[&WORKSPACE].1.position, 13);
    }
}

#[test]
fn with_one_that_loses_all_that_build_on_it_lose() {
    let appends = [append(1), further(1, 11), further(2, 12)].map(|append| Prepared::new(append).unwrap());
    let batch: Vec<&Prepared> = appends.iter().collect();
    let taken = Found {
        owners: HashMap::from([((WORKSPACE, "code", "key 1".to_owned()), stream(9))]),
        ..Found::default()
    };
    let decision = decide(&facts(taken), &batch, Utc::now());
    assert!(matches!(decision.verdicts[0], Some(Verdict::Claimed { .. })));
    let lost: Vec<_> = decision.verdicts[1..].iter().flatten().map(version_or_loss).collect();
    assert_eq!(lost, [Err(0), Err(0)]);
    assert!(decision.heads.is_empty());
}

/// Somebody else has brought the stream to the version that the second expects, for it was decided on what the first would have left.
#[test]
fn what_builds_on_what_is_lost_is_lost_at_whatever_version() {
    let first = Prepared::new(append(1)).unwrap();
    let promise = first.promised.promise().clone();
    let second = Prepared::new(further(1, 11)).unwrap().on(vec![promise.clone()]);
    let third = Prepared::new(further(2, 12))
        .unwrap()
        .on(vec![second.promised.promise().clone()]);
    let moved = || Found {
        versions: HashMap::from([((WORKSPACE, stream(1)), 1)]),
        ..Found::default()
    };
    let decision = decide(&facts(moved()), &[&first, &second, &third], Utc::now());
    let verdicts: Vec<_> = decision.verdicts.into_iter().flatten().collect();
    assert_eq!(
        verdicts,
        [
            Verdict::Elsewhere { nth: 0, actual: 1 },
            Verdict::Unfounded,
            Verdict::Unfounded
        ]
    );
    // In a batch of its own likewise; and where the first was written it stands.
    let alone = |moved| decide(&facts(moved), &[&second], Utc::now()).verdicts.remove(0);
    assert_eq!(alone(moved()), Some(Verdict::Unfounded));
    first.promised.keep();
    assert!(matches!(alone(moved()), Some(Verdict::Written(_))));
}

#[test]
fn a_guard_holds_for_the_moment_of_its_append() {
    let guarded = |id: u128, version: i64| {
        let mut guarded = append(id);
        guarded.guards = vec![Guard {
            stream_id: stream(1),
            version,
        }];
        guarded
    };
    let appends = [guarded(2, 0), append(1), guarded(3, 0), guarded(4, 1)].map(|append| Prepared::new(append).unwrap());
    let batch: Vec<&Prepared> = appends.iter().collect();
    let decision = decide(&facts(Found::default()), &batch, Utc::now());
    let versions: Vec<_> = decision.verdicts.iter().flatten().map(version_or_loss).collect();
    assert_eq!(versions, [Ok(1), Ok(1), Err(1), Ok(1)]);
}

/// The version that was written, or the one that was met.
fn version_or_loss(verdict: &Verdict) -> Result<i64, i64> {
    match verdict {
        Verdict::Written(placed) => Ok(placed.events[0].version),
        Verdict::Elsewhere { actual, .. } => Err(*actual),
        other => panic!("{other:?}"),
    }
}
