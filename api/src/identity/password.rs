//! Passwords: Argon2id, a bounded number at a time (each takes 19 MB and a core), and the same effort whether the
//! account exists or not, so that nobody learns which addresses are registered from how long a refusal takes.

use crate::problem::Problem;
use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash::phc::PasswordHash};
use domain::{Check, Rule};
use sqlx::{PgPool, query, query_scalar};
use std::sync::{Arc, LazyLock};
use tokio::{sync::Semaphore, task::spawn_blocking};
use uuid::Uuid;

pub const PASSWORD_MIN: usize = 8;
const PASSWORD_MAX: usize = 1_000;

/// What an unknown account is checked against.
static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| hash("nobody has this password").ok());

pub struct Passwords(Arc<Semaphore>);

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

impl Passwords {
    pub fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self(Arc::new(Semaphore::new(cores)))
    }

    pub async fn hash(&self, password: String) -> Result<String, Problem> {
        self.run(move || hash(&password)).await?.map_err(|error| {
            tracing::error!(%error, "a password could not be hashed");
            Problem::internal()
        })
    }

    /// Whether the password is the one with that hash; without a hash never, after the same effort.
    pub async fn verify(&self, password: String, stored: Option<String>) -> Result<bool, Problem> {
        self.run(move || {
            let known = stored.is_some();
            let stored = stored.or_else(|| NOBODY.clone()).unwrap_or_default();
            let right = PasswordHash::new(&stored)
                .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
            right && known
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let failed = |error: &dyn std::error::Error| {
            tracing::error!(%error, "password work did not end");
            Problem::internal()
        };
        let permit = self.0.clone().acquire_owned().await.map_err(|error| failed(&error))?;
        let work = move || {
            let done = work();
            drop(permit); // a caller who went away must not free the core before it is free
            done
        };
        spawn_blocking(work).await.map_err(|error| failed(&error))
    }
}

fn hash(password: &str) -> Result<String, argon2::password_hash::Error> {
    Argon2::default()
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
}

/// The rule for new passwords.
pub fn check(check: &mut Check, field: &str, password: &str) {
    if password.is_empty() {
        check.fail(field, Rule::Required);
    } else {
        check.that(
            password.chars().count() >= PASSWORD_MIN,
            field,
            Rule::WeakPassword { min: PASSWORD_MIN },
        );
        check.at_most(field, password, PASSWORD_MAX);
    }
}

pub async fn store(pool: &PgPool, user: Uuid, hash: &str) -> Result<(), sqlx::Error> {
    let upsert = "insert into platform.credentials (user_id, password_hash) values ($1, $2) \
        on conflict (user_id) do update set password_hash = excluded.password_hash, changed_at = now()";
    query(upsert).bind(user).bind(hash).execute(pool).await.map(drop)
}

pub async fn load(pool: &PgPool, user: Uuid) -> Result<Option<String>, sqlx::Error> {
    query_scalar("select password_hash from platform.credentials where user_id = $1")
        .bind(user)
        .fetch_optional(pool)
        .await
}

/// Of a user who was never registered after all.
pub async fn forget(pool: &PgPool, user: Uuid) -> Result<(), sqlx::Error> {
    query("delete from platform.credentials where user_id = $1")
        .bind(user)
        .execute(pool)
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_is_right() {
        let passwords = Passwords::new();
        let hash = passwords.hash("SecurePassword123".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(
            passwords
                .verify("SecurePassword123".into(), Some(hash.clone()))
                .await
                .unwrap()
        );
        assert!(!passwords.verify("securepassword123".into(), Some(hash)).await.unwrap());
        assert!(!passwords.verify("nobody has this password".into(), None).await.unwrap());
        assert!(!passwords.verify("x".into(), Some("not a hash".into())).await.unwrap());
    }

    #[test]
    fn a_short_password_is_weak() {
        let broken = |password: &str| {
            let mut found = Check::default();
            check(&mut found, "password", password);
            found.done().err().map(|violations| violations.to_string())
        };
        assert_eq!(broken(""), Some("password: required".into()));
        assert_eq!(broken("Қысқа12"), Some("password: weak_password".into()));
        assert_eq!(broken("Ұзынырақ"), None);
    }
}
