//! What is written is read again; what was changed anywhere is refused.

use super::*;
use crate::HASH_ZERO;
use proptest::{collection::vec, prelude::*};

/// Everything is in memory: nothing is ever waited for.
fn now<T>(future: impl Future<Output = T>) -> T {
    futures::executor::block_on(future)
}

fn header(last: i64, rows: i64) -> Header {
    Header {
        format: FORMAT.into(),
        version: VERSION,
        kind: Kind::Workspace,
        workspace: Uuid::from_u128(7),
        first: 1,
        last,
        previous: HASH_ZERO,
        rows,
    }
}

fn events(data: &[String]) -> Vec<Recorded> {
    let mut previous = HASH_ZERO;
    let event = |(position, data): (i64, &String)| {
        let mut event = Recorded {
            workspace: Uuid::from_u128(7),
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
        event.hash = crate::chain::link(&previous, &event);
        previous = event.hash;
        event
    };
    (1..).zip(data).map(event).collect()
}

fn written(events: Vec<Recorded>) -> Result<Vec<u8>, FileError> {
    now(async {
        let last = i64::try_from(events.len()).unwrap();
        let mut file = FileWriter::create(Vec::new(), header(last, 1)).await?;
        for event in events {
            file.event(event).await?;
        }
        let row = RawValue::from_string(r#"{"kind":"k","key":"x"}"#.into()).unwrap();
        let table = "claims".into();
        file.row(Row { table, row }).await?;
        Ok(file.finish().await?.1)
    })
}

fn read(bytes: &[u8]) -> Result<(Vec<Recorded>, Summary), FileError> {
    now(async {
        let mut file = FileReader::open(bytes).await?;
        let mut events = Vec::new();
        while let Some(item) = file.next().await? {
            if let Item::Event(event) = item {
                events.push(event);
            }
        }
        Ok((events, file.summary().cloned().unwrap()))
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_again_byte_for_byte(data in vec(any::<String>(), 0..6)) {
        let events = events(&data);
        let bytes = written(events.clone()).unwrap();
        let (back, summary) = read(&bytes).unwrap();
        prop_assert_eq!(back, events);
        prop_assert_eq!(summary.bytes, bytes.len() as u64);
    }

    #[test]
    fn a_byte_changed_before_the_trailer_is_noticed(data in vec(any::<String>(), 1..4), at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let mut bytes = written(events(&data)).unwrap();
        let trailer = bytes[..bytes.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap();
        bytes[at.index(trailer + 1)] ^= flip;
        prop_assert!(read(&bytes).is_err());
    }

    #[test]
    fn a_file_cut_anywhere_is_noticed(data in vec(any::<String>(), 0..4), at in any::<prop::sample::Index>()) {
        let bytes = written(events(&data)).unwrap();
        let error = read(&bytes[..at.index(bytes.len())]).unwrap_err();
        prop_assert!(matches!(error, FileError::Truncated { .. }), "{error}");
    }

    #[test]
    fn lines_left_out_swapped_or_doubled_are_noticed(data in vec(any::<String>(), 1..4), a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>()) {
        let whole = text(&written(events(&data)).unwrap());
        let lines: Vec<&str> = whole.split_inclusive('\n').collect();
        let (a, b) = (a.index(lines.len()), b.index(lines.len()));
        let mut changes = vec![lines.clone(), lines.clone()];
        changes[0].remove(a);
        changes[1].insert(b, lines[a]);
        if a != b {
            let mut swapped = lines.clone();
            swapped.swap(a, b);
            changes.push(swapped);
        }
        for change in changes {
            prop_assert!(read(change.concat().as_bytes()).is_err());
        }
    }
}

#[test]
fn each_fault_has_its_name_and_line() {
    let whole = text(&written(events(&["a".into(), "b".into()])).unwrap());
    let refused = |from: &str, to: &str| {
        assert!(whole.contains(from), "{from}");
        read(whole.replacen(from, to, 1).as_bytes()).unwrap_err().to_string()
    };
    let faults = [
        (
            refused("prometric.log", "other"),
            "line 1: not a file of Prometric's log",
        ),
        (
            refused(r#""version":1,"kind""#, r#""version":2,"kind""#),
            "line 1: format version 2; this program reads version 1",
        ),
        (
            refused(r#""first":1"#, r#""first":-1"#),
            "line 1: positions -1 to 2 are no stretch of a log",
        ),
        (
            refused(r#"{"event""#, "{\"row\":{\"table\":\"claims\",\"row\":{}}}\n{\"event\""),
            "line 3: out of order",
        ),
        (
            refused(r#""deal.created""#, r#""deal.won""#),
            "line 2: workspace 00000000-0000-0000-0000-000000000007: position 1 was changed",
        ),
        (
            refused(r#""rows":1}}"#, r#""rows":2}}"#),
            "line 5: 2 rows were promised, 1 came",
        ),
        (
            refused(r#""key":"x""#, r#""key":"y""#),
            "line 5: the bytes before it have another SHA-256 than it says",
        ),
    ];
    for (found, expected) in faults {
        assert_eq!(found, expected);
    }
    let more = read((whole.clone() + "\n").as_bytes()).unwrap_err();
    assert_eq!(more.to_string(), "line 6: more follows the trailer");
    let long = "x".repeat(LINE_BYTES_MAX + 1);
    let long = read(
        whole
            .replacen(r#""data":""#, &format!(r#""data":"{long}"#), 1)
            .as_bytes(),
    )
    .unwrap_err();
    assert_eq!(long.to_string(), format!("line 2: longer than {LINE_BYTES_MAX} bytes"));
}

#[test]
fn what_could_not_be_read_again_is_not_written() {
    let mut gap = events(&["a".into(), "b".into()]);
    gap.remove(0);
    assert!(matches!(written(gap), Err(FileError::Chain { line: 2, .. })));
    let long = events(&["\"".repeat(LINE_BYTES_MAX / 2)]);
    assert!(matches!(written(long), Err(FileError::TooLong { line: 2 })));
}
