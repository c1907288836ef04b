//! Activities of deals: document 2, "POST /deals/:id/activities". They are added to a deal and read there; each has a place of
//! its own where it is changed or taken back.

use crate::{
    extract::{
        Body, BodyHash, Edit, Id, May, New, Nothing, Write,
        rights::{DealsUpdate, DealsView},
    },
    openapi::told,
    problem::Problem,
    reply::{Changed, Created, Named, Reply},
    state::App,
    view,
};
use aide::axum::{ApiRouter, routing::get_with};
use axum::extract::State;
use commands::activity;
use domain::{
    id::{ActivityId, DealId},
    sales::activity::{Activity, Details},
};
use projections::sales::activity::Row;
use uuid::Uuid;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/deals/{id}/activities",
            get_with(
                view::list_within::<Row, DealsView>,
                told("What was done about a deal, the newest first"),
            )
            .post_with(
                record,
                told("Adds a call, a meeting, an e-mail, a task or a note to a deal"),
            ),
        )
        .api_route(
            "/activities",
            get_with(
                view::list::<Row, DealsView>,
                told("What was done about all deals, the newest first"),
            ),
        )
        .api_route(
            "/activities/{id}",
            get_with(view::details::<Row, DealsView>, told("An activity"))
                .put_with(update, told("Changes an activity"))
                .delete_with(
                    remove,
                    told("Takes an activity back; what happened to it stays in its history"),
                ),
        )
}

impl Named for Activity {
    const ANSWER: &'static str = "ActivityWritten";
}

async fn record(
    State(app): State<App>,
    caller: May<DealsUpdate>,
    Id(deal): Id<DealId>,
    write: Write,
    Body { value, hash }: Body<New<Details, Nothing>>,
) -> Result<Created<Changed<Activity>>, Problem> {
    let context = write.context(&caller, hash);
    let id = Uuid::now_v7().into();
    let done = activity::record(&app.executor, id, deal, value.change, &context).await?;
    let written = write.settle(&app, context.workspace, &done).await;
    Ok(written.created(Changed::new(done.id, "Activity added to deal", done.version)))
}

async fn update(
    State(app): State<App>,
    caller: May<DealsUpdate>,
    Id(id): Id<ActivityId>,
    write: Write,
    Body { value, hash }: Body<Edit<Details, Nothing>>,
) -> Result<Reply<Changed<Activity>>, Problem> {
    let context = write.context(&caller, hash);
    let done = activity::update(&app.executor, id, value.change, &context).await?;
    Ok(write.changed(&app, context.workspace, &done, "Activity updated").await)
}

async fn remove(
    State(app): State<App>,
    caller: May<DealsUpdate>,
    Id(id): Id<ActivityId>,
    write: Write,
) -> Result<Reply<Changed<Activity>>, Problem> {
    let context = write.context(&caller, BodyHash::default());
    let done = activity::remove(&app.executor, id, &context).await?;
    Ok(write.changed(&app, context.workspace, &done, "Activity removed").await)
}
