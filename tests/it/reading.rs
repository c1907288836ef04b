//! Every way to read the log gives the same events, in order, once; a log that is not whole is read by none of them.

mod holes;
mod snapshots;

use futures::{StreamExt, TryStreamExt};
use log::{Append, Log, NewEvent, Recorded, Stream, StreamAppend, Verifier};
use prometric_tests::{Database, append_to, eventually};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A page is cut at 16 MiB, but holds at least one event.
const PAGE_BYTES: usize = (16 << 20) + 1_000_000;

/// Events of one stream, all of one size and of the types `a.0`, `a.1`, … in turn.
pub async fn write(log: &Log, workspace: Uuid, stream_id: Uuid, count: usize, bytes: usize, types: usize) {
    let event = |n: usize| NewEvent {
        id: Uuid::now_v7(),
        event_type: format!("a.{}", n % types),
        schema: 1,
        // With what a parser would normalise away: the text must come back as it is.
        data: format!(
            r#"{{"n" : {n}, "é":"\u00e9", "x":1.0e0, "fill":"{}"}}"#,
            "x".repeat(bytes)
        ),
        number: None,
    };
    let stream = StreamAppend {
        stream: Stream {
            category: "shelf",
            id: stream_id,
        },
        expected: None,
        events: (0..count).map(event).collect(),
    };
    let append = Append {
        streams: vec![stream],
        ..append_to(workspace)
    };
    log.append(append).await.unwrap();
}

/// Small events, then large ones all at once, then small ones: 3,640 in all, of two streams.
async fn fill(log: &Log, workspace: Uuid, streams: [Uuid; 2]) {
    for _ in 0..3 {
        write(log, workspace, streams[0], 1_000, 20, 10).await;
        write(log, workspace, streams[1], 100, 20, 1).await;
    }
    for _ in 0..5 {
        write(log, workspace, streams[0], 8, 900_000, 2).await;
    }
    write(log, workspace, streams[0], 300, 20, 10).await;
}

async fn all(log: &Log, workspace: Uuid) -> Vec<Recorded> {
    log.replay(workspace, 0).try_collect().await.unwrap()
}

/// Without their texts, so that a failure can be read.
fn places(events: &[Recorded]) -> Vec<(i64, Uuid, i64, Uuid)> {
    let place = |e: &Recorded| (e.position, e.stream_id, e.version, e.event_id);
    events.iter().map(place).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_read_gives_the_same() {
    let database = Database::create().await;
    let log = database.log().await;
    let (workspace, streams) = (Uuid::now_v7(), [Uuid::now_v7(), Uuid::now_v7()]);
    fill(&log, workspace, streams).await;

    let whole = all(&log, workspace).await;
    let mut verifier = Verifier::default();
    whole.iter().for_each(|event| verifier.next(event).unwrap());
    assert_eq!(verifier.head().0, 3_640, "each once, in order, byte for byte as hashed");
    assert_eq!(log.head(workspace).await.unwrap(), 3_640);

    let mut read = Vec::new();
    for after in (0..3_640).step_by(700) {
        read.extend(log.read(workspace, after, 700).await.unwrap());
    }
    assert_eq!(places(&read), places(&whole));

    let from: Vec<Recorded> = log.replay(workspace, 3_000).try_collect().await.unwrap();
    assert_eq!(places(&from), places(&whole[3_000..]));
    let beyond: Vec<Recorded> = log.replay(workspace, 9_000).try_collect().await.unwrap();
    assert_eq!(beyond, [], "there is nothing after the head");

    for stream in streams {
        let of_it: Vec<Recorded> = whole
            .iter()
            .filter(|event| event.stream_id == stream)
            .cloned()
            .collect();
        let read = log.read_stream(workspace, stream, 0).await.unwrap();
        assert_eq!(places(&read), places(&of_it));
        let paged: Vec<Recorded> = log.replay_stream(workspace, stream, 250).try_collect().await.unwrap();
        assert_eq!(places(&paged), places(&of_it[250..]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn backwards_is_forwards_reversed() {
    let database = Database::create().await;
    let log = database.log().await;
    let (workspace, streams) = (Uuid::now_v7(), [Uuid::now_v7(), Uuid::now_v7()]);
    for _ in 0..3 {
        write(&log, workspace, streams[0], 100, 20, 1).await;
        write(&log, workspace, streams[1], 7, 20, 1).await;
    }
    let mut whole = all(&log, workspace).await;
    whole.reverse();

    assert_eq!(
        places(&log.latest(workspace, None, 5).await.unwrap()),
        places(&whole[..5])
    );
    let (mut pages, mut before) = (Vec::new(), None);
    loop {
        let page = log.latest(workspace, before, 50).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.position);
        pages.extend(page);
    }
    assert_eq!(places(&pages), places(&whole));
    assert_eq!(
        places(&log.latest(workspace, Some(9_999), 1).await.unwrap()),
        places(&whole[..1])
    );
    assert_eq!(log.latest(workspace, None, 0).await.unwrap(), []);
    assert_eq!(log.latest(Uuid::now_v7(), None, 5).await.unwrap(), []);

    let of_it: Vec<Recorded> = whole
        .into_iter()
        .filter(|event| event.stream_id == streams[1])
        .collect();
    let latest = log.latest_of_stream(workspace, streams[1], None, 9).await.unwrap();
    assert_eq!(places(&latest), places(&of_it[..9]));
    let before = log.latest_of_stream(workspace, streams[1], Some(13), 99).await.unwrap();
    assert_eq!(places(&before), places(&of_it[9..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn by_type_a_reader_passes_long_stretches_in_bounded_pages() {
    let database = Database::create().await;
    let log = database.log().await;
    let (workspace, streams) = (Uuid::now_v7(), [Uuid::now_v7(), Uuid::now_v7()]);
    fill(&log, workspace, streams).await;
    let whole = all(&log, workspace).await;

    let (mut found, mut after) = (Vec::new(), 0);
    loop {
        let scan = log.read_types(workspace, after, &["a.3", "a.7"]).await.unwrap();
        assert!(scan.events.iter().all(|event| event.position <= scan.scanned_to));
        found.extend(scan.events);
        assert!(scan.scanned_to > after || scan.caught_up, "it goes on");
        after = scan.scanned_to;
        if scan.caught_up {
            break;
        }
    }
    assert_eq!(after, 3_640);
    let expected: Vec<Recorded> = whole
        .iter()
        .filter(|e| ["a.3", "a.7"].contains(&e.event_type.as_str()))
        .cloned()
        .collect();
    assert_eq!(places(&found), places(&expected));

    let nothing = log.read_types(workspace, 0, &["b"]).await.unwrap();
    assert!(
        nothing.events.is_empty() && nothing.scanned_to > 0,
        "the place moves on without a match"
    );
    let stretch: Vec<_> = log.replay_types(workspace, 0, &["b"]).try_collect().await.unwrap();
    assert_eq!(
        stretch.last().map(|scan| (scan.scanned_to, scan.caught_up)),
        Some((3_640, true))
    );

    // 36 MB of large events follow small ones: whatever was guessed from those, no page is larger than its limit.
    let every: Vec<String> = (0..10).map(|n| format!("a.{n}")).collect();
    let every: Vec<&str> = every.iter().map(String::as_str).collect();
    let pages: Vec<_> = log.replay_types(workspace, 0, &every).try_collect().await.unwrap();
    for page in &pages {
        let bytes: usize = page
            .events
            .iter()
            .map(|event| event.data.len() + event.metadata.len())
            .sum();
        assert!(bytes <= PAGE_BYTES, "{bytes} in one page");
    }
    let found: Vec<Recorded> = pages.into_iter().flat_map(|page| page.events).collect();
    assert_eq!(places(&found), places(&whole));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_workspaces_take_turns() {
    let database = Database::create().await;
    let log = database.log().await;
    let workspaces: Vec<Uuid> = (0..6).map(|_| Uuid::now_v7()).collect();
    write(&log, workspaces[0], Uuid::now_v7(), 3_000, 20, 1).await;
    for workspace in &workspaces[1..5] {
        write(&log, *workspace, Uuid::now_v7(), 40, 20, 1).await;
    }
    let from = workspaces.iter().map(|workspace| (*workspace, 0)).collect();
    let read: Vec<Recorded> = log.replay_many(from).try_collect().await.unwrap();

    let mut reached: BTreeMap<Uuid, i64> = BTreeMap::new();
    for event in &read {
        let position = reached.entry(event.workspace).or_default();
        *position += 1;
        assert_eq!(event.position, *position, "each in order, without a hole");
    }
    let expected = (0..5)
        .map(|n| (workspaces[n], if n == 0 { 3_000 } else { 40 }))
        .collect();
    assert_eq!(reached, expected, "all of each; one of them is empty");
    let last_of_small = read.iter().rposition(|event| event.workspace != workspaces[0]).unwrap();
    assert!(
        last_of_small < 1_000,
        "the long one does not hold up the others: {last_of_small}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_stops_or_is_dropped_holds_no_connection() {
    let database = Database::create().await;
    let pool = database.pool().await;
    let log = Log::open(database.url.parse().unwrap(), pool.clone()).await.unwrap();
    let workspace = Uuid::now_v7();
    write(&log, workspace, Uuid::now_v7(), 5_000, 20, 1).await;

    // Ten times as many readers as connections, each in the middle of its reading.
    let mut readers = Vec::new();
    for _ in 0..40 {
        let mut reader = Box::pin(log.replay(workspace, 0));
        assert_eq!(reader.next().await.unwrap().unwrap().position, 1);
        readers.push(reader);
    }
    assert_eq!(
        log.read(workspace, 4_999, 10).await.unwrap().len(),
        1,
        "others can read"
    );
    let mut last = readers.pop().unwrap();
    drop(readers);
    let mut position = 1;
    while let Some(event) = last.next().await {
        position += 1;
        assert_eq!(
            event.unwrap().position,
            position,
            "and the one that goes on misses nothing"
        );
    }
    assert_eq!(position, 5_000);

    for _ in 0..40 {
        let mut reader = Box::pin(log.replay(workspace, 0));
        reader.next().await.unwrap().unwrap();
    }
    eventually("nobody reads for them", || async {
        let active = "select count(*) from pg_stat_activity where datname = current_database() and state <> 'idle' and pid <> pg_backend_pid()";
        let active: i64 = sqlx::query_scalar(active).fetch_one(&pool).await.unwrap();
        (active == 0).then_some(())
    })
    .await;
    // The listener for other nodes has one of the four.
    let lent = futures::future::join_all((0..3).map(|_| pool.acquire())).await;
    assert!(lent.iter().all(Result::is_ok), "every connection is there to be had");
}
