//! Faults between any two statements of the committer, and while its transaction commits: in a test's own database each
//! table that a batch writes has a trigger, which does what another table says. How often a fault has struck is counted by
//! a sequence, for that alone survives the rollback that the fault causes.

use crate::PATIENCE;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use std::time::Instant;

/// Terminating waits for the signal to arrive, so that not one statement more is executed.
const MACHINERY: &str = "
    create table log.faults (
        name      text primary key,
        sequence  regclass not null,
        action    text     not null,
        remaining bigint   not null
    );
    create function log.fault(point text) returns bool language plpgsql as $$
    declare
        armed log.faults;
    begin
        select * into armed from log.faults where name = point;
        if armed.name is null or nextval(armed.sequence) > armed.remaining then
            return true;
        end if;
        case armed.action
            when 'terminate' then perform pg_terminate_backend(pg_backend_pid(), 60000);
            when 'wait' then
                declare
                    patience text := current_setting('lock_timeout'); -- it is meant for heads and not for gates
                begin
                    perform set_config('lock_timeout', '0', true);
                    perform pg_advisory_xact_lock_shared(hashtext('log.fault'), hashtext(point));
                    perform set_config('lock_timeout', patience, true);
                end;
            else raise exception 'fault: %', point using errcode = armed.action;
        end case;
        return true;
    end
    $$;
    create function log.fault_here() returns trigger language plpgsql as
    $$ begin assert log.fault(tg_argv[0]); return null; end $$;";

/// What a batch runs into, and when: at the tables' doors, and while the transaction commits.
const DOORS: [(&str, &str); 7] = [
    ("moving", "trigger NAME before update on log.heads for each statement"),
    (
        "entering",
        "trigger NAME before insert on log.commands for each statement",
    ),
    ("writing", "trigger NAME before insert on log.events for each statement"),
    (
        "releasing",
        "trigger NAME before delete on log.claims for each statement",
    ),
    (
        "counting",
        "trigger NAME before insert or update on log.numbers for each statement",
    ),
    (
        "claiming",
        "trigger NAME before insert on log.claims for each statement",
    ),
    (
        "committing",
        "constraint trigger NAME after insert on log.events deferrable initially deferred for each row",
    ),
];

/// What happens to a transaction that gets to a fault point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The server refuses, with this SQLSTATE.
    Raise(&'static str),
    /// The backend ends.
    Terminate,
    /// It stays there until the point's `Gate` is opened.
    Wait,
}

/// The faults of one database.
pub struct Faults {
    pool: PgPool,
}

impl Faults {
    /// The log must have been opened before, for that makes the tables.
    pub async fn install(pool: &PgPool) -> Self {
        let run = async |sql: String| {
            let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await;
            done.expect("a way for faults");
        };
        run(MACHINERY.to_owned()).await;
        for (name, when) in DOORS {
            let when = when.replace("NAME", &format!("fault_{name}"));
            run(format!("create {when} execute function log.fault_here('{name}')")).await;
        }
        Self { pool: pool.clone() }
    }

    /// Every place where something can go wrong.
    pub fn points(&self) -> Vec<&'static str> {
        DOORS.iter().map(|(name, _)| *name).collect()
    }

    /// The next so many transactions that get there meet with this. With 0 of them they are only counted.
    pub async fn arm(&self, name: &str, action: Action, times: i64) {
        assert!(DOORS.iter().any(|(door, _)| *door == name), "no fault point {name}");
        let sequence =
            format!("create sequence if not exists log.fault_{name}; alter sequence log.fault_{name} restart");
        sqlx::raw_sql(AssertSqlSafe(sequence))
            .execute(&self.pool)
            .await
            .expect("a counter");
        let arm = "insert into log.faults values ($1, ('log.fault_' || $1)::regclass, $2, $3)
            on conflict (name) do update set action = excluded.action, remaining = excluded.remaining";
        let action = match action {
            Action::Raise(code) => code,
            Action::Terminate => "terminate",
            Action::Wait => "wait",
        };
        let arm = sqlx::query(arm).bind(name).bind(action).bind(times);
        arm.execute(&self.pool).await.expect("an armed fault");
    }

    /// How many got to that point since it was armed.
    pub async fn passed(&self, name: &str) -> i64 {
        let passed = format!("select case when is_called then last_value else 0 end from log.fault_{name}");
        let passed = sqlx::query_scalar(AssertSqlSafe(passed)).fetch_one(&self.pool);
        passed.await.expect("a counter")
    }

    /// All is well again.
    pub async fn disarm(&self) {
        let disarm = sqlx::query("delete from log.faults").execute(&self.pool);
        disarm.await.expect("disarmed faults");
    }

    /// Closes the gate of that point, for those that are armed to wait there.
    pub async fn close_gate(&self, name: &str) -> Gate {
        let options = self.pool.connect_options();
        let mut connection = PgConnection::connect_with(&options).await.expect("a connection");
        let lock = "select pg_advisory_lock(hashtext('log.fault'), hashtext($1))";
        let lock = sqlx::query(lock).bind(name).execute(&mut connection);
        lock.await.expect("the gate's lock");
        Gate(connection)
    }
}

/// A closed gate. Opens at the latest when its connection goes.
pub struct Gate(PgConnection);

impl Gate {
    /// The backend that stands in front of it, as soon as there is one.
    pub async fn first_waiting(&mut self) -> i32 {
        let waiting =
            "select w.pid from pg_locks w join pg_locks h using (locktype, database, classid, objid, objsubid)
            where locktype = 'advisory' and not w.granted and h.granted and h.pid = pg_backend_pid()";
        let deadline = Instant::now() + PATIENCE;
        loop {
            let waiting = sqlx::query_scalar(waiting).fetch_optional(&mut self.0);
            if let Some(backend) = waiting.await.expect("those who wait") {
                return backend;
            }
            assert!(Instant::now() < deadline, "nobody came to the gate");
        }
    }

    pub async fn open(self) {
        self.0.close().await.expect("an open gate");
    }
}
