//! A PostgreSQL primary and a synchronous standby of our own, in a folder of our own: what is acknowledged is on both
//! disks. They run as an ordinary user, for PostgreSQL refuses root, with fsync on, and go when they are dropped; what
//! a killed run left behind goes when the next one starts.

use super::{
    forwarder::Forwarder,
    node::sleep,
    shim::{self, Disk},
};
use crate::{eventually, free_port};
use sqlx::{Connection, PgConnection, Row};
use std::{
    fs,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

const FOLDER: &str = "prometric-torture";
/// What `pg_ctl status` ends with then.
const NOT_RUNNING: i32 = 3;

pub struct Cluster {
    programs: Programs,
    folder: PathBuf,
    /// What makes disks and clocks fail, if it is to be had.
    shim: Option<PathBuf>,
    /// Servers made so far; each has a folder of that number.
    made: usize,
    primary: Server,
    standby: Option<Server>,
    /// Nodes connect through this one,
    pub forwarder: Forwarder,
    /// and the standby through this one.
    replication: Forwarder,
}

struct Server {
    data: PathBuf,
    disk: Disk,
    port: u16,
}

impl Server {
    fn new(programs: &Programs, folder: &Path, nth: usize) -> Self {
        Self {
            data: folder.join(nth.to_string()),
            disk: Disk::new(folder.join(format!("{nth}.disk")), programs.user),
            port: free_port(),
        }
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://torture@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }
}

impl Cluster {
    pub async fn start() -> Self {
        let programs = Programs::find();
        sweep(&programs);
        let folder = std::env::temp_dir().join(format!("{FOLDER}-{}-{}", std::process::id(), free_port()));
        fs::create_dir(&folder).expect("a folder for the cluster");
        if let Some((user, group)) = programs.user {
            chown(&folder, Some(user), Some(group)).expect("the folder for PostgreSQL's user");
        }
        let primary = Server::new(&programs, &folder, 0);
        let (forwarder, replication) = (
            Forwarder::start(primary.port).await,
            Forwarder::start(primary.port).await,
        );
        let mut cluster = Self {
            programs,
            shim: shim::build(&folder),
            folder,
            made: 1,
            primary,
            standby: None,
            forwarder,
            replication,
        };
        cluster.make_primary().await;
        cluster.rebuild_standby().await;
        cluster
    }

    /// Where nodes connect to, whichever server is the primary.
    pub fn url(&self) -> String {
        self.url_of("torture")
    }

    /// The same to another of its databases.
    pub fn url_of(&self, database: &str) -> String {
        let port = self.forwarder.port;
        format!("postgres://torture@127.0.0.1:{port}/{database}?sslmode=disable")
    }

    /// Straight to the primary, as its superuser.
    pub async fn connect(&self) -> PgConnection {
        let url = self.primary.url("torture");
        eventually("the primary answers", || async {
            PgConnection::connect(&url).await.ok()
        })
        .await
    }

    async fn make_primary(&self) {
        let server = &self.primary;
        let mut initdb = self.programs.command("initdb");
        initdb.args([
            "-U",
            "torture",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "-D",
        ]);
        run(initdb.arg(&server.data)).await;
        let file = server.data.join("postgresql.conf");
        let conf = fs::read_to_string(&file).expect("postgresql.conf");
        fs::write(&file, format!("{conf}\ninclude 'torture.conf'\n")).expect("postgresql.conf");
        self.configure(server, false);
        self.launch(server).await;
        let mut admin = PgConnection::connect(&server.url("postgres"))
            .await
            .expect("the new primary");
        for create in ["create database torture", "create database elsewhere"] {
            let created = sqlx::query(create).execute(&mut admin).await;
            created.expect("a database");
        }
        let mut connection = self.connect().await;
        sqlx::raw_sql(super::readers::SCHEMA)
            .execute(&mut connection)
            .await
            .expect("the readers' tables");
    }

    /// The settings that differ from one to the other; `waits`: commits wait for the standby.
    fn configure(&self, server: &Server, waits: bool) {
        let (port, standbys) = (server.port, if waits { "*" } else { "" });
        let conf = format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = ''\nmax_connections = 100\n\
            shared_buffers = 32MB\nwal_keep_size = 512MB\nwal_retrieve_retry_interval = 100ms\nwal_sender_timeout = 10s\n\
            synchronous_commit = on\nsynchronous_standby_names = '{standbys}'\nfsync = on\ntimezone = 'UTC'\n"
        );
        let file = server.data.join("torture.conf");
        fs::write(&file, conf).expect("torture.conf");
        if let Some((user, group)) = self.programs.user {
            chown(&file, Some(user), Some(group)).expect("torture.conf for PostgreSQL's user");
        }
    }

    async fn launch(&self, server: &Server) {
        let mut start = self.programs.command("pg_ctl");
        server.disk.prepare(self.shim.as_deref(), &mut start);
        start
            .args(["start", "-w", "-t", "60", "-D"])
            .arg(&server.data)
            .arg("-l")
            .arg(self.folder.join("server.log"));
        run(&mut start).await;
    }

    /// `pg_ctl stop -m immediate`: as good as a crash, with all its connections.
    pub async fn crash(&self) {
        run(stop(&mut self.programs.command("pg_ctl"), &self.primary.data)).await;
    }

    /// The crashed primary comes up again.
    pub async fn restart(&self) {
        self.launch(&self.primary).await;
    }

    pub async fn crash_and_restart(&self) {
        self.crash().await;
        self.restart().await;
        self.await_standby().await;
    }

    /// What makes disks and clocks fail, if it is to be had: with a C compiler.
    pub fn shim(&self) -> Option<&Path> {
        self.shim.as_deref()
    }

    /// A folder that goes with the cluster.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// From now on nothing on the primary's disk can grow. Needs the shim.
    pub fn fill_disk(&self) {
        self.primary.disk.fill();
    }

    /// There is room again.
    pub async fn clear_disk(&self) {
        self.primary.disk.clear();
        self.revive().await;
    }

    /// A sync fails, which PostgreSQL does not survive: nobody knows what is on the disk. Needs the shim.
    pub async fn fail_sync(&self) {
        self.primary.disk.fail_sync();
        eventually("a sync fails", || async {
            self.primary.disk.has_failed().then_some(())
        })
        .await;
        self.revive().await;
    }

    /// A primary that a fault of its disk has ended may come up by itself, or give up and be started.
    async fn revive(&self) {
        let url = self.primary.url("torture");
        eventually("the primary is up", || async {
            if PgConnection::connect(&url).await.is_ok() {
                return Some(());
            }
            let mut status = self.programs.command("pg_ctl");
            let status = status.args(["status", "-D"]).arg(&self.primary.data).status();
            if status.ok()?.code() == Some(NOT_RUNNING) {
                self.launch(&self.primary).await;
            }
            None
        })
        .await;
        self.await_standby().await;
    }

    /// From now on nodes reach the standby, which has everything and is read-only until it is promoted.
    pub async fn stray(&self) {
        self.await_standby().await;
        let standby = self.standby.as_ref().expect("a standby to stray to");
        self.forwarder.point_to(standby.port);
    }

    /// Nothing can be acknowledged meanwhile, for nothing reaches the standby.
    pub async fn isolate_standby(&self, milliseconds: u64) {
        self.replication.point_nowhere();
        sleep(milliseconds).await;
        self.replication.point_to(self.primary.port);
        self.await_standby().await;
    }

    /// Kills the primary, promotes the standby, points the nodes to it, and makes a new standby of it, all under load.
    /// `behind`: so many milliseconds before that the standby is cut off; whatever was acknowledged meanwhile is lost.
    ///
    /// First the standby has to have what the primary has *shown*: PostgreSQL shows what a terminated backend or a
    /// crashed server committed while it waited for the standby, before the standby has it. To lose that would be
    /// PostgreSQL's doing, not the log's.
    pub async fn fail_over(&mut self, behind: u64) {
        self.await_standby().await;
        self.replication.point_nowhere();
        sleep(behind).await;
        self.promote().await;
        self.rebuild_standby().await;
    }

    /// Kills the primary and puts the standby into its place; then there is no standby.
    pub async fn promote(&mut self) {
        self.crash().await;
        let promoted = self.standby.take().expect("a standby to fail over to");
        let mut promote = self.programs.command("pg_ctl");
        run(promote.args(["promote", "-w", "-t", "60", "-D"]).arg(&promoted.data)).await;
        let dead = std::mem::replace(&mut self.primary, promoted);
        self.forwarder.point_to(self.primary.port);
        self.replication.point_to(self.primary.port);
        fs::remove_dir_all(&dead.data).ok();
    }

    /// Commits do not wait while there is no standby, and do again once there is.
    async fn rebuild_standby(&mut self) {
        let standby = Server::new(&self.programs, &self.folder, self.made);
        self.made += 1;
        let mut copy = self.programs.command("pg_basebackup");
        let from = format!("host=127.0.0.1 port={} user=torture", self.replication.port);
        copy.args(["-R", "-X", "stream", "-c", "fast", "--no-sync", "-d", &from, "-D"])
            .arg(&standby.data);
        run(&mut copy).await;
        self.configure(&standby, false);
        self.launch(&standby).await;
        self.standby = Some(standby);
        self.configure(&self.primary, true);
        run(self
            .programs
            .command("pg_ctl")
            .args(["reload", "-D"])
            .arg(&self.primary.data))
        .await;
        self.await_standby().await;
    }

    /// Until the standby has on its disk what the primary has now.
    async fn await_standby(&self) {
        let mut connection = self.connect().await;
        let now = sqlx::query_scalar("select pg_current_wal_flush_lsn()::text");
        let now: String = now.fetch_one(&mut connection).await.expect("the primary's position");
        let reached = "select coalesce(bool_or(sync_state = 'sync' and state = 'streaming' and flush_lsn >= $1::pg_lsn), false) from pg_stat_replication";
        let url = self.primary.url("torture");
        eventually("the standby keeps up", || async {
            let mut connection = PgConnection::connect(&url).await.ok()?;
            let row = sqlx::query(reached).bind(&now).fetch_one(&mut connection).await.ok()?;
            row.get::<bool, _>(0).then_some(())
        })
        .await;
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        clear(&self.programs, &self.folder);
    }
}

/// Stops whatever runs in the folder, and removes it.
fn clear(programs: &Programs, folder: &Path) {
    for data in fs::read_dir(folder).into_iter().flatten().flatten() {
        if data.path().join("postmaster.pid").exists() {
            stop(&mut programs.command("pg_ctl"), &data.path()).status().ok();
        }
    }
    fs::remove_dir_all(folder).ok();
}

/// Clears what runs that were killed have left: their folders are named after their process.
fn sweep(programs: &Programs) {
    for entry in fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name
            .strip_prefix(FOLDER)
            .and_then(|rest| rest.split('-').nth(1)?.parse::<u32>().ok());
        if owner.is_some_and(|owner| !signal(owner, "0")) {
            clear(programs, &entry.path());
        }
    }
}

fn stop<'a>(pg_ctl: &'a mut Command, data: &Path) -> &'a mut Command {
    pg_ctl
        .args(["stop", "-m", "immediate", "-w", "-t", "60", "-D"])
        .arg(data)
}

/// Whether there was such a process to be told. The shell's own `kill` is everywhere.
pub fn signal(process: u32, name: &str) -> bool {
    let kill = format!("kill -{name} {process} 2>/dev/null");
    Command::new("sh")
        .args(["-c", &kill])
        .status()
        .is_ok_and(|status| status.success())
}

async fn run(command: &mut Command) {
    let named = format!("{command:?}");
    let mut command = tokio::process::Command::from(std::mem::replace(command, Command::new("true")));
    let status = command
        .kill_on_drop(true)
        .status()
        .await
        .unwrap_or_else(|error| panic!("{named}: {error}"));
    assert!(status.success(), "{named}: {status}");
}

struct Programs {
    folder: PathBuf,
    /// User and group to become, when we are root.
    user: Option<(u32, u32)>,
}

impl Programs {
    /// Where `./dev` says, or as it finds them.
    fn find() -> Self {
        let named = std::env::var("PG_BIN").ok().filter(|folder| !folder.is_empty());
        let folder = named.or_else(|| printed("pg_config", &["--bindir"])).map(PathBuf::from);
        let here = |folder: &PathBuf| folder.join("initdb").exists();
        let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .filter_map(|version| Some(version.ok()?.path().join("bin")))
            .collect();
        versions.sort();
        let folder = folder.into_iter().chain(versions.into_iter().rev()).find(here);
        Self {
            folder: folder.expect("PostgreSQL's programs: run this with ./dev, or set PG_BIN"),
            user: service_user(),
        }
    }

    /// Out of reach of the terminal's Ctrl-C: we say when it ends. From /, which everybody may enter.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.folder.join(program));
        command.current_dir("/").process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }
}

fn service_user() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| printed("id", arguments)?.parse().ok();
    if id(&["-u"]) != Some(0) {
        return None;
    }
    let users = ["postgres", "nobody"].into_iter();
    let mut ids = users.filter_map(|user| Some((id(&["-u", user])?, id(&["-g", user])?)));
    Some(ids.next().expect("an ordinary user for PostgreSQL"))
}

fn printed(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
