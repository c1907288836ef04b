//! The runner: folds facts into the instances that it remembers (memory.rs), carries out what is owed, and writes down where
//! everything stands. Between them anything may crash: what is owed is asked for again, and each step's command id makes
//! it one.
//!
//! What is owed from some instant on waits in its row. Every second the rows are looked at by the database's clock, the same
//! for all nodes; where something is due, the workspace takes a step like any other: first it folds what the log says by
//! now, so that what is no longer due is forgotten, then it pays what is left.

use crate::{
    Owed, Seen,
    act::{Failure, execute},
    all,
    memory::{Changed, DEBTORS, Key, Memory, names, process},
    saga::Process,
    shown::stream,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use commands::{Actor, Context, Executor};
use domain::{
    Fact,
    id::{WorkspaceId, derive},
    process::{Process as ProcessStream, ProcessCommand, Refusal},
};
use futures::{StreamExt, stream};
use log::{CommandId, Consumer, ConsumerError, Progress, Recorded, migrate};
use sqlx::PgPool;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use trace::TraceParent;
use tracing::Instrument;
use uuid::Uuid;

/// Events folded in one transaction.
const BATCH: i64 = 500;
/// Steps that are carried out at a time.
const AT_A_TIME: usize = 128;

/// Of schema `sagas`.
pub const MIGRATIONS: &[migrate::Migration] = &[
    migrate::Migration::new("0001_sagas", include_str!("../../migrations/sagas/0001_sagas.sql")),
    migrate::Migration::new("0002_due", include_str!("../../migrations/sagas/0002_due.sql")),
    migrate::Migration::new("0003_running", include_str!("../../migrations/sagas/0003_running.sql")),
    migrate::Migration::new(
        "0004_decisions",
        include_str!("../../migrations/sagas/0004_decisions.sql"),
    ),
    migrate::Migration::new("0005_parked", include_str!("../../migrations/sagas/0005_parked.sql")),
    migrate::Migration::new("0006_sealed", include_str!("../../migrations/sagas/0006_sealed.sql")),
];

pub struct Sagas {
    executor: Executor,
    processes: Vec<Box<dyn Process>>,
    memories: Mutex<HashMap<Uuid, Memory>>,
    /// Where something is due, and by which reading of the clock.
    readings: Mutex<HashMap<Uuid, DateTime<Utc>>>,
}

/// Applies the migrations; the result is to be followed with.
pub async fn open(executor: Executor, pool: PgPool) -> Result<Arc<Sagas>, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    migrate::apply(&mut connection, "sagas", MIGRATIONS).await?;
    Ok(Arc::new(Sagas {
        executor,
        processes: all(),
        memories: Mutex::default(),
        readings: Mutex::default(),
    }))
}

#[async_trait]
impl Consumer for Sagas {
    fn name(&self) -> &'static str {
        "sagas"
    }

    fn follows(&self, workspace: Uuid) -> bool {
        workspace != WorkspaceId::PLATFORM.uuid()
    }

    async fn advance(&self, workspace: Uuid) -> Result<Progress, ConsumerError> {
        let mut memory = self.recall(workspace).await?;
        let from = memory.position;
        self.fold(workspace, &mut memory).await?;
        let position = memory.position;
        if !self.write_down(workspace, &mut memory, position > from).await? {
            // Another node has taken this step, or a crash of the database took an earlier one back.
            return Ok(Progress {
                position: from,
                more: true,
            });
        }
        if position - from == BATCH {
            self.remember(workspace, memory);
            // What is owed here may have been carried out further on, so long ago that its command id is forgotten.
            return Ok(Progress { position, more: true });
        }
        let (due, more_due) = self.due_in(workspace, &mut memory).await?;
        let debts = memory.debts().into_iter().chain(due).collect();
        let mut more = memory.has_more_debts() || more_due || memory.is_unwritten();
        if memory.is_spent() {
            more = true;
        } else {
            self.remember(workspace, memory);
        }
        self.pay(workspace, debts).await?;
        // What was carried out comes back as events and wakes us by itself.
        Ok(Progress { position, more })
    }

    /// Debts outlive the events they come from.
    async fn unsettled(&self) -> Result<Vec<Uuid>, ConsumerError> {
        let owing = sqlx::query_scalar("select distinct workspace_id from sagas.instances where owes");
        Ok(owing.fetch_all(self.pool()).await?)
    }

    async fn due(&self) -> Result<Vec<Uuid>, ConsumerError> {
        let due = "select distinct workspace_id, log.clock() from sagas.instances where due_at <= log.clock() and saga = any($1)";
        let due = sqlx::query_as(due).bind(names(&self.processes));
        let due: HashMap<Uuid, DateTime<Utc>> = due.fetch_all(self.pool()).await?.into_iter().collect();
        let workspaces = due.keys().copied().collect();
        *lock(&self.readings) = due;
        Ok(workspaces)
    }
}

/// One step of one instance, still to be done.
pub(crate) struct Debt {
    pub saga: &'static str,
    pub instance: Uuid,
    pub cause: Cause,
    pub owed: Owed,
}

/// The last event that an instance has seen, as far as it is known: after a crash, or when an instant has come, it is not.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cause {
    event: Option<Uuid>,
    trace: Option<TraceParent>,
}

impl Cause {
    fn of(event: &Recorded) -> Self {
        Self {
            event: Some(event.event_id),
            trace: event.meta().traceparent.and_then(|name| name.parse().ok()),
        }
    }
}

impl Sagas {
    fn pool(&self) -> &PgPool {
        self.executor.log().followers()
    }

    /// Takes a workspace's memory, or makes it from what is stored.
    async fn recall(&self, workspace: Uuid) -> Result<Memory, ConsumerError> {
        let log = self.executor.log();
        // Once somebody was erased, what was folded from what they were called is not used again.
        let doubts = log.doubts().wrapping_add(log.erasures());
        let known = lock(&self.memories).remove(&workspace);
        match known.filter(|memory| memory.is_sure(doubts)) {
            Some(memory) => Ok(memory),
            None => Memory::read(log, workspace, &self.processes, doubts).await,
        }
    }

    /// What has become due, where the clock was read for it, and whether there is more of it.
    async fn due_in(&self, workspace: Uuid, memory: &mut Memory) -> Result<(Vec<Debt>, bool), ConsumerError> {
        let reading = lock(&self.readings).remove(&workspace);
        let Some(reading) = reading else {
            return Ok((vec![], false));
        };
        let due = memory
            .due(self.executor.log(), workspace, reading, &self.processes)
            .await?;
        let more = due.len() >= DEBTORS;
        if more {
            lock(&self.readings).insert(workspace, reading);
        }
        Ok((due, more))
    }

    fn remember(&self, workspace: Uuid, memory: Memory) {
        lock(&self.memories).insert(workspace, memory);
    }

    /// Takes the next events in.
    async fn fold(&self, workspace: Uuid, memory: &mut Memory) -> Result<(), ConsumerError> {
        let events = self.executor.log().next(workspace, memory.position, BATCH).await?;
        let Some(last) = events.last().map(|event| event.position) else {
            return Ok(());
        };
        let mut touched: BTreeMap<Key, (Vec<Seen>, Cause)> = BTreeMap::new();
        let mut unsure = BTreeSet::new();
        for event in events {
            let decode = |event: &Recorded| Fact::decode(&event.category, &event.event_type, event.schema, &event.data);
            let seen = Seen {
                id: event.stream_id,
                at: event.recorded_at,
                fact: event.meaning(decode)?,
            };
            for process in &self.processes {
                if let Some(instance) = process.instance(&seen) {
                    let key = (process.name(), instance);
                    let is_new = event.version == 1 && event.stream_id == instance;
                    if !touched.contains_key(&key) && !is_new {
                        unsure.insert(key);
                    }
                    let (facts, cause) = touched.entry(key).or_default();
                    facts.push(seen.clone());
                    *cause = Cause::of(event.as_ref());
                }
            }
        }
        // Where nothing runs and nothing begins, nothing is to be looked for.
        unsure.retain(|key| memory.may_hold(key) || touched.get(key).is_some_and(|(seen, _)| self.begins(key, seen)));
        memory
            .load(self.executor.log(), workspace, unsure.iter(), &self.processes)
            .await?;
        let mut changed = Vec::with_capacity(touched.len());
        for (key, (seen, cause)) in touched {
            let folded =
                process(&self.processes, key.0).and_then(|process| process.fold(memory.state(&key), &seen, key.1));
            if let Some((folded, last)) = folded.zip(seen.last()) {
                changed.push(Changed {
                    key,
                    at: last.at,
                    cause,
                    folded,
                });
            }
        }
        memory.take(last, changed);
        Ok(())
    }

    /// Whether the facts make an instance where there was none.
    fn begins(&self, (saga, instance): &Key, seen: &[Seen]) -> bool {
        process(&self.processes, saga).is_some_and(|process| process.fold(None, seen, *instance).is_some())
    }

    /// In a quiet moment, when it was long not done, or when something may be due; `false`: the memory is worth nothing.
    async fn write_down(&self, workspace: Uuid, memory: &mut Memory, news: bool) -> Result<bool, ConsumerError> {
        let may_be_due = || lock(&self.readings).contains_key(&workspace);
        if memory.is_long() || (memory.is_unwritten() && (!news || memory.is_spent() || may_be_due())) {
            return memory.write(self.executor.log(), workspace, &self.processes).await;
        }
        Ok(news || memory.is_current(self.pool(), workspace).await?)
    }

    /// Carries out what is owed. Steps owed at the same time do not depend on each other: together they share a commit,
    /// and one that fails keeps no other from being carried out.
    async fn pay(&self, workspace: Uuid, debts: Vec<Debt>) -> Result<(), ConsumerError> {
        let settled = stream::iter(debts)
            .map(|debt| self.settle(workspace, debt))
            .buffer_unordered(AT_A_TIME);
        let failures: Vec<ConsumerError> = settled.filter_map(async |settled| settled.err()).collect().await;
        failures.into_iter().next().map_or(Ok(()), Err)
    }

    async fn settle(&self, workspace: Uuid, debt: Debt) -> Result<(), ConsumerError> {
        let span = tracing::debug_span!(target: trace::TARGET, "step", saga = debt.saga, instance = %debt.instance, step = debt.owed.step);
        let trace = trace::continued(&span, debt.cause.trace.as_ref());
        self.carry_out(workspace, debt, trace).instrument(span).await
    }

    async fn carry_out(&self, workspace: Uuid, debt: Debt, trace: Option<TraceParent>) -> Result<(), ConsumerError> {
        let Debt {
            saga,
            instance,
            cause,
            owed,
        } = debt;
        let key = owed.key();
        let Owed { step, act, .. } = owed;
        let mut context = Context {
            workspace: workspace.into(),
            actor: Actor::Saga(saga),
            now: Utc::now(),
            command: Some(command_id(workspace, saga, instance, &key)),
            expected_version: None,
            correlation: Some(instance),
            causation: cause.event,
            trace,
            client_address: None,
        };
        match act.carry_out(&self.executor, &context).await {
            Ok(()) => Ok(()),
            Err(Failure::Refused { code, message }) => {
                tracing::warn!(saga, %workspace, %instance, step, code, "a step was refused");
                context.command = None;
                let stream = stream(instance, saga);
                let refusal = Refusal {
                    saga: saga.to_owned(),
                    instance,
                    step,
                    code,
                    message,
                };
                let note = ProcessCommand::NoteRefusal(refusal);
                Ok(execute::<ProcessStream>(&self.executor, stream, note, &context).await?)
            }
            Err(again @ Failure::Again(_)) => Err(again.into()),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn command_id(workspace: Uuid, saga: &str, instance: Uuid, key: &str) -> CommandId {
    CommandId {
        id: derive(derive(workspace, saga), &format!("{instance} {key}")),
        request_hash: [0; 32],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Act;
    use domain::id::{OrderId, ProductId};

    /// Stored with what has been carried out: another id would carry it out again.
    #[test]
    fn a_step_has_one_command_id_for_ever() {
        let (workspace, instance) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let id = command_id(workspace, "deal_won_orchestrator", instance, "order");
        assert_eq!(id.id.to_string(), "13c65964-789f-5327-972c-32960f3487da");
        assert_eq!(id.request_hash, [0; 32]);
    }

    #[test]
    fn another_instant_is_another_command() {
        let tell = Act::AwaitBill(ProductId::default(), OrderId::default(), 0);
        let tell = Owed::new("tell", tell);
        let at = |seconds: i64| {
            tell.clone()
                .not_before(DateTime::from_timestamp_nanos(seconds * 1_000_000_000))
        };
        assert_eq!((tell.key().as_str(), at(7).key().as_str()), ("tell", "tell at 7000000"));
        assert_ne!(at(7).key(), at(8).key());
        assert!(!tell.is_due(DateTime::UNIX_EPOCH), "at once is not due");
        let reading = DateTime::from_timestamp_nanos(7_000_000_000);
        assert_eq!((at(7).is_due(reading), at(8).is_due(reading)), (true, false));
    }
}
