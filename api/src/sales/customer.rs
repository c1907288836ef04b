//! Customers: document 1 §3, document 2 "Customers API".

use crate::{
    envelope::{Envelope, ErrorEnvelope},
    extract::{
        Body, BodyHash, Id, May, Pairs, Write,
        rights::{CustomersCreate, CustomersDelete, CustomersUpdate, CustomersView},
    },
    problem::Problem,
    state::App,
    view,
};
use axum::{extract::State, response::Response};
use domain::{
    Money,
    fixed::Rating,
    id::CustomerId,
    sales::customer::{
        Address, Change, Contact, Customer, CustomerCommand, CustomerEvent, CustomerType, Profile, Status,
    },
};
use projections::sales::customer::Row;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

const MISSING: &str = "customer.missing";

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, archive))
        .routes(routes!(convert))
}

/// A new customer; only the name is required.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateCustomer {
    #[schema(example = "ТОО Tech Solutions")]
    name: String,
    #[serde(rename = "type", default)]
    #[schema(value_type = Option<String>, example = "COMPANY")]
    kind: CustomerType,
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "LEAD")]
    status: Status,
    email: Option<String>,
    phone: Option<String>,
    /// Twelve digits.
    bin: Option<String>,
    /// Twelve digits.
    iin: Option<String>,
    source: Option<String>,
    segment: Option<String>,
    /// 0 to 5.
    #[schema(value_type = Option<f64>)]
    rating: Option<Rating>,
    /// 0 or absent: no limit.
    #[schema(value_type = Option<f64>)]
    credit_limit: Option<Money>,
    payment_terms: Option<String>,
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    contacts: Vec<Contact>,
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    addresses: Vec<Address>,
    #[serde(default)]
    tags: Vec<String>,
}

/// What changes; a field that is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateCustomer {
    #[schema(value_type = Option<String>, example = "ACTIVE")]
    status: Option<Status>,
    name: Option<String>,
    #[serde(rename = "type")]
    #[schema(value_type = Option<String>, example = "COMPANY")]
    kind: Option<CustomerType>,
    email: Option<String>,
    phone: Option<String>,
    bin: Option<String>,
    iin: Option<String>,
    source: Option<String>,
    segment: Option<String>,
    #[schema(value_type = Option<f64>)]
    rating: Option<Rating>,
    #[schema(value_type = Option<f64>)]
    credit_limit: Option<Money>,
    payment_terms: Option<String>,
    #[schema(value_type = Option<Vec<Object>>)]
    contacts: Option<Vec<Contact>>,
    #[schema(value_type = Option<Vec<Object>>)]
    addresses: Option<Vec<Address>>,
    tags: Option<Vec<String>>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomerCreated {
    id: Uuid,
    name: String,
    #[schema(value_type = String)]
    status: Status,
    #[schema(example = "CUS-2026-0001")]
    customer_number: String,
    version: i64,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomerChanged {
    id: Uuid,
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    message: &'static str,
    version: i64,
}

/// The workspace's customers, newest first.
#[utoipa::path(get, path = "/customers", tag = "customers", responses((status = 200, description = "A page of customers")))]
async fn list(State(app): State<App>, caller: May<CustomersView>, Pairs(pairs): Pairs) -> Result<Response, Problem> {
    view::page::<Row>(&app, &caller, &pairs).await
}

/// A new customer, numbered `CUS-…`.
#[utoipa::path(post, path = "/customers", tag = "customers", request_body = CreateCustomer,
    responses((status = 201, body = Envelope<CustomerCreated>), (status = 400, body = ErrorEnvelope)))]
async fn create(
    State(app): State<App>,
    caller: May<CustomersCreate>,
    write: Write,
    body: Body<CreateCustomer>,
) -> Result<Response, Problem> {
    let Body {
        value:
            CreateCustomer {
                name,
                kind,
                status,
                email,
                phone,
                bin,
                iin,
                source,
                segment,
                rating,
                credit_limit,
                payment_terms,
                contacts,
                addresses,
                tags,
            },
        hash,
    } = body;
    let profile = Profile {
        name,
        kind,
        email,
        phone,
        bin,
        iin,
        source,
        segment,
        rating,
        credit_limit,
        payment_terms,
        contacts,
        addresses,
        tags,
    };
    let context = write.context(&caller, hash);
    let command = CustomerCommand::Create(Box::new(profile), status);
    let done = app
        .executor
        .execute::<Customer>(Uuid::now_v7().into(), &command, &context)
        .await?;
    let written = write.settle(&app, context.workspace, &done).await;
    let (id, version) = (done.id, done.version);
    let answer = done.events.into_iter().find_map(|event| match event {
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
    });
    Ok(written.created(answer.ok_or_else(Problem::internal)?))
}

/// A customer with its deals, orders and invoices.
#[utoipa::path(get, path = "/customers/{id}", tag = "customers", params(("id" = Uuid, Path)),
    responses((status = 200, description = "The customer"), (status = 404, body = ErrorEnvelope)))]
async fn get(State(app): State<App>, caller: May<CustomersView>, Id(id): Id<CustomerId>) -> Result<Response, Problem> {
    view::one::<Row>(&app, &caller, id, MISSING).await
}

/// Changes a customer.
#[utoipa::path(put, path = "/customers/{id}", tag = "customers", params(("id" = Uuid, Path)), request_body = UpdateCustomer,
    responses((status = 200, body = Envelope<CustomerChanged>), (status = 412, body = ErrorEnvelope)))]
async fn update(
    State(app): State<App>,
    caller: May<CustomersUpdate>,
    Id(id): Id<CustomerId>,
    write: Write,
    Body { value, hash }: Body<UpdateCustomer>,
) -> Result<Response, Problem> {
    let UpdateCustomer {
        status,
        name,
        kind,
        email,
        phone,
        bin,
        iin,
        source,
        segment,
        rating,
        credit_limit,
        payment_terms,
        contacts,
        addresses,
        tags,
    } = value;
    let change = Change {
        name,
        kind,
        email,
        phone,
        bin,
        iin,
        source,
        segment,
        rating,
        credit_limit,
        payment_terms,
        contacts,
        addresses,
        tags,
    };
    let command = CustomerCommand::Update(Box::new(change), status);
    change_with(
        &app,
        &caller,
        &write,
        hash,
        id,
        &command,
        "Customer updated successfully",
    )
    .await
}

/// Takes a lead or prospect to ACTIVE.
#[utoipa::path(post, path = "/customers/{id}/convert", tag = "customers", params(("id" = Uuid, Path)), responses((status = 200, body = Envelope<CustomerChanged>)))]
async fn convert(
    State(app): State<App>,
    caller: May<CustomersUpdate>,
    Id(id): Id<CustomerId>,
    write: Write,
) -> Result<Response, Problem> {
    change_with(
        &app,
        &caller,
        &write,
        BodyHash::default(),
        id,
        &CustomerCommand::Convert,
        "Lead converted to active customer",
    )
    .await
}

/// Archives a customer; its history stays.
#[utoipa::path(delete, path = "/customers/{id}", tag = "customers", params(("id" = Uuid, Path)), responses((status = 200, body = Envelope<CustomerChanged>)))]
async fn archive(
    State(app): State<App>,
    caller: May<CustomersDelete>,
    Id(id): Id<CustomerId>,
    write: Write,
) -> Result<Response, Problem> {
    change_with(
        &app,
        &caller,
        &write,
        BodyHash::default(),
        id,
        &CustomerCommand::Archive,
        "Customer archived",
    )
    .await
}

async fn change_with(
    app: &App,
    caller: &crate::extract::Caller,
    write: &Write,
    hash: BodyHash,
    id: CustomerId,
    command: &CustomerCommand,
    message: &'static str,
) -> Result<Response, Problem> {
    let context = write.context(caller, hash);
    let done = app.executor.execute::<Customer>(id, command, &context).await?;
    let written = write.settle(app, context.workspace, &done).await;
    let moved = done.events.iter().find_map(|event| match event {
        CustomerEvent::StatusChanged { to, .. } => Some(*to),
        _ => None,
    });
    let status = moved.or(matches!(command, CustomerCommand::Convert).then_some(Status::Active));
    Ok(written.ok(CustomerChanged {
        id: done.id,
        status,
        message,
        version: done.version,
    }))
}
