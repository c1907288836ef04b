//! Unique keys that tell of a person are kept as keyed hashes: whoever reads the table learns none of them and cannot guess
//! either. The key is the workspace's own, kept among people's under the nil id: it is wrapped, rotated and moved with them.

use super::{
    PersonKeys, PersonalError,
    cache::PersonKey,
    cipher::{Key, Owner},
};
use crate::Log;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use sqlx::PgConnection;
use std::{collections::BTreeSet, fmt, sync::Arc};
use uuid::Uuid;

/// What hashed keys begin with.
pub(super) const HASHED: &str = "hmac:";

/// Hashes the keys of a workspace's claims.
#[derive(Clone)]
pub struct ClaimKeys(Arc<Key>);

impl fmt::Debug for ClaimKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClaimKeys")
    }
}

impl ClaimKeys {
    #[cfg(test)]
    fn generate() -> Self {
        Self(Arc::new(Key::generate()))
    }

    /// `hmac:` and 64 hex digits, different for each kind.
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    pub fn hash(&self, kind: &str, key: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.bytes()).expect("a key of any length will do");
        mac.update(&(kind.len() as u64).to_be_bytes());
        mac.update(kind.as_bytes());
        mac.update(key.as_bytes());
        format!("{HASHED}{}", hex::encode(mac.finalize().into_bytes()))
    }
}

impl Log {
    /// What a workspace's personal claims are hashed with; made when it is first asked for.
    pub async fn claim_keys(&self, workspace: Uuid) -> Result<ClaimKeys, PersonalError> {
        self.personal.claim_keys(workspace).await
    }

    /// The same if there is one: without it nothing was claimed.
    pub(crate) async fn known_claim_keys(&self, workspace: Uuid) -> Result<Option<ClaimKeys>, PersonalError> {
        let person = Uuid::nil();
        let owner = Owner { workspace, person };
        let found = self.personal.find(&BTreeSet::from([owner]), None).await?.remove(&owner);
        Ok(match found {
            Some(PersonKey::Known(key)) => Some(ClaimKeys(key)),
            Some(PersonKey::Erased) | None => None,
        })
    }

    /// Which stream has a personal key.
    pub async fn personal_claim(&self, workspace: Uuid, kind: &str, key: &str) -> Result<Option<Uuid>, PersonalError> {
        let Some(keys) = self.known_claim_keys(workspace).await? else {
            return Ok(None);
        };
        let owner = "select stream_id from log.claims where workspace_id = $1 and kind = $2 and key = $3";
        let owner = sqlx::query_scalar(owner)
            .bind(workspace)
            .bind(kind)
            .bind(keys.hash(kind, key));
        Ok(owner.fetch_optional(&self.pool).await?)
    }

    /// Hashes claims of these kinds that were entered before they were hashed; answers how many. Again does nothing more.
    pub async fn hash_claims(&self, kinds: &[&str]) -> Result<u64, PersonalError> {
        let mut tx = self.pool.begin().await?;
        let clear = "select workspace_id, kind, key from log.claims where kind = any($1) and not starts_with(key, $2) for update";
        let clear: Vec<(Uuid, String, String)> = sqlx::query_as(clear)
            .bind(kinds)
            .bind(HASHED)
            .fetch_all(&mut *tx)
            .await?;
        for (workspace, kind, key) in &clear {
            let hashed = self.claim_keys(*workspace).await?.hash(kind, key);
            replace(&mut tx, *workspace, kind, key, &hashed).await?;
        }
        tx.commit().await?;
        Ok(clear.len() as u64)
    }
}

async fn replace(
    tx: &mut PgConnection,
    workspace: Uuid,
    kind: &str,
    key: &str,
    hashed: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("update log.claims set key = $4 where workspace_id = $1 and kind = $2 and key = $3")
        .bind(workspace)
        .bind(kind)
        .bind(key)
        .bind(hashed)
        .execute(tx)
        .await?;
    Ok(())
}

impl PersonKeys {
    async fn claim_keys(&self, workspace: Uuid) -> Result<ClaimKeys, PersonalError> {
        let person = Uuid::nil();
        let owner = Owner { workspace, person };
        match self.find_or_make(&BTreeSet::from([owner])).await?.remove(&owner) {
            Some(PersonKey::Known(key)) => Ok(ClaimKeys(key)),
            Some(PersonKey::Erased) => Err(PersonalError::Erased { person }),
            None => Err(PersonalError::KeyLost { workspace, person }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_of_kind_and_key_and_of_nobody_else() {
        let keys = ClaimKeys::generate();
        let hash = keys.hash("user.email", "owner@company.kz");
        assert_eq!(hash, keys.hash("user.email", "owner@company.kz"));
        assert!(hash.starts_with(HASHED) && hash.len() == 69 && !hash.contains("owner"));
        for other in [
            keys.hash("user.email", "other@company.kz"),
            keys.hash("user.emai", "lowner@company.kz"),
            ClaimKeys::generate().hash("user.email", "owner@company.kz"),
        ] {
            assert_ne!(other, hash);
        }
    }
}
