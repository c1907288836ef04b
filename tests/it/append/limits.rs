//! What an append may hold: whoever asks for more hears what is too much, and those beside them hear nothing of it.

use super::{Asking, at_once, event, id, in_one_batch, to, whole};
use log::{Append, AppendError, Claim, ClaimAct};
use prometric_tests::Database;
use uuid::Uuid;

/// Texts that PostgreSQL would not take, or an index not hold, and more of everything than there may be.
fn hopeless(workspace: Uuid) -> Vec<(&'static str, Append)> {
    let one = || to(workspace).stream(1, 0, 1).command(1, 1);
    let with = |change: &dyn Fn(&mut Append)| {
        let mut append = one();
        change(&mut append);
        append
    };
    let many = |n: usize| vec![event("{}"); n];
    let data = |bytes: usize| format!("{{\"text\":\"{}\"}}", "x".repeat(bytes - 11));
    let with_data = |text: &str| with(&|append| append.streams[0].events[0].data = text.to_owned());
    vec![
        (
            "events per append exceeds 10000",
            with(&|append| append.streams[0].events = many(10_001)),
        ),
        ("bytes per event exceeds 1000000", with_data(&data(1_000_001))),
        (
            "bytes per append exceeds 32000000",
            with(&|append| append.streams[0].events = vec![event(&data(1_000_000)); 33]),
        ),
        (
            "streams per append exceeds 10000",
            (0..10_001).fold(one(), |append, stream| append.stream(100 + stream, 0, 0)),
        ),
        (
            "guards per append exceeds 10000",
            (0..10_001).fold(one(), |append, stream| append.guard(100 + stream, 0)),
        ),
        (
            "claims per append exceeds 10000",
            (0..10_001).fold(one(), |append, key| append.takes(1, &key.to_string())),
        ),
        ("bytes of a claim's key exceeds 1000", one().takes(1, &"ж".repeat(501))),
        (
            "bytes of the answer exceeds 100000",
            with(&|append| append.answer = "x".repeat(100_001)),
        ),
        (
            "bytes of an event's type exceeds 200",
            with(&|append| append.streams[0].events[0].event_type = "x".repeat(201)),
        ),
        (
            "a text holds NUL, which PostgreSQL cannot store",
            one().takes(1, "a\0b"),
        ),
        (
            "a text holds NUL, which PostgreSQL cannot store",
            with(&|append| append.answer = "\0".into()),
        ),
        (
            "a text holds NUL, which PostgreSQL cannot store",
            with(&|append| append.streams[0].events[0].event_type = "a\0".into()),
        ),
        ("a stream stands twice", one().stream(2, 0, 1).stream(1, 1, 1)),
        ("two streams take the same key", one().takes(1, "a").takes(2, "a")),
        (
            "an event that gets a number is not a JSON object",
            with(&|append| {
                *append = one().numbered(2, 0, "DL", 1);
                append.streams[1].events[0].data = "[1]".into();
            }),
        ),
    ]
}

#[tokio::test]
async fn too_much_is_told_to_whoever_asked_for_it_and_harms_nobody() {
    let database = Database::create().await;
    let (log, pool, workspace) = (database.log().await, database.pool().await, Uuid::now_v7());
    let (reasons, mut asked): (Vec<_>, Vec<_>) = hopeless(workspace).into_iter().unzip();
    let good = |stream| to(workspace).stream(stream, 0, 1);
    asked.insert(0, good(1001));
    asked.push(good(1002));
    let mut answers = at_once(&log, asked).await;
    let (last, first) = (answers.pop().unwrap().unwrap(), answers.remove(0).unwrap());
    assert_eq!((first.position, last.position), (1, 2));
    assert_eq!(first.events[0].recorded_at, last.events[0].recorded_at, "one batch");
    for (reason, answer) in reasons.into_iter().zip(answers) {
        let error = answer.unwrap_err();
        assert_eq!(error.to_string(), reason);
        assert!(matches!(error, AppendError::Limit { .. } | AppendError::Malformed(_)));
    }
    // Neither the stream nor the command id is used up.
    let written = log.append(good(1).command(1, 1)).await.unwrap();
    assert_eq!((written.position, written.repeated), (3, None));
    whole(&log, &pool, workspace).await;
}

/// What cannot be seen beforehand the database refuses; then those beside it are asked for one by one.
#[tokio::test]
async fn what_only_the_database_refuses_harms_nobody_either() {
    let database = Database::create().await;
    let (log, pool, workspace) = (database.log().await, database.pool().await, Uuid::now_v7());
    let mut spoilt = to(workspace).stream(1, 0, 1).takes(1, "a");
    spoilt.streams[0].events[0].data = "{no json".into();
    let good = |stream| {
        to(workspace)
            .numbered(stream, 0, "DL", 1)
            .takes(stream, &stream.to_string())
    };
    let answers = at_once(&log, [good(2), spoilt, good(3)]).await;
    let written: Vec<_> = answers
        .iter()
        .map(|answer| answer.as_ref().ok().map(|appended| appended.position))
        .collect();
    assert_eq!(written, [Some(1), None, Some(2)], "{answers:?}");
    assert_eq!(whole(&log, &pool, workspace).await.len(), 2);
}

#[tokio::test]
async fn as_much_as_is_allowed_is_written() {
    let database = Database::create().await;
    let (log, pool, workspace) = (database.log().await, database.pool().await, Uuid::now_v7());
    let mut largest = to(workspace).stream(1, 0, 1);
    largest.streams[0].events[0].data = format!("{{\"text\":\"{}\"}}", "x".repeat(1_000_000 - 11));
    largest.streams[0].events[0].event_type = "t".repeat(200);
    largest.answer = "a".repeat(100_000);
    largest.claims.push(Claim {
        kind: super::KIND,
        // Nothing that an index could compress.
        key: (0..1000).map(|n: u32| char::from(33 + (n.pow(3) % 89) as u8)).collect(),
        stream_id: id(1),
        act: ClaimAct::Take,
    });
    let most = to(workspace).numbered(2, 0, "DL", 10_000);
    let answers = in_one_batch(&log, &pool, vec![largest]).await;
    assert_eq!(answers[0].as_ref().unwrap().position, 1);
    let answers = in_one_batch(&log, &pool, vec![most]).await;
    assert_eq!(answers[0].as_ref().unwrap().position, 10_001);
    assert_eq!(whole(&log, &pool, workspace).await.len(), 10_001);
}

/// All of the limits at once: as many events as there may be, as large as they may be together.
#[tokio::test]
async fn the_most_events_of_the_most_bytes_find_room() {
    let database = Database::create().await;
    let (log, workspace) = (database.log().await, Uuid::now_v7());
    let mut append = to(workspace).stream(1, 0, 10_000);
    for event in &mut append.streams[0].events {
        event.data = format!("{{\"text\":\"{}\"}}", "x".repeat(3_200 - 11));
    }
    let appended = log.append(append).await;
    assert_eq!(
        appended
            .map(|appended| appended.position)
            .map_err(|error| error.to_string()),
        Ok(10_000)
    );
}
