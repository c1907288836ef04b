//! Customers: document 1 §3, document 2 "Customers API".

mod duplicates;
mod merging;
mod row;

use crate::{
    extract::{
        Body, BodyHash, Caller, Edit, Id, May, New, With, Write,
        past::Seen,
        rights::{CustomersCreate, CustomersDelete, CustomersUpdate, CustomersView},
    },
    openapi::told,
    problem::{Code, Problem},
    reply::{Created, One, Reply},
    state::App,
    view,
};
use aide::axum::{
    ApiRouter,
    routing::{get_with, post_with},
};
use axum::extract::State;
use commands::{Done, customer};
use domain::{
    Changes, Patch,
    id::CustomerId,
    sales::customer::{Change, Customer, CustomerCommand, CustomerEvent, Profile, Status},
};
use projections::{
    sales::customer::{Row, lead},
    view::Reader,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub fn router() -> ApiRouter<App> {
    duplicates::router()
        .merge(merging::router())
        .api_route(
            "/customers",
            get_with(
                view::list::<Row, CustomersView>,
                told("The workspace's customers, newest first"),
            )
            .post_with(
                create,
                told("A new customer, numbered `CUS-…`; only the name is required. Whose IIN, phone or e-mail is another's is refused until `allowDuplicate` says that it is another"),
            ),
        )
        .api_route(
            "/customers/{id}",
            get_with(
                details,
                told("A customer with its deals, orders and invoices; of one that was merged into another, that other one"),
            )
            .put_with(update, told("Changes a customer"))
            .delete_with(archive, told("Archives a customer; its history stays")),
        )
        .api_route(
            "/customers/{id}/convert",
            post_with(convert, told("Takes a lead or prospect to ACTIVE")),
        )
}

/// What a request says of a new customer beside the fields of its profile.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct BesideNew {
    status: Patch<Status>,
    /// Whoever asks has looked: it is none of those that are there, though IIN, phone or e-mail are one's.
    allow_duplicate: bool,
}

/// What a request says of a customer beside the fields of its profile.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Beside {
    status: Patch<Status>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomerCreated {
    id: Uuid,
    name: String,
    status: Status,
    /// `CUS-2026-0001`.
    customer_number: String,
    version: i64,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct CustomerChanged {
    id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    message: &'static str,
    version: i64,
}

/// One that was merged into another is found as that one.
async fn details(
    State(app): State<App>,
    caller: May<CustomersView>,
    seen: Seen<Id<Uuid>>,
) -> Result<One<Row>, Problem> {
    let missing = match view::one::<Row>(&app, &caller, seen.id, seen.as_of).await {
        Err(problem) if problem.code() == Code::NotFound => problem,
        found => return found,
    };
    let lead = async |reader: Reader<'_>| lead(reader, seen.id).await;
    match view::as_reader_at(&app, &caller, seen.as_of, lead).await? {
        Some(lead) => view::one(&app, &caller, lead, seen.as_of).await,
        None => Err(missing),
    }
}

async fn create(
    State(app): State<App>,
    caller: May<CustomersCreate>,
    write: Write,
    Body {
        value: With { change, beside },
        hash,
    }: Body<New<Profile, BesideNew>>,
) -> Result<Created<CustomerCreated>, Problem> {
    let context = write.context(&caller, hash);
    let (id, change) = (Uuid::now_v7().into(), with_ids(change));
    let likely = match beside.allow_duplicate {
        true => vec![],
        false => duplicates::likely(&app, &caller, &Profile::begin(&change)).await?,
    };
    let beside = customer::Beside {
        status: beside.status.set().unwrap_or_default(),
        seems_known: !likely.is_empty(),
    };
    let done = customer::create(&app.executor, id, change, beside, &context).await;
    let done = done.map_err(|error| duplicates::named(error, &caller, &likely))?;
    let said = |id, version, event| match event {
        CustomerEvent::Created {
            customer_number,
            status,
            profile,
        } => Some(CustomerCreated {
            id,
            name: profile.name,
            status,
            customer_number: customer_number.to_string(),
            version,
        }),
        _ => None,
    };
    write.made(&app, context.workspace, done, said).await
}

async fn update(
    State(app): State<App>,
    caller: May<CustomersUpdate>,
    Id(id): Id<CustomerId>,
    write: Write,
    Body {
        value: With { change, beside },
        hash,
    }: Body<Edit<Profile, Beside>>,
) -> Result<Reply<CustomerChanged>, Problem> {
    let context = write.context(&caller, hash);
    let done = customer::update(&app.executor, id, with_ids(change), beside.status.set(), &context).await?;
    let message = "Customer updated successfully";
    Ok(changed(&app, &caller, &write, &done, None, message).await)
}

/// Contacts without an id get one; those that are known already keep theirs, whatever is drawn here.
fn with_ids(mut change: Change) -> Change {
    if let Patch::Set(contacts) = &mut change.contacts {
        for contact in contacts {
            contact.id.get_or_insert_with(|| Uuid::now_v7().into());
        }
    }
    change
}

async fn convert(
    State(app): State<App>,
    caller: May<CustomersUpdate>,
    Id(id): Id<CustomerId>,
    write: Write,
) -> Result<Reply<CustomerChanged>, Problem> {
    let context = write.context(&caller, BodyHash::default());
    let command = CustomerCommand::Convert;
    let done = app.executor.execute::<Customer>(id, &command, &context).await?;
    let message = "Lead converted to active customer";
    Ok(changed(&app, &caller, &write, &done, Some(Status::Active), message).await)
}

async fn archive(
    State(app): State<App>,
    caller: May<CustomersDelete>,
    Id(id): Id<CustomerId>,
    write: Write,
) -> Result<Reply<CustomerChanged>, Problem> {
    let context = write.context(&caller, BodyHash::default());
    let command = CustomerCommand::Archive;
    let done = app.executor.execute::<Customer>(id, &command, &context).await?;
    Ok(changed(&app, &caller, &write, &done, None, "Customer archived").await)
}

/// What is answered; `status` where there is one though nothing moved.
async fn changed(
    app: &App,
    caller: &Caller,
    write: &Write,
    done: &Done<CustomerEvent>,
    status: Option<Status>,
    message: &'static str,
) -> Reply<CustomerChanged> {
    let written = write.settle(app, caller.workspace_id(), done).await;
    let moved = done.events.iter().find_map(|event| match event {
        CustomerEvent::StatusChanged { to, .. } => Some(*to),
        _ => None,
    });
    written.ok(CustomerChanged {
        id: done.id,
        status: moved.or(status),
        message,
        version: done.version,
    })
}
