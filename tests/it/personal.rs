//! Personal values end to end, on two nodes' logs over one database: nothing in the clear ever stands in it, an erased
//! person is erased everywhere at once, and master keys come and go without anybody's data going with them.

use domain::{Erased, Personal};
use log::{
    Append, AppendError, CommandId, KeyRing, Log, NewEvent, PersonalError, Recorded, Stream, StreamAppend, Verifier,
};
use prometric_tests::{Database, Server, append_to, eventually};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgPool;
use std::{path::PathBuf, process::Command};
use uuid::Uuid;

const WORKSPACE: Uuid = Uuid::from_u128(0xaaaa);
const SECRET: &str = "Тайна-7700";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
enum Event {
    #[serde(rename = "contact.named")]
    Named {
        plain: String,
        name: Personal<String>,
        phones: Vec<Option<Personal<String>>>,
    },
}

impl Event {
    fn of(person: Uuid) -> Self {
        Self::Named {
            plain: "plain".to_owned(),
            name: Personal::new(person, SECRET.to_owned()),
            phones: vec![None, Some(Personal::new(person, SECRET.to_owned()))],
        }
    }

    fn name(&self) -> Result<&str, Erased> {
        let Self::Named { name, .. } = self;
        name.get().map(String::as_str)
    }
}

/// The stored type and data.
fn encode(event: &Event) -> (String, String) {
    let stored = serde_json::to_value(event).unwrap();
    (stored["type"].as_str().unwrap().to_owned(), stored["data"].to_string())
}

fn try_decode(event: &Recorded) -> serde_json::Result<Event> {
    let data: Value = serde_json::from_str(&event.data)?;
    serde_json::from_value(json!({ "type": event.event_type, "data": data }))
}

fn append(event: &Event) -> Append {
    let (event_type, data) = encode(event);
    append_data(event_type, data)
}

fn append_data(event_type: String, data: String) -> Append {
    let event = NewEvent {
        id: Uuid::now_v7(),
        event_type,
        schema: 1,
        data,
        number: None,
    };
    let stream = Stream {
        category: "contact",
        id: Uuid::now_v7(),
    };
    Append {
        streams: vec![StreamAppend {
            stream,
            expected: None,
            events: vec![event],
        }],
        ..append_to(WORKSPACE)
    }
}

fn decoded(event: &Recorded) -> Event {
    try_decode(event).unwrap()
}

/// The last event, as this node's readers see it.
async fn opened(log: &Log) -> Result<Event, PersonalError> {
    let mut events = log.read(WORKSPACE, 0, 1_000).await.unwrap();
    log.open_personal(&mut events).await?;
    Ok(decoded(events.last().unwrap()))
}

/// Keys cannot be read from the database while they are away: whoever opens something has them in memory.
async fn keys_away(pool: &PgPool, away: bool) {
    let (from, to) = if away {
        ("person_keys", "away")
    } else {
        ("away", "person_keys")
    };
    let rename = sqlx::AssertSqlSafe(format!("alter table log.{from} rename to {to}"));
    sqlx::query(rename).execute(pool).await.unwrap();
}

/// Waits until this node has the key of the last event's person in memory.
async fn remembers(log: &Log, pool: &PgPool) {
    eventually("the key is kept in memory", || async {
        opened(log).await.unwrap();
        keys_away(pool, true).await;
        let kept = opened(log).await.is_ok();
        keys_away(pool, false).await;
        kept.then_some(())
    })
    .await;
}

fn ring(lines: &[(&str, u8)]) -> KeyRing {
    KeyRing::parse(&ring_text(lines)).unwrap()
}

/// 32 equal bytes in base64.
fn ring_text(lines: &[(&str, u8)]) -> String {
    let keys = [
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
    ];
    let line = |(id, key): &(&str, u8)| format!("{id} {}\n", keys[usize::from(*key)]);
    lines.iter().map(line).collect()
}

#[tokio::test]
async fn what_is_stored_is_sealed_and_what_is_read_is_open() {
    let database = Database::create().await;
    let (log, other, pool) = (database.log().await, database.log().await, database.pool().await);
    let event = Event::of(Uuid::now_v7());
    let mut asked = append(&event);
    asked.command = Some(CommandId {
        id: Uuid::now_v7(),
        request_hash: [1; 32],
    });
    let first = log.append(asked.clone()).await.unwrap();
    assert_eq!(decoded(&first.events[0]), event, "the answer is open");
    let repeat = other.append(asked).await.unwrap();
    assert_eq!(
        (repeat.repeated.is_some(), decoded(&repeat.events[0])),
        (true, event.clone())
    );

    let stored: String = sqlx::query_scalar("select string_agg(e::text, '') from log.events e")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert!(!stored.contains(SECRET) && stored.contains("$sealed") && stored.contains("plain"));
    let raw = log.read(WORKSPACE, 0, 10).await.unwrap();
    assert!(try_decode(&raw[0]).is_err(), "sealed is not readable by mistake");
    Verifier::default().next(&raw[0]).unwrap();
    assert_eq!(opened(&other).await.unwrap(), event);
    let mut twice = raw.clone();
    log.open_personal(&mut twice).await.unwrap();
    let once = twice.clone();
    log.open_personal(&mut twice).await.unwrap();
    assert_eq!(twice, once, "what is open stays so");
}

#[tokio::test]
async fn what_is_kept_beside_the_log_can_be_sealed_too() {
    let database = Database::create().await;
    let (log, other) = (database.log().await, database.log().await);
    let (person, spouse) = (Uuid::now_v7(), Uuid::now_v7());
    let family = Personal::new(person, vec![Personal::new(spouse, SECRET.to_owned())]);
    let state = serde_json::to_string(&[Some(family), None]).unwrap();
    let mut kept = state.clone();
    log.seal_text(WORKSPACE, &mut kept).await.unwrap();
    assert!(!kept.contains(SECRET) && !kept.contains("$value") && !kept.contains(&spouse.to_string()));
    let mut open = kept.clone();
    other.open_text(WORKSPACE, &mut open).await.unwrap();
    assert_eq!(open, state, "at two depths, with two people's keys");
    log.erase_person(WORKSPACE, spouse).await.unwrap();
    log.open_text(WORKSPACE, &mut kept).await.unwrap();
    let read: Vec<Option<Personal<Vec<Personal<String>>>>> = serde_json::from_str(&kept).unwrap();
    let family = read[0].as_ref().unwrap().get().unwrap();
    assert_eq!(
        family[0].get(),
        Err(Erased { person: spouse }),
        "the other's stays readable"
    );
}

#[tokio::test]
async fn two_nodes_that_make_a_persons_key_at_once_end_with_one() {
    let database = Database::create().await;
    let (one, two) = (database.log().await, database.log().await);
    for _ in 0..20 {
        let person = Uuid::now_v7();
        let (a, b) = tokio::join!(
            one.append(append(&Event::of(person))),
            two.append(append(&Event::of(person)))
        );
        a.unwrap();
        b.unwrap();
    }
    for log in [one, two, database.log().await] {
        let mut events = log.read(WORKSPACE, 0, 1_000).await.unwrap();
        log.open_personal(&mut events).await.unwrap();
        assert_eq!(
            events
                .iter()
                .filter(|event| decoded(event).name() == Ok(SECRET))
                .count(),
            40
        );
    }
}

#[tokio::test]
async fn an_erased_person_is_erased_on_every_node_and_for_good() {
    let database = Database::create().await;
    let (log, other, pool) = (database.log().await, database.log().await, database.pool().await);
    let person = Uuid::now_v7();
    log.append(append(&Event::of(person))).await.unwrap();
    remembers(&log, &pool).await;
    remembers(&other, &pool).await;

    let erasures = other.erasures();
    log.erase_person(WORKSPACE, person).await.unwrap();
    assert_eq!(
        opened(&log).await.unwrap().name(),
        Err(Erased { person }),
        "here at once"
    );
    eventually("the other node has forgotten", || async {
        (opened(&other).await.unwrap().name() == Err(Erased { person })).then_some(())
    })
    .await;
    assert!(
        other.erasures() > erasures,
        "it was told, did not merely wait, and tells those who remember more than keys"
    );

    for log in [&log, &other] {
        let refused = log.append(append(&Event::of(person))).await;
        assert!(
            matches!(refused, Err(AppendError::Personal(PersonalError::Erased { person: told })) if told == person),
            "{refused:?}"
        );
    }
    let copy = opened(&log).await.unwrap();
    log.append(append(&copy)).await.unwrap();
    assert_eq!(opened(&other).await.unwrap(), copy, "an erased value may be copied");

    log.erase_person(WORKSPACE, person).await.unwrap();
    let stranger = Uuid::now_v7();
    log.erase_person(WORKSPACE, stranger).await.unwrap();
    assert!(
        log.append(append(&Event::of(stranger))).await.is_err(),
        "never seen, and erased all the same"
    );
    let kept: i64 = sqlx::query_scalar("select count(*) from log.person_keys where wrapped is not null")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(kept, 0);
    let mut verifier = Verifier::default();
    for event in log.read(WORKSPACE, 0, 10).await.unwrap() {
        verifier.next(&event).unwrap();
    }
}

/// The answer was lost, then somebody was erased: asked again, it is answered, and not refused.
#[tokio::test]
async fn a_repeat_is_answered_although_somebody_was_erased_meanwhile() {
    let database = Database::create().await;
    let (log, person) = (database.log().await, Uuid::now_v7());
    let mut asked = append(&Event::of(person));
    let command = CommandId {
        id: Uuid::now_v7(),
        request_hash: [1; 32],
    };
    asked.command = Some(command);
    let first = log.append(asked.clone()).await.unwrap();
    log.erase_person(WORKSPACE, person).await.unwrap();
    let again = log.append(asked.clone()).await.unwrap();
    assert_eq!((again.position, again.repeated.is_some()), (first.position, true));
    assert_eq!(decoded(&again.events[0]).name(), Err(Erased { person }));
    asked.command = None;
    let refused = log.append(asked).await;
    assert!(
        matches!(refused, Err(AppendError::Personal(PersonalError::Erased { .. }))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_node_that_lost_its_ear_forgets_every_key() {
    let database = Database::create().await;
    let (log, pool) = (database.log().await, database.pool().await);
    log.append(append(&Event::of(Uuid::now_v7()))).await.unwrap();
    remembers(&log, &pool).await;
    keys_away(&pool, true).await;
    let cut = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query ilike 'listen \"prometric_erased\"%'";
    assert_eq!(sqlx::query(cut).execute(&pool).await.unwrap().rows_affected(), 1);
    eventually("the key is forgotten", || async { opened(&log).await.err() }).await;
    keys_away(&pool, false).await;
    remembers(&log, &pool).await;
}

#[tokio::test]
async fn master_keys_are_rotated_and_the_old_one_is_then_not_needed() {
    let database = Database::create().await;
    let pool = database.pool().await;
    let open = async |lines: &[(&str, u8)]| database.log().await.with_master_keys(ring(lines)).await;
    // More than a batch, and one whose person is gone.
    let unconfigured = database.log().await;
    for _ in 0..3 {
        let mut many = append(&Event::of(Uuid::now_v7()));
        let event = many.streams[0].events[0].clone();
        many.streams[0].events = (0..200)
            .map(|_| NewEvent {
                id: Uuid::now_v7(),
                data: encode(&Event::of(Uuid::now_v7())).1,
                ..event.clone()
            })
            .collect();
        unconfigured.append(many).await.unwrap();
    }
    let gone = Uuid::now_v7();
    unconfigured.append(append(&Event::of(gone))).await.unwrap();
    unconfigured.erase_person(WORKSPACE, gone).await.unwrap();
    let secrets = async || {
        let count = sqlx::query_scalar::<_, i64>("select count(secret) from log.master_keys");
        count.fetch_one(&pool).await.unwrap()
    };
    assert_eq!(secrets().await, 1, "made by itself");

    let first = open(&[("first", 0)]).await.unwrap();
    assert_eq!(first.rotate_master_key().await.unwrap(), 600);
    assert_eq!(secrets().await, 0, "none stands in the database any more");
    let second = open(&[("second", 1), ("first", 0)]).await.unwrap();
    let (rotated, appended) = tokio::join!(
        second.rotate_master_key(),
        second.append(append(&Event::of(Uuid::now_v7())))
    );
    assert_eq!(rotated.unwrap(), 600);
    appended.unwrap();
    assert_eq!(second.rotate_master_key().await.unwrap(), 0, "again does nothing");
    let alone = open(&[("second", 1)]).await.unwrap();
    assert_eq!(opened(&alone).await.unwrap().name(), Ok(SECRET));
    // A node that was not told of the new key cannot make keys that would be lost.
    let refused = unconfigured.append(append(&Event::of(Uuid::now_v7()))).await;
    assert!(matches!(refused, Err(AppendError::Unavailable(_))), "{refused:?}");
}

#[tokio::test]
async fn a_wrong_ring_is_told_at_once() {
    let database = Database::create().await;
    let open = async |lines: &[(&str, u8)]| database.log().await.with_master_keys(ring(lines)).await.map(|_| ());
    let log = database.log().await.with_master_keys(ring(&[("a", 0)])).await.unwrap();
    log.append(append(&Event::of(Uuid::now_v7()))).await.unwrap();
    assert!(matches!(open(&[("b", 1)]).await, Err(PersonalError::MasterKeyUnknown { id }) if id == "a"));
    assert!(matches!(open(&[("a", 1)]).await, Err(PersonalError::MasterKeyChanged { id }) if id == "a"));
    let unconfigured = database.log().await;
    assert!(matches!(opened(&unconfigured).await, Err(PersonalError::MasterKeyUnknown { id }) if id == "a"));
    open(&[("b", 1), ("a", 0)]).await.unwrap();
}

#[tokio::test]
async fn what_was_changed_moved_or_lost_is_an_error_and_not_erased() {
    let database = Database::create().await;
    let (log, pool) = (database.log().await, database.pool().await);
    let (person, other) = (Uuid::now_v7(), Uuid::now_v7());
    for person in [other, person] {
        log.append(append(&Event::of(person))).await.unwrap();
    }
    let stored = log.read(WORKSPACE, 1, 1).await.unwrap();
    let sealed = stored[0].data.split_once("$sealed\":\"").unwrap().1;
    let changed = sealed[..20].replace(|c: char| c != 'A', "A");
    let changes = [
        (stored[0].data.replace(&sealed[..20], &changed), person),
        (stored[0].data.replace(&sealed[..20], ""), person),
        (stored[0].data.replace(&person.to_string(), &other.to_string()), other),
    ];
    for (data, told) in changes {
        let mut events = stored.clone();
        assert_ne!(events[0].data, data);
        events[0].data = data;
        let error = log.open_personal(&mut events).await.unwrap_err();
        assert!(
            matches!(error, PersonalError::Tampered { person, workspace } if (person, workspace) == (told, WORKSPACE)),
            "{error}"
        );
    }
    let mut elsewhere = stored.clone();
    elsewhere[0].workspace = Uuid::now_v7();
    let error = log.open_personal(&mut elsewhere).await.unwrap_err();
    assert!(matches!(error, PersonalError::KeyLost { .. }), "{error}");

    let swap = "update log.person_keys k set wrapped = o.wrapped from log.person_keys o where k.person_id = $1 and o.person_id = $2";
    sqlx::query(swap).bind(person).bind(other).execute(&pool).await.unwrap();
    let fresh = database.log().await;
    assert!(matches!(opened(&fresh).await, Err(PersonalError::Tampered { person: told, .. }) if told == person));

    for data in [stored[0].data.clone(), r#"{"a":{"$person":1}}"#.to_owned()] {
        let refused = log.append(append_data("contact.named".to_owned(), data)).await;
        assert!(
            matches!(refused, Err(AppendError::Personal(PersonalError::Misplaced))),
            "{refused:?}"
        );
    }
}

/// No event has a personal field yet; JSON of the client's own goes the same way through every layer.
#[tokio::test]
async fn an_operator_rotates_and_erases_while_the_server_runs() {
    let server = Server::start_with(&[]).await;
    let (owner, pool, person) = (server.owner().await, server.pool().await, Uuid::now_v7());
    let product = |code: &str, maker: Value| json!({"code": code, "name": "A", "specifications": {"maker": maker}});
    let misplaced = product("A", json!({"$person": person}));
    let details = owner
        .post("/products", misplaced)
        .await
        .refused(400, "VALIDATION_FAILED");
    assert_eq!(details["reason"], "body.reserved_key", "{details}");

    let maker = json!({"$person": person, "$value": SECRET});
    let created = owner.post("/products", product("A", maker.clone())).await.expect(201);
    let path = format!("/products/{}", created["id"].as_str().unwrap());
    assert_eq!(
        owner.get(&path).await.expect(200)["specifications"]["maker"],
        maker,
        "read models see it open"
    );
    let stored: String = sqlx::query_scalar("select data::text from log.events where type = 'product.created'")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert!(stored.contains("$sealed") && !stored.contains(SECRET), "{stored}");

    let file = server.mail_dir.with_extension("keys");
    std::fs::write(&file, ring_text(&[("first", 0)])).unwrap();
    let keys = |arguments: &[&str]| {
        let binary = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/debug/prometric");
        let run = Command::new(binary)
            .arg("keys")
            .args(arguments)
            .env("DATABASE_URL", &server.database_url)
            .env("PERSONAL_KEYS_FILE", &file)
            .output();
        let run = run.unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    };
    keys(&["rotate"]);
    let told = server
        .another_with(&[("PERSONAL_KEYS_FILE", file.to_str().unwrap())])
        .await;
    let owner = owner.at(&told.url);
    owner.put(&path, json!({"price": 1})).await.expect(200);
    owner.post("/products", product("B", maker.clone())).await.expect(201);
    keys(&["erase", &owner.workspace, &person.to_string()]);
    eventually("the node was told", || async {
        let refused = owner.post("/products", product("C", maker.clone())).await;
        (refused.status == 409).then(|| assert_eq!(refused.body["error"]["details"]["reason"], "person.erased"))
    })
    .await;
    owner.put(&path, json!({"price": 2})).await.expect(200);
    std::fs::remove_file(file).unwrap();
}
