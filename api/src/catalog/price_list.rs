//! Price lists: for whom, in which currency, from when until when.

use crate::{
    extract::{
        Body, BodyHash, Edit, Id, May, New, Nothing, With, Write,
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
use commands::price_list;
use domain::{
    catalog::price_list::{Details, PriceList, PriceListCommand, PriceListEvent},
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
            .post_with(create, told("A new price list; only the name is required. With neither customer nor segment it is for everybody")),
        )
        .api_route(
            "/price-lists/{id}",
            get_with(view::details::<Row, ProductsView>, told("A price list"))
                .put_with(
                    update,
                    told("Changes a price list; its currency stays"),
                )
                .delete_with(
                    archive,
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

#[derive(Debug, Serialize, JsonSchema)]
pub struct PriceListChanged {
    id: Uuid,
    message: &'static str,
    version: i64,
}

async fn create(
    State(app): State<App>,
    caller: May<ProductsCreate>,
    write: Write,
    Body {
        value: With { change, .. },
        hash,
    }: Body<New<Details, Nothing>>,
) -> Result<Created<PriceListCreated>, Problem> {
    let context = write.context(&caller, hash);
    let id = PriceListId::new(Uuid::now_v7());
    let done = price_list::create(&app.executor, id, change, &context).await?;
    let written = write.settle(&app, context.workspace, &done).await;
    let (id, version) = (done.id, done.version);
    let answer = done.events.into_iter().find_map(|event| match event {
        PriceListEvent::Created(details) => Some(PriceListCreated {
            id,
            name: details.name,
            version,
        }),
        PriceListEvent::Updated(_) | PriceListEvent::Archived {} => None,
    });
    Ok(written.created(answer.ok_or_else(Problem::internal)?))
}

async fn update(
    State(app): State<App>,
    caller: May<ProductsUpdate>,
    Id(id): Id<PriceListId>,
    write: Write,
    Body {
        value: With { change, .. },
        hash,
    }: Body<Edit<Details, Nothing>>,
) -> Result<Reply<PriceListChanged>, Problem> {
    let context = write.context(&caller, hash);
    let done = price_list::update(&app.executor, id, change, &context).await?;
    let written = write.settle(&app, context.workspace, &done).await;
    Ok(written.ok(PriceListChanged {
        id: done.id,
        message: "Price list updated successfully",
        version: done.version,
    }))
}

async fn archive(
    State(app): State<App>,
    caller: May<ProductsDelete>,
    Id(id): Id<PriceListId>,
    write: Write,
) -> Result<Reply<PriceListChanged>, Problem> {
    let context = write.context(&caller, BodyHash::default());
    let command = PriceListCommand::Archive;
    let done = app.executor.execute::<PriceList>(id, &command, &context).await?;
    let written = write.settle(&app, context.workspace, &done).await;
    Ok(written.ok(PriceListChanged {
        id: done.id,
        message: "Price list archived",
        version: done.version,
    }))
}
