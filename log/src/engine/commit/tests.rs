//! What is encoded is decoded again; what is no whole commit is refused, whatever it is.

use super::*;
use crate::HASH_ZERO;
use proptest::{collection::vec, prelude::*};

const WORKSPACE: Uuid = Uuid::from_u128(7);

/// A commit behind eleven positions, with an event for each text.
fn commit(data: &[String], answer: &str) -> Commit {
    let (first, mut previous) = (12, [3; 32]);
    let event = |(position, data): (i64, &String)| {
        let mut event = Recorded {
            workspace: WORKSPACE,
            position,
            category: "deal".into(),
            stream_id: Uuid::from_u128(1),
            version: position,
            event_id: Uuid::from_u128(9),
            event_type: "deal.created".into(),
            schema: 1,
            data: serde_json::json!({ "text": data }).to_string() + "\n ",
            metadata: "{}".into(),
            recorded_at: DateTime::UNIX_EPOCH,
            hash: HASH_ZERO,
        };
        event.hash = link(&previous, &event);
        previous = event.hash;
        event
    };
    let events: Vec<Recorded> = (first..).zip(data).map(event).collect();
    let last = events.last().map_or(first - 1, |event| event.position);
    Commit {
        workspace: WORKSPACE,
        number: 4,
        at: DateTime::UNIX_EPOCH,
        first,
        previous: [3; 32],
        events,
        claims: vec![
            KeyMove {
                kind: "code".into(),
                key: "a".into(),
                stream: Uuid::from_u128(1),
                taken: true,
            },
            KeyMove {
                kind: "code".into(),
                key: "b".into(),
                stream: Uuid::from_u128(2),
                taken: false,
            },
        ],
        numbers: vec![NumberMove {
            series: "DL".into(),
            year: 2026,
            last: 3,
        }],
        commands: vec![RecordedCommand {
            id: Uuid::from_u128(5),
            request_hash: [8; 32],
            first,
            last,
            answer: answer.replace('\0', ""),
        }],
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_encoded_is_decoded_again_byte_for_byte(data in vec(any::<String>(), 0..6), answer: String) {
        let commit = commit(&data, &answer);
        prop_assert_eq!(Commit::decode(&commit.encode().unwrap()).unwrap(), commit);
    }

    #[test]
    fn anything_can_be_decoded(text: String) {
        prop_assert!(Commit::decode(&text).is_err());
    }

    /// The chain covers the events; what stands beside them is held together by its form alone.
    #[test]
    fn an_event_that_was_changed_is_noticed(data in vec("[a-z]{1,8}", 1..4), nth in any::<prop::sample::Index>()) {
        let commit = commit(&data, "");
        let mut changed = commit.clone();
        let nth = nth.index(data.len());
        changed.events[nth].data = r#"{"text":"other, and longer"}"#.into();
        let is_refused = matches!(Commit::decode(&changed.encode().unwrap()), Err(CommitError::Chain { .. }));
        prop_assert!(is_refused);
        changed.events.remove(nth);
        prop_assert!(Commit::decode(&changed.encode().unwrap()).is_err());
    }

    #[test]
    fn a_commit_cut_anywhere_is_refused(data in vec("[a-z]{1,8}", 0..3), at in any::<prop::sample::Index>()) {
        let text = commit(&data, "").encode().unwrap();
        prop_assert!(Commit::decode(&text[..at.index(text.len())]).is_err());
    }
}

#[test]
fn a_commit_without_events_stands_where_the_one_before_ended() {
    let commit = commit(&[], "nothing to do");
    assert_eq!((commit.last(), commit.hash()), (11, [3; 32]));
    assert_eq!(Commit::decode(&commit.encode().unwrap()).unwrap(), commit);
}

#[test]
fn each_fault_has_its_name() {
    let whole = commit(&["a".into()], "yes").encode().unwrap();
    let refused = |from: &str, to: &str| {
        assert!(whole.contains(from), "{from}");
        Commit::decode(&whole.replacen(from, to, 1)).unwrap_err().to_string()
    };
    let version = "format version 2; this program reads version 1";
    for (from, to, told) in [
        (r#""version":1,"workspace""#, r#""version":2,"workspace""#, version),
        (
            r#""number":4"#,
            r#""number":0"#,
            "a number below 1 could not have been written",
        ),
        (
            r#""first":12,"previous""#,
            r#""first":13,"previous""#,
            "position 13 does not follow what is before it",
        ),
        (
            r#""key":"b""#,
            r#""key":"a""#,
            "a key twice could not have been written",
        ),
        (
            r#""year":2026,"last":3"#,
            r#""year":2026,"last":0"#,
            "a number below 1 could not have been written",
        ),
        (
            r#""first":12,"last":12"#,
            r#""first":12,"last":13"#,
            "a command elsewhere could not have been written",
        ),
        (
            r#""answer":"yes""#,
            r#""answer":"\u0000""#,
            "a text with NUL could not have been written",
        ),
        (
            r#""answer":"yes""#,
            r#""answer":"yes","more":1"#,
            "not a commit of this format",
        ),
        (
            "prometric.commit",
            "other",
            "format version 1; this program reads version 1",
        ),
    ] {
        assert_eq!(refused(from, to), told, "{from}");
    }
}

#[test]
fn what_no_engine_takes_is_not_encoded() {
    let long = "x".repeat(COMMIT_BYTES_MAX);
    let encoded = commit(&[long], "").encode();
    assert!(matches!(encoded, Err(CommitError::TooLong { .. })));
}
