//! What a trail takes in its path and query. What it does not know is refused by name.

use super::{
    export::Format,
    filter::Filter,
    noun::{self, NOUNS, Noun},
};
use crate::{
    extract::{path_id, path_text},
    openapi::{YEARS_PATTERN, parameter},
    problem::{Code, Problem},
};
use aide::{OperationInput, generate::GenContext, openapi::Operation};
use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use chrono::{DateTime, Datelike, Utc};
use domain::{Rule, time::YEARS};
use serde_json::{Value, json};
use uuid::Uuid;

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

impl OperationInput for Since {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        let time = json!({ "type": "string", "format": "date-time" });
        in_query(
            operation,
            "from",
            time,
            "Searched from here on; the later, the sooner it is found",
        );
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

impl OperationInput for Exported {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        let format = json!({ "type": "string", "enum": ["ndjson", "csv"] });
        parameter(
            operation,
            json!({ "name": "format", "in": "query", "required": true, "schema": format, "description": "A line an event" }),
        );
        filters(operation);
        in_query(
            operation,
            "cursor",
            cursor(),
            "Goes on behind this position: the last one that arrived",
        );
        in_query(operation, "resource", resources(), RESOURCE);
    }
}

/// `{resource}/{id}` of the path.
#[derive(Clone, Copy)]
pub struct Thing {
    pub noun: &'static dyn Noun,
    pub id: Uuid,
}

impl<S: Send + Sync> FromRequestParts<S> for Thing {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let resource = path_text(parts, state, "resource").await?.unwrap_or_default();
        let id = path_id(parts, state, "id").await?;
        let noun = noun::named(&resource).ok_or_else(|| Problem::missing("route.missing"))?;
        Ok(Self { noun, id })
    }
}

/// `{id}` of a path that has a query as well.
#[derive(Debug, Clone, Copy)]
pub struct Of(pub Uuid);

impl<S: Send + Sync> FromRequestParts<S> for Of {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        path_id(parts, state, "id").await.map(Self)
    }
}

/// `{interactionId}` of such a path.
#[derive(Debug, Clone, Copy)]
pub struct OfInteraction(pub Uuid);

impl<S: Send + Sync> FromRequestParts<S> for OfInteraction {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        path_id(parts, state, "interactionId").await.map(Self)
    }
}

impl OperationInput for OfInteraction {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        in_path(
            operation,
            "interactionId",
            json!({ "type": "string", "format": "uuid" }),
            "The interaction",
        );
    }
}

/// `{productId}` of such a path.
#[derive(Debug, Clone, Copy)]
pub struct OfProduct(pub Uuid);

impl<S: Send + Sync> FromRequestParts<S> for OfProduct {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        path_id(parts, state, "productId").await.map(Self)
    }
}

impl OperationInput for OfProduct {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        in_path(
            operation,
            "productId",
            json!({ "type": "string", "format": "uuid" }),
            "The product",
        );
    }
}

impl OperationInput for Of {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        in_path(operation, "id", json!({ "type": "string", "format": "uuid" }), "Its id");
    }
}

impl OperationInput for Thing {
    fn operation_input(context: &mut GenContext, operation: &mut Operation) {
        in_path(operation, "resource", resources(), "What kind of thing");
        Of::operation_input(context, operation);
    }
}

impl OperationInput for Page {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        filters(operation);
        let limit = json!({ "type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT });
        in_query(operation, "limit", limit, "Entries of a page");
        in_query(
            operation,
            "cursor",
            cursor(),
            "The `nextCursor` of the page before, with the same filters",
        );
    }
}

impl OperationInput for WholePage {
    fn operation_input(context: &mut GenContext, operation: &mut Operation) {
        Page::operation_input(context, operation);
        in_query(operation, "resource", resources(), RESOURCE);
    }
}

const RESOURCE: &str = "Only what happened to things of this kind";

fn filters(operation: &mut Operation) {
    let text = || json!({ "type": "string", "maxLength": TEXT_MAX });
    for (name, schema, told) in [
        (
            "actor",
            text(),
            "Only what this one did: `user:{id}`, `saga:{name}`, `system`, or a person's id",
        ),
        (
            "type",
            text(),
            "Only events of this type, or of all that begin with it: `deal.won`, `deal`",
        ),
        ("from", time(), "Not earlier than this"),
        ("to", time(), "Earlier than this"),
    ] {
        in_query(operation, name, schema, told);
    }
}

fn time() -> Value {
    json!({ "type": "string", "format": "date-time", "pattern": YEARS_PATTERN })
}

fn cursor() -> Value {
    json!({ "type": "string", "pattern": "^[0-9]{1,18}$" })
}

fn resources() -> Value {
    let resources: Vec<_> = NOUNS.iter().map(|noun| noun.resource()).collect();
    json!({ "type": "string", "enum": resources })
}

fn in_path(operation: &mut Operation, name: &str, schema: Value, told: &str) {
    parameter(
        operation,
        json!({ "name": name, "in": "path", "required": true, "schema": schema, "description": told }),
    );
}

pub(super) fn in_query(operation: &mut Operation, name: &str, schema: Value, told: &str) {
    parameter(
        operation,
        json!({ "name": name, "in": "query", "schema": schema, "description": told }),
    );
}
