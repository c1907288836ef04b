//! What a node remembers of a workspace's running instances, and how it is written down: in one statement with the
//! position that it was folded to, if the checkpoint still stands where this node left it. Whoever else moved it makes the
//! memory worth nothing; it is then read anew.

use crate::{
    Owed, Standing,
    runner::Debt,
    saga::{Folded, Process, State},
};
use chrono::{DateTime, Utc};
use log::ConsumerError;
use serde_json::Value;
use sqlx::{PgConnection, PgPool};
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// Instances whose debts are paid in one step.
const DEBTORS: usize = 256;
/// The most instances that are remembered although they owe nothing just now: they wait.
const IDLE_MAX: usize = 4_096;

/// After so many events of which nothing came the checkpoint is moved all the same: a crash has no more of them taken in
/// again.
const UNSTORED_MAX: i64 = 2_000;

/// A saga's name and what the instance is about.
pub(crate) type Key = (&'static str, Uuid);

pub(crate) struct Memory {
    /// Up to where events were taken in.
    pub position: i64,
    /// Where the checkpoint stands: before that, as long as nothing came of the events since.
    stored: i64,
    /// Those that run, and every one that owes something; but see `has_more`.
    instances: HashMap<Key, Instance>,
    owing: BTreeSet<(DateTime<Utc>, Key)>,
    /// More are stored that owe something, which come when these have been paid.
    has_more: bool,
}

struct Instance {
    state: State,
    owed: Vec<Owed>,
    began: DateTime<Utc>,
}

/// What a batch made of an instance.
pub(crate) struct Changed {
    pub key: Key,
    pub at: Option<DateTime<Utc>>,
    pub folded: Folded,
}

type Row = (String, Uuid, Value, DateTime<Utc>);

impl Memory {
    /// From what is stored.
    pub async fn read(pool: &PgPool, workspace: Uuid, processes: &[Box<dyn Process>]) -> Result<Self, ConsumerError> {
        let begin = "insert into sagas.checkpoints (workspace_id, position) values ($1, 0) on conflict do nothing";
        sqlx::query(begin).bind(workspace).execute(pool).await?;
        let position = "select position from sagas.checkpoints where workspace_id = $1";
        let position = sqlx::query_scalar(position).bind(workspace).fetch_one(pool).await?;
        let owing = "select saga, instance, state, started_at from sagas.instances where workspace_id = $1 and owes \
            order by started_at, instance limit $2";
        let owing: Vec<Row> = sqlx::query_as(owing)
            .bind(workspace)
            .bind(i64::try_from(DEBTORS)?)
            .fetch_all(pool)
            .await?;
        let mut memory = Self {
            position,
            stored: position,
            instances: HashMap::new(),
            owing: BTreeSet::new(),
            has_more: owing.len() == DEBTORS,
        };
        memory.wake(owing, processes)?;
        Ok(memory)
    }

    fn wake(&mut self, rows: Vec<Row>, processes: &[Box<dyn Process>]) -> Result<(), ConsumerError> {
        for (name, instance, state, began) in rows {
            // A saga of another version is left to it.
            if let Some(process) = processes.iter().find(|process| process.name() == name) {
                let (state, owed) = process.wake(state, instance)?;
                self.set((process.name(), instance), Instance { state, owed, began });
            }
        }
        Ok(())
    }

    /// Reads those of the instances that are not remembered.
    pub async fn load(
        &mut self,
        connection: &mut PgConnection,
        workspace: Uuid,
        keys: impl Iterator<Item = &Key>,
        processes: &[Box<dyn Process>],
    ) -> Result<(), ConsumerError> {
        let unknown = keys.filter(|key| !self.instances.contains_key(*key)).copied();
        let (names, ids): (Vec<&str>, Vec<Uuid>) = unknown.unzip();
        if ids.is_empty() {
            return Ok(());
        }
        let stored = "select i.saga, i.instance, i.state, i.started_at from unnest($2::text[], $3::uuid[]) u(saga, instance) \
            join sagas.instances i on i.workspace_id = $1 and i.saga = u.saga and i.instance = u.instance";
        let stored: Vec<Row> = sqlx::query_as(stored)
            .bind(workspace)
            .bind(names)
            .bind(ids)
            .fetch_all(connection)
            .await?;
        self.wake(stored, processes)
    }

    pub fn state(&self, key: &Key) -> Option<State> {
        self.instances.get(key).map(|instance| instance.state.clone())
    }

    /// Writes what the events up to `last` made of the instances; `false`: the checkpoint stands elsewhere, and nothing was
    /// written.
    pub async fn write(
        &mut self,
        connection: &mut PgConnection,
        workspace: Uuid,
        last: i64,
        changed: Vec<Changed>,
    ) -> Result<bool, ConsumerError> {
        let mut names: Vec<&str> = vec![];
        if changed.is_empty() && last - self.stored < UNSTORED_MAX {
            self.position = last;
            return Ok(true);
        }
        let (mut instances, mut states, mut standings, mut reasons, mut owes, mut times) =
            (vec![], vec![], vec![], vec![], vec![], vec![]);
        for Changed {
            key: (name, instance),
            at,
            folded,
        } in &changed
        {
            names.push(name);
            instances.push(*instance);
            states.push(folded.stored.as_str());
            standings.push(folded.standing.name());
            reasons.push(folded.standing.reason().map(str::to_owned));
            owes.push(!folded.owed.is_empty());
            times.push(*at);
        }
        let write = "with moved as (update sagas.checkpoints set position = $3 where workspace_id = $1 and position = $2 returning 1), \
            saved as (insert into sagas.instances (workspace_id, saga, instance, state, status, reason, owes, started_at, updated_at) \
                select $1, n, i, s::jsonb, d, r, o, t, t \
                from unnest($4::text[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::bool[], $10::timestamptz[]) u(n, i, s, d, r, o, t) \
                where exists (select from moved) \
                on conflict (workspace_id, saga, instance) do update set state = excluded.state, status = excluded.status, \
                reason = excluded.reason, owes = excluded.owes, updated_at = excluded.updated_at) \
            select exists (select from moved)";
        let moved: bool = sqlx::query_scalar(write)
            .bind(workspace)
            .bind(self.stored)
            .bind(last)
            .bind(names)
            .bind(instances)
            .bind(states)
            .bind(standings)
            .bind(reasons)
            .bind(owes)
            .bind(times)
            .fetch_one(connection)
            .await?;
        if moved {
            (self.position, self.stored) = (last, last);
            changed.into_iter().for_each(|changed| self.take(changed));
        }
        Ok(moved)
    }

    /// Whether the checkpoint still stands where it is remembered to.
    pub async fn is_current(&self, pool: &PgPool, workspace: Uuid) -> Result<bool, sqlx::Error> {
        let position = "select position from sagas.checkpoints where workspace_id = $1";
        let position: Option<i64> = sqlx::query_scalar(position)
            .bind(workspace)
            .fetch_optional(pool)
            .await?;
        Ok(position == Some(self.stored))
    }

    /// What is owed, by those that have waited longest.
    pub fn debts(&self) -> Vec<Debt> {
        let debtors = self.owing.iter().take(DEBTORS);
        let debts = debtors.filter_map(|(_, key)| Some((key, self.instances.get(key)?)));
        debts
            .flat_map(|((saga, instance), known)| {
                known.owed.iter().map(|owed| Debt {
                    saga,
                    instance: *instance,
                    owed: owed.clone(),
                })
            })
            .collect()
    }

    /// Whether others owe something as well.
    pub fn has_more_debts(&self) -> bool {
        self.owing.len() > DEBTORS
    }

    /// Whether all that is remembered has been paid while more is stored: it is to be read anew.
    pub fn is_spent(&self) -> bool {
        self.has_more && self.owing.is_empty()
    }

    fn take(&mut self, Changed { key, at, folded }: Changed) {
        let began = self.instances.get(&key).map(|known| known.began).or(at);
        self.unset(&key);
        if folded.standing == Standing::Done && folded.owed.is_empty() {
            return;
        }
        let instance = Instance {
            state: folded.state,
            owed: folded.owed,
            began: began.unwrap_or_default(),
        };
        self.set(key, instance);
        if self.instances.len() > IDLE_MAX + self.owing.len() {
            self.instances.retain(|_, instance| !instance.owed.is_empty());
        }
    }

    fn set(&mut self, key: Key, instance: Instance) {
        self.unset(&key);
        if !instance.owed.is_empty() {
            self.owing.insert((instance.began, key));
        }
        self.instances.insert(key, instance);
    }

    fn unset(&mut self, key: &Key) {
        if let Some(known) = self.instances.remove(key) {
            self.owing.remove(&(known.began, *key));
        }
    }
}
