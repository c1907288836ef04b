//! What lay on the shelves at the end of a day, and what it was worth: by the days that facts count from.

use crate::{
    envelope,
    extract::{May, past, rights::ProductsView},
    openapi::{moment, parameter},
    problem::{Code, Problem},
    reply::Reply,
    state::App,
    view::as_reader_at,
};
use aide::{OperationInput, generate::GenContext, openapi::Operation};
use axum::{
    extract::{FromRequestParts, Query, State},
    http::request::Parts,
};
use chrono::{NaiveDate, Utc};
use domain::{
    Rule,
    id::ProductId,
    time::{is_plausible, local_date},
};
use projections::{
    AsOf,
    catalog::stock_day::{self, Asked, Balance},
    view::Reader,
};
use serde_json::json;

const LIMIT: u8 = 100;

/// Of which day and which products, and as of when it is known.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    date: Option<NaiveDate>,
    product: Option<ProductId>,
    after: Option<ProductId>,
    limit: u8,
    as_of: Option<AsOf>,
}

impl<S: Send + Sync> FromRequestParts<S> for Wanted {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Query(mut pairs) = query.map_err(|_| Problem::new(Code::ValidationFailed))?;
        let mut wanted = Self {
            date: None,
            product: None,
            after: None,
            limit: LIMIT,
            as_of: past::take(&mut pairs)?,
        };
        for (name, value) in pairs {
            let taken = wanted.take(&name, &value);
            taken.map_err(|rule| Problem::invalid_field(name, rule))?;
        }
        Ok(wanted)
    }
}

impl Wanted {
    fn take(&mut self, name: &str, value: &str) -> Result<(), Rule> {
        let id = || value.parse().map(Some).map_err(|_| Rule::NotAUuid);
        match name {
            "date" => {
                let day: Option<NaiveDate> = value.parse().ok();
                let day = day.filter(|day| day.to_string() == value && is_plausible(*day));
                self.date = Some(day.ok_or(Rule::WrongType)?);
            }
            "productId" => self.product = id()?,
            "after" => self.after = id()?,
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=LIMIT).contains(limit));
                self.limit = limit.ok_or(Rule::OutOfRange {
                    min: 1,
                    max: LIMIT.into(),
                })?;
            }
            _ => return Err(Rule::no_such_field(["date", "productId", "after", "limit"])),
        }
        Ok(())
    }
}

impl OperationInput for Wanted {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        let id = json!({ "type": "string", "format": "uuid" });
        for (name, schema, description) in [
            (
                "date",
                json!({ "type": "string", "format": "date" }),
                "The day in Kazakhstan at whose end it lay there; absent, today",
            ),
            ("productId", id.clone(), "Of this product only"),
            ("after", id, "Of products after this one, as the page before says"),
            (
                "limit",
                json!({ "type": "integer", "minimum": 1, "maximum": LIMIT, "default": LIMIT }),
                "At most so many products",
            ),
        ] {
            parameter(
                operation,
                json!({ "name": name, "in": "query", "schema": schema, "description": description }),
            );
        }
        moment(operation);
    }
}

pub(super) async fn of_day(
    State(app): State<App>,
    caller: May<ProductsView>,
    wanted: Wanted,
) -> Result<Reply<Balance>, Problem> {
    let asked = Asked {
        date: wanted.date.unwrap_or_else(|| local_date(Utc::now())),
        product: wanted.product,
        after: wanted.after,
        limit: wanted.limit,
    };
    let read = async |reader: Reader<'_>| stock_day::balance(reader, asked).await;
    let balance = as_reader_at(&app, &caller, wanted.as_of, read).await?;
    Ok(Reply::of(envelope::ok(balance)))
}
