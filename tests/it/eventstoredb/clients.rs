//! Each client leads the same conversation (`tests/clients`), and what it saw is what the log holds. Those in Rust always do; the
//! others where `./dev test` could install them.

use super::{Company, NAME, PATIENCE, certificate::Certificate, customer};
use prometric_tests::{Server, free_port};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Stdio,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// One of those that stand beside the clients.
fn file(name: &str) -> String {
    let path = root().join("tests/clients").join(name);
    path.to_string_lossy().into_owned()
}

/// One of those that `./dev test` builds from there.
pub fn program(name: &str) -> PathBuf {
    root().join("target/debug").join(name)
}

/// How each client is started, but for where to and what to read.
pub fn clients() -> Vec<(&'static str, Command)> {
    let command = |program: PathBuf, arguments: &[&str]| {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("CLIENTS_FOLDER", root().join(".dev/clients-node"));
        command
    };
    let rust = program("prometric-clients");
    let mut clients = vec![
        ("eventstore", command(rust.clone(), &["eventstore"])),
        ("kurrentdb", command(rust, &["kurrentdb"])),
    ];
    match root().join(".dev/clients-node/installed").exists() {
        true => {
            for name in ["@kurrent/kurrentdb-client", "@eventstore/db-client"] {
                clients.push((name, command("node".into(), &[&file("node.mjs"), name])));
            }
        }
        false => {
            eprintln!("SKIPPED: the clients for Node; `./dev test` installs them where there is Node and a registry")
        }
    }
    match root().join(".dev/clients-python/installed").exists() {
        true => {
            let python = root().join(".dev/clients-python/bin/python");
            clients.push(("kurrentdbclient", command(python, &[&file("python.py")])));
        }
        false => {
            eprintln!("SKIPPED: the client for Python; `./dev test` installs it where there is Python and an index")
        }
    }
    clients
}

/// A client that is one of a group of consumers, in the part of the conversation that is called so.
pub fn groups(part: &str) -> Command {
    let mut command = Command::new(program("prometric-clients"));
    command.args(["groups", part]);
    command
}

/// A client in conversation.
pub struct Talk {
    pub lines: Lines<BufReader<ChildStdout>>,
    child: Child,
}

impl Talk {
    pub fn begin(mut command: Command, url: &str, stream: &str) -> Self {
        let command = command.args([url, stream]).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("the client: ./dev test builds it");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { lines, child }
    }

    /// What the steps up to that one came to.
    pub async fn until(&mut self, last: &str) -> BTreeMap<String, Value> {
        let mut steps = BTreeMap::new();
        while !steps.contains_key(last) {
            let line = timeout(PATIENCE, self.lines.next_line()).await;
            let line = line.expect("the client stands still").unwrap();
            let line = line.unwrap_or_else(|| panic!("the client ended before {last}, after {:?}", steps.keys()));
            let said: Value = serde_json::from_str(&line).unwrap();
            steps.insert(said["step"].as_str().unwrap().to_owned(), said["saw"].clone());
        }
        steps
    }

    /// Whether it ended well.
    pub async fn ended_well(mut self) -> bool {
        timeout(PATIENCE, self.child.wait())
            .await
            .expect("it ends")
            .unwrap()
            .success()
    }
}

/// One field of all events of a step.
pub fn each(step: &Value, field: &str) -> Vec<Value> {
    step.as_array()
        .unwrap()
        .iter()
        .map(|event| event[field].clone())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_eventstoredb_read_and_follow_a_workspace_unchanged() {
    let (port, certificate) = (free_port(), Certificate::of_localhost());
    let server = Server::start_with(&[
        ("GRPC_PORT", &port.to_string()),
        ("GRPC_CERTIFICATE", &certificate.path("localhost.pem")),
        ("GRPC_KEY", &certificate.path("localhost.key")),
    ])
    .await;
    let (one, other) = (Company::open(&server).await, Company::open(&server).await);
    // What happens to the other meanwhile is nobody's business.
    for (place, (name, command)) in clients().into_iter().enumerate() {
        let (company, neighbour) = if place % 2 == 0 { (&one, &other) } else { (&other, &one) };
        let rights: &[&str] = if place < 2 {
            &["AUDIT_VIEW", "EXTERNAL_APPEND"]
        } else {
            &["AUDIT_VIEW", "EXTERNAL_APPEND", "PRIVACY_EXPORT"]
        };
        // Over TLS: clients for Node and Python send no credentials without it.
        let url = format!(
            "{}?tls=true&tlsCAFile={}",
            company.address(port, rights).await,
            certificate.path("localhost.pem")
        );
        let mut talk = Talk::begin(command, &url, &company.stream);
        let steps = talk.until("caught_up").await;
        let log = company.log(i64::MAX).await;

        let stream: Vec<_> = log
            .iter()
            .filter(|(_, _, _, stream)| *stream == company.stream)
            .collect();
        let revisions = json!(stream.iter().map(|(_, revision, ..)| revision).collect::<Vec<_>>());
        assert_eq!(revisions, json!([0, 1, 2]), "{name}");
        assert_eq!(json!(each(&steps["stream"], "revision")), revisions, "{name}");
        let types = json!(stream.iter().map(|(_, _, kind, _)| kind).collect::<Vec<_>>());
        assert_eq!(json!(each(&steps["stream"], "type")), types, "{name}");
        assert_eq!(json!(each(&steps["from"], "revision")), json!([1, 2]), "{name}");
        assert_eq!(json!(each(&steps["backwards"], "revision")), json!([2, 1]), "{name}");
        assert_eq!(
            (&steps["missing"], &steps["refused"]),
            (&json!(true), &json!(true)),
            "{name}"
        );
        let is_open = steps["data"].as_str().unwrap().contains(NAME);
        assert_eq!(is_open, rights.len() > 2, "{name}: {}", steps["data"]);

        let appended = steps["appended"].as_array().unwrap();
        let (first, second) = (appended[0].as_i64().unwrap(), appended[2].as_i64().unwrap());
        assert!(first < second, "{name}: {appended:?}");
        assert_eq!(steps["appended"], json!([first, first, second, "conflict"]), "{name}");
        assert_eq!(json!(each(&steps["outside"], "revision")), json!([0, 1, 2]), "{name}");
        assert_eq!(each(&steps["outside"], "type"), ["WeightMeasured"; 3], "{name}");
        let kept = log
            .iter()
            .filter(|(position, _, kind, _)| *position >= first && kind == "external.appended");
        assert_eq!(kept.count(), 3, "{name}");

        let positions = |events: &[(i64, i64, String, String)], prefix: &str| {
            let asked = events.iter().filter(|(_, _, kind, _)| kind.starts_with(prefix));
            json!(asked.map(|(position, ..)| position).collect::<Vec<_>>())
        };
        let all = each(&steps["all"], "position");
        let until = all.last().and_then(Value::as_i64).unwrap();
        assert!(until >= second, "{name}");
        assert_eq!(json!(all), positions(&company.log(until).await, ""), "{name}");
        assert_eq!(
            json!(each(&steps["caught_up"], "position")),
            positions(&log, "customer."),
            "{name}"
        );

        customer(&neighbour.owner).await;
        customer(&company.owner).await;
        let live = talk.until("live").await;
        let last = log.last().unwrap().0;
        let written = company.log(i64::MAX).await;
        let next = written
            .iter()
            .find(|(position, _, kind, _)| *position > last && kind.starts_with("customer."));
        assert_eq!(live["live"]["position"], json!(next.unwrap().0), "{name}");
        assert!(talk.ended_well().await, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_look_at_all_that_happened_reads_nothing() {
    let port = free_port();
    let server = Server::start_with(&[("GRPC_PORT", &port.to_string())]).await;
    let company = Company::open(&server).await;
    let plain = async |permissions: &[&str]| format!("{}?tls=false", company.address(port, permissions).await);
    let (_, command) = clients().swap_remove(0);
    let mut talk = Talk::begin(command, &plain(&["AUDIT_VIEW"]).await, &company.stream);
    let steps = talk.until("stream").await;
    assert_eq!(json!(each(&steps["stream"], "revision")), json!([0, 1, 2]));
    drop(talk);
    let narrow = plain(&["CUSTOMERS_VIEW"]).await;
    let strange = format!("esdb://reader:pk_AAAA@localhost:{port}?tls=false");
    let nobody = format!("esdb://localhost:{port}?tls=false");
    for url in [narrow, strange, nobody] {
        let (_, command) = clients().swap_remove(0);
        let mut talk = Talk::begin(command, &url, &company.stream);
        assert!(talk.lines.next_line().await.unwrap().is_none(), "{url}");
        assert!(!talk.ended_well().await, "{url}");
    }
}
