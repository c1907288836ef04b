//! Price lists: for whom, in which currency, from when until when.

use crate::{
    extract::rights::{ProductsCreate, ProductsDelete, ProductsUpdate, ProductsView},
    noun::{self, Answer, Archivable, Asking, Noun},
    openapi::told,
    reply::Named,
    state::App,
    view,
};
use aide::axum::{ApiRouter, routing::get_with};
use commands::price_list;
use domain::{
    catalog::price_list::{Change, Details, PriceList, PriceListCommand, PriceListEvent},
    id::PriceListId,
};
use projections::catalog::price_list::Row;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/price-lists",
            get_with(
                view::list::<Row, ProductsView>,
                told("The price lists, newest first"),
            )
            .post_with(noun::create::<PriceList, ProductsCreate>, told("A new price list; only the name is required. With neither customer nor segment it is for everybody")),
        )
        .api_route(
            "/price-lists/{id}",
            get_with(view::details::<Row, ProductsView>, told("A price list"))
                .put_with(
                    noun::update::<PriceList, ProductsUpdate>,
                    told("Changes a price list; its currency stays"),
                )
                .delete_with(
                    noun::archive::<PriceList, ProductsDelete>,
                    told("Archives a price list: no line takes a price from it any more"),
                ),
        )
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PriceListCreated {
    id: Uuid,
    name: String,
    version: i64,
}

impl Named for PriceList {
    const ANSWER: &'static str = "PriceListChanged";
}

impl Noun for PriceList {
    type Fields = Details;
    type Made = PriceListCreated;
    const UPDATED: &'static str = "Price list updated successfully";

    async fn create(Asking { app, context, .. }: Asking<'_>, id: PriceListId, change: Change) -> Answer<Self> {
        Ok(price_list::create(&app.executor, id, change, context).await?)
    }

    async fn update(Asking { app, context, .. }: Asking<'_>, id: PriceListId, change: Change) -> Answer<Self> {
        Ok(price_list::update(&app.executor, id, change, context).await?)
    }

    fn made(id: Uuid, version: i64, event: PriceListEvent) -> Option<PriceListCreated> {
        match event {
            PriceListEvent::Created(details) => Some(PriceListCreated {
                id,
                name: details.name,
                version,
            }),
            PriceListEvent::Updated(_) | PriceListEvent::Archived {} => None,
        }
    }
}

impl Archivable for PriceList {
    const ARCHIVE: PriceListCommand = PriceListCommand::Archive;
    const ARCHIVED: &'static str = "Price list archived";
}
