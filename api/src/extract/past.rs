//! `?asOf=`: a moment that is past, by an RFC 3339 time or by a position of the workspace's log.

use super::{Caller, InPath, path_id};
use crate::{problem::Problem, state::App};
use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use domain::Rule;
use projections::{AsOf, Moment};
use std::{marker::PhantomData, time::Duration};
use uuid::Uuid;

const NAME: &str = "asOf";
/// How long whoever asks waits for a past moment to be made.
const PATIENCE: Duration = Duration::from_secs(1);

/// The thing that a path names, as it is or as it was: such a route's query names `asOf` and nothing else.
#[derive(Debug, Clone, Copy)]
pub struct Seen<I> {
    pub id: Uuid,
    pub as_of: Option<AsOf>,
    by: PhantomData<fn() -> I>,
}

/// Where a caller's rows are: now, or at a moment.
#[derive(Debug, Clone)]
pub struct Place {
    /// The workspace's role, and that of its live tables.
    pub role: String,
    pub schema: String,
    pub moment: Option<Moment>,
}

impl<I: InPath> FromRequestParts<App> for Seen<I> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let Query(mut pairs) = pairs.map_err(|_| Problem::invalid_field("?", Rule::Unknown))?;
        let as_of = take(&mut pairs)?;
        if let Some((name, _)) = pairs.into_iter().next() {
            return Err(Problem::invalid_field(name, Rule::Unknown));
        }
        Ok(Self {
            id: path_id(parts, app, I::NAME).await?,
            as_of,
            by: PhantomData,
        })
    }
}

/// Takes the moment out of a query; 400 when there are two, or it is neither a time nor a position.
pub fn take(pairs: &mut Vec<(String, String)>) -> Result<Option<AsOf>, Problem> {
    let mut named = pairs.extract_if(.., |(name, _)| name == NAME);
    let Some((_, value)) = named.next() else {
        return Ok(None);
    };
    if named.next().is_some() {
        return Err(Problem::invalid_field(NAME, Rule::WrongType));
    }
    let as_of = value.parse().map(Some);
    as_of.map_err(|_| Problem::invalid_field(NAME, Rule::WrongType))
}

/// Where the caller's rows of that moment are. One that is not past yet is 400; one that takes longer to make is 202.
pub async fn place(app: &App, caller: &Caller, as_of: Option<AsOf>) -> Result<Place, Problem> {
    let Some(as_of) = as_of else {
        let home = app.projections.home(&caller.workspace).await?;
        return Ok(Place {
            role: home.clone(),
            schema: home,
            moment: None,
        });
    };
    let workspace = caller.workspace_id();
    let moment = app.projections.moment(workspace, as_of).await?;
    let moment = moment.ok_or_else(|| Problem::invalid_field(NAME, Rule::NotYet))?;
    let schema = app.projections.past(workspace, moment, PATIENCE).await?;
    Ok(Place {
        role: caller.workspace.role(),
        schema: schema.ok_or_else(Problem::preparing)?,
        moment: Some(moment),
    })
}
