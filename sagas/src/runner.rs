//! The runner: folds facts into instances in the transaction that moves the checkpoint, then carries out what is owed.
//! Between the two anything may crash: what is owed is asked for again, and each step's command id makes it one.

use crate::{
    Seen,
    act::{Failure, Owed, execute},
    all,
    saga::Process,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use commands::{Actor, Context, Executor};
use domain::{
    Fact,
    id::{ProcessId, WorkspaceId, derive},
    process::{Process as ProcessStream, ProcessCommand, Refusal},
};
use futures::{StreamExt, stream};
use log::{CommandId, Consumer, ConsumerError, Progress, migrate};
use serde_json::Value;
use sqlx::{PgConnection, PgPool};
use std::{collections::BTreeMap, sync::Arc};
use uuid::Uuid;

/// Events folded in one transaction.
const BATCH: i64 = 500;
/// Instances whose debts are paid in one step, and how many at a time.
const DEBTORS: i64 = 256;
const AT_A_TIME: usize = 32;

const MIGRATIONS: &[migrate::Migration] = &[migrate::Migration::new(
    "0001_sagas",
    include_str!("../../migrations/sagas/0001_sagas.sql"),
)];

pub struct Sagas {
    executor: Executor,
    pool: PgPool,
    processes: Vec<Box<dyn Process>>,
}

/// Applies the migrations; the result is to be followed with.
pub async fn open(executor: Executor, pool: PgPool) -> Result<Arc<Sagas>, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    migrate::apply(&mut connection, "sagas", MIGRATIONS).await?;
    drop(connection);
    Ok(Arc::new(Sagas {
        executor,
        pool,
        processes: all(),
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
        let (from, position) = self.fold(workspace).await?;
        if position - from == BATCH {
            // What is owed here may have been carried out further on, so long ago that its command id is forgotten.
            return Ok(Progress { position, more: true });
        }
        let owing = self.pay(workspace).await?;
        // What was carried out comes back as events and wakes us by itself.
        Ok(Progress {
            position,
            more: owing == DEBTORS,
        })
    }

    /// Debts outlive the events they come from.
    async fn unsettled(&self) -> Result<Vec<Uuid>, ConsumerError> {
        let owing = sqlx::query_scalar("select distinct workspace_id from sagas.instances where owes");
        Ok(owing.fetch_all(&self.pool).await?)
    }
}

/// One step of one instance, still to be done.
struct Debt {
    saga: &'static str,
    instance: Uuid,
    owed: Owed,
}

impl Sagas {
    /// Takes the next events in; answers where the checkpoint stood and where it stands.
    async fn fold(&self, workspace: Uuid) -> Result<(i64, i64), ConsumerError> {
        // What a crash takes back is folded again from the log: the commit need not wait for the disk.
        let mut tx = self
            .pool
            .begin_with("begin; set local synchronous_commit = off")
            .await?;
        let from = lock_checkpoint(&mut tx, workspace).await?;
        let mut events = log::read_in_tx(&mut tx, workspace, from, BATCH).await?;
        self.executor.log().open_personal_in_tx(&mut tx, &mut events).await?;
        let Some(last) = events.last().map(|event| event.position) else {
            return Ok((from, from));
        };
        let mut seen = Vec::with_capacity(events.len());
        for event in events {
            let fact = Fact::decode(&event.category, &event.event_type, event.schema, &event.data)?;
            seen.push(Seen {
                id: event.stream_id,
                at: event.recorded_at,
                fact,
            });
        }
        for process in &self.processes {
            fold_process(&mut tx, workspace, process.as_ref(), &seen).await?;
        }
        sqlx::query("update sagas.checkpoints set position = $2 where workspace_id = $1")
            .bind(workspace)
            .bind(last)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok((from, last))
    }

    /// Carries out what is owed; answers how many instances owed something.
    async fn pay(&self, workspace: Uuid) -> Result<i64, ConsumerError> {
        let owing = "select saga, instance, state from sagas.instances where workspace_id = $1 and owes order by started_at, instance limit $2";
        let owing: Vec<(String, Uuid, Value)> = sqlx::query_as(owing)
            .bind(workspace)
            .bind(DEBTORS)
            .fetch_all(&self.pool)
            .await?;
        let count = i64::try_from(owing.len())?;
        let mut debts = Vec::new();
        for (name, instance, state) in owing {
            if let Some(process) = self.processes.iter().find(|process| process.name() == name) {
                let owed = process.owed(state, instance)?;
                debts.extend(owed.into_iter().map(|owed| Debt {
                    saga: process.name(),
                    instance,
                    owed,
                }));
            }
        }
        // Steps owed at the same time do not depend on each other: together they share a commit, and one that fails
        // keeps no other from being carried out.
        let settled = stream::iter(debts)
            .map(|debt| self.settle(workspace, debt))
            .buffer_unordered(AT_A_TIME);
        let failures: Vec<ConsumerError> = settled.filter_map(async |settled| settled.err()).collect().await;
        failures.into_iter().next().map_or(Ok(count), Err)
    }

    async fn settle(&self, workspace: Uuid, debt: Debt) -> Result<(), ConsumerError> {
        let Debt {
            saga,
            instance,
            owed: Owed { step, act },
        } = debt;
        let mut context = Context {
            workspace: workspace.into(),
            actor: Actor::Saga(saga),
            now: Utc::now(),
            command: Some(command_id(workspace, saga, instance, &step)),
            expected_version: None,
            correlation: Some(instance),
            client_address: None,
        };
        match act.carry_out(&self.executor, &context).await {
            Ok(()) => Ok(()),
            Err(Failure::Refused { code, message }) => {
                tracing::warn!(saga, %workspace, %instance, step, code, "a step was refused");
                context.command = None;
                let stream = ProcessId::new(derive(instance, saga));
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

fn command_id(workspace: Uuid, saga: &str, instance: Uuid, step: &str) -> CommandId {
    CommandId {
        id: derive(derive(workspace, saga), &format!("{instance} {step}")),
        request_hash: [0; 32],
    }
}

async fn lock_checkpoint(tx: &mut PgConnection, workspace: Uuid) -> Result<i64, sqlx::Error> {
    let lock = "select position from sagas.checkpoints where workspace_id = $1 for update";
    if let Some(position) = sqlx::query_scalar(lock)
        .bind(workspace)
        .fetch_optional(&mut *tx)
        .await?
    {
        return Ok(position);
    }
    let create = "insert into sagas.checkpoints (workspace_id, position) values ($1, 0) on conflict do nothing";
    sqlx::query(create).bind(workspace).execute(&mut *tx).await?;
    sqlx::query_scalar(lock).bind(workspace).fetch_one(tx).await
}

async fn fold_process(
    tx: &mut PgConnection,
    workspace: Uuid,
    process: &dyn Process,
    seen: &[Seen],
) -> Result<(), ConsumerError> {
    let mut touched: BTreeMap<Uuid, Vec<&Seen>> = BTreeMap::new();
    for seen in seen {
        if let Some(instance) = process.instance(seen) {
            touched.entry(instance).or_default().push(seen);
        }
    }
    if touched.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = touched.keys().copied().collect();
    let states =
        "select instance, state from sagas.instances where workspace_id = $1 and saga = $2 and instance = any($3)";
    let states: Vec<(Uuid, Value)> = sqlx::query_as(states)
        .bind(workspace)
        .bind(process.name())
        .bind(ids)
        .fetch_all(&mut *tx)
        .await?;
    let mut states: BTreeMap<Uuid, Value> = states.into_iter().collect();

    let (mut instances, mut after, mut standings, mut reasons, mut owes, mut times) =
        (vec![], vec![], vec![], vec![], vec![], vec![]);
    for (instance, seen) in touched {
        let at: Option<DateTime<Utc>> = seen.last().map(|seen| seen.at);
        let Some(folded) = process.fold(states.remove(&instance), &seen, instance)? else {
            continue;
        };
        instances.push(instance);
        after.push(folded.state.to_string());
        standings.push(folded.standing.name());
        reasons.push(folded.standing.reason().map(str::to_owned));
        owes.push(folded.owes);
        times.push(at);
    }
    let save = "insert into sagas.instances (workspace_id, saga, instance, state, status, reason, owes, started_at, updated_at) \
        select $1, $2, i, s::jsonb, n, r, o, t, t from unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::bool[], $8::timestamptz[]) u(i, s, n, r, o, t) \
        on conflict (workspace_id, saga, instance) do update set state = excluded.state, status = excluded.status, reason = excluded.reason, \
        owes = excluded.owes, updated_at = excluded.updated_at";
    sqlx::query(save)
        .bind(workspace)
        .bind(process.name())
        .bind(instances)
        .bind(after)
        .bind(standings)
        .bind(reasons)
        .bind(owes)
        .bind(times)
        .execute(tx)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stored with what has been carried out: another id would carry it out again.
    #[test]
    fn a_step_has_one_command_id_for_ever() {
        let (workspace, instance) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let id = command_id(workspace, "deal_won_orchestrator", instance, "order");
        assert_eq!(id.id.to_string(), "13c65964-789f-5327-972c-32960f3487da");
        assert_eq!(id.request_hash, [0; 32]);
    }
}
