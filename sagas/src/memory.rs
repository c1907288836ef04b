//! What a node remembers of a workspace's running instances. It is written down behind the folding: when nothing new has
//! come for a moment, or much has; in one statement with the position that it was folded to, if the checkpoint still stands
//! where this node left it. Whoever else moved it makes the memory worth nothing; it is then read anew. What a crash loses
//! of it is folded again from the log, and what was carried out meanwhile has its command id.

use crate::{
    Owed, Standing,
    runner::Debt,
    saga::{Folded, Process, State},
};
use chrono::{DateTime, Utc};
use log::ConsumerError;
use serde_json::Value;
use sqlx::PgPool;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use uuid::Uuid;

/// Instances whose debts are paid in one step.
const DEBTORS: usize = 256;
/// The most instances that are remembered although they owe nothing just now: they wait.
const IDLE_MAX: usize = 4_096;

/// After so many events what they made is written down at the latest: a crash has no more of them taken in again.
const UNSTORED_MAX: i64 = 2_000;

/// A saga's name and what the instance is about.
pub(crate) type Key = (&'static str, Uuid);

pub(crate) struct Memory {
    /// Up to where events were taken in.
    pub position: i64,
    /// Where the checkpoint stands.
    stored: i64,
    /// `Log::doubts` when it was read.
    doubts: u64,
    /// Those that run, and every one that owes something; but see `has_more`.
    instances: HashMap<Key, Instance>,
    /// Those that are not written down as they are; also such as have come to their end.
    unwritten: BTreeMap<Key, Unwritten>,
    owing: BTreeSet<(DateTime<Utc>, Key)>,
    /// More are stored that owe something, which come when these have been paid.
    has_more: bool,
}

struct Instance {
    state: State,
    owed: Vec<Owed>,
    began: DateTime<Utc>,
}

struct Unwritten {
    state: State,
    standing: Standing,
    owes: bool,
    began: DateTime<Utc>,
    changed: DateTime<Utc>,
}

/// What a batch made of an instance.
pub(crate) struct Changed {
    pub key: Key,
    pub at: DateTime<Utc>,
    pub folded: Folded,
}

type Row = (String, Uuid, Value, DateTime<Utc>);

impl Memory {
    /// From what is stored.
    pub async fn read(
        pool: &PgPool,
        workspace: Uuid,
        processes: &[Box<dyn Process>],
        doubts: u64,
    ) -> Result<Self, ConsumerError> {
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
            doubts,
            instances: HashMap::new(),
            unwritten: BTreeMap::new(),
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
        pool: &PgPool,
        workspace: Uuid,
        keys: impl Iterator<Item = &Key>,
        processes: &[Box<dyn Process>],
    ) -> Result<(), ConsumerError> {
        let unknown = keys.filter(|key| self.state(key).is_none()).copied();
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
            .fetch_all(pool)
            .await?;
        self.wake(stored, processes)
    }

    pub fn state(&self, key: &Key) -> Option<State> {
        let running = self.instances.get(key).map(|instance| &instance.state);
        running.or_else(|| Some(&self.unwritten.get(key)?.state)).cloned()
    }

    /// Takes in what the events up to `last` made of the instances.
    pub fn take(&mut self, last: i64, changed: Vec<Changed>) {
        self.position = last;
        for changed in changed {
            self.change(changed);
        }
        if self.instances.len() > IDLE_MAX + self.owing.len() {
            self.instances.retain(|_, instance| !instance.owed.is_empty());
        }
    }

    /// Whether there is anything to be written down.
    pub fn is_unwritten(&self) -> bool {
        !self.unwritten.is_empty()
    }

    /// Whether writing cannot wait for a quiet moment.
    pub fn is_long(&self) -> bool {
        self.position - self.stored >= UNSTORED_MAX
    }

    /// Whether all that it was made from is still known to be in the log.
    pub fn is_sure(&self, doubts: u64) -> bool {
        self.doubts == doubts
    }

    /// Writes down how everything stands; `false`: the checkpoint stands elsewhere, and nothing was written.
    pub async fn write(
        &mut self,
        pool: &PgPool,
        workspace: Uuid,
        processes: &[Box<dyn Process>],
    ) -> Result<bool, ConsumerError> {
        let mut rows = Rows::default();
        for ((name, instance), unwritten) in &self.unwritten {
            if let Some(process) = processes.iter().find(|process| process.name() == *name) {
                rows.add(name, *instance, unwritten, process.store(&unwritten.state)?);
            }
        }
        let write = "with moved as (update sagas.checkpoints set position = $3 where workspace_id = $1 and position = $2 returning 1), \
            saved as (insert into sagas.instances (workspace_id, saga, instance, state, status, reason, owes, started_at, updated_at) \
                select $1, n, i, s::jsonb, d, r, o, b, c \
                from unnest($4::text[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::bool[], $10::timestamptz[], $11::timestamptz[]) \
                u(n, i, s, d, r, o, b, c) where exists (select from moved) \
                on conflict (workspace_id, saga, instance) do update set state = excluded.state, status = excluded.status, \
                reason = excluded.reason, owes = excluded.owes, updated_at = excluded.updated_at) \
            select exists (select from moved)";
        let moved: bool = sqlx::query_scalar(write)
            .bind(workspace)
            .bind(self.stored)
            .bind(self.position)
            .bind(rows.names)
            .bind(rows.instances)
            .bind(rows.states)
            .bind(rows.standings)
            .bind(rows.reasons)
            .bind(rows.owes)
            .bind(rows.began)
            .bind(rows.changed)
            .fetch_one(pool)
            .await?;
        if moved {
            self.stored = self.position;
            self.unwritten.clear();
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

    fn change(&mut self, Changed { key, at, folded }: Changed) {
        let known = self.instances.get(&key).map(|known| known.began);
        let began = known.or_else(|| Some(self.unwritten.get(&key)?.began)).unwrap_or(at);
        let Folded { state, standing, owed } = folded;
        self.unset(&key);
        if standing != Standing::Done || !owed.is_empty() {
            let (state, owed) = (state.clone(), owed.clone());
            self.set(key, Instance { state, owed, began });
        }
        let unwritten = Unwritten {
            state,
            standing,
            owes: !owed.is_empty(),
            began,
            changed: at,
        };
        self.unwritten.insert(key, unwritten);
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

/// Instances as parallel arrays.
#[derive(Default)]
struct Rows {
    names: Vec<&'static str>,
    instances: Vec<Uuid>,
    states: Vec<String>,
    standings: Vec<&'static str>,
    reasons: Vec<Option<String>>,
    owes: Vec<bool>,
    began: Vec<DateTime<Utc>>,
    changed: Vec<DateTime<Utc>>,
}

impl Rows {
    fn add(&mut self, name: &'static str, instance: Uuid, unwritten: &Unwritten, state: String) {
        let Unwritten {
            standing,
            owes,
            began,
            changed,
            ..
        } = unwritten;
        self.names.push(name);
        self.instances.push(instance);
        self.states.push(state);
        self.standings.push(standing.name());
        self.reasons.push(standing.reason().map(str::to_owned));
        self.owes.push(*owes);
        self.began.push(*began);
        self.changed.push(*changed);
    }
}
