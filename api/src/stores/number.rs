//! Numbers for ids. Document 4 knows users, stores and employees by whole numbers; a number is the second name of a thing: the
//! position at which it came to be in its log. Positions never change, so that it outlives every replay and goes along with an
//! export, and no column is needed for it.

use crate::{
    extract::{no_query, path_text},
    openapi::parameter,
    problem::Problem,
    state::App,
};
use aide::{OperationInput, generate::GenContext, openapi::Operation};
use axum::{extract::FromRequestParts, http::request::Parts};
use commands::Error;
use domain::{Rule, id::WorkspaceId, identity::workspace::WorkspaceRejection};
use log::ReadError;
use serde_json::json;
use std::collections::HashMap;
use uuid::Uuid;

/// `{id}` of the path: a number, or the id that the rest of the API knows the thing by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    Number(i64),
    Id(Uuid),
}

impl Name {
    fn read(text: &str) -> Result<Self, Rule> {
        match (text.parse::<i64>(), Uuid::parse_str(text)) {
            (Ok(number), _) if number > 0 => Ok(Self::Number(number)),
            (Ok(_), _) => Err(Rule::NotPositive),
            (Err(_), Ok(id)) => Ok(Self::Id(id)),
            (Err(_), Err(_)) => Err(Rule::WrongType),
        }
    }

    /// The thing of that category with this name in a log, if there is one.
    pub async fn resolve(self, app: &App, workspace: WorkspaceId, category: &str) -> Result<Option<Uuid>, Problem> {
        match self {
            Self::Number(number) => {
                let begun = app.log.begun_at(workspace.uuid(), category, number).await;
                begun.map_err(unreadable)
            }
            Self::Id(id) => Ok(Some(id)),
        }
    }
}

impl FromRequestParts<App> for Name {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        no_query(&parts.uri)?;
        let text = path_text(parts, app, "id").await?.unwrap_or_default();
        Self::read(&text).map_err(|rule| Problem::invalid_field("id", rule))
    }
}

impl OperationInput for Name {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        let schema = json!({ "anyOf": [{ "type": "integer", "minimum": 1 }, { "type": "string", "format": "uuid" }] });
        let words =
            json!({ "name": "id", "in": "path", "required": true, "schema": schema, "description": "Its number" });
        parameter(operation, words);
    }
}

/// The numbers of things, by their ids.
pub async fn numbers(app: &App, workspace: WorkspaceId, ids: &[Uuid]) -> Result<HashMap<Uuid, i64>, Problem> {
    app.log.beginnings(workspace.uuid(), ids).await.map_err(unreadable)
}

/// The number of a thing that is there.
pub async fn number(app: &App, workspace: WorkspaceId, id: Uuid) -> Result<i64, Problem> {
    let numbers = numbers(app, workspace, &[id]).await?;
    numbers.get(&id).copied().ok_or_else(Problem::internal)
}

fn unreadable(error: ReadError) -> Problem {
    Error::<WorkspaceRejection>::from(error).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_named_by_a_number_or_by_its_id() {
        let id = Uuid::from_u128(7);
        assert_eq!(Name::read("12"), Ok(Name::Number(12)));
        assert_eq!(Name::read(&id.to_string()), Ok(Name::Id(id)));
        for (text, rule) in [
            ("0", Rule::NotPositive),
            ("-1", Rule::NotPositive),
            ("", Rule::WrongType),
            ("1.5", Rule::WrongType),
            ("moy-magazin", Rule::WrongType),
            ("99999999999999999999", Rule::WrongType),
        ] {
            assert_eq!(Name::read(text), Err(rule), "{text}");
        }
    }
}
