//! Products: document 1 §5, document 2 "Products API".

mod batch;
pub mod image;
mod row;

use crate::{
    envelope,
    extract::{
        List, May, past,
        rights::{ProductsCreate, ProductsDelete, ProductsUpdate, ProductsView},
    },
    i18n::Language,
    noun::{self, Answer, Archivable, Asking, Noun},
    openapi::told,
    problem::Problem,
    reply::{Named, Page},
    state::App,
    view,
};
use aide::axum::{
    ApiRouter,
    routing::{get_with, post_with},
};
use axum::extract::State;
use commands::product;
use domain::{
    catalog::product::{Change, Details, Product, ProductCommand, ProductEvent, Status},
    id::ProductId,
};
use projections::{
    catalog::{category, product::Row},
    view::Reader,
};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

const CATEGORY: &str = "categoryId";
/// So many categories one list may name.
const CATEGORIES_MAX: usize = 50;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/products",
            get_with(
                list,
                told(
                    "The workspace's products, newest first, in the caller's language as far as they have translations",
                ),
            )
            .post_with(
                noun::create::<Product, ProductsCreate>,
                told("A new product; code and name are required"),
            ),
        )
        .api_route(
            "/products/{id}",
            get_with(
                view::details_in_language::<Row, ProductsView>,
                told("A product with its bill of materials, former prices and stock movements"),
            )
            .put_with(noun::update::<Product, ProductsUpdate>, told("Changes a product"))
            .delete_with(
                noun::archive::<Product, ProductsDelete>,
                told("Archives a product; its history stays"),
            ),
        )
        .api_route(
            "/products/batch",
            post_with(
                batch::create,
                told("Up to 500 new products, each made or refused alone; whatever is refused is told with its place"),
            ),
        )
        .merge(image::router())
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct ProductCreated {
    id: Uuid,
    code: String,
    name: String,
    status: Status,
    version: i64,
}

/// `categoryId` names a category with all that is below it.
async fn list(
    State(app): State<App>,
    caller: May<ProductsView>,
    language: Language,
    List { mut pairs, .. }: List<Row>,
) -> Result<Page<Row>, Problem> {
    let as_of = past::take(&mut pairs)?;
    let categories = categories(&mut pairs);
    let read = async |reader: Reader<'_>| {
        let scope = categories.clone().map(|ids| category::within(reader.schema, ids));
        projections::view::page_of::<Row>(view::spoken(reader, language), &pairs, &scope.unwrap_or_default()).await
    };
    let page = view::as_reader_at(&app, &caller, as_of, read).await?;
    Ok(Page::of(envelope::list(page)))
}

/// Takes the categories out of the query; what is none is left for the list to refuse.
pub fn categories(pairs: &mut Vec<(String, String)>) -> Option<Vec<Uuid>> {
    let place = pairs.iter().position(|(name, _)| name == CATEGORY)?;
    let ids = pairs[place].1.split(',').map(|id| Uuid::parse_str(id.trim()));
    let ids: Vec<Uuid> = ids.collect::<Result<_, _>>().ok()?;
    let alone = pairs.iter().filter(|(name, _)| name == CATEGORY).count() == 1;
    (alone && ids.len() <= CATEGORIES_MAX).then(|| {
        pairs.remove(place);
        ids
    })
}

impl Named for Product {
    const ANSWER: &'static str = "ProductChanged";
}

impl Noun for Product {
    type Fields = Details;
    type Made = ProductCreated;
    const UPDATED: &'static str = "Product updated successfully";

    async fn create(Asking { app, context, .. }: Asking<'_>, id: ProductId, change: Change) -> Answer<Self> {
        Ok(product::create(&app.executor, id, change, context).await?)
    }

    async fn update(Asking { app, context, .. }: Asking<'_>, id: ProductId, change: Change) -> Answer<Self> {
        Ok(product::update(&app.executor, id, change, context).await?)
    }

    fn made(id: Uuid, version: i64, event: ProductEvent) -> Option<ProductCreated> {
        match event {
            ProductEvent::Created(details) => Some(ProductCreated {
                id,
                code: details.code,
                name: details.name,
                status: details.status,
                version,
            }),
            _ => None,
        }
    }
}

impl Archivable for Product {
    const ARCHIVE: ProductCommand = ProductCommand::Archive;
    const ARCHIVED: &'static str = "Product archived";
}
