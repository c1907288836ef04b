//! Summaries of deals: how they stand and end, and why they are lost. Both are read for all deals that the caller may see, or for
//! those of one member; what ended is that of some months.

use crate::{
    envelope,
    extract::{May, past, rights::DealsView},
    openapi::parameter,
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
use domain::{Rule, time::YEARS};
use projections::{
    AsOf,
    sales::deal::metrics::{self, Asked, LostReasons, Metrics},
    view::Reader,
};
use serde_json::json;

/// Which deals, and as of when.
#[derive(Debug, Clone)]
pub struct Summed {
    asked: Asked,
    as_of: Option<AsOf>,
}

impl<S: Send + Sync> FromRequestParts<S> for Summed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Query(mut pairs) = query.map_err(|_| Problem::new(Code::ValidationFailed))?;
        let as_of = past::take(&mut pairs)?;
        let mut asked = Asked::default();
        for (name, value) in pairs {
            let taken = take(&mut asked, &name, value);
            taken.map_err(|rule| Problem::invalid_field(name, rule))?;
        }
        Ok(Self { asked, as_of })
    }
}

fn take(asked: &mut Asked, name: &str, value: String) -> Result<(), Rule> {
    match name {
        "assignedTo" => asked.assigned_to = Some(value.parse().map_err(|_| Rule::NotAUuid)?),
        "pipelineId" => asked.pipeline = Some(value.parse().map_err(|_| Rule::NotAUuid)?),
        "from" => asked.from = Some(month(value)?),
        "to" => asked.to = Some(month(value)?),
        _ => return Err(Rule::no_such_field(["assignedTo", "pipelineId", "from", "to"])),
    }
    Ok(())
}

/// `2026-11`, of a year that events can be of.
fn month(text: String) -> Result<String, Rule> {
    let parts = text
        .split_once('-')
        .filter(|(year, month)| year.len() == 4 && month.len() == 2);
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (year, nth) = parts
        .filter(|(year, month)| digits(year) && digits(month))
        .ok_or(Rule::WrongType)?;
    let (year, nth): (i32, u32) = (
        year.parse().map_err(|_| Rule::WrongType)?,
        nth.parse().map_err(|_| Rule::WrongType)?,
    );
    match (1..=12).contains(&nth) {
        false => Err(Rule::WrongType),
        true if YEARS.contains(&year) => Ok(text),
        true => Err(Rule::YearOutOfRange {
            min: (*YEARS.start()).into(),
            max: (*YEARS.end()).into(),
        }),
    }
}

impl OperationInput for Summed {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        let month = json!({ "type": "string", "pattern": "^(19|[2-9][0-9])[0-9]{2}-(0[1-9]|1[0-2])$" });
        for (name, schema, description) in [
            (
                "assignedTo",
                json!({ "type": "string", "format": "uuid" }),
                "Of deals that are assigned to them",
            ),
            (
                "pipelineId",
                json!({ "type": "string", "format": "uuid" }),
                "Of deals in one of the workspace's own pipelines",
            ),
            ("from", month.clone(), "The first month of what was won and lost"),
            ("to", month, "The last month of it"),
        ] {
            parameter(
                operation,
                json!({ "name": name, "in": "query", "schema": schema, "description": description }),
            );
        }
        crate::openapi::moment(operation);
    }
}

pub(super) async fn of_all(
    State(app): State<App>,
    caller: May<DealsView>,
    Summed { asked, as_of }: Summed,
) -> Result<Reply<Metrics>, Problem> {
    let read = async |reader: Reader<'_>| metrics::metrics(reader, &asked).await;
    let summary = as_reader_at(&app, &caller, as_of, read).await?;
    Ok(Reply::of(envelope::ok(summary)))
}

pub(super) async fn of_lost(
    State(app): State<App>,
    caller: May<DealsView>,
    Summed { asked, as_of }: Summed,
) -> Result<Reply<LostReasons>, Problem> {
    let read = async |reader: Reader<'_>| metrics::lost_reasons(reader, &asked).await;
    let summary = as_reader_at(&app, &caller, as_of, read).await?;
    Ok(Reply::of(envelope::ok(summary)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_of_a_calendar() {
        assert_eq!(month("2026-11".into()), Ok("2026-11".into()));
        for wrong in [
            "",
            "2026",
            "2026-13",
            "2026-00",
            "2026-1",
            "26-11",
            "2026-11-01",
            "+026-11",
            "2026-+1",
        ] {
            assert_eq!(month(wrong.into()), Err(Rule::WrongType), "{wrong}");
        }
        assert!(matches!(month("0000-01".into()), Err(Rule::YearOutOfRange { .. })));
    }
}
