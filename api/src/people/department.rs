//! Departments: document 1 §9, document 2 "Departments API". The list is the tree itself, in the documents' shape.

use crate::{
    envelope,
    extract::{
        May, NoQuery,
        rights::{DepartmentsCreate, DepartmentsUpdate, DepartmentsView},
    },
    noun::{self, Answer, Asking, Noun},
    openapi::told,
    problem::Problem,
    reply::{Named, Reply},
    state::App,
    view,
};
use aide::axum::{ApiRouter, routing::get_with};
use axum::extract::State;
use commands::department as founding;
use domain::{
    id::DepartmentId,
    people::department::{Change, Department, DepartmentEvent, Details, LEVELS_MAX},
};
use projections::people::department::{self, Branch, Row};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/departments",
            get_with(tree, told("The departments as a tree, by name")).post_with(
                noun::create::<Department, DepartmentsCreate>,
                told("A new department; only the name is required"),
            ),
        )
        .api_route(
            "/departments/{id}",
            get_with(view::details::<Row, DepartmentsView>, told("A department")).put_with(
                noun::update::<Department, DepartmentsUpdate>,
                told("Changes a department, and where it stands; it is never a part of itself"),
            ),
        )
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct DepartmentCreated {
    id: Uuid,
    name: String,
    code: Option<String>,
    version: i64,
}

async fn tree(State(app): State<App>, caller: May<DepartmentsView>, _: NoQuery) -> Result<Reply<Vec<Branch>>, Problem> {
    let tree = view::as_reader_at(&app, &caller, None, async |reader| department::tree(reader).await).await?;
    Ok(Reply::of(envelope::ok(tree)))
}

impl Named for Department {
    const ANSWER: &'static str = "DepartmentChanged";
}

impl Noun for Department {
    type Fields = Details;
    type Made = DepartmentCreated;
    const UPDATED: &'static str = "Department updated successfully";

    async fn create(Asking { app, context, .. }: Asking<'_>, id: DepartmentId, change: Change) -> Answer<Self> {
        Ok(founding::create(&app.executor, id, change, context).await?)
    }

    async fn update(asking: Asking<'_>, id: DepartmentId, change: Change) -> Answer<Self> {
        let below = match change.parent_id.as_set() {
            Some(Some(_)) => asking.levels_below::<Row>(id.into(), LEVELS_MAX).await?,
            _ => 0,
        };
        Ok(founding::update(&asking.app.executor, id, change, below, asking.context).await?)
    }

    fn made(id: Uuid, version: i64, event: DepartmentEvent) -> Option<DepartmentCreated> {
        match event {
            DepartmentEvent::Created(details) => Some(DepartmentCreated {
                id,
                name: details.name,
                code: details.code,
                version,
            }),
            DepartmentEvent::Updated(_) => None,
        }
    }
}
