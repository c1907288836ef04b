//! What a trail takes in its query. What it does not know is refused by name.

mod described;

use super::{export::Format, filter::Filter, noun};
use crate::problem::{Code, Problem};
use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use chrono::{DateTime, Datelike, Utc};
use domain::{Rule, time::YEARS};

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 200;
/// Characters of a filter.
const TEXT_MAX: usize = 100;

/// A page of a trail.
#[derive(Debug, Clone)]
pub struct Page {
    pub filter: Filter,
    /// The position or version that the page before reached.
    pub after: i64,
    pub limit: usize,
}

/// The same of everything there is.
#[derive(Debug, Clone)]
pub struct WholePage(pub Page);

const FILTERS: [&str; 6] = ["actor", "type", "from", "to", "limit", "cursor"];

impl<S: Send + Sync> FromRequestParts<S> for Page {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Self::of(parts, state, &FILTERS).await
    }
}

impl<S: Send + Sync> FromRequestParts<S> for WholePage {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let known = [&FILTERS[..], &["resource"]].concat();
        Page::of(parts, state, &known).await.map(Self)
    }
}

async fn pairs<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<Vec<(String, String)>, Problem> {
    let query = Query::from_request_parts(parts, state).await;
    query
        .map(|Query(pairs)| pairs)
        .map_err(|_| Problem::new(Code::ValidationFailed))
}

impl Default for Page {
    fn default() -> Self {
        Self {
            filter: Filter::default(),
            after: 0,
            limit: LIMIT_DEFAULT,
        }
    }
}

impl Page {
    /// A query that may name these.
    async fn of<S: Send + Sync>(parts: &mut Parts, state: &S, known: &[&str]) -> Result<Self, Problem> {
        let mut page = Self::default();
        for (name, value) in pairs(parts, state).await? {
            let taken = match known.contains(&name.as_str()) {
                true => page.take(&name, value),
                false => Err(Rule::Unknown),
            };
            taken.map_err(|rule| Problem::invalid_field(name, rule))?;
        }
        Ok(page)
    }

    fn take(&mut self, name: &str, value: String) -> Result<(), Rule> {
        if value.chars().count() > TEXT_MAX {
            return Err(Rule::TooLong { max: TEXT_MAX });
        }
        let filter = &mut self.filter;
        match name {
            "limit" => {
                self.limit = value.parse().map_err(|_| Rule::WrongType)?;
                if !(1..=LIMIT_MAX).contains(&self.limit) {
                    return Err(Rule::OutOfRange { min: 1, max: 200 });
                }
            }
            "cursor" => {
                let after = value.parse().ok().filter(|after: &i64| *after >= 0);
                self.after = after.ok_or(Rule::WrongType)?;
            }
            "actor" => filter.actor = Some(value),
            "type" => filter.kind = Some(value),
            "from" => filter.from = Some(instant(&value)?),
            "to" => filter.to = Some(instant(&value)?),
            "resource" => {
                noun::named(&value).ok_or(Rule::NotAllowed)?;
                filter.resource = Some(value);
            }
            _ => return Err(Rule::Unknown),
        }
        Ok(())
    }
}

/// Of a year that events can be of.
fn instant(text: &str) -> Result<DateTime<Utc>, Rule> {
    let instant: DateTime<Utc> = text.parse().map_err(|_| Rule::WrongType)?;
    let (min, max) = (i64::from(*YEARS.start()), i64::from(*YEARS.end()));
    match YEARS.contains(&instant.year()) {
        true => Ok(instant),
        false => Err(Rule::YearOutOfRange { min, max }),
    }
}

/// From when on.
#[derive(Debug, Clone)]
pub struct Since(pub Filter);

impl<S: Send + Sync> FromRequestParts<S> for Since {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Page { filter, .. } = Page::of(parts, state, &["from"]).await?;
        Ok(Self(filter))
    }
}

/// What is exported, and how.
#[derive(Debug, Clone)]
pub struct Exported {
    pub format: Format,
    pub filter: Filter,
    pub after: i64,
}

impl<S: Send + Sync> FromRequestParts<S> for Exported {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let (mut page, mut format) = (Page::default(), None);
        for (name, value) in pairs(parts, state).await? {
            let taken = match name.as_str() {
                "format" => value
                    .parse()
                    .map(|named| format = Some(named))
                    .map_err(|_| Rule::NotAllowed),
                "limit" => Err(Rule::Unknown),
                _ => page.take(&name, value),
            };
            taken.map_err(|rule| Problem::invalid_field(name, rule))?;
        }
        let Page { filter, after, .. } = page;
        let format = format.ok_or_else(|| Problem::invalid_field("format", Rule::Required))?;
        Ok(Self { format, filter, after })
    }
}
