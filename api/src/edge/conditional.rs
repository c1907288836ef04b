//! `If-None-Match`: who has seen the newest already is told so, 304, and gets nothing again.
//!
//! A resource's tag is its version, because that is what a write refers to. What is shown beside it (a customer's deals,
//! what is overdue today) changes without the version. So this node remembers what it last showed each person under a
//! tag, and says "not modified" only to whom it has shown this and nothing else under it; whoever asks without having
//! been shown it here gets the whole.

use crate::{
    extract::{Presented, Tags},
    i18n::Language,
    state::App,
};
use axum::{
    body::Body,
    extract::{Request, State},
    http::{Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use moka::future::Cache;
use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};
use uuid::Uuid;

/// What was shown, some 100 bytes each.
const KEPT_MAX: u64 = 50_000;
const KEPT_FOR: Duration = Duration::from_secs(60 * 60);

/// Marks an answer whose tag says less than what it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    version: i64,
    digest: u64,
}

impl Shown {
    pub fn of(version: i64, item: &str) -> Self {
        Self {
            version,
            digest: digest(item),
        }
    }
}

fn digest(what: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

#[derive(Debug, Clone, Copy)]
struct Last {
    shown: Shown,
    /// Something else was shown under the same version: which one somebody has is not known.
    several: bool,
}

/// What this node showed, by person and place.
pub struct Memory(Cache<(Option<Uuid>, u64), Last>);

impl Default for Memory {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(KEPT_MAX).time_to_idle(KEPT_FOR).build())
    }
}

impl Memory {
    /// Whether this and nothing else was shown there under its version.
    async fn meet(&self, place: (Option<Uuid>, u64), shown: Shown) -> bool {
        let before = self.0.get(&place).await;
        let before = before.filter(|last| last.shown.version == shown.version);
        let several = before.is_some_and(|last| last.several || last.shown != shown);
        if before.is_none_or(|last| last.several != several) {
            self.0.insert(place, Last { shown, several }).await;
        }
        before.is_some() && !several
    }
}

/// Middleware.
pub async fn answer(State(app): State<App>, request: Request, next: Next) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    let tags = match Tags::read(request.headers(), &header::IF_NONE_MATCH, "If-None-Match") {
        Ok(tags) => tags,
        Err(problem) => return problem.into_response(),
    };
    let holder = request.extensions().get::<Presented>().and_then(Presented::holder);
    let language = Language::of(request.headers()).tag();
    let place = (holder.map(|holder| holder.subject), digest((request.uri(), language)));
    let mut response = next.run(request).await;
    let Some(tag) = response
        .headers()
        .get(header::ETAG)
        .filter(|_| response.status() == StatusCode::OK)
    else {
        return response;
    };
    let opaque = tag.to_str().unwrap_or_default().trim_matches('"').to_owned();
    let same = match response.extensions_mut().remove::<Shown>() {
        Some(shown) => app.shown.meet(place, shown).await,
        None => true,
    };
    let seen = match &tags {
        None => false,
        Some(Tags::Any) => true,
        Some(tags) => same && tags.hold(&opaque),
    };
    if seen {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
        for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH] {
            response.headers_mut().remove(name);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_who_was_shown_this_and_nothing_else_has_it() {
        let (memory, place) = (Memory::default(), (None, 1));
        let (bare, with_deal) = (Shown::of(7, "{}"), Shown::of(7, "{\"deals\":[1]}"));
        assert!(!memory.meet(place, bare).await, "never shown here");
        assert!(memory.meet(place, bare).await);
        assert!(!memory.meet((None, 2), bare).await, "another place");
        assert!(!memory.meet(place, with_deal).await, "changed without its version");
        for shown in [with_deal, bare] {
            assert!(!memory.meet(place, shown).await, "either may be what somebody has");
        }
        let next = Shown::of(8, "{}");
        assert!(!memory.meet(place, next).await);
        assert!(memory.meet(place, next).await);
    }
}
