//! What no client would send: it is told so by a clear code, costs no memory, and writes nothing.

use super::Company;
use prometric_tests::{
    Server, eventually, free_port, process,
    wire::{Wire, field, frame, number},
};
use uuid::Uuid;

const READ: &str = "streams.Streams/Read";
const APPEND: &str = "streams.Streams/Append";
const BATCH: &str = "streams.Streams/BatchAppend";
/// Codes of gRPC.
const OK: i32 = 0;
const INVALID_ARGUMENT: i32 = 3;
const PERMISSION_DENIED: i32 = 7;
const RESOURCE_EXHAUSTED: i32 = 8;
const OUT_OF_RANGE: i32 = 11;
const UNIMPLEMENTED: i32 = 12;
const INTERNAL: i32 = 13;
const UNAUTHENTICATED: i32 = 16;
/// What the server may grow by, whatever is sent; and while it waits for a hundred messages of 4 MB that were promised, for which a
/// system may set aside more than is used.
const LITTLE_MB: u64 = 64;
const PROMISED_MB: u64 = 400;
/// An event that is let through, in bytes: sixteen of them are nearly all that may come in at once.
const HEAVY: usize = 3_900_000;

/// A subscription to `$all`, with this filter.
fn following(filter: &[u8]) -> Vec<u8> {
    let options = [field(2, &field(2, &[])), field(6, &[]), field(7, filter)].concat();
    field(1, &options)
}

/// A filter by the types of events.
fn by_type(expression: &str, prefixes: usize) -> Vec<u8> {
    let prefixes = field(2, &[]).repeat(prefixes);
    let expression = [field(1, expression.as_bytes()), prefixes].concat();
    [field(2, &expression), field(4, &[])].concat()
}

/// Two events of a stream.
fn reading(stream: &str) -> Vec<u8> {
    let stream = [field(1, &field(3, stream.as_bytes())), field(3, &[])].concat();
    field(1, &[field(1, &stream), number(5, 2), field(8, &[])].concat())
}

/// The head of an append to a stream that is not there yet.
fn appending(stream: &str) -> Vec<u8> {
    field(1, &[field(1, &field(3, stream.as_bytes())), field(3, &[])].concat())
}

/// An event.
fn event(kind: &str, id: Option<Uuid>) -> Vec<u8> {
    let id = id
        .map(|id| field(1, &field(2, id.to_string().as_bytes())))
        .unwrap_or_default();
    let kind = field(2, &[field(1, b"type"), field(2, kind.as_bytes())].concat());
    [id, kind, field(4, b"{}")].concat()
}

/// An append as it travels.
fn append(stream: &str, events: &[Vec<u8>]) -> Vec<u8> {
    let events = events.iter().flat_map(|event| frame(&field(2, event)));
    frame(&appending(stream)).into_iter().chain(events).collect()
}

/// A part of an append in a batch, which is not the last one.
fn part() -> Vec<u8> {
    let correlation = field(1, &field(2, Uuid::now_v7().to_string().as_bytes()));
    let options = field(2, &[field(1, &field(3, b"external-batch")), field(4, &[])].concat());
    frame(&[correlation, options].concat())
}

/// A frame that says it is so long, and has three bytes.
fn claiming(length: u32) -> Vec<u8> {
    [&[0][..], &length.to_be_bytes(), b"abc"].concat()
}

/// What the server holds of the machine's memory, in MB, where the system tells.
fn resident(server: &Server) -> Option<u64> {
    process::resident(server.pid()).map(|kilobytes| kilobytes / 1024)
}

fn grew_little(server: &Server, before: Option<u64>, by: u64, after: &str) {
    if let (Some(before), Some(now)) = (before, resident(server)) {
        assert!(now < before + by, "{after}: {before} MB became {now}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_client_would_send_is_refused_costs_no_memory_and_writes_nothing() {
    let port = free_port();
    let server = Server::start_with(&[("GRPC_PORT", &port.to_string())]).await;
    let company = Company::open(&server).await;
    let wire = Wire::open(port, &company.key(&["AUDIT_VIEW", "EXTERNAL_APPEND"]).await).await;
    let reader = Wire::open(port, &company.key(&["AUDIT_VIEW"]).await).await;
    let nobody = Wire::open(port, "pk_AAAA").await;
    let good = frame(&reading(&company.stream));
    assert_eq!(wire.call(READ, good.clone()).await.0, OK);
    let written = company.log(i64::MAX).await.len();
    let memory = resident(&server);

    let cut = good[..good.len() - 3].to_vec();
    let cut_within = frame(&reading(&company.stream)[..20]);
    let filter = |expression: &str, prefixes| frame(&following(&by_type(expression, prefixes)));
    let deep = "(".repeat(500) + &")".repeat(500);
    let long = "a".repeat(2_000);
    let (id, mine) = (Some(Uuid::now_v7()), "external-hostile");
    let large = field(4, &vec![b' '; 5 << 20]);
    let twice = [append(mine, &[]), append(mine, &[])].concat();
    let cases = [
        ("nothing", READ, vec![], INTERNAL),
        ("an empty message", READ, frame(&[]), INVALID_ARGUMENT),
        ("a frame without its end", READ, cut.clone(), INTERNAL),
        ("a message without its end", READ, cut_within, INTERNAL),
        ("bytes that mean nothing", READ, frame(&[0xff; 50]), INTERNAL),
        ("a length that is not there", READ, claiming(60_000), INTERNAL),
        ("the largest length", READ, claiming(u32::MAX), OUT_OF_RANGE),
        ("compressed", READ, vec![1, 0, 0, 0, 1, 0], INTERNAL),
        ("neither compressed nor not", READ, vec![7, 0, 0, 0, 1, 0], INTERNAL),
        ("a million prefixes", READ, filter("", 1_000_000), OUT_OF_RANGE),
        ("fifty thousand prefixes", READ, filter("", 50_000), INVALID_ARGUMENT),
        ("no expression", READ, filter("(", 0), INVALID_ARGUMENT),
        ("a deep expression", READ, filter(&deep, 0), INVALID_ARGUMENT),
        (
            "a wide expression",
            READ,
            filter("(a{1000}){1000}", 0),
            INVALID_ARGUMENT,
        ),
        ("the server's own", READ, frame(&reading("$$deal-1")), UNIMPLEMENTED),
        ("no method", "streams.Streams/Nothing", good.clone(), UNIMPLEMENTED),
        ("no service", "users.Users/Create", good.clone(), UNIMPLEMENTED),
        ("an append of nothing", APPEND, vec![], INVALID_ARGUMENT),
        ("the largest length", APPEND, claiming(u32::MAX), OUT_OF_RANGE),
        ("a length that is not there", APPEND, claiming(1 << 20), INTERNAL),
        ("a head after the head", APPEND, twice, INVALID_ARGUMENT),
        (
            "an event without an id",
            APPEND,
            append(mine, &[event("A", None)]),
            INVALID_ARGUMENT,
        ),
        (
            "an event without a type",
            APPEND,
            append(mine, &[event("", id)]),
            INVALID_ARGUMENT,
        ),
        (
            "a long type",
            APPEND,
            append(mine, &[event(&long, id)]),
            INVALID_ARGUMENT,
        ),
        (
            "a long name",
            APPEND,
            append(&format!("external-{long}"), &[event("A", id)]),
            INVALID_ARGUMENT,
        ),
        ("a large event", APPEND, append(mine, &[large]), OUT_OF_RANGE),
        (
            "no stream of theirs",
            APPEND,
            append("deal-1", &[event("A", id)]),
            PERMISSION_DENIED,
        ),
        (
            "a good event and a cut one",
            APPEND,
            [append(mine, &[event("A", id)]), cut].concat(),
            INTERNAL,
        ),
        (
            "too many at once",
            BATCH,
            (0..150).flat_map(|_| part()).collect(),
            RESOURCE_EXHAUSTED,
        ),
    ];
    for (what, method, bytes, code) in cases {
        let (told, why) = wire.call(method, bytes.clone()).await;
        assert_eq!(told, code, "{method} of {what}: {why}");
        assert_eq!(
            nobody.call(method, bytes).await.0,
            UNAUTHENTICATED,
            "{method} of {what}"
        );
    }
    let (told, why) = reader.call(APPEND, append(mine, &[event("A", id)])).await;
    assert_eq!(told, PERMISSION_DENIED, "{why}");
    grew_little(&server, memory, LITTLE_MB, "odd frames");
    assert_eq!(company.log(i64::MAX).await.len(), written);

    // Who has broken off has appended nothing: not what came before, either.
    let streams: Vec<String> = (0..20).map(|n| format!("external-broken-{n}")).collect();
    let events = [event("A", Some(Uuid::now_v7())), event("B", Some(Uuid::now_v7()))];
    for stream in &streams {
        let broken = wire.begin(APPEND, append(stream, &events[..1])).await;
        assert_eq!(wire.call(READ, good.clone()).await.0, OK); // behind it, on the same connection
        broken.cancel();
    }
    for stream in &streams {
        assert_eq!(wire.call(APPEND, append(stream, &events)).await.0, OK);
    }
    assert_eq!(company.log(i64::MAX).await.len(), written + 2 * streams.len());
    let whole = company.log(i64::MAX).await.len();

    // Frames that promise much and bring nothing, many of them at once.
    let mut open = Vec::new();
    for _ in 0..100 {
        open.push(wire.begin(APPEND, claiming(4 << 20)).await);
    }
    assert_eq!(wire.call(READ, good.clone()).await.0, OK);
    grew_little(&server, memory, PROMISED_MB, "large promises");
    drop(open);
    eventually("there is room again", || async {
        let (told, _) = wire.call(APPEND, append(mine, &[])).await;
        (told == OK).then_some(())
    })
    .await;

    // Appends that bring much and do not end: what has come of them together is bounded, and the next one is told.
    let heavy = |stream: &str, events: usize| {
        let data = field(4, &vec![b' '; HEAVY]);
        let events = (0..events).map(|_| [event("A", Some(Uuid::now_v7())), data.clone()].concat());
        append(stream, &events.collect::<Vec<_>>())
    };
    let mut open = Vec::new();
    for _ in 0..4 {
        open.push(wire.begin(APPEND, heavy(mine, 4)).await);
    }
    let told = |code| {
        let (wire, asked) = (&wire, heavy("deal-1", 2));
        eventually("the room is told of", move || {
            let asked = asked.clone();
            async move { (wire.call(APPEND, asked).await.0 == code).then_some(()) }
        })
    };
    told(RESOURCE_EXHAUSTED).await;
    grew_little(&server, memory, PROMISED_MB, "heavy appends");
    drop(open);
    told(PERMISSION_DENIED).await;

    // Subscriptions that nobody listens to for longer than a moment.
    let follow = frame(&following(&by_type("^customer", 0)));
    let memory = resident(&server);
    for round in 0..1_000 {
        let call = wire.begin(READ, follow.clone()).await;
        assert!(!call.glimpsed().await.is_empty(), "{round}");
    }
    grew_little(&server, memory, LITTLE_MB, "subscriptions");
    assert_eq!(wire.call(READ, good).await.0, OK);
    assert_eq!(company.log(i64::MAX).await.len(), whole);
}
