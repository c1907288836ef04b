//! What is done to a log besides appending and reading, under the same faults: old events are put away and brought back,
//! people are erased, command ids swept, workspaces written out and taken in elsewhere. The oracle judges what it left;
//! what only this one can see, it complains of itself.

use super::{
    history::{Line, now},
    node::{say, sleep},
    workload::World,
};
use log::{
    Append, AppendError, Log, Metadata, NewEvent, PersonalError, ReadError, Stream, StreamAppend,
    keeping::{ArchiveError, ExportError, HistoryError, ImportError, VerifyError, Walk},
};
use rand::{Rng, rngs::StdRng};
use sqlx::{AssertSqlSafe, PgPool};
use std::{error::Error, path::PathBuf, sync::Arc, time::Duration};
use tokio::time::error::Elapsed;
use uuid::Uuid;

/// Command ids are kept for so long, in seconds: some are asked for again later than that.
const KEPT: u64 = 6;
/// How long a fault may drag a sweep out.
const SWEEP_MAX: u64 = 30;
const SECRET: &str = "Асель Қуанышқызы";

/// Its hands.
pub struct Keeper {
    pub log: Log,
    pub pool: PgPool,
    /// The log of another database, to move to.
    pub elsewhere: (Log, PgPool),
    pub world: Arc<World>,
    pub node: usize,
    /// For what is put away.
    pub folder: PathBuf,
    pub rng: StdRng,
}

type Done = Result<(), Box<dyn Error + Send + Sync>>;

impl Keeper {
    /// One thing after another.
    pub async fn work(&mut self) {
        let task = self.rng.random_range(0..5);
        let (name, done) = match task {
            0 => ("archive", self.archive().await),
            1 => ("restore", self.restore().await),
            2 => ("erase", self.erase().await),
            3 => ("sweep", self.sweep().await),
            _ => ("move", self.relocate().await),
        };
        match done {
            Ok(()) => say(&Line::Kept { task: name.to_owned() }),
            // A fault came between, which the next try has to be able to live with.
            Err(error) if is_passing(&*error) => {}
            Err(error) => complain(format!("{name}: {}", log::chain(&*error))),
        }
        sleep(self.rng.random_range(50..400)).await;
    }

    /// As far as every consumer has read.
    async fn archive(&mut self) -> Done {
        let workspace = self.world.books(self.node);
        let read = "select min(position) from torture.checkpoints where workspace_id = $1 having count(*) = 2";
        let read = sqlx::query_scalar(read).bind(workspace).fetch_optional(&self.pool);
        let read: i64 = read.await?.unwrap_or(0);
        let through = self.rng.random_range(0..=read);
        self.log.archive(workspace, through, &self.folder).await?;
        Ok(())
    }

    async fn restore(&mut self) -> Done {
        let workspace = self.world.books(self.node);
        let from = self.rng.random_range(1..500);
        self.log.restore(workspace, from, &self.folder).await?;
        Ok(())
    }

    /// Somebody is written down, erased, and never heard of again.
    async fn erase(&mut self) -> Done {
        let (workspace, person) = (self.world.private(self.node), Uuid::now_v7());
        let appended = self.log.append(telling_of(workspace, person)).await?;
        let told = &appended.events[0].data;
        if !told.contains(SECRET) {
            complain(format!("a personal value was answered sealed: {told}"));
        }
        self.log.erase_person(workspace, person).await?;
        let mut events = self.log.read(workspace, appended.position - 1, 1).await?;
        self.log.open_personal(&mut events).await?;
        if events.len() != 1 || events.iter().any(|event| event.data.contains(SECRET)) {
            complain(format!("who was erased is still there: {events:?}"));
        }
        match self.log.append(telling_of(workspace, person)).await {
            Err(AppendError::Personal(PersonalError::Erased { .. })) => Ok(()),
            Err(error) => Err(error.into()),
            Ok(appended) => {
                complain(format!("of who was erased more was told: {appended:?}"));
                Ok(())
            }
        }
    }

    async fn sweep(&mut self) -> Done {
        let keeps = KEPT * 1_000_000;
        let until = now() + SWEEP_MAX * 1_000_000;
        say(&Line::Sweeping { keeps, until });
        let swept = self.log.sweep_commands(Duration::from_secs(KEPT));
        let swept = tokio::time::timeout(Duration::from_secs(SWEEP_MAX), swept).await;
        say(&Line::Swept { keeps, until: now() });
        swept??;
        Ok(())
    }

    /// Written out as it stands, and taken in by another database, which then has exactly this.
    async fn relocate(&mut self) -> Done {
        let workspace = self.world.own(&mut self.rng, self.node);
        let mut file = Vec::new();
        let summary = match self.log.export(workspace, Some(&self.folder), &mut file).await {
            Err(ExportError::Unknown { .. }) => return Ok(()), // nothing was written to it yet
            summary => summary?,
        };
        let (there, pool) = &self.elsewhere;
        let mut tx = pool.begin().await?;
        for table in ["events", "commands", "claims", "numbers", "person_keys", "heads"] {
            let delete = AssertSqlSafe(format!("delete from log.{table} where workspace_id = $1"));
            sqlx::query(delete).bind(workspace).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        there.import(&file[..]).await?;
        let report = there.verify(workspace, &Walk::default()).await?;
        let last = self.log.read(workspace, summary.header.last - 1, 1).await?;
        let same = last.first().is_none_or(|event| event.hash == report.hash);
        if report.position != summary.header.last || !same {
            complain(format!("{workspace} was moved as {report:?}, from {summary:?}"));
        }
        Ok(())
    }
}

fn telling_of(workspace: Uuid, person: Uuid) -> Append {
    let id = Uuid::now_v7();
    Append {
        workspace,
        streams: vec![StreamAppend {
            stream: Stream { category: "person", id },
            expected: Some(0),
            events: vec![NewEvent {
                id,
                event_type: "person.named".to_owned(),
                schema: 1,
                data: format!(r#"{{"name":{{"$person":"{person}","$value":"{SECRET}"}}}}"#),
                number: None,
            }],
        }],
        claims: vec![],
        guards: vec![],
        command: None,
        answer: String::new(),
        number_year: 2026,
        metadata: Metadata::default(),
    }
}

fn complain(text: String) {
    say(&Line::Broken { text });
}

/// Whether the database was away, or is so asked that nobody knows.
fn is_passing(error: &(dyn Error + 'static)) -> bool {
    if let Some(appended) = error.downcast_ref::<AppendError>() {
        return match appended {
            AppendError::Unknown | AppendError::Overloaded => true,
            AppendError::Unavailable(error) | AppendError::Personal(PersonalError::Database(error)) => {
                log::is_outage(error)
            }
            _ => false,
        };
    }
    error.is::<Elapsed>() || of_store(error).is_some_and(log::is_outage)
}

/// What the database said or did, below whichever task it happened to.
fn of_store<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a sqlx::Error> {
    let of_history = |error: &'a HistoryError| match error {
        HistoryError::Database(error) | HistoryError::Row(ReadError::Unavailable(error)) => Some(error),
        _ => None,
    };
    let exported = error.downcast_ref().and_then(|error| match error {
        ExportError::Database(error) => Some(error),
        ExportError::History(error) => of_history(error),
        _ => None,
    });
    let imported = error.downcast_ref().and_then(|error| match error {
        ImportError::Database(error) | ImportError::Refused { source: error, .. } => Some(error),
        _ => None,
    });
    let archived = error.downcast_ref().and_then(|error| match error {
        ArchiveError::Database(error) => Some(error),
        ArchiveError::History(error) => of_history(error),
        _ => None,
    });
    let verified = error.downcast_ref().and_then(|error| match error {
        VerifyError::Database(error) => Some(error),
        VerifyError::History(error) => of_history(error),
        _ => None,
    });
    let read = error.downcast_ref().and_then(|error| match error {
        ReadError::Unavailable(error) => Some(error),
        _ => None,
    });
    let opened = error.downcast_ref().and_then(|error| match error {
        PersonalError::Database(error) => Some(error),
        _ => None,
    });
    let told = [exported, imported, archived, verified, read, opened];
    told.into_iter().flatten().next().or(error.downcast_ref())
}
