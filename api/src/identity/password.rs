//! Passwords: Argon2id, a bounded number at a time (each takes 19 MB and a core), and the same effort whether the
//! account exists or not, so that nobody learns which addresses are registered from how long a refusal takes. Few may
//! wait: whoever finds the queue full is told at once. Who has signed in from where they are before has a queue of
//! their own, so that a flood of guesses does not hold them up.

use crate::{extract::Write, problem::Problem, state::App};
use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash::phc::PasswordHash};
use domain::{Check, Rule};
use sqlx::{PgExecutor, PgPool, query, query_scalar};
use std::sync::{Arc, LazyLock};
use tokio::{sync::Semaphore, task::spawn_blocking};
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

pub const PASSWORD_MIN: usize = 8;
const PASSWORD_MAX: usize = 1_000;
/// How many may wait in a queue: at 30 ms each about half a second on two cores.
const WAITING_MAX: usize = 32;

/// What an unknown account is checked against.
static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| hash("nobody has this password").ok());

pub struct Passwords {
    strangers: Queue,
    known: Queue,
}

/// Whose password it is that is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Stranger,
    /// Signed in from the same address not long ago.
    Known,
}

struct Queue {
    /// One for each that works or waits.
    places: Arc<Semaphore>,
    /// One for each that works.
    permits: Arc<Semaphore>,
}

impl Queue {
    fn new(working: usize, waiting: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(working + waiting)),
            permits: Arc::new(Semaphore::new(working)),
        }
    }
}

impl Passwords {
    /// `bounded`: no more than a few wait.
    pub fn new(bounded: bool) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let waiting = if bounded {
            WAITING_MAX
        } else {
            Semaphore::MAX_PERMITS / 2
        };
        Self {
            strangers: Queue::new(cores, waiting),
            known: Queue::new(cores.div_ceil(2), waiting),
        }
    }

    pub async fn hash(&self, password: String) -> Result<String, Problem> {
        self.run(Who::Stranger, move || hash(&normal(&password)))
            .await?
            .map_err(|error| {
                tracing::error!(%error, "a password could not be hashed");
                Problem::internal()
            })
    }

    /// Whether the password is the one with that hash; without a hash never, after the same effort. However it was
    /// typed: what looks the same is the same. A hash from before that was so may be of the form that is taken apart.
    pub async fn verify(&self, who: Who, password: String, stored: Option<String>) -> Result<bool, Problem> {
        self.run(who, move || {
            let known = stored.is_some();
            let stored = stored.or_else(|| NOBODY.clone()).unwrap_or_default();
            let right = PasswordHash::new(&stored).is_ok_and(|hash| {
                let is = |text: &str| Argon2::default().verify_password(text.as_bytes(), &hash).is_ok();
                let (composed, apart) = (normal(&password), password.nfd().collect::<String>());
                is(&composed) || apart != composed && is(&apart)
            });
            right && known
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, who: Who, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let failed = |error: &dyn std::error::Error| {
            tracing::error!(%error, "password work did not end");
            Problem::internal()
        };
        let queue = match who {
            Who::Stranger => &self.strangers,
            Who::Known => &self.known,
        };
        let place = queue.places.clone().try_acquire_owned();
        let place = place.map_err(|_| Problem::unavailable("password.busy"))?;
        let permit = queue
            .permits
            .clone()
            .acquire_owned()
            .await
            .map_err(|error| failed(&error))?;
        let work = move || {
            let done = work();
            drop((permit, place)); // a caller who went away must not free the core before it is free
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

/// One spelling for what looks the same (NIST SP 800-63B).
fn normal(password: &str) -> String {
    password.nfc().collect()
}

/// The rule for new passwords.
pub fn check(check: &mut Check, field: &str, password: &str) {
    if password.is_empty() {
        check.fail(field, Rule::Required);
    } else {
        check.that(
            normal(password).chars().count() >= PASSWORD_MIN,
            field,
            Rule::WeakPassword { min: PASSWORD_MIN },
        );
        check.at_most(field, password, PASSWORD_MAX);
    }
}

/// Lets nobody go on who does not know the account's password, slowed down like anybody who signs in.
pub async fn demand(app: &App, user: Uuid, field: &str, password: String, write: &Write) -> Result<(), Problem> {
    let stored = load(&app.pool, user).await?;
    let entrance = app
        .door
        .enter(app.pepper.tag("own password", &[user.as_bytes()]), write.client())
        .map_err(|wait| Problem::slowed("sign_in.slowed", wait))?;
    match app.passwords.verify(entrance.who, password, stored).await? {
        true => entrance.right(),
        false => {
            entrance.wrong();
            return Err(Problem::invalid_field(field, Rule::NotAllowed).because("user.password_wrong"));
        }
    }
    Ok(())
}

pub async fn store(executor: impl PgExecutor<'_>, user: Uuid, hash: &str) -> Result<(), sqlx::Error> {
    let upsert = "insert into platform.credentials (user_id, password_hash) values ($1, $2) \
        on conflict (user_id) do update set password_hash = excluded.password_hash, changed_at = now()";
    query(upsert).bind(user).bind(hash).execute(executor).await.map(drop)
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

    async fn is_right(passwords: &Passwords, password: &str, stored: Option<&str>) -> bool {
        let stored = stored.map(str::to_owned);
        passwords
            .verify(Who::Stranger, password.to_owned(), stored)
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn only_the_right_password_is_right() {
        let passwords = Passwords::new(true);
        let hash = passwords.hash("SecurePassword123".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(is_right(&passwords, "SecurePassword123", Some(&hash)).await);
        assert!(!is_right(&passwords, "securepassword123", Some(&hash)).await);
        assert!(!is_right(&passwords, "nobody has this password", None).await);
        assert!(!is_right(&passwords, "x", Some("not a hash")).await);
    }

    #[tokio::test]
    async fn what_looks_the_same_is_the_same() {
        let (composed, apart) = ("Пароль-Й-é-12", "Пароль-И\u{306}-e\u{301}-12");
        assert_ne!(composed, apart);
        let passwords = Passwords::new(true);
        for set in [composed, apart] {
            let hash = passwords.hash(set.into()).await.unwrap();
            for typed in [composed, apart] {
                assert!(is_right(&passwords, typed, Some(&hash)).await, "{set} {typed}");
            }
        }
        let before = hash(apart).unwrap();
        for typed in [composed, apart] {
            assert!(
                is_right(&passwords, typed, Some(&before)).await,
                "an old hash stays good"
            );
        }
    }

    #[tokio::test]
    async fn a_full_queue_says_so_and_those_who_are_known_pass_it() {
        let passwords = Arc::new(Passwords::new(true));
        let held = passwords
            .strangers
            .permits
            .clone()
            .acquire_many_owned(u32::try_from(passwords.strangers.permits.available_permits()).unwrap());
        let held = held.await.unwrap();
        let waiting = passwords.strangers.places.available_permits();
        let guesses: Vec<_> = (0..waiting + 3)
            .map(|_| {
                let passwords = passwords.clone();
                tokio::spawn(async move { passwords.verify(Who::Stranger, "guess".into(), None).await })
            })
            .collect();
        while passwords.strangers.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(!passwords.verify(Who::Known, "mine".into(), None).await.unwrap());
        drop(held);
        let mut refused = 0;
        for guess in guesses {
            match guess.await.unwrap() {
                Ok(right) => assert!(!right),
                Err(problem) => {
                    assert_eq!(problem.reason(), Some("password.busy"));
                    refused += 1;
                }
            }
        }
        assert_eq!(refused, 3);
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
