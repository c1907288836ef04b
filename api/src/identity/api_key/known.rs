//! Keys as requests bring them, remembered on the node: a key costs a look at the database when it is new here, and when
//! something has happened to it.

use super::hash;
use crate::{
    identity::{
        current::{Current, Looked},
        secrets::Pepper,
    },
    problem::{Code, Problem},
};
use chrono::{DateTime, Utc};
use domain::{
    Permission, Standing,
    id::{ApiKeyId, UserId},
};
use ipnet::IpNet;
use log::Log;
use moka::sync::Cache;
use sqlx::{PgPool, types::Json};
use std::{collections::BTreeSet, net::IpAddr, sync::Arc, time::Duration};
use uuid::Uuid;

/// How often a key's last use is noted, by each node.
const NOTED_EVERY: Duration = Duration::from_secs(60);
const NOTED_MAX: u64 = 50_000;

pub struct Keys {
    pool: PgPool,
    pepper: Arc<Pepper>,
    known: Current<[u8; 32], Arc<Key>>,
    noted: Cache<ApiKeyId, ()>,
}

/// A key that is good, as far as time and place allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub id: ApiKeyId,
    pub workspace: Uuid,
    /// Who made it.
    pub user_id: UserId,
    pub permissions: Arc<BTreeSet<Permission>>,
    addresses: Vec<IpNet>,
    expires_at: DateTime<Utc>,
}

/// Key, workspace, maker, what it may do, where from, until when, and where the read models stood.
type Found = (
    Uuid,
    Uuid,
    Uuid,
    Json<BTreeSet<Permission>>,
    Json<Vec<IpNet>>,
    DateTime<Utc>,
    i64,
);

impl Keys {
    pub fn new(pool: PgPool, log: Log, pepper: Arc<Pepper>) -> Self {
        Self {
            pool,
            pepper,
            known: Current::new(log),
            noted: Cache::builder()
                .max_capacity(NOTED_MAX)
                .time_to_live(NOTED_EVERY)
                .build(),
        }
    }

    /// The key that a request from there brought.
    pub async fn read(&self, text: &str, from: Option<IpAddr>) -> Result<Arc<Key>, Problem> {
        let hash = hash(&self.pepper, text).ok_or_else(Problem::unauthorized)?;
        let key = self.find(hash).await?.ok_or_else(Problem::unauthorized)?;
        if key.expires_at <= Utc::now() {
            return Err(Problem::new(Code::AuthTokenExpired).because("api_key.expired"));
        }
        if !key.is_used_from(from) {
            return Err(Problem::new(Code::AuthForbidden).because("api_key.address"));
        }
        self.note(key.id, from);
        Ok(key)
    }

    async fn find(&self, hash: [u8; 32]) -> Result<Option<Arc<Key>>, sqlx::Error> {
        let look = async {
            let found = "select k.id, k.workspace_id, k.user_id, k.permissions, k.addresses, least(k.expires_at, s.expires_at), \
                    (select position from platform.checkpoint) \
                from platform.api_key_secrets s join platform.api_keys k on k.id = s.key_id \
                where s.hash = $1 and k.revoked_at is null";
            let found = sqlx::query_as::<_, Found>(found).bind(&hash[..]);
            let found = found.fetch_optional(&self.pool).await?;
            Ok::<_, sqlx::Error>(found.map(
                |(id, workspace, maker, Json(permissions), Json(addresses), expires_at, stands_at)| Looked {
                    stream: id,
                    stands_at: Some(stands_at),
                    value: Arc::new(Key {
                        id: id.into(),
                        workspace,
                        user_id: maker.into(),
                        permissions: Arc::new(permissions),
                        addresses,
                        expires_at,
                    }),
                },
            ))
        };
        self.known.get(&hash, look).await
    }

    /// The key of that id, as long as it is good, for what was left to be done with it.
    pub async fn by_id(&self, id: ApiKeyId) -> Result<Option<Arc<Key>>, sqlx::Error> {
        let found = "select workspace_id, user_id, permissions, addresses, expires_at from platform.api_keys \
            where id = $1 and revoked_at is null and expires_at > now()";
        type Found = (Uuid, Uuid, Json<BTreeSet<Permission>>, Json<Vec<IpNet>>, DateTime<Utc>);
        let found = sqlx::query_as::<_, Found>(found).bind(id.uuid());
        let found = found.fetch_optional(&self.pool).await?;
        Ok(
            found.map(|(workspace, maker, Json(permissions), Json(addresses), expires_at)| {
                Arc::new(Key {
                    id,
                    workspace,
                    user_id: maker.into(),
                    permissions: Arc::new(permissions),
                    addresses,
                    expires_at,
                })
            }),
        )
    }

    /// For whoever looks at the list of keys. The request does not wait for it.
    fn note(&self, key: ApiKeyId, from: Option<IpAddr>) {
        if self.noted.contains_key(&key) {
            return;
        }
        self.noted.insert(key, ());
        let pool = self.pool.clone();
        tokio::spawn(async move {
            let note = "insert into platform.api_key_uses (key_id, used_at, address) values ($1, now(), $2) \
                on conflict (key_id) do update set used_at = excluded.used_at, address = excluded.address";
            let address = from.map(|address| address.to_string()).unwrap_or_default();
            let noted = sqlx::query(note).bind(key.uuid()).bind(address).execute(&pool).await;
            if let Err(error) = noted {
                tracing::warn!(%error, "the use of a key could not be noted");
            }
        });
    }
}

impl Key {
    /// What the key was given of what its maker may do.
    pub fn within(&self, maker: &Standing) -> Standing {
        let given = maker
            .rights
            .grants()
            .filter(|grant| self.permissions.contains(&grant.permission));
        Standing {
            rights: given.collect(),
            ..maker.clone()
        }
    }

    fn is_used_from(&self, address: Option<IpAddr>) -> bool {
        let holds = |address: IpAddr| {
            self.addresses
                .iter()
                .any(|network| network.contains(&address.to_canonical()))
        };
        self.addresses.is_empty() || address.is_some_and(holds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_used_from_its_networks_only() {
        let key = |addresses: &[&str]| Key {
            id: ApiKeyId::default(),
            workspace: Uuid::nil(),
            user_id: UserId::default(),
            permissions: Arc::default(),
            addresses: addresses.iter().map(|network| network.parse().unwrap()).collect(),
            expires_at: Utc::now(),
        };
        let from = |address: &str| Some(address.parse().unwrap());
        assert!(key(&[]).is_used_from(None) && key(&[]).is_used_from(from("192.0.2.1")));
        let bound = key(&["192.0.2.0/24", "2001:db8::1/128"]);
        for inside in ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1"] {
            assert!(bound.is_used_from(from(inside)), "{inside}");
        }
        for outside in ["192.0.3.1", "2001:db8::2"] {
            assert!(!bound.is_used_from(from(outside)), "{outside}");
        }
        assert!(!bound.is_used_from(None));
    }
}
