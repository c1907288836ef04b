//! Deals: document 1 §4, document 2 "Deals API". PUT with `stage`, POST `/stage`, `/win` and `/lose` are one behaviour.

use crate::{
    envelope::{Envelope, ErrorEnvelope},
    extract::{
        Body, BodyHash, Caller, Id, May, Pairs, Write,
        rights::{DealsCreate, DealsUpdate, DealsView},
    },
    problem::Problem,
    state::App,
    view,
};
use axum::{extract::State, response::Response};
use chrono::{DateTime, NaiveDate, Utc};
use commands::{
    Done,
    deal::{self, LineRequest},
};
use domain::finance::CURRENCY_DEFAULT;
use domain::{
    Money, Percent, Quantity,
    id::{CustomerId, DealId, ProductId, UserId},
    sales::deal::{Change, DealCommand, DealEvent, Details, Draft, Loss, Stage, Win},
};
use projections::sales::deal::{Closed, Row, closed_at};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

const MISSING: &str = "deal.missing";

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update))
        .routes(routes!(stage))
        .routes(routes!(win))
        .routes(routes!(lose))
}

/// A line: a product and how much of it. Price and tax default to the product's.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DealLine {
    #[schema(value_type = Uuid)]
    product_id: ProductId,
    #[schema(value_type = f64, example = 50)]
    quantity: Quantity,
    #[schema(value_type = Option<f64>, example = 400_000)]
    unit_price: Option<Money>,
    /// Whether `unitPrice` carries the tax inside; absent, it does not.
    vat_included: Option<bool>,
    /// Percent.
    #[schema(value_type = Option<f64>, example = 10)]
    discount: Option<Percent>,
    /// Percent; absent, the product's rate or the law's of the day.
    #[schema(value_type = Option<f64>, example = 12)]
    tax: Option<Percent>,
}

impl From<DealLine> for LineRequest {
    fn from(
        DealLine {
            product_id,
            quantity,
            unit_price,
            vat_included,
            discount,
            tax,
        }: DealLine,
    ) -> Self {
        Self {
            product_id,
            quantity,
            unit_price,
            vat_included,
            discount,
            tax,
        }
    }
}

/// A new deal; only the title is required.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateDeal {
    #[schema(example = "ERP System Implementation")]
    title: String,
    description: Option<String>,
    #[schema(value_type = Option<Uuid>)]
    customer_id: Option<CustomerId>,
    /// The estimate; absent, it is the sum of the lines.
    #[schema(value_type = Option<f64>)]
    value: Option<Money>,
    #[schema(example = "KZT")]
    currency: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "LEAD")]
    stage: Stage,
    /// Percent.
    #[schema(value_type = Option<f64>)]
    probability: Option<Percent>,
    expected_close_date: Option<NaiveDate>,
    #[schema(value_type = Option<Uuid>)]
    assigned_to: Option<UserId>,
    source: Option<String>,
    #[serde(default)]
    products: Vec<DealLine>,
    #[serde(default)]
    competitors: Vec<String>,
    #[serde(default)]
    tags: Vec<String>,
}

/// What changes; a field that is absent stays, `products` replaces all lines.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateDeal {
    #[schema(value_type = Option<String>, example = "CLOSING")]
    stage: Option<Stage>,
    products: Option<Vec<DealLine>>,
    title: Option<String>,
    description: Option<String>,
    #[schema(value_type = Option<Uuid>)]
    customer_id: Option<CustomerId>,
    #[schema(value_type = Option<f64>)]
    value: Option<Money>,
    currency: Option<String>,
    #[schema(value_type = Option<f64>)]
    probability: Option<Percent>,
    expected_close_date: Option<NaiveDate>,
    #[schema(value_type = Option<Uuid>)]
    assigned_to: Option<UserId>,
    source: Option<String>,
    competitors: Option<Vec<String>>,
    tags: Option<Vec<String>>,
}

#[derive(Debug, Deserialize, ToSchema)]
pub struct MoveDeal {
    #[schema(value_type = String, example = "PROPOSAL")]
    stage: Stage,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WinDeal {
    actual_close_date: Option<NaiveDate>,
    /// What was agreed; a difference from the lines becomes an adjustment line.
    #[schema(value_type = Option<f64>, example = 22_500_000)]
    final_amount: Option<Money>,
    notes: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoseDeal {
    #[schema(example = "price")]
    lost_reason: Option<String>,
    competitor_won: Option<String>,
    notes: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DealCreated {
    id: Uuid,
    #[schema(example = "DL-2026-0001")]
    deal_number: String,
    title: String,
    #[schema(value_type = String)]
    stage: Stage,
    version: i64,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DealChanged {
    id: Uuid,
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<Stage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    won_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lost_at: Option<DateTime<Utc>>,
    /// The order a won deal becomes; it follows within a moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<Uuid>,
    message: &'static str,
    version: i64,
}

/// The workspace's deals, newest first.
#[utoipa::path(get, path = "/deals", tag = "deals", responses((status = 200, description = "A page of deals")))]
async fn list(State(app): State<App>, caller: May<DealsView>, Pairs(pairs): Pairs) -> Result<Response, Problem> {
    view::page::<Row>(&app, &caller, &pairs).await
}

/// A new deal, numbered `DL-…`.
#[utoipa::path(post, path = "/deals", tag = "deals", request_body = CreateDeal,
    responses((status = 201, body = Envelope<DealCreated>), (status = 400, body = ErrorEnvelope), (status = 404, body = ErrorEnvelope)))]
async fn create(
    State(app): State<App>,
    caller: May<DealsCreate>,
    write: Write,
    Body { value, hash }: Body<CreateDeal>,
) -> Result<Response, Problem> {
    let CreateDeal {
        title,
        description,
        customer_id,
        value,
        currency,
        stage,
        probability,
        expected_close_date,
        assigned_to,
        source,
        products,
        competitors,
        tags,
    } = value;
    let currency = currency.unwrap_or_else(|| CURRENCY_DEFAULT.to_owned());
    let details = Details {
        title,
        description,
        customer_id,
        customer_name: None,
        value,
        currency,
        probability,
        expected_close_date,
        assigned_to,
        assigned_to_name: None,
        source,
        competitors,
        tags,
    };
    let lines: Vec<LineRequest> = products.into_iter().map(Into::into).collect();
    let context = write.context(&caller, hash);
    let done = deal::create(
        &app.executor,
        Uuid::now_v7().into(),
        Draft {
            details,
            stage,
            products: vec![],
        },
        &lines,
        &context,
    )
    .await?;
    let written = write.settle(&app, context.workspace, &done).await;
    let (id, version) = (done.id, done.version);
    let answer = done.events.into_iter().find_map(|event| match event {
        DealEvent::Created {
            deal_number,
            stage,
            details,
            ..
        } => Some(DealCreated {
            id,
            deal_number: deal_number.to_string(),
            title: details.title,
            stage,
            version,
        }),
        _ => None,
    });
    Ok(written.created(answer.ok_or_else(Problem::internal)?))
}

/// A deal with its customer, timeline and orders.
#[utoipa::path(get, path = "/deals/{id}", tag = "deals", params(("id" = Uuid, Path)),
    responses((status = 200, description = "The deal"), (status = 404, body = ErrorEnvelope)))]
async fn get(State(app): State<App>, caller: May<DealsView>, Id(id): Id<DealId>) -> Result<Response, Problem> {
    view::one::<Row>(&app, &caller, id, MISSING).await
}

/// Changes a deal; with `stage` it moves as well.
#[utoipa::path(put, path = "/deals/{id}", tag = "deals", params(("id" = Uuid, Path)), request_body = UpdateDeal,
    responses((status = 200, body = Envelope<DealChanged>), (status = 409, body = ErrorEnvelope), (status = 412, body = ErrorEnvelope)))]
async fn update(
    State(app): State<App>,
    caller: May<DealsUpdate>,
    Id(id): Id<DealId>,
    write: Write,
    Body { value, hash }: Body<UpdateDeal>,
) -> Result<Response, Problem> {
    let UpdateDeal {
        stage,
        products,
        title,
        description,
        customer_id,
        value,
        currency,
        probability,
        expected_close_date,
        assigned_to,
        source,
        competitors,
        tags,
    } = value;
    let change = Change {
        title,
        description,
        customer_id,
        customer_name: None,
        value,
        currency,
        probability,
        expected_close_date,
        assigned_to,
        assigned_to_name: None,
        source,
        competitors,
        tags,
    };
    let lines: Option<Vec<LineRequest>> = products.map(|products| products.into_iter().map(Into::into).collect());
    let context = write.context(&caller, hash);
    let done = deal::update(&app.executor, id, change, lines.as_deref(), stage, &context).await?;
    answer(&app, &write, &caller, &done, stage, "Deal updated successfully").await
}

/// Moves a deal to another stage; LOST needs `/lose` with a reason.
#[utoipa::path(post, path = "/deals/{id}/stage", tag = "deals", params(("id" = Uuid, Path)), request_body = MoveDeal,
    responses((status = 200, body = Envelope<DealChanged>), (status = 409, body = ErrorEnvelope)))]
async fn stage(
    State(app): State<App>,
    caller: May<DealsUpdate>,
    Id(id): Id<DealId>,
    write: Write,
    Body { value, hash }: Body<MoveDeal>,
) -> Result<Response, Problem> {
    let command = DealCommand::Move { to: value.stage };
    execute(
        &app,
        &caller,
        &write,
        hash,
        id,
        command,
        value.stage,
        "Deal stage changed",
    )
    .await
}

/// Wins a deal: an order, an invoice and production follow by themselves.
#[utoipa::path(post, path = "/deals/{id}/win", tag = "deals", params(("id" = Uuid, Path)), request_body = WinDeal,
    responses((status = 200, body = Envelope<DealChanged>), (status = 409, body = ErrorEnvelope)))]
async fn win(
    State(app): State<App>,
    caller: May<DealsUpdate>,
    Id(id): Id<DealId>,
    write: Write,
    Body { value, hash }: Body<WinDeal>,
) -> Result<Response, Problem> {
    let WinDeal {
        actual_close_date,
        final_amount,
        notes,
    } = value;
    let command = DealCommand::Win(Win {
        actual_close_date,
        final_amount,
        notes,
        ..Win::default()
    });
    execute(
        &app,
        &caller,
        &write,
        hash,
        id,
        command,
        Stage::Won,
        "Deal marked as won, order created automatically",
    )
    .await
}

/// Loses a deal, with the reason.
#[utoipa::path(post, path = "/deals/{id}/lose", tag = "deals", params(("id" = Uuid, Path)), request_body = LoseDeal,
    responses((status = 200, body = Envelope<DealChanged>), (status = 400, body = ErrorEnvelope), (status = 409, body = ErrorEnvelope)))]
async fn lose(
    State(app): State<App>,
    caller: May<DealsUpdate>,
    Id(id): Id<DealId>,
    write: Write,
    Body { value, hash }: Body<LoseDeal>,
) -> Result<Response, Problem> {
    let LoseDeal {
        lost_reason,
        competitor_won,
        notes,
    } = value;
    let command = DealCommand::Lose(Loss {
        reason: lost_reason,
        competitor: competitor_won,
        notes,
    });
    execute(
        &app,
        &caller,
        &write,
        hash,
        id,
        command,
        Stage::Lost,
        "Deal marked as lost",
    )
    .await
}

#[expect(clippy::too_many_arguments, reason = "the three moves differ in all of these")]
async fn execute(
    app: &App,
    caller: &Caller,
    write: &Write,
    hash: BodyHash,
    id: DealId,
    command: DealCommand,
    stage: Stage,
    message: &'static str,
) -> Result<Response, Problem> {
    let done = deal::execute(&app.executor, id, command, &write.context(caller, hash)).await?;
    answer(app, write, caller, &done, Some(stage), message).await
}

/// Winning or losing twice answers as the first time did: with the moment it happened.
async fn answer(
    app: &App,
    write: &Write,
    caller: &Caller,
    done: &Done<DealEvent>,
    stage: Option<Stage>,
    message: &'static str,
) -> Result<Response, Problem> {
    let written = write.settle(app, caller.workspace_id(), done).await;
    let (mut won_at, mut lost_at) = (None, None);
    if let (Some(Stage::Won | Stage::Lost), None) = (stage, done.at) {
        Closed { won_at, lost_at } = closed_at(&app.pool, &caller.schema(), done.id).await?;
    } else if stage == Some(Stage::Won) {
        won_at = done.at;
    } else if stage == Some(Stage::Lost) {
        lost_at = done.at;
    }
    let order_id = (stage == Some(Stage::Won)).then(|| sagas::deal_won::order_id(done.id).into());
    Ok(written.ok(DealChanged {
        id: done.id,
        stage,
        won_at,
        lost_at,
        order_id,
        message,
        version: done.version,
    }))
}
