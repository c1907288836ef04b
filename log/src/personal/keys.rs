//! Keys of people: made, found, erased. A key is durable before anything sealed by it is written, and two nodes that
//! make one for the same person at the same time end with one.

use super::{
    PersonalError,
    cache::{Cache, Keys, PersonKey},
    cipher::{Key, Owner},
    claim, ear,
    masters::Masters,
    ring::KeyRing,
};
use sqlx::{PgConnection, PgPool};
use std::{
    collections::BTreeSet,
    sync::{Arc, Once},
    time::Instant,
};
use tokio::sync::OnceCell;
use uuid::Uuid;

pub(crate) struct PersonKeys {
    pub(super) pool: PgPool,
    /// Found, or made, at the first use.
    masters: OnceCell<Masters>,
    cache: Arc<Cache>,
    ear: Once,
}

/// Workspace, person, wrapped key, id of the master key.
type Row = (Uuid, Uuid, Option<Vec<u8>>, Option<String>);

impl PersonKeys {
    pub fn new(pool: PgPool) -> Self {
        Self {
            pool,
            masters: OnceCell::new(),
            cache: Arc::default(),
            ear: Once::new(),
        }
    }

    pub async fn with_ring(pool: PgPool, ring: KeyRing) -> Result<Self, PersonalError> {
        let masters = Masters::open(&pool, Some(ring)).await?;
        Ok(Self {
            masters: OnceCell::new_with(Some(masters)),
            ..Self::new(pool)
        })
    }

    /// Takes a connection of its own, once in a process's life.
    pub(super) async fn masters(&self) -> Result<&Masters, PersonalError> {
        self.masters.get_or_try_init(|| Masters::open(&self.pool, None)).await
    }

    pub(super) fn erasures(&self) -> u64 {
        self.cache.forgotten()
    }

    pub(crate) fn heard(&self) -> Option<u64> {
        self.cache.heard()
    }

    /// The keys there are, with at most one query; on the connection given, else on one of the pool's.
    pub(super) async fn find(
        &self,
        owners: &BTreeSet<Owner>,
        connection: Option<&mut PgConnection>,
    ) -> Result<Keys, PersonalError> {
        let now = Instant::now();
        let kept = owners
            .iter()
            .filter_map(|owner| Some((*owner, self.cache.get(*owner, now)?)));
        let mut keys: Keys = kept.collect();
        let missing = missing(owners, &keys);
        if !missing.is_empty() {
            keys.extend(self.read(&missing, connection).await?);
        }
        Ok(keys)
    }

    /// The same, and a new key for whoever has none.
    pub(super) async fn find_or_make(&self, owners: &BTreeSet<Owner>) -> Result<Keys, PersonalError> {
        let mut keys = self.find(owners, None).await?;
        let missing = missing(owners, &keys);
        if !missing.is_empty() {
            self.make(&missing).await?;
            keys.extend(self.read(&missing, None).await?);
        }
        Ok(keys)
    }

    async fn read(&self, owners: &[Owner], connection: Option<&mut PgConnection>) -> Result<Keys, PersonalError> {
        self.ear.call_once(|| {
            tokio::spawn(ear::listen(Arc::downgrade(&self.cache), self.pool.clone()));
        });
        let moment = self.cache.moment(Instant::now());
        let (workspaces, people) = columns(owners);
        let read = "select workspace_id, person_id, wrapped, master_key from log.person_keys \
            join unnest($1::uuid[], $2::uuid[]) w(workspace_id, person_id) using (workspace_id, person_id)";
        let read = sqlx::query_as::<_, Row>(read).bind(workspaces).bind(people);
        let rows = match connection {
            Some(connection) => read.fetch_all(connection).await?,
            None => read.fetch_all(&self.pool).await?,
        };
        let mut keys = Keys::with_capacity(rows.len());
        for (workspace, person, wrapped, master) in rows {
            let owner = Owner { workspace, person };
            let key = match (wrapped, master) {
                (Some(wrapped), Some(master)) => {
                    PersonKey::Known(Arc::new(self.unwrap_key(owner, &master, &wrapped).await?))
                }
                _ => PersonKey::Erased,
            };
            keys.insert(owner, key);
        }
        self.cache.put(&keys, moment);
        Ok(keys)
    }

    pub(super) async fn unwrap_key(&self, owner: Owner, master: &str, wrapped: &[u8]) -> Result<Key, PersonalError> {
        let key = self.masters().await?.get(master)?.unwrap_key(owner, wrapped);
        key.ok_or(PersonalError::tampered(owner))
    }

    async fn make(&self, owners: &[Owner]) -> Result<(), PersonalError> {
        let (id, master) = self.masters().await?.current()?;
        let wrapped: Vec<Vec<u8>> = owners
            .iter()
            .map(|owner| master.wrap(*owner, &Key::generate()))
            .collect();
        let (workspaces, people) = columns(owners);
        let make = "insert into log.person_keys (workspace_id, person_id, wrapped, master_key) \
            select w.workspace_id, w.person_id, w.wrapped, $4 \
            from unnest($1::uuid[], $2::uuid[], $3::bytea[]) w(workspace_id, person_id, wrapped) \
            order by 1, 2 on conflict do nothing";
        sqlx::query(make)
            .bind(workspaces)
            .bind(people)
            .bind(wrapped)
            .bind(id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Also of a person nothing is known of yet, who then stays unknown. Other nodes are told in the same commit. Claims of the
    /// stream of that id whose keys are hashed are given up, and snapshots of whatever states: they only save time.
    pub(super) async fn erase(&self, owner: Owner) -> Result<(), PersonalError> {
        let erase = "with freed as (delete from log.claims where workspace_id = $1 and stream_id = $2 and starts_with(key, $5)), \
            dropped as (delete from log.snapshots where workspace_id = $1), erased as ( \
                insert into log.person_keys (workspace_id, person_id, erased_at) values ($1, $2, now()) \
                on conflict (workspace_id, person_id) do update \
                set wrapped = null, master_key = null, erased_at = coalesce(person_keys.erased_at, now()) returning 1) \
            select pg_notify($3, $4) from erased";
        let erased = sqlx::query(erase)
            .bind(owner.workspace)
            .bind(owner.person)
            .bind(ear::CHANNEL)
            .bind(ear::payload(owner))
            .bind(claim::HASHED)
            .execute(&self.pool)
            .await;
        // Also when it failed: the commit may have gone through and only its answer be lost.
        self.cache.forget(owner);
        erased?;
        Ok(())
    }
}

/// As arrays to bind.
pub(super) fn columns(owners: &[Owner]) -> (Vec<Uuid>, Vec<Uuid>) {
    owners.iter().map(|owner| (owner.workspace, owner.person)).unzip()
}

fn missing(owners: &BTreeSet<Owner>, keys: &Keys) -> Vec<Owner> {
    owners
        .iter()
        .copied()
        .filter(|owner| !keys.contains_key(owner))
        .collect()
}
