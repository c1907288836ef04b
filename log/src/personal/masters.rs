//! The master keys this node knows, checked against those the database has seen. Keys from a ring never enter the
//! database, only their fingerprints do. When nothing was ever configured, one is made and kept in the database.

use super::{
    PersonalError,
    cipher::Key,
    ring::{IN_DATABASE, KeyRing},
};
use sqlx::PgPool;
use std::collections::HashMap;

pub(super) struct Masters {
    current: String,
    keys: HashMap<String, Key>,
}

/// Id, fingerprint, secret, and whether a person's key is wrapped by it.
type Row = (String, Vec<u8>, Option<Vec<u8>>, bool);

impl Masters {
    /// Fails when a key that is still needed is absent, or is another than it was: better now than at the first event.
    pub async fn open(pool: &PgPool, ring: Option<KeyRing>) -> Result<Self, PersonalError> {
        let ring = ring.map_or_else(Vec::new, KeyRing::into_keys);
        let current = ring.first().map_or(IN_DATABASE, |(id, _)| id).to_owned();
        if ring.is_empty() {
            make_first(pool).await?;
        } else {
            register(pool, &ring).await?;
        }
        let known = "select id, fingerprint, secret, exists (select 1 from log.person_keys k where k.master_key = m.id) \
            from log.master_keys m";
        let mut keys: HashMap<String, Key> = ring.into_iter().collect();
        for (id, fingerprint, secret, in_use) in sqlx::query_as::<_, Row>(known).fetch_all(pool).await? {
            if let Some(secret) = secret.as_deref().and_then(Key::from_bytes) {
                keys.insert(id.clone(), secret);
            }
            match keys.get(&id) {
                Some(key) if key.fingerprint() != *fingerprint => return Err(PersonalError::MasterKeyChanged { id }),
                None if in_use => return Err(PersonalError::MasterKeyUnknown { id }),
                Some(_) | None => {}
            }
        }
        if !keys.contains_key(&current) {
            return Err(PersonalError::MasterKeyUnknown { id: current });
        }
        if current == IN_DATABASE {
            tracing::warn!(
                "the master key of personal data stands in the database beside it; configure one of your own"
            );
        }
        Ok(Self { current, keys })
    }

    pub fn current(&self) -> Result<(&str, &Key), PersonalError> {
        Ok((&self.current, self.get(&self.current)?))
    }

    pub fn get(&self, id: &str) -> Result<&Key, PersonalError> {
        let key = self.keys.get(id);
        key.ok_or_else(|| PersonalError::MasterKeyUnknown { id: id.to_owned() })
    }
}

/// Two nodes may do this at once: one key remains.
async fn make_first(pool: &PgPool) -> Result<(), sqlx::Error> {
    let key = Key::generate();
    let make = "insert into log.master_keys (id, fingerprint, secret) select $1, $2, $3 \
        where not exists (select 1 from log.master_keys) on conflict do nothing";
    sqlx::query(make)
        .bind(IN_DATABASE)
        .bind(&key.fingerprint()[..])
        .bind(key.bytes())
        .execute(pool)
        .await?;
    Ok(())
}

async fn register(pool: &PgPool, ring: &[(String, Key)]) -> Result<(), sqlx::Error> {
    let (ids, fingerprints): (Vec<&str>, Vec<Vec<u8>>) = ring
        .iter()
        .map(|(id, key)| (id.as_str(), key.fingerprint().to_vec()))
        .unzip();
    let register = "insert into log.master_keys (id, fingerprint) select * from unnest($1::text[], $2::bytea[]) on conflict do nothing";
    sqlx::query(register).bind(ids).bind(fingerprints).execute(pool).await?;
    Ok(())
}
