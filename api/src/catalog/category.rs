//! Categories of products: a list, and the tree that they are.

use crate::{
    envelope,
    extract::{
        May, NoQuery,
        rights::{ProductsCreate, ProductsDelete, ProductsUpdate, ProductsView},
    },
    noun::{self, Answer, Archivable, Asking, Noun},
    openapi::told,
    problem::Problem,
    reply::{Named, Reply},
    state::App,
    view,
};
use aide::axum::{ApiRouter, routing::get_with};
use axum::extract::State;
use commands::category as filing;
use domain::{
    catalog::category::{Category, CategoryCommand, CategoryEvent, Change, Details, LEVELS_MAX},
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
            .post_with(
                noun::create::<Category, ProductsCreate>,
                told("A new category; only the name is required"),
            ),
        )
        .api_route(
            "/categories/tree",
            get_with(tree, told("The categories as a tree, in their order")),
        )
        .api_route(
            "/categories/{id}",
            get_with(view::details::<Row, ProductsView>, told("A category"))
                .put_with(
                    noun::update::<Category, ProductsUpdate>,
                    told("Changes a category, and where it stands; it is never a part of itself"),
                )
                .delete_with(
                    noun::archive::<Category, ProductsDelete>,
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

async fn tree(State(app): State<App>, caller: May<ProductsView>, _: NoQuery) -> Result<Reply<Vec<Branch>>, Problem> {
    let tree = view::as_reader_at(&app, &caller, None, async |reader| category::tree(reader).await).await?;
    Ok(Reply::of(envelope::ok(tree)))
}

impl Named for Category {
    const ANSWER: &'static str = "CategoryChanged";
}

impl Noun for Category {
    type Fields = Details;
    type Made = CategoryCreated;
    const UPDATED: &'static str = "Category updated successfully";

    async fn create(Asking { app, context, .. }: Asking<'_>, id: CategoryId, change: Change) -> Answer<Self> {
        Ok(filing::create(&app.executor, id, &change, context).await?)
    }

    async fn update(asking: Asking<'_>, id: CategoryId, change: Change) -> Answer<Self> {
        let below = match change.parent_id.as_set() {
            Some(Some(_)) => asking.levels_below::<Row>(id.into(), LEVELS_MAX).await?,
            _ => 0,
        };
        Ok(filing::update(&asking.app.executor, id, change, below, asking.context).await?)
    }

    fn made(id: Uuid, version: i64, event: CategoryEvent) -> Option<CategoryCreated> {
        match event {
            CategoryEvent::Created(details) => Some(CategoryCreated {
                id,
                name: details.name,
                parent_id: details.parent_id,
                version,
            }),
            CategoryEvent::Updated(_) | CategoryEvent::Archived {} => None,
        }
    }
}

impl Archivable for Category {
    const ARCHIVE: CategoryCommand = CategoryCommand::Archive;
    const ARCHIVED: &'static str = "Category archived";
}
