//! Categories of products: a list, and the tree that they are.

use crate::{
    envelope,
    extract::{
        Body, BodyHash, Edit, Id, May, New, NoQuery, Nothing, With, Write,
        rights::{ProductsCreate, ProductsDelete, ProductsUpdate, ProductsView},
    },
    openapi::told,
    problem::Problem,
    reply::{Created, Reply},
    state::App,
    view,
};
use aide::axum::{ApiRouter, routing::get_with};
use axum::extract::State;
use commands::category as filing;
use domain::{
    catalog::category::{Category, CategoryCommand, CategoryEvent, Details},
    id::CategoryId,
};
use projections::catalog::category::{self, Branch, Row};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/categories",
            get_with(
                view::list::<Row, ProductsView>,
                told("The categories of products, newest first"),
            )
            .post_with(create, told("A new category; only the name is required")),
        )
        .api_route(
            "/categories/tree",
            get_with(tree, told("The categories as a tree, in their order")),
        )
        .api_route(
            "/categories/{id}",
            get_with(view::details::<Row, ProductsView>, told("A category"))
                .put_with(
                    update,
                    told("Changes a category, and where it stands; it is never a part of itself"),
                )
                .delete_with(
                    archive,
                    told("Archives a category; what is in it stays called so, what is below it stands at the top"),
                ),
        )
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CategoryCreated {
    id: Uuid,
    name: String,
    parent_id: Option<CategoryId>,
    version: i64,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct CategoryChanged {
    id: Uuid,
    message: &'static str,
    version: i64,
}

async fn tree(State(app): State<App>, caller: May<ProductsView>, _: NoQuery) -> Result<Reply<Vec<Branch>>, Problem> {
    let tree = view::as_reader_at(&app, &caller, None, async |reader| category::tree(reader).await).await?;
    Ok(Reply::of(envelope::ok(tree)))
}

async fn create(
    State(app): State<App>,
    caller: May<ProductsCreate>,
    write: Write,
    Body {
        value: With { change, .. },
        hash,
    }: Body<New<Details, Nothing>>,
) -> Result<Created<CategoryCreated>, Problem> {
    let context = write.context(&caller, hash);
    let id = CategoryId::new(Uuid::now_v7());
    let done = filing::create(&app.executor, id, &change, &context).await?;
    let written = write.settle(&app, context.workspace, &done).await;
    let (id, version) = (done.id, done.version);
    let answer = done.events.into_iter().find_map(|event| match event {
        CategoryEvent::Created(details) => Some(CategoryCreated {
            id,
            name: details.name,
            parent_id: details.parent_id,
            version,
        }),
        CategoryEvent::Updated(_) | CategoryEvent::Archived {} => None,
    });
    Ok(written.created(answer.ok_or_else(Problem::internal)?))
}

async fn update(
    State(app): State<App>,
    caller: May<ProductsUpdate>,
    Id(id): Id<CategoryId>,
    write: Write,
    Body {
        value: With { change, .. },
        hash,
    }: Body<Edit<Details, Nothing>>,
) -> Result<Reply<CategoryChanged>, Problem> {
    let context = write.context(&caller, hash);
    let done = filing::update(&app.executor, id, change, &context).await?;
    let written = write.settle(&app, context.workspace, &done).await;
    Ok(written.ok(CategoryChanged {
        id: done.id,
        message: "Category updated successfully",
        version: done.version,
    }))
}

async fn archive(
    State(app): State<App>,
    caller: May<ProductsDelete>,
    Id(id): Id<CategoryId>,
    write: Write,
) -> Result<Reply<CategoryChanged>, Problem> {
    let context = write.context(&caller, BodyHash::default());
    let command = CategoryCommand::Archive;
    let done = app.executor.execute::<Category>(id, &command, &context).await?;
    let written = write.settle(&app, context.workspace, &done).await;
    Ok(written.ok(CategoryChanged {
        id: done.id,
        message: "Category archived",
        version: done.version,
    }))
}
