//! How many requests a minute somebody may make: a user by name, whoever is not signed in by address. Counted in this
//! process's memory, second by second, so that in any sixty of them no more are let through than the limit says and a
//! request waits for nobody; what other nodes counted is added as it becomes known (`exchange`). Each node may thus let
//! through what it could let through alone until it hears of the others, which takes a second, and nobody has to be
//! sent to the same node to get all that is theirs.
//!
//! Not counted: questions whether the server is well, its documents, and preflights, which a browser asks by itself.

pub mod exchange;
mod window;

use super::{
    address::{ClientAddress, network_of},
    settings::Edge,
};
use crate::{
    extract::{Holder, Presented, drain},
    problem::{Code, Problem},
    state::App,
};
use axum::{
    extract::{Request, State},
    http::{HeaderName, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use exchange::Spent;
use metrics::counter;
use std::{
    collections::HashMap,
    fmt,
    net::IpAddr,
    str::FromStr,
    sync::{Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};
use uuid::Uuid;
use window::Window;

pub const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
pub const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
pub const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Of each kind, users and addresses, so that a flood of addresses pushes no user out. Some 30 MB when full.
const WINDOWS_MAX: usize = 100_000;

/// Who is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// Or a machine's key.
    User(Uuid),
    Address(IpAddr),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => id.fmt(f),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl FromStr for Subject {
    type Err = std::net::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(id) => Ok(Self::User(id)),
            Err(_) => text.parse().map(Self::Address),
        }
    }
}

/// What a request is told of its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    pub allowed: bool,
    pub limit: u32,
    pub remaining: u32,
    /// When the oldest request that still counts is forgotten, in seconds since 1970.
    pub reset: u64,
}

/// The counters of this node.
pub struct Rates {
    anonymous: u32,
    user: u32,
    premium: u32,
    users: Mutex<Windows>,
    addresses: Mutex<Windows>,
    spent: Spent,
}

impl Rates {
    pub fn new(settings: &Edge) -> Self {
        Self {
            anonymous: settings.rate_limit_anonymous,
            user: settings.rate_limit_user,
            premium: settings.rate_limit_premium,
            users: Mutex::default(),
            addresses: Mutex::default(),
            spent: Spent::default(),
        }
    }

    /// Counts a request, if there is room for it.
    fn take(&self, subject: Subject, limit: u32, now: u64) -> Verdict {
        let verdict = self.windows(subject, |windows| windows.of(subject, now).take(limit, now));
        if verdict.allowed {
            self.spent.note(subject, now);
        }
        verdict
    }

    /// Adds what another node has let through.
    fn add(&self, subject: Subject, second: u64, count: u32, now: u64) {
        self.windows(subject, |windows| windows.of(subject, now).add(second.min(now), count));
    }

    fn windows<T>(&self, subject: Subject, body: impl FnOnce(&mut Windows) -> T) -> T {
        let windows = match subject {
            Subject::User(_) => &self.users,
            Subject::Address(_) => &self.addresses,
        };
        body(&mut windows.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn limit_of(&self, holder: &Holder) -> u32 {
        if holder.premium { self.premium } else { self.user }
    }
}

#[derive(Default)]
struct Windows {
    known: HashMap<Subject, Window>,
    /// Shared by those for whom there is no room: under a flood of addresses, newcomers count as one.
    others: Window,
    swept: u64,
}

impl Windows {
    fn of(&mut self, subject: Subject, now: u64) -> &mut Window {
        if self.known.len() >= WINDOWS_MAX && self.swept != now {
            self.swept = now; // once a second at most: it walks them all
            self.known.retain(|_, window| !window.is_over(now));
        }
        if self.known.len() >= WINDOWS_MAX && !self.known.contains_key(&subject) {
            return &mut self.others;
        }
        self.known.entry(subject).or_default()
    }
}

pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// Middleware. A refused request's body is read to its end like any other's, but not kept.
pub async fn limit(State(app): State<App>, request: Request, next: Next) -> Response {
    let Some(rates) = app.rates.as_ref().filter(|_| is_counted(&request)) else {
        return next.run(request).await;
    };
    let presented = request.extensions().get::<Presented>().cloned();
    let (subject, limit) = match presented.as_ref().and_then(Presented::holder) {
        Some(holder) => (Subject::User(holder.subject), rates.limit_of(holder)),
        None => match request.extensions().get::<ClientAddress>() {
            Some(ClientAddress(address)) => (Subject::Address(network_of(*address)), rates.anonymous),
            None => return next.run(request).await,
        },
    };
    let verdict = rates.take(subject, limit, now());
    let mut response = if verdict.allowed {
        next.run(request).await
    } else {
        let kind = match subject {
            Subject::User(_) => "user",
            Subject::Address(_) => "address",
        };
        counter!("prometric_rate_limited_total", "kind" => kind).increment(1);
        drain(request, app.config.edge.body_timeout).await;
        Problem::new(Code::RateLimited).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(LIMIT, verdict.limit.into());
    headers.insert(REMAINING, verdict.remaining.into());
    headers.insert(RESET, verdict.reset.into());
    if !verdict.allowed {
        let wait = verdict.reset.saturating_sub(now()).max(1);
        headers.insert(header::RETRY_AFTER, wait.into());
    }
    response
}

fn is_counted(request: &Request) -> bool {
    let path = request.uri().path();
    let free = matches!(
        path,
        "/" | "/metrics" | "/openapi.json" | "/health" | "/api/v1/health" | "/.well-known/jwks.json"
    ) || path.starts_with("/api/health")
        || path.starts_with("/docs");
    !free && request.method() != Method::OPTIONS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u32) -> Subject {
        Subject::Address(IpAddr::from(n.to_be_bytes()))
    }

    #[test]
    fn a_flood_of_addresses_takes_no_more_memory_than_there_is_room_for() {
        let mut windows = Windows::default();
        let room = u32::try_from(WINDOWS_MAX).unwrap();
        for n in 0..room {
            assert!(windows.of(address(n), 1_000).take(1, 1_000).allowed);
        }
        assert!(windows.of(address(room), 1_000).take(1, 1_000).allowed);
        assert!(
            !windows.of(address(room + 1), 1_000).take(1, 1_000).allowed,
            "newcomers share one"
        );
        assert_eq!(windows.known.len(), WINDOWS_MAX);
        assert!(
            !windows.of(address(7), 1_000).take(1, 1_000).allowed,
            "who was known is"
        );
        assert!(windows.of(address(room + 2), 1_060).take(1, 1_060).allowed);
        assert_eq!(windows.known.len(), 1, "those a minute old are forgotten");
    }

    #[test]
    fn a_subject_is_written_and_read() {
        for subject in [
            Subject::User(Uuid::now_v7()),
            address(7),
            Subject::Address("2001:db8::".parse().unwrap()),
        ] {
            assert_eq!(subject.to_string().parse::<Subject>().unwrap(), subject);
        }
    }
}
