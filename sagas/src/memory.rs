//! What a node remembers of a workspace's running instances. It is written down behind the folding: when nothing new has
//! come for a moment, or much has; in one statement with the position that it was folded to, if the checkpoint still stands
//! where this node left it. Whoever else moved it makes the memory worth nothing; it is then read anew. What a crash loses
//! of it is folded again from the log, and what was carried out meanwhile has its command id. When an instance owes something
//! later, its row says when; what is due is read from there, for those that wait for days are not kept in memory.

use crate::{
    Owed, Standing,
    asleep::Asleep,
    runner::{Cause, Debt},
    saga::{Folded, Process, State},
};
use chrono::{DateTime, Utc};
use log::{ConsumerError, Log};
use serde_json::Value;
use sqlx::PgPool;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use uuid::Uuid;

/// Instances whose debts are paid in one step, and as many of which something is due.
pub(crate) const DEBTORS: usize = 256;
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
    /// Those that run, but for those asleep, and every one that owes something now; but see `has_more`.
    instances: HashMap<Key, Instance>,
    asleep: Asleep,
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
    cause: Cause,
}

struct Unwritten {
    state: State,
    standing: Standing,
    /// Something now.
    owes: bool,
    /// When it owes something next that it does not owe now.
    due: Option<DateTime<Utc>>,
    began: DateTime<Utc>,
    changed: DateTime<Utc>,
}

/// What a batch made of an instance.
pub(crate) struct Changed {
    pub key: Key,
    pub at: DateTime<Utc>,
    pub cause: Cause,
    pub folded: Folded,
}

type Row = (String, Uuid, Value, DateTime<Utc>);
/// As it is stored: what tells of people in the state is sealed.
type Stored = (String, Uuid, String, DateTime<Utc>);

impl Memory {
    /// From what is stored.
    pub async fn read(
        log: &Log,
        workspace: Uuid,
        processes: &[Box<dyn Process>],
        doubts: u64,
    ) -> Result<Self, ConsumerError> {
        let pool = log.followers();
        let begin = "insert into sagas.checkpoints (workspace_id, position) values ($1, 0) on conflict do nothing";
        sqlx::query(begin).bind(workspace).execute(pool).await?;
        let position = "select position from sagas.checkpoints where workspace_id = $1";
        let position = sqlx::query_scalar(position).bind(workspace).fetch_one(pool).await?;
        let owing = "select saga, instance, state::text, started_at from sagas.instances where workspace_id = $1 and owes \
            order by started_at, instance limit $2";
        let owing: Vec<Stored> = sqlx::query_as(owing)
            .bind(workspace)
            .bind(i64::try_from(DEBTORS)?)
            .fetch_all(pool)
            .await?;
        let mut memory = Self {
            position,
            stored: position,
            doubts,
            instances: HashMap::new(),
            asleep: Asleep::read(pool, workspace, &names(processes)).await?,
            unwritten: BTreeMap::new(),
            owing: BTreeSet::new(),
            has_more: owing.len() == DEBTORS,
        };
        memory.wake(opened(log, workspace, owing).await?, processes)?;
        Ok(memory)
    }

    fn wake(&mut self, rows: Vec<Row>, processes: &[Box<dyn Process>]) -> Result<(), ConsumerError> {
        for (name, instance, state, began) in rows {
            // A saga of another version is left to it.
            if let Some(process) = process(processes, &name) {
                let (state, owed) = process.wake(state, instance)?;
                let cause = Cause::default();
                let woken = Instance {
                    state,
                    owed,
                    began,
                    cause,
                };
                self.set((process.name(), instance), woken);
            }
        }
        Ok(())
    }

    /// Reads those of the instances that are not remembered.
    pub async fn load(
        &mut self,
        log: &Log,
        workspace: Uuid,
        keys: impl Iterator<Item = &Key>,
        processes: &[Box<dyn Process>],
    ) -> Result<(), ConsumerError> {
        let unknown = keys.filter(|key| self.state(key).is_none()).copied();
        let (names, ids): (Vec<&str>, Vec<Uuid>) = unknown.unzip();
        if ids.is_empty() {
            return Ok(());
        }
        let stored = "select i.saga, i.instance, i.state::text, i.started_at from unnest($2::text[], $3::uuid[]) u(saga, instance) \
            join sagas.instances i on i.workspace_id = $1 and i.saga = u.saga and i.instance = u.instance";
        let stored: Vec<Stored> = sqlx::query_as(stored)
            .bind(workspace)
            .bind(names)
            .bind(ids)
            .fetch_all(log.followers())
            .await?;
        self.wake(opened(log, workspace, stored).await?, processes)
    }

    /// What has become due by that reading of the clock, in as many instances as are looked at in one step; to be asked
    /// when everything is written down.
    pub async fn due(
        &mut self,
        log: &Log,
        workspace: Uuid,
        reading: DateTime<Utc>,
        processes: &[Box<dyn Process>],
    ) -> Result<Vec<Debt>, ConsumerError> {
        let pool = log.followers();
        let due = "select saga, instance, state::text, started_at from sagas.instances \
            where workspace_id = $1 and due_at <= $2 and saga = any($3) order by due_at limit $4";
        let due: Vec<Stored> = sqlx::query_as(due)
            .bind(workspace)
            .bind(reading)
            .bind(names(processes))
            .bind(i64::try_from(DEBTORS)?)
            .fetch_all(pool)
            .await?;
        let due = opened(log, workspace, due).await?;
        let key = |row: &Row| Some((process(processes, &row.0)?.name(), row.1));
        let keys: Vec<Key> = due.iter().filter_map(key).collect();
        let unknown = |row: &Row| key(row).is_some_and(|key| !self.instances.contains_key(&key));
        let unknown = due.into_iter().filter(unknown).collect();
        self.wake(unknown, processes)?;
        let (mut debts, mut premature) = (vec![], vec![]);
        for key in keys {
            match self.debts_of(&key, |owed| owed.is_due(reading)) {
                none if none.is_empty() => premature.push(key),
                due => debts.extend(due),
            }
        }
        if !premature.is_empty() {
            self.correct(pool, workspace, reading, premature).await?;
        }
        Ok(debts)
    }

    /// Rows written by a build with other deadlines: each says from now on what its state says.
    async fn correct(
        &self,
        pool: &PgPool,
        workspace: Uuid,
        reading: DateTime<Utc>,
        premature: Vec<Key>,
    ) -> Result<(), sqlx::Error> {
        let next = |key: &Key| Owed::next(&self.instances.get(key)?.owed);
        let next: Vec<Option<DateTime<Utc>>> = premature.iter().map(next).collect();
        let (names, ids): (Vec<&str>, Vec<Uuid>) = premature.into_iter().unzip();
        let correct = "update sagas.instances i set due_at = u.due from unnest($3::text[], $4::uuid[], $5::timestamptz[]) u(saga, instance, due) \
            where i.workspace_id = $1 and i.saga = u.saga and i.instance = u.instance and i.due_at <= $2";
        let correct = sqlx::query(correct).bind(workspace).bind(reading);
        let correct = correct.bind(names).bind(ids).bind(next);
        correct.execute(pool).await.map(drop)
    }

    pub fn state(&self, key: &Key) -> Option<State> {
        let running = self.instances.get(key).map(|instance| &instance.state);
        running.or_else(|| Some(&self.unwritten.get(key)?.state)).cloned()
    }

    /// Whether that instance may run.
    pub fn may_hold(&self, key: &Key) -> bool {
        self.state(key).is_some() || self.asleep.may_hold(key)
    }

    /// Takes in what the events up to `last` made of the instances.
    pub fn take(&mut self, last: i64, changed: Vec<Changed>) {
        self.position = last;
        for changed in changed {
            self.change(changed);
        }
        if self.instances.len() > IDLE_MAX + self.owing.len() {
            let idle = self.instances.extract_if(|_, instance| !owes_now(&instance.owed));
            idle.for_each(|(key, _)| self.asleep.add(key));
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
        log: &Log,
        workspace: Uuid,
        processes: &[Box<dyn Process>],
    ) -> Result<bool, ConsumerError> {
        let mut rows = Rows::default();
        for ((name, instance), unwritten) in &self.unwritten {
            if let Some(process) = process(processes, name) {
                let mut state = process.store(&unwritten.state)?;
                log.seal_text(workspace, &mut state).await?;
                rows.add(name, *instance, unwritten, state);
            }
        }
        let write = "with moved as (update sagas.checkpoints set position = $3 where workspace_id = $1 and position = $2 returning 1), \
            saved as (insert into sagas.instances (workspace_id, saga, instance, state, status, reason, owes, started_at, updated_at, due_at) \
                select $1, n, i, s::json, d, r, o, b, c, l from unnest($4::text[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::bool[], \
                $10::timestamptz[], $11::timestamptz[], $12::timestamptz[]) u(n, i, s, d, r, o, b, c, l) where exists (select from moved) \
                on conflict (workspace_id, saga, instance) do update set state = excluded.state, status = excluded.status, \
                reason = excluded.reason, owes = excluded.owes, updated_at = excluded.updated_at, due_at = excluded.due_at) \
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
            .bind(rows.due)
            .fetch_one(log.followers())
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

    /// What is owed now, by those that have waited longest.
    pub fn debts(&self) -> Vec<Debt> {
        let debtors = self.owing.iter().take(DEBTORS);
        debtors
            .flat_map(|(_, key)| self.debts_of(key, |owed| owed.due.is_none()))
            .collect()
    }

    fn debts_of(&self, (saga, instance): &Key, wanted: impl Fn(&Owed) -> bool) -> Vec<Debt> {
        let Some(known) = self.instances.get(&(*saga, *instance)) else {
            return vec![];
        };
        let owed = known.owed.iter().filter(|owed| wanted(owed));
        owed.map(|owed| Debt {
            saga,
            instance: *instance,
            cause: known.cause.clone(),
            owed: owed.clone(),
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

    fn change(&mut self, changed: Changed) {
        let Changed { key, at, cause, folded } = changed;
        let known = self.instances.get(&key).map(|known| known.began);
        let began = known.or_else(|| Some(self.unwritten.get(&key)?.began)).unwrap_or(at);
        let Folded { state, standing, owed } = folded;
        self.unset(&key);
        self.asleep.remove(&key);
        if !standing.is_end() || !owed.is_empty() {
            let (state, owed) = (state.clone(), owed.clone());
            let running = Instance {
                state,
                owed,
                began,
                cause,
            };
            self.set(key, running);
        }
        let unwritten = Unwritten {
            state,
            standing,
            owes: owes_now(&owed),
            due: Owed::next(&owed),
            began,
            changed: at,
        };
        self.unwritten.insert(key, unwritten);
    }

    fn set(&mut self, key: Key, instance: Instance) {
        self.unset(&key);
        self.asleep.remove(&key);
        if owes_now(&instance.owed) {
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
    due: Vec<Option<DateTime<Utc>>>,
}

impl Rows {
    fn add(&mut self, name: &'static str, instance: Uuid, unwritten: &Unwritten, state: String) {
        let Unwritten {
            standing,
            owes,
            due,
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
        self.due.push(*due);
    }
}

/// States as they are to be woken.
async fn opened(log: &Log, workspace: Uuid, rows: Vec<Stored>) -> Result<Vec<Row>, ConsumerError> {
    let mut opened = Vec::with_capacity(rows.len());
    for (saga, instance, mut state, began) in rows {
        log.open_text(workspace, &mut state).await?;
        opened.push((saga, instance, serde_json::from_str(&state)?, began));
    }
    Ok(opened)
}

fn owes_now(owed: &[Owed]) -> bool {
    owed.iter().any(|owed| owed.due.is_none())
}

/// The saga of that name, if this version has it.
pub(crate) fn process<'a>(processes: &'a [Box<dyn Process>], name: &str) -> Option<&'a dyn Process> {
    let known = processes.iter().find(|process| process.name() == name);
    known.map(AsRef::as_ref)
}

/// The sagas of this version.
pub(crate) fn names(processes: &[Box<dyn Process>]) -> Vec<&'static str> {
    processes.iter().map(|process| process.name()).collect()
}
