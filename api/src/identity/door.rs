//! Slows down whoever tries passwords: after a few wrong ones pauses that double, for one account from one client, for
//! one client whatever the account, and, never for long, for one account wherever from. Who has signed in from a client
//! before only waits for their own mistakes there: neither a flood of guesses at their account from elsewhere nor one at
//! other accounts from the office next door keeps them out. Each node counts for itself, in memory that has a bound:
//! keeping all nodes' counts together would cost a write a guess.

use super::password::Who;
use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Kept twice at most: the generation that fills up and the one before.
const KEPT_MAX: usize = 50_000;
/// What was not touched for twice as long is forgotten.
const GENERATION: Duration = Duration::from_secs(60 * 60);
/// How many of one client's tries may wait for their answer.
const PENDING_MAX: u32 = 16;

struct Limit {
    /// Wrong tries without a pause.
    free: u32,
    /// The pauses double up to this.
    longest: Duration,
}

const MINE: Limit = Limit {
    free: 5,
    longest: Duration::from_secs(15 * 60),
};
const CLIENT: Limit = Limit {
    free: 50,
    longest: Duration::from_secs(60),
};
const ACCOUNT: Limit = Limit {
    free: 25,
    longest: Duration::from_secs(20),
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Mine([u8; 32], Client),
    Client(Client),
    Account([u8; 32]),
}

/// A network that one person is likely to have to themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Client(Option<IpAddr>);

impl Client {
    fn new(address: &str) -> Self {
        let network = |address: IpAddr| match address {
            IpAddr::V6(v6) if v6.to_ipv4_mapped().is_none() => {
                IpAddr::V6(Ipv6Addr::from(u128::from(v6) & !u128::from(u64::MAX)))
            }
            other => other.to_canonical(),
        };
        Self(address.parse().ok().map(network))
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    failures: u32,
    pending: u32,
    /// A right password was seen.
    trusted: bool,
    until: Option<Instant>,
}

impl Tally {
    fn pause(&mut self, limit: &Limit, now: Instant) {
        if let Some(beyond) = self.failures.checked_sub(limit.free) {
            let pause = Duration::from_secs(1 << beyond.min(20)).min(limit.longest);
            self.until = Some(now + pause);
        }
    }

    fn remaining(&self, now: Instant) -> Duration {
        self.until
            .map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }
}

/// Counts that forget: two generations, of which the older goes when the newer is full or old.
struct Tallies {
    newer: HashMap<Key, Tally>,
    older: HashMap<Key, Tally>,
    turned: Instant,
}

impl Tallies {
    fn get(&mut self, key: Key, now: Instant) -> &mut Tally {
        if self.newer.len() >= KEPT_MAX || now.saturating_duration_since(self.turned) >= GENERATION {
            self.older = std::mem::take(&mut self.newer);
            self.turned = now;
        }
        let Self { newer, older, .. } = self;
        newer
            .entry(key)
            .or_insert_with(|| older.remove(&key).unwrap_or_default())
    }

    fn seen(&self, key: &Key) -> Tally {
        self.newer
            .get(key)
            .or_else(|| self.older.get(key))
            .copied()
            .unwrap_or_default()
    }
}

pub struct Door(Option<Mutex<Tallies>>);

/// One try at an account. Dropped without a verdict, it was none.
#[must_use]
pub struct Try<'a> {
    door: &'a Door,
    keys: Option<(Key, Key, Key)>,
    pub who: Who,
}

impl Door {
    /// `limited`: otherwise everybody may try as they like.
    pub fn new(limited: bool) -> Self {
        Self(limited.then(|| {
            Mutex::new(Tallies {
                newer: HashMap::new(),
                older: HashMap::new(),
                turned: Instant::now(),
            })
        }))
    }

    /// Lets a try in, or says how long to wait. `account` is a hash of what the account is named by, whether there is one
    /// or not.
    pub fn enter(&self, account: [u8; 32], client: &str) -> Result<Try<'_>, Duration> {
        self.enter_at(account, client, Instant::now())
    }

    fn enter_at(&self, account: [u8; 32], client: &str, now: Instant) -> Result<Try<'_>, Duration> {
        let Some(mut tallies) = self.lock() else {
            return Ok(Try {
                door: self,
                keys: None,
                who: Who::Stranger,
            });
        };
        let client = Client::new(client);
        let (mine, client, account) = (Key::Mine(account, client), Key::Client(client), Key::Account(account));
        let Tally {
            trusted,
            pending,
            failures,
            ..
        } = tallies.seen(&mine);
        let mut wait = tallies.seen(&mine).remaining(now);
        // Tries that are under way count as if they were wrong: many at once get no more than one after another.
        if failures + pending >= MINE.free && pending > 0 {
            wait = wait.max(Duration::from_secs(1));
        }
        if !trusted {
            let (of_client, of_account) = (tallies.seen(&client), tallies.seen(&account));
            wait = wait.max(of_client.remaining(now)).max(of_account.remaining(now));
            if of_client.pending >= PENDING_MAX {
                wait = wait.max(Duration::from_secs(1));
            }
        }
        if wait > Duration::ZERO {
            return Err(wait);
        }
        for key in [mine, client, account] {
            tallies.get(key, now).pending += 1;
        }
        Ok(Try {
            door: self,
            keys: Some((mine, client, account)),
            who: if trusted { Who::Known } else { Who::Stranger },
        })
    }

    /// A poisoned lock guards plain numbers that no panic leaves half-changed.
    fn lock(&self) -> Option<MutexGuard<'_, Tallies>> {
        let tallies = self.0.as_ref()?;
        Some(tallies.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Try<'_> {
    pub fn wrong(self) {
        self.wrong_at(Instant::now());
    }

    fn wrong_at(self, now: Instant) {
        if let (Some(mut tallies), Some((mine, client, account))) = (self.door.lock(), self.keys) {
            for (key, limit) in [(mine, &MINE), (client, &CLIENT), (account, &ACCOUNT)] {
                let tally = tallies.get(key, now);
                tally.failures = tally.failures.saturating_add(1);
                tally.pause(limit, now);
            }
        }
    }

    /// Past mistakes of this person, here, are forgiven; those of others, or at other accounts, are not theirs to forgive.
    pub fn right(self) {
        if let (Some(mut tallies), Some((mine, _, _))) = (self.door.lock(), self.keys) {
            let tally = tallies.get(mine, Instant::now());
            (tally.failures, tally.until, tally.trusted) = (0, None, true);
        }
    }
}

impl Drop for Try<'_> {
    fn drop(&mut self) {
        if let (Some(mut tallies), Some((mine, client, account))) = (self.door.lock(), self.keys) {
            for key in [mine, client, account] {
                let tally = tallies.get(key, Instant::now());
                tally.pending = tally.pending.saturating_sub(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "192.0.2.1";
    const THERE: &str = "192.0.2.2";

    fn account(n: u32) -> [u8; 32] {
        let mut account = [0; 32];
        account[..4].copy_from_slice(&n.to_be_bytes());
        account
    }

    fn wait(door: &Door, n: u32, client: &str, now: Instant) -> u64 {
        door.enter_at(account(n), client, now)
            .err()
            .map_or(0, |wait| wait.as_secs())
    }

    /// Tries until it has been wrong so often, waiting as long as told.
    fn guess(door: &Door, n: u32, client: &str, times: u32, mut now: Instant) -> Instant {
        for _ in 0..times {
            loop {
                match door.enter_at(account(n), client, now) {
                    Ok(entered) => break entered.wrong_at(now),
                    Err(wait) => now += wait,
                }
            }
        }
        now
    }

    #[test]
    fn pauses_grow_and_a_right_password_ends_them() {
        let (door, now) = (Door::new(true), Instant::now());
        let mut now = guess(&door, 1, HERE, MINE.free, now);
        for pause in [1, 2, 4, 8, 16] {
            assert_eq!(wait(&door, 1, HERE, now), pause);
            now += Duration::from_secs(pause);
            door.enter_at(account(1), HERE, now).ok().unwrap().wrong_at(now);
        }
        now = guess(&door, 1, HERE, 20, now);
        assert_eq!(wait(&door, 1, HERE, now), MINE.longest.as_secs(), "and end somewhere");
        now += MINE.longest;
        door.enter_at(account(1), HERE, now).ok().unwrap().right();
        assert_eq!(wait(&door, 1, HERE, now), 0);
    }

    #[test]
    fn one_clients_failures_do_not_keep_the_owner_out_from_another() {
        let (door, now) = (Door::new(true), Instant::now());
        let now = guess(&door, 1, HERE, 15, now);
        assert!(wait(&door, 1, HERE, now) > 60);
        assert_eq!(wait(&door, 1, THERE, now), 0);
    }

    #[test]
    fn many_clients_together_slow_an_account_down_but_not_its_owner_where_they_were_before() {
        let (door, now) = (Door::new(true), Instant::now());
        door.enter_at(account(1), HERE, now).ok().unwrap().right();
        let mut last = now;
        for n in 0..40 {
            last = guess(&door, 1, &format!("198.51.100.{n}"), 1, last);
        }
        assert_eq!(wait(&door, 1, THERE, last), ACCOUNT.longest.as_secs(), "never for long");
        assert_eq!(wait(&door, 1, HERE, last), 0);
    }

    #[test]
    fn a_client_that_tries_many_accounts_is_slowed_down_but_not_its_neighbour_who_was_there_before() {
        let (door, now) = (Door::new(true), Instant::now());
        door.enter_at(account(0), HERE, now).ok().unwrap().right();
        let mut last = now;
        for n in 1..=CLIENT.free + 3 {
            last = guess(&door, n, HERE, 1, last);
        }
        assert!(wait(&door, 999, HERE, last) > 0);
        assert_eq!(wait(&door, 0, HERE, last), 0);
        assert_eq!(wait(&door, 999, THERE, last), 0);
    }

    #[test]
    fn many_at_once_get_no_more_tries_than_one_after_another() {
        let (door, now) = (Door::new(true), Instant::now());
        let entered: Vec<_> = (0..200)
            .filter_map(|_| door.enter_at(account(1), HERE, now).ok())
            .collect();
        assert_eq!(entered.len(), MINE.free as usize);
        drop(entered);
        assert_eq!(wait(&door, 1, HERE, now), 0, "without a verdict they were none");
        let elsewhere: Vec<_> = (2..200)
            .filter_map(|n| door.enter_at(account(n), HERE, now).ok())
            .collect();
        assert_eq!(elsewhere.len(), PENDING_MAX as usize);
    }

    #[test]
    fn memory_has_a_bound() {
        let (door, now) = (Door::new(true), Instant::now());
        for n in 0..120_000_u32 {
            let client = IpAddr::from(std::net::Ipv4Addr::from(n)).to_string();
            door.enter_at(account(n), &client, now).ok().unwrap().wrong_at(now);
        }
        let tallies = door.lock().unwrap();
        assert!(tallies.newer.len() + tallies.older.len() <= 2 * KEPT_MAX + 3);
    }

    #[test]
    fn networks_of_one_person_are_one_client() {
        assert_eq!(Client::new("2001:db8::1"), Client::new("2001:db8::ffff:1"));
        assert_ne!(Client::new("2001:db8::1"), Client::new("2001:db8:0:1::1"));
        assert_eq!(Client::new("::ffff:192.0.2.1"), Client::new("192.0.2.1"));
        assert_eq!(Client::new("no address"), Client::new(""));
    }
}
