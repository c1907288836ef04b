//! Calls, mails, meetings and notes with a customer: document 1 §3 ("history of interactions"), document 2's `activities`.
//! They are reached within their customer, and by whoever reaches that one.

use crate::{
    envelope,
    extract::{
        Body, BodyHash, Caller, Edit, InteractionParam, List, May, New, Nothing, With, Within, Write,
        past::{self, Seen},
        rights::{CustomersDelete, CustomersUpdate, CustomersView},
    },
    openapi::told,
    problem::Problem,
    reply::{Changed, Created, Named, One, Page, Reply},
    state::App,
    view::as_reader_at,
};
use aide::axum::{ApiRouter, routing::get_with};
use axum::extract::State;
use commands::interaction;
use domain::{
    id::CustomerId,
    sales::interaction::{Details, Interaction},
};
use projections::{
    AsOf,
    sales::{
        customer,
        interaction::{Row, with},
    },
    view::{self, Reader},
};
use uuid::Uuid;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/customers/{id}/interactions",
            get_with(list, told("What was said with a customer, what was told last first")).post_with(
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

async fn list(
    State(app): State<App>,
    caller: May<CustomersView>,
    Within(customer): Within<CustomerId>,
    List { mut pairs, .. }: List<Row>,
) -> Result<Page<Row>, Problem> {
    let as_of = past::take(&mut pairs)?;
    reached(&app, &caller, customer, as_of).await?;
    let read = async |reader: Reader<'_>| view::page_of::<Row>(reader, &pairs, &with(customer.into())).await;
    let page = as_reader_at(&app, &caller, as_of, read).await?;
    Ok(Page::of(envelope::list(page)))
}

async fn details(
    State(app): State<App>,
    caller: May<CustomersView>,
    Within(customer): Within<CustomerId>,
    seen: Seen<InteractionParam>,
) -> Result<One<Row>, Problem> {
    one(&app, &caller, customer, seen.id, seen.as_of).await
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
    InteractionParam(id): InteractionParam,
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
    InteractionParam(id): InteractionParam,
    write: Write,
) -> Result<Reply<Changed<Interaction>>, Problem> {
    let context = write.context(&caller, BodyHash::default());
    let done = interaction::remove(&app.executor, id, customer, &context).await?;
    Ok(write
        .changed(&app, context.workspace, &done, "Interaction removed")
        .await)
}

/// One of the customer's, if the caller reaches the customer.
pub async fn one(
    app: &App,
    caller: &Caller,
    customer: CustomerId,
    id: Uuid,
    as_of: Option<AsOf>,
) -> Result<One<Row>, Problem> {
    reached(app, caller, customer, as_of).await?;
    let read = async |reader: Reader<'_>| view::one_of::<Row>(reader, id, &with(customer.into())).await;
    let found = as_reader_at(app, caller, as_of, read).await?;
    let missing = || Problem::missing("interaction.missing");
    found.map(envelope::one).map(One::of).ok_or_else(missing)
}

/// The customer is there for the caller.
async fn reached(app: &App, caller: &Caller, customer: CustomerId, as_of: Option<AsOf>) -> Result<(), Problem> {
    let read = async |reader: Reader<'_>| view::is_there::<customer::Row>(reader, customer.into()).await;
    match as_reader_at(app, caller, as_of, read).await? {
        true => Ok(()),
        false => Err(Problem::missing("customer.missing")),
    }
}
