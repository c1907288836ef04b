//! The real binary, on a database of its own.

use crate::{
    Client, Database,
    engine::{self, Engine},
    eventually,
};
use chrono::{TimeDelta, Utc};
use commands::{Actor, Context, Executor};
use domain::{
    Role,
    id::WorkspaceId,
    identity::workspace::{Workspace, WorkspaceCommand},
};
use log::Log;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, postgres::PgPoolOptions};
use std::{
    fs::{self, OpenOptions},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU16, Ordering},
    },
};
use tokio::task::spawn_blocking;
use uuid::Uuid;

pub struct Server {
    pub url: String,
    pub database_url: String,
    pub mail_dir: PathBuf,
    port: u16,
    /// Shared by the nodes on it; `None` when it is somebody else's.
    database: Option<Arc<Database>>,
    env: Vec<(String, String)>,
    child: Option<Child>,
}

/// The test NATS, from `./dev test`.
pub fn nats_url() -> String {
    std::env::var("NATS_URL").expect("NATS_URL: run the tests with ./dev test")
}

/// A port that nobody listens on right now, and that nobody is given by chance while a killed server is away: below
/// those the system hands out by itself, and each only once in this process.
pub fn free_port() -> u16 {
    static NEXT: LazyLock<AtomicU16> =
        LazyLock::new(|| AtomicU16::new(10_000 + (std::process::id() % 2_000) as u16 * 10));
    let mut ports = std::iter::repeat_with(|| NEXT.fetch_add(1, Ordering::Relaxed));
    ports
        .find(|port| *port > 9_999 && TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}

/// Another one may be named, to measure it or to compare with it.
pub(crate) fn binary() -> PathBuf {
    match std::env::var_os("PROMETRIC_BINARY") {
        Some(binary) => binary.into(),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/debug/prometric"),
    }
}

/// Lets a server make its tables in a database and end well.
pub(crate) async fn served_once(database: &Database) {
    let mut server = Server::start_on(&database.url).await;
    server.end().await;
}

impl Server {
    /// With NATS.
    pub async fn start() -> Self {
        Self::start_with(&[("NATS_URL", &nats_url())]).await
    }

    /// With these variables beside the database's.
    pub async fn start_with(env: &[(&str, &str)]) -> Self {
        Self::start_in(Database::served().await, env).await
    }

    /// The same in a database that no server has been at.
    pub async fn start_anew(env: &[(&str, &str)]) -> Self {
        Self::start_in(Database::create().await, env).await
    }

    async fn start_in(database: Database, env: &[(&str, &str)]) -> Self {
        let (url, name) = (database.url.clone(), database.name.clone());
        Self::begin(&url, &name, Some(Arc::new(database)), env).await
    }

    /// On an empty database that is there already, without NATS; it outlives the server.
    pub async fn start_on(database_url: &str) -> Self {
        let name = format!("it_{}", Uuid::now_v7().simple());
        Self::begin(database_url, &name, None, &[]).await
    }

    async fn begin(database_url: &str, name: &str, database: Option<Arc<Database>>, env: &[(&str, &str)]) -> Self {
        let port = free_port();
        let mut server = Self {
            url: format!("http://127.0.0.1:{port}"),
            database_url: database_url.to_owned(),
            mail_dir: std::env::temp_dir().join(name),
            port,
            database,
            env: env
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            child: None,
        };
        server.spawn().await;
        server
    }

    /// Nobody reads or writes that table as long as the connection lives.
    pub async fn hold(&self, table: &str) -> PgConnection {
        let connection = PgConnection::connect(&self.database_url).await;
        let mut connection = connection.expect("the database answers");
        let lock = format!("begin; lock table {table} in access exclusive mode");
        let locked = sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut connection).await;
        locked.expect("a table of that name");
        connection
    }

    /// A second process on the same database.
    pub async fn another(&self) -> Self {
        self.another_with(&[]).await
    }

    /// The same with more variables than this one has.
    pub async fn another_with(&self, env: &[(&str, &str)]) -> Self {
        let more = env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let port = free_port();
        let mut node = Self {
            url: format!("http://127.0.0.1:{port}"),
            database_url: self.database_url.clone(),
            mail_dir: self.mail_dir.clone(),
            port,
            database: self.database.clone(),
            env: self.env.iter().cloned().chain(more).collect(),
            child: None,
        };
        node.spawn().await;
        node
    }

    /// Where the process's stderr goes.
    fn said_file(&self) -> PathBuf {
        self.mail_dir.with_extension(format!("{}.log", self.port))
    }

    /// Where its files are kept, unless it is told of another place; there with the first one.
    pub fn files_dir(&self) -> PathBuf {
        self.mail_dir.with_extension("files")
    }

    /// All that the process, and those before it, have written to stderr.
    pub fn said(&self) -> String {
        fs::read_to_string(self.said_file()).expect("what the server said")
    }

    /// The process that runs.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Starts the process and waits until it answers.
    pub async fn spawn(&mut self) {
        let said = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.said_file())
            .expect("a file for stderr");
        let engine = self.engine();
        let child = Command::new(binary())
            .arg("serve")
            .env_remove("NATS_URL")
            .env_remove("SMTP_URL")
            .env("DATABASE_URL", &self.database_url)
            .env("DATABASE_POOL", "12")
            .env("HOST", "127.0.0.1")
            .env("PORT", self.port.to_string())
            .env("MAIL_DIR", &self.mail_dir)
            .env("FILES_DIR", self.files_dir())
            .env("RUST_LOG", "error")
            .env("READ_POOL", "4")
            .env("PROMETRIC_RATE_LIMITS", "off")
            .envs(engine.iter().flat_map(Engine::env))
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stderr(said)
            .spawn();
        self.child = Some(child.expect("target/debug/prometric: ./dev test builds it"));
        let health = format!("{}/api/v1/health", self.url);
        eventually("the server answers", || async {
            reqwest::get(&health)
                .await
                .ok()
                .filter(|answer| answer.status().is_success())
        })
        .await;
    }

    /// Another command of the same program, on this server's database, to its end.
    pub fn tool(&self, arguments: &[&str]) -> Output {
        let tool = self.start_tool(arguments);
        tool.wait_with_output().expect("what it said")
    }

    /// The same, begun.
    pub fn start_tool(&self, arguments: &[&str]) -> Child {
        self.start_tool_with(arguments, &[])
    }

    /// The same with more variables.
    pub fn start_tool_with(&self, arguments: &[&str], env: &[(&str, &str)]) -> Child {
        Command::new(binary())
            .args(arguments)
            .env("DATABASE_URL", &self.database_url)
            .env("FILES_DIR", self.files_dir())
            .env("DATABASE_POOL", "4")
            .env("RUST_LOG", "error")
            .envs(self.engine().iter().flat_map(Engine::env))
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("target/debug/prometric: ./dev test builds it")
    }

    /// Tells it to end, as `./dev run` does at Ctrl-C, and waits until it has.
    pub async fn end(&mut self) {
        let pid = self.pid().to_string();
        Command::new("kill").arg(pid).status().expect("kill");
        if let Some(mut child) = self.child.take() {
            spawn_blocking(move || child.wait().ok()).await.expect("its end");
        }
    }

    /// `kill -9`, wherever it is.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }

    /// Puts the clock that things are due by so far ahead of the database's own, for all nodes on it.
    pub async fn set_clock(&self, ahead: TimeDelta) {
        let seconds = ahead.num_seconds();
        let clock = format!(
            "create or replace function log.clock() returns timestamptz language sql stable parallel safe \
            return now() + interval '{seconds} seconds'"
        );
        let clock = sqlx::raw_sql(AssertSqlSafe(clock));
        clock.execute(&self.pool().await).await.expect("another clock");
    }

    /// A client that nobody has signed in.
    pub fn anonymous(&self) -> Client {
        Client::new(&self.url)
    }

    /// A new company's owner, signed in.
    pub async fn owner(&self) -> Client {
        let unique = Uuid::now_v7().simple().to_string();
        let bin: String = unique
            .bytes()
            .rev()
            .take(12)
            .map(|byte| char::from(b'0' + byte % 10))
            .collect();
        let email = format!("owner-{unique}@company.kz");
        let mut client = self.anonymous();
        let password = "SecurePassword123";
        let body = serde_json::json!({
            "email": email, "password": password, "firstName": "Имя", "lastName": "Фамилия", "bin": bin, "companyName": format!("ТОО Компания {unique}"),
        });
        client.post("/users/register-owner", body).await.expect(201);
        let code = self.code_for(&email).await;
        client
            .post("/users/verify-email", serde_json::json!({"email": email, "code": code}))
            .await
            .expect(200);
        client.sign_in(&email, password).await;
        client
    }

    /// Somebody else, a member of that owner's workspace too, in this role.
    pub async fn member(&self, owner: &Client, role: Role) -> Client {
        let mut member = self.owner().await;
        member.workspace.clone_from(&owner.workspace);
        self.enroll(&member, role).await;
        member
    }

    /// Gives somebody that role in their workspace. It is done as another node would.
    pub async fn enroll(&self, member: &Client, role: Role) {
        let log = self.log().await;
        let workspace: Uuid = member.workspace.parse().expect("an id");
        let user_id: Uuid = member.user.parse().expect("an id");
        let user_id = user_id.into();
        let context = Context::new(WorkspaceId::PLATFORM, Actor::System, Utc::now());
        Executor::new(log.clone())
            .execute::<Workspace>(
                workspace.into(),
                &WorkspaceCommand::AddMember {
                    user_id,
                    access: role.into(),
                    by: None,
                },
                &context,
            )
            .await
            .expect("a member");
        log.farewell().await.expect("other nodes are told");
        eventually("the role counts", || async {
            let shown = member.get(&format!("/workspaces/{workspace}")).await;
            (shown.body["data"]["role"] == role.code()).then_some(())
        })
        .await;
    }

    /// The six digits in the newest mail to that address.
    pub async fn code_for(&self, email: &str) -> String {
        let newest = || async { self.codes_for(email).pop() };
        eventually("a mail with a code", newest).await
    }

    /// Those of all mails to that address so far, the oldest first.
    pub fn codes_for(&self, email: &str) -> Vec<String> {
        self.mails_to(email).iter().filter_map(|mail| code_in(mail)).collect()
    }

    /// All mails to that address so far, the oldest first.
    pub fn mails_to(&self, email: &str) -> Vec<String> {
        let Ok(mails) = fs::read_dir(&self.mail_dir) else {
            return vec![];
        };
        let mut mails: Vec<PathBuf> = mails.filter_map(|entry| Some(entry.ok()?.path())).collect();
        // What is still being written has another name, which would come first.
        mails.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
        mails.sort();
        let texts = mails.iter().filter_map(|path| fs::read_to_string(path).ok());
        // Another's may end with the same letters.
        let names = |text: &String| {
            let mut found = text.match_indices(email).map(|(at, _)| &text[..at]);
            found.any(|before| !before.ends_with(char::is_alphanumeric))
        };
        texts.filter(names).collect()
    }

    /// Where its log is: where it is told, or where all logs of tests are.
    fn engine(&self) -> Option<Engine> {
        let told = |name: &str| {
            let found = self.env.iter().rev().find(|(known, _)| known == name);
            found.map(|(_, value)| value.clone())
        };
        match (told("LOG_ENGINE"), told("LOG_ENGINE_STREAMS")) {
            (Some(address), Some(streams)) => Some(Engine { address, streams }),
            (Some(_), None) => None,
            (None, _) => Engine::of(&self.database_url),
        }
    }

    /// One more node's handle to its log.
    pub async fn log(&self) -> Log {
        let options = self.database_url.parse().expect("a database's URL");
        let log = engine::open(options, self.pool().await, self.engine().as_ref()).await;
        log.expect("the log")
    }

    /// Its database is lost, and another one in its place with nothing in it.
    pub async fn lose_database(&self) {
        self.database.as_ref().expect("a database of its own").lose().await;
    }

    /// Straight to the database, as its superuser.
    pub async fn pool(&self) -> PgPool {
        PgPoolOptions::new()
            .max_connections(4)
            .connect(&self.database_url)
            .await
            .expect("the server's database")
    }
}

fn code_in(mail: &str) -> Option<String> {
    let runs = mail.split(|c: char| !c.is_ascii_alphanumeric());
    runs.filter(|run| run.len() == 6 && run.bytes().all(|byte| byte.is_ascii_digit()))
        .map(str::to_owned)
        .next()
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let said = fs::read_to_string(self.said_file()).unwrap_or_default();
            let last: Vec<&str> = said.lines().rev().take(20).collect();
            eprintln!(
                "the server on port {} said, newest first:\n{}",
                self.port,
                last.join("\n")
            );
        }
        fs::remove_file(self.said_file()).ok();
        if self
            .database
            .as_ref()
            .is_none_or(|database| Arc::strong_count(database) == 1)
        {
            fs::remove_dir_all(&self.mail_dir).ok();
            fs::remove_dir_all(self.files_dir()).ok();
        }
    }
}
