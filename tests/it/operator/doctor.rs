//! `prometric doctor`: all is well, and each thing that is not is found, told with what to do, and ends with 1.

use super::*;
use tokio::task::block_in_place;

/// What it finds of each check: its verdict, and what was found.
fn examine(server: &Server, words: &[&str]) -> (Option<i32>, Vec<(String, String, String)>) {
    let output = server.tool(&[&["doctor", "--json", "--mail-dir", "/tmp"], words].concat());
    let found: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let found = found.as_array().unwrap().iter();
    let found = found.map(|one| {
        let advised = one["advice"].is_string() || one["verdict"] == "ok";
        assert!(advised, "{one} says what to do");
        (text(&one["check"]), text(&one["verdict"]), text(&one["found"]))
    });
    (output.status.code(), found.collect())
}

fn wrong(found: &[(String, String, String)]) -> Vec<&str> {
    let wrong = found.iter().filter(|(_, verdict, _)| verdict == "wrong");
    wrong.map(|(check, ..)| check.as_str()).collect()
}

/// Asks until just these are found wrong: a service may be on its way back, or slow where much else is done. Answers all findings.
async fn finds(server: &Server, words: &[&str], expected: &[&str]) -> Vec<(String, String, String)> {
    let code = Some(i32::from(!expected.is_empty()));
    eventually(&format!("doctor {words:?} finds {expected:?}"), || async {
        let (ended, found) = block_in_place(|| examine(server, words));
        if (ended, wrong(&found).as_slice()) == (code, expected) {
            return Some(found);
        }
        eprintln!("doctor {words:?} ended with {ended:?}: {found:?}");
        None
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_an_installation_is_found() {
    let server = Server::start().await;
    server.owner().await;
    let pool = server.pool().await;
    let found = finds(&server, &[], &[]).await;
    let checks: Vec<&str> = found.iter().map(|(check, ..)| check.as_str()).collect();
    let of_database = [
        "PostgreSQL",
        "durability",
        "limits",
        "clock",
        "privileges",
        "extensions",
        "migrations",
        "indexes",
        "disk",
    ];
    assert_eq!(
        checks,
        [
            &of_database[..],
            &["NATS", "mail", "files", "personal keys", "witnesses"]
        ]
        .concat()
    );

    for (words, check) in [
        (["--nats-url", "nats://127.0.0.1:1"], "NATS"),
        (["--smtp-url", "smtp://127.0.0.1:1"], "mail"),
        (["--files-dir", "/proc/files"], "files"),
        (["--personal-keys-file", "/nowhere/at/all"], "personal keys"),
        (["--database-url", "postgres://nobody@127.0.0.1:1/none"], "PostgreSQL"),
        (["--database-pool", "100000"], "limits"),
        (["--witnesses", "https://127.0.0.1:1"], "witnesses"),
    ] {
        finds(&server, &words, &[check]).await;
    }

    let name = server
        .database_url
        .rsplit('/')
        .next()
        .unwrap()
        .split('?')
        .next()
        .unwrap()
        .to_owned();
    let broken = [
        format!("alter database \"{name}\" set synchronous_commit = off"),
        "update pg_index set indisvalid = false where indexrelid = 'sagas.instances_due'::regclass".to_owned(),
    ];
    for statement in broken {
        sqlx::query(AssertSqlSafe(statement)).execute(&pool).await.unwrap();
    }
    let found = finds(&server, &[], &["durability", "indexes"]).await;
    assert!(
        found.iter().any(|(.., found)| found.contains("sagas.instances_due")),
        "{found:?}"
    );
    let words = server.tool(&["doctor"]);
    assert!(said(&words).contains("→ reindex index"), "{}", said(&words));
}
