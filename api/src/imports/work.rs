//! Carrying imports on. A node takes one that nobody works on and goes on where it stands: some lines at a time are looked at, or carried out,
//! all at once, so that they share commits; then it is written down what came of them. Whatever breaks off in between is done again, and does
//! nothing: a line's command has an id of its own.

use super::{
    Table,
    columns::{Columns, Line as Said},
    resource::Entry,
    shown,
    store::{self, Import, Line, Outcome, State},
};
use crate::{
    extract::{Caller, Json},
    problem::{Code, Problem},
    state::App,
};
use chrono::Utc;
use commands::{Context, Executor};
use domain::{Rule, id::derive};
use futures::future::join_all;
use log::{CommandId, chain};
use sha2::{Digest, Sha256};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::Semaphore,
    task::spawn_blocking,
    time::{Instant, sleep},
};
use uuid::Uuid;

/// Imports that a node works on at once.
const AT_ONCE: usize = 2;
/// Lines that wait for their commit at once.
const LINES: usize = 128;
/// How late it may be that another node's is found; it costs one look into an index.
const LOOK: Duration = Duration::from_secs(1);
/// Seconds before what could not be done by circumstances is tried again.
const PAUSE: i32 = 3;
const SWEEP: Duration = Duration::from_secs(3_600);

/// Goes on until the server ends.
pub async fn keep(app: App) {
    let (room, mut swept) = (Arc::new(Semaphore::new(AT_ONCE)), None);
    loop {
        tokio::select! {
            () = app.importing.notified() => {}
            () = sleep(LOOK) => {}
        }
        if swept.is_none_or(|swept: Instant| swept.elapsed() > SWEEP) {
            swept = Some(Instant::now());
            if let Err(error) = store::lapse(&app.pool).await {
                tracing::warn!(%error, "old imports could not be removed; they will");
            }
        }
        while let Ok(seat) = room.clone().try_acquire_owned() {
            let taken = store::take(&app.pool).await;
            match taken {
                Ok(Some(import)) => {
                    let app = app.clone();
                    tokio::spawn(async move {
                        carry_on(&app, &import).await;
                        drop(seat);
                        app.importing.notify_one(); // for the next one
                    });
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::warn!(%error, "imports could not be looked for; they will");
                    break;
                }
            }
        }
    }
}

async fn carry_on(app: &App, import: &Import) {
    let worked = match Work::begin(app, import).await {
        Ok(work) => work.go().await,
        Err(problem) => Err(problem),
    };
    let Err(problem) = worked else { return };
    tracing::warn!(id = %import.id, code = problem.code().as_str(), reason = problem.reason(), "an import stands still");
    let noted = match problem.code().status().is_server_error() {
        true => store::let_go(&app.pool, import.id, PAUSE).await,
        false => store::fail(&app.pool, import.id, &shown::in_each_language(&problem)).await,
    };
    if let Err(error) = noted {
        tracing::warn!(error = %chain(&error), "what became of an import could not be noted; it is tried again");
    }
}

/// One import in hand.
struct Work<'a> {
    app: &'a App,
    import: &'a Import,
    columns: Columns,
    lines: Vec<(i32, Vec<String>)>,
}

/// What a line is about.
struct Meant {
    thing: Uuid,
    is_new: bool,
    fields: Json,
}

impl<'a> Work<'a> {
    async fn begin(app: &'a App, import: &'a Import) -> Result<Self, Problem> {
        let file = store::file(&app.pool, import.id).await?;
        let table = spawn_blocking(move || Table::read(&file)).await;
        let table = table.map_err(|_| Problem::internal())?.map_err(shown::unreadable)?;
        let caller = caller(app, import).await?;
        let names: Vec<Option<String>> = import.heads.iter().map(|(_, name)| name.clone()).collect();
        Ok(Self {
            app,
            import,
            columns: Columns::named(&names, &import.resource.targets_of(app, &caller).await?),
            lines: table.lines,
        })
    }

    async fn go(&self) -> Result<(), Problem> {
        let (pool, id) = (&self.app.pool, self.import.id);
        if self.import.state == State::Checking {
            if !self.check().await? {
                return Ok(());
            }
            let next = if self.import.is_dry {
                State::Ready
            } else {
                State::Running
            };
            if !store::go(pool, id, &[State::Checking], next).await? || self.import.is_dry {
                return Ok(());
            }
        }
        if self.run().await? {
            // Whoever sees that it is done sees what it did.
            let workspace = self.import.workspace.into();
            let head = self.app.log.head(self.import.workspace).await?;
            self.app.projections.wait_for(workspace, head).await;
            store::go(pool, id, &[State::Running], State::Done).await?;
        }
        Ok(())
    }

    /// What each line would come to; false when somebody cancelled it.
    async fn check(&self) -> Result<bool, Problem> {
        let (pool, id) = (&self.app.pool, self.import.id);
        let key = self.import.resource.key().map(|(field, _)| field);
        let doubled = self.columns.doubled(&self.lines, key);
        let looked_at = store::looked_at(pool, id).await?;
        let begin = self.lines.partition_point(|(nth, _)| *nth <= looked_at);
        let executor = self.app.executor.rehearsing();
        for lines in self.lines[begin..].chunks(LINES) {
            if !store::hold(pool, id, State::Checking).await? {
                return Ok(false);
            }
            let caller = caller(self.app, self.import).await?;
            let meant = self.meant(lines, &doubled).await?;
            let (executor, caller) = (&executor, &caller);
            let tried = lines.iter().zip(meant).map(|((nth, _), meant)| async move {
                match meant {
                    Ok(meant) => self.enter(executor, caller, *nth, meant).await,
                    Err(problem) => refused(*nth, None, false, problem),
                }
            });
            let tried: Vec<Line> = join_all(tried).await.into_iter().collect::<Result<_, _>>()?;
            store::note(pool, id, &tried, false).await?;
        }
        Ok(true)
    }

    /// Carries the lines out that are not yet; false when somebody cancelled it.
    async fn run(&self) -> Result<bool, Problem> {
        let (pool, id) = (&self.app.pool, self.import.id);
        let lines: HashMap<i32, &Vec<String>> = self.lines.iter().map(|(nth, cells)| (*nth, cells)).collect();
        loop {
            if !store::hold(pool, id, State::Running).await? {
                return Ok(false);
            }
            let left = store::left(pool, id, i64::try_from(LINES).unwrap_or(i64::MAX)).await?;
            if left.is_empty() {
                return Ok(true);
            }
            // As a request of the workspace, which waits for its other ones; those who wait in vain wait again.
            let Ok(turn) = self.app.writing.take(self.import.workspace).await else {
                continue;
            };
            let caller = caller(self.app, self.import).await?;
            let (caller, lines) = (&caller, &lines);
            let done = left.into_iter().map(|line| async move {
                let cells = lines.get(&line.nth).map_or(&[][..], |cells| cells.as_slice());
                let (Ok(said), Some(thing)) = (self.columns.read(cells), line.thing) else {
                    return Err(Problem::internal()); // it was read before
                };
                let meant = Meant {
                    thing,
                    is_new: line.is_new,
                    fields: Json::Object(said.fields),
                };
                self.enter(&self.app.executor, caller, line.nth, meant).await
            });
            let done: Vec<Line> = join_all(done).await.into_iter().collect::<Result<_, _>>()?;
            drop(turn);
            store::note(pool, id, &done, true).await?;
        }
    }

    /// What a line comes to. What is refused by circumstances, and not by itself, is no outcome.
    async fn enter(
        &self,
        executor: &Executor,
        caller: &Caller,
        nth: i32,
        Meant { thing, is_new, fields }: Meant,
    ) -> Result<Line, Problem> {
        let context = self.context(caller, nth);
        let entry = Entry {
            app: self.app,
            executor,
            caller,
            context: &context,
        };
        let entered = self.import.resource.enter(entry, thing, fields, is_new).await;
        match entered {
            Ok(entered) => Ok(Line {
                nth,
                outcome: match (is_new, entered.changed) {
                    (true, _) => Outcome::Create,
                    (false, true) => Outcome::Update,
                    (false, false) => Outcome::Unchanged,
                },
                thing: Some(thing),
                is_new,
                error: None,
            }),
            // It is there, and not for whoever sent it: told as an id that nothing has.
            Err(problem) if !is_new && problem.code() == Code::NotFound && problem.violations().is_empty() => {
                let problem = Problem::invalid_field(super::columns::ID, Rule::Unknown);
                refused(nth, Some(thing), is_new, problem)
            }
            Err(problem) => refused(nth, Some(thing), is_new, problem),
        }
    }

    fn context(&self, caller: &Caller, nth: i32) -> Context {
        let id = derive(self.import.id, &nth.to_string());
        let mut context = Context::new(self.import.workspace.into(), caller.actor(), Utc::now());
        context.correlation = Some(self.import.id);
        context.command = Some(CommandId {
            id,
            request_hash: Sha256::digest(id).into(),
        });
        context
    }

    /// Which thing each of the lines is about, and what it says of it.
    async fn meant(
        &self,
        lines: &[(i32, Vec<String>)],
        doubled: &HashMap<i32, String>,
    ) -> Result<Vec<Result<Meant, Problem>>, Problem> {
        let said = lines.iter().map(|(nth, cells)| match doubled.get(nth) {
            Some(field) => Err(Problem::invalid_field(field, Rule::NotUnique)),
            None => self.columns.read(cells).map_err(|wrong| Problem::invalid(&wrong)),
        });
        let said: Vec<Result<Said, Problem>> = said.collect();
        let there = self.there(&said).await?;
        let owners = self.owners(&said).await?;
        let meant = lines.iter().zip(said);
        Ok(meant
            .map(|((nth, _), said)| self.thing(*nth, said?, &there, &owners))
            .collect())
    }

    fn thing(
        &self,
        nth: i32,
        said: Said,
        there: &HashSet<Uuid>,
        owners: &HashMap<String, Uuid>,
    ) -> Result<Meant, Problem> {
        let external = self.external(&said);
        let (thing, is_new) = if let Some(text) = &said.id {
            let id = Uuid::parse_str(text).map_err(|_| Problem::invalid_field(super::columns::ID, Rule::NotAUuid))?;
            if !there.contains(&id) {
                return Err(Problem::invalid_field(super::columns::ID, Rule::Unknown));
            }
            (id, false)
        } else if let Some(id) = external.filter(|id| there.contains(id)) {
            (id, false)
        } else if let Some(owner) = self.key_of(&said).and_then(|key| owners.get(key)) {
            (*owner, false)
        } else {
            (
                external.unwrap_or_else(|| derive(self.import.id, &format!("thing of {nth}"))),
                true,
            )
        };
        Ok(Meant {
            thing,
            is_new,
            fields: Json::Object(said.fields),
        })
    }

    /// The id of what has that id elsewhere: it follows from it, so that whoever sends it again means the same.
    fn external(&self, said: &Said) -> Option<Uuid> {
        let name = self.import.resource.name();
        let external = said.external_id.as_ref()?;
        Some(derive(self.import.workspace, &format!("{name}: {external}")))
    }

    fn key_of<'s>(&self, said: &'s Said) -> Option<&'s str> {
        let (field, _) = self.import.resource.key()?;
        said.fields.iter().find_map(|(name, value)| match value {
            Json::Text(text) if name == field => Some(text.as_str()),
            _ => None,
        })
    }

    async fn there(&self, said: &[Result<Said, Problem>]) -> Result<HashSet<Uuid>, Problem> {
        let said = said.iter().flatten();
        let ids = said.flat_map(|said| [said.id.as_ref().and_then(|id| id.parse().ok()), self.external(said)]);
        let ids: Vec<Uuid> = ids.flatten().collect();
        if ids.is_empty() {
            return Ok(HashSet::new());
        }
        let there = self.app.log.streams_there(self.import.workspace, &ids).await;
        Ok(there.map_err(unread)?.into_iter().collect())
    }

    async fn owners(&self, said: &[Result<Said, Problem>]) -> Result<HashMap<String, Uuid>, Problem> {
        let Some((_, kind)) = self.import.resource.key() else {
            return Ok(HashMap::new());
        };
        let keys: Vec<&str> = said.iter().flatten().filter_map(|said| self.key_of(said)).collect();
        let owners = self.app.log.owners_of(self.import.workspace, kind, &keys).await;
        Ok(owners.map_err(unread)?.into_iter().collect())
    }
}

/// Whoever sent it, with the rights that they have by now.
async fn caller(app: &App, import: &Import) -> Result<Caller, Problem> {
    let Import {
        user, workspace, key, ..
    } = *import;
    Caller::returned(app, user.into(), workspace, key.map(Into::into)).await
}

/// A line that is refused by itself; what is refused by circumstances may yet be done.
fn refused(nth: i32, thing: Option<Uuid>, is_new: bool, problem: Problem) -> Result<Line, Problem> {
    if problem.code().status().is_server_error() {
        return Err(problem);
    }
    Ok(Line {
        nth,
        outcome: Outcome::Error,
        thing,
        is_new,
        error: Some(shown::in_each_language(&problem)),
    })
}

fn unread(error: log::ReadError) -> Problem {
    tracing::error!(error = %chain(&error), "the log could not be read for an import");
    Problem::unavailable("store.unavailable")
}
