//! Products: document 1 §5, document 2 "Products API".

use crate::{
    envelope::{Envelope, ErrorEnvelope},
    extract::{
        Body, Id, May, Pairs, Write,
        rights::{ProductsCreate, ProductsUpdate, ProductsView},
    },
    problem::Problem,
    state::App,
    view,
};
use axum::{extract::State, response::Response};
use domain::finance::CURRENCY_DEFAULT;
use domain::{
    Money, Percent, Quantity,
    catalog::product::{Change, Details, Product, ProductCommand, ProductEvent, ProductType, Status},
    id::ProductId,
};
use projections::catalog::product::Row;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

const UNIT: &str = "шт";

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update))
}

/// A new product; code and name are required.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateProduct {
    /// Unique in the workspace.
    #[schema(example = "PRD-001")]
    code: String,
    #[schema(example = "Laptop Dell XPS 15")]
    name: String,
    #[serde(rename = "type", default)]
    #[schema(value_type = Option<String>, example = "PRODUCT")]
    kind: ProductType,
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "ACTIVE")]
    status: Status,
    category: Option<String>,
    description: Option<String>,
    /// `шт` when absent.
    unit: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<f64>, example = 650_000)]
    price: Money,
    #[schema(value_type = Option<f64>)]
    cost: Option<Money>,
    currency: Option<String>,
    /// Percent; absent, the law's rate of the day.
    #[schema(value_type = Option<f64>)]
    vat_rate: Option<Percent>,
    #[serde(default)]
    vat_included: bool,
    barcode: Option<String>,
    #[schema(value_type = Option<f64>)]
    min_stock: Option<Quantity>,
    #[schema(value_type = Option<f64>)]
    max_stock: Option<Quantity>,
    #[serde(default)]
    #[schema(value_type = Object)]
    specifications: Map<String, Value>,
}

/// What changes; a field that is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateProduct {
    code: Option<String>,
    name: Option<String>,
    #[schema(value_type = Option<String>, example = "ACTIVE")]
    status: Option<Status>,
    category: Option<String>,
    description: Option<String>,
    unit: Option<String>,
    #[schema(value_type = Option<f64>, example = 700_000)]
    price: Option<Money>,
    #[schema(value_type = Option<f64>)]
    cost: Option<Money>,
    #[schema(value_type = Option<f64>)]
    vat_rate: Option<Percent>,
    vat_included: Option<bool>,
    barcode: Option<String>,
    #[schema(value_type = Option<f64>)]
    min_stock: Option<Quantity>,
    #[schema(value_type = Option<f64>)]
    max_stock: Option<Quantity>,
    #[schema(value_type = Option<Object>)]
    specifications: Option<Map<String, Value>>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ProductCreated {
    id: Uuid,
    code: String,
    name: String,
    #[schema(value_type = String)]
    status: Status,
    version: i64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ProductChanged {
    id: Uuid,
    message: &'static str,
    version: i64,
}

/// The workspace's products, newest first.
#[utoipa::path(get, path = "/products", tag = "products", responses((status = 200, description = "A page of products")))]
async fn list(State(app): State<App>, caller: May<ProductsView>, Pairs(pairs): Pairs) -> Result<Response, Problem> {
    view::page::<Row>(&app, &caller, &pairs).await
}

/// A new product.
#[utoipa::path(post, path = "/products", tag = "products", request_body = CreateProduct,
    responses((status = 201, body = Envelope<ProductCreated>), (status = 400, body = ErrorEnvelope), (status = 409, body = ErrorEnvelope)))]
async fn create(
    State(app): State<App>,
    caller: May<ProductsCreate>,
    write: Write,
    Body { value, hash }: Body<CreateProduct>,
) -> Result<Response, Problem> {
    let context = write.context(&caller, hash);
    let command = ProductCommand::Create(Box::new(value.into()));
    let done = app
        .executor
        .execute::<Product>(Uuid::now_v7().into(), &command, &context)
        .await?;
    let written = write.settle(&app, context.workspace, &done).await;
    let (id, version) = (done.id, done.version);
    let answer = done.events.into_iter().find_map(|event| match event {
        ProductEvent::Created(details) => Some(ProductCreated {
            id,
            code: details.code,
            name: details.name,
            status: details.status,
            version,
        }),
        ProductEvent::Updated(_) => None,
    });
    Ok(written.created(answer.ok_or_else(Problem::internal)?))
}

/// A product with its bill of materials, former prices and stock movements.
#[utoipa::path(get, path = "/products/{id}", tag = "products", params(("id" = Uuid, Path)),
    responses((status = 200, description = "The product"), (status = 404, body = ErrorEnvelope)))]
async fn get(State(app): State<App>, caller: May<ProductsView>, Id(id): Id<ProductId>) -> Result<Response, Problem> {
    view::one::<Row>(&app, &caller, id, "product.missing").await
}

/// Changes a product.
#[utoipa::path(put, path = "/products/{id}", tag = "products", params(("id" = Uuid, Path)), request_body = UpdateProduct,
    responses((status = 200, body = Envelope<ProductChanged>), (status = 412, body = ErrorEnvelope)))]
async fn update(
    State(app): State<App>,
    caller: May<ProductsUpdate>,
    Id(id): Id<ProductId>,
    write: Write,
    Body { value, hash }: Body<UpdateProduct>,
) -> Result<Response, Problem> {
    let context = write.context(&caller, hash);
    let done = app
        .executor
        .execute::<Product>(id, &ProductCommand::Update(Box::new(value.into())), &context)
        .await?;
    let written = write.settle(&app, context.workspace, &done).await;
    Ok(written.ok(ProductChanged {
        id: done.id,
        message: "Product updated successfully",
        version: done.version,
    }))
}

impl From<CreateProduct> for Details {
    fn from(asked: CreateProduct) -> Self {
        Self {
            code: asked.code,
            name: asked.name,
            kind: asked.kind,
            status: asked.status,
            category: asked.category,
            description: asked.description,
            unit: asked.unit.unwrap_or_else(|| UNIT.to_owned()),
            price: asked.price,
            cost: asked.cost,
            currency: asked.currency.unwrap_or_else(|| CURRENCY_DEFAULT.to_owned()),
            vat_rate: asked.vat_rate,
            vat_included: asked.vat_included,
            barcode: asked.barcode.filter(|barcode| !barcode.trim().is_empty()),
            min_stock: asked.min_stock,
            max_stock: asked.max_stock,
            specifications: asked.specifications,
        }
    }
}

impl From<UpdateProduct> for Change {
    fn from(asked: UpdateProduct) -> Self {
        Self {
            code: asked.code,
            name: asked.name,
            status: asked.status,
            category: asked.category,
            description: asked.description,
            unit: asked.unit,
            price: asked.price,
            cost: asked.cost,
            vat_rate: asked.vat_rate,
            vat_included: asked.vat_included,
            barcode: asked.barcode.filter(|barcode| !barcode.trim().is_empty()),
            min_stock: asked.min_stock,
            max_stock: asked.max_stock,
            specifications: asked.specifications,
        }
    }
}
