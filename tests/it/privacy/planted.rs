//! Whatever any event says of a person, by its schema: sealed where it is stored, and gone with the key.

use domain::fact::CATEGORIES;
use log::{Append, ClientAddress, Log, Metadata, NewEvent, Stream, StreamAppend};
use prometric_tests::Database;
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgPool};
use std::fs;
use uuid::Uuid;

/// By their schemas: whatever any event says of a person is sealed where it is stored, and opens for nobody afterwards.
#[tokio::test]
async fn every_personal_field_of_every_event_is_sealed_and_can_be_erased() {
    const MARKER: &str = "planted-in-every-field";
    let database = Database::create().await;
    let pool = database.pool().await;
    let log = database.log().await;
    let (workspace, person) = (Uuid::now_v7(), Uuid::now_v7());
    fn plant(value: &mut Value, person: Uuid, inside: bool, planted: &mut usize) {
        match value {
            Value::String(_) | Value::Number(_) if inside => {
                *value = MARKER.into();
                *planted += 1;
            }
            Value::Object(fields) => {
                let inside = inside || fields.contains_key("$value");
                if let Some(whose) = fields.get_mut("$person") {
                    *whose = person.to_string().into();
                }
                let values = fields.iter_mut().filter(|(name, _)| *name != "$person");
                values.for_each(|(_, value)| plant(value, person, inside, planted));
            }
            Value::Array(items) => items.iter_mut().for_each(|item| plant(item, person, inside, planted)),
            _ => {}
        }
    }
    let (mut streams, mut planted) = (vec![], 0);
    for category in CATEGORIES {
        for known in category.event_types() {
            let file = format!(
                "{}/../domain/samples/{}.json",
                env!("CARGO_MANIFEST_DIR"),
                known.versioned_name()
            );
            let mut sample: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
            let before = planted;
            plant(&mut sample["data"], person, false, &mut planted);
            let fields = category
                .personal()
                .iter()
                .filter(|field| field.event_type == known.name)
                .count();
            assert!(
                planted - before >= fields,
                "the sample of {} lacks a personal value: {} of {fields}",
                known.name,
                planted - before
            );
            let event = NewEvent {
                id: Uuid::now_v7(),
                event_type: known.name,
                schema: known.schema,
                data: sample["data"].to_string(),
                number: None,
            };
            let stream = Stream {
                category: category.name(),
                id: Uuid::now_v7(),
            };
            streams.push(StreamAppend {
                stream,
                expected: Some(0),
                events: vec![event],
            });
        }
    }
    assert!(planted > 20, "{planted}");
    let append = Append {
        workspace,
        streams,
        claims: vec![],
        guards: vec![],
        command: None,
        answer: String::new(),
        number_year: 2026,
        metadata: Metadata {
            actor: format!("user:{person}"),
            client_address: Some(ClientAddress::Clear(MARKER.to_owned())),
            ..Metadata::default()
        },
    };
    log.append(append).await.unwrap();
    let in_the_database = async || dump_of(&pool, MARKER).await;
    assert_eq!(in_the_database().await, 0, "nothing of it is stored in the clear");
    let read = async |log: &Log| {
        let mut events = log.read(workspace, 0, 1_000).await.unwrap();
        log.open_personal(&mut events).await.unwrap();
        log.open_addresses(&mut events).await.unwrap();
        let texts: Vec<String> = events
            .iter()
            .map(|event| format!("{} {}", event.data, event.metadata))
            .collect();
        texts.join("\n").matches(MARKER).count()
    };
    let there = read(&log).await;
    assert!(there >= planted, "{there} of {planted} can be read");
    log.erase_person(workspace, person).await.unwrap();
    for log in [&log, &database.log().await] {
        assert_eq!(read(log).await, 0, "and none of it afterwards");
    }
}

async fn dump_of(pool: &PgPool, word: &str) -> usize {
    let tables = "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname = 'log'";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(pool).await.unwrap();
    let mut count = 0;
    for table in tables {
        let all = format!("select t::text from {table} t");
        let all: Vec<String> = sqlx::query_scalar(AssertSqlSafe(all)).fetch_all(pool).await.unwrap();
        count += all.iter().filter(|row| row.contains(word)).count();
    }
    count
}
