//! Departments: document 1 §9, document 2 "Departments API". The list is the tree itself, in the documents' shape.

use crate::{
    envelope,
    extract::{
        Body, Edit, Id, May, New, NoQuery, Nothing, With, Write,
        rights::{DepartmentsCreate, DepartmentsUpdate, DepartmentsView},
    },
    openapi::told,
    problem::Problem,
    reply::{Created, Reply},
    state::App,
    view,
};
use aide::axum::{ApiRouter, routing::get_with};
use axum::extract::State;
use commands::department as founding;
use domain::{
    id::DepartmentId,
    people::department::{DepartmentEvent, Details},
};
use projections::people::department::{self, Branch, Row};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/departments",
            get_with(tree, told("The departments as a tree, by name"))
                .post_with(create, told("A new department; only the name is required")),
        )
        .api_route(
            "/departments/{id}",
            get_with(view::details::<Row, DepartmentsView>, told("A department")).put_with(
                update,
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

#[derive(Debug, Serialize, JsonSchema)]
pub struct DepartmentChanged {
    id: Uuid,
    message: &'static str,
    version: i64,
}

async fn tree(State(app): State<App>, caller: May<DepartmentsView>, _: NoQuery) -> Result<Reply<Vec<Branch>>, Problem> {
    let tree = view::as_reader_at(&app, &caller, None, async |reader| department::tree(reader).await).await?;
    Ok(Reply::of(envelope::ok(tree)))
}

async fn create(
    State(app): State<App>,
    caller: May<DepartmentsCreate>,
    write: Write,
    Body {
        value: With { change, .. },
        hash,
    }: Body<New<Details, Nothing>>,
) -> Result<Created<DepartmentCreated>, Problem> {
    let context = write.context(&caller, hash);
    let id = DepartmentId::new(Uuid::now_v7());
    let done = founding::create(&app.executor, id, &change, &context).await?;
    let written = write.settle(&app, context.workspace, &done).await;
    let (id, version) = (done.id, done.version);
    let answer = done.events.into_iter().find_map(|event| match event {
        DepartmentEvent::Created(details) => Some(DepartmentCreated {
            id,
            name: details.name,
            code: details.code,
            version,
        }),
        DepartmentEvent::Updated(_) => None,
    });
    Ok(written.created(answer.ok_or_else(Problem::internal)?))
}

async fn update(
    State(app): State<App>,
    caller: May<DepartmentsUpdate>,
    Id(id): Id<DepartmentId>,
    write: Write,
    Body {
        value: With { change, .. },
        hash,
    }: Body<Edit<Details, Nothing>>,
) -> Result<Reply<DepartmentChanged>, Problem> {
    let context = write.context(&caller, hash);
    let done = founding::update(&app.executor, id, change, &context).await?;
    let written = write.settle(&app, context.workspace, &done).await;
    Ok(written.ok(DepartmentChanged {
        id: done.id,
        message: "Department updated successfully",
        version: done.version,
    }))
}
