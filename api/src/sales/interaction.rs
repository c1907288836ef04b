//! Calls, mails, meetings and notes with a customer: document 1 §3 ("history of interactions"), document 2's `activities`.
//! They are reached within their customer, and by whoever reaches that one.

use crate::{
    extract::{
        Body, BodyHash, Edit, May, New, Nothing, Param, With, Within, Write,
        past::Seen,
        rights::{CustomersDelete, CustomersUpdate, CustomersView},
    },
    openapi::told,
    problem::Problem,
    reply::{Changed, Created, Named, One, Reply},
    state::App,
    view,
};
use aide::axum::{ApiRouter, routing::get_with};
use axum::extract::State;
use commands::interaction;
use domain::{
    id::{CustomerId, InteractionId},
    sales::interaction::{Details, Interaction},
};
use projections::sales::interaction::Row;
use uuid::Uuid;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/customers/{id}/interactions",
            get_with(
                view::list_within::<Row, CustomersView>,
                told("What was said with a customer, what was told last first"),
            )
            .post_with(
                record,
                told("Records a call, mail, meeting or note; only the subject is required"),
            ),
        )
        .api_route(
            "/customers/{id}/interactions/{interactionId}",
            get_with(details, told("One of them"))
                .put_with(correct, told("Corrects it"))
                .delete_with(remove, told("Takes it out; its history stays")),
        )
}

impl Named for Interaction {
    const ANSWER: &'static str = "InteractionChanged";
}

async fn details(
    State(app): State<App>,
    caller: May<CustomersView>,
    Within(customer): Within<CustomerId>,
    seen: Seen<Param<InteractionId>>,
) -> Result<One<Row>, Problem> {
    view::one_within(&app, &caller, customer.into(), seen.id, seen.as_of).await
}

async fn record(
    State(app): State<App>,
    caller: May<CustomersUpdate>,
    Within(customer): Within<CustomerId>,
    write: Write,
    Body {
        value: With { change, .. },
        hash,
    }: Body<New<Details, Nothing>>,
) -> Result<Created<Changed<Interaction>>, Problem> {
    let context = write.context(&caller, hash);
    let id = Uuid::now_v7().into();
    let done = interaction::record(&app.executor, id, customer, change, &context).await?;
    let written = write.settle(&app, context.workspace, &done).await;
    Ok(written.created(Changed::new(done.id, "Interaction recorded", done.version)))
}

async fn correct(
    State(app): State<App>,
    caller: May<CustomersUpdate>,
    Within(customer): Within<CustomerId>,
    Param(id): Param<InteractionId>,
    write: Write,
    Body {
        value: With { change, .. },
        hash,
    }: Body<Edit<Details, Nothing>>,
) -> Result<Reply<Changed<Interaction>>, Problem> {
    let context = write.context(&caller, hash);
    let done = interaction::correct(&app.executor, id, customer, change, &context).await?;
    Ok(write
        .changed(&app, context.workspace, &done, "Interaction corrected")
        .await)
}

async fn remove(
    State(app): State<App>,
    caller: May<CustomersDelete>,
    Within(customer): Within<CustomerId>,
    Param(id): Param<InteractionId>,
    write: Write,
) -> Result<Reply<Changed<Interaction>>, Problem> {
    let context = write.context(&caller, BodyHash::default());
    let done = interaction::remove(&app.executor, id, customer, &context).await?;
    Ok(write
        .changed(&app, context.workspace, &done, "Interaction removed")
        .await)
}
