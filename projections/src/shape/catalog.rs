//! The shapes of what is sold, bought and made: categories, price lists, products and their stock.

use super::{Nothing, Shape};
use crate::catalog::{
    category, price, price_list, product, stock_level, stock_lot, stock_movement, stock_place, stock_transfer,
    warehouse,
};
use chrono::NaiveDate;
use domain::{
    Money, Quantity,
    catalog::{
        price::Tier,
        product::{ImageFile, Supplier, Translation},
    },
};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CategoryShown {
    /// Of the category itself.
    pub product_count: u32,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PriceListShown {
    pub customer_name: Option<String>,
    /// How many products are in it.
    pub product_count: u32,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PriceShown {
    pub product_code: Option<String>,
    pub product_name: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProductShown {
    pub inventory: Inventory,
    /// In stock and not reserved.
    pub available: Quantity,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Inventory {
    pub in_stock: Quantity,
    pub reserved: Quantity,
    pub available: Quantity,
    pub min_stock: Option<Quantity>,
    pub max_stock: Option<Quantity>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProductDetails {
    pub bom: Vec<Part>,
    pub suppliers: Vec<Supplier>,
    /// What is known of the files among `images`.
    pub image_files: Vec<ImageFile>,
    pub translations: Vec<Translation>,
    pub price_history: Vec<product::PricePoint>,
    pub cost_history: Vec<CostPoint>,
    pub stock_movements: Vec<MovementOfProduct>,
    pub list_prices: Vec<ListPrice>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    pub component_id: Uuid,
    pub component_name: String,
    pub quantity: Quantity,
    pub unit: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MovementOfProduct {
    pub id: Uuid,
    pub date: NaiveDate,
    #[serde(rename = "type")]
    pub kind: stock_movement::Movement,
    pub quantity: Quantity,
    pub unit_cost: Option<Money>,
    pub reference: Option<String>,
    pub reason: Option<String>,
}

/// What the product came in for.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CostPoint {
    pub date: NaiveDate,
    pub unit_cost: Money,
    pub quantity: Quantity,
    pub reference: Option<String>,
}

/// What the product costs in a price list.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListPrice {
    pub price_list_id: Uuid,
    /// From the least quantity up.
    pub tiers: Vec<Tier>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LevelShown {
    pub product_id: Uuid,
    /// On hand and not reserved.
    pub available: Quantity,
    /// Of one, in the product's currency; absent when there is none.
    pub average_cost: Option<Money>,
    /// Whether less is available than there should be at least.
    pub below_min: bool,
    /// What is missing to the most there should be, once it is below the least.
    pub to_order: Quantity,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MovementShown {
    pub product_code: Option<String>,
    pub product_name: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlaceShown {
    pub product_code: Option<String>,
    pub product_name: Option<String>,
    pub warehouse_name: Option<String>,
    /// The warehouse that it is a location inside of.
    pub parent_id: Option<Uuid>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LotShown {
    pub product_code: Option<String>,
    pub product_name: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LotDetails {
    pub movements: Vec<MovementOfLot>,
    pub orders: Vec<OrderOfLot>,
}

/// So much of the lot came or went.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MovementOfLot {
    pub id: Uuid,
    pub date: NaiveDate,
    #[serde(rename = "type")]
    pub kind: stock_movement::Movement,
    pub quantity: Quantity,
    pub warehouse_id: Option<Uuid>,
    pub reference: Option<String>,
    pub reason: Option<String>,
    pub order_id: Option<Uuid>,
}

/// So much of the lot was sent with an order.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderOfLot {
    pub order_id: Uuid,
    pub order_number: Option<String>,
    pub quantity: Quantity,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransferShown {
    pub product_name: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WarehouseShown {
    /// Of how many products there is some; of those in its locations each of them tells.
    pub product_count: u32,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WarehouseDetails {
    /// In the order of their codes and names, at most a thousand.
    pub locations: Vec<LocationShown>,
}

/// A place inside of a warehouse.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocationShown {
    pub id: Uuid,
    pub name: String,
    pub code: Option<String>,
    /// Of how many products there is some.
    pub product_count: u32,
}

impl Shape for stock_place::Row {
    type Shown = PlaceShown;
    type Details = Nothing;
}

impl Shape for stock_transfer::Row {
    type Shown = TransferShown;
    type Details = Nothing;
}

impl Shape for stock_lot::Row {
    type Shown = LotShown;
    type Details = LotDetails;
}

impl Shape for warehouse::Row {
    type Shown = WarehouseShown;
    type Details = WarehouseDetails;
}

impl Shape for category::Row {
    type Shown = CategoryShown;
    type Details = Nothing;
}

impl Shape for price_list::Row {
    type Shown = PriceListShown;
    type Details = Nothing;
}

impl Shape for price::Row {
    type Shown = PriceShown;
    type Details = Nothing;
}

impl Shape for product::Row {
    type Shown = ProductShown;
    type Details = ProductDetails;
}

impl Shape for stock_level::Row {
    type Shown = LevelShown;
    type Details = Nothing;
}

impl Shape for stock_movement::Row {
    type Shown = MovementShown;
    type Details = Nothing;
}
