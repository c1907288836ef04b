//! The trail: events in order, told as entries. Whoever asks for it, over HTTP, on the command line or into a file, gets it
//! from here, a page at a time.

use super::{
    TrailError,
    entry::{Cause, Entry, Listener, Request, Who},
    filter::Filter,
    noun::{self, Noun},
    own,
    states::States,
};
use crate::i18n::{self, Language};
use domain::Permission;
use futures::{Stream, StreamExt, TryStreamExt};
use log::{Log, ReadError, Recorded};
use sqlx::PgPool;
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// Events whose personal values are opened together.
const BATCH: usize = 200;

/// Tells one workspace's past.
pub struct Trail {
    log: Log,
    pool: PgPool,
    workspace: Uuid,
    states: States,
}

/// Whose events.
#[derive(Debug, Clone, Copy)]
pub enum Source {
    /// All, by their positions.
    Workspace,
    /// One thing's, by their versions.
    Stream(Uuid),
}

/// How much at a time.
#[derive(Debug, Clone, Copy)]
pub struct Measure {
    /// Entries that are told.
    pub entries: usize,
    /// Events that are looked at for them.
    pub looks: usize,
}

/// What a page came to.
#[derive(Debug, Default)]
pub struct Told {
    pub entries: Vec<Entry>,
    /// The position or version up to which all was looked at.
    pub reached: i64,
    /// Nothing was left behind it.
    pub is_over: bool,
}

impl Trail {
    pub fn new(log: Log, pool: PgPool, workspace: Uuid) -> Self {
        Self {
            states: States::new(log.clone()),
            log,
            pool,
            workspace,
        }
    }

    /// The entries behind a position or version.
    pub async fn page(
        &mut self,
        source: Source,
        after: i64,
        filter: &Filter,
        listener: Listener<'_>,
        measure: Measure,
    ) -> Result<Told, TrailError> {
        let mut told = Told {
            reached: after,
            is_over: true,
            ..Told::default()
        };
        self.states.forget_the_erased();
        let (mut looked, mut batches) = (0, Box::pin(self.events(source, after)).try_chunks(BATCH));
        'page: while let Some(mut batch) = batches.try_next().await.map_err(|error| error.1)? {
            self.log.open_personal(&mut batch).await?;
            self.log.open_addresses(&mut batch).await?;
            for event in &batch {
                if filter.is_over(event) {
                    break 'page;
                }
                if looked == measure.looks || told.entries.len() == measure.entries {
                    told.is_over = false;
                    break 'page;
                }
                looked += 1;
                told.reached = source.place(event);
                told.entries.extend(self.tell(event, filter, listener).await?);
            }
        }
        self.complete(&mut told.entries, listener.language).await?;
        Ok(told)
    }

    /// What is looked up for many entries at once.
    pub(super) async fn complete(&self, entries: &mut [Entry], language: Language) -> Result<(), TrailError> {
        self.name(entries, language).await?;
        own::call(&self.log, self.workspace, entries, language).await?;
        self.find_causes(entries).await
    }

    pub(super) fn log(&self) -> &Log {
        &self.log
    }

    pub(super) fn pool(&self) -> &PgPool {
        &self.pool
    }

    pub(super) fn workspace(&self) -> Uuid {
        self.workspace
    }

    fn events(&self, source: Source, after: i64) -> impl Stream<Item = Result<Recorded, ReadError>> + Send + use<> {
        match source {
            Source::Workspace => self.log.replay(self.workspace, after).boxed(),
            Source::Stream(stream) => self.log.replay_stream(self.workspace, stream, after).boxed(),
        }
    }

    pub(super) async fn tell(
        &mut self,
        event: &Recorded,
        filter: &Filter,
        listener: Listener<'_>,
    ) -> Result<Option<Entry>, TrailError> {
        let noun = noun::of_category(&event.category);
        let noun = noun.ok_or_else(|| TrailError::Unknown(event.category.clone()))?;
        if !filter.takes(event, noun) {
            self.states.pass(event)?;
            return Ok(None);
        }
        let step = self.states.step(noun, event).await?;
        let changes = step
            .as_ref()
            .map(|step| listener.changes(noun::fields(event.category.as_str()), step));
        let entry = entry(event, noun);
        // Where colleagues work is not for everybody who may read what they did.
        let from = entry.from.filter(|_| (listener.may)(Permission::AuditView));
        Ok(Some(Entry {
            sentence: listener.sentence(event, noun, step.as_ref()),
            changes: changes.unwrap_or_default(),
            from,
            ..entry
        }))
    }

    /// What people, machines and processes are called.
    async fn name(&self, entries: &mut [Entry], language: Language) -> Result<(), TrailError> {
        let people: BTreeSet<Uuid> = entries.iter().filter_map(|entry| entry.who.id).collect();
        let people: Vec<Uuid> = people.into_iter().collect();
        let names: HashMap<Uuid, String> = if people.is_empty() {
            HashMap::new()
        } else {
            let names = "select id, concat_ws(' ', first_name, last_name) from platform.users where id = any($1) \
                union all select id, name from platform.api_keys where id = any($1)";
            let names = sqlx::query_as::<_, (Uuid, String)>(names)
                .bind(people)
                .fetch_all(&self.pool);
            names.await?.into_iter().collect()
        };
        for Entry { who, .. } in entries {
            who.name = match who.id {
                Some(id) => names.get(&id).cloned(),
                None => i18n::actor(language, &who.actor).or_else(|| given(&who.actor)),
            };
        }
        Ok(())
    }

    /// What the newest event of the thing that a process is about was, before the step.
    async fn find_causes(&self, entries: &mut [Entry]) -> Result<(), TrailError> {
        let asked = entries.iter().enumerate().filter_map(|(nth, entry)| {
            let instance = entry.caused_by.as_ref()?.instance?;
            Some((i64::try_from(nth).ok()?, instance, entry.position))
        });
        let asked: Vec<(i64, Uuid, i64)> = asked.collect();
        if asked.is_empty() {
            return Ok(());
        }
        let before = "select q.nth, e.position from unnest($2::bigint[], $3::uuid[], $4::bigint[]) q(nth, stream, before), \
            lateral (select position from log.events where workspace_id = $1 and stream_id = q.stream and position < q.before \
            order by version desc limit 1) e";
        let found = sqlx::query_as::<_, (i64, i64)>(before)
            .bind(self.workspace)
            .bind(asked.iter().map(|(nth, ..)| *nth).collect::<Vec<_>>())
            .bind(asked.iter().map(|(_, stream, _)| *stream).collect::<Vec<_>>())
            .bind(asked.iter().map(|(.., before)| *before).collect::<Vec<_>>());
        for (nth, position) in found.fetch_all(&self.pool).await? {
            let entry = usize::try_from(nth).ok().and_then(|nth| entries.get_mut(nth));
            if let Some(cause) = entry.and_then(|entry| entry.caused_by.as_mut()) {
                cause.position = Some(position);
            }
        }
        Ok(())
    }
}

impl Source {
    fn place(self, event: &Recorded) -> i64 {
        match self {
            Self::Workspace => event.position,
            Self::Stream(_) => event.version,
        }
    }
}

/// `operator:Aigerim` goes by that name.
fn given(actor: &str) -> Option<String> {
    actor.split_once(':').map(|(_, name)| name.to_owned())
}

/// What the event's envelope tells.
fn entry(event: &Recorded, noun: &dyn Noun) -> Entry {
    let meta = event.meta();
    let (kind, name) = meta.actor.split_once(':').unwrap_or((&meta.actor, ""));
    let is_saga = kind == "saga";
    let cause = Cause {
        saga: is_saga.then(|| name.to_owned()),
        instance: meta.correlation_id.filter(|_| is_saga),
        position: None,
        causation_id: meta.causation_id,
    };
    Entry {
        position: event.position,
        version: event.version,
        at: event.recorded_at,
        kind: event.event_type.clone(),
        resource: noun.resource(),
        stream_id: event.stream_id,
        sentence: String::new(),
        who: Who {
            kind: kind.to_owned(),
            id: matches!(kind, "user" | "key").then(|| name.parse().ok()).flatten(),
            name: None,
            actor: meta.actor.clone(),
        },
        from: meta
            .client_address
            .as_ref()
            .and_then(|address| address.shown().map(str::to_owned)),
        request: Request {
            command_id: meta.command_id,
            correlation_id: meta.correlation_id,
        },
        caused_by: (is_saga || cause.causation_id.is_some()).then_some(cause),
        changes: Vec::new(),
    }
}
