//! The oracle can fail: a sound past passes, and each flaw put into it is found by its name.

use super::{Flaw, examine};
use crate::torture::{
    history::{Answer, History, Kept, Operation, Reading, Refusal, Sight, mark},
    op::{KIND, Op, OpClaim, OpCommand, OpGuard, OpStream, SERIES, YEAR},
    readers::CONSUMERS,
    store::{CommandRow, Store},
};
use log::Recorded;
use std::{collections::BTreeSet, time::Duration};
use uuid::Uuid;

const WORKSPACE: Uuid = Uuid::from_u128(1);
/// Two streams of the workspace.
const ONE: Uuid = Uuid::from_u128(11);
const TWO: Uuid = Uuid::from_u128(12);
const KEY: &str = "key";
const POLLER: &str = "poller";

/// A past that grows as a sound log would let it.
struct Past {
    history: History,
    store: Store,
    operations: u128,
}

impl Past {
    /// Three numbered events in two streams by three operations, a claim taken and passed on, a command and its
    /// repeat, a refusal, an outcome that nobody knows, and a reader of each kind.
    fn sound() -> Self {
        let mut past = Self {
            history: History::default(),
            store: Store::default(),
            operations: 0,
        };
        let reading = Reading {
            node: "0.0".to_owned(),
            workspace: WORKSPACE,
            after: 0,
            seen: vec![],
            live: true,
        };
        past.history.readings.insert(POLLER.to_owned(), reading);
        let take = past.op(ONE, Some(0), vec![claim(ONE, true)]);
        past.write(take);
        let pass = past.op(TWO, Some(0), vec![claim(ONE, false), claim(TWO, true)]);
        past.write(Op {
            guards: vec![OpGuard {
                stream: ONE,
                version: 1,
            }],
            ..pass
        });
        let ordered = past.op(ONE, Some(1), vec![]);
        past.write(Op {
            command: Some(OpCommand {
                id: Uuid::from_u128(9),
                request: 7,
            }),
            ..ordered
        });
        past.repeat();
        let stale = past.op(ONE, Some(1), vec![]);
        let refusal = Refusal::Version {
            stream: ONE,
            expected: 1,
            actual: 2,
        };
        past.answer(stale, Answer::Refused(refusal));
        let first = mark(&past.events()[0].hash);
        past.see(25, 1, first);
        let lost = past.op(TWO, None, vec![]);
        past.answer(lost, Answer::Unknown("the answer was lost".to_owned()));
        past
    }

    fn op(&mut self, stream: Uuid, expected: Option<i64>, claims: Vec<OpClaim>) -> Op {
        self.operations += 1;
        Op {
            id: Uuid::from_u128(self.operations << 64),
            workspace: WORKSPACE,
            streams: vec![OpStream {
                id: stream,
                expected,
                events: vec![Some(0)],
            }],
            claims,
            guards: vec![],
            command: None,
        }
    }

    /// Answered a moment after it was asked, and everything before it a moment earlier.
    fn answer(&mut self, op: Op, answer: Answer) {
        let invoked = 10 * u64::try_from(self.operations).unwrap();
        let operation = Operation {
            node: "0.0".to_owned(),
            invoked,
            answer: Some((invoked + 1, answer)),
            op,
        };
        self.history.operations.insert(operation.op.id, operation);
    }

    /// Writes its one event, and all that goes with it.
    fn write(&mut self, op: Op) {
        let event = self.record(&op);
        for claim in &op.claims {
            let key = (WORKSPACE, KIND.to_owned(), claim.key.clone());
            self.store.claims.retain(|held, _| *held != key);
            self.store.claims.extend(claim.take.then_some((key, claim.stream)));
        }
        if let Some(command) = op.command {
            let row = CommandRow {
                request_hash: vec![command.request; 32],
                first: event.position,
                last: event.position,
                answer: op.id.to_string(),
            };
            self.store.commands.insert((WORKSPACE, command.id), row);
        }
        let answer = Answer::Written {
            position: event.position,
            events: vec![Kept::from(&event)],
        };
        self.answer(op, answer);
    }

    fn record(&mut self, op: &Op) -> Recorded {
        let (stream_id, series, mut tag) = op.event(0).unwrap();
        let book = self.store.books.entry(WORKSPACE).or_default();
        let position = book.head.0 + 1;
        tag.number = format!("{}-{YEAR}-{position:04}", SERIES[series.unwrap()]);
        let event = Recorded {
            workspace: WORKSPACE,
            position,
            category: "torture".to_owned(),
            stream_id,
            version: 1 + book.events.iter().filter(|event| event.stream_id == stream_id).count() as i64,
            event_id: op.event_id(0),
            event_type: "torture.happened".to_owned(),
            schema: 1,
            data: serde_json::to_string(&tag).unwrap(),
            metadata: "{}".to_owned(),
            recorded_at: std::time::UNIX_EPOCH.into(),
            hash: [u8::try_from(position).unwrap(); 32],
        };
        book.events.push(event.clone());
        (book.head, book.verified) = ((position, event.hash), (position, event.hash));
        self.store.events += 1;
        self.store
            .numbers
            .insert((WORKSPACE, SERIES[0].to_owned(), YEAR), position);
        for consumer in CONSUMERS {
            let seen = self.store.seen.entry((consumer.to_owned(), WORKSPACE)).or_default();
            seen.push((position, event.hash));
        }
        self.poller().seen.push((position, mark(&event.hash)));
        event
    }

    /// The last operation again, answered as it should be.
    fn repeat(&mut self) {
        let first = self
            .history
            .operations
            .values()
            .max_by_key(|operation| operation.invoked)
            .unwrap();
        let (op, Some((_, Answer::Written { position, events }))) = (first.op.clone(), first.answer.clone()) else {
            panic!("nothing to repeat");
        };
        let again = Op {
            id: self.op(ONE, None, vec![]).id,
            ..op.clone()
        };
        let told = op.id.to_string();
        self.answer(again, Answer::Repeated { position, events, told });
    }

    /// Somebody looks at the first stream then.
    fn see(&mut self, at: u64, version: i64, mark: u64) {
        self.history.sights.push(Sight {
            asked: at,
            answered: at + 1,
            workspace: WORKSPACE,
            stream: ONE,
            version,
            mark: Some(mark),
        });
    }

    fn poller(&mut self) -> &mut Reading {
        self.history.readings.get_mut(POLLER).unwrap()
    }

    fn events(&mut self) -> &mut Vec<Recorded> {
        &mut self.store.books.get_mut(&WORKSPACE).unwrap().events
    }

    fn operation(&mut self, nth: u128) -> &mut Operation {
        self.history.operations.get_mut(&Uuid::from_u128(nth << 64)).unwrap()
    }

    /// The operation whose answer nobody knows is there after all.
    fn surface(&mut self) {
        let op = self.operation(6).op.clone();
        self.record(&op);
    }

    fn flaws(&self) -> BTreeSet<Flaw> {
        let findings = examine(&self.history, &self.store);
        findings.into_iter().map(|finding| finding.flaw).collect()
    }
}

fn claim(stream: Uuid, take: bool) -> OpClaim {
    OpClaim {
        key: KEY.to_owned(),
        stream,
        take,
    }
}

#[test]
fn a_sound_past_passes_whether_the_unknown_happened_or_not() {
    let mut past = Past::sound();
    assert_eq!(past.flaws(), BTreeSet::new());
    past.surface();
    assert_eq!(past.flaws(), BTreeSet::new());
}

/// What is done to a sound past, and the flaw that it then has to have.
type Case = (&'static str, Flaw, fn(&mut Past));

#[track_caller]
fn all_found(cases: &[Case]) {
    for (what, flaw, spoil) in cases {
        let mut past = Past::sound();
        spoil(&mut past);
        let flaws = past.flaws();
        assert!(flaws.contains(flaw), "{what}: {flaws:?}");
    }
}

#[test]
fn a_flaw_of_an_append_is_found() {
    all_found(&[
        ("an acknowledged append is lost", Flaw::Lost, |past| {
            past.events().remove(1);
        }),
        (
            "the last acknowledged append is lost with its traces",
            Flaw::Lost,
            |past| {
                past.events().pop();
                past.store.books.get_mut(&WORKSPACE).unwrap().head.0 = 2;
            },
        ),
        ("an append is there twice", Flaw::Doubled, |past| {
            let op = past.operation(1).op.clone();
            past.record(&op);
        }),
        ("an unknown append is there twice", Flaw::Doubled, |past| {
            past.surface();
            past.surface();
        }),
        ("a refused append is there", Flaw::Ghost, |past| {
            let op = past.operation(5).op.clone();
            past.record(&op);
        }),
        ("an append that was not possible is there", Flaw::Ghost, |past| {
            past.surface();
            past.operation(6).answer = Some((61, Answer::Unavailable("away".to_owned())));
        }),
        ("half an append is there", Flaw::Torn, |past| {
            past.operation(1).op.streams[0].events.push(None);
        }),
        ("the data is not what was asked for", Flaw::Altered, |past| {
            past.operation(1).op.streams[0].expected = None;
        }),
        ("the hash is not the acknowledged one", Flaw::Altered, |past| {
            past.events()[0].hash[0] ^= 1
        }),
        ("nobody asked for an event", Flaw::Stranger, |past| {
            past.history.operations.remove(&Uuid::from_u128(3 << 64));
        }),
        ("there is a workspace that nobody knows", Flaw::Stranger, |past| {
            past.store.events += 1
        }),
        ("a refusal names a version that never was", Flaw::Refusal, |past| {
            let refusal = Refusal::Version {
                stream: ONE,
                expected: 1,
                actual: 7,
            };
            past.operation(5).answer = Some((51, Answer::Refused(refusal)));
        }),
        ("a refusal names an owner that never was", Flaw::Refusal, |past| {
            let op = past.operation(5);
            op.op.claims.push(claim(ONE, true));
            let (key, owner) = (KEY.to_owned(), Uuid::from_u128(99));
            op.answer = Some((51, Answer::Refused(Refusal::Claimed { key, owner })));
        }),
        (
            "an append stands before one acknowledged before it was asked for",
            Flaw::Order,
            |past| {
                past.operation(1).invoked = 25;
            },
        ),
    ]);
}

#[test]
fn a_flaw_of_the_log_is_found() {
    all_found(&[
        ("a position is left out", Flaw::Gap, |past| {
            past.events()[2].position = 4
        }),
        ("a version is left out", Flaw::Version, |past| {
            past.events()[2].version = 3
        }),
        ("time runs backwards", Flaw::Clock, |past| {
            past.events()[0].recorded_at += Duration::from_secs(1);
        }),
        ("an event has the time of a clock that is wrong", Flaw::Clock, |past| {
            past.events()[2].recorded_at += Duration::from_secs(60);
        }),
        ("the chain is broken", Flaw::Chain, |past| {
            past.store.books.get_mut(&WORKSPACE).unwrap().flaw = Some("changed".to_owned());
        }),
        ("the head is elsewhere", Flaw::Head, |past| {
            past.store.books.get_mut(&WORKSPACE).unwrap().head.1[0] ^= 1;
        }),
        (
            "an append was written at another version than expected",
            Flaw::Expected,
            |past| {
                past.operation(3).op.streams[0].expected = Some(0);
            },
        ),
        ("a guarded stream had moved", Flaw::Guard, |past| {
            past.operation(2).op.guards[0].version = 0;
        }),
        ("a key has two owners", Flaw::Claim, |past| {
            past.operation(2).op.claims.remove(0);
        }),
        ("a key is given back by somebody else", Flaw::Claim, |past| {
            past.operation(3).op.claims.push(claim(ONE, false));
        }),
        ("the table of claims forgot one", Flaw::Claim, |past| {
            past.store.claims.clear()
        }),
        ("a number is left out", Flaw::Number, |past| renumber(past, 2, 4)),
        ("a number is given twice", Flaw::Number, |past| renumber(past, 1, 1)),
        ("the table of numbers is behind", Flaw::Number, |past| {
            past.store.numbers.values_mut().for_each(|last| *last -= 1);
        }),
    ]);
}

fn renumber(past: &mut Past, nth: usize, number: i64) {
    let event = &mut past.events()[nth];
    event.data = event
        .data
        .replace(&format!("-{:04}", event.position), &format!("-{number:04}"));
}

#[test]
fn a_flaw_of_a_command_is_found() {
    all_found(&[
        ("a command was carried out twice", Flaw::Command, |past| {
            past.surface();
            past.operation(6).op.command = past.operation(3).op.command;
        }),
        ("a command left no row", Flaw::Command, |past| {
            past.store.commands.clear()
        }),
        ("a row tells of other positions", Flaw::Command, |past| {
            past.store.commands.values_mut().for_each(|row| row.first -= 1);
        }),
        ("a row that nobody asked for", Flaw::Command, |past| {
            let row = past.store.commands.values().next().unwrap().clone();
            past.store.commands.insert((WORKSPACE, Uuid::from_u128(77)), row);
        }),
        ("a repeat was told of other events", Flaw::Command, |past| {
            if let Some((_, Answer::Repeated { events, .. })) = &mut past.operation(4).answer {
                events.clear();
            }
        }),
        ("a repeat with another request was answered", Flaw::Command, |past| {
            past.operation(4).op.command.as_mut().unwrap().request += 1;
        }),
        ("a command was called used that was not", Flaw::Refusal, |past| {
            past.operation(4).answer = Some((41, Answer::Refused(Refusal::CommandReused)));
        }),
    ]);
}

#[test]
fn a_command_that_was_swept_may_be_gone_and_carried_out_anew() {
    let mut past = Past::sound();
    past.history.sweeps.push((5, 70));
    past.store.commands.clear();
    assert_eq!(past.flaws(), BTreeSet::new());
    past.history.sweeps[0] = (45, 70);
    assert_eq!(past.flaws(), BTreeSet::from([Flaw::Command]), "it was not that old");
}

#[test]
fn a_flaw_of_what_was_seen_of_a_stream_is_found() {
    all_found(&[
        ("nothing was seen where something was", Flaw::Sight, |past| {
            past.see(15, 0, 0);
        }),
        ("what nobody had asked for yet was seen", Flaw::Sight, |past| {
            let second = mark(&past.events()[2].hash);
            past.see(25, 2, second);
        }),
        ("what was there before was seen again", Flaw::Sight, |past| {
            let first = mark(&past.events()[0].hash);
            past.see(35, 1, first);
        }),
        ("another event was seen", Flaw::Sight, |past| past.see(25, 1, 77)),
        ("an event was seen that is not there", Flaw::Sight, |past| {
            past.see(60, 3, 77)
        }),
        ("who was refused was told of an old version", Flaw::Sight, |past| {
            let refusal = Refusal::Version {
                stream: ONE,
                expected: 1,
                actual: 0,
            };
            past.operation(5).answer = Some((51, Answer::Refused(refusal)));
        }),
    ]);
}

#[test]
fn a_flaw_of_a_reader_is_found() {
    all_found(&[
        ("a poller left one out", Flaw::Skipped, |past| {
            past.poller().seen.remove(1);
        }),
        ("a poller left the first out", Flaw::Skipped, |past| {
            past.poller().seen.remove(0);
        }),
        ("a poller saw one twice", Flaw::Reread, |past| {
            let first = past.poller().seen[0];
            past.poller().seen.insert(1, first);
        }),
        ("a poller saw two in the wrong order", Flaw::Reread, |past| {
            past.poller().seen.swap(0, 1)
        }),
        ("a poller saw another event", Flaw::Misread, |past| {
            past.poller().seen[1].1 ^= 1
        }),
        ("a poller saw an event that is gone", Flaw::Misread, |past| {
            past.poller().seen.push((4, 4))
        }),
        ("a poller stands still", Flaw::Behind, |past| {
            past.poller().seen.pop();
        }),
        ("a follower left one out", Flaw::Skipped, |past| {
            past.store
                .seen
                .values_mut()
                .for_each(|seen| seen.retain(|(position, _)| *position != 2));
        }),
        ("a follower wrote one down twice", Flaw::Reread, |past| {
            past.store.seen.values_mut().for_each(|seen| seen.push(seen[2]));
        }),
        ("a follower stands still", Flaw::Behind, |past| {
            past.store.seen.values_mut().for_each(|seen| seen.truncate(2));
        }),
        ("a follower never began", Flaw::Behind, |past| past.store.seen.clear()),
        ("a node complains", Flaw::Broken, |past| {
            past.history.broken.push("a hole".to_owned())
        }),
    ]);
}

#[test]
fn a_reader_that_left_need_not_have_reached_the_end() {
    let mut past = Past::sound();
    past.poller().seen.pop();
    past.poller().live = false;
    assert_eq!(past.flaws(), BTreeSet::new());
}
